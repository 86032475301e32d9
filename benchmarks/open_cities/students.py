"""Leave one city out: the ensemble of the seeds that run.py has trained, and a student distilled from it.

    GEOFAST_DATA=... python benchmarks/open_cities/run.py --work FOLDER --variants best --seeds 0 1 2 --steps 200
    GEOFAST_DATA=... python benchmarks/open_cities/students.py --work FOLDER --what "ensemble of seeds"
    GEOFAST_DATA=... python benchmarks/open_cities/students.py --work FOLDER --what student --cities banepa_np kampala_ug

Neither the members nor the student have seen the city that they are scored on, not even its images. What is finished is in
students.csv, and is not done again; several processes may share the cities.
"""
import argparse, csv
from pathlib import Path
import pandas as pd
from geofast.bundle import Bundle, load_bundle
from geofast.core import data_root
from geofast.prepare import find_scenes, prepare_scenes
from geofast.distill import Distill
from geofast.open_cities import best
from geofast.evaluate import evaluate
from geofast.fit import fit_or_load
from geofast.recipes import small

OUT = Path(__file__).with_name('students.csv')
KEYS = ('left_out','what','steps','tp','fp','fn','iou','precision','recall')

def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--work', type=Path, required=True, help="of run.py")
    p.add_argument('--seeds', type=int, nargs='+', default=[0,1,2])
    p.add_argument('--steps', type=int, default=200, help="of the members; the student takes twice as many")
    p.add_argument('--cities', nargs='+')
    p.add_argument('--what', nargs='+', default=['ensemble of seeds','student'])
    a = p.parse_args()
    data = data_root('buildings_drone')
    if not data: p.error("GEOFAST_DATA names no folder with buildings_drone")
    if not OUT.exists(): OUT.write_text(','.join(KEYS)+'\n')
    student = small(best(name='student', seed=len(a.seeds)), 2*a.steps)
    raw = find_scenes(data)
    raw = raw.assign(shared=raw.label.duplicated(keep=False))
    scenes = prepare_scenes(raw, a.work/'scenes', gsd=student.data.gsd, progress=False)
    for city in a.cities or sorted(raw.group.unique()):
        members = [load_bundle(a.work/f'best_{a.steps}_{s}'/f'without_{city}') for s in a.seeds]
        teacher = Bundle(members[0].contract, [m for b in members for m in b.models])
        def score(what, make, steps):
            if what not in a.what or any((r['left_out'],r['what'])==(city,what) for r in csv.DictReader(open(OUT))): return
            r = evaluate(make(), raw[raw.group==city], tta='flips')[0].loc['all']
            row = [city, what, steps, *(int(r[k]) for k in KEYS[3:6]), *(round(float(r[k]),4) for k in KEYS[6:])]
            with open(OUT,'a',newline='') as f: csv.writer(f, lineterminator='\n').writerow(row) # one short line: whole, whoever else appends
            print(*row, flush=True)
        score('ensemble of seeds', lambda: teacher, a.steps)
        def distilled():
            out = a.work/f'student_{a.steps}'/f'without_{city}'
            return fit_or_load(out, student, scenes, holdout=[city], progress=False, cbs=[Distill(teacher)],
                               more=dict(teacher=teacher.fingerprint()))
        score('student', distilled, student.schedule.steps)
    print(pd.read_csv(OUT).pivot_table(index='what', columns='left_out', values='iou').assign(mean=lambda d: d.mean(axis=1)).round(3))

if __name__=='__main__': main()
