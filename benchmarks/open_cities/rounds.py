"""What follows a first round, in a city that nobody labelled: an ensemble, its pseudo-labels, distillation.

    GEOFAST_DATA=... python benchmarks/open_cities/rounds.py --work FOLDER

For each city, three seeds of a small recipe (30 cm, crops of 128 px) are trained without it. Together they are the teacher. Then
each seed is trained again, for as many steps: with the city's own images under the teacher's pseudo-labels beside the true labels
of the other cities (`hard`: every pixel; `confident`: those with a probability beyond .8), or distilled from the teacher's
probabilities of each crop of the other cities (`distilled`). All are scored on the city's true labels, which none has seen.
"""
import argparse, csv
from pathlib import Path
import pandas as pd
from geofast.bundle import Bundle
from geofast.core import data_root
from geofast.prepare import find_scenes, prepare_scenes
from geofast.distill import Distill, pseudo_scenes
from geofast.open_cities import best
from geofast.evaluate import evaluate
from geofast.fit import fit_recipe, recipe_contract
from geofast.recipes import small

OUT = Path(__file__).with_name('rounds.csv')
KEYS = ('city','what','seed','steps','iou','precision','recall')
SMALL = small(best(), 120).set(gsd=.3, tile=192, stride=96, crop=128, epochs=1, lr=2e-3, infer_tile=128, infer_overlap=32)

def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--work', type=Path, required=True, help="prepared scenes are kept here")
    p.add_argument('--cities', nargs='+')
    a = p.parse_args()
    data = data_root('buildings_drone')
    rows = []
    if not data: p.error("GEOFAST_DATA names no folder with buildings_drone")
    raw = find_scenes(data)
    raw = raw.assign(shared=raw.label.duplicated(keep=False))
    scenes = prepare_scenes(raw, a.work/'scenes', gsd=SMALL.data.gsd, progress=False)
    for city in a.cities or sorted(raw.group.unique()):
        own,others = raw[raw.group==city], scenes[scenes.group!=city]
        def trained(seed, extra=None, cbs=None): # a fifth of the ground is kept for validation
            r,t = SMALL.set(seed=seed), pd.concat([others,extra], ignore_index=True)
            return Bundle(recipe_contract(r, t, None, {}), [fit_recipe(r, t, progress=False, cbs=cbs).model.eval()])
        def score(what, seed, b):
            o = evaluate(b, own, tta='flips')[0].loc['all']
            scores = {k: round(float(o[k]),4) for k in KEYS[4:]}
            rows.append(dict(city=city, what=what, seed=seed, steps=SMALL.schedule.steps, **scores))
            print(*rows[-1].values(), flush=True)
        first = [trained(s) for s in range(3)]
        teacher = Bundle(first[0].contract, [m for b in first for m in b.models])
        for s,b in enumerate(first): score('first round', s, b)
        score('ensemble', '', teacher)
        for what,confidence in (('hard',.5),('confident',.8)):
            t = pseudo_scenes(own, teacher, a.work/what/city, confidence=confidence)
            t = t.assign(scene=t.scene+'_pseudo', group='pseudo')
            for s in range(3): score(what, s, trained(s, t))
        for s in range(3): score('distilled', s, trained(s, cbs=[Distill(teacher)]))
    with open(OUT,'w',newline='') as f:
        w = csv.DictWriter(f, KEYS, lineterminator='\n')
        w.writeheader()
        w.writerows(rows)
    print(pd.DataFrame(rows).groupby(['city','what'],sort=False).iou.agg(['mean','std']).round(3))

if __name__=='__main__': main()
