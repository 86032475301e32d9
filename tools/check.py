"""The test suite: every notebook, and the rules that a notebook alone cannot show. The last line is `N passed, N failed`.

    tools/check.py                       everything
    tools/check.py order shape           only these checks
    tools/check.py notebooks -m 01_ -m recipes/   only notebooks whose path contains one of these
    tools/check.py notebooks --flags slow         run the cells marked `#| slow` too
"""
import argparse, ast, builtins, dis, hashlib, importlib, inspect, json, os, re, resource, shutil, subprocess, sys, tempfile, time, types
from concurrent.futures import ThreadPoolExecutor, as_completed
from configparser import ConfigParser
from importlib.metadata import packages_distributions
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import readme

MAX_KB, MAX_CELL, MAX_LINE, TIMEOUT = 600, 60, 140, 900
EXPORTS = {'export', 'exports', 'exporti'}
# Modules whose import must stay cheap, from the cheapest on, and what they must not bring in, even through others
TRAINING = {'fastai', 'albumentations', 'accelerate'}
LIGHT = {'core': {'torch', 'rasterio', 'geopandas', 'matplotlib'} | TRAINING, 'raster': {'torch'} | TRAINING, 'vector': {'torch'} | TRAINING,
         **{m: TRAINING for m in 'losses metrics models tta bundle infer scale instances rescore buildings cli'.split()}}

# ------------------------------------------------------------------ notebooks

class Cell:
    "A notebook cell: its kind, source, directives and outputs"
    def __init__(self, c:dict, i:int):
        self.i, self.kind, self.src = i, c['cell_type'], readme.text_of(c['source'])
        self.outputs = c.get('outputs', [])
        self.directives = readme.directives(self.src) if self.kind=='code' else {}
        self.exported = bool(EXPORTS & self.directives.keys())
        self.hidden = 'hide' in self.directives

    @property
    def code(self)->str: return '\n'.join('' if re.match(r'\s*[%!]|#\|', l) else l for l in self.src.splitlines())
    @property
    def tree(self)->ast.Module: return ast.parse(self.code)
    @property
    def only_imports(self)->bool: return all(isinstance(n, (ast.Import, ast.ImportFrom, ast.Expr)) for n in self.tree.body)

class Book:
    "A notebook: its cells, its floor (the number in its name) and the module that it exports"
    def __init__(self, path:Path, nbs:Path):
        self.path, self.rel = path, path.relative_to(nbs).as_posix()
        self.cells = [Cell(c,i) for i,c in enumerate(json.loads(path.read_text(encoding='utf-8'))['cells'])]
        m = re.match(r'(\d+)', path.name)
        self.floor = int(m[1]) if m else None
        self.module = next((c.directives['default_exp'] for c in self.cells if 'default_exp' in c.directives), None)

    @property
    def code(self)->list: return [c for c in self.cells if c.kind=='code']

def books(root:Path)->list:
    "All notebooks below nbs/, in order"
    nbs = root/'nbs'
    found = [p for p in nbs.rglob('*.ipynb') if not any(q.startswith(('.','_')) for q in p.relative_to(nbs).parts)]
    return [Book(p, nbs) for p in sorted(found)]

# ------------------------------------------------------------------ 1 the package is what the notebooks export

def hashes(root:Path)->dict:
    "SHA-256 of each notebook and each module"
    files = [*(root/'nbs').rglob('*.ipynb'), *(root/'geofast').rglob('*.py')]
    return {p.relative_to(root).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in files
            if '.ipynb_checkpoints' not in p.parts and '__pycache__' not in p.parts}

