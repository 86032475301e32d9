"""The published geopose recipe and ours on the same synthetic cities, network and steps: scores, and roofs slid to the ground.

    python benchmarks/geopose/run.py --work FOLDER --seeds 0 1 2 --steps 400     # writes results.csv

Trains on oblique views of towns of five styles (each a city), 8 to 32 degrees off nadir, and scores other towns of the same
styles. `score` is the challenge's (mean R² of heights and flow). `roofs`, `slid` and `true` are the IoU of the true footprints
with the roofs as seen, slid with predicted and with true heights and pose; `recovered` is the share of that gain which the
prediction brings. What has been trained in FOLDER is not trained again.
"""
import argparse, os
os.environ.setdefault('OMP_NUM_THREADS', '1')
from pathlib import Path
import numpy as np
import pandas as pd
from geofast.bundle import load_bundle
from geofast.fit import train_bundle
from geofast.geopose import RECIPES, pose_of, see
from geofast.oblique import look
from geofast.pose_scores import PoseMeter, demo_geopose, find_geopose, read_pose
from geofast.recipes import small
from geofast.render import render
from geofast.roofs import slide_roofs
from geofast.synthetic import STYLES, make_town
from geofast.vector import rasterize

SIDE,GSD,TOWNS,SEED = 200,.8,3,5 # of the views; test towns of each style, and their seed

def counts(a, b, e=16):
    "Pixels in both, and in either, away from the edge"
    a,b = a[e:-e,e:-e],b[e:-e,e:-e]
    return np.array([(a&b).sum(),(a|b).sum()])

def evaluate(bundle, test, tta):
    "Score, and IoU of footprints in all test towns together"
    bundle = load_bundle(bundle)
    table,meter,pixels = find_geopose(test).set_index('scene'),PoseMeter(),{}
    for k,style in enumerate(STYLES):
        for i in range(TOWNS):
            name = f'{style.upper()}_{i}'
            s,(height,pose) = table.loc[name],read_pose(test, name)
            town = render(make_town(100*SEED+10*k+i, style, SIDE*GSD), GSD)
            view,plan = look(town.agl, pose),town.instances>0
            seen = np.where(view.wall, 0, view.take(town.instances))
            p = see(s.image, bundle, s.gsd, city=s.group, tta=tta)
            meter.update(p['height'], pose_of(p), height, true_pose=pose, city=s.group)
            def slid(h, q): return rasterize(slide_roofs(seen, h, q, box=town.box), town.box)>0
            maps = dict(roofs=seen>0, slid=slid(p['height'],pose_of(p)), true=slid(view.height,pose))
            for n,m in maps.items(): pixels[n] = pixels.get(n,0)+counts(m,plan)
    iou = {n: a/b for n,(a,b) in pixels.items()}
    return dict(meter.table().loc['all',['height','flow','score']], **iou,
                recovered=(iou['slid']-iou['roofs'])/(iou['true']-iou['roofs']))

def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('--work', type=Path, required=True)
    ap.add_argument('--seeds', type=int, nargs='+', default=[0,1,2])
    ap.add_argument('--steps', type=int, default=400)
    ap.add_argument('--towns', type=int, default=12, help='training towns of each style')
    ap.add_argument('--encoder', default='tu-tf_efficientnet_lite0')
    ap.add_argument('--tta', default='none')
    o = ap.parse_args()
    train,test = o.work/'train',o.work/'test'
    if not train.exists(): demo_geopose(train, o.towns, SIDE, gsd=GSD)
    if not test.exists(): demo_geopose(test, TOWNS, SIDE, gsd=GSD, seed=SEED)
    table,rows = find_geopose(train),[]
    same = dict(cities=tuple(sorted(table.group.unique())), encoder=o.encoder, pretrained=not o.encoder.startswith('tu-test'),
                tile=SIDE, stride=SIDE, crop=160, split='none', balance='scenes', steps=o.steps, epochs=1, bs=8, lr=2e-3,
                curve='one_cycle', ema_decay=.99, infer_tile=224, infer_overlap=32)
    for seed in o.seeds:
        for n,f in RECIPES.items():
            out = o.work/f'{n}_{o.steps}_{seed}'
            if not (out/'bundle.json').exists():
                train_bundle(small(f()).set(**same, seed=seed), table, out, o.work/'ready', progress=False)
            rows.append(dict(recipe=n, encoder=o.encoder, steps=o.steps, seed=seed, **evaluate(out, test, o.tta)))
            print({k: round(v,3) if isinstance(v,float) else v for k,v in rows[-1].items()}, flush=True)
    t = pd.DataFrame(rows)
    t.round(4).to_csv(Path(__file__).with_name('results.csv'), index=False)
    print(t.groupby('recipe').mean(numeric_only=True).round(3))

if __name__=='__main__': main()
