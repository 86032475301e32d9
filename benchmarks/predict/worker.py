"One measurement of `run.py` in a process of its own: `worker.py NAME ARGS`, prints JSON"
import json, os, resource, subprocess, sys, time
t0 = time.time()
if sys.argv[1:3]==['import','torch']: import torch
if sys.argv[1:3]==['import','geofast.infer']: from geofast.infer import predict_tile # noqa: F401
if sys.argv[1]=='import': print(json.dumps(dict(seconds=time.time()-t0))); sys.exit()
from pathlib import Path
import numpy as np
import rasterio
import torch
from rasterio.transform import from_origin
from rasterio.windows import Window
from scipy.ndimage import gaussian_filter
from torch import nn
from geofast.bundle import Bundle, Spec, load_bundle, save_bundle
from geofast.core import Win, keep_memory, seed_all
from geofast.infer import _options, _plan, _tiles, open_source, predict_raster, predict_tile, read_bands
from geofast.models import build_model

N = 4096
torch.set_num_threads(int(os.environ['OMP_NUM_THREADS']))

class Null(nn.Module):
    "One 1x1 convolution"
    def __init__(self):
        super().__init__(); seed_all(0); self.conv = nn.Conv2d(3,2,1); self.register_buffer('mean', torch.full((1,3,1,1),127.5))
    def forward(self, x): return self.conv(x.float())

SPEC = dict(bands=['red','green','blue'], dtype='uint8', tile=512, overlap=128)
def model(work, name): return Bundle(Spec(arch={},**SPEC), [Null().eval()]) if name=='null' else load_bundle(work/'unet')
def precision(name): return 'fp32' if name=='null' else 'auto'

def prepare(work):
    "The raster: smooth shapes with noise, 12 % of nodata around a turned square; and a U-Net with random weights"
    work = Path(work)
    if not (work/'in.tif').exists():
        rng = np.random.default_rng(0); b = np.stack([gaussian_filter(rng.random((N,N),np.float32),3) for _ in range(3)])
        x = np.clip(120+45*(b-b.mean())/b.std()+rng.normal(0,1,b.shape),1,255).astype(np.uint8)
        yy,xx = np.mgrid[:N,:N]-N/2; a = np.deg2rad(8); half = N*.469
        x[:,(abs(xx*np.cos(a)+yy*np.sin(a))>half)|(abs(yy*np.cos(a)-xx*np.sin(a))>half)] = 0
        with rasterio.open(work/'in.tif','w',driver='GTiff',count=3,height=N,width=N,dtype='uint8',nodata=0,tiled=True,blockxsize=512,
                           blockysize=512,compress='deflate',predictor=2,interleave='pixel',crs='EPSG:32636',
                           transform=from_origin(5e5,1e5,.3,.3)) as d: d.write(x)
        seed_all(0); save_bundle(work/'unet', build_model('unet','resnet18',pretrained=False).eval(), Spec(arch={},**SPEC))
    return dict(share=float((rasterio.open(work/'in.tif').read(1)>0).mean()))

def tiled(work, w, h):
    "A raster of another size, made of copies"
    dst = work/f'{w}x{h}.tif'
    if dst.exists(): return dst
    with rasterio.open(work/'in.tif') as s, rasterio.open(dst,'w',**(s.profile|dict(width=w,height=h))) as d:
        x = s.read()
        for r in range(0,h,N):
            for c in range(0,w,N): d.write(x[:,:min(N,h-r),:min(N,w-c)], window=Window(c,r,min(N,w-c),min(N,h-r)))
    return dst

def forward(work, name):
    "The forward pass alone, on the batches that a prediction makes"
    work = Path(work); m = model(work,name); opt = _options('none', precision(name), None, 'cpu'); keep_memory()
    src = open_source(work/'in.tif', m.spec); plan = _plan(src, m.spec, None, None); xs = plan.axes[1][0]; batches = []
    for b in read_bands(src, plan, Win(0,0,N,N), m.fill, dict(read=0.)):
        batches += [_tiles(b.x, [xs[j] for j in b.todo[k:k+opt.batch]], plan.tile, 'cpu') for k in range(0,len(b.todo),opt.batch)]
    m.probability(batches[0], opt.precision); t = time.time()
    for b in batches: m.probability(b, opt.precision)
    return dict(seconds=time.time()-t)

