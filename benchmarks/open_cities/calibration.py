"""Whether the probabilities of a bundle mean what they say on a city that it has not seen, and what IoU its labels allow

    GEOFAST_DATA=... python benchmarks/open_cities/calibration.py FOLDER/unseen/without_*

Bundles of `tools/ship.py`; the city is in the name of the folder. With flips, on the images' own pixels: Brier score, expected
calibration error of ten bins, and of each bin the mean probability and the share of building. `moved` is the IoU of the labels with
themselves, moved by one metre, mean over eight directions: what a perfect model would score if labels lay so far beside the roofs.
One row for each bundle goes to calibration.csv, one for each bin to reliability.csv.
"""
import argparse
from pathlib import Path
import numpy as np
import pandas as pd
from scipy import ndimage as ndi
from geofast.bundle import load_bundle
from geofast.core import data_root
from geofast.infer import predict_tile
from geofast.kinds import IGNORE_INDEX
from geofast.labels import label_mask
from geofast.metrics import IoUMeter
from geofast.prepare import find_scenes
from geofast.second_level import calibration_scores, reliability
from geofast.xyz import open_scene

HERE = Path(__file__).parent
AROUND = np.stack([np.sin(np.arange(8)*np.pi/4), np.cos(np.arange(8)*np.pi/4)], 1)

def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('bundles', nargs='+', type=Path)
    a = p.parse_args()
    raw,rows,bins = find_scenes(data_root('buildings_drone') or p.error('GEOFAST_DATA names no folder with buildings_drone')),[],[]
    for path in a.bundles:
        b,city,prob,right = load_bundle(path),path.name.removeprefix('without_'),[],[]
        moved,cut = IoUMeter(),{t: IoUMeter() for t in (.4,.5,.6,.7)}
        for s in raw[raw.group==city].itertuples():
            with open_scene(s, None) as g: truth,gsd = label_mask(s, g)[0],g.gsd
            r = predict_tile(s.image, b, tta='flips')
            known = r.valid&(truth!=IGNORE_INDEX)
            prob.append(r.prob[known])
            right.append(truth[known]==1)
            for t,m in cut.items(): m.update(r.prob>t, np.where(r.valid,truth,IGNORE_INDEX))
            for d in AROUND/gsd: moved.update(ndi.shift(truth, d, order=0, cval=IGNORE_INDEX)==1, truth)
        prob,right = np.concatenate(prob),np.concatenate(right)
        rows.append(dict(bundle=path.name, city=city, **calibration_scores(prob,right), mean=prob.mean(), building=right.mean(),
                         **{f'iou_{t}': m.score() for t,m in cut.items()}, moved=moved.score()))
        bins.append(reliability(prob, right).reset_index().assign(bundle=path.name))
        print({k: v if isinstance(v,str) else round(float(v),4) for k,v in rows[-1].items()}, flush=True)
    pd.DataFrame(rows).round(4).to_csv(HERE/'calibration.csv', index=False)
    pd.concat(bins)[['bundle','bin','n','confidence','share']].round(4).to_csv(HERE/'reliability.csv', index=False)

if __name__=='__main__': main()
