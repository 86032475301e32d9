"""A raster on a GPU: the forward pass alone in several ways, reading, and `predict_raster` by one and by several processes

    python benchmarks/predict/gpu.py --work FOLDER

U-Nets with random weights, an old encoder and a modern one, on tiles of 512 px with an overlap of 128 px; `null` is a network of one
1x1 convolution, which shows what the pipeline can do at most. `as geofast runs it` is what a prediction does with a batch: normalizations
folded, channels last, bf16 by autocast, activation included. Megapixels of tiles a second for the forward pass, of the raster for all else.
Rows are appended to gpu.csv.
"""
import argparse, csv, os, time
from functools import partial
from pathlib import Path
import torch
from geofast.bundle import Bundle, Contract, save_bundle
from geofast.core import Win, seed_all
from geofast.engines import TileInput, engine_nets
from geofast.infer import predict_raster
from geofast.models import build_model
from geofast.plan import TilePlan, make_region
from geofast.stack import Stack
from geofast.stages import Options, Run, read_rows
from worker import MADE, SPEC, Null, copies, prepare

OUT,NETS = Path(__file__).with_suffix('.csv'),dict(resnet18='resnet18', convnext_tiny='tu-convnext_tiny')
T = SPEC['tile']

def rate(f, px:int, seconds:float=1)->float: # Mpx/s
    "How fast a call is done over and over, after three for warming up"
    for _ in range(3): f()
    torch.cuda.synchronize()
    n,t0 = 0,time.perf_counter()
    while time.perf_counter()-t0<seconds:
        for _ in range(4): f()
        torch.cuda.synchronize()
        n += 4
    return n*px/1e6/(time.perf_counter()-t0)

def graphed(net, x):
    "The call as a CUDA graph"
    side = torch.cuda.Stream()
    with torch.cuda.stream(side):
        for _ in range(3): net(x)
    torch.cuda.current_stream().wait_stream(side)
    g = torch.cuda.CUDAGraph()
    with torch.cuda.graph(g): net(x)
    return g.replay

def forward_rates(m:Bundle, batch:int, more:bool)->dict:
    "Ways to compute a batch that is in the memory of the GPU"
    x = torch.randint(0,256,(batch,3,T,T),dtype=torch.uint8,device='cuda')
    def run(p): return Run(m, Options(precision=p,batch=batch,device='cuda'), nets=engine_nets(m,'torch',TileInput(3,T,device='cuda')))
    px,out = x[:,0].numel(),{}
    with torch.inference_mode():
        for p in ('fp32','bf16'): out[f'as geofast runs it, {p}'] = rate(partial(run(p).values,x), px)
        if not more: return out
        out['as geofast runs it, bf16, CUDA graph'] = rate(graphed(run('bf16').values,x), px)
        net = torch.compile(run('bf16').nets[0])
        with torch.autocast('cuda',torch.bfloat16): out['torch.compile, bf16'] = rate(lambda: net(x), px)
    return out

def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--work', type=Path, required=True, help="rasters and networks are kept here")
    p.add_argument('--size', type=int, default=4*MADE, help="side of the raster, px; a multiple of 4096")
    p.add_argument('--workers', type=int, nargs='+', default=[4,12], help="processes that share the GPU")
    p.add_argument('--more', action='store_true', help="also the forward pass as a CUDA graph and by torch.compile, which takes a minute")
    a = p.parse_args()
    if not torch.cuda.is_available(): p.error("torch sees no GPU")
    a.work.mkdir(parents=True, exist_ok=True)
    where = f"{torch.cuda.get_device_name()}, {len(os.sched_getaffinity(0))} cores; torch {torch.__version__}"
    if not OUT.exists(): OUT.write_text('network,what,mpx_per_s,machine\n')
    def note(net, what, value):
        print(f'{net:14} {what:60} {value:8.1f} Mpx/s', flush=True)
        with open(OUT,'a',newline='') as f: csv.writer(f, lineterminator='\n').writerow([net, what, round(value,1), where])
    prepare(a.work, MADE)
    copies(a.work, a.size, a.size)
    src,n = a.work/f'{a.size}x{a.size}.tif',a.size
    with Stack(src) as s:
        region,t0 = make_region(TilePlan((n,n), (n,n), T, SPEC['overlap']), Win(0,0,n,n)),time.perf_counter()
        for _ in read_rows(s, region, Run(Bundle(Contract(arch={},**SPEC), [Null()]))): pass
        note('-', 'reading alone, one thread', n*n/1e6/(time.perf_counter()-t0))
    nets = dict(null=Bundle(Contract(arch={},**SPEC), [Null().eval()]).to('cuda'))
    for name,encoder in NETS.items():
        seed_all(0)
        m = build_model('unet',encoder,pretrained=False,mean=[0]*3,std=[255]*3).eval()
        nets[name] = save_bundle(a.work/name, m, Contract(arch={},**SPEC)).to('cuda')
    for name,m in nets.items():
        if name!='null':
            for batch in (16,64):
                for what,v in forward_rates(m, batch, a.more and batch==64).items(): note(name, f'forward, batch {batch}, {what}', v)
        def go(image, backend='serial', k=None):
            net,t0 = m if backend=='serial' else a.work/name,time.perf_counter()
            r = predict_raster(image, net, a.work/'out.tif', backend=backend, workers=k, progress=False, resume=False, max_mem=None).receipt
            return r,time.perf_counter()-t0
        go(a.work/f'{MADE}x{MADE}.tif')
        r,seconds = go(src)
        note(name, 'predict_raster; busy '+', '.join(f'{k} {v:.1f} s' for k,v in r['busy'].items())+f' of {seconds:.1f}', n*n/1e6/seconds)
        for k in a.workers if name=='resnet18' else []:
            note(name, f'predict_raster, {k} processes, their start included', n*n/1e6/go(src,'processes',k)[1])

if __name__=='__main__': main()
