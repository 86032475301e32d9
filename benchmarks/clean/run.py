"""How much of known damage to real labels does cleaning undo, with models that have not seen the city?

    python benchmarks/clean/run.py CROSSVAL_FOLDER        (GEOFAST_DATA names the folder with real scenes)

CROSSVAL_FOLDER is what `geofast crossval` writes: a bundle `without_<group>` for each group of scenes. Each scene is predicted by the
bundle that was trained without its group. Its labels are cleaned as they are, and then after damage of eight seeds. One row for each scene
and seed goes to results.csv beside this file; seed -1 is the undamaged scene. The thresholds of `Rules` were chosen on the same scenes
with seeds 0 to 3, so the seeds here begin at 10. `--page FOLDER` keeps the clean labels and doubt.html there.
"""
import argparse, tempfile, warnings
from pathlib import Path
import pandas as pd
import torch
from geofast.clean import clean_labels, corrupt_labels, score_repair, propose, read_probability
from geofast.core import data_root
from geofast.prepare import find_scenes
from geofast.infer import predict_raster
from geofast.vector import read_vector

COLUMNS = 'east north agree sure iou0 iou cells dropped added moved kept'.split()
CREDIT = 'Imagery: OpenAerialMap contributors, CC BY 4.0. Old labels: OpenStreetMap contributors, ODbL.'

def summary(t:pd.DataFrame)->pd.DataFrame: # rows of damaged scenes
    "Shares over all damaged scenes, for each scene and for all"
    def shares(g):
        n = g[['dropped','dropped_right','false','added','added_right','missing','missing_found']].sum()
        share = lambda a,b: a/b if b else float('nan')
        return pd.Series(dict(runs=len(g), undone=g.undone.mean(), undone_base=g.undone_base.mean(),
            rest_m=g.rest_m.median(), rest_base_m=g.rest_base_m.median(),
            false_precision=share(n.dropped_right,n.dropped), false_recall=share(n.dropped_right,n.false), false_auc=g.auc.mean(),
            missing_precision=share(n.added_right,n.added), missing_recall=share(n.missing_found,n.missing)))
    return pd.DataFrame({k: shares(g) for k,g in [*t.groupby('scene'),('all',t)]}).T

def mean_shift(t): return t.loc[t.action!='added',['east','north']].mean().values

def main():
    p = argparse.ArgumentParser()
    p.add_argument('crossval', type=Path)
    p.add_argument('--seeds', type=int, default=8)
    p.add_argument('--page', type=Path)
    a = p.parse_args()
    warnings.simplefilter('ignore')
    torch.set_num_threads(1)
    scenes = find_scenes(data_root('buildings_drone/scenes'))
    rows = []
    with tempfile.TemporaryDirectory() as tmp:
        prob = {}
        for s in scenes.itertuples():
            predict_raster(s.image, a.crossval/f'without_{s.group}', f'{tmp}/mask.tif', prob_dst=f'{tmp}/{s.scene}.tif',
                           progress=False)
            prob[s.scene] = read_probability(f'{tmp}/{s.scene}.tif')
        base = clean_labels(scenes, prob, a.page or f'{tmp}/clean', credit=CREDIT)
    for s,b in zip(scenes.itertuples(), base.itertuples()):
        r = prob[s.scene]
        g = read_vector(s.label, r.crs)
        moved = mean_shift(propose(r,g)[0])
        rows.append(dict(scene=s.scene, seed=-1, polygons=len(g), **{k:getattr(b,k) for k in COLUMNS}))
        rows += [dict(scene=s.scene, seed=k, polygons=len(g))|score_repair(r, corrupt_labels(g,r,k), moved)
                 for k in range(10,10+a.seeds)]
        print(s.scene, flush=True)
    t = pd.DataFrame(rows).round(3)
    t.to_csv(Path(__file__).parent/'results.csv', index=False)
    with pd.option_context('display.width',220,'display.max_columns',30):
        print(t[t.seed<0].dropna(axis=1).drop(columns='seed').to_string(index=False))
        print(summary(t[t.seed>=0]).round(2).to_string())

if __name__=='__main__': main()
