"""Crops of 512 px a second on one core: ways to keep decoded scenes, and what augmentation costs on top.

    GEOFAST_DATA=... python benchmarks/loading/run.py       # writes results.csv; needs `pip install lmdb`

Image (3 bands, uint8) and mask of one prepared scene, 300 random windows, processor seconds, median of three rounds in turn.
"""
import csv, os, statistics, sys, tempfile, time
os.environ['OMP_NUM_THREADS'] = '1'
from pathlib import Path
import cv2
import lmdb
import numpy as np
import rasterio
from rasterio.windows import Window
from geofast.augment import train_aug
from geofast.tiles import pixel_map, read_window
from geofast.core import Win, data_root
from geofast.prepare import find_scenes, prepare_scenes
from geofast.grid import GeoBox
from geofast.raster import open_raster
from geofast.tiff import write_cog

cv2.setNumThreads(1)
N,T = 300,512

def gdal(paths):
    def f(w):
        out = []
        for p in paths:
            with rasterio.open(p) as d: out.append(d.read(window=Window(w.col,w.row,w.w,w.h)))
        return out
    return f

def database(folder, arrays): # one record for each 512 px block of each array
    env = lmdb.open(str(folder), map_size=2**32, subdir=True)
    with env.begin(write=True) as t:
        for k,a in enumerate(arrays):
            for r in range(0,a.shape[1],T):
                for c in range(0,a.shape[2],T):
                    b = np.zeros((len(a),T,T),a.dtype)
                    x = a[:,r:r+T,c:c+T]
                    b[:,:x.shape[1],:x.shape[2]] = x
                    t.put(f'{k}.{r//T}.{c//T}'.encode(), b.tobytes())
    def f(w):
        out = []
        with env.begin(buffers=True) as t:
            for k,a in enumerate(arrays):
                o = np.empty((len(a),w.h,w.w),a.dtype)
                for i in range(w.row//T,(w.row+w.h-1)//T+1):
                    for j in range(w.col//T,(w.col+w.w-1)//T+1):
                        b = np.frombuffer(t.get(f'{k}.{i}.{j}'.encode()),a.dtype).reshape(len(a),T,T)
                        r0,r1,c0,c1 = max(w.row,i*T),min(w.row+w.h,i*T+T),max(w.col,j*T),min(w.col+w.w,j*T+T)
                        o[:,r0-w.row:r1-w.row,c0-w.col:c1-w.col] = b[:,r0-i*T:r1-i*T,c0-j*T:c1-j*T]
                out.append(o)
        return out
    return f

def main():
    if not data_root('buildings_drone/scenes'): sys.exit("GEOFAST_DATA names no folder with buildings_drone/scenes")
    with tempfile.TemporaryDirectory() as tmp:
        raw = find_scenes(data_root('buildings_drone/scenes'))
        s = prepare_scenes(raw[raw.scene=='zanzibar_tz_0'], Path(tmp)/'s', gsd=.15, progress=False).iloc[0]
        plain = [s.image,s.label]
        arrays = [np.array(pixel_map(p)) for p in plain]
        cogs = [Path(tmp)/f'{i}.tif' for i in (0,1)]
        with open_raster(s.image) as d: box = GeoBox.of(d)
        for c,a in zip(cogs,arrays): write_cog(a, box, c)
        h,w = arrays[0].shape[1:]
        rng = np.random.default_rng(0)
        wins = [Win(int(rng.integers(h-T)),int(rng.integers(w-T)),T,T) for _ in range(N)]
        def mapped(o): return [read_window(p,o) for p in plain]
        def augmented(o): # as `PairAug` does it
            x = mapped(o)
            return aug(cv2.merge([*x[0]]), x[1][0])
        aug = train_aug(T, True, (.55,1.4), 45, .5, .3, [127]*3)
        ways = {'deflated COG':gdal(cogs), 'uncompressed TIFF':gdal(plain),
                'LMDB, blocks of 512':database(Path(tmp)/'db',arrays), 'memory map':mapped,
                'memory map + augmentation of the recipe':augmented}
        for o in wins[:20]: assert all(np.array_equal(a,b) for f in [*ways.values()][:3] for a,b in zip(f(o),mapped(o)))
        def rate(f, n):
            t = time.process_time()
            for o in wins[:n]: f(o)
            return n/(time.process_time()-t)
        rounds = [{k: rate(f, 60 if 'COG' in k or 'aug' in k else N) for k,f in ways.items()} for _ in range(3)]
        def middle(f): return statistics.median(map(f, rounds))
        table = [dict(way=k, crops_a_second_and_core=round(middle(lambda r: r[k])),
                      of_map=f"{middle(lambda r: r[k]/r['memory map']):.3f}") for k in ways]
    with open(Path(__file__).with_name('results.csv'),'w',newline='') as f:
        c = csv.DictWriter(f, table[0], lineterminator='\n')
        c.writeheader()
        c.writerows(table)
    for r in table: print(*r.values(), sep=' | ')

if __name__=='__main__': main()
