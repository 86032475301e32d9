"""Time one call of `run(src, weights, dst)` of a file: `peer.py FILE SRC WEIGHTS DST`, or what an import costs: `peer.py STATEMENT`

It needs nothing but the standard library, so that it runs in any environment.
"""
import json, os, sys, time
from contextlib import contextmanager
from pathlib import Path

def status(key): # MB
    return int(next(l for l in open('/proc/self/status') if l.startswith(key)).split()[1])/1024

@contextmanager
def meter():
    "Yields a dict that holds, after the block: wall and CPU seconds, peak memory, and how far it rose above the start (Linux)"
    r = {}
    Path('/proc/self/clear_refs').write_text('5') # forget the peak so far, e.g. of the parent process
    base,w,c = meter.rss(),time.perf_counter(),time.process_time()
    yield r
    r |= dict(wall=time.perf_counter()-w, cpu=time.process_time()-c, peak_mb=status('VmHWM'))
    r |= dict(extra_mb=r['peak_mb']-base)
meter.rss = lambda: status('VmRSS')

def load(path):
    "The `run` of a file, whatever packages its name resembles"
    from importlib.util import module_from_spec, spec_from_file_location
    spec = spec_from_file_location('peer_'+Path(path).stem, path)
    m = module_from_spec(spec)
    spec.loader.exec_module(m)
    return m.run

if __name__=='__main__':
    if len(sys.argv)==2:
        with meter() as r: exec(sys.argv[1])
    else:
        path,src,weights,dst = sys.argv[1:]
        run = load(path)
        if os.path.exists(dst): os.unlink(dst)
        with meter() as r: run(src, weights, dst)
    print(json.dumps(r))
