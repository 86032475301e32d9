"""Prediction of rasters, measured: speed against the pure forward pass and against peers, memory, start-up, precision.

    python benchmarks/predict/run.py                        # everything, with the peers that need no installation
    python benchmarks/predict/run.py forward null --cores 1 # some of it
    python benchmarks/predict/run.py peers --peers all      # all peers; those that are not installed get an environment below --work
    python benchmarks/predict/run.py engines                # torch against OpenVINO, in fp32 and in bf16 where the processor has it
    python benchmarks/predict/run.py agree                  # both engines in both precisions on the scenes of GEOFAST_DATA
    python benchmarks/predict/run.py --table                # the table again, from results.csv

Each measurement is a process of its own, pinned to its cores. What is compared takes turns, A B A B, and the median of the ratios
of neighbours counts. Linux only: it uses `taskset` and /proc. For figures that mean something nothing else may run; the column
`other` says how many cores others kept busy meanwhile.
"""
import argparse, csv, json, os, platform, re, resource, shutil, statistics, subprocess, sys, sysconfig, tempfile, time
from importlib.metadata import version
from pathlib import Path
import numpy as np

HERE = Path(__file__).resolve().parent
BASE = ['row','case','cores','value','unit','goal','met','detail','other','machine'] # of results.csv
PEERS = {p.stem:p for p in sorted((HERE/'peers').glob('*.py')) if not p.stem.startswith('geofast_')}
NEEDS = {k: m[1] if (m:=re.match(r'# pip: (.*)', p.read_text())) else None for k,p in PEERS.items()}
median = statistics.median

# ------------------------------------------------------------------ processes

def busy()->float:
    "Seconds that all cores together have worked"
    t = [int(o) for o in open('/proc/stat').readline().split()[1:9]]
    return (sum(t)-t[3]-t[4])/os.sysconf('SC_CLK_TCK')

def used()->float:
    r = resource.getrusage(resource.RUSAGE_CHILDREN)
    return r.ru_utime+r.ru_stime

class Bench:
    "Starts processes, says what they found, and notes how busy others were"
    def __init__(self, args, work:Path): self.args,self.work,self.others,self.t0 = args,work,[],time.time()

    def __call__(self, script:str, *args, cores:int|None=None, python=sys.executable, timeout:int=7200)->dict:
        "The JSON that a script prints last; None for `cores`: all there are"
        n = cores or len(os.sched_getaffinity(0))
        args = [str(a) for a in args]
        env = dict(os.environ, OMP_NUM_THREADS=str(n), MKL_NUM_THREADS=str(n), HF_HUB_OFFLINE='1', NO_ALBUMENTATIONS_UPDATE='1',
                   PYTHONPATH=os.pathsep.join([str(HERE.parents[1])]+[o for o in [os.environ.get('PYTHONPATH')] if o]))
        pin = ['taskset','-c',','.join(map(str,sorted(os.sched_getaffinity(0))[:n]))] if cores else []
        b,u,t = busy(),used(),time.time()
        r = subprocess.run([*pin, python, '-W', 'ignore', HERE/script, *args], env=env, capture_output=True, text=True, timeout=timeout)
        if r.returncode: raise RuntimeError(f"{script} {' '.join(args)}: exit code {r.returncode}\n{r.stderr[-1500:]}")
        d = json.loads(r.stdout.strip().splitlines()[-1])
        d['other'] = max(0.,(busy()-b-used()+u)/(time.time()-t))
        if 'wall' in d:
            self.others.append(d['other'])
            what = args[0].splitlines()[0][-40:] if script=='peer.py' else ' '.join(a for a in args if '/' not in a)
            self.say(f"{what}, {n} core(s): {d['wall']:.2f} s, {d['cpu']:.2f} CPU s, {d['extra_mb']:.0f} MB more, others {d['other']:.1f}")
        return d

    def say(self, text): print(f'{time.time()-self.t0:6.0f} s  {text}', file=sys.stderr, flush=True)
    def result(self, row, case, cores, value, unit, goal='', met=None, detail='')->dict:
        other,self.others = max(self.others, default=0.),[]
        met = '' if met is None else 'yes' if met else 'no'
        r = dict(zip(BASE, (row,case,cores or '',value,unit,goal,met,detail,f'{other:.2f}',machine())))
        self.say(' | '.join(str(r[k]) for k in BASE[:8] if r[k]!=''))
        return r

