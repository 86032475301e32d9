"""Leave one place of On Cloud N out with the published recipe and with ours: the same encoder, steps and crops.

    GEOFAST_DATA=... python benchmarks/clouds/run.py --work FOLDER --seeds 0 1 2 --steps 200  # 18 trainings, 4 minutes each on one core

`published` is the first of the eight networks at small scale, `best` ours. What is finished is in recipes.csv, and is not done again.
"""
import argparse, csv
from pathlib import Path
import pandas as pd
from geofast.cloud_cover import best, published
from geofast.core import data_root
from geofast.evaluate import leave_one_out
from geofast.recipes import small

OUT = Path(__file__).with_name('recipes.csv')

def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--work', type=Path, required=True, help="prepared chips and bundles are kept here")
    p.add_argument('--variants', nargs='+', default=['published','best'], choices=['published','best'])
    p.add_argument('--seeds', type=int, nargs='+', default=[0])
    p.add_argument('--steps', type=int, default=200)
    a = p.parse_args()
    data = data_root('clouds/on_cloud_n_labelled')
    if not data: p.error("GEOFAST_DATA names no folder with clouds/on_cloud_n_labelled")
    keys = ('variant','steps','seed','left_out','tp','fp','fn','iou','precision','recall')
    if not OUT.exists(): OUT.write_text(','.join(keys)+'\n')
    for seed in a.seeds:
        for v in a.variants:
            for place in ('chip_1','chip_2','chip_3'):
                done = [[r[k] for k in ('variant','steps','seed','left_out')] for r in csv.DictReader(open(OUT))]
                if [v,str(a.steps),str(seed),place] in done: continue
                recipe = small(dict(published=published,best=best)[v](seed=seed), a.steps)
                t = leave_one_out(recipe, data, a.work/f'{v}_{a.steps}_{seed}', tta='hflip', groups=[place])
                r = t[(t.left_out==place)&(t.scored_on=='all')].iloc[0]
                with open(OUT,'a',newline='') as f:
                    counts,scores = [int(r[k]) for k in keys[4:7]],[round(float(r[k]),4) for k in keys[7:]]
                    csv.writer(f, lineterminator='\n').writerow([v, a.steps, seed, place, *counts, *scores])
    t = pd.read_csv(OUT).query('steps==@a.steps')
    micro = t.groupby(['variant','seed'])[['tp','fp','fn']].sum().assign(iou=lambda d: d.tp/(d.tp+d.fp+d.fn))
    print(t.pivot_table(index=['variant','seed'], columns='left_out', values='iou').round(3))
    print(micro.iou.groupby('variant').agg(['mean','std','count']).round(3))

if __name__=='__main__': main()
