"""The test suite: every notebook, and the rules that a notebook alone cannot show; ends with `N passed, N failed`.

    tools/check.py                       everything
    tools/check.py order shape           only these checks
    tools/check.py notebooks -m 01_ -m recipes/   only notebooks whose path contains one of these
    tools/check.py notebooks --flags slow         run the cells marked `#| slow` too
"""
import argparse, ast, base64, builtins, dis, hashlib, importlib, inspect, io, json, multiprocessing, os, re, resource
import shutil, statistics, subprocess, sys, tempfile, time, tokenize, types
from concurrent.futures import ThreadPoolExecutor, as_completed
from configparser import ConfigParser
from importlib.metadata import packages_distributions
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import paste, readme

MAX_KB, MAX_LINE, TIMEOUT = 600, 120, 900
MAX_README_LINE = 92                          # of code on the first page, as wide as its column
USUAL_CELL, MAX_CELL, LONG_SHARE = 20, 40, .1 # lines of an export cell; which share of them may be longer than usual
MAX_MODULE, MEDIAN_MODULE = 300, 165          # lines; lines of code, in the median
MAX_NAMES = 120                               # public names, in all `__all__`s together
EXPORTS = {'export', 'exports', 'exporti'}
# Modules whose import must stay cheap, from the cheapest on, and what they must not bring in, even through others
TRAINING = {'fastai', 'albumentations', 'accelerate'}
LIGHT = {'core': {'torch', 'rasterio', 'geopandas', 'matplotlib'} | TRAINING,
         **{m: {'torch'} | TRAINING for m in 'kinds grid raster bands stack tiff vector synthetic render plan'.split()},
         **{m: TRAINING for m in '''scene_table stac coco xyz labels prepare losses multitask metrics pretrained decoders
                                    models outputs bundle tta stages blockrows store job infer workers executors scale trace simplify polygons
                                    instances instance_scores candidates second_level confidence coco_results cloud_scenes
                                    pose oblique pose_scores roofs solids reflectance onnx_import
                                    outlines webmap
                                    viz demo cli cli_train engines'''.split()}}
# Modules that an extra other than `train` belongs to; the other LIGHT ones work with the core install alone
EXTRA_OF = dict(executors='scale', scale='scale')
# What a function may import from a higher floor: conveniences at the end of the way of a prediction
LAZY_UP = {('infer','instances'), ('infer','polygons'), ('infer','confidence'), ('infer','scale'),
           ('job','engines'), ('infer','engines'), ('bundle','reflectance'), ('prepare','pose_scores')}
# Modules below the tasks that may say what is sought, and how unknown is written
SAY_WHAT = {'kinds', 'synthetic', 'render'}
TASKS = 70

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
    def only_imports(self)->bool:
        return all(isinstance(n, (ast.Import, ast.ImportFrom, ast.Expr)) for n in self.tree.body)
    @property
    def length(self)->int: return sum(bool(l.strip()) for l in self.code.splitlines())

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
    @property
    def defining(self)->list: return [c for c in self.code if c.exported and not c.only_imports]

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
        skip = shutil.ignore_patterns('__pycache__', '.ipynb_checkpoints')
        for d in ('nbs', 'geofast'): shutil.copytree(root/d, copy/d, symlinks=True, ignore=skip)
        shutil.copy(root/'settings.ini', copy)
        before = hashes(copy)
        for p in (copy/'geofast').rglob('*.py'):
            if p.name not in ('__init__.py','__main__.py'): p.unlink()
        env = {k:v for k,v in os.environ.items() if k not in ('IN_TEST', 'PYTHONPATH')}
        run = ('from nbdev.clean import nbdev_clean; from nbdev.doclinks import nbdev_export\n'
               'nbdev_clean.__wrapped__(); nbdev_export.__wrapped__()')
        cmd = [sys.executable, '-W', 'ignore', '-c', run]
        r = subprocess.run(cmd, cwd=copy, env=env, capture_output=True, text=True)
        if r.returncode: return [f'nbdev_clean or nbdev_export failed:\n{r.stderr[-2000:]}']
        after = hashes(copy)
    def why(p):
        if p not in after: return 'no notebook makes it'
        return 'differs' if p in before else 'not in the working tree'
    changed = [p for p in sorted(before.keys()|after.keys()) if before.get(p)!=after.get(p)]
    return [f'{p}: {why(p)}; run `make export` and commit' for p in changed]

