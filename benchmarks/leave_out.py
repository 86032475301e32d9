"""Leave one group out after the other with the published recipe of a system and with ours; used by `open_cities/run.py` and `clouds/run.py`"""
import argparse, csv
from pathlib import Path
import pandas as pd
from geofast.core import data_root
from geofast.evaluate import leave_one_out
from geofast.prepare import find_scenes
from geofast.recipes import find_system, small

KEYS = 'variant','steps','seed','left_out','tp','fp','fn','iou','precision','recall'

def finished(out, *run): # variant, steps, seed, group
    "Whether the table has a row of this run"
    return [*map(str,run)] in [[r[k] for k in KEYS[:4]] for r in csv.DictReader(open(out))]

def main(doc, system, folder, out, tta, steps):
    "The command: what is finished is in `out`, and is not done again; several processes may share the work"
    p = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--work', type=Path, required=True, help="prepared scenes and bundles are kept here")
    p.add_argument('--variants', nargs='+', default=['published','best'], choices=['published','best'])
    p.add_argument('--seeds', type=int, nargs='+', default=[0])
    p.add_argument('--steps', type=int, default=steps)
    a = p.parse_args()
    data = data_root(folder) or p.error(f"GEOFAST_DATA names no folder with {folder}")
    if not out.exists(): out.write_text(','.join(KEYS)+'\n')
    groups = sorted(find_scenes(data).group.unique())
    for seed,v,g in ((s,v,g) for s in a.seeds for v in a.variants for g in groups):
        if finished(out, v, a.steps, seed, g): continue
        recipe = small(find_system(system).RECIPES[v](seed=seed), a.steps)
        t = leave_one_out(recipe, data, a.work/f'{v}_{a.steps}_{seed}', tta=tta, groups=[g])
        r = t[(t.left_out==g)&(t.scored_on=='all')].iloc[0]
        with open(out,'a',newline='') as f: # one short line: whole, whoever else appends
            counts,scores = [int(r[k]) for k in KEYS[4:7]],[round(float(r[k]),4) for k in KEYS[7:]]
            csv.writer(f, lineterminator='\n').writerow([v, a.steps, seed, g, *counts, *scores])
    t = pd.read_csv(out).query('steps==@a.steps')
    by_group = t.pivot_table(index=['variant','seed'], columns='left_out', values='iou')
    micro = t.groupby(['variant','seed'])[['tp','fp','fn']].sum()
    each = by_group.assign(mean=by_group.mean(axis=1), micro=micro.tp/micro.sum(axis=1))
    print(each.round(3))
    print(each.groupby('variant')[['mean','micro']].agg(['mean','std','count']).round(3))
