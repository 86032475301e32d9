"One measurement of `run.py` in a process of its own: `worker.py NAME ARGS`, prints one line of JSON"
import json, os, sys, time
from pathlib import Path
import numpy as np
import rasterio
import torch
from rasterio.transform import from_origin
from rasterio.windows import Window
from scipy.ndimage import gaussian_filter
from torch import nn
from geofast.bundle import Bundle, Contract, load_bundle, save_bundle
from geofast.core import GeofastError, Win, keep_memory, seed_all
from geofast.engines import TileInput, compile_bundle
from geofast.prepare import find_scenes
from geofast.infer import predict_raster, predict_tile
from geofast.kinds import IGNORE_INDEX
from geofast.models import build_model, pick_precision
from geofast.plan import TilePlan, make_region
from geofast.stack import Stack
from geofast.stages import Options, Run, read_rows
from peer import meter

MADE = 4096 # side of the raster that larger ones are copies of, px
SPEC = dict(bands=['red','green','blue'], dtype='uint8', tile=512, overlap=128)
PROFILE = dict(driver='GTiff', count=3, dtype='uint8', nodata=0, tiled=True, blockxsize=512, blockysize=512, compress='deflate',
               interleave='pixel', crs='EPSG:32636', transform=from_origin(2e5,1e6,.3,.3), bigtiff='if_safer', num_threads='all_cpus')

class Null(nn.Module):
    "One 1x1 convolution: its right answer is known for each pixel"
    def __init__(self):
        super().__init__()
        seed_all(0)
        self.conv = nn.Conv2d(3,2,1)
        self.register_buffer('mean', torch.full((1,3,1,1),120.))
    def forward(self, x): return dict(mask=self.conv(x.float()-self.mean))

def model(work:str, name:str)->Bundle:
    return Bundle(Contract(arch={},**SPEC), [Null().eval()]) if name=='null' else load_bundle(Path(work)/name)

def precision(name:str)->str: # fp32: the null network is there to be exact
    return 'fp32' if name=='null' else pick_precision('auto','cpu')

def warm(m, name):
    "Settings of the allocator and the first pass, with which no measurement begins"
    keep_memory()
    m.values(torch.zeros(4,3,512,512,dtype=torch.uint8), precision(name))

# ------------------------------------------------------------------ what is measured with

def scene(n:int)->np.ndarray: # (3,n,n) uint8
    "Smooth shapes with noise, 0 around a turned square of 88 % of the area"
    rng = np.random.default_rng(0)
    b = np.stack([gaussian_filter(rng.random((n,n),np.float32),3) for _ in range(3)])
    x = np.clip(120+45*(b-b.mean())/b.std()+rng.normal(0,.75,b.shape).astype(np.float32),1,255).astype(np.uint8)
    yy,xx = np.mgrid[:n,:n]-n/2
    a = np.deg2rad(8)
    x[:,np.maximum(abs(xx*np.cos(a)+yy*np.sin(a)), abs(yy*np.cos(a)-xx*np.sin(a)))>n*.469] = 0
    return x

def centred(m, x)->None:
    "Move the bias so that half of the pixels of `x` are buildings: else a random network gives one answer everywhere"
    with torch.inference_mode(): logits = m(torch.from_numpy(x[None].copy()))['mask']
    conv = [o for o in m.net.segmentation_head.modules() if isinstance(o,nn.Conv2d)][-1]
    with torch.no_grad(): conv.bias[1] -= (logits[:,1]-logits[:,0]).median()