# ------------------------------------------------------------------ 2 README

def first_page_faults(root:Path, text:str)->list:
    "Code that is wider than its column, pictures that are not those of the notebook or not of the model in the package"
    wide = [l for m in paste.FENCE.finditer(text) for l in m[3].splitlines() if len(l)>MAX_README_LINE]
    bad = [f'README.md: {len(l)} characters of code, at most {MAX_README_LINE}: {l}' for l in wide]
    for rel,data in readme.pictures(root/'nbs/index.ipynb').items():
        if (root/rel).is_file() and (root/rel).read_bytes()==data: continue
        bad.append(f'{rel} differs from nbs/index.ipynb; run `make readme`')
    shipped = root/'geofast/weights/drone/bundle.json'
    if not shipped.is_file(): return bad
    for m in json.loads(shipped.read_text(encoding='utf-8'))['members']:
        if m['sha256'][:12] not in text:
            bad.append('the picture of README.md is of another model than that of the package: '
                       'run nbs/index.ipynb, then `make readme`')
    return bad

def check_readme(root:Path)->list:
    "README.md is nbs/index.ipynb: its table lists every notebook, its picture is of the model in the package, its code fits"
    p, index = root/'README.md', readme.render(root/'nbs/index.ipynb')
    same = p.exists() and p.read_text(encoding='utf-8')==index
    bad = [] if same else ['README.md differs from nbs/index.ipynb; run `make readme`']
    bad += [f'{b.rel} is not in the table of nbs/index.ipynb; run that notebook again' for b in books(root)
            if b.floor is not None and f'(nbs/{b.rel})' not in index]
    return bad + first_page_faults(root, index)

def check_paste(root:Path)->list:
    "Every line of the blocks of README.md runs as it is pasted, in a fresh folder (tools/paste.py)"
    cmd = [sys.executable, '-W', 'ignore', str(HERE/'paste.py'), str(root/'README.md')]
    r = subprocess.run(cmd, capture_output=True, text=True, cwd=root, env={**os.environ, 'OMP_NUM_THREADS':'1'})
    try: out = json.loads(r.stdout.splitlines()[-1])
    except (IndexError, ValueError): return [f'tools/paste.py failed:\n{r.stderr[-3000:]}']
    print(f'  {out["ran"]} lines ran, {out["left"]} are not for here')
    return out['faults']

# ------------------------------------------------------------------ 3 order

def inside_functions(tree:ast.AST)->set:
    "Ids of the nodes that run only when some function is called"
    return {id(n) for f in ast.walk(tree) if isinstance(f, (ast.FunctionDef, ast.AsyncFunctionDef))
            for s in f.body for n in ast.walk(s)}

def geofast_imports(tree:ast.AST)->list:
    "`(module, is_star, lazy)` for each import of a geofast module below `tree`; lazy is inside a function"
    out, inside = [], inside_functions(tree)
    for n in ast.walk(tree):
        if isinstance(n, ast.Import): found = [a.name for a in n.names if a.name.startswith('geofast.')]
        elif isinstance(n, ast.ImportFrom):
            mod = n.module or ''
            if n.level: found = ['.'*n.level+mod]
            elif mod=='geofast': found = [a.name for a in n.names if not a.name.startswith('_')]
            else: found = [mod] if mod.startswith('geofast.') else []
        else: continue
        star = isinstance(n, ast.ImportFrom) and n.names[0].name=='*'
        out += [(m.removeprefix('geofast.'), star, id(n) in inside) for m in found]
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
            for mod,star,lazy in geofast_imports(c.tree):
                at = f'{b.rel} cell {c.i}'
                if star and b.module!='all': bad.append(f'{at}: star import of geofast.{mod}')
                if mod.startswith('.'): bad.append(f'{at}: relative import of {mod}; write geofast.NAME')
                elif mod not in floor: bad.append(f'{at}: imports geofast.{mod}, which no notebook exports')
                elif floor[mod]>=b.floor and not (lazy and (b.module, mod) in LAZY_UP):
                    bad.append(f'{at}: imports geofast.{mod} from floor {floor[mod]}; only floors below {b.floor} '
                               'may be imported')
    return bad

# ------------------------------------------------------------------ 4 what modules bring in, and leaks

