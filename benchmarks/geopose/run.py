"""The published geopose recipe and ours on the same synthetic cities, network and steps: scores, and roofs slid to the ground.

    python benchmarks/geopose/run.py --work FOLDER --seeds 0 1 2 --steps 150 --gsd .8 --side 200 --towns 12
    python benchmarks/geopose/run.py --work FOLDER --recipes best --start drone --steps 1200 --tta d4

Trains on oblique views of towns of five styles (each a city), 8 to 32 degrees off nadir, and scores other towns of the same
styles. `score` is the challenge's (mean R² of heights and flow). `roofs`, `slid` and `true` are the IoU of the true footprints
with the roofs as seen, slid with predicted and with true heights and pose; `recovered` is the share of that gain which the
prediction brings. At .8 m a hut of 3 m leans by a pixel or two; .5 m is the resolution of the challenge. `--start` names a bundle
with whose encoder the networks begin. What has been trained in FOLDER is not trained again, and results.csv keeps the other rows.
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

TOWNS,SEED,OUT = 3,5,Path(__file__).with_name('results.csv') # test towns of each style, and their seed
KEY = ['recipe','start','steps','gsd','towns','tta','seed']

def counts(a, b, e=16):
    "Pixels in both, and in either, away from the edge"
    a,b = a[e:-e,e:-e],b[e:-e,e:-e]
    return np.array([(a&b).sum(),(a|b).sum()])

def evaluate(bundle, test, tta, side, gsd):
    "Score, and IoU of footprints in all test towns together"
    bundle = load_bundle(bundle)
    table,meter,pixels = find_geopose(test).set_index('scene'),PoseMeter(),{}
    for k,style in enumerate(STYLES):
        for i in range(TOWNS):
            name = f'{style.upper()}_{i}'
            s,(height,pose) = table.loc[name],read_pose(test, name)
            town = render(make_town(100*SEED+10*k+i, style, side*gsd), gsd)
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
    ap.add_argument('--towns', type=int, default=24, help='training towns of each style')
    ap.add_argument('--gsd', type=float, default=.5, help='metres per pixel of all views')
    ap.add_argument('--side', type=int, default=256, help='of all views, px')
    ap.add_argument('--recipes', nargs='+', default=[*RECIPES], choices=[*RECIPES])
    ap.add_argument('--start', default='', help='bundle whose encoder both begin with; default: random weights')
    ap.add_argument('--tta', default='none')
    o = ap.parse_args()
    work = o.work/f'{o.gsd:g}m_{o.side}px'
    train,test = work/f'train{o.towns}',work/'test'
    if not train.exists(): demo_geopose(train, o.towns, o.side, gsd=o.gsd)
    if not test.exists(): demo_geopose(test, TOWNS, o.side, gsd=o.gsd, seed=SEED)
    table,rows = find_geopose(train),[]
    first = f'{load_bundle(o.start).path}/member0.safetensors' if o.start else False
    same = dict(cities=tuple(sorted(table.group.unique())), encoder='tu-tf_efficientnet_lite0', pretrained=first, tile=o.side,
                stride=o.side, crop=160, split='none', balance='scenes', steps=o.steps, epochs=1, bs=8, lr=2e-3,
                curve='one_cycle', ema_decay=.99, infer_tile=-(-o.side//32)*32, infer_overlap=32)
    for seed in o.seeds:
        for n in o.recipes:
            out = work/f'{n}_{o.start}{o.steps}_{o.towns}_{seed}'
            if not (out/'bundle.json').exists():
                train_bundle(small(RECIPES[n]()).set(**same, seed=seed), table, out, work/f'ready{o.towns}', progress=False)
            rows.append(dict(zip(KEY, (n,o.start or 'random',o.steps,o.gsd,o.towns,o.tta,seed)))|evaluate(out,test,o.tta,o.side,o.gsd))
            print({k: round(float(v),3) if isinstance(v,float) else v for k,v in rows[-1].items()}, flush=True)
    t = pd.concat([pd.read_csv(OUT), pd.DataFrame(rows).round(4)]).drop_duplicates(KEY, keep='last').sort_values(KEY)
    t.to_csv(OUT, index=False)
    print(t.groupby(KEY[:-1]).mean(numeric_only=True).drop(columns='seed').round(3))

if __name__=='__main__': main()