def check_export(root:Path)->list:
    "`nbdev_clean` and `nbdev_export` change nothing, and no module lacks its notebook (tried on a copy)"
    with tempfile.TemporaryDirectory() as tmp:
        copy = Path(tmp)/root.name
        for d in ('nbs', 'geofast'): shutil.copytree(root/d, copy/d, symlinks=True, ignore=shutil.ignore_patterns('__pycache__', '.ipynb_checkpoints'))
        shutil.copy(root/'settings.ini', copy)
        before = hashes(copy)
        for p in (copy/'geofast').rglob('*.py'):
            if p.name not in ('__init__.py','__main__.py'): p.unlink()
        env = {k:v for k,v in os.environ.items() if k not in ('IN_TEST', 'PYTHONPATH')}
        run = 'from nbdev.clean import nbdev_clean; from nbdev.doclinks import nbdev_export; nbdev_clean.__wrapped__(); nbdev_export.__wrapped__()'
        r = subprocess.run([sys.executable, '-W', 'ignore', '-c', run], cwd=copy, env=env, capture_output=True, text=True)
        if r.returncode: return [f'nbdev_clean or nbdev_export failed:\n{r.stderr[-2000:]}']
        after = hashes(copy)
    why = lambda p: 'no notebook makes it' if p not in after else 'not in the working tree' if p not in before else 'differs'
    return [f'{p}: {why(p)}; run `make export` and commit' for p in sorted(before.keys()|after.keys()) if before.get(p)!=after.get(p)]

# ------------------------------------------------------------------ 2 README

def check_readme(root:Path)->list:
    "README.md is the rendered nbs/index.ipynb, whose table lists every notebook"
    p, index = root/'README.md', readme.render(root/'nbs/index.ipynb')
    same = p.exists() and p.read_text(encoding='utf-8')==index
    bad = [] if same else ['README.md differs from nbs/index.ipynb; run `make readme`']
    return bad + [f'{b.rel} is not in the table of nbs/index.ipynb; run that notebook again' for b in books(root)
                  if b.floor is not None and f'(nbs/{b.rel})' not in index]

# ------------------------------------------------------------------ 3 order

def geofast_imports(tree:ast.AST)->list:
    "`(module, is_star)` for each import of a geofast module below `tree`"
    out = []
    for n in ast.walk(tree):
        if isinstance(n, ast.Import): out += [(a.name.removeprefix('geofast.'), False) for a in n.names if a.name.startswith('geofast.')]
        elif isinstance(n, ast.ImportFrom):
            names, mod = [a.name for a in n.names], n.module or ''
            if mod=='geofast': out += [(x, False) for x in names if not x.startswith('_')]
            elif mod.startswith('geofast.'): out.append((mod.removeprefix('geofast.'), '*' in names))
            elif n.level: out.append((f'{"."*n.level}{mod}', False))
    return out

def check_order(root:Path)->list:
    "A notebook imports only from lower numbers, never by star and never relatively; numbers are unique"
    bs, bad, seen = books(root), [], {}
    floor = {b.module: b.floor for b in bs if b.module}
    for b in bs:
        if b.floor is None:
            if b.rel!='index.ipynb': bad.append(f'{b.rel}: its name needs a number')
            continue
        if b.floor in seen: bad.append(f'{b.rel}: {seen[b.floor]} has the same number')
        seen[b.floor] = b.rel
        for c in b.code:
            for mod,star in geofast_imports(c.tree):
                at = f'{b.rel} cell {c.i}'
                if star and b.module!='all': bad.append(f'{at}: star import of geofast.{mod}')
                if mod.startswith('.'): bad.append(f'{at}: relative import of {mod}; write geofast.NAME')
                elif mod not in floor: bad.append(f'{at}: imports geofast.{mod}, which no notebook exports')
                elif floor[mod]>=b.floor: bad.append(f'{at}: imports geofast.{mod} from floor {floor[mod]}; only floors below {b.floor} may be imported')
    return bad

# ------------------------------------------------------------------ 4 what modules bring in, and leaks

def leaks(mod:types.ModuleType)->set:
    "Global names that functions of `mod` read and that neither `mod` nor builtins define"
    out = set()
    def walk(code:types.CodeType):
        for i in dis.get_instructions(code):
            if i.opname=='LOAD_GLOBAL' and i.argval not in mod.__dict__ and not hasattr(builtins, i.argval): out.add(i.argval)
        for k in code.co_consts:
            if isinstance(k, types.CodeType): walk(k)
    walk(compile(inspect.getsource(mod), mod.__name__, 'exec'))
    return out

def modules(root:Path)->list:
    "Dotted names of the modules in geofast/, without the package name, those with a cheap import first"
    names = ['.'.join(p.relative_to(root/'geofast').with_suffix('').parts) for p in (root/'geofast').rglob('*.py') if not p.name.startswith('_')]
    return sorted(names, key=lambda n: (list(LIGHT).index(n) if n in LIGHT else len(LIGHT), n))

