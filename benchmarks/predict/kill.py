"""Predictions that are killed, interrupted, and started twice: the result must be, to the last byte, the one of a run that nobody disturbed.

    benchmarks/predict/kill.py                           12 trials of at most 3 SIGKILL each, signals, two processes at once
    benchmarks/predict/kill.py --trials 200 --only kill  a night

Prints one JSON object. What is killed is a fork of this process, which has imported everything but computed nothing: so the time goes into the work.
"""
import argparse, json, os, signal, subprocess, sys, tempfile, time, traceback
from pathlib import Path
import numpy as np
from affine import Affine
from geofast.blocks import LEVEL
from geofast.bundle import Spec, load_bundle, save_bundle
from geofast.core import GeofastError, seed_all
from geofast.infer import predict_raster
from geofast.models import build_model
from geofast.raster import write_cog

def fork(f, says:Path)->int: # process id
    "Run `f` in a process of its own: exit code 0, 1 for a `GeofastError` (the message goes to the file `says`), 130 for Ctrl-C, 2 for all else"
    pid = os.fork()
    if pid: return pid
    code = 2
    try: f(); code = 0
    except GeofastError as e: says.write_text(str(e)); code = 1
    except KeyboardInterrupt: code = 130
    except BaseException: says.write_text(traceback.format_exc())
    finally: os._exit(code)

def ended(pid)->int|None: # exit code, minus the signal if it was killed; None while it runs
    p,status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if p else None

def wait(pid, until=lambda: False, pause=.002)->int|None:
    "Exit code, or None once `until()`"
    while (code := ended(pid)) is None and not until(): time.sleep(pause)
    return code

def clear(folder):
    for p in [*folder.rglob('*')][::-1]: p.rmdir() if p.is_dir() else p.unlink()

class Job:
    "One prediction, again and again"
    def __init__(self, folder:Path, seed, size, encoder, tile, overlap):
        self.folder,self.out,self.tile,self.overlap = folder,folder/'out',tile,overlap
        self.src,self.bundle,self.says,self.log = folder/'scene.tif',folder/'bundle',folder/'says',folder/'tiles'
        rng = seed_all(seed); self.out.mkdir()
        write_cog(self.src, rng.integers(1,256,(3,*size),dtype=np.uint8), Affine(.15,0,5e5,0,-.15,9.3e6), 'EPSG:32737')
        save_bundle(self.bundle, build_model('unet',encoder,pretrained=False), Spec({}, ['red','green','blue'], 'uint8', tile=tile, overlap=overlap))
        self.want,self.counts,self.seconds = {},[],0.
        t = time.time(); code = self.run(); self.seconds = time.time()-t
        assert code==0, self.says.read_text()
        self.want = {n: (self.out/n).read_bytes() for n in ('mask.tif','prob.tif')}; self.tiles = self.counted()
        self.per_row = json.loads((self.out/'mask.json').read_text())['tiles']//len(range(0,size[0]-overlap,tile-overlap)); clear(self.out)

    def predict(self):
        model = load_bundle(self.bundle); fd = os.open(self.log, os.O_WRONLY|os.O_APPEND|os.O_CREAT)
        model.models[0].register_forward_pre_hook(lambda m,x: os.write(fd, bytes([len(x[0])])))
        predict_raster(self.src, model, self.out/'mask.tif', prob=self.out/'prob.tif', progress=False)
    def start(self): self.says.unlink(missing_ok=True); return fork(self.predict, self.says)
    def run(self)->int: return wait(self.start())
    def counted(self)->int: # tiles that went through the network since the last call
        n = sum(self.log.read_bytes()) if self.log.exists() else 0
        self.log.unlink(missing_ok=True); return n
    def rows(self)->int: return len([*(self.out/'mask.tif.part').glob('0.0.??????.??????')]) # finished rows of blocks
    def state(self, name, before=None): # of a final path
        p = self.out/name; data = p.read_bytes() if p.exists() else None
        return 'absent' if data==before else 'whole' if data==self.want[name] else 'WRONG'
    def whole(self): return all(self.state(n)=='whole' for n in self.want)
    def clean(self): return sorted(p.name for p in self.out.iterdir())==['mask.json','mask.tif','prob.tif']

def kills(job, rng, older:bool):
    "At most three SIGKILL at random moments, then to the end"
    before = b'an older result' if older else None; wrong = n = early = 0
    if older: (job.out/'mask.tif').write_bytes(before)
    for _ in range(rng.integers(1,4)):
        stop = time.time()+rng.uniform(0,job.seconds); pid = job.start()
        if wait(pid, lambda: time.time()>stop) is None: os.kill(pid, signal.SIGKILL); os.waitpid(pid,0); n += 1
        states = [job.state('mask.tif',before), job.state('prob.tif')]; wrong += 'WRONG' in states
        early += states[0]=='whole' and 0<job.rows()<-(-job.size[0]//512)
    code = job.run(); tiles = job.counted()
    out = dict(kills=n, code=code, identical=job.whole(), wrong=wrong, clean=job.clean(), rows_of_tiles_repeated=(tiles-job.tiles)/job.per_row/max(n,1))
    clear(job.out); return out

def interrupted(job, sig)->dict:
    "The command itself, stopped by a signal as soon as a row of blocks is there"
    cmd = [sys.executable, '-m', 'geofast.cli', 'predict', str(job.src), '--model', str(job.bundle), '--out', str(job.out/'mask.tif'), '--prob', str(job.out/'prob.tif')]
    p = subprocess.Popen(cmd, start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    while p.poll() is None and not job.rows(): time.sleep(.005)
    t = time.time(); p.send_signal(sig); text,_ = p.communicate(); t = time.time()-t
    try: os.killpg(p.pid, 0); orphans = True
    except ProcessLookupError: orphans = False
    rows,states = job.rows(),[job.state(n) for n in job.want]
    code = job.run(); out = dict(signal=sig.name, exit=p.returncode, seconds=round(t,2), rows_kept=rows, orphans=orphans, finals=states, resumed=code, identical=job.whole(), last=text.strip().splitlines()[-1][-200:] if text.strip() else '')
    job.counted(); clear(job.out); return out

def two(job)->dict:
    "A second process while one works; then two that want to go on at once"
    a = job.start(); wait(a, lambda: job.rows()>0); t = time.time(); code = job.run_second(); out = dict(second=code, seconds=round(time.time()-t,2), says=job.says2.read_text())
    return out

if __name__=='__main__':
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('--trials', type=int, default=12); ap.add_argument('--seed', type=int, default=0)
    ap.add_argument('--only', choices=['kill','signals','two'])
    ap.add_argument('--size', type=int, nargs=2, default=(2048,1500)); ap.add_argument('--encoder', default='tu-lcnet_035')
    ap.add_argument('--tile', type=int, default=256); ap.add_argument('--overlap', type=int, default=64)
