"Every check passes on a small sound project and fails on that project broken in the way it is there to find"
import base64, contextlib, io, json, shutil, subprocess, sys, tempfile, unittest, unittest.mock
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import check, docs, paste, readme

SOUND = {
    '00_core': ['# core\n> Windows', '#| default_exp core', '#| export\nimport os',
                '#| export\ndef area(h:int, w:int)->int:\n    "Pixels"\n    return h*w',
                'area(2,3)', 'assert area(2,3)==6'],
    '01_raster': ['# raster\n> Rasters', '#| default_exp raster', '#| export\nfrom geofast.core import area',
                  '#| export\ndef rows(n:int)->list:\n    "Areas"\n    return [area(i,i) for i in range(n)]', 'rows(3)',
                  '#| slow\nraise RuntimeError("left out unless asked for")'],
    'recipes/90_town': ['# town\n> A recipe', '#| default_exp recipes.town',
                        '#| export\nfrom geofast.raster import rows',
                        '#| export\ndef town()->int:\n    "Sum"\n    return sum(rows(4))',
                        'import os\nfrom pathlib import Path\nassert Path.cwd().name=="recipes"\ntown()'],
    'index': ['# small\n> A project',
              '- [core](00_core.ipynb)\n- [raster](01_raster.ipynb)\n- [town](recipes/90_town.ipynb)',
              'from geofast.core import area\narea(1,1)'],
}

def notebook(sources:list, outputs:dict|None=None)->str:
    "A clean notebook; sources that start with #, > or - as text would are markdown"
    cells = []
    for i,src in enumerate(sources):
        md = src.startswith(('# ', '- ', '## '))
        kind, lines = 'markdown' if md else 'code', src.splitlines(keepends=True)
        cell = dict(cell_type=kind, id=f'c{i}', metadata={}, source=lines)
        cells.append(cell if md else dict(cell, execution_count=None, outputs=(outputs or {}).get(i, [])))
    kernel = dict(display_name='python3', language='python', name='python3')
    nb = dict(cells=cells, metadata=dict(kernelspec=kernel), nbformat=4, nbformat_minor=5)
    return json.dumps(nb, indent=1, sort_keys=True)+'\n'

def picture(data:bytes)->dict:
    "An output of a cell"
    kinds = {'image/jpeg': base64.b64encode(data).decode(), 'text/plain': ['<Figure>']}
    return dict(output_type='display_data', data=kinds, metadata={})

def quiet(f, *args, **kwargs):
    "`f(*args)` without what it prints"
    with contextlib.redirect_stdout(io.StringIO()): return f(*args, **kwargs)