def leaks(mod:types.ModuleType)->set:
    "Global names that functions of `mod` read and that neither `mod` nor builtins define"
    out = set()
    def walk(code:types.CodeType):
        for i in dis.get_instructions(code):
            known = i.argval in mod.__dict__ or hasattr(builtins, str(i.argval))
            if i.opname=='LOAD_GLOBAL' and not known: out.add(i.argval)
        for k in code.co_consts:
            if isinstance(k, types.CodeType): walk(k)
    walk(compile(inspect.getsource(mod), mod.__name__, 'exec'))
    return out

def modules(root:Path)->list:
    "Dotted names of the modules in geofast/, without the package name, those with a cheap import first"
    files = [p.relative_to(root/'geofast') for p in (root/'geofast').rglob('*.py') if not p.name.startswith('_')]
    names = ['.'.join(p.with_suffix('').parts) for p in files]
    return sorted(names, key=lambda n: (list(LIGHT).index(n) if n in LIGHT else len(LIGHT), n))

def source(root:Path, module:str)->str:
    "The text of a module"
    return (root/'geofast'/f'{module.replace(".","/")}.py').read_text(encoding='utf-8')

def import_report(root:Path)->list:
    "Runs in a fresh process: imports each module, and tells forbidden companions, leaks and failures"
    sys.path.insert(0, str(root))
    bad = []
    for name in modules(root):
        try: mod = importlib.import_module(f'geofast.{name}')
        except Exception as e:
            bad.append(f'geofast.{name}: import fails: {type(e).__name__}: {e}')
            continue
        heavy, names = sorted(m for m in LIGHT.get(name, ()) if m in sys.modules), sorted(leaks(mod))
        if heavy: bad.append(f'geofast.{name}: importing it brings in {", ".join(heavy)}')
        if names: bad.append(f'geofast.{name}: reads names that only a notebook defines: {", ".join(names)}')
    return bad

def check_imports(root:Path)->list:
    "Modules import; the prediction side imports no training library; no exported code reads a notebook's global"
    return fresh(root, '--import-report')

def fresh(root:Path, option:str, env:dict|None=None)->list:
    "The list that this script prints as JSON in a process of its own"
    cmd = [sys.executable, '-W', 'ignore', str(HERE/'check.py'), option, '--root', str(root)]
    r = subprocess.run(cmd, capture_output=True, text=True, cwd=root, env={**os.environ, **(env or {})})
    if r.returncode or not r.stdout: return [f'{option} failed:\n{r.stderr[-2000:]}']
    return json.loads(r.stdout.splitlines()[-1])

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
        if isinstance(n, ast.Import): names = [a.name for a in n.names]
        else: names = [n.module or ''] if isinstance(n, ast.ImportFrom) and not n.level else []
        out += [(x.split('.')[0], id(n) not in top) for x in names]
    return [(p,lazy) for p,lazy in out if p not in sys.stdlib_module_names and p not in ('geofast', '')]

def check_requirements(root:Path)->list:
    "What modules import is declared: in the core for the prediction side, in its extra or the core elsewhere"
    reqs, dists, bad = declared(root), packages_distributions(), set()
    every = set().union(*(v for k,v in reqs.items() if k!='dev'))
    for name in modules(root):
        for pkg,lazy in third_party(ast.parse(source(root, name))):
            allowed = every if lazy or name not in LIGHT else reqs[''] | reqs.get(EXTRA_OF.get(name), set())
            ours = {re.sub(r'[-_.]+', '-', d).lower() for d in dists.get(pkg, [pkg])}
            if ours & allowed: continue
            where = 'for it' if ours & every else 'outside dev' if ours & reqs['dev'] else 'at all'
            bad.add(f'geofast.{name}: imports {pkg} ({", ".join(sorted(ours))}), '
                    f'which settings.ini does not require {where}')
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
        name = getattr(n.func, 'id', getattr(n.func, 'attr', '')) if isinstance(n, ast.Call) else ''
        if name in ('test_fail', 'expect_fail'):
            keys, f = {k.arg for k in n.keywords}, n.args[0] if n.args else None
            if not keys & {'contains', 'exc'} and not (name=='expect_fail' and f):
                out.append(f'`{name}` without `contains` or `exc`')
            needs = isinstance(f, ast.Lambda) and len(f.args.args)>len(f.args.defaults)
            if name=='test_fail' and needs and not keys & {'args', 'kwargs'}:
                out.append('`test_fail` of a lambda that needs arguments and gets none')
        if isinstance(n, ast.ExceptHandler):
            broad = n.type is None or getattr(n.type, 'id', '') in ('Exception', 'BaseException')
            empty = all(isinstance(s, ast.Pass) for s in n.body)
            if broad and empty: out.append('an `except` that swallows every error')
    return out

