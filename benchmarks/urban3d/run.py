"""The winner's recipe of the Urban 3D Challenge and ours on the same synthetic towns, network and steps; other towns are scored.

    python benchmarks/urban3d/run.py --work FOLDER --seeds 0 1 2 --steps 100 # 6 trainings of three minutes

Towns of five styles of .5 m in the layout of the challenge, with colors, DSM and DTM; in each some squares have no height. Both recipes
at small scale with the encoder `tf_efficientnet_lite0` from ImageNet (the winner's decoder has no batch normalisation), the same
gradient steps of eight crops of 256 px, and each with its own channels, loss, learning rate, augmentation and watershed. The
winner's network begins with the colors of ImageNet and a height of zero in the place of his warm-up. `f1` is the challenge's
score: the mean of the tiles' F1 of objects at an IoU above .45. What has been trained in FOLDER is not trained again.
"""
import argparse, os
os.environ.setdefault('OMP_NUM_THREADS', '1')
from pathlib import Path
import numpy as np
import pandas as pd
from geofast.fit import train_bundle
from geofast.recipes import small
from geofast.render import render
from geofast.synthetic import STYLES, make_town
from geofast.tiff import write_cog
from geofast.urban3d import RECIPES, submission_score, write_submission

OUT,KEY,GSD,SIDE = Path(__file__).with_name('results.csv'),['recipe','steps','seed'],.5,384 # m, px

def write_towns(folder, n, seed):
    "Towns of all styles in the layout of the challenge, a hole in the height for every 200 m or so"
    if folder.exists(): return folder
    folder.mkdir(parents=True)
    for k,style in enumerate(STYLES):
        for i in range(n):
            rng = np.random.default_rng([seed,k,i])
            s = render(make_town(100*seed+10*k+i, style, SIDE*GSD), GSD, sun=(rng.uniform(.8,5.4),rng.uniform(.55,1.1)))
            dsm = s.dsm.copy()
            for r,c in rng.integers(0, SIDE-12, (2,2)): dsm[r:r+12,c:c+12] = -32767
            parts = dict(RGB=(s.image,{}), DSM=(dsm[None],dict(nodata=-32767)), DTM=(s.dtm[None],dict(nodata=-32767)),
                         GTI=(s.instances[None].astype(np.uint16),{}))
            for p,(x,kw) in parts.items(): write_cog(x, s.box, folder/f'{style.upper()}{i}_Tile_000_{p}.tif', **kw)
    return folder

def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('--work', type=Path, required=True)
    ap.add_argument('--seeds', type=int, nargs='+', default=[0,1,2])
    ap.add_argument('--steps', type=int, default=100)
    ap.add_argument('--towns', type=int, default=5, help='training towns of each style')
    o = ap.parse_args()
    train,test = write_towns(o.work/f'train{o.towns}', o.towns, 1),write_towns(o.work/'test', 2, 5)
    rows = []
    for seed in o.seeds:
        for n,f in RECIPES.items():
            r = small(f(), o.steps).set(seed=seed, stem='zero', accumulate=1, epochs=1, tile=256, stride=128, split='none')
            out = o.work/f'{n}_{o.steps}_{seed}'
            if not (out/'bundle.json').exists(): train_bundle(r, train, out, o.work/f'ready_{n}', progress=False)
            write_submission(test, out, f'{out}.txt', tta=r.predict.tta, progress=False)
            rows.append(dict(zip(KEY,(n,o.steps,seed)))|dict(f1=round(float(submission_score(f'{out}.txt', test)),4)))
            print(rows[-1], flush=True)
    old = pd.read_csv(OUT) if OUT.exists() else None
    t = pd.concat([old, pd.DataFrame(rows)]).drop_duplicates(KEY, keep='last').sort_values(KEY)
    t.to_csv(OUT, index=False)
    print(t.groupby(['recipe','steps']).f1.agg(['mean','std','count']).round(3))

if __name__=='__main__': main()
