"""Leave one city out with the runner-up's recipe and with ours: the same encoder, steps, crops and prediction with flips.

    GEOFAST_DATA=... python benchmarks/open_cities/run.py --work FOLDER                            # both, seed 0
    GEOFAST_DATA=... python benchmarks/open_cities/run.py --work FOLDER --seeds 0 1 2 --steps 200  # 24 trainings of 6 minutes on one core

What is finished is in results.csv, and is not done again; several processes may share the work.
"""
import argparse, csv
from pathlib import Path
import pandas as pd
from geofast.core import data_root
from geofast.prepare import find_scenes
from geofast.open_cities import best, published
from geofast.evaluate import leave_one_out
from geofast.recipes import small

OUT = Path(__file__).with_name('results.csv')

def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--work', type=Path, required=True, help="prepared scenes and bundles are kept here")
    p.add_argument('--variants', nargs='+', default=['published','best'], choices=['published','best'])
    p.add_argument('--seeds', type=int, nargs='+', default=[0])
    p.add_argument('--steps', type=int, default=400)
    a = p.parse_args()
    data = data_root('buildings_drone')
    if not data: p.error("GEOFAST_DATA names no folder with buildings_drone")
    keys = ('variant','steps','seed','left_out','tp','fp','fn','iou','precision','recall')
    if not OUT.exists(): OUT.write_text(','.join(keys)+'\n')
    for seed in a.seeds:
        for v in a.variants:
            for city in sorted(find_scenes(data).group.unique()):
                done = [[r[k] for k in ('variant','steps','seed','left_out')] for r in csv.DictReader(open(OUT))]
                if [v,str(a.steps),str(seed),city] in done: continue
                recipe = small(dict(published=published,best=best)[v](seed=seed), a.steps)
                t = leave_one_out(recipe, data, a.work/f'{v}_{a.steps}_{seed}', tta='flips', groups=[city])
                r = t[(t.left_out==city)&(t.scored_on=='all')].iloc[0]
                with open(OUT,'a',newline='') as f: # one short line: whole, whoever else appends
                    counts,scores = [int(r[k]) for k in keys[4:7]],[round(float(r[k]),4) for k in keys[7:]]
                    csv.writer(f, lineterminator='\n').writerow([v, a.steps, seed, city, *counts, *scores])
    t = pd.read_csv(OUT)
    t = t[t.steps==a.steps].pivot_table(index=['variant','seed'], columns='left_out', values='iou').assign(mean=lambda d: d.mean(axis=1))
    print(t.round(3))
    print(t.groupby('variant')['mean'].agg(['mean','std','count']).round(3))

if __name__=='__main__': main()
