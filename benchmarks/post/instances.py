"""Seconds of CPU to number the objects of a map of probability, by the library and by scikit-image on the whole map

    python benchmarks/post/instances.py        (about two minutes, one thread)

The map has 4096 x 4096 pixels and 4096 rectangles that were turned, moved and blurred at random, so that some touch.
`literal` is the rule as it was published: label, drop small ones, flood all. Both run in this process one after the
other, so their ratio says more than the seconds. One row for each rule goes to instances.csv beside this file.
"""
import os
os.environ.setdefault('OMP_NUM_THREADS', '1')
import time
from dataclasses import replace
from pathlib import Path
import numpy as np
import pandas as pd
from scipy import ndimage as ndi
from skimage.segmentation import watershed
from geofast.instances import PUBLISHED, SeedRule, watershed_instances

def random_map(n:int=4096, cell:int=64, seed:int=0)->np.ndarray: # (n,n) float32
    "Probability of rectangles, one in each cell, 18 to 48 px long"
    rng = np.random.default_rng(seed)
    z = np.full((n,n), -4, np.float32)
    v,u = np.mgrid[-48:49,-48:49].astype(np.float32)
    for i in np.ndindex(n//cell, n//cell):
        at = (np.array(i)+.5)*cell+rng.uniform(-12,12,2)
        a,(w,l) = rng.uniform(0,np.pi),rng.uniform(9,24,2)
        r,c = at.astype(int)
        y,x = v+r-at[0],u+c-at[1]
        d = .4*np.minimum(w-abs(x*np.cos(a)+y*np.sin(a)), l-abs(y*np.cos(a)-x*np.sin(a)))
        box = tuple(slice(max(0,o-48),min(n,o+49)) for o in (r,c))
        z[box] = np.maximum(z[box], d[tuple(slice(s.start-o+48,s.stop-o+48) for s,o in zip(box,(r,c)))])
    z += 2*ndi.gaussian_filter(rng.standard_normal((n,n)).astype(np.float32), 2)
    return 1/(1+np.exp(-z.clip(-4,4)))

def large(m, px):
    lab = ndi.label(m)[0]
    return (np.bincount(lab.ravel())>=px)[lab]&m

def literal(prob, rule)->np.ndarray: # (h,w)
    "The rule with scikit-image on the whole map"
    region = large(prob>rule.region, rule.region_px)
    seeds = ndi.label(large(prob>rule.seed, rule.seed_px))[0]
    return watershed(region if rule.geodesic else -prob, seeds, mask=region, watershed_line=rule.line)

def best_of(n, f): # seconds of CPU, result
    seconds = []
    for _ in range(n):
        start = time.process_time()
        out = f()
        seconds.append(time.process_time()-start)
    return min(seconds),out

def main():
    prob,rows = random_map(),[]
    ours = SeedRule(.7, .3)
    rules = dict(probability=ours, line=replace(ours,line=True), geodesic=replace(ours,geodesic=True),
                 published=PUBLISHED)
    for name,rule in rules.items():
        base,want = best_of(1, lambda: literal(prob,rule))
        fast,got = best_of(3, lambda: watershed_instances(prob,rule))
        want = np.searchsorted(np.unique(want), want)
        rows.append(dict(rule=name, objects=int(got.max()), literal_s=base, geofast_s=fast, ratio=base/fast,
                         equal=(got==want).mean()))
        print(rows[-1], flush=True)
    t = pd.DataFrame(rows).round(dict(literal_s=2,geofast_s=3,ratio=1,equal=6))
    t.to_csv(Path(__file__).parent/'instances.csv', index=False)

if __name__=='__main__': main()