def machine()->str:
    cpu = next((l.split(':')[1].strip() for l in open('/proc/cpuinfo') if l.startswith('model name')), platform.machine())
    flags = next((l for l in open('/proc/cpuinfo') if l.startswith('flags')),'').split()
    kind = 'AMX' if 'amx_bf16' in flags else 'AVX-512 bf16' if 'avx512_bf16' in flags else 'no bf16'
    return f"{cpu}, {len(os.sched_getaffinity(0))} cores, {kind}; torch {version('torch')}, rasterio {version('rasterio')}"

def environment(bench, need:str)->str: # its python
    "An environment with `need`, on top of the packages of this one, so that torch is not installed twice"
    folder = bench.work/re.sub(r'\W+','-',need)
    python = folder/'bin'/'python'
    done = folder/'installed'
    if not done.exists():
        bench.say(f"installing {need}")
        subprocess.run([sys.executable,'-m','venv',folder], check=True)
        lib, = folder.glob('lib/python*/site-packages')
        (lib/'base.pth').write_text(sysconfig.get_path('purelib'))
        subprocess.run([python,'-m','pip','install','-q','--disable-pip-version-check',need], check=True, stderr=subprocess.DEVNULL)
        done.touch()
    return str(python)

# ------------------------------------------------------------------ rows

def ready(b):
    n = b.args.size
    r = b('worker.py','prepare',b.work,n)
    b.say(f"{n} x {n}: {r['megabytes']:.0f} MB, {1-r['valid']:.1%} nodata")

def pairs(b, net, cores, engine):
    "Forward pass and prediction in turn"
    return [tuple(b('worker.py',k,b.work,net,b.args.size,engine,cores=cores) for k in ('forward','raster')) for _ in range(b.args.repeats)]

def each(b): # (engine, its part of the name of a case, cores)
    return [(e,n,c) for e,n in (('torch',''),('openvino',', OpenVINO')) if e in b.args.engines for c in b.args.cores]

def forward(b):
    "End to end against the forward pass on the same tiles in memory"
    ready(b)
    for engine,name,cores in each(b):
        runs = pairs(b,'unet',cores,engine)
        f,r = ([o[i] for o in runs] for i in (0,1))
        goal = .92 if cores==1 else .85 if name else .90
        share,cpu = (median(x[k]/y[k] for x,y in runs) for k in ('wall','cpu'))
        yield b.result('forward', f'U-Net resnet18, {b.args.size}²{name}', cores, round(100*share,1), '% of the forward pass', f'>= {goal:.0%}',
            share>=goal, f"forward {median(o['wall'] for o in f):.2f} s, predict_raster {median(o['wall'] for o in r):.2f} s; of the pairs "
            f"{min(x['wall']/y['wall'] for x,y in runs):.0%} to {max(x['wall']/y['wall'] for x,y in runs):.0%}; by CPU seconds "
            f"{cpu:.1%}; {f[0]['precision']}; {f[0]['tiles']} tiles with pixels; panel {r[0]['panel']}")

def null(b):
    "The pipeline alone, with a network that does next to nothing"
    ready(b)
    px = b.args.size**2/1e6
    for engine,name,cores in each(b):
        runs,goal = pairs(b,'null',cores,engine),30 if cores==1 else 25
        e = b('worker.py','exact',b.work,b.args.size)
        alone,cpu = (median(px/(y[k]-x[k])/(cores if k=='wall' else 1) for x,y in runs) for k in ('wall','cpu'))
        whole = median(px/y['wall']/cores for _,y in runs)
        stages = ', '.join(f'{k} {v:.2f}' for k,v in runs[-1][1]['busy'].items())
        yield b.result('null', f'1x1 convolution, {b.args.size}²{name}', cores, round(alone,1), 'Mpx/s/core without the forward pass',
            f'>= {goal}', alone>=goal, f"{cpu:.1f} by CPU seconds; {whole:.1f} with the forward pass; {median(y['wall'] for _,y in runs):.2f} s; "
            f"seconds busy: {stages}; panel {runs[-1][1]['panel']}; {e['wrong']} of {e['pixels']} pixels wrong")

