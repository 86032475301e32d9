"""Whether labels that were registered by a first network make a better second one, in a city that neither has seen

    GEOFAST_DATA=... python benchmarks/open_cities/second_round.py --work FOLDER --cities kampala_ug zanzibar_tz

FOLDER is that of `tools/ship.py`. FOLDER/without_CITY, which has not seen CITY, says by how much the labels of the other cities lie
beside the buildings that it sees there (`geofast clean`, nothing is dropped or added); they are moved by that, and the default recipe with
footprint and interior is trained on them without CITY, as it is on the labels as they are. The network that moves the labels was trained
on them, so it defends what it has learnt: less is moved than by one of another fold. CITY itself is scored by its labels as they are, with
flips, on the images' own pixels. `moved` is how many labels were moved. One row for each city, kind of labels and seed is appended to
second_round.csv.
"""
import argparse, csv
from pathlib import Path
import pandas as pd
from geofast.bundle import load_bundle
from geofast.clean import REGISTER, clean_labels
from geofast.core import data_root
from geofast.evaluate import evaluate
from geofast.fit import fit_or_load, recipe_scenes
from geofast.prepare import find_scenes
from geofast.recipes import Recipe
from geofast.tasks import objects

OUT = Path(__file__).with_suffix('.csv')
KEYS = 'iou','precision','recall','f1'

def registered(raw, city, work)->pd.DataFrame:
    "The scene table with labels of other cities where the first network sees them"
    there = raw.group==city
    moved = clean_labels(raw[~there], load_bundle(work/f'without_{city}'), work/f'registered_without_{city}', REGISTER)
    return pd.concat([moved,raw[there]])

def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--work', type=Path, required=True, help="with the bundles of tools/ship.py; what is trained is kept here")
    p.add_argument('--cities', nargs='+', required=True)
    p.add_argument('--seeds', nargs='+', type=int, default=[0])
    p.add_argument('--steps', type=int, default=400)
    a = p.parse_args()
    raw = find_scenes(data_root('buildings_drone') or p.error('GEOFAST_DATA names no folder with buildings_drone'))
    if not OUT.exists(): OUT.write_text(','.join(('city','labels','steps','seed','moved',*KEYS))+'\n')
    for city in a.cities:
        moved = registered(raw, city, a.work)
        for kind,table,n in (('as they are',raw,0),('registered',moved,int(moved.moved.sum()))):
            for seed in a.seeds:
                r = Recipe(name='drone', task=objects(helper='interior')).set(split='none', steps=a.steps, seed=seed)
                name = f"{kind.replace(' ','_')}_{a.steps}_{seed}_without_{city}"
                scenes = recipe_scenes(r, table, a.work/('scenes' if kind=='as they are' else f'scenes_registered_without_{city}'))
                b = fit_or_load(a.work/name, r, scenes, [city])
                s = evaluate(b, raw[raw.group==city], tta='flips')[0].loc['all']
                row = [city, kind, a.steps, seed, n, *(round(float(s[k]),4) for k in KEYS)]
                print(*row, flush=True)
                with open(OUT,'a',newline='') as f: csv.writer(f, lineterminator='\n').writerow(row)

if __name__=='__main__': main()
