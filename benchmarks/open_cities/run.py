"""Leave one city out with the runner-up's recipe and with ours: the same encoder, steps, crops and prediction with flips.

    GEOFAST_DATA=... python benchmarks/open_cities/run.py --work FOLDER                       # both, seed 0: two hours on two cores
    GEOFAST_DATA=... python benchmarks/open_cities/run.py --work FOLDER --variants published --seeds 0 1 2

What is finished is in results.csv, and is not done again.
"""
import argparse, csv
from pathlib import Path
import pandas as pd
from geofast.core import data_root
from geofast.datasets import find_scenes
from geofast.open_cities import best, published
from geofast.recipes import leave_one_out

OUT = Path(__file__).with_name('results.csv')

def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--work', type=Path, required=True, help="prepared scenes and bundles are kept here")
    p.add_argument('--variants', nargs='+', default=['published','best'], choices=['published','best']); p.add_argument('--seeds', type=int, nargs='+', default=[0])
    a = p.parse_args(); data = data_root('buildings_drone')
    if not data: p.error("GEOFAST_DATA names no folder with buildings_drone")
    rows = [*csv.DictReader(open(OUT))] if OUT.exists() else []; done = {(r['variant'],r['seed'],r['left_out']) for r in rows}
    for seed in a.seeds:
        for v in a.variants:
            for city in sorted(find_scenes(data).group.unique()):
                if (v,str(seed),city) in done: continue
                t = leave_one_out(dict(published=published,best=best)[v](seed=seed), data, a.work, tta='flips', groups=[city])
                r = t[(t.left_out==city)&(t.scored_on=='all')].iloc[0]; keys = ('tp','fp','fn','iou','precision','recall')
                rows.append(dict(variant=v, seed=seed, left_out=city, **{k: round(float(r[k]),4) for k in keys}))
                with open(OUT,'w',newline='') as f: w = csv.DictWriter(f, rows[0], lineterminator='\n'); w.writeheader(); w.writerows(rows)
    t = pd.read_csv(OUT); print(t.pivot_table(index=['variant','seed'], columns='left_out', values='iou').assign(mean=lambda d: d.mean(axis=1)).round(3))

if __name__=='__main__': main()