def peers(b):
    "The call that others document: the same network and the same tiles, fp32, as it comes"
    ready(b)
    cores,src,weights = b.args.cores[-1],b.work/f'{b.args.size}x{b.args.size}.tif',b.work/'unet.pth'
    def dst(name): return b.work/f'{name}.tif'
    def one(name, python=sys.executable): return b('peer.py', HERE/'peers'/f'{name}.py', src, weights, dst(name), cores=cores, python=python)
    def same(a, c): return b('worker.py','compare',dst(a),dst(c))['same']
    for name in ['geofast_fp32',*b.args.peers]:
        need = NEEDS.get(name)
        case = f"{name} ({need}), {b.args.size}²" if need else f'{name}, {b.args.size}²'
        try:
            python = environment(b,need) if need else sys.executable
            runs = [(one(name,python), one('geofast_default')) for _ in range(b.args.repeats)]
        except (RuntimeError, subprocess.SubprocessError) as e: # of others: the table goes on without them
            yield b.result('peers', case, cores, '', 'failed', detail=str(e).strip().splitlines()[-1][:200])
            continue
        mine = name=='geofast_fp32'
        goal = 2 if mine else 15 if ' AMX' in machine() else 8 if cores>1 else 7
        times,cpu = (median(x[k]/y[k] for x,y in runs) for k in ('wall','cpu'))
        agreed = same('geofast_fp32', 'geofast_default' if mine else name)
        (tx,ty),(mx,my) = ([median(o[i][k] for o in runs) for i in (0,1)] for k in ('wall','extra_mb'))
        yield b.result('peers', case, cores, round(times,1), 'x as long as geofast', f'>= {goal}', times>=goal,
            f"{tx:.1f} s against {ty:.1f} s; by CPU seconds {cpu:.1f}; memory with network and activations {mx:.0f} MB against {my:.0f} MB"
            + ('' if agreed is None else f"; {'the bf16 mask' if mine else 'its mask'} equals that of geofast in fp32 in {agreed:.1%}"))

def memory(b):
    "Memory beside a model that has computed one batch"
    b('worker.py','prepare',b.work,4096)
    W,found = b.args.width,{}
    for net,w,h,mem,*engine in [('null',4096,4096,'-'), ('null',W,4096,'-'), ('null',W,W,'-'), *(('null',W,4096,m) for m in b.args.max_mem),
                                ('unet',W,1024,'-'), *([('unet',W,1024,'-','openvino')] if 'openvino' in b.args.engines else [])]:
        case = f"{net}, {w} x {h}"+', OpenVINO'*bool(engine)+('' if mem=='-' else f', max_mem={mem}')
        b('worker.py','copies',b.work,w,h)
        r = b('worker.py','memory',b.work,net,f'{w}x{h}.tif',mem,*engine)
        if 'error' in r:
            yield b.result('memory', case, None, '', 'refused', detail=r['error'])
            continue
        extra,limit = r['extra_mb'],350 if mem=='-' else 1.1*mem
        found[net,w,h,mem] = extra
        yield b.result('memory', case, None, round(extra), 'MB beside the model', '<= 350' if mem=='-' else f'<= {mem} + 10 %', extra<=limit,
            f"peak of the process {r['peak_mb']:.0f} MB; {r['wall']:.0f} s; panel {r['panel']}")
    if W>4096:
        small,large = found['null',W,4096,'-'],found['null',W,W,'-']
        growth = (large-small)*2**20/(W*(W-4096))
        yield b.result('memory', f'growth from {W} x 4096 to {W} x {W}', None, round(growth,3), 'bytes/px', '< 0.2', growth<.2,
            f'{small:.0f} MB, {large:.0f} MB')

def huge(b):
    "A raster of 10 gigapixels, almost all of it nodata"
    n = b.args.huge
    b('worker.py','sparse',b.work,n)
    r = b('worker.py','memory',b.work,'null',f'sparse{n}.tif','-')
    yield b.result('huge', f'null, {n} x {n}, ten patches of pixels', None, round(r['peak_mb']), 'MB in all', '< 2000', r['peak_mb']<2000,
        f"{r['extra_mb']:.0f} MB beside the model; {r['wall']:.0f} s, {r['cpu']:.0f} CPU s = {n*n/1e6/r['wall']:.0f} Mpx/s; panel {r['panel']}")

def start(b):
    "What the import costs beyond torch"
    both = ('import torch','from geofast.infer import predict_tile')
    [b('peer.py',s,cores=1) for s in both] # writes the .pyc files
    runs = [tuple(b('peer.py',s,cores=1) for s in both) for _ in range(max(5,b.args.repeats))]
    b.others = [max(y['other'] for _,y in runs)]
    more,cpu = (median(y[k]-x[k] for x,y in runs) for k in ('wall','cpu'))
    yield b.result('start', '`from geofast.infer import predict_tile`', 1, round(more,2), 's beyond `import torch`', '<= 1', more<=1,
        f"{median(y['wall'] for _,y in runs):.2f} s in all, torch {median(x['wall'] for x,_ in runs):.2f} s; {cpu:.2f} CPU s beyond")

