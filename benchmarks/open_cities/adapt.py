"""What a network gains that goes on learning from its own labels of a city which it has never seen, and what that costs

    GEOFAST_DATA=... python benchmarks/open_cities/adapt.py FOLDER/unseen/without_* --work WORK [--steps 100] [--seeds 0 1 2]

Bundles of `tools/ship.py`; the city is in the name of the folder. `adapt_bundle` is given the images of the city, not their labels, which
only score it, with flips and on the images' own pixels, before (0 steps) and after. `seconds` are those of the adaptation, pseudo-labels
included. Rows are appended to adapt.csv; those of 0 steps once. adapt.jpg shows where the network of the first seed gains most in each city,
and where it loses most. What is adapted is kept in WORK.
"""
import argparse, csv, time
from pathlib import Path
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from geofast.bundle import load_bundle
from geofast.core import data_root
from geofast.evaluate import evaluate
from geofast.infer import predict_tile
from geofast.kinds import IGNORE_INDEX
from geofast.labels import label_mask
from geofast.prepare import find_scenes
from geofast.rounds import adapt_bundle
from geofast.stack import read_raster
from geofast.viz import error_keys, error_map, to_rgb
from geofast.xyz import open_scene

OUT = Path(__file__).with_suffix('.csv')
KEYS = 'iou','precision','recall','f1'
SIDE = 40 # m of a view

def views(before, after, rows)->list: # of (gain, image, errors before, errors after), the largest gain first
    "Views of a city whose labels are known, by the share of their pixels that become right"
    out = []
    for s in rows.itertuples():
        with open_scene(s, None) as g: truth,n = label_mask(s, g)[0],round(SIDE/g.gsd)
        image,a,b = read_raster(s.image).pixels,*(predict_tile(s.image, m, tta='flips') for m in (before,after))
        known,n = a.valid&(truth!=IGNORE_INDEX),min(n,*truth.shape)
        for r,c in np.ndindex(*(k//n for k in truth.shape)):
            at = slice(n*r,n*r+n),slice(n*c,n*c+n)
            if known[at].mean()<.98: continue
            t,(p,q) = truth[at]==1,(m.mask[at]==1 for m in (a,b))
            out.append((float(((q==t).mean()-(p==t).mean())), to_rgb(image[:,*at]), error_map(p,t), error_map(q,t)))
    return sorted(out, key=lambda v: -v[0])

def draw(dst, cities:dict): # {city: (before, after, its scenes)}
    "The view of each city that gains most, and the one that loses most"
    fig,axes = plt.subplots(len(cities), 6, figsize=(10.5,1.95*len(cities)+.5), layout='constrained', squeeze=False)
    for ax in axes.flat: ax.axis('off')
    for row,(city,what) in zip(axes,cities.items()):
        v = views(*what)
        for k,(gain,*panels) in enumerate((v[0],v[-1])):
            for ax,x in zip(row[3*k:],panels): ax.imshow(x)
            row[3*k].set_title(f'{city}: {100*gain:+.1f} %', fontsize=9, loc='left')
            for ax,name in zip(row[3*k+1:],('before','after')): ax.set_title(name, fontsize=9, loc='left')
    fig.legend(handles=error_keys(), loc='outside lower center', ncols=4, frameon=False)
    fig.savefig(dst, dpi=90, pil_kwargs=dict(quality=75))
    plt.close(fig)

def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('bundles', nargs='+', type=Path)
    p.add_argument('--work', type=Path, required=True)
    p.add_argument('--steps', type=int, default=100)
    p.add_argument('--seeds', nargs='+', type=int, default=[0])
    a = p.parse_args()
    raw = find_scenes(data_root('buildings_drone') or p.error('GEOFAST_DATA names no folder with buildings_drone'))
    if not OUT.exists(): OUT.write_text(','.join(('city','steps','seed',*KEYS,'seconds'))+'\n')
    scored,shown = {*pd.read_csv(OUT).query('steps==0').city},{}
    def note(city, steps, seed, b, seconds):
        s = evaluate(b, raw[raw.group==city], tta='flips')[0].loc['all']
        row = [city, steps, seed, *(round(float(s[k]),4) for k in KEYS), round(seconds)]
        print(*row, flush=True)
        with open(OUT,'a',newline='') as f: csv.writer(f, lineterminator='\n').writerow(row)
    for path in a.bundles:
        b,city = load_bundle(path),path.name.removeprefix('without_')
        there = raw[raw.group==city]
        if city not in scored: note(city, 0, '', b, 0)
        for seed in a.seeds:
            t0 = time.perf_counter()
            adapted = adapt_bundle(b, there.drop(columns='label'), a.work/f'{seed}_{city}', steps=a.steps, seed=seed, progress=False)
            note(city, a.steps, seed, adapted, time.perf_counter()-t0)
            shown.setdefault(city, (b,adapted,there))
    draw(OUT.with_suffix('.jpg'), shown)

if __name__=='__main__': main()