class TestChecks(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.tmp = tempfile.TemporaryDirectory()
        cls.sound = root = Path(cls.tmp.name)/'sound'
        (root/'geofast').mkdir(parents=True)
        (root/'geofast/__init__.py').write_text('__version__ = "0.0.1"\n')
        for name in SOUND: cls.write(root, name, SOUND[name])
        shutil.copy(HERE.parent/'settings.ini', root)
        for f in ('sidebar.yml', 'nbdev.yml'): shutil.copy(HERE.parent/'nbs'/f, root/'nbs')
        run = ('from nbdev.clean import nbdev_clean as c; from nbdev.doclinks import nbdev_export as e\n'
               'c.__wrapped__(); e.__wrapped__()')
        subprocess.run([sys.executable, '-W', 'ignore', '-c', run], cwd=root, check=True)
        (root/'README.md').write_text(readme.render(root/'nbs/index.ipynb'))

    @classmethod
    def tearDownClass(cls): cls.tmp.cleanup()

    @staticmethod
    def write(root:Path, name:str, sources:list, outputs:dict|None=None):
        p = root/'nbs'/f'{name}.ipynb'
        p.parent.mkdir(parents=True, exist_ok=True)
        p.write_text(notebook(sources, outputs))

    def broken(self)->Path:
        "A copy to break"
        root = Path(tempfile.mkdtemp(dir=self.tmp.name))/'p'
        shutil.copytree(self.sound, root)
        return root

    def with_cells(self, name:str, *extra:str, outputs:dict|None=None)->Path:
        "A copy where notebook `name` has `extra` cells at its end"
        root = self.broken()
        self.write(root, name, SOUND.get(name, [f'# {name}\n> New']) + [*extra], outputs)
        return root

    def finds(self, what:str, f, root:Path):
        self.assertIn(what, '\n'.join(quiet(f, root)))

    def test_sound(self):
        for name in ('export', 'readme', 'order', 'shape', 'sidebar', 'imports', 'requirements', 'words',
                     'figures', 'numbers'):
            self.assertEqual(quiet(check.CHECKS[name], self.sound), [], name)

    def test_export(self):
        root = self.broken()
        (root/'geofast/core.py').write_text((root/'geofast/core.py').read_text()+'\nx = 1\n')
        (root/'geofast/by_hand.py').write_text('x = 1\n')
        nb = root/'nbs/01_raster.ipynb'
        nb.write_text(nb.read_text().replace('"execution_count": null', '"execution_count": 7'))
        before = check.hashes(root)
        for what in ('geofast/core.py: differs', 'geofast/by_hand.py: no notebook makes it',
                     'nbs/01_raster.ipynb: differs'):
            self.finds(what, check.check_export, root)
        self.assertEqual(before, check.hashes(root))
        self.write(root, '02_new', ['# new\n> New', '#| default_exp new', '#| export\ny = 1'])
        self.finds('geofast/new.py: not in the working tree', check.check_export, root)

    def test_readme(self):
        root = self.broken()
        (root/'README.md').write_text('old')
        self.finds('README.md differs', check.check_readme, root)
        self.finds('02_new.ipynb is not in the table', check.check_readme, self.with_cells('02_new'))
        self.finds('93 characters of code, at most 92', check.check_readme, self.with_cells('index', f'## Run\n```sh\n{"a"*93}\n```'))

    def test_first_picture(self):
        "The picture of the first page is that of the notebook, of the model that is shipped"
        root = self.with_cells('index', outputs={2: [picture(b'new')]})
        text = readme.render(root/'nbs/index.ipynb')
        (root/'README.md').write_text(text)
        self.finds('nbs/images/c2_0.jpg differs', check.check_readme, root)
        (root/'nbs/images').mkdir()
        (root/'nbs/images/c2_0.jpg').write_bytes(b'new')
        self.assertEqual(quiet(check.check_readme, root), [])
        (root/'geofast/weights/drone').mkdir(parents=True)
        (root/'geofast/weights/drone/bundle.json').write_text('{"members": [{"sha256": "0123456789abcdef"}]}')
        self.finds('of another model than that of the package', check.check_readme, root)
        self.assertEqual(check.first_page_faults(root, text+'<!-- 0123456789ab -->'), [])

    def test_readme_text(self):
        data = {'text/plain': ['42'], 'text/html': ['<b>42</b>']}
        out = dict(output_type='execute_result', data=data, metadata={}, execution_count=None)
        pic = dict(output_type='display_data', data={'text/plain': ['<Figure>'], 'image/png': 'iVBO'}, metadata={})
        root = self.broken()
        links = '## Links\n![a](images/a.png) [b](https://x.org) [c](#d) [e](../LICENSE)'
        self.write(root, 'index', ['# t\n> s', '#| hide\nsecret()', '#| echo: false\n6*7', links], {2: [out, pic]})
        text = readme.render(root/'nbs/index.ipynb')
        for part in ('```text\n42\n```', '](nbs/images/a.png)', '![](nbs/images/c2_1.png)', '](https://x.org)', '](#d)', '](LICENSE)', '# t\n> s'):
            self.assertIn(part, text)
        for part in ('secret', '6*7', 'Figure', 'iVBO', '<b>'): self.assertNotIn(part, text)

    def test_order(self):
        for cell,what in (('#| export\nfrom geofast.raster import rows', '00_core.ipynb cell 6: imports'),
                          ('import geofast.recipes.town', 'geofast.recipes.town from floor 90'),
                          ('def f():\n    from geofast import raster', 'floor 1'),
                          ('from geofast.core import area', 'from floor 0'),
                          ('from geofast.nowhere import x', 'which no notebook exports'),
                          ('from geofast.core import *', 'star import'), ('from .core import area', 'relative import')):
            self.finds(what, check.check_order, self.with_cells('00_core', cell))
        root = self.with_cells('recipes/91_b', 'from geofast.town2 import x')
        self.finds('91_b.ipynb cell 1: imports geofast.town2', check.check_order, root)
        self.finds('has the same number', check.check_order, self.with_cells('01_twin'))
        self.finds('needs a number', check.check_order, self.with_cells('twin'))

    def test_lazy_up(self):
        "Only a function may import upwards, and only what the table allows"
        outside = '#| export\nfrom geofast.raster import rows'
        inside = outside.replace('from', 'def f():\n    from')
        town = inside.replace('raster', 'recipes.town')
        with unittest.mock.patch.object(check, 'LAZY_UP', {('core','raster')}):
            self.assertEqual(quiet(check.check_order, self.with_cells('00_core', inside)), [])
            self.finds('raster from floor 1', check.check_order, self.with_cells('00_core', outside))
            self.finds('town from floor 90', check.check_order, self.with_cells('01_raster', town))
        self.finds('raster from floor 1', check.check_order, self.with_cells('00_core', inside))

    def test_shape(self):
        for cell,what in (('test_fail(lambda: f(1))', 'without `contains`'),
                          ('test_fail(lambda x: f(x), contains="a")', 'lambda that needs arguments'),
                          ('with expect_fail(): f()', 'without `contains`'),
                          ('try: f()\nexcept Exception: pass', 'swallows every error'),
                          ('open("/home/me/x.tif")', 'machine path /home/me'),
                          ('#| export\n#| eval: false\nx = 1', 'never runs'), ('def f(:', 'does not parse')):
            self.finds(what, check.check_shape, self.with_cells('00_core', cell))
        for cell in ('test_fail(f, contains="a")', 'with expect_fail(ValueError): f()', '"https://x.org/home/a"',
                     'x = a/work/b', '#| eval: false\nx'):
            self.assertEqual(quiet(check.check_shape, self.with_cells('00_core', cell)), [], cell)
        root = self.broken()
        self.write(root, '00_core', ['# core\n> Windows\n- skip_exec: true'] + SOUND['00_core'][1:])
        self.finds('skip_exec', check.check_shape, root)
        def printed(t):
            return self.with_cells('00_core', outputs={4: [dict(output_type='stream', name='stdout', text=[t])]})
        self.finds('machine path /tmp/tmpab1', check.check_shape, printed('/tmp/tmpab1/x.tif\n'))
        self.finds('KB, at most', check.check_shape, printed('a'*700_000))
        err = {4: [dict(output_type='error', ename='E', evalue='', traceback=[])]}
        self.finds('stored error', check.check_shape, self.with_cells('00_core', outputs=err))

    def test_lines(self):
        "Short lines with one statement, in every code cell"
        for cell,what in ((f'x = "{"a"*116}"', 'a line of 122 characters'),
                          (f'#| export\nx = "{"a"*116}"', 'a line of 122 characters'),
                          ('f()\nx = 1; y = 2', 'line 2 holds several'),
                          ('#| hide\nif a: x = 1; y = 2', 'line 2 holds several'),
                          ('for i in x: f(i); g(i)', 'line 1 holds several')):
            self.finds(what, check.check_shape, self.with_cells('00_core', cell))
        for cell in (f'x = "{"a"*114}"', 'plt.plot(x);', 'plt.plot(x); # no output', 'if x: y = 1\nelse: y = 2',
                     'with a as b: c(b)', 'x = "a; b"', '%timeit f(); g()', 'x = [1,\n     2]'):
            self.assertEqual(quiet(check.check_shape, self.with_cells('00_core', cell)), [], cell)

    def test_cells(self):
        "Export cells are short, most of them very, and define one thing"
        def block(n): return '\n'.join(f'x{i} = {i}' for i in range(n))
        f, g, cls = 'def f(self:A): return 1', 'def g(self:A): return 2', 'class A: pass'
        for code,what in ((block(41), '41 exported lines, at most 40'),
                          (block(21), '1 of 4 export cells have over 20 lines'),
                          (f'{f}\n{g}', '2 public definitions, at most one: f, g'),
                          (f'{cls}\n@patch\n{g}', 'at most one: A, methods of A'),
                          (f'@patch\n{f}\n@patch\n{g.replace("A", "B")}', 'at most one: methods of A, methods of B')):
            for kind in ('export', 'exporti'):
                self.finds(what, check.check_shape, self.with_cells('00_core', f'#| {kind}\n{code}', '1'))
        for cell in (block(41), '#| export\n'+block(20), '#| export\n'+'import os\n'*41, f'{f}\n{g}',
                     f'#| export\n{f}\n{g.replace("g", "_g")}', f'#| export\n@h.register\n{f}\n@h.register\n{f}',
                     f'#| export\n@patch\n{f}\n@patch(as_prop=True)\n{g}'):
            self.assertEqual(quiet(check.check_shape, self.with_cells('00_core', cell, '1')), [], cell)

    def test_modules(self):
        root = self.broken()
        for name,n in (('core',301), ('raster',166)): (root/f'geofast/{name}.py').write_text('x = 1\n'*n)
        self.finds('geofast.core: 301 lines, at most 300', check.check_shape, root)
        self.finds('half of the modules have over 166 lines of code', check.check_shape, root)
        (root/'geofast/core.py').write_text('x = 1\n\n# why\n'*100)
        (root/'geofast/raster.py').write_text('x = 1\n\n# why\n'*100)
        self.assertEqual(quiet(check.check_shape, root), [])

    def test_figures(self):
        "Pictures have ink, and axes have data"
        import numpy as np
        from matplotlib.figure import Figure
        from PIL import Image
        def drawn(draw, n=2):
            fig, buf = Figure(figsize=(2.2*n,2), layout='constrained'), io.BytesIO()
            for i,ax in enumerate(fig.subplots(1, n, squeeze=False).flat): draw(ax, i)
            fig.savefig(buf, format='jpeg')
            return buf.getvalue()
        def faults(data): return quiet(check.check_figures, self.with_cells('00_core', outputs={4: [picture(data)]}))
        blank, gray = io.BytesIO(), np.random.default_rng(0).integers(0, 255, (40,60), dtype=np.uint8)
        Image.fromarray(gray//64+250).save(blank, 'jpeg')
        for n in (1, 2, 4):
            self.assertIn('empty axes', '\n'.join(faults(drawn(lambda ax, i: ax.plot([1,2]) if i else ax.set(xlabel='step'), n))), n)
        self.assertIn('a gap', '\n'.join(faults(drawn(lambda ax, i: ax.imshow(gray) if i in (0,3) else ax.axis('off'), 4))))
        self.assertIn('a blank picture', '\n'.join(faults(blank.getvalue())))
        for draw in (lambda ax, i: ax.plot([1,2]), lambda ax, i: ax.plot([1], [1], 'o'), lambda ax, i: ax.imshow(gray),
                     lambda ax, i: ax.barh(['a','b'], [1,2]), lambda ax, i: ax.imshow(gray>250, cmap='gray')):
            self.assertEqual(faults(drawn(draw)), [])

    def test_numbers(self):
        "Numbers in the prose of recipes stand in a cell, or beside a link"
        def faults(*cells): return quiet(check.check_numbers, self.with_cells('recipes/90_town', *cells))
        for text,n in (('## An IoU of .871', '.871'), ('## Some 12 % more', '12 %'), ('## It fell by 0.35 m', '0.35')):
            self.assertEqual(faults(text), [f'recipes/90_town.ipynb cell 5: {n} stands in no code and no output of the notebook'])
        for cells in (('## An IoU of .87', 'x = .8712'), ('## Some 12 % more', 'assert x>.1204'), ('## A rate of `.35`',),
                      ('## It had .871, says [the table](https://x.org).',), ('## $p=.35$, the 95 % interval',)):
            self.assertEqual(faults(*cells), [], cells)

    def test_paste(self):
        "Lines of a README run one after the other, and what goes wrong is told with its line"
        text = '```python\nx = 1\nfor i in range(2):\n    x += i\n\nassert x==2\ny = z\nx/0\n```\n```sh\nls x\nmake all\n```'
        with unittest.mock.patch.multiple(paste, ELSEWHERE={'make ':'', 'git ':''}, SHORTER={}):
            out = quiet(paste.paste, text)
        self.assertEqual(out, dict(ran=7, left=1, faults=[
            "`y = z`: NameError: name 'z' is not defined", '`x/0`: ZeroDivisionError: division by zero',
            '`ls x`: ls: no command of geofast', "'git ' in tools/paste.py: no line of the README begins so or has it"]))
        with unittest.mock.patch.multiple(paste, ELSEWHERE={}, SHORTER={'x = 1':'x = 5'}):
            self.assertEqual(quiet(paste.paste, '```python\nx = 1\nassert x==1\n```')['faults'], ['`assert x==1`: AssertionError'])

    def test_api(self):
        "Entries of the API are signatures under their names"
        root = Path(tempfile.mkdtemp(dir=self.tmp.name))
        def faults(**out):
            text = out.pop('text', '### A.area\n\n```python\ndef area(\n    h:int\n):\n```\n')
            out = dict(output_type='execute_result', data={'text/markdown': [text]}, metadata={}, execution_count=None)|out
            (root/'a.ipynb').write_text(notebook(['#| echo: false\nshow_doc(A.area)'], {0: [out]}))
            return '\n'.join(docs.api_faults(root))
        self.assertEqual(faults(), '')
        self.assertIn('no entry of area', faults(text='Traceback (most recent call last): ...'))
        self.assertIn('no entry of area', faults(text='### rows\n\n```python\ndef rows():\n```'))
        self.assertIn('an error', faults(output_type='error', ename='ValueError', evalue='', traceback=[]))

    def test_words(self):
        root = self.broken()
        p = root/'geofast/core.py'
        def says(line):
            p.write_text(f'x = 1\n{line}\n')
            return quiet(check.check_words, root)
        for line,word in (('n_buildings = 1', 'building'), ('# Buildings of a town', 'building'),
                          ('mask[~valid] = 255', '255'), ('y = np.where(valid, m, 255)', '255'), ('x = m!=255', '255'),
                          ('COLORS = {255:(255,255,255)}', '255'), ('f(t) # 0, 1, or 255 where unknown', '255'),
                          ('write(m, nodata=255)', '255')):
            (fault,) = says(line)
            self.assertIn(f'geofast.core line 2: {word};', fault)
        for line in ('y = np.clip(x*255, 0, 255)', 'y = x/255', 'y = 255*x', 'a = valid*np.uint8(255)', '# 0-255',
                     'pixel_max:float=255,', 'y = 2550', 'IGNORE_INDEX:(255,)*3',
                     'WHITE = (255,255,255)', 'epsg = 32255',
                     'out = np.where(valid[...,None], x, 255)'):
            self.assertEqual(says(line), [], line)
        root = self.broken()
        (root/'geofast/recipes/town.py').write_text('buildings = 255\n') # above the tasks
        self.assertEqual(quiet(check.check_words, root), [])

    def test_share(self):
        root = self.with_cells('00_core', '#| export\ny = 1', '#| export\nz = 1')
        self.assertEqual([check.shown_share(b) for b in check.books(root) if b.module=='core'], [(3,1)])

    def test_sidebar(self):
        self.finds('80_far.ipynb: 0 entries', check.check_sidebar, self.with_cells('80_far'))
        root = self.broken()
        p = root/'settings.ini'
        p.write_text(p.read_text().replace('title = geofast', 'title = other'))
        self.finds("title is 'geofast'", check.check_sidebar, root)

    def test_imports(self):
        root = self.broken()
        (root/'albumentations.py').write_text('')
        with (root/'geofast/core.py').open('a') as f:
            f.write('\nimport albumentations\ndef leaky(): return scale_of_the_demo\n')
        for what in ('geofast.core: importing it brings in albumentations',
                     'only a notebook defines: scale_of_the_demo'):
            self.finds(what, check.check_imports, root)
        with (root/'geofast/raster.py').open('a') as f: f.write('\nimport nowhere_to_be_found\n')
        self.finds('geofast.raster: import fails: ModuleNotFoundError', check.check_imports, root)

    def test_requirements(self):
        root = self.broken()
        with (root/'geofast/core.py').open('a') as f:
            f.write('\nimport numpy, os.path, nbdev\nimport fastai.vision.all\n'
                    'def f():\n    import albumentations, yaml\n')
        self.assertEqual(quiet(check.check_requirements, root), [
            'geofast.core: imports fastai (fastai), which settings.ini does not require for it',
            'geofast.core: imports nbdev (nbdev), which settings.ini does not require outside dev',
            'geofast.core: imports yaml (pyyaml), which settings.ini does not require at all'])

    def test_names(self):
        self.assertEqual(check.public_names(self.sound), dict(area='core', rows='raster', town='recipes.town'))
        theirs = [f'name{i}' for i in range(600)]
        def given(names): return unittest.mock.patch.object(check, 'fresh', lambda *_: names)
        with given(theirs): self.assertEqual(quiet(check.check_names, self.sound), [])
        with given([*theirs, 'rows']): self.finds('geofast.raster: `rows`', check.check_names, self.sound)
        with given(['failed']): self.finds('cannot be all', check.check_names, self.sound)
        with given(theirs), unittest.mock.patch.object(check, 'MAX_NAMES', 2):
            self.finds('3 public names, at most 2: core 1, raster 1', check.check_names, self.sound)

    def test_notebooks(self):
        results, bad = quiet(check.run_books, self.sound)
        self.assertEqual(({r['rel']: r['ok'] for r in results}, bad), ({f'{n}.ipynb': True for n in SOUND}, []))
        result = lambda root,rel,**kw: quiet(check.run_books, root, match=[rel], **kw)
        (r,), bad = result(self.sound, '01_', flags='slow')
        self.assertIn('left out unless asked for', r['log'])
        (r,), bad = result(self.with_cells('00_core', 'assert area(1,1)==2'), '00_')
        self.assertEqual((r['ok'], bad), (False, []))
        (r,), bad = result(self.with_cells('00_core', 'os._exit(3)'), '00_')
        self.assertEqual((r['ok'], bad), (False, ['0 of 1 notebooks ran']))
        (r,), bad = result(self.with_cells('recipes/90_town', 'Path("left.txt").write_text("x")'), '90_')
        self.assertEqual((r['ok'], bad), (True, ['nbs/recipes/left.txt: left behind by a notebook']))
        root = self.broken()
        self.write(root, '00_core', ['# core\n> Windows\n- skip_exec: true'] + SOUND['00_core'][1:])
        (r,), bad = result(root, '00_')
        self.assertEqual((r['ok'], bad), (False, ['0 of 1 notebooks ran']))
        self.assertEqual(result(self.sound, 'nothing'), ([], ['no notebook to run']))

    def test_last_line(self):
        root = self.with_cells('00_core', 'assert False')
        for which,code,last in ((['order'], 0, '1 passed, 0 failed'),
                                (['readme', 'notebooks', '-m', '00_'], 1, '2 passed, 1 failed')):
            cmd = [sys.executable, str(HERE/'check.py'), *which, '--root', str(root)]
            r = subprocess.run(cmd, capture_output=True, text=True)
            self.assertEqual((r.returncode, r.stdout.splitlines()[-1]), (code, last))

if __name__=='__main__': unittest.main()