COLD = """import os, time, numpy as np; os.environ['XDG_CACHE_HOME'] = {cache!r}
def go():
    t = time.perf_counter()
    from geofast.infer import predict_tile
    predict_tile(np.load({image!r}), engine={engine!r}, gsd=.15).save({dst!r})
    return time.perf_counter()-t
import torch
r['first'] = go()
r['second'] = min(go() for _ in range(3))"""

def has_bf16()->bool: return not machine().split(';')[0].endswith('no bf16')

def engines(b):
    "torch as it is, with normalizations folded, and OpenVINO, with the networks that come with geofast"
    sorts = ('fp32','bf16') if has_bf16() else ('fp32',)
    for bundle,p,cores in [(k,p,c) for k in ('drone','clouds') for p in sorts for c in b.args.cores]:
        r = b('worker.py','engine_forward',b.work,bundle,p,cores=cores)
        (tw,tc),*made = r['times']
        b.others.append(r['other'])
        for name,goal,(w,c),(times,cpu),off in zip(('torch, folded','OpenVINO'), ('','>= 3'), made, r['ratios'][1:], r['largest']):
            yield b.result('engines', f'forward pass, `{bundle}`, {p}, 4 tiles of 256², {name}', cores, round(times,2), 'x as fast as torch as it is',
                goal, times>=3 if goal else None, f"torch {r['mpx']/tw:.2f} Mpx/s, {name} {r['mpx']/w:.2f}; by CPU seconds {cpu:.2f} "
                f"({r['mpx']/tc:.2f} and {r['mpx']/c:.2f}); largest difference of probabilities on noise {off:.1e}")
    n = b.args.engine_size
    b('worker.py','prepare',b.work,n)
    for p,cores in [(p,c) for p in sorts for c in b.args.cores]:
        r = b('worker.py','engine_raster',b.work,n,b.args.repeats,p,cores=cores)
        b.others.append(r['other'])
        (tw,_),(ow,_) = r['times']
        yield b.result('engines', f'`predict_raster`, {n}², gsd .3 m, {p}', cores, round(r['ratios'][1][0],2), 'x as fast as torch',
            detail=f"torch {tw:.2f} s, OpenVINO {ow:.2f} s; by CPU seconds {r['ratios'][1][1]:.2f}; {r['tiles']} tiles; {r['same']:.4%} of the mask equal")

def cold(b):
    "One image from a cold start of Python to the mask on disk, and again in the same process"
    image,ways = b.work/'cold.npy',{'torch':'torch', 'auto, first time on a machine':'auto', 'auto, compiled before':'auto'}
    np.save(image, np.random.default_rng(0).integers(0,256,(3,1024,1024),dtype=np.uint8))
    for cores in b.args.cores:
        shutil.rmtree(b.work/'cold', ignore_errors=True)
        b('peer.py', 'import torch, geofast.infer', cores=cores) # writes the .pyc files
        for case,engine in ways.items():
            statement = COLD.format(cache=str(b.work/'cold'), image=str(image), dst=str(b.work/'cold.tif'), engine=engine)
            runs = [b('peer.py', statement, cores=cores) for _ in range(1 if 'first' in case else b.args.repeats)]
            first,second = (median(r[k] for r in runs) for k in ('first','second'))
            now = f'`predict_tile` of 1024², bf16, {case}' if has_bf16() else f'`predict_tile` of 1024², {case}'
            yield b.result('cold', now, cores, round(first,2), 's from `import torch` to the mask on disk', '<= 1.5', first<=1.5)
            yield b.result('cold', f'{now}, again', cores, round(second,3), 's', '<= 0.15', second<=.15)

def agree(b):
    "Both engines and precisions with the networks that come with geofast, or one of --bundle, on real scenes"
    if not os.environ.get('GEOFAST_DATA'):
        b.say("agree: GEOFAST_DATA names no folder")
        return
    for bundle in b.args.bundle or ('drone','clouds'):
        found = b('worker.py','agree',b.work,bundle)
        b.others.append(found.pop('other'))
        ref = found.pop('torch fp32')
        for way,t in found.items():
            same,both,off = t['same']/t['pixels'],t['both']/max(1,t['either']),t['iou']-ref['iou']
            ok = t['largest']<=1e-4 if 'fp32' in way else same>=.995 and both>=.99 and abs(off)<=.002
            yield b.result('agree', f"`{Path(bundle).name}`, {way}, against torch fp32, {t['pixels']/1e6:.0f} Mpx", None, round(100*same,3),
                '% of the mask equal', 'largest difference <= 1e-4' if 'fp32' in way else '>= 99.5; IoU >= .99; labels within .002', ok,
                f"IoU of the two masks {both:.4f}; largest difference of p {t['largest']:.1e}; IoU against labels {t['iou']:.4f}, fp32 {ref['iou']:.4f}")

