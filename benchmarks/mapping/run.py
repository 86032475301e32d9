"""Chips of the Mapping Challenge's layout, one city left out after the other: the open solution and ours on the same network.

    GEOFAST_DATA=FOLDER python benchmarks/mapping/run.py --work FOLDER --seeds 0 1 2 --steps 100 # 24 trainings of two minutes

Both recipes at small scale with one U-Net, `tf_efficientnet_lite0` from ImageNet, the same gradient steps of eight crops of 256 px,
and each with its own target, loss, learning rate, augmentation, views at prediction and rule for objects. Cities are told by the
`site` of a chip; training and validation chips of a city are left out together. One row for each city, with the average precision
and recall of objects at an IoU of .5 (the challenge's metric), goes to results.csv beside this file and is not made again.
"""
import argparse, os
os.environ.setdefault('OMP_NUM_THREADS', '1')
from pathlib import Path
import pandas as pd
from geofast.coco import coco_instances
from geofast.core import data_root
from geofast.fit import fit_or_load, recipe_scenes
from geofast.instance_scores import coco_scores, label_codes, mask_overlaps
from geofast.mapping import RECIPES, find_chips, object_confidence, predict_chip
from geofast.recipes import small
from geofast.stack import Stack

OUT,KEY = Path(__file__).with_name('results.csv'),['recipe','steps','seed','left_out']

def all_chips(root):
    "Chips of both folders, by city"
    t = pd.concat([find_chips(root/k).assign(part=k) for k in ('train','val')], ignore_index=True)
    city = t.group.str.split('_').str[0]
    return t.assign(scene=t.part+'_'+t.scene, group=city, klass=city)

def evaluate(b, chips):
    "Average precision and recall on chips, each predicted as the recipe says"
    tta,images = b.contract.provenance['recipe']['predict']['tta'],[]
    for s in chips.itertuples():
        with Stack(s.image) as g: truth = coco_instances(s, g)[0]
        p = predict_chip(s.image, b, tta)
        labels,score = object_confidence(p, p.instances())
        images.append((mask_overlaps(label_codes(labels), label_codes(truth)), score))
    return {k: round(float(v),4) for k,v in coco_scores(images).items() if k in ('ap50','ar50','ap')}

def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('--work', type=Path, required=True, help='folder of prepared chips and networks')
    ap.add_argument('--seeds', type=int, nargs='+', default=[0,1,2])
    ap.add_argument('--steps', type=int, default=100)
    a = ap.parse_args()
    raw = all_chips(data_root('mapping_coco') or ap.error('GEOFAST_DATA names no folder with mapping_coco'))
    for seed in a.seeds:
        for city in sorted(raw.group.unique()):
            for name in RECIPES:
                t,row = pd.read_csv(OUT) if OUT.exists() else pd.DataFrame(columns=KEY),(name,a.steps,seed,city)
                if row in [*t[KEY].itertuples(index=False, name=None)]: continue
                r = small(RECIPES[name](arch='unet'), a.steps).set(seed=seed, epochs=1)
                scenes = recipe_scenes(r, raw, a.work/name, progress=False)
                b = fit_or_load(a.work/f'{name}_{a.steps}_{seed}_without_{city}', r, scenes, [city], progress=False)
                t = pd.concat([t, pd.DataFrame([dict(zip(KEY,row))|evaluate(b, raw[raw.group==city])])])
                t.to_csv(OUT, index=False)
                print(t.iloc[-1].to_dict(), flush=True)
    t = pd.read_csv(OUT).query('steps==@a.steps')
    print(t.pivot_table(index=['recipe','seed'], columns='left_out', values='ap50', margins=True, margins_name='mean').round(3))
    print(t.groupby(['recipe','seed']).ap50.mean().groupby('recipe').agg(['mean','std','count']).round(3))

if __name__=='__main__': main()