def import_report(root:Path)->list:
    "Runs in a fresh process: imports each module, and tells forbidden companions, leaks and failures"
    sys.path.insert(0, str(root))
    bad = []
    for name in modules(root):
        try: mod = importlib.import_module(f'geofast.{name}')
        except Exception as e:
            bad.append(f'geofast.{name}: import fails: {type(e).__name__}: {e}')
            continue
        if heavy := sorted(m for m in LIGHT.get(name, ()) if m in sys.modules): bad.append(f'geofast.{name}: importing it brings in {", ".join(heavy)}')
        if names := sorted(leaks(mod)): bad.append(f'geofast.{name}: reads names that only a notebook defines: {", ".join(names)}')
    return bad

def check_imports(root:Path)->list:
    "Modules import; the prediction side imports no training library; no exported code reads a notebook's global"
    return fresh(root, '--import-report')

def fresh(root:Path, option:str, env:dict|None=None)->list:
    "The list that this script prints as JSON in a process of its own"
    cmd = [sys.executable, '-W', 'ignore', str(HERE/'check.py'), option, '--root', str(root)]
    r = subprocess.run(cmd, capture_output=True, text=True, cwd=root, env={**os.environ, **(env or {})})
    return json.loads(r.stdout.splitlines()[-1]) if r.returncode==0 and r.stdout else [f'{option} failed:\n{r.stderr[-2000:]}']

# Modules that an extra other than `train` belongs to; the other LIGHT ones work with the core install alone
EXTRA_OF = dict(scale='scale', instances='instances', rescore='instances')

def declared(root:Path)->dict:
    "`{extra: distributions}` of settings.ini, the core under ''"
    cfg = ConfigParser(delimiters=['='])
    cfg.read(root/'settings.ini', encoding='utf-8')
    norm = lambda s: {re.sub(r'[-_.]+', '-', re.split(r'[<>=!~\[]', r)[0]).lower() for r in s.split()}
    keys = {k: k.removesuffix('requirements').rstrip('_') for k in cfg['DEFAULT'] if k.endswith('requirements')}
    return {extra: norm(cfg['DEFAULT'][k]) for k,extra in keys.items()}

def third_party(tree:ast.Module)->list:
    "`(package, lazy)` for each import of something outside the standard library and geofast; lazy is inside a function"
    top, out = {id(n) for n in tree.body}, []
    for n in ast.walk(tree):
        names = [a.name for a in n.names] if isinstance(n, ast.Import) else [n.module or ''] if isinstance(n, ast.ImportFrom) and not n.level else []
        out += [(x.split('.')[0], id(n) not in top) for x in names]
    return [(p,lazy) for p,lazy in out if p not in sys.stdlib_module_names and p not in ('geofast', '')]

def check_requirements(root:Path)->list:
    "What modules import is declared: in the core for the prediction side, in its extra or the core elsewhere"
    reqs, dists, bad = declared(root), packages_distributions(), set()
    for name in modules(root):
        tree = ast.parse((root/'geofast'/f'{name.replace(".","/")}.py').read_text(encoding='utf-8'))
        for pkg,lazy in third_party(tree):
            every = set().union(*(v for k,v in reqs.items() if k!='dev'))
            allowed = every if lazy or name not in LIGHT else reqs[''] | reqs.get(EXTRA_OF.get(name), set())
            ours = {re.sub(r'[-_.]+', '-', d).lower() for d in dists.get(pkg, [pkg])}
            if not ours & allowed: bad.add(f'geofast.{name}: imports {pkg} ({", ".join(sorted(ours))}), which settings.ini does not require '
                                           + ('for it' if ours & every else 'outside dev' if ours & reqs['dev'] else 'at all'))
    return sorted(bad)

# ------------------------------------------------------------------ 5 shape

PATH_RE = re.compile(r'(?<![\w.~/:-])/(?:work|tmp|home|root|Users|mnt|opt|private|var/folders)/[\w.~-]+')
B64_RE = re.compile(r'base64,[A-Za-z0-9+/=\s\\n]+')

