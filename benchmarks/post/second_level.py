"""AP50 of objects on drone scenes with a second level that was learned in other cities

    GEOFAST_DATA=FOLDER python benchmarks/post/second_level.py        (about six minutes, one thread)

The model that comes with the package predicts seven scenes of four cities at 15 cm, as they are (`seen`: it was trained
on these cities, so its maps are better there than they would be elsewhere) and with colors that it has not seen
(`shifted`: channels swapped, gamma 1.6). Only the second level leaves the city out that it is scored on: its trees and
its calibration come from the other three. Ways: components above .5 and candidates at 19 thresholds, by mean
probability times root of area; the second level with and without features of the image, and a random forest. One row
for each domain, way, seed and city (`all`: the detections of the four together) goes to second_level.csv beside this
file; brier and ece are those of the confidence of the objects that are picked.
"""
import os
os.environ.setdefault('OMP_NUM_THREADS', '1')
from pathlib import Path
import numpy as np
import pandas as pd
from scipy import ndimage as ndi
from seeds import scene, shifted
from geofast.candidates import label_candidates, region_features, threshold_candidates
from geofast.infer import predict_tile
from geofast.instance_scores import coco_scores, label_overlaps
from geofast.second_level import SecondLevel, best_iou, calibration_scores

SCENES = 'banepa_np_0 banepa_np_1 kampala_ug_0 nairobi_ke_0 nairobi_ke_1 zanzibar_tz_0 zanzibar_tz_1'.split()
CITY = np.array([n[:-2] for n in SCENES])
WAYS = {'second level':{}, 'second level, no image':dict(image=False), 'second level, forest':dict(forest=True,rounds=50)}

def root_score(c): return (c.table['mean']*np.sqrt(c.table.area)).values

def measure(x, truth)->dict: # of one scene
    "Candidates, features and overlaps"
    p = np.float32(predict_tile(x,'drone').prob)
    c,labels = threshold_candidates(p, min_px=64),ndi.label(p>.5)[0]
    labels[np.bincount(labels.ravel())[labels]<64] = 0
    plain = label_overlaps(labels,truth),root_score(label_candidates(labels,p)[0])
    return dict(c=c, truth=truth, iou=best_iou(c.overlaps(truth)), features=region_features(c,p,x), plain=plain)

def picked(o, score, iou=0.): # overlaps, scores of what stays
    keep = o['c'].suppress(score, iou)
    if not iou: return label_overlaps(o['c'].paint(keep),o['truth']),score[keep]
    all_ = o['c'].overlaps(o['truth'])
    return all_._replace(iou=np.where(keep[all_.i],all_.iou,0)),np.where(keep,score,-1)

def learned(scenes, seed, image=True, **kw): # (overlaps, confidence) of each scene, from other cities
    tables = [o['features'] if image else o['features'].filter(regex='^(?!band)') for o in scenes]
    out = [None]*len(scenes)
    for city in np.unique(CITY):
        others = np.flatnonzero(CITY!=city)
        rows = pd.concat([tables[i] for i in others]),np.concatenate([scenes[i]['iou'] for i in others])
        places = np.repeat(CITY[others], [len(tables[i]) for i in others])
        level = SecondLevel.fit(*rows, places, seed=seed, **(dict(rounds=100)|kw))
        for i in np.flatnonzero(CITY==city):
            o,raw = picked(scenes[i], level.raw(tables[i]))
            out[i] = o,raw,level.confidence(raw)
    return out

def rows(way, results, sure=False, **kw):
    for city in ('all',*np.unique(CITY)):
        part = [r for r,c in zip(results,CITY) if city in ('all',c)]
        s = coco_scores([r[:2] for r in part], max_dets=2000)
        row = dict(kw, way=way, city=city, ap50=s['ap50'], ar50=s['ar50'], ap=s['ap'])
        if sure:
            hit = np.concatenate([best_iou(r[0])>.5 for r in part])
            row |= calibration_scores(np.concatenate([r[2] for r in part]), hit)
        yield row

def main():
    out,data = [],[scene(n) for n in SCENES]
    for domain,change in dict(seen=np.asarray,shifted=shifted).items():
        scenes = [measure(change(x),truth) for x,truth in data]
        print(domain, sum(len(o['c']) for o in scenes), 'candidates', flush=True)
        out += rows('components at .5', [o['plain'] for o in scenes], domain=domain, seed=0)
        for name,iou in {'19 thresholds':.5,'19 thresholds, none overlap':0.}.items():
            out += rows(name, [picked(o,root_score(o['c']),iou) for o in scenes], domain=domain, seed=0)
        for way,kw in WAYS.items():
            for seed in range(3):
                out += rows(way, learned(scenes,seed,**kw), True, domain=domain, seed=seed)
                print(domain, way, seed, out[-5], flush=True)
    t = pd.DataFrame(out)
    for k in ('mean','std'):
        print(k, t.pivot_table(['ap50'],['domain','way'],'city',aggfunc=k,sort=False).round(3).to_string(), sep='\n')
    t.round(4).to_csv(Path(__file__).with_suffix('.csv'), index=False)

if __name__=='__main__': main()