def joined(code:str)->list:
    "Numbers of the lines that hold another statement after a semicolon; one at the end of a line only hides its output"
    ts = list(tokenize.generate_tokens(io.StringIO(code+'\n').readline))
    last = (tokenize.NEWLINE, tokenize.NL, tokenize.COMMENT)
    marks = [(t, after) for t,after in zip(ts, ts[1:]) if t.type==tokenize.OP and t.string==';']
    return [t.start[0] for t,after in marks if after.type not in last]

def patched(f:ast.FunctionDef)->str|None:
    "The class that `f` becomes a method of by fastcore's `patch`"
    for d in f.decorator_list:
        name = getattr(getattr(d, 'func', d), 'id', '')
        if name=='patch': return ast.unparse(f.args.args[0].annotation)
        if name=='patch_to': return ast.unparse(d.args[0])

def definitions(tree:ast.Module)->list:
    "Public functions and classes; the methods patched into one class are one"
    defs = [n for n in tree.body if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))]
    names = [n.name if isinstance(n, ast.ClassDef) or not (k:=patched(n)) else f'methods of {k}'
             for n in defs if not n.name.startswith('_')]
    return list(dict.fromkeys(names))

def cell_faults(c:Cell)->list:
    "What is wrong with one cell"
    out = [f'machine path {p}' for p in sorted(set(PATH_RE.findall(c.src + '\n' + shown(c))))]
    if c.kind!='code': return out + (['skip_exec'] if re.search(r'skip_exec\s*:', c.src) and c.i<3 else [])
    try: out += vacuous(c.tree)
    except SyntaxError as e: return out + [f'does not parse: {e}']
    if any(o['output_type']=='error' for o in c.outputs): out.append('a stored error output')
    widest = max(map(len, c.src.splitlines()), default=0)
    if widest>MAX_LINE: out.append(f'a line of {widest} characters, at most {MAX_LINE}')
    out += [f'line {n} holds several statements' for n in sorted(set(joined(c.code)))]
    if c.exported and c.directives.get('eval')=='false': out.append('an exported cell that never runs')
    if c.exported and not c.only_imports:
        if c.length>MAX_CELL: out.append(f'{c.length} exported lines, at most {MAX_CELL}')
        defs = definitions(c.tree)
        if len(defs)>1: out.append(f'{len(defs)} public definitions, at most one: {", ".join(defs)}')
    return out

def long_cells(bs:list)->list:
    "No more than one of ten export cells is longer than usual; prints how many are"
    lengths = {f'{b.rel} cell {c.i}': c.length for b in bs for c in b.defining}
    long = {k: n for k,n in lengths.items() if n>USUAL_CELL}
    print(f'  export cells: {len(lengths)}, lines: median {statistics.median(lengths.values()):.0f}, '
          f'at most {max(lengths.values())}; over {USUAL_CELL}: {len(long)} ({100*len(long)/len(lengths):.1f} %)')
    if len(long)<=LONG_SHARE*len(lengths): return []
    return [f'{len(long)} of {len(lengths)} export cells have over {USUAL_CELL} lines, at most {LONG_SHARE:.0%} may',
            *(f'  {k}: {n} lines' for k,n in sorted(long.items(), key=lambda o: -o[1]))]

def code_lines(text:str)->int:
    "Lines that are neither blank nor a comment"
    return sum(bool(l.strip()) and not l.lstrip().startswith('#') for l in text.splitlines())

def long_modules(root:Path)->list:
    "Modules are short; prints how long"
    texts = {m: source(root, m) for m in modules(root)}
    lines = {m: len(t.splitlines()) for m,t in texts.items()}
    middle = statistics.median(map(code_lines, texts.values()))
    print(f'  modules: {len(lines)}, lines: median {statistics.median(lines.values()):.0f}, '
          f'at most {max(lines.values())}; without blank lines and comments: median {middle:.0f}')
    bad = [f'geofast.{m}: {n} lines, at most {MAX_MODULE}' for m,n in lines.items() if n>MAX_MODULE]
    if middle>MEDIAN_MODULE:
        bad.append(f'half of the modules have over {middle:.0f} lines of code, at most {MEDIAN_MODULE}')
    return bad