def shown(cell:Cell)->str:
    "The text of a cell's outputs, without pictures"
    texts = [readme.text_of(o.get('text')) for o in cell.outputs]
    texts += [readme.text_of(v) for o in cell.outputs for k,v in o.get('data', {}).items() if k.startswith('text/')]
    return B64_RE.sub('', '\n'.join(texts))

def vacuous(tree:ast.AST)->list:
    "Tests of failure that pass whatever the code does, and excepts that swallow everything"
    out = []
    for n in ast.walk(tree):
        if isinstance(n, ast.Call) and (name := getattr(n.func, 'id', getattr(n.func, 'attr', ''))) in ('test_fail', 'expect_fail'):
            keys = {k.arg for k in n.keywords}
            if not keys & {'contains', 'exc'} and not (name=='expect_fail' and n.args): out.append(f'`{name}` without `contains` or `exc`')
            f = n.args[0] if n.args else None
            if name=='test_fail' and isinstance(f, ast.Lambda) and len(f.args.args)>len(f.args.defaults) and not keys & {'args', 'kwargs'}:
                out.append('`test_fail` of a lambda that needs arguments and gets none')
        if isinstance(n, ast.ExceptHandler):
            broad = n.type is None or getattr(n.type, 'id', '') in ('Exception', 'BaseException')
            if broad and all(isinstance(s, ast.Pass) for s in n.body): out.append('an `except` that swallows every error')
    return out

def cell_faults(c:Cell)->list:
    "What is wrong with one cell"
    out = [f'machine path {p}' for p in sorted(set(PATH_RE.findall(c.src + '\n' + shown(c))))]
    if c.kind!='code': return out + (['skip_exec'] if re.search(r'skip_exec\s*:', c.src) and c.i<3 else [])
    try: out += vacuous(c.tree)
    except SyntaxError as e: return out + [f'does not parse: {e}']
    if any(o['output_type']=='error' for o in c.outputs): out.append('a stored error output')
    if c.exported:
        lines = [l for l in c.code.strip().splitlines() if l.strip()]
        if len(lines)>MAX_CELL: out.append(f'{len(lines)} exported lines in one cell, at most {MAX_CELL}')
        if (widest := max(map(len, lines), default=0))>MAX_LINE: out.append(f'a line of {widest} characters, at most {MAX_LINE}')
        if c.directives.get('eval')=='false': out.append('an exported cell that never runs')
    return out

def shown_share(b:Book)->tuple:
    "Export cells that define something, and how many of them are followed by a demo or test before the next one"
    exported = [c for c in b.code if c.exported and not c.only_imports]
    code, n = b.code, 0
    for c in exported:
        after = code[code.index(c)+1:]
        n += bool(after) and not after[0].exported
    return len(exported), n

def public_names(root:Path)->dict:
    "`{name: module}` of what modules list in `__all__`"
    out = {}
    for m in modules(root):
        tree = ast.parse((root/'geofast'/f'{m.replace(".","/")}.py').read_text(encoding='utf-8'))
        for n in tree.body:
            if isinstance(n, ast.Assign) and getattr(n.targets[0], 'id', '')=='__all__': out |= {name: m for name in ast.literal_eval(n.value)}
    return out

def fastai_names(root:Path)->list:
    "Runs in a fresh process: what `from fastai.vision.all import *` puts into a namespace"
    import fastai.vision.all as m
    return [n for n in getattr(m, '__all__', dir(m)) if not n.startswith('_')]

def check_shape(root:Path)->list:
    "Notebooks: size, cell length, nothing skipped, no vacuous test, no machine path; export cells are shown to work"
    bad, rows = [], []
    for b in books(root):
        kb = b.path.stat().st_size/1024
        if kb>MAX_KB: bad.append(f'{b.rel}: {kb:.0f} KB, at most {MAX_KB}')
        bad += [f'{b.rel} cell {c.i}: {f}' for c in b.cells for f in cell_faults(c)]
        rows.append((b.rel, kb, *shown_share(b)))
    print(f'  {"notebook":36}{"KB":>6}{"export cells":>14}{"followed by a demo or test":>28}')
    for rel,kb,n,k in rows: print(f'  {rel:36}{kb:6.0f}{n:14}{f"{100*k/n:.0f} %" if n else "-":>28}{"   below 70 %" if n and k<.7*n else ""}')
    n, k = sum(r[2] for r in rows), sum(r[3] for r in rows)
    print(f'  {"all":36}{sum(r[1] for r in rows):6.0f}{n:14}{f"{100*k/max(n,1):.0f} %":>28}')
    return bad