def prepare(work, size):
    "The raster, and a U-Net with random weights, as a bundle and as a plain state dict"
    work,n = Path(work),int(size)
    src = work/f'{n}x{n}.tif'
    x = None
    if not src.exists():
        x = scene(n)
        with rasterio.open(work/'new.tif', 'w', height=n, width=n, predictor=2, **PROFILE) as d: d.write(x)
        (work/'new.tif').rename(src)
    if not (work/'unet'/'bundle.json').exists():
        seed_all(0)
        m = build_model('unet','resnet18',pretrained=False,mean=[0]*3,std=[255]*3).eval()
        with rasterio.open(src) as d: centred(m, d.read(window=Window(n//2-256,n//2-256,512,512)))
        torch.save(m.net.state_dict(), work/'unet.pth')
        save_bundle(work/'unet', m, Contract(arch={},**SPEC))
    with rasterio.open(src) as d: return dict(valid=float((d.read(1)>0).mean()), megabytes=src.stat().st_size/1e6)

def copies(work, w, h):
    "A raster of another size, made of copies"
    work,w,h = Path(work),int(w),int(h)
    src,dst = work/f'{MADE}x{MADE}.tif',work/f'{w}x{h}.tif'
    if dst.exists(): return {}
    with rasterio.open(src) as s, rasterio.open(work/'new.tif', 'w', height=h, width=w, predictor=2, **PROFILE) as d:
        x = s.read()
        for r in range(0,h,MADE):
            for c in range(0,w,MADE): d.write(x[:,:min(MADE,h-r),:min(MADE,w-c)], window=Window(c,r,min(MADE,w-c),min(MADE,h-r)))
    (work/'new.tif').rename(dst)
    return {}

def sparse(work, n):
    "A raster with almost no pixels: ten patches of 2048 x 2048"
    work,n = Path(work),int(n)
    dst = work/f'sparse{n}.tif'
    k = min(2048,n//4)
    if dst.exists(): return {}
    with rasterio.open(work/'new.tif', 'w', height=n, width=n, sparse_ok=True, **PROFILE) as d:
        x = scene(k)
        for r,c in np.random.default_rng(0).integers(0,n-k,(10,2)).tolist(): d.write(x, window=Window(c,r,k,k))
    (work/'new.tif').rename(dst)
    return {}

# ------------------------------------------------------------------ measurements

def forward(work, name, size):
    "The forward pass alone, on the batches that a prediction makes, in memory before the clock starts"
    m,n,T = model(work,name),int(size),SPEC['tile']
    run = Run(m, Options(precision=precision(name)))
    region = make_region(TilePlan((n,n), (n,n), T, SPEC['overlap']), Win(0,0,n,n))
    xs,k,batches = region.cols.tiles,run.options.batch,[]
    keep_memory()
    with Stack(Path(work)/f'{n}x{n}.tif') as src:
        for row in read_rows(src, region, run):
            tiles = [row.x[...,xs[j]-region.left:][...,:T] for j in row.todo]
            batches += [torch.from_numpy(np.stack(tiles[i:i+k])) for i in range(0,len(tiles),k)]
    warm(m, name)
    with meter() as r:
        for b in batches: m.values(b, precision(name))
    return r|dict(tiles=sum(map(len,batches)), precision=precision(name))

def raster(work, name, size):
    "`predict_raster`, from file to file"
    work = Path(work)
    m = model(work,name)
    warm(m, name)
    kw = dict(precision=precision(name), engine='torch', progress=False, resume=False)
    with meter() as r: got = predict_raster(work/f'{size}x{size}.tif', m, work/f'{name}.tif', **kw).receipt
    return r|dict(tiles=got['tiles'], panel=got['panel'], busy=got['busy'])

def exact(work, size):
    "Pixels in which the null network's result, as the last `raster` wrote it, is not what the convolution gives"
    work,n = Path(work),int(size)
    conv = Null().conv.weight.detach().numpy()[...,0,0],Null().conv.bias.detach().numpy()
    wrong = ties = 0
    with rasterio.open(work/f'{n}x{n}.tif') as s, rasterio.open(work/'null.tif') as d:
        for r in range(0,n,512):
            w = Window(0,r,n,min(512,n-r))
            x,y = s.read(window=w),d.read(1,window=w)
            ok = (x!=0).any(0)
            z = np.einsum('kc,chw->khw', conv[0], x.astype(np.float64)-120)+conv[1][:,None,None]
            z = z[1]-z[0]
            tie = abs(z)<1e-4
            ties += int(tie.sum())
            wrong += int(((y!=np.where(ok,z>0,IGNORE_INDEX))&~tie).sum())
    return dict(wrong=wrong, ties=ties, pixels=n*n)

def memory(work, name, src, max_mem):
    "Peak beside a model that has computed one batch; `max_mem` in MB, or - for the default"
    work = Path(work)
    m = model(work,name)
    warm(m, name)
    kw = dict(precision=precision(name), engine='torch', progress=False, resume=False)
    if max_mem!='-': kw['max_mem'] = float(max_mem)
    try:
        with meter() as r: got = predict_raster(work/src, m, work/'memory.tif', **kw).receipt
    except GeofastError as e: return dict(error=str(e).replace('\n',';'))
    return r|dict(panel=got['panel'], tiles=got['tiles'])

def agree(folder, bundle):
    "bf16 against fp32 on the known pixels of scenes"
    t = dict(pixels=0, same=0, buildings=0, both=0, either=0)
    total = largest = 0.
    scenes = find_scenes(folder, labelled=False)
    for s in scenes.itertuples():
        a,b = (predict_tile(s.image, bundle, precision=p, engine='torch') for p in ('fp32','bf16'))
        ok = a.valid
        d = abs(a.prob-b.prob)[ok]
        x,y = a.mask[ok]==1,b.mask[ok]==1
        total += float(d.sum(dtype=np.float64))
        largest = max(largest,float(d.max(initial=0)))
        for k,v in dict(pixels=ok, same=x==y, buildings=x, both=x&y, either=x|y).items(): t[k] += int(v.sum())
    return t|dict(scenes=len(scenes), mean=total/t['pixels'], largest=largest)

def turns(*calls, n=5):
    "Calls in turn, `n` rounds; of each the median of wall and CPU seconds, and the medians of the ratios of the first to each"
    def once(f):
        w,c = time.perf_counter(),time.process_time()
        f()
        return time.perf_counter()-w, time.process_time()-c
    t = np.array([[once(f) for f in calls] for _ in range(n)]) # (rounds, calls, wall and CPU)
    return np.median(t,0).tolist(), np.median(t[:,:1]/t,0).tolist()

def engine_forward(work):
    "Four tiles of 256 px through the network of the package: torch, and compiled by OpenVINO"
    os.environ['XDG_CACHE_HOME'] = str(Path(work)/'cache')
    m,x = load_bundle('drone'),torch.randint(0,256,(4,3,256,256),dtype=torch.uint8)
    runs = Run(m), Run(m, nets=compile_bundle(m, TileInput(3,256)))
    keep_memory() # as every prediction does
    a,b = (r.values(x)['mask'] for r in runs)
    times,ratios = turns(*[lambda r=r: r.values(x) for r in runs])
    return dict(times=times, ratios=ratios, largest=float((a-b).abs().max()))

def engine_raster(work, size, n):
    "`predict_raster` with the network of the package by both engines, what was compiled being there"
    work = Path(work)
    os.environ['XDG_CACHE_HOME'] = str(work/'cache')
    m,tiles = load_bundle('drone'),[]
    def one(engine):
        r = predict_raster(work/f'{size}x{size}.tif', m, work/f'{engine}.tif', engine=engine, precision='fp32', progress=False, resume=False)
        tiles.append(r.receipt['tiles'])
    compile_bundle(m, TileInput(3,m.contract.tile))
    times,ratios = turns(lambda: one('torch'), lambda: one('openvino'), n=int(n))
    return dict(times=times, ratios=ratios, tiles=tiles[0], same=compare(work/'torch.tif', work/'openvino.tif')['same'])

def compare(a, b):
    "Share of the pixels known in mask `a` in which `b` says the same"
    same = known = 0
    with rasterio.open(a) as p, rasterio.open(b) as q:
        if p.shape!=q.shape: return dict(same=None, shape=q.shape)
        for r in range(0,p.height,512):
            w = Window(0,r,p.width,min(512,p.height-r))
            x,y = p.read(1,window=w),q.read(1,window=w)
            known += int((x!=IGNORE_INDEX).sum())
            same += int(((x==y)&(x!=IGNORE_INDEX)).sum())
    return dict(same=same/max(1,known))

if __name__=='__main__':
    torch.set_num_threads(int(os.environ['OMP_NUM_THREADS']))
    print(json.dumps(globals()[sys.argv[1]](*sys.argv[2:])))
