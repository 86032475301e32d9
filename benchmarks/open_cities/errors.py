"""What a person sees of the errors of a network in a city that it has never seen: outlines, areas, and buildings that are missing or invented

    GEOFAST_DATA=... python benchmarks/open_cities/errors.py FOLDER/unseen/without_*

Bundles of `tools/ship.py`; the city is in the name of the folder. With flips, on the images' own pixels, against the labels as they are.
`boundary` is the boundary IoU of the masks (Cheng et al. 2021, arXiv 2103.16562): IoU of what lies within one metre inside of their outlines.
`area` is the ground that is predicted, as a multiple of the ground that is labelled. Of objects at an IoU of .5: `found`, the share of
labelled buildings with a partner; `invented`, the share of predicted ones without; `area_error`, the median of |predicted/labelled - 1|
over the pairs. One row for each bundle goes to errors.csv.
"""
import argparse
from pathlib import Path
import numpy as np
import pandas as pd
from scipy import ndimage as ndi
from geofast.bundle import load_bundle
from geofast.core import data_root
from geofast.infer import predict_tile
from geofast.instance_scores import label_overlaps, match_objects
from geofast.kinds import IGNORE_INDEX
from geofast.labels import label_instances, label_mask
from geofast.metrics import IoUMeter
from geofast.prepare import find_scenes
from geofast.xyz import open_scene

def rim(mask, d): # (h,w) bool; px
    "What lies within `d` pixels inside of the outline"
    return mask&~ndi.minimum_filter(mask, 2*d+1, mode='constant', cval=True)

def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('bundles', nargs='+', type=Path)
    a = p.parse_args()
    raw,rows = find_scenes(data_root('buildings_drone') or p.error('GEOFAST_DATA names no folder with buildings_drone')),[]
    for path in a.bundles:
        b,city = load_bundle(path),path.name.removeprefix('without_')
        pixels,edges,n,errors = IoUMeter(),IoUMeter(),np.zeros(3,int),[]
        for s in raw[raw.group==city].itertuples():
            with open_scene(s, None) as g: truth,ids,d = label_mask(s, g)[0],label_instances(s, g)[0],max(1,round(1/g.gsd))
            r = predict_tile(s.image, b, tta='flips')
            known = r.valid&(truth!=IGNORE_INDEX)
            found,there = (r.mask==1)&known,(truth==1)&known
            pixels.update(found, np.where(known,truth,IGNORE_INDEX))
            edges.update(rim(found,d), np.where(known,rim(there,d),IGNORE_INDEX))
            o = label_overlaps(r.instances(), ids, truth!=IGNORE_INDEX)
            k = match_objects(o, .5)
            n += len(k),len(o.truth),len(o.pred)
            errors.append(abs(o.pred_area[o.i[k]]/o.truth_area[o.j[k]]-1))
        t = pixels.table().loc['all']
        rows.append(dict(city=city, bundle=path.name, iou=t.iou, boundary=edges.score(), area=(t.tp+t.fp)/(t.tp+t.fn), labelled=n[1],
                         found=n[0]/n[1], invented=1-n[0]/n[2], area_error=np.median(np.concatenate(errors))))
        print({k: v if isinstance(v,str) else round(float(v),4) for k,v in rows[-1].items()}, flush=True)
    pd.DataFrame(rows).round(4).to_csv(Path(__file__).with_suffix('.csv'), index=False)

if __name__=='__main__': main()