def shown_share(b:Book)->tuple:
    "Export cells that define something, and how many of them are followed by a demo or test before the next one"
    code, n = b.code, 0
    for c in b.defining:
        after = code[code.index(c)+1:]
        n += bool(after) and not after[0].exported
    return len(b.defining), n

def check_shape(root:Path)->list:
    "Size, line and cell length, one statement a line, one definition a cell; nothing skipped, vacuous or unshown"
    bad, rows, bs = [], [], books(root)
    for b in bs:
        kb = b.path.stat().st_size/1024
        if kb>MAX_KB: bad.append(f'{b.rel}: {kb:.0f} KB, at most {MAX_KB}')
        faults = [f'{b.rel} cell {c.i}: {f}' for c in b.cells for f in cell_faults(c)]
        if any('does not parse' in f for f in faults): return bad + faults
        bad += faults
        rows.append((b.rel, kb, *shown_share(b)))
    print(f'  {"notebook":36}{"KB":>6}{"export cells":>14}{"followed by a demo or test":>28}')
    for rel,kb,n,k in rows:
        share, few = f'{100*k/n:.0f} %' if n else '-', '   below 70 %' if k<.7*n else ''
        print(f'  {rel:36}{kb:6.0f}{n:14}{share:>28}{few}')
    n, k = sum(r[2] for r in rows), sum(r[3] for r in rows)
    print(f'  {"all":36}{sum(r[1] for r in rows):6.0f}{n:14}{f"{100*k/max(n,1):.0f} %":>28}')
    return bad + long_cells(bs) + long_modules(root)

# ------------------------------------------------------------------ 6 figures have data, numbers have a source

MIN_INK, MIN_AXES, MAX_GAP = .004, .08, .4 # shares of a picture: not background; white rectangle taken for axes; gap

def picture_faults(gray)->list: # (h,w) 0-255
    "What a picture lacks: ink, or something within a frame"
    import numpy as np
    from scipy import ndimage
    ink = (np.abs(gray.astype(int)-np.bincount(gray.ravel()).argmax())>16).mean()
    if ink<MIN_INK: return [f'a blank picture: {ink:.2%} of it is not background']
    white, (h,w), bad = gray>=225, gray.shape, []
    for what,blank in (('columns', white.all(0)), ('rows', white.all(1))):
        gap = np.diff(np.flatnonzero(~blank)).max(initial=0)/len(blank)
        if gap>MAX_GAP: bad.append(f'a gap: {gap:.0%} of its {what} are white between others')
    parts = ndimage.label(white)[0]
    for i,(ys,xs) in enumerate(ndimage.find_objects(parts), 1):
        size, framed = (ys.stop-ys.start)*(xs.stop-xs.start), ys.start and xs.start and ys.stop<h and xs.stop<w
        if framed and size>MIN_AXES*h*w and (parts[ys,xs][8:-8,8:-8]==i).all():
            bad.append(f'empty axes: {xs.stop-xs.start} x {ys.stop-ys.start} px within a frame are white')
    return bad

def check_figures(root:Path)->list:
    "No stored picture is blank, and none has axes without data"
    import numpy as np
    from PIL import Image
    n, bad = 0, []
    for b in books(root):
        for c in b.code:
            for kind,v in [kv for o in c.outputs for kv in o.get('data', {}).items() if kv[0] in readme.PICTURES]:
                im = Image.open(io.BytesIO(base64.b64decode(readme.text_of(v)))).convert('L')
                n, bad = n+1, bad+[f'{b.rel} cell {c.i}: {f}' for f in picture_faults(np.asarray(im))]
    print(f'  {n} pictures')
    return bad

PROSE_NUMBER = re.compile(r'(?<![\w.\-/])[-+]?(\d*\.\d+|\d+(?=\s?%))(?![\w/]|\.\d)(\s?%)?')
NO_MEASURE = re.compile(r'`[^`]*`|\$[^$]*\$|arXiv \d+\.\d+|(Python|version|eq\.) \d+\.\d+|95 % (interval|confidence)')
CODE_NUMBER = re.compile(r'(?<![\w.])\d*\.?\d+(?:[eE][-+]?\d+)?')

