"""Scores of networks in cities that they have never seen, against labels as they are and against labels registered to the imagery

    GEOFAST_DATA=... python benchmarks/open_cities/registered.py FOLDER/unseen/without_*

Bundles of `tools/ship.py`; the city is in the name of the folder. The labels are moved by `geofast clean`, which compares them with the
prediction of a network that has not seen the city (`registered`), and then also lose those without evidence and gain what no label covers
(`cleaned`). The network that is scored is the one that they were moved to, so these are upper bounds of what labels in their place would
say, not scores of it. One row for each city and kind of labels goes to registered.csv.
"""
import argparse, tempfile
from pathlib import Path
import numpy as np
import pandas as pd
from geofast.bundle import load_bundle
from geofast.clean import REGISTER, Rules, clean_labels
from geofast.core import data_root
from geofast.evaluate import evaluate
from geofast.prepare import find_scenes

KINDS = {'registered': REGISTER, 'cleaned': Rules()}

def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('bundles', nargs='+', type=Path)
    a = p.parse_args()
    raw,rows = find_scenes(data_root('buildings_drone') or p.error('GEOFAST_DATA names no folder with buildings_drone')),[]
    for path in a.bundles:
        b,city = load_bundle(path),path.name.removeprefix('without_')
        held = raw[raw.group==city]
        with tempfile.TemporaryDirectory() as tmp:
            tables = {k: clean_labels(held, b, Path(tmp)/k, r) for k,r in KINDS.items()}
            for kind,t in (('as they are',held),*tables.items()):
                s = evaluate(b, t, tta='flips')[0].loc['all']
                moved = np.hypot(t.east,t.north).mean() if 'east' in t else 0
                rows.append(dict(city=city, labels=kind, iou=s.iou, f1=s.f1, objects=s.objects, moved_m=moved))
                print({k: v if isinstance(v,str) else round(float(v),3) for k,v in rows[-1].items()}, flush=True)
    t = pd.DataFrame(rows).round(4)
    t.to_csv(Path(__file__).with_suffix('.csv'), index=False)
    print(t.groupby('labels',sort=False)[['iou','f1']].mean().round(3))

if __name__=='__main__': main()
