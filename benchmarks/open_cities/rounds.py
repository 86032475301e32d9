"""What follows a first round, in a city that nobody labelled: an ensemble, its opinion as labels (hard, or only where it is sure), and distillation.

    GEOFAST_DATA=... python benchmarks/open_cities/rounds.py --work FOLDER --steps 200     # after run.py with the same folder and steps

The teachers are the models of `best` that run.py left in FOLDER, seeds 0 to 2. The students are trained by the same recipe with seed 3, for as many
steps: on the labels of the other cities alone (control), with the city's own images under the teachers' labels beside them (hard, sure), or held to the
teachers on each crop (distilled); a fifth of the ground is kept for validation in each. All are scored on the city's true labels, which none of them has seen.
"""
import argparse, csv
from pathlib import Path
import pandas as pd
from geofast.bundle import Bundle, join_bundles
from geofast.core import data_root
from geofast.datasets import find_scenes, prepare
from geofast.distill import Distill, pseudo_scenes
from geofast.open_cities import best
from geofast.recipes import evaluate, fit_recipe, recipe_spec

OUT = Path(__file__).with_name('rounds.csv'); KEYS = ('city','what','steps','iou','precision','recall')
def done(): return {(r['city'],r['what'],r['steps']) for r in csv.DictReader(open(OUT))} if OUT.exists() else set()

def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--work', type=Path, required=True); p.add_argument('--steps', type=int, default=400); p.add_argument('--cities', nargs='+')
    p.add_argument('--ways', nargs='+', default=['ensemble','control','hard','sure','distilled'])
    a = p.parse_args(); data = data_root('buildings_drone')
    if not data: p.error("GEOFAST_DATA names no folder with buildings_drone")
    raw = find_scenes(data); raw = raw.assign(shared=raw.label.duplicated(keep=False)); r = best(seed=3, steps=a.steps)
    scenes = prepare(raw, a.work/'scenes', r.gsd, False)
    if not OUT.exists(): OUT.write_text(','.join(KEYS)+'\n')
    for city in a.cities or sorted(raw.group.unique()):
        own = raw[raw.group==city]; team = join_bundles([a.work/f'best_{a.steps}_{s}'/f'without_{city}' for s in range(3)], a.work/'teams'/city)
        def student(extra=None, cbs=None):
            t = pd.concat([scenes[scenes.group!=city],extra], ignore_index=True)
            return Bundle(recipe_spec(r, t, None, 0), [fit_recipe(r, t, progress=False, cbs=cbs).model.eval()])
        def pseudo(sure): t = pseudo_scenes(own, team, a.work/f'pseudo_{sure}', sure); return t.assign(scene=t.scene+'_pseudo', group='pseudo')
        ways = dict(ensemble=lambda: team, control=student, hard=lambda: student(pseudo(.5)), sure=lambda: student(pseudo(.8)),
                    distilled=lambda: student(cbs=[Distill(team)]))
        for what in a.ways:
            if (city,what,str(a.steps)) in done(): continue
            o = evaluate(ways[what](), own, 'flips')[0].loc['all']
            with open(OUT,'a',newline='') as f: csv.writer(f, lineterminator='\n').writerow([city,what,a.steps,*(round(float(o[k]),4) for k in KEYS[3:])])
    t = pd.read_csv(OUT); print(t[t.steps==a.steps].pivot_table(index='what', columns='city', values='iou').assign(mean=lambda d: d.mean(axis=1)).round(3))

if __name__=='__main__': main()