def loose_numbers(b:Book)->list:
    "`(cell, number)` of decimals and percentages in prose that no cell has; a paragraph with a link has a source"
    have = [float(x) for c in b.code for x in CODE_NUMBER.findall(c.src+'\n'+shown(c))]
    out = []
    for c in [c for c in b.cells if c.kind=='markdown']:
        for text in re.split(r'\n\s*\n', re.sub(r'(?ms)^```.*?^```', '', c.src)):
            if '](' in text: continue
            for m in PROSE_NUMBER.finditer(NO_MEASURE.sub('', text)):
                v, off = float(m[1]), .5*10**-len(m[1].partition('.')[2])+1e-9
                if not any(abs(x-v)<=off or (m[2] and abs(100*x-v)<=off) for x in have): out.append((c.i, m[0].strip()))
    return out

def check_numbers(root:Path)->list:
    "Decimals and percentages in prose stand in a cell of the notebook, or beside a link"
    return [f'{b.rel} cell {i}: {n} stands in no code and no output of the notebook' for b in books(root)
            for i,n in loose_numbers(b)]

# ------------------------------------------------------------------ 7 names and words

def public_names(root:Path)->dict:
    "`{name: module}` of what modules list in `__all__`"
    out = {}
    for m in modules(root):
        for n in ast.parse(source(root, m)).body:
            if isinstance(n, ast.Assign) and getattr(n.targets[0], 'id', '')=='__all__':
                out = {name: m for name in ast.literal_eval(n.value)} | out
    return out

def fastai_names(root:Path)->list:
    "Runs in a fresh process: what `from fastai.vision.all import *` puts into a namespace"
    import fastai.vision.all as m
    return [n for n in getattr(m, '__all__', dir(m)) if not n.startswith('_')]

def check_names(root:Path)->list:
    "Public names are few, and none is one that `from fastai.vision.all import *` brings"
    theirs = fresh(root, '--fastai-names')
    if len(theirs)<500: return [f'fastai.vision.all gave {len(theirs)} names, which cannot be all: {theirs[:1]}']
    ours = public_names(root)
    print(f'  {len(ours)} public names against {len(theirs)}')
    bad = [f'geofast.{m}: `{n}` is a name of fastai.vision.all' for n,m in sorted(ours.items()) if n in set(theirs)]
    if len(ours)<=MAX_NAMES: return bad
    count = {m: sum(o==m for o in ours.values()) for m in modules(root)}
    most = ', '.join(f'{m} {n}' for m,n in sorted(count.items(), key=lambda o: -o[1])[:10])
    return bad + [f'{len(ours)} public names, at most {MAX_NAMES}: {most}, ...']

# 255 as the end of the range of 8-bit pixels, or as white, says nothing of labels
PIXEL_255 = re.compile(r"""255\.?\s*[*/] | [*/]\s*(np\.uint8\()?255          # a factor
                           | \bclip\([^#]*\b255\b | pixel_max[^,)]*=\s*255 | 0(-|\ to\ |\ )255\b
                           | [(,]\s*255,\s*255,\s*255 | \(255,\)\*3 | \[\.\.\.,\s*None\],[^#]*\b255\)""", re.X)

def foreign_words(text:str)->list:
    "`(line number, word)` of what code below the tasks does not say: what is sought, and which label is unknown"
    out = []
    for i,l in enumerate(text.splitlines(), 1):
        if re.search('building', l, re.I): out.append((i, 'building'))
        if re.search(r'(?<![\w.])255(?!\w)', PIXEL_255.sub('', l)): out.append((i, '255'))
    return out

def check_words(root:Path)->list:
    "Below the tasks only the table of kinds and the synthetic towns say `building`, or 255 for unknown"
    low = {b.module for b in books(root) if b.floor is not None and b.floor<TASKS}
    want = {'building':'say object or positive class', '255':'write IGNORE_INDEX, or a value of KINDS'}
    return [f'geofast.{m} line {i}: {word}; {want[word]}' for m in modules(root) if m in low-SAY_WHAT
            for i,word in foreign_words(source(root, m))]

