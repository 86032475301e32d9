"""Near-duplicates of many chips on one core: images a second for the hashes, seconds for the groups.

    GEOFAST_DATA=... python benchmarks/loading/duplicates.py       # writes duplicates.csv; about two minutes

Hashes: the 88 chips of 300 x 300 px in mapping_coco, as JPEG files that the system has in its cache, ten times over.
`imagehash` hashes each as it is, geofast in all eight symmetries. Groups: random hashes of 300 000 images, a third of
them a copy that differs in two bits; without copies among the rest, which is the slowest case.
"""
import os, sys, time
os.environ['OMP_NUM_THREADS'] = '1'
if hasattr(os, 'sched_setaffinity'): os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
from pathlib import Path
import imagehash
import numpy as np
import pandas as pd
from PIL import Image
from geofast.core import data_root
from geofast.duplicates import image_hashes
from geofast.tiles import hash_groups

def seconds(f):
    start = time.process_time()
    out = f()
    return time.process_time()-start,out

def random_hashes(n, seed=0): # (n,8) uint64
    "Hashes of `n` images; the first third are copies of the second"
    h = np.random.default_rng(seed).integers(0, 2**64, (n,8), dtype=np.uint64)
    k = n//3
    h[:k] = h[k:2*k]^np.uint64(3)
    return h

def main():
    root = data_root('mapping_coco')
    if not root: sys.exit("GEOFAST_DATA names no folder with mapping_coco")
    files,rows = sorted(root.glob('*/images/*.jpg'))*10,[]
    image_hashes(files[:88])
    for name,f in dict(imagehash=lambda: [imagehash.phash(Image.open(p)) for p in files],
                       geofast=lambda: image_hashes(files)).items():
        s,_ = seconds(f)
        rows.append(dict(what=f'hashes, {name}', images=len(files), seconds=s, images_a_second=len(files)/s))
        print(rows[-1], flush=True)
    h = random_hashes(300_000)
    for name,x in (('as it is',h[:,:1]), ('turned',h)):
        s,g = seconds(lambda: hash_groups(x, 4))
        rows.append(dict(what=f'groups, {name}', images=len(h), seconds=s, images_a_second=len(h)/s, groups=g.max()+1))
        print(rows[-1], flush=True)
    t = pd.DataFrame(rows).round(dict(seconds=2,images_a_second=0)).astype(dict(images_a_second=int,groups='Int64'))
    t.to_csv(Path(__file__).parent/'duplicates.csv', index=False)

if __name__=='__main__': main()
