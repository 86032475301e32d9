"""F1 of objects in cities left out, for what a network learns beside the footprint and how objects are told apart

    GEOFAST_DATA=FOLDER python benchmarks/post/helpers.py --work FOLDER [--helpers interior] [--cities kampala_ug]

Each network is trained on drone scenes of all cities but one with the small recipe at 15 cm, and predicts the scenes
of that city at 15 cm with four flips. Its objects are told apart by its own rule (`model`), and from the footprint
alone: by 4-connected components above .5 and .7, and by the watershed with seeds above .7 in regions above .3; what
is smaller than 4 m2 does not count. One row for each helper, city, seed and way goes to helpers.csv beside this file:
F1 at an IoU of .5, precision, recall, number of true objects, and the IoU of the mask at one half. About ten minutes
for each network on two cores; a network that is in the folder already is taken from there.
"""
import argparse
from pathlib import Path
import numpy as np
import pandas as pd
from scipy import ndimage as ndi
from geofast.core import data_root
from geofast.fit import fit_or_load, recipe_scenes
from geofast.infer import predict_tile
from geofast.instance_scores import label_overlaps, object_scores
from geofast.instances import SeedRule, watershed_instances
from geofast.metrics import IoUMeter
from geofast.recipes import Recipe
from geofast.stack import read_raster
from geofast.tasks import HELPERS, objects

MIN_PX = 178 # 4 m2 at 15 cm

def components(p, t):
    x = ndi.label((p.prob>t)&p.valid)[0]
    return np.where(np.bincount(x.ravel())[x]>=MIN_PX, x, 0)

WAYS = {'model': lambda p: np.maximum(p.instances(),0), 'components above .5': lambda p: components(p,.5),
        'components above .7': lambda p: components(p,.7),
        'watershed .3/.7': lambda p: watershed_instances(p.prob, SeedRule(.7,.3,MIN_PX//20,MIN_PX), valid=p.valid)}

def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('--work', type=Path, required=True, help='folder of prepared scenes and networks')
    ap.add_argument('--helpers', nargs='*', default=['interior'], choices=HELPERS)
    ap.add_argument('--cities', nargs='*', help='left out in turn; all')
    ap.add_argument('--seeds', nargs='*', type=int, default=[0])
    ap.add_argument('--steps', type=int, default=400)
    a,rows = ap.parse_args(),[]
    root = data_root('buildings_drone/scenes') or ap.error('GEOFAST_DATA names no folder with buildings_drone/scenes')
    def recipe(h, seed): return Recipe(name='helpers', task=objects(helper=h)).set(steps=a.steps, seed=seed)
    scenes = recipe_scenes(recipe('interior',0), root, a.work/'scenes')
    for h in a.helpers:
        for city in a.cities or sorted(scenes.group.unique()):
            for seed in a.seeds:
                b = fit_or_load(a.work/f'{h}_{seed}_without_{city}', recipe(h,seed), scenes, [city])
                found,meter = {w: [] for w in WAYS},IoUMeter()
                for s in scenes[scenes.group==city].itertuples():
                    p,ids = predict_tile(s.image, b, tta='flips'),read_raster(s.instances).pixels[0]
                    meter.update(p.mask==1, np.where(p.valid&(ids>=0), ids>0, 255).astype(np.uint8))
                    for w,f in WAYS.items(): found[w].append(label_overlaps(f(p), ids, p.valid&(ids>=0)))
                for w,o in found.items():
                    s = object_scores(o)
                    rows.append(dict(helper=h, left_out=city, seed=seed, steps=a.steps, way=w, f1=s['f1'],
                                     precision=s['precision'], recall=s['recall'], objects=s['tp']+s['fn'],
                                     iou=meter.score()))
                print(pd.DataFrame(rows[-len(WAYS):]).round(3).to_string(index=False), flush=True)
    out = Path(__file__).with_suffix('.csv')
    old = [pd.read_csv(out)] if out.exists() else []
    key = ['helper','left_out','seed','steps','way']
    t = pd.concat([*old,pd.DataFrame(rows)]).drop_duplicates(key, keep='last').sort_values(key)
    t.round(4).to_csv(out, index=False)

if __name__=='__main__': main()
