"""Crops of 512 px a second on one core, of pairs of image and heights of 2048 x 2048 px: our memory maps beside LMDB as in
the published geopose system, where a record is a whole pickled array.

    python benchmarks/loading/pairs.py       # writes pairs.csv; needs `pip install lmdb` and 1 GB on the disk

Random pixels, 8 pairs, 200 crops, processor seconds, median of three rounds in turn; all from the page cache. A crop of the
published system is taken from a crop of 1024 px of the arrays, which are unpickled whole; ours from a window of 1024 px, and
then augmented by symmetries, or drawn with zoom, rotation and light, as `train_aug` has it.
"""
import csv, os, pickle, statistics, tempfile, time
os.environ['OMP_NUM_THREADS'] = '1'
from pathlib import Path
import cv2
import lmdb
import numpy as np
from geofast.augment import train_aug
from geofast.core import Win
from geofast.grid import GeoBox
from geofast.kinds import Target
from geofast.tiff import write_cog
from geofast.tiles import read_window

cv2.setNumThreads(1)
PAIRS,SIDE,TILE,CROP,N = 8,2048,1024,512,200

def write(folder, env, rng):
    "The same pairs as rasters and as records"
    for k in range(PAIRS):
        rgb = rng.integers(0,256,(3,SIDE,SIDE),dtype=np.uint8)
        agl = rng.exponential(4,(SIDE,SIDE)).astype(np.float32)
        write_cog(rgb, GeoBox((SIDE,SIDE)), folder/f'{k}_rgb.tif')
        write_cog(agl, GeoBox((SIDE,SIDE)), folder/f'{k}_agl.tif')
        with env.begin(write=True) as t:
            t.put(f'{k}_RGB'.encode(), pickle.dumps(np.ascontiguousarray(rgb.transpose(1,2,0))))
            t.put(f'{k}_AGL'.encode(), pickle.dumps(agl))

def published(env, k, r, c, rng):
    with env.begin() as t: rgb,agl = (pickle.loads(t.get(f'{k}_{n}'.encode())) for n in ('RGB','AGL'))
    part = slice(r,r+TILE),slice(c,c+TILE)
    rgb,agl = rgb[part],agl[part]
    i,j = rng.integers(0,TILE-CROP,2)
    return rgb[i:i+CROP,j:j+CROP].copy(),agl[i:i+CROP,j:j+CROP].copy()

HEIGHT = Target('height','height')
def ours(folder, k, r, c, aug):
    win = Win(int(r), int(c), TILE, TILE)
    x,h = read_window(folder/f'{k}_rgb.tif', win), read_window(folder/f'{k}_agl.tif', win, np.nan)[0]
    x,y = aug(cv2.merge([*x]), {HEIGHT:h})
    return x,y[HEIGHT]

def main():
    with tempfile.TemporaryDirectory() as tmp:
        tmp,rng = Path(tmp),np.random.default_rng(0)
        env = lmdb.open(str(tmp/'lmdb'), map_size=2**31)
        write(tmp, env, rng)
        env.close()
        env = lmdb.open(str(tmp/'lmdb'), map_size=2**31, readonly=True, lock=False, readahead=True)
        plain = train_aug(CROP, scale=0, rotate=0, color=0, blur=0)
        full = train_aug(CROP, scale=(.7,1.3), rotate=180, color=.2, blur=.3)
        ways = {'LMDB, pickled arrays, crop alone': lambda *a: published(env, *a, rng),
                'memory map, crop and symmetries': lambda *a: ours(tmp, *a, plain),
                'memory map, zoom, rotation and light': lambda *a: ours(tmp, *a, full)}
        draws = [(int(rng.integers(PAIRS)),*map(int,rng.integers(0,SIDE-TILE,2))) for _ in range(N)]
        for f in ways.values():
            for k in range(PAIRS): f(k, 0, 0) # into the page cache; maps are made
        times = {n: [] for n in ways}
        for _ in range(3):
            for n,f in ways.items():
                t = time.process_time()
                for d in draws: f(*d)
                times[n].append(time.process_time()-t)
        rate = {n: N/statistics.median(t) for n,t in times.items()}
        base = next(iter(rate.values()))
        rows = [dict(way=n, crops_a_second_and_core=round(v), of_lmdb=round(v/base,2)) for n,v in rate.items()]
        with open(Path(__file__).with_name('pairs.csv'), 'w', newline='') as f:
            w = csv.DictWriter(f, rows[0])
            w.writeheader()
            w.writerows(rows)
        print(*rows, sep='\n')

if __name__=='__main__': main()
