"""Predictions that are killed, interrupted, and started twice: the result must be that of a quiet run, to the last byte.

    benchmarks/predict/kill.py                           12 trials of at most 3 SIGKILL each, signals, two processes at once
    benchmarks/predict/kill.py --trials 200 --only kill  a night

Prints one JSON object. What is killed is a fork of this process, which has imported everything but computed nothing: so the
time goes into the work.
"""
import argparse, json, os, resource, signal, subprocess, sys, tempfile, time, traceback
from pathlib import Path
os.environ['OMP_NUM_THREADS'] = '1' # a fork waits for ever for the threads of its parent
import numpy as np
from affine import Affine
from geofast.bundle import Contract, load_bundle, save_bundle
from geofast.core import GeofastError, axis_starts, seed_all
from geofast.grid import GeoBox
from geofast.infer import predict_raster
from geofast.models import build_model
from geofast.tiff import write_cog

def fork(f, says:Path)->int: # process id
    "Run `f` in a process of its own: exit code 0, 1 for a `GeofastError` (its message goes to `says`), 130 for Ctrl-C, else 2"
    pid = os.fork()
    if pid: return pid
    code = 2
    try:
        f()
        code = 0
    except GeofastError as e:
        code = 1
        note(says, str(e))
    except KeyboardInterrupt: code = 130
    except BaseException: note(says, traceback.format_exc())
    finally: os._exit(code)

def note(says, text): # with no limit on the size of files, if there was one
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.getrlimit(resource.RLIMIT_FSIZE)[1],)*2)
    says.write_text(text)

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
        rng = seed_all(seed)
        self.out.mkdir()
        box = GeoBox(size, Affine(.15,0,5e5,0,-.15,9.3e6), 'EPSG:32737')
        write_cog(rng.integers(1,256,(3,*size),dtype=np.uint8), box, self.src)
        contract = Contract({}, ['red','green','blue'], 'uint8', tile=tile, overlap=overlap)
        save_bundle(self.bundle, build_model('unet',encoder,pretrained=False), contract)
        t = time.time()
        code = self.run()
        self.seconds = time.time()-t
        assert code==0, self.says.read_text()
        self.want = {n: (self.out/n).read_bytes() for n in ('mask.tif','prob.tif')}
        self.tiles = self.counted()
        self.per_row = len(axis_starts(size[1],tile,tile-overlap))
        clear(self.out)

    def predict(self):
        model = load_bundle(self.bundle)
        fd = os.open(self.log, os.O_WRONLY|os.O_APPEND|os.O_CREAT)
        def note(net, x): os.write(fd, bytes([len(x[0])]))
        model.models[0].register_forward_pre_hook(note)
        predict_raster(self.src, model, self.out/'mask.tif', prob_dst=self.out/'prob.tif', progress=False)
    def start(self):
        self.says.unlink(missing_ok=True)
        return fork(self.predict, self.says)
    def run(self)->int: return wait(self.start())
    def counted(self)->int: # tiles that went through the network since the last call
        n = sum(self.log.read_bytes()) if self.log.exists() else 0
        self.log.unlink(missing_ok=True)
        return n
    def rows(self)->int: return len([*(self.out/'mask.tif.part').glob('0.0.??????.??????')]) # finished rows of blocks
    def state(self, name, before=None): # of a final path
        p = self.out/name
        data = p.read_bytes() if p.exists() else None
        return 'absent' if data==before else 'whole' if data==self.want[name] else 'WRONG'
    def whole(self): return all(self.state(n)=='whole' for n in self.want)
    def clean(self): return sorted(p.name for p in self.out.iterdir())==['mask.json','mask.tif','prob.tif']

