"""Heights of one image of 2048² against the forward pass on the same tiles in memory.

    python benchmarks/geopose/speed.py [--bundle FOLDER] [--cores 1 2] [--repeats 5]     # writes speed.csv

Without a bundle the network is that of `best` on a small encoder, with random weights: time does not depend on them. Both take
turns in one process for each number of cores, and the median of the ratios of neighbours counts.
"""
import argparse, json, os, statistics, subprocess, sys, time
from pathlib import Path
import pandas as pd

def measured(bundle, repeats, engine):
    "Seconds of both, in turns"
    import numpy as np
    import torch
    from geofast.bundle import Bundle, Contract, load_bundle
    from geofast.core import Win, keep_memory, seed_all
    from geofast.engines import with_engine
    from geofast.geopose import best
    from geofast.infer import predict_tile
    from geofast.job import make_plan, make_run, open_for
    from geofast.models import build_model
    from geofast.plan import make_region
    from geofast.stages import ahead, one_thread, read_rows
    from contextlib import nullcontext
    keep_memory()
    seed_all(0)
    task,p = best().task,best().predict
    net = build_model('unet', 'tu-tf_efficientnet_lite0', pretrained=False, heads=task.heads, scalars=task.scalars,
                      conditions=task.conditions).eval()
    own = Contract(arch={}, bands=['red','green','blue'], dtype='uint8', outputs=list(task.outputs), conditions=task.conditions,
                   tile=p.infer_tile, overlap=p.infer_overlap)
    model = load_bundle(bundle) if bundle else Bundle(own, [net.to(memory_format=torch.channels_last)])
    model.contract.gsd = model.contract.gsd_range = None
    image = np.random.default_rng(0).integers(1,255,(3,2048,2048),dtype=np.uint8)
    run = make_run(model, 'none', 'auto', None, None, engine)
    stack = open_for(image, run, None, gsd=.4)
    plan = make_plan(stack, model.contract)
    run = with_engine(run, plan, stack.dtype)
    region,batches = make_region(plan, Win(0,0,*plan.native)),[]
    for row in read_rows(stack, region, run):
        tiles = [row.tile(region.cols.tiles[j]-region.left) for j in row.todo]
        batches += [torch.from_numpy(np.stack(tiles[i:i+run.options.batch])) for i in range(0,len(tiles),run.options.batch)]
    def forward():
        with one_thread() if run.options.engine=='openvino' else nullcontext():
            for _ in ahead(run.values, batches, 2 if run.options.engine=='openvino' else 0): pass
    def whole(): predict_tile(image, model, engine=engine, gsd=.4)
    def seconds(f):
        t = time.perf_counter()
        f()
        return time.perf_counter()-t
    forward(), whole()
    return [(seconds(forward),seconds(whole)) for _ in range(repeats)], run.options.precision, plan.n_tiles

def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('--bundle', type=Path)
    ap.add_argument('--cores', type=int, nargs='+', default=[1,2])
    ap.add_argument('--engines', nargs='+', default=['torch','openvino'])
    ap.add_argument('--repeats', type=int, default=5)
    ap.add_argument('--one', help=argparse.SUPPRESS)
    o = ap.parse_args()
    if o.one: return print(json.dumps(measured(o.bundle, o.repeats, o.one)))
    rows = []
    for engine,n in [(e,n) for e in o.engines for n in o.cores]:
        cmd = ['taskset','-c',','.join(map(str,sorted(os.sched_getaffinity(0))[:n])), sys.executable, '-W', 'ignore', __file__,
               '--one', engine, '--repeats', str(o.repeats), *(['--bundle',str(o.bundle)] if o.bundle else [])]
        out = subprocess.run(cmd, env=dict(os.environ, OMP_NUM_THREADS=str(n)), check=True, stdout=subprocess.PIPE, text=True).stdout
        pairs,precision,tiles = json.loads(out.splitlines()[-1])
        f,w = (statistics.median(p[i] for p in pairs) for i in (0,1))
        rows.append(dict(engine=engine, precision=precision, cores=n, tiles=tiles, forward_s=round(f,2), predict_tile_s=round(w,2),
                         share=round(statistics.median(a/b for a,b in pairs),3)))
        print(rows[-1], flush=True)
    pd.DataFrame(rows).to_csv(Path(__file__).with_name('speed.csv'), index=False)

if __name__=='__main__': main()
