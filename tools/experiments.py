"""Run the experiments that have a budget, 80 to 88, with their full budget and store their outputs in the notebooks: `make experiments`

    tools/experiments.py           all, two at a time, each with one thread: about 40 minutes on two cores
    tools/experiments.py 80 82     only those whose name begins so
A notebook that fails keeps its old outputs; what came of it is kept beside, and the last line says where.
"""
import argparse, os, subprocess, sys, tempfile, time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT/'nbs/experiments'

def run_one(path:Path, kept:Path)->int: # 0: stored in the notebook; 1: failed, stored in `kept`
    "Execute a notebook in this process; tell the cell that fails"
    from execnb.nbio import read_nb, write_nb
    from execnb.shell import CaptureShell
    os.chdir(path.parent)
    before, nb = path.read_bytes(), read_nb(path)
    for c in nb.cells:
        if c.cell_type=='code': c.outputs = []
    bad,shell = [],CaptureShell(str(path.parent))
    for c in nb.cells:
        if c.cell_type!='code': continue
        shell.cell(c)
        bad += ['\n'.join([c.source, *o['traceback']]) for o in c.outputs if o.get('output_type')=='error']
        if bad: break
    if path.read_bytes()!=before: bad.append('the notebook was edited while it ran')
    print(*bad, sep='\n')
    write_nb(nb, kept if bad else path)
    return bool(bad)

def run_book(path:Path)->bool: # whether it ran and is stored
    "Execute a notebook in a process of its own, with one thread and the full budget"
    env = dict(os.environ, GEOFAST_BUDGET='full', OMP_NUM_THREADS='1', MPLBACKEND='agg', PYTHONPATH=str(ROOT))
    kept, start = Path(tempfile.gettempdir())/f'failed_{path.name}', time.time()
    cmd = [sys.executable, '-W', 'ignore', __file__, '--one', str(path), '--kept', str(kept)]
    r = subprocess.run(cmd, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors='replace')
    if r.returncode: print(r.stdout[-6000:])
    word = f'FAILED, its outputs are in {kept}' if r.returncode else 'ok'
    print(f'{path.name}: {word}, {time.time()-start:.0f} s', flush=True)
    if r.returncode==0: subprocess.run([Path(sys.executable).with_name('nbdev_clean'), '--fname', path], cwd=ROOT)
    return r.returncode==0

def main()->int:
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('which', nargs='*', help='numbers of notebooks; all that have a budget when none is given')
    ap.add_argument('--workers', type=int, default=2, help='notebooks at a time')
    for o in ('--one', '--kept'): ap.add_argument(o, type=Path, help=argparse.SUPPRESS)
    a = ap.parse_args()
    if a.one: return run_one(a.one, a.kept)
    books = [p for p in sorted(FOLDER.glob('8*.ipynb')) if not a.which or p.name.startswith(tuple(a.which))]
    if not books: ap.error(f'no experiment begins with {" or ".join(a.which)}')
    with ThreadPoolExecutor(a.workers) as ex: done = list(ex.map(run_book, books))
    print(f'{sum(done)} of {len(done)} experiments ran with their full budget')
    return not all(done)

if __name__=='__main__': sys.exit(main())