def check_sidebar(root:Path)->list:
    "Every notebook belongs to one section of the site's sidebar, and nbdev.yml agrees with settings.ini"
    import yaml
    bar = yaml.safe_load((root/'nbs/sidebar.yml').read_text(encoding='utf-8'))['website']['sidebar']['contents']
    globs = [g for s in bar for g in (s['contents'] if isinstance(s, dict) else [s])]
    match = lambda rel: [g for g in globs if Path(rel).match(g) and rel.count('/')==g.count('/')]
    found = {b.rel: len(match(b.rel)) for b in books(root)}
    bad = [f'{rel}: {n} entries of nbs/sidebar.yml match it, should be 1' for rel,n in found.items() if n!=1]
    ini = ConfigParser(delimiters=['='])
    ini.read(root/'settings.ini', encoding='utf-8')
    cfg, site = ini['DEFAULT'], yaml.safe_load((root/'nbs/nbdev.yml').read_text(encoding='utf-8'))['website']
    want = {'title': cfg['title'], 'description': cfg['description'], 'repo-url': cfg['git_url'],
            'site-url': cfg['doc_host']+cfg['doc_baseurl']}
    other = {k: v for k,v in want.items() if site.get(k)!=v}
    return bad + [f'nbs/nbdev.yml: {k} is {site.get(k)!r}, settings.ini has {v!r}' for k,v in other.items()]

# ------------------------------------------------------------------ 8 notebooks run

FORKS = multiprocessing.get_context('forkserver')
PRELOAD = ('torch', 'timm', 'segmentation_models_pytorch', 'fastai.vision.all', 'albumentations', 'rasterio', 'geopandas',
           'matplotlib.pyplot', 'scipy.ndimage', 'skimage.measure', 'nbdev.test') # what many notebooks import: read once

def run_one(root:Path, rel:str, flags:str, out:Path):
    "Runs in a process of its own: one notebook as `nbdev_test` runs it, in its own folder; the result goes into `out`"
    log = os.open(out.with_suffix('.log'), os.O_WRONLY|os.O_CREAT)
    for fd in (1, 2): os.dup2(log, fd)
    multiprocessing.set_start_method(None, force=True) # that of a process nobody forked
    os.environ['TMPDIR'] = tempfile.tempdir = str(out.parent) # what a notebook leaves there goes with the folder
    os.chdir(root)
    sys.path.insert(0, str(root))
    from nbdev.config import get_config
    from nbdev.test import test_nb
    skip = get_config().tst_flags.split()
    ok, secs = test_nb(root/'nbs'/rel, skip_flags=skip, force_flags=flags.split(), basepath=root)
    mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss/1024
    out.write_text(json.dumps(dict(ok=bool(ok), ran=secs>0, secs=secs, mb=mb)))

def run_book(root:Path, rel:str, flags:str)->dict:
    "Start `run_one` in a process forked from one that has imported `PRELOAD`, and collect its result, or why there is none"
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as tmp: # somebody may be at work in it yet
        os.chmod(tmp, 0o755) # a notebook that works as another user gets through, as in /tmp
        out, t = Path(tmp)/'result.json', time.time()
        p = FORKS.Process(target=run_one, args=(root, rel, flags, out))
        p.start()
        p.join(TIMEOUT)
        late = p.is_alive()
        if late: p.kill()
        log = out.with_suffix('.log').read_text(errors='replace') if out.with_suffix('.log').exists() else ''
        log = re.sub(r'\x1b\[[0-9;]*m', '', log)
        if out.exists(): return dict(json.loads(out.read_text()), rel=rel, log=log)
        why = f'no end after {TIMEOUT} s' if late else f'process ended with {p.exitcode}'
        return dict(rel=rel, ok=False, ran=late, secs=time.time()-t, mb=0, log=f'{why}\n{log}')

def litter(root:Path)->set:
    "Files below nbs/ that are not notebooks: running must not add any"
    files = [p for p in (root/'nbs').rglob('*') if p.is_file() and p.suffix!='.ipynb' and '__pycache__' not in p.parts]
    return {p.relative_to(root).as_posix() for p in files}

