"""Labels that were registered by a first network against labels as they are, and few steps against many, in cities never seen

    GEOFAST_DATA=... python benchmarks/open_cities/second_round.py --work FOLDER --seeds 0 1 2
    GEOFAST_DATA=... python benchmarks/open_cities/second_round.py --work FOLDER --seeds 0 1 2 --labels registered --steps 1200 --bs 16

For each city a first network, of 800 steps without that city, says by how much the labels of the other cities lie beside the buildings
that it sees there (`geofast clean`, nothing is dropped or added); they are moved by that, and the default recipe with footprint and interior
is trained on them without the city, as it is on the labels as they are. The network that moves the labels was trained on them, so it defends
what it has learnt: less is moved than by one of another fold. The city itself is scored by its labels as they are, with flips, on the images'
own pixels, at one half and at the threshold of the bundle that comes with the package. `moved` is how many labels were moved. Rows are
appended to second_round.csv.
"""
import argparse, csv
from dataclasses import replace
from pathlib import Path
import pandas as pd
from geofast.bundle import Bundle
from geofast.clean import REGISTER, clean_labels
from geofast.core import data_root
from geofast.evaluate import evaluate
from geofast.fit import fit_or_load, recipe_scenes
from geofast.job import check_device
from geofast.prepare import find_scenes
from geofast.recipes import Recipe
from geofast.tasks import objects

OUT = Path(__file__).with_suffix('.csv')
CITIES,KINDS = ['banepa_np','kampala_ug','nairobi_ke','zanzibar_tz'],['as they are','registered']
KEYS = 'iou','precision','recall','f1'

def recipe(**kw)->Recipe: return Recipe(name='drone', task=objects(helper='interior')).set(split='none', **kw)

def at(b:Bundle, threshold:float)->Bundle:
    "A bundle that decides at a threshold"
    task = recipe().task.set(region=threshold)
    c = replace(b.contract, outputs=list(task.outputs), objects=task.objects|dict(gsd=b.contract.gsd))
    return replace(b, contract=c, hash='')

def registered(raw, city, work)->pd.DataFrame:
    "The scene table with labels of other cities where a first network sees them"
    there,r = raw.group==city,recipe(steps=800)
    first = fit_or_load(work/f'without_{city}', r, recipe_scenes(r, raw, work/'scenes'), [city])
    return pd.concat([clean_labels(raw[~there], first, work/f'registered_without_{city}', REGISTER), raw[there]])

def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--work', type=Path, required=True, help="what is trained is kept here")
    p.add_argument('--cities', nargs='+', default=CITIES, choices=CITIES)
    p.add_argument('--labels', nargs='+', default=KINDS, choices=KINDS)
    p.add_argument('--seeds', nargs='+', type=int, default=[0])
    p.add_argument('--steps', type=int, default=400)
    p.add_argument('--bs', type=int, default=8)
    a = p.parse_args()
    raw = find_scenes(data_root('buildings_drone') or p.error('GEOFAST_DATA names no folder with buildings_drone'))
    if not OUT.exists(): OUT.write_text(','.join(('city','labels','steps','bs','seed','threshold','moved',*KEYS,'device'))+'\n')
    for city in a.cities:
        tables = {k: raw if k==KINDS[0] else registered(raw, city, a.work) for k in a.labels}
        for (kind,table),seed in ((o,s) for o in tables.items() for s in a.seeds):
            r,cache = recipe(steps=a.steps, bs=a.bs, seed=seed),'scenes' if table is raw else f'scenes_registered_without_{city}'
            name = f"{kind.replace(' ','_')}_{a.steps}_{a.bs}_{seed}_without_{city}"
            b = fit_or_load(a.work/name, r, recipe_scenes(r, table, a.work/cache), [city])
            moved = 0 if table is raw else int(table.moved.sum())
            for threshold in (.5,.4):
                s = evaluate(at(b,threshold), raw[raw.group==city], tta='flips')[0].loc['all']
                scores,device = [round(float(s[k]),4) for k in KEYS],check_device().split(':')[0]
                print(*(row:=[city, kind, a.steps, a.bs, seed, threshold, moved, *scores, device]), flush=True)
                with open(OUT,'a',newline='') as f: csv.writer(f, lineterminator='\n').writerow(row)

if __name__=='__main__': main()