def check_names(root:Path)->list:
    "No public name is one that `from fastai.vision.all import *` brings"
    theirs = fresh(root, '--fastai-names')
    if len(theirs)<500: return [f'fastai.vision.all gave {len(theirs)} names, which cannot be all: {theirs[:1]}']
    ours = public_names(root)
    print(f'  {len(ours)} public names against {len(theirs)}')
    return [f'geofast.{m}: `{n}` is a name of fastai.vision.all' for n,m in sorted(ours.items()) if n in set(theirs)]

def check_sidebar(root:Path)->list:
    "Every notebook belongs to one section of the site's sidebar, and nbdev.yml agrees with settings.ini"
    import yaml
    bar = yaml.safe_load((root/'nbs/sidebar.yml').read_text(encoding='utf-8'))['website']['sidebar']['contents']
    globs = [g for s in bar for g in (s['contents'] if isinstance(s, dict) else [s])]
    match = lambda rel: [g for g in globs if Path(rel).match(g) and rel.count('/')==g.count('/')]
    bad = [f'{b.rel}: {len(match(b.rel))} entries of nbs/sidebar.yml match it, should be 1' for b in books(root) if len(match(b.rel))!=1]
    cfg = ConfigParser(delimiters=['=']); cfg.read(root/'settings.ini', encoding='utf-8'); cfg = cfg['DEFAULT']
    site = yaml.safe_load((root/'nbs/nbdev.yml').read_text(encoding='utf-8'))
    want = {'title': cfg['title'], 'description': cfg['description'], 'repo-url': cfg['git_url'], 'site-url': cfg['doc_host']+cfg['doc_baseurl']}
    return bad + [f'nbs/nbdev.yml: {k} is {site["website"].get(k)!r}, settings.ini has {v!r}' for k,v in want.items() if site['website'].get(k)!=v]

# ------------------------------------------------------------------ 6 notebooks run

def run_one(root:Path, rel:str, flags:str)->dict:
    "Runs in a fresh process: one notebook as `nbdev_test` runs it, in its own folder"
    os.chdir(root)
    from nbdev.config import get_config
    from nbdev.test import test_nb
    skip = get_config().tst_flags.split()
    ok, secs = test_nb(root/'nbs'/rel, skip_flags=skip, force_flags=flags.split(), basepath=root)
    return dict(ok=bool(ok), ran=secs>0, secs=secs, mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss/1024)

def run_book(root:Path, rel:str, flags:str)->dict:
    "Start `run_one` in a process with one thread, and collect its result, or why there is none"
    env = {**os.environ, 'OMP_NUM_THREADS':'1', 'MPLBACKEND':'agg', 'NO_ALBUMENTATIONS_UPDATE':'1', 'PYTHONPATH':str(root)}
    with tempfile.TemporaryDirectory() as tmp:
        out, t = Path(tmp)/'result.json', time.time()
        cmd = [sys.executable, str(HERE/'check.py'), '--run', rel, '--root', str(root), '--flags', flags, '--out', str(out)]
        try: r = subprocess.run(cmd, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors='replace', timeout=TIMEOUT)
        except subprocess.TimeoutExpired as e: return dict(rel=rel, ok=False, ran=True, secs=time.time()-t, mb=0, log=f'no end after {TIMEOUT} s')
        log = re.sub(r'\x1b\[[0-9;]*m', '', r.stdout)
        if not out.exists(): return dict(rel=rel, ok=False, ran=False, secs=time.time()-t, mb=0, log=f'process ended with {r.returncode}\n{log}')
        return dict(json.loads(out.read_text()), rel=rel, log=log)

def litter(root:Path)->set:
    "Files below nbs/ that are not notebooks: running must not add any"
    return {p.relative_to(root).as_posix() for p in (root/'nbs').rglob('*') if p.is_file() and p.suffix!='.ipynb' and '__pycache__' not in p.parts}

