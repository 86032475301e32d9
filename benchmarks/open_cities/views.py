"""What larger tiles, several views and statistics of the city at hand add to a network that has never seen it, without training

    GEOFAST_DATA=... python benchmarks/open_cities/views.py FOLDER/without_kampala_ug FOLDER/without_banepa_np ...

Bundles as the first networks of `second_round.py`; the city is in the name of the folder. `statistics .5` takes means and variances of batch normalization half
from the training and half from 96 crops of the city itself, `statistics 1` whole (Li et al. 2018, AdaBN, Pattern Recognition 80). Several
resolutions are the mean of probabilities that were predicted at each. IoU, precision and recall of pixels and F1 of objects on the images'
own pixels, and seconds of CPU as a multiple of the first way. One row for each city and way goes to views.csv.
"""
import os
os.environ.setdefault('OMP_NUM_THREADS', '1')
import argparse, time
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
import numpy as np
import pandas as pd
import torch
from geofast.bundle import Bundle, load_bundle
from geofast.core import Win, data_root
from geofast.infer import predict_tile
from geofast.instance_scores import label_overlaps, object_scores
from geofast.kinds import IGNORE_INDEX
from geofast.labels import label_instances, label_mask
from geofast.metrics import IoUMeter
from geofast.prepare import find_scenes
from geofast.xyz import open_scene

CROPS = 96

def changed(b, **values): # of the contract
    "The bundle with other decisions of its contract"
    return Bundle(replace(b.contract, **values), b.models)

def with_statistics(b, rows, share, side=256):
    "The bundle whose batch normalization has seen crops of a city"
    rng,crops = np.random.default_rng(0),[]
    while len(crops)<CROPS:
        s = rows.iloc[rng.integers(len(rows))]
        with open_scene(s, b.contract.gsd) as g:
            at = [int(rng.integers(max(n-side,0)+1)) for n in g.shape]
            x,valid = g.read(Win(*at, side, side))
        if valid.mean()>.95: crops.append(x)
    batches,nets = torch.from_numpy(np.stack(crops)).float().split(16),[]
    for m in map(deepcopy, b.models):
        norms = [o for o in m.modules() if isinstance(o, torch.nn.BatchNorm2d)]
        old = [(o.running_mean.clone(),o.running_var.clone()) for o in norms]
        for o in norms:
            o.reset_running_stats()
            o.momentum = None # the mean of all batches
            o.train()
        with torch.no_grad():
            for x in batches: m(x)
            for o,was in zip(norms,old):
                for new,w in zip((o.running_mean,o.running_var),was): new.lerp_(w, 1-share)
        nets.append(m.eval())
    return Bundle(b.contract, nets)

def ways(b, rows):
    "Name of each way, and its bundles and augmentation; the probabilities of several bundles are averaged"
    three = [changed(b,gsd=round(b.contract.gsd*k,3)) for k in (.8,1,1.25)]
    return {'tiles of 256 px, overlap 64': ([changed(b,tile=256,overlap=64)],'none'),
            'tiles of 384 px, overlap 64': ([changed(b,tile=384,overlap=64)],'none'),
            'tiles of 512 px, overlap 64': ([changed(b,tile=512,overlap=64)],'none'),
            'tiles of 512 px, overlap 128': ([changed(b,tile=512,overlap=128)],'none'),
            'tiles of 1024 px, overlap 128': ([changed(b,tile=1024,overlap=128)],'none'),
            'flips': ([b],'flips'), 'D4': ([b],'d4'), 'flips, tiles of 384 px, overlap 64': ([changed(b,tile=384,overlap=64)],'flips'),
            'three resolutions': (three,'none'), 'three resolutions, flips': (three,'flips'),
            'statistics .5': ([with_statistics(b,rows,.5)],'none'), 'statistics 1': ([with_statistics(b,rows,1)],'none')}

def score(bundles, tta, rows):
    "Scores of all scenes of a city together"
    meter,found,t0 = IoUMeter(),[],time.process_time()
    for s in rows.itertuples():
        with open_scene(s, None) as g: truth,ids = label_mask(s, g)[0],label_instances(s, g)[0]
        views = [predict_tile(s.image, b, tta=tta) for b in bundles]
        p = replace(views[0], values={k: np.mean([v.values[k] for v in views],0) for k in views[0].values})
        meter.update(p.mask==1, np.where(p.valid,truth,IGNORE_INDEX))
        found.append(label_overlaps(p.instances(), ids, truth!=IGNORE_INDEX))
    c = meter.table().loc['all']
    return dict(iou=c.iou, precision=c.precision, recall=c.recall, f1=object_scores(found)['f1']), time.process_time()-t0

def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('bundles', nargs='+', type=Path)
    a = p.parse_args()
    raw,rows = find_scenes(data_root('buildings_drone') or p.error('GEOFAST_DATA names no folder with buildings_drone')),[]
    for path in a.bundles:
        b,city,first = load_bundle(path),path.name.removeprefix('without_'),None
        held = raw[raw.group==city]
        for name,(bundles,tta) in ways(b, held).items():
            s,seconds = score(bundles, tta, held)
            first = first or seconds
            rows.append(dict(city=city, way=name, **s, cost=seconds/first))
            print({k: v if isinstance(v,str) else round(float(v),4) for k,v in rows[-1].items()}, flush=True)
    t = pd.DataFrame(rows)
    t.round(4).to_csv(Path(__file__).with_suffix('.csv'), index=False)
    print(t.groupby('way',sort=False)[['iou','f1','cost']].mean().round(3))

if __name__=='__main__': main()
