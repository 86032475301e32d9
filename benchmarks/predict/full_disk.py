"""Predictions on a disk that is full: at each of 64 sizes the process fails, says why, leaves nothing under the final name,
and goes on once there is room.

    benchmarks/predict/full_disk.py              a limit on the size of a file, where any process may set one
    benchmarks/predict/full_disk.py --tmpfs      a file system of limited size, where the process may mount one (else exit code 77)

Prints one JSON object.
"""
import argparse, json, os, resource, shutil, signal, subprocess, sys, tempfile
from pathlib import Path

def in_mount(args)->int:
    "Run this script again where it may mount; 77 if it may not"
    if not shutil.which('unshare'): return 77
    if subprocess.run(['unshare','-rm','mount','-t','tmpfs','none','/mnt'], capture_output=True).returncode: return 77
    return subprocess.run(['unshare','-rm',sys.executable,__file__,*args,'--mounted']).returncode

if __name__=='__main__' and '--tmpfs' in sys.argv and '--mounted' not in sys.argv: # before imports that take seconds
    sys.exit(in_mount(sys.argv[1:]))

import numpy as np
import torch
from affine import Affine
from torch import nn
from geofast.bundle import Bundle, Contract
from geofast.core import seed_all
from geofast.grid import GeoBox
from geofast.infer import predict_raster
from geofast.tiff import write_cog
from kill import clear, fork, wait

class Bright(nn.Module):
    "Logit of a building = brightness of the pixel"
    mean = torch.full((1,3,1,1), 127.5)
    def forward(self, x):
        z = x.float().mean(1,keepdim=True)/32-4
        return dict(mask=torch.cat([-z/2,z/2],1))

class Job:
    "One prediction into the folder `out`"
    def __init__(self, folder:Path, out:Path):
        self.src,self.out,self.says = folder/'scene.tif',out,folder/'says'
        box = GeoBox((300,560), Affine(.15,0,5e5,0,-.15,9.3e6), 'EPSG:32737')
        write_cog(seed_all(0).integers(1,256,(3,*box.shape),dtype=np.uint8), box, self.src)
        self.want = {}
        assert self.run()==0, self.says.read_text()
        self.want = {n: (out/n).read_bytes() for n in ('mask.tif','prob.tif')}
        clear(out)

    def run(self, before=lambda: None)->int:
        "Exit code of a prediction in a process that first calls `before`"
        def f():
            before()
            model = Bundle(Contract({}, ['red','green','blue'], 'uint8', tile=128, overlap=16), [Bright()])
            predict_raster(self.src, model, self.out/'mask.tif', prob_dst=self.out/'prob.tif', precision='fp32',
                           progress=False)
        self.says.unlink(missing_ok=True)
        return wait(fork(f, self.says))

    def result(self, code)->dict:
        "What a run that should have failed has left"
        says = self.says.read_text() if self.says.exists() else ''
        p = self.out/'prob.tif'
        return dict(failed=code==1, absent=not (self.out/'mask.tif').exists() and not (self.out/'mask.json').exists(),
                    whole=not p.exists() or p.read_bytes()==self.want['prob.tif'],
                    says='cannot write mask.tif' in says and 'fix: free some space' in says)

    def again(self)->bool:
        "True if the next run, with room, makes the right result, and nothing else is left"
        ok = self.run()==0 and all((self.out/n).read_bytes()==b for n,b in self.want.items()) and len([*self.out.iterdir()])==3
        clear(self.out)
        return ok

def limit(n):
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n,resource.getrlimit(resource.RLIMIT_FSIZE)[1]))

def by_limit(job, sizes)->list:
    "Each size in bytes as the limit of every file"
    out = []
    for n in np.linspace(0, max(map(len,job.want.values()))-1, sizes).astype(int).tolist():
        out.append(dict(bytes=n, **job.result(job.run(lambda: limit(n)))))
        out[-1]['again'] = job.again() if n%2==0 else clear(job.out) is None
    return out

def by_room(job, sizes, mount:Path)->list:
    "Each size in bytes as the room that is left"
    ballast = mount/'ballast'
    total = shutil.disk_usage(mount).total
    def leave(n):
        ballast.unlink(missing_ok=True)
        os.posix_fallocate(fd := os.open(ballast,os.O_CREAT|os.O_WRONLY), 0, total-n)
        os.close(fd)
    def enough(n):
        leave(n)
        ok = job.run()==0
        clear(job.out)
        return ok
    lo,hi = 0,total//4096-1
    while hi-lo>1:
        mid = (lo+hi)//2
        lo,hi = (lo,mid) if enough(mid*4096) else (mid,hi)
    out = []
    for n in np.linspace(0, lo, sizes).astype(int).tolist():
        leave(n*4096)
        out.append(dict(bytes=n*4096, **job.result(job.run())))
        ballast.unlink()
        out[-1]['again'] = job.again() if n%2==0 else clear(job.out) is None
    return out

def no_folder(job)->dict:
    "A folder that may not be written, for an ordinary user, and one that is not there"
    def shut():
        os.chmod(job.out, 0o500)
        os.setuid(65534) if os.geteuid()==0 else None
    out = {}
    code = job.run(shut)
    out['read-only'] = dict(code=code, says=job.says.read_text().replace(str(job.out.parent),''))
    os.chmod(job.out, 0o755)
    job.out.rmdir()
    code = job.run()
    out['missing'] = dict(code=code, says=job.says.read_text().replace(str(job.out.parent),''))
    job.out.mkdir()
    return out

if __name__=='__main__':
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('--sizes', type=int, default=64)
    ap.add_argument('--tmpfs', action='store_true')
    ap.add_argument('--mounted', action='store_true', help=argparse.SUPPRESS)
    o = ap.parse_args()
    with tempfile.TemporaryDirectory() as tmp:
        os.chmod(tmp, 0o777)
        out = Path(tmp)/'disk'
        out.mkdir()
        if o.mounted: subprocess.run(['mount','-t','tmpfs','-o','size=4m','none',out], check=True)
        sub = out/'out'
        sub.mkdir()
        job = Job(Path(tmp), sub)
        if o.mounted:
            done = dict(full=by_room(job,o.sizes,out))
            subprocess.run(['umount',out], check=True)
        else: done = dict(full=by_limit(job,o.sizes), folders=no_folder(job))
        print(json.dumps(done))
