"""Scores of a bundle on drone scenes that are brought to coarser pixels, as a camera higher up would see them

    GEOFAST_DATA=... python benchmarks/open_cities/resolutions.py BUNDLE --cities kampala_ug [--gsd .15 .25 .35 .5] [--name TEXT]

Each scene is resampled by the mean over area, and scored against its labels on these pixels, with flips. A scene whose own pixels are
larger is left out. The range of resolutions in the contract is not asked. Rows are appended to resolutions.csv under `--name`, by default
that of the bundle's folder.
"""
import argparse, csv, tempfile
from pathlib import Path
import rasterio
from affine import Affine
from rasterio.enums import Resampling
from geofast.bundle import load_bundle
from geofast.core import data_root
from geofast.evaluate import evaluate
from geofast.grid import GeoBox
from geofast.prepare import find_scenes

OUT = Path(__file__).with_suffix('.csv')
KEYS = 'name','city','gsd','scenes','iou','precision','recall','objects','f1'

def coarser(src, dst, gsd)->bool:
    "Write the mean over pixels of `gsd` m; False where the image is no finer"
    with rasterio.open(src) as d:
        k = gsd/GeoBox.of(d).gsd
        if k<1: return False
        h,w = round(d.height/k),round(d.width/k)
        x = d.read(out_shape=(d.count,h,w), resampling=Resampling.average)
        made = dict(driver='GTiff', height=h, width=w, count=d.count, dtype=d.dtypes[0], crs=d.crs, nodata=d.nodata,
                    transform=d.transform*Affine.scale(d.width/w,d.height/h))
        with rasterio.open(dst, 'w', **made) as o:
            o.colorinterp = d.colorinterp
            o.write(x)
    return True

def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('bundle', type=Path)
    p.add_argument('--cities', nargs='+', required=True)
    p.add_argument('--gsd', nargs='+', type=float, default=[.15,.25,.35,.5])
    p.add_argument('--name')
    a = p.parse_args()
    root = data_root('buildings_drone') or p.error('GEOFAST_DATA names no folder with buildings_drone')
    b,raw = load_bundle(a.bundle),find_scenes(root)
    b.contract.gsd_range = None
    if not OUT.exists(): OUT.write_text(','.join(KEYS)+'\n')
    for city in a.cities:
        for gsd in a.gsd:
            with tempfile.TemporaryDirectory() as tmp:
                scenes = raw[raw.group==city].copy()
                scenes['coarse'] = [str(Path(tmp)/f'{i}.tif') for i in range(len(scenes))]
                scenes = scenes[[coarser(s.image,s.coarse,gsd) for s in scenes.itertuples()]]
                if not len(scenes): continue
                t = evaluate(b, scenes.assign(image=scenes.coarse), tta='flips')[0].loc['all']
            row = [a.name or a.bundle.name, city, gsd, len(scenes), *(round(float(t[k]),4) for k in KEYS[4:])]
            print(*row, flush=True)
            with open(OUT,'a',newline='') as f: csv.writer(f, lineterminator='\n').writerow(row)

if __name__=='__main__': main()