def run_books(root:Path, workers:int=2, flags:str='', match:list=())->tuple:
    "Run all notebooks, or those whose path contains one of `match`; returns `(results, faults)`"
    rels = [b.rel for b in books(root) if not match or any(m in b.rel for m in match)]
    rels.sort(key=lambda rel: '/' not in rel) # experiments and recipes, the long ones, first
    if not rels: return [], ['no notebook to run']
    before, results = litter(root), []
    os.environ |= dict(OMP_NUM_THREADS='1', MPLBACKEND='agg', NO_ALBUMENTATIONS_UPDATE='1', PYTHONPATH=str(root))
    FORKS.set_forkserver_preload(list(PRELOAD))
    print(f'  {"notebook":36}{"result":>8}{"seconds":>9}{"MB":>7}', flush=True)
    with ThreadPoolExecutor(workers) as ex:
        for f in as_completed([ex.submit(run_book, root, rel, flags) for rel in rels]):
            r = f.result()
            r['ok'] = r['ok'] and r['ran']
            results.append(r)
            word, slow = 'ok' if r['ok'] else 'FAILED', '   over 30 s' if r['secs']>30 else ''
            print(f'  {r["rel"]:36}{word:>8}{r["secs"]:9.1f}{r["mb"]:7.0f}{slow}', flush=True)
            log = r['log'][-6000:] if r['ran'] else 'the notebook did not run: '+r['log'][-3000:]
            if not r['ok']: print(log, flush=True)
    ran = sum(r['ran'] for r in results)
    bad = [] if ran==len(rels) else [f'{ran} of {len(rels)} notebooks ran']
    return results, bad + [f'{p}: left behind by a notebook' for p in sorted(litter(root)-before)]

# ------------------------------------------------------------------ all of it

def check_checks(root:Path)->list:
    "The checks find what they should, on broken copies (tools/test_check.py)"
    r = subprocess.run([sys.executable, '-W', 'ignore', str(HERE/'test_check.py')], capture_output=True, text=True)
    print('  ' + (r.stderr.strip().splitlines() or ['nothing printed'])[-3].strip())
    return [] if r.returncode==0 else [r.stderr[-4000:]]

CHECKS = dict(checks=check_checks, export=check_export, readme=check_readme, order=check_order, shape=check_shape,
              sidebar=check_sidebar, imports=check_imports, requirements=check_requirements, names=check_names,
              words=check_words, figures=check_figures, numbers=check_numbers, paste=check_paste)
LONG = 'checks','paste' # in processes of their own, beside the others and the notebooks

def main()->int:
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('which', nargs='*', help=f'any of {", ".join(CHECKS)}, notebooks; all when none is given')
    ap.add_argument('-m', '--match', action='append', default=[], help='run only notebooks whose path contains this')
    ap.add_argument('--workers', type=int, default=2, help='notebooks at a time')
    ap.add_argument('--flags', default='', help='nbdev test flags to run that are normally left out, space separated')
    ap.add_argument('--root', type=Path, default=HERE.parent, help=argparse.SUPPRESS)
    for o in ('--import-report', '--fastai-names'): ap.add_argument(o, action='store_true', help=argparse.SUPPRESS)
    a = ap.parse_args()
    root = a.root.resolve()
    if a.import_report or a.fastai_names:
        print(json.dumps(import_report(root) if a.import_report else fastai_names(root)))
        return 0
    if unknown := set(a.which) - {*CHECKS, 'notebooks'}: ap.error(f'no check is called {", ".join(sorted(unknown))}')
    passed, failed, start = 0, 0, time.time()
    def report(name:str, what:str, bad:list, secs:float):
        nonlocal passed, failed
        passed, failed = passed+(not bad), failed+bool(bad)
        word = 'FAILED' if bad else 'ok    '
        print(f'{word} {name}: {what} ({secs:.1f} s)', *(f'    {b}' for b in bad), sep='\n', flush=True)
    def timed(name:str)->tuple: # faults, seconds
        t = time.time()
        return CHECKS[name](root), time.time()-t
    chosen = [n for n in CHECKS if not a.which or n in a.which]
    with ThreadPoolExecutor(len(LONG)) as ex:
        beside = {n: ex.submit(timed, n) for n in chosen if n in LONG}
        for n in chosen:
            if n not in beside: report(n, inspect.getdoc(CHECKS[n]), *timed(n))
        if not a.which or 'notebooks' in a.which:
            t = time.time()
            results, bad = run_books(root, a.workers, a.flags, a.match)
            passed, failed = passed+sum(r['ok'] for r in results), failed+sum(not r['ok'] for r in results)
            report('notebooks', f'{len(results)} notebooks, each ran and left nothing behind', bad, time.time()-t)
        for n, f in beside.items(): report(n, inspect.getdoc(CHECKS[n]), *f.result())
    print(f'\n{time.time()-start:.0f} s\n{passed} passed, {failed} failed')
    return bool(failed)

if __name__=='__main__': sys.exit(main())
