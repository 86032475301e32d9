"""Prediction of rasters, measured: speed against the pure forward pass and against peers, memory, start-up.

    python benchmarks/predict/run.py                      # all rows, both networks, one core and two
    python benchmarks/predict/run.py forward null memory  # some of them
    python benchmarks/predict/run.py agree --bundle demo/bundle

Each measurement is a process of its own, pinned to its cores; contenders alternate, and the median of the ratios counts.
"""
import argparse, csv, json, os, statistics, subprocess, sys, tempfile
from pathlib import Path

HERE = Path(__file__).parent
GOALS = dict(forward='92 % on 1 core, 90 % on 2', null='30 Mpx/s/core', peers='8', memory='350 MB', huge='2 GB', start='1 s', agree='-')

def child(name, *args, cores=1, timeout=3600):
    "Run `worker.py NAME ARGS` on so many cores; returns what it prints as JSON"
    env = dict(os.environ, OMP_NUM_THREADS=str(cores), HF_HUB_OFFLINE='1')
    r = subprocess.run(['taskset','-c',f'0-{cores-1}',sys.executable,'-W','ignore',str(HERE/'worker.py'),name,*map(str,args)], env=env,
                       capture_output=True, text=True, timeout=timeout)
    if r.returncode: sys.exit(f"{name} {args} failed:\n{r.stderr[-2000:]}")
    return json.loads(r.stdout.strip().splitlines()[-1])

def say(row):
    print(' | '.join(str(row[k]) for k in ('row','case','measured','goal')), flush=True)
    return row

def line(row, case, measured): return say(dict(row=row, case=case, measured=measured, goal=GOALS[row]))

def forward(work, repeats):
    "End to end against the forward pass on the same tiles in memory"
    for cores in (1,2):
        runs = [(child('forward',work,'unet',cores=cores)['seconds'], child('raster',work,'unet',cores=cores)['seconds']) for _ in range(repeats)]
        ratio = statistics.median(f/r for f,r in runs)
        yield line('forward', f'U-Net resnet18, 4096 x 4096, {cores} core(s)',
                   f'{ratio:.1%} of the forward pass ({", ".join(f"{f:.2f}/{r:.2f} s" for f,r in runs)})')

def null(work, repeats):
    "The pipeline alone: a network that does next to nothing"
    for cores in (1,2):
        runs = [(child('forward',work,'null',cores=cores)['seconds'], child('raster',work,'null',cores=cores)['seconds']) for _ in range(repeats)]
        rest,whole = (statistics.median(16.777216/t/cores for t in ts) for ts in ([r-f for f,r in runs],[r for _,r in runs]))
        yield line('null', f'1x1 convolution, 4096 x 4096, {cores} core(s)', f'{rest:.1f} Mpx/s/core without its forward pass, {whole:.1f} with it')

def memory(work, repeats):
    "Memory beside the loaded model"
    for w,h,net,mem in ((4096,4096,'null',300),(16384,4096,'null',300),(16384,16384,'null',300),(16384,2048,'unet',300),(16384,4096,'null',1000)):
        r = child('memory', work, net, w, h, mem)
        yield line('memory', f'{net}, {w} x {h}, max_mem={mem}', f"{r['extra_mb']:.0f} MB in {r['seconds']:.0f} s")

def huge(work, repeats):
    "100 000 x 100 000 pixels, sparse input"
    r = child('huge', work)
    yield line('huge', 'null, 100 000 x 100 000, sparse', f"{r['peak_mb']:.0f} MB in all, {r['extra_mb']:.0f} MB beside the model, {r['seconds']:.0f} s")

def start(work, repeats):
    "What the import costs beyond torch"
    runs = [(child('import','torch')['seconds'], child('import','geofast.infer')['seconds']) for _ in range(repeats)]
    yield line('start', '`from geofast.infer import predict_tile`', f'{statistics.median(b-a for a,b in runs):.2f} s beyond `import torch`')

def peers(work, repeats):
    "The call that others document, the same network, fp32, as it comes"
    for name in ('window_loop','monai_whole'):
        runs = [(child('peer',work,name,cores=2)['seconds'], child('raster',work,'unet',cores=2)['seconds']) for _ in range(max(1,repeats-2))]
        yield line('peers', f'{name}, 4096 x 4096, 2 cores', f"geofast is {statistics.median(a/b for a,b in runs):.1f} times as fast")

def agree(work, repeats, bundle=None):
    "bf16 against fp32 with trained weights on real scenes"
    if bundle and os.environ.get('GEOFAST_DATA'):
        r = child('agree', bundle, cores=2)
        yield line('agree', f"bf16 against fp32, trained weights, {r['pixels']/1e6:.0f} Mpx of real scenes",
                   f"{r['same']:.3%} of the mask equal, mean |dp| {r['mean']:.5f}, largest {r['largest']:.3f}")

ROWS = dict(forward=forward, null=null, memory=memory, huge=huge, start=start, peers=peers, agree=agree)

def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('rows', nargs='*', default=[], metavar='row', help=f"of {', '.join(ROWS)}; default: all")
    p.add_argument('--work', default=None, help="folder for the rasters, some 300 MB; default: a temporary one")
    p.add_argument('--repeats', type=int, default=3); p.add_argument('--bundle', help="trained bundle, for `agree`")
    a = p.parse_args()
    if set(a.rows)-set(ROWS): p.error(f"no such row: {', '.join(set(a.rows)-set(ROWS))}")
    with tempfile.TemporaryDirectory() as tmp:
        work = Path(a.work or tmp); work.mkdir(exist_ok=True); child('prepare', work); table = []
        for n in a.rows or ROWS: table += ROWS[n](work, a.repeats, **(dict(bundle=a.bundle) if n=='agree' else {}))
    new = {r['row'] for r in table}; out = HERE/'results.csv'
    old = [r for r in csv.DictReader(open(out)) if r['row'] not in new] if out.exists() else []
    with open(out,'w',newline='') as f:
        w = csv.DictWriter(f, ['row','case','measured','goal'], lineterminator='\n'); w.writeheader()
        w.writerows(sorted(old+table, key=lambda r: [*ROWS].index(r['row'])))

if __name__=='__main__': main()