ROWS = dict(forward=forward, null=null, peers=peers, memory=memory, huge=huge, start=start, engines=engines, cold=cold, agree=agree)

# ------------------------------------------------------------------ the table

def keep(path:Path, new:list)->list:
    "Write rows in the place of older ones of the same kind; returns all"
    def key(r): return r['row'], r['case'], str(r['cores']), r['machine'].split(';')[0] # each processor has its rows
    have = {key(r) for r in new}
    old = []
    if path.exists():
        with open(path, newline='') as f: old = [r for r in csv.DictReader(f) if set(r)==set(BASE)]
    rows = sorted([r for r in old if key(r) not in have]+new, key=lambda r: ([*ROWS].index(r['row']),r['machine']))
    with open(path, 'w', newline='') as f:
        w = csv.DictWriter(f, BASE, lineterminator='\n')
        w.writeheader()
        w.writerows(rows)
    return rows

def table(rows:list)->str:
    out = ['| row | case | cores | result | goal | met | detail | other | machine |', '|---|---|---|---|---|---|---|---|---|']
    machines = sorted({r['machine'] for r in rows})
    for r in rows: out.append('| '+' | '.join(str(o).replace('|','\\|') for o in (r['row'], r['case'], r['cores'],
        f"**{r['value']}** {r['unit']}" if r['value']!='' else r['unit'], r['goal'], r['met'], r['detail'], r['other'], machines.index(r['machine'])+1))+' |')
    return '\n'.join([*out, '', *(f'{i}. {m}' for i,m in enumerate(machines,1))])

def publish(rows:list):
    "Put the table between the markers of README.md"
    p = HERE/'README.md'
    a,b = '<!-- table -->','<!-- end of table -->'
    s = p.read_text()
    p.write_text(s[:s.index(a)+len(a)]+'\n'+table(rows)+'\n'+s[s.index(b):])

def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('rows', nargs='*', metavar='row', help=f"of {', '.join(ROWS)}; default: all")
    p.add_argument('--work', type=Path, help="folder for rasters and environments, 2 GB or more, kept; default: a temporary one")
    p.add_argument('--repeats', type=int, default=3)
    p.add_argument('--cores', type=int, nargs='+', default=[1,2], help="for forward, null, engines and cold; peers: the last of them")
    p.add_argument('--size', type=int, default=4096, help="side of the raster for forward, null and peers, px")
    p.add_argument('--peers', nargs='*', default=[k for k,v in NEEDS.items() if not v], choices=[*PEERS,'all'], metavar='peer',
                   help=f"of {', '.join(PEERS)}, all; default: those that need no installation")
    p.add_argument('--width', type=int, default=16384, help="of the rasters for memory, px")
    p.add_argument('--huge', type=int, default=100_000, help="side of the sparse raster, px")
    p.add_argument('--max-mem', type=int, nargs='*', default=[200,1000], help="further limits for memory, MB")
    p.add_argument('--engine-size', type=int, default=1024, help="side of the raster for engines, px")
    p.add_argument('--engines', nargs='+', default=['torch','openvino'], choices=['torch','openvino'], help="for forward, null and memory")
    p.add_argument('--bundle', nargs='*', help="trained bundles for agree; default: those that come with geofast")
    p.add_argument('--out', type=Path, default=HERE/'results.csv', help="the README takes the table only from the default file")
    p.add_argument('--table', action='store_true', help="measure nothing")
    a = p.parse_args()
    if set(a.rows)-set(ROWS): p.error(f"no such row: {', '.join(set(a.rows)-set(ROWS))}")
    if 'all' in a.peers: a.peers = [*PEERS]
    a.cores = [c for c in a.cores if c<=len(os.sched_getaffinity(0))] or [1]
    with tempfile.TemporaryDirectory() as tmp:
        work = (a.work or Path(tmp)).resolve()
        work.mkdir(parents=True, exist_ok=True)
        b,rows = Bench(a,work),keep(a.out,[])
        for n in [] if a.table else a.rows or ROWS:
            for r in ROWS[n](b): rows = keep(a.out,[r]) # a run that is cut short has kept what it found
    if a.out==HERE/'results.csv': publish(rows)
    print(table(rows))

if __name__=='__main__': main()
