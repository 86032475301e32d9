"""Seconds of CPU for COCO's average precision and the score of Urban 3D, by the library and by others

    pip install --no-deps pycocotools==2.0.11 && python benchmarks/post/scores.py      (about two minutes, one thread)

`AP of masks`: 400 images of 300 x 300 pixels with 25 objects each, and detections that are moved, missed, invented and
scored with many ties. From run-length codes on both sides, as they come from a file of results, to the mean over ten
IoUs; the other sides are pycocotools and faster-coco-eval. `AP of labels`: the same from label images; the other sides
have to encode them first. `Urban 3D`: ten tiles of 512 x 512 pixels with uncertain objects, some in pieces, and places
without heights, beside the rules as they are written, mask against mask. All run in this process one after the other,
so their ratio says more than the seconds; `difference` is the largest between the scores. Rows go to scores.csv beside
this file.
"""
import os
os.environ.setdefault('OMP_NUM_THREADS', '1')
import contextlib, io
from pathlib import Path
import faster_coco_eval
import numpy as np
import pandas as pd
import pycocotools.coco
import pycocotools.cocoeval
from faster_coco_eval.core import mask as faster_mask
from pycocotools import mask as coco_mask
from scipy import ndimage as ndi
from geofast.instance_scores import coco_scores, label_overlaps, mask_overlaps, urban3d_counts, urban3d_score
from instances import best_of

SIDES = dict(pycocotools=(pycocotools.coco.COCO, pycocotools.cocoeval.COCOeval, coco_mask),
             faster=(faster_coco_eval.COCO, faster_coco_eval.COCOeval_faster, faster_mask))

def boxes(rng, h, n)->np.ndarray: # (h,h) int32
    "Rectangles in one cell each, numbered"
    side = h//n
    x = np.zeros((h,h),np.int32)
    for i,(r,c) in enumerate(np.ndindex(n,n),1):
        a,b = rng.integers(side//3,side-1,2)
        r,c = r*side+rng.integers(0,side-a), c*side+rng.integers(0,side-b)
        x[r:r+a,c:c+b] = i
    return x

def detected(rng, x)->np.ndarray:
    "Labels as a network would find them: moved, missed, with crumbs, some in pieces"
    y = np.roll(x, rng.integers(-2,3,2), (0,1))
    y = np.where(np.isin(y,rng.choice(y.max(),y.max()//8)+1), 0, y)
    y[:,::97] = 0
    for i in range(3): y[tuple(slice(o,o+4) for o in rng.integers(0,len(y)-4,2))] = x.max()+1+i
    return y

def codes(api, x)->list: # run-length codes of the objects of a label image
    found = api.encode(np.asfortranarray(np.stack([x==i for i in np.unique(x[x>0])],2).astype(np.uint8)))
    return [dict(o,counts=o['counts'].decode()) for o in found] # as in a file

def records(k, i, codes, api, **more):
    side = zip(codes, api.area(codes).tolist(), api.toBbox(codes).tolist(), strict=True)
    return [dict(id=k+n, image_id=i, category_id=1, segmentation=c, area=a, bbox=b, iscrowd=0,
                 **{name: v[n-1] for name,v in more.items()}) for n,(c,a,b) in enumerate(side,1)]

def coco_ap(side, truth, found, scores, h)->float: # run-length codes of each image
    "AP as COCO's own code has it"
    COCO,Eval,api = SIDES[side]
    annotations = []
    for i,c in enumerate(truth): annotations += records(len(annotations), i, c, api)
    with contextlib.redirect_stdout(io.StringIO()):
        gt = COCO()
        gt.dataset = dict(info={}, images=[dict(id=i,height=h,width=h) for i in range(len(truth))],
                          annotations=annotations, categories=[dict(id=1,name='object')])
        gt.createIndex()
        dt = gt.loadRes([o for i,(c,s) in enumerate(zip(found,scores)) for o in records(0,i,c,api,score=s)])
        e = Eval(gt, dt, 'segm')
        e.evaluate()
        e.accumulate()
        e.summarize()
    return float(e.stats[0])

def literal_counts(pred, truth, hidden)->tuple: # the rules of the first round
    "The rules of Urban 3D one after the other, with a mask for each object"
    S,T = ({k: x==k for k in np.unique(x[x!=0])} for x in (pred,truth))
    edge = hidden.copy()
    edge[[0,-1]] = edge[:,[0,-1]] = True
    unsure = {k: k<0 or ((t&edge).any() and (t&~hidden).sum()<100) for k,t in T.items()}
    tp,fp,taken = 0,0,set()
    for s in S.values():
        if ndi.label(s)[1]>1: continue
        iou = {k: (s&t&~hidden).sum()/(s|t&~hidden).sum() for k,t in T.items() if k not in taken}
        best = min(iou, key=lambda k: (-iou[k],k), default=None)
        if best is None or iou[best]<=.45: fp += 1
        else:
            taken.add(best)
            tp += not unsure[best]
    return tp,fp,sum(not unsure[k] and k not in taken for k in T)

def ap_rows(rng, n=400, h=300):
    truth = [boxes(rng,h,5) for _ in range(n)]
    found = [detected(rng,x) for x in truth]
    scores = [np.round(rng.random(len(np.unique(y[y>0]))),1) for y in found]
    T,F = ([codes(coco_mask,x) for x in side] for side in (truth,found))
    ours = {'AP of masks': lambda: coco_scores([(mask_overlaps(f,t),s) for f,t,s in zip(F,T,scores)])['ap'],
            'AP of labels': lambda: coco_scores([(label_overlaps(f,t),s) for f,t,s in zip(found,truth,scores)])['ap']}
    for side,(_,_,api) in SIDES.items():
        def from_labels(): return coco_ap(side, *([codes(api,x) for x in o] for o in (truth,found)), scores, h)
        theirs = {'AP of masks': lambda: coco_ap(side, T, F, scores, h), 'AP of labels': from_labels}
        for score,f in ours.items():
            base,want = best_of(2, theirs[score])
            fast,got = best_of(3, f)
            yield dict(score=score, other=side, value=got, difference=abs(got-want), other_s=base, geofast_s=fast)

def urban_row(rng, n=10, h=512):
    tiles = []
    for _ in range(n):
        x = boxes(rng, h, 10)
        hidden = ndi.gaussian_filter(rng.random((h,h)),20)<.495
        unsure = np.isin(x, rng.choice(x.max(),10)+1)
        tiles.append((detected(rng,x), np.where(unsure,-x,x), hidden))
    base,want = best_of(1, lambda: [literal_counts(*o) for o in tiles])
    fast,got = best_of(3, lambda: [urban3d_counts(*o) for o in tiles])
    off = np.abs(np.array(want)-np.array(got)).max()
    return dict(score='Urban 3D', other='literal', value=urban3d_score(got), difference=off, other_s=base,
                geofast_s=fast)

def main():
    rng,rows = np.random.default_rng(0),[]
    for r in (*ap_rows(rng), urban_row(rng)):
        rows.append(r|dict(ratio=r['other_s']/r['geofast_s']))
        print(rows[-1], flush=True)
    t = pd.DataFrame(rows).round(dict(value=4,difference=9,other_s=2,geofast_s=3,ratio=1))
    t.to_csv(Path(__file__).parent/'scores.csv', index=False)

if __name__=='__main__': main()