def run_books(root:Path, workers:int=2, flags:str='', match:list=())->tuple:
    "Run all notebooks, or those whose path contains one of `match`; returns `(results, faults)`"
    rels = [b.rel for b in books(root) if not match or any(m in b.rel for m in match)]
    rels.sort(key=lambda rel: not rel.startswith('experiments')) # the long ones first
    if not rels: return [], ['no notebook to run']
    before, results = litter(root), []
    print(f'  {"notebook":36}{"result":>8}{"seconds":>9}{"MB":>7}', flush=True)
    with ThreadPoolExecutor(workers) as ex:
        for f in as_completed([ex.submit(run_book, root, rel, flags) for rel in rels]):
            r = f.result()
            r['ok'] = r['ok'] and r['ran']
            results.append(r)
            print(f'  {r["rel"]:36}{"ok" if r["ok"] else "FAILED":>8}{r["secs"]:9.1f}{r["mb"]:7.0f}{"   over 30 s" if r["secs"]>30 else ""}', flush=True)
            if not r['ok']: print(r['log'][-6000:] if r['ran'] else 'the notebook did not run: '+r['log'][-3000:], flush=True)
    ran = sum(r['ran'] for r in results)
    bad = [] if ran==len(rels) else [f'{ran} of {len(rels)} notebooks ran']
    return results, bad + [f'{p}: left behind by a notebook' for p in sorted(litter(root)-before)]

# ------------------------------------------------------------------ all of it

def check_checks(root:Path)->list:
    "The checks find what they should, on broken copies (tools/test_check.py)"
    r = subprocess.run([sys.executable, '-W', 'ignore', str(HERE/'test_check.py')], capture_output=True, text=True)
    print('  ' + (r.stderr.strip().splitlines() or ['nothing printed'])[-3].strip())
    return [] if r.returncode==0 else [r.stderr[-4000:]]

CHECKS = dict(checks=check_checks, export=check_export, readme=check_readme, order=check_order, shape=check_shape, sidebar=check_sidebar,
              imports=check_imports, requirements=check_requirements, names=check_names)

def main()->int:
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('which', nargs='*', help=f'any of {", ".join(CHECKS)}, notebooks; all when none is given')
    ap.add_argument('-m', '--match', action='append', default=[], help='run only notebooks whose path contains this')
    ap.add_argument('--workers', type=int, default=2, help='notebooks at a time')
    ap.add_argument('--flags', default='', help='nbdev test flags to run that are normally left out, space separated')
    ap.add_argument('--root', type=Path, default=HERE.parent, help=argparse.SUPPRESS)
    for o in ('--import-report', '--fastai-names'): ap.add_argument(o, action='store_true', help=argparse.SUPPRESS)
    for o in ('--run', '--out'): ap.add_argument(o, help=argparse.SUPPRESS)
    a = ap.parse_args()
    root = a.root.resolve()
    if a.import_report or a.fastai_names:
        print(json.dumps(import_report(root) if a.import_report else fastai_names(root)))
        return 0
    if a.run:
        Path(a.out).write_text(json.dumps(run_one(root, a.run, a.flags)))
        return 0
    if unknown := set(a.which) - {*CHECKS, 'notebooks'}: ap.error(f'no check is called {", ".join(sorted(unknown))}')
    passed, failed, start = 0, 0, time.time()
    def report(name:str, what:str, bad:list, secs:float):
        nonlocal passed, failed
        passed, failed = passed+(not bad), failed+bool(bad)
        print(f'{"ok    " if not bad else "FAILED"} {name}: {what} ({secs:.1f} s)', *(f'    {b}' for b in bad), sep='\n', flush=True)
    for name,f in CHECKS.items():
        if a.which and name not in a.which: continue
        t = time.time()
        report(name, inspect.getdoc(f), f(root), time.time()-t)
    if not a.which or 'notebooks' in a.which:
        t = time.time()
        results, bad = run_books(root, a.workers, a.flags, a.match)
        passed, failed = passed+sum(r['ok'] for r in results), failed+sum(not r['ok'] for r in results)
        report('notebooks', f'{len(results)} notebooks, each ran and left nothing behind', bad, time.time()-t)
    print(f'\n{time.time()-start:.0f} s\n{passed} passed, {failed} failed')
    return bool(failed)

if __name__=='__main__': sys.exit(main())
