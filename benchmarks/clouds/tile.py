"""A whole Sentinel-2 tile with the model for clouds: seconds from a cold start, and prediction against the pure forward pass.

    GEOFAST_DATA=... python benchmarks/clouds/tile.py --work FOLDER              # writes tile.csv; nothing else may run meanwhile

Four band files each, made of copies of a labelled chip, mirrored: 5490 x 5490 pixels of 20 m for the cold start, 10 980 x 10 980 of
10 m for the forward pass and for memory. Each measurement is a process of its own. Linux only.
"""
import argparse, csv, json, os, subprocess, sys, time
from pathlib import Path
import numpy as np
import rasterio
import torch
from rasterio.windows import Window
sys.path.insert(0, str(Path(__file__).resolve().parents[1]/'predict'))
from peer import meter
from geofast.bundle import load_bundle
from geofast.core import Win, data_root, keep_memory
from geofast.engines import with_engine
from geofast.infer import predict_raster
from geofast.job import open_for
from geofast.models import pick_precision
from geofast.plan import TilePlan, make_region
from geofast.stack import read_raster
from geofast.stages import Options, Run, read_rows

OUT,BANDS,SCALE = Path(__file__).with_name('tile.csv'),('B02','B03','B04','B08'),(1e-4,0)
SIDE = {'10m':10980, '20m':5490}

def make(folder, side, gsd):
    "Band files of copies of a chip"
    chip = data_root('clouds')/'on_cloud_n_labelled/chip_1'
    folder.mkdir(parents=True, exist_ok=True)
    for b in BANDS:
        if (folder/f'{b}.tif').exists(): continue
        x = read_raster(chip/f'{b}.tif').pixels[0]
        x = np.block([[x,x[:,::-1]],[x[::-1],x[::-1,::-1]]])
        n = len(x)
        place = dict(crs='EPSG:32736', transform=rasterio.transform.from_origin(4e5,97e5,gsd,gsd))
        how = dict(driver='GTiff', tiled=True, blockxsize=512, blockysize=512, compress='deflate', predictor=2, num_threads='all_cpus')
        with rasterio.open(folder/'new.tif', 'w', height=side, width=side, count=1, dtype='uint16', **place, **how) as d:
            for r in range(0,side,n):
                for c in range(0,side,n):
                    h,w = min(n,side-r),min(n,side-c)
                    d.write(x[None,:h,:w], window=Window(c,r,w,h))
        (folder/'new.tif').rename(folder/f'{b}.tif')

def forward(folder, rows):
    "The forward pass alone on the batches of the first `rows` rows, in memory before the clock starts"
    m = load_bundle('clouds')
    run,c = Run(m, Options(precision=pick_precision('auto','cpu'))),m.contract
    keep_memory()
    with open_for(str(folder), run, scale=SCALE) as src:
        h,w = src.shape
        region,batches,k = make_region(TilePlan((h,w),(h,w),c.tile,c.overlap), Win(0,0,int(rows),w)),[],run.options.batch
        for row in read_rows(src, region, run):
            tiles = [row.tile(region.cols.tiles[j]-region.left) for j in row.todo]
            batches += [torch.from_numpy(np.stack(tiles[i:i+k])) for i in range(0,len(tiles),k)]
    run = with_engine(run, TilePlan((h,w),(h,w),c.tile,c.overlap))
    run.values(batches[0])
    with meter() as r:
        for b in batches: run.values(b)
    return r|dict(tiles=sum(map(len,batches)))

def raster(folder, dst):
    "`predict_raster`, from four files to one"
    m = load_bundle('clouds')
    keep_memory() # what the network itself needs is there before the clock starts
    run = Run(m, Options(precision=pick_precision('auto','cpu')))
    with_engine(run, TilePlan((256,256),(256,256),256,64)).values(torch.zeros(4,6,256,256))
    with meter() as r: got = predict_raster(str(folder), m, dst, scale=SCALE, engine='torch', progress=False, resume=False).receipt
    return r|dict(tiles=got['tiles'])

def measured(*args)->dict:
    r = subprocess.run([sys.executable,'-W','ignore',__file__,'--one',*map(str,args)], capture_output=True, text=True)
    if r.returncode: raise RuntimeError(r.stderr[-1500:])
    return json.loads(r.stdout.splitlines()[-1])

def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--work', type=Path, help="a folder for 1 GB of band files")
    p.add_argument('--one', nargs='+', help=argparse.SUPPRESS)
    a = p.parse_args()
    torch.set_num_threads(n := len(os.sched_getaffinity(0)))
    if a.one: return print(json.dumps(globals()[a.one[0]](*a.one[1:])))
    for k,side in SIDE.items(): make(a.work/k, side, int(k[:-1]))
    rows,t = [],time.time()
    command = [Path(sys.executable).with_name('geofast'),'predict',a.work/'20m','clouds',a.work/'cold.tif','--scale','1e-4,0','--no-resume']
    subprocess.run(command, check=True)
    rows.append(('cold start to mask, 5490 x 5490 at 20 m', time.time()-t, 's'))
    f,r,g = measured('forward',a.work/'10m',2048),measured('raster',a.work/'10m',a.work/'r.tif'),measured('forward',a.work/'10m',2048)
    each = [o['wall']/o['tiles'] for o in (f,r,g)]
    rows += [('10 980 x 10 980 from four files', r['wall'], 's'), ('share of the forward pass', (each[0]+each[2])/2/each[1], ''),
             ('memory beside the model, peak', r['extra_mb'], 'MB')]
    with open(OUT,'w',newline='') as o:
        w = csv.writer(o, lineterminator='\n')
        w.writerow(('what','value','unit','cores'))
        for row in rows:
            w.writerow((row[0],round(row[1],3),row[2],n))
            print(*row)

if __name__=='__main__': main()
