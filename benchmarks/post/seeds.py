"""F1 of objects on drone scenes for rules of the two-threshold watershed

    GEOFAST_DATA=FOLDER python benchmarks/post/seeds.py        (about five minutes, one thread)

The model that comes with the package predicts four scenes at 15 cm, as they are (`seen`: it was trained on them) and
with colors that it has not seen (`shifted`: channels swapped, gamma 1.6). Each rule divides the same probabilities; its
objects are matched with the labelled ones at IoU above .45. One row for each rule goes to seeds.csv beside this file;
`threshold` is the plain cut at .5.
"""
import os
os.environ.setdefault('OMP_NUM_THREADS', '1')
from itertools import product
from pathlib import Path
import numpy as np
import pandas as pd
import rasterio
from affine import Affine
from rasterio.enums import Resampling
from rasterio.windows import Window
from geofast.core import data_root
from geofast.grid import GeoBox
from geofast.infer import predict_tile
from geofast.instance_scores import label_overlaps, object_scores
from geofast.instances import SeedRule, watershed_instances
from geofast.vector import read_vector

SCENES = 'banepa_np_0 kampala_ug_0 nairobi_ke_1 zanzibar_tz_0'.split()

def scene(name)->tuple: # pixels (3,h,w), labels (h,w) with a number for each polygon
    "The upper left 4096 px of a scene, at twice its pixel size"
    folder = data_root('buildings_drone/scenes')
    with rasterio.open(folder/f'{name}.tif') as d:
        h,w = min(d.height,4096)//2,min(d.width,4096)//2
        x = d.read((1,2,3), window=Window(0,0,2*w,2*h), out_shape=(3,h,w), resampling=Resampling.average)
        box = GeoBox((h,w), d.transform*Affine.scale(2), d.crs)
    g = read_vector(folder/f'{name}.geojson', box.crs).geometry
    shapes = ((p,i) for i,p in enumerate(g,1))
    return x,rasterio.features.rasterize(shapes, box.shape, transform=box.transform, dtype='int32')

def shifted(x): return (255*(x[[2,0,1]]/255)**1.6).astype(np.uint8)

def rules(): # name and rule
    yield 'threshold',SeedRule(.5,.5,1,64)
    for s,r,px,keep in product((.6,.7,.8,.9),(.3,.4,.5),(16,64),(False,True)):
        yield 'watershed',SeedRule(s,r,px,64,keep_seedless=keep)

def main():
    scenes,rows = [scene(n) for n in SCENES],[]
    for domain,change in dict(seen=np.asarray,shifted=shifted).items():
        maps = [(np.float32(predict_tile(change(x),'drone').prob),t) for x,t in scenes]
        for name,rule in rules():
            s = object_scores([label_overlaps(watershed_instances(p,rule),t) for p,t in maps], .45)
            at = {k: getattr(rule,k) for k in ('seed','region','seed_px','keep_seedless')}
            rows.append(dict(domain=domain, rule=name, **at, **{k: o for k,o in s.items() if k!='iou'}))
        print(pd.DataFrame(rows[-49:]).nlargest(5,'f1').to_string(), flush=True)
    pd.DataFrame(rows).round(3).to_csv(Path(__file__).parent/'seeds.csv', index=False)

if __name__=='__main__': main()
