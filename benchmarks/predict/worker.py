"One measurement of `run.py` in a process of its own: `worker.py NAME ARGS`, prints one line of JSON"
import json, os, sys, time
from collections import Counter
from contextlib import nullcontext
from pathlib import Path
import numpy as np
import rasterio
import torch
from rasterio.transform import from_origin
from rasterio.windows import Window
from scipy.ndimage import gaussian_filter
from torch import nn
from geofast.bundle import Bundle, Contract, load_bundle, save_bundle
from geofast.core import GeofastError, Win, data_root, keep_memory, seed_all
from geofast.engines import TileInput, engine_nets
from geofast.infer import predict_raster, predict_tile
from geofast.kinds import IGNORE_INDEX
from geofast.labels import counted_truth
from geofast.metrics import IoUMeter
from geofast.models import build_model, pick_precision
from geofast.plan import TilePlan, make_region
from geofast.prepare import find_scenes
from geofast.stack import Stack
from geofast.stages import Options, Run, ahead, one_thread, read_rows
from geofast.xyz import open_scene
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

def ready(m, name, engine='torch')->Run:
    "Settings of the allocator, compiling and the first pass, with which no measurement begins"
    keep_memory()
    given = TileInput(3, SPEC['tile'], 0, precision(name), 'uint8')
    r = Run(m, Options(precision=precision(name),engine=engine), nets=engine_nets(m,engine,given))
    r.values(torch.zeros(4,3,512,512,dtype=torch.uint8))
    return r

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

def forward(work, name, size, engine='torch'):
    "The forward pass alone, on the batches that a prediction makes, in memory before the clock starts; several at a time where that is faster"
    m,n,T = model(work,name),int(size),SPEC['tile']
    run = ready(m, name, engine)
    region = make_region(TilePlan((n,n), (n,n), T, SPEC['overlap']), Win(0,0,n,n))
    xs,k,batches = region.cols.tiles,run.options.batch,[]
    with Stack(Path(work)/f'{n}x{n}.tif') as src:
        for row in read_rows(src, region, run):
            tiles = [row.tile(xs[j]-region.left) for j in row.todo]
            batches += [torch.from_numpy(np.stack(tiles[i:i+k])) for i in range(0,len(tiles),k)]
    with one_thread() if engine=='openvino' else nullcontext(), meter() as r:
        for _ in ahead(run.values, batches, 2 if engine=='openvino' else 0): pass
    return r|dict(tiles=sum(map(len,batches)), precision=precision(name))

def raster(work, name, size, engine='torch'):
    "`predict_raster`, from file to file"
    work = Path(work)
    m = model(work,name)
    ready(m, name, engine)
    kw = dict(precision=precision(name), engine=engine, progress=False, resume=False)
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

def memory(work, name, src, max_mem, engine='torch'):
    "Peak beside a model that has computed one batch; `max_mem` in MB, or - for the default"
    work = Path(work)
    m = model(work,name)
    ready(m, name, engine)
    kw = dict(precision=precision(name), engine=engine, progress=False, resume=False)
    if max_mem!='-': kw['max_mem'] = float(max_mem)
    try:
        with meter() as r: got = predict_raster(work/src, m, work/'memory.tif', **kw).receipt
    except GeofastError as e: return dict(error=str(e).replace('\n',';'))
    return r|dict(panel=got['panel'], tiles=got['tiles'])

def labelled(bundle):
    "Yields (image, arguments of `predict_tile`, truth: 1, 0, `IGNORE_INDEX`) of real scenes for a bundle"
    if bundle!='clouds':
        for s in find_scenes(data_root('buildings_drone/scenes')).itertuples():
            with open_scene(s, None) as g: yield s.image, {}, counted_truth(s,g)[0]
        return
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]/'clouds'))
    from train import ANY_CLOUD, MEAN, real_chips
    for _,gsd,x,y in real_chips():
        truth = np.where(y==0, IGNORE_INDEX, (y&ANY_CLOUD)>0).astype(np.uint8)
        yield np.where(np.isnan(x), np.array(MEAN,np.float32)[:,None,None], x), dict(gsd=gsd), truth

def positive(p): # (rows, cols) probability of buildings, or of cloud and thin cloud; all values; from which probability it counts
    v = p['clouds'] if 'clouds' in p.values else p['mask']
    return (v[1]+v[2], v, .5) if v.ndim==3 else (v, v, p.binary_output().threshold)

def agree(work, bundle):
    "Both engines in both precisions against torch in fp32 on real scenes, and all against the labels"
    os.environ['XDG_CACHE_HOME'] = str(Path(work)/'cache')
    ways = [(e,p) for e in ('torch','openvino') for p in ('fp32','bf16')]
    found,m = {w: Counter(iou=IoUMeter()) for w in ways}, load_bundle(bundle)
    for image,how,truth in labelled(bundle):
        for w in ways:
            p = predict_tile(image, m, engine=w[0], precision=w[1], **how)
            prob,every,cut = positive(p)
            if w==ways[0]: ref = every,prob>cut
            ok,x,t = p.valid,prob>cut,found[w]
            d = abs(every-ref[0])[...,ok]
            t['largest'] = max(t['largest'], float(d.max()))
            for k,v in dict(pixels=ok, same=x==ref[1], both=x&ref[1], either=x|ref[1]).items(): t[k] += int(v[ok].sum())
            t['iou'].update(x, np.where(ok,truth,IGNORE_INDEX))
    return {' '.join(w): {**t, 'iou':t['iou'].score()} for w,t in found.items()}

def turns(*calls, n=5):
    "Calls in turn, `n` rounds; of each the median of wall and CPU seconds, and the medians of the ratios of the first to each"
    def once(f):
        w,c = time.perf_counter(),time.process_time()
        f()
        return time.perf_counter()-w, time.process_time()-c
    t = np.array([[once(f) for f in calls] for _ in range(n)]) # (rounds, calls, wall and CPU)
    return np.median(t,0).tolist(), np.median(t[:,:1]/t,0).tolist()

def engine_forward(work, bundle, precision):
    "Four tiles through a network of the package: torch as it is, with normalizations folded, and compiled by OpenVINO"
    os.environ['XDG_CACHE_HOME'] = str(Path(work)/'cache')
    m = load_bundle(bundle)
    c = m.contract
    shape = 4,len(c.bands),c.tile,c.tile
    x = torch.randint(0,256,shape,dtype=torch.uint8) if c.dtype=='uint8' else torch.rand(shape)
    given = TileInput(len(c.bands), c.tile, 0, precision, c.dtype)
    runs = [Run(m, Options(precision=precision), nets=n) for n in (None,*(engine_nets(m,e,given) for e in ('torch','openvino')))]
    keep_memory() # as every prediction does
    a,*others = (r.values(x)[c.outputs[0].name] for r in runs)
    times,ratios = turns(*[lambda r=r: r.values(x) for r in runs])
    return dict(times=times, ratios=ratios, largest=[float((a-b).abs().max()) for b in others], mpx=x[:,0].numel()/1e6)

def engine_raster(work, size, n, precision):
    "`predict_raster` with the network of the package by both engines, what was compiled being there"
    work = Path(work)
    os.environ['XDG_CACHE_HOME'] = str(work/'cache')
    m,tiles = load_bundle('drone'),[]
    def one(engine):
        r = predict_raster(work/f'{size}x{size}.tif', m, work/f'{engine}.tif', engine=engine, precision=precision, progress=False,
                           resume=False)
        tiles.append(r.receipt['tiles'])
    engine_nets(m, 'openvino', TileInput(3,m.contract.tile,0,precision,'uint8'))
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