def raster(work, name):
    work = Path(work); m = model(work,name); warm(m, precision(name)); t = time.time()
    predict_raster(work/'in.tif', m, work/'out.tif', precision=precision(name), progress=False, resume=False)
    return dict(seconds=time.time()-t)

def warm(m, p): m.probability(torch.zeros(4,3,512,512,dtype=torch.uint8), _options('none',p,None,'cpu').precision)
def rss(): return int(open('/proc/self/statm').read().split()[1])*resource.getpagesize()/2**20
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss/1024

def memory(work, name, w, h, max_mem):
    work = Path(work); src = tiled(work,int(w),int(h)) if (int(w),int(h))!=(N,N) else work/'in.tif'
    r = subprocess.run([sys.executable,'-W','ignore',__file__,'measure',src,work,name,max_mem], capture_output=True, text=True, check=True)
    return json.loads(r.stdout.splitlines()[-1]) # in a fresh process: making the raster took memory in this one

def measure(src, work, name, max_mem):
    m = model(Path(work),name); warm(m, precision(name)); base,t = rss(),time.time()
    predict_raster(src, m, Path(work)/'out.tif', precision=precision(name), progress=False, resume=False, max_mem=float(max_mem))
    return dict(extra_mb=peak()-base, peak_mb=peak(), seconds=time.time()-t)

def huge(work):
    src = Path(work)/'huge.tif'; n = 100_000; rng = np.random.default_rng(0)
    if not src.exists():
        with rasterio.open(src,'w',driver='GTiff',count=3,height=n,width=n,dtype='uint8',nodata=0,tiled=True,blockxsize=512,blockysize=512,
                           compress='deflate',interleave='pixel',crs='EPSG:32636',transform=from_origin(2e5,1e6,.3,.3),sparse_ok=True,
                           bigtiff='yes') as d:
            for r,c in rng.integers(0,n-2048,(5,2)).tolist(): d.write(rng.integers(1,255,(3,2048,2048),dtype=np.uint8), window=Window(c,r,2048,2048))
    return measure(src, work, 'null', 300)

def peer(work, name):
    work = Path(work); net = load_bundle(work/'unet').models[0].to(memory_format=torch.contiguous_format); t = time.time()
    with rasterio.open(work/'in.tif') as s, torch.inference_mode():
        with rasterio.open(work/'peer.tif','w',**(s.profile|dict(count=1,nodata=255,predictor=1))) as d:
            if name=='window_loop': # what a tutorial shows: windows with a margin, one after the other
                for r in range(0,N,384):
                    for c in range(0,N,384):
                        w = Window(min(c,N-512),min(r,N-512),512,512); p = net(torch.from_numpy(s.read(window=w)[None]).float()).argmax(1)
                        d.write(p.byte().numpy(), window=w)
            else:
                from monai.inferers import sliding_window_inference
                y = sliding_window_inference(torch.from_numpy(s.read()[None]).float(), 512, 4, net, overlap=.25, mode='gaussian')
                d.write(y.argmax(1).byte().numpy())
    return dict(seconds=time.time()-t)

def agree(bundle):
    from geofast.datasets import find_scenes
    from geofast.core import data_root
    n = same = 0; total = largest = 0.
    for s in find_scenes(data_root('buildings_drone/scenes')).itertuples():
        a,b = (predict_tile(s.image, bundle, precision=p) for p in ('fp32','bf16')); d = np.abs(a.prob-b.prob)
        n += d.size; same += int((a.mask==b.mask).sum()); total += float(d.sum()); largest = max(largest,float(d.max()))
    return dict(pixels=n, same=same/n, mean=total/n, largest=largest)

if __name__=='__main__': print(json.dumps(globals()[sys.argv[1]](*sys.argv[2:])))