def kills(job, rng, older:bool)->dict:
    "At most three SIGKILL at random moments, then to the end"
    before = b'an older result' if older else None
    n = wrong = late = 0
    if older: (job.out/'mask.tif').write_bytes(before)
    for _ in range(rng.integers(1,4)):
        t0 = time.time()
        stop = t0+rng.uniform(0,.9*job.seconds)
        pid = job.start()
        code = wait(pid, lambda: time.time()>stop)
        if code is None:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid,0)
            n += 1
        states = job.state('mask.tif',before), job.state('prob.tif')
        wrong += 'WRONG' in states
        late += code is None and states[0]=='whole' # when all was done but tidying up: what the next run finds is a matter of luck
        if code is None: continue
        if n==0: job.seconds = min(job.seconds, time.time()-t0) # the first run was slower than others are
        break
    if code is None: code = job.run()
    out = dict(kills=n, code=code, identical=job.whole(), wrong_files=wrong, nothing_left=job.clean(), late=late)
    again = round((job.counted()-job.tiles)/job.per_row/max(n,1),2)
    clear(job.out)
    return dict(out, rows_of_tiles_repeated=None if late else again)

def stopped(job, sig)->dict:
    "The command itself, stopped by a signal as soon as a row of blocks is there"
    cmd = [sys.executable, '-c', 'from geofast.cli import main; main()', 'predict', job.src, job.bundle, job.out/'mask.tif',
           '--prob-dst', job.out/'prob.tif']
    def hear(): signal.signal(signal.SIGINT, signal.SIG_DFL) # what a shell runs in its background is deaf to Ctrl-C
    p = subprocess.Popen(cmd, start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                         preexec_fn=hear)
    while p.poll() is None and not job.rows(): time.sleep(.005)
    t = time.time()
    p.send_signal(sig)
    text,_ = p.communicate()
    t = time.time()-t
    try:
        os.killpg(p.pid, 0)
        orphans = True
    except ProcessLookupError: orphans = False
    out = dict(exit=p.returncode, seconds=round(t,2), rows_kept=job.rows(), orphans=orphans,
               absent=all(job.state(n)=='absent' for n in job.want),
               says=text.strip().splitlines()[-1][-99:] if text.strip() else '', code=job.run(), identical=job.whole(),
               rows_of_tiles_after=round(job.counted()/job.per_row,2))
    clear(job.out)
    return out

def two(job)->dict:
    "A second process while one works (halted, lest it be done first); then two that want to go on with what a killed one left"
    a = job.start()
    wait(a, lambda: job.rows()>0)
    os.kill(a, signal.SIGSTOP)
    t = time.time()
    code = job.run()
    t = time.time()-t
    says = job.says.read_text() if code else ''
    working = ended(a) is None
    if working:
        os.kill(a, signal.SIGKILL)
        os.waitpid(a,0)
    kept = job.rows()
    b,c = job.start(),job.start()
    codes = sorted([wait(b),wait(c)])
    out = dict(second_exit=code, first_still_works=working, second_seconds=round(t,2),
               second_says=says.replace(str(job.folder),'')[:200], rows_kept=kept, both_exit=codes,
               identical=job.whole(), nothing_left=job.clean())
    job.counted()
    clear(job.out)
    return out

if __name__=='__main__':
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('--trials', type=int, default=12)
    ap.add_argument('--seed', type=int, default=0)
    ap.add_argument('--only', choices=['kill','signals','two'])
    ap.add_argument('--size', type=int, nargs=2, default=(2048,1500), metavar=('ROWS','COLS'))
    ap.add_argument('--encoder', default='tu-lcnet_035')
    ap.add_argument('--tile', type=int, default=256)
    ap.add_argument('--overlap', type=int, default=64)
    o = ap.parse_args()
    out = {}
    with tempfile.TemporaryDirectory() as tmp:
        job = Job(Path(tmp), o.seed, o.size, o.encoder, o.tile, o.overlap)
        rng = np.random.default_rng(o.seed)
        out['job'] = dict(seconds=round(job.seconds,2), tiles=job.tiles, tiles_per_row=job.per_row)
        if o.only in (None,'kill'): out['kill'] = [kills(job, rng, bool(i%2)) for i in range(o.trials)]
        if o.only in (None,'signals'): out['signals'] = {s.name: stopped(job,s) for s in (signal.SIGINT,signal.SIGTERM)}
        if o.only in (None,'two'): out['two'] = two(job)
    print(json.dumps(out))
