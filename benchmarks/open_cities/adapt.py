"""What a network gains that goes on learning from its own labels of a city which it has never seen, and what that costs

    GEOFAST_DATA=... python benchmarks/open_cities/adapt.py FOLDER/unseen/without_* [--steps 100]

Bundles of `tools/ship.py`; the city is in the name of the folder. `adapt_bundle` is given the images of the city, not their labels, which
only score it, with flips and on the images' own pixels, before (0 steps) and after. `seconds` are those of the adaptation, pseudo-labels
included. Rows are appended to adapt.csv.
"""
import argparse, csv, tempfile, time
from pathlib import Path
from geofast.bundle import load_bundle
from geofast.core import data_root
from geofast.evaluate import evaluate
from geofast.prepare import find_scenes
from geofast.rounds import adapt_bundle

OUT = Path(__file__).with_suffix('.csv')
KEYS = 'iou','precision','recall','f1'

def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('bundles', nargs='+', type=Path)
    p.add_argument('--steps', type=int, default=100)
    p.add_argument('--seeds', nargs='+', type=int, default=[0])
    a = p.parse_args()
    raw = find_scenes(data_root('buildings_drone') or p.error('GEOFAST_DATA names no folder with buildings_drone'))
    if not OUT.exists(): OUT.write_text(','.join(('city','steps','seed',*KEYS,'seconds'))+'\n')
    def note(city, steps, seed, b, seconds):
        s = evaluate(b, raw[raw.group==city], tta='flips')[0].loc['all']
        row = [city, steps, seed, *(round(float(s[k]),4) for k in KEYS), round(seconds)]
        print(*row, flush=True)
        with open(OUT,'a',newline='') as f: csv.writer(f, lineterminator='\n').writerow(row)
    for path in a.bundles:
        b,city = load_bundle(path),path.name.removeprefix('without_')
        images = raw[raw.group==city].drop(columns='label')
        note(city, 0, '', b, 0)
        for seed in a.seeds:
            with tempfile.TemporaryDirectory() as tmp:
                t0 = time.perf_counter()
                adapted = adapt_bundle(b, images, Path(tmp)/'adapted', steps=a.steps, seed=seed, progress=False)
                note(city, a.steps, seed, adapted, time.perf_counter()-t0)

if __name__=='__main__': main()
