"""Paste the README line by line, as somebody does who meets geofast for the first time; `tools/check.py paste` calls it

    python tools/paste.py [README.md]       prints each line with the seconds of the processor, and what went wrong

The blocks are read from the README. Python lines go into one prompt, where the next line follows whatever became of the one
before. Shell lines are split as a shell does; `geofast` is called in this process, which saves importing torch for each.
`ELSEWHERE` are the lines that are not run, and why; `SHORTER` is what lines get so that they end in seconds. Files and folders
that the lines name are made before, of the scene that comes with the package.
"""
import code, json, os, re, shlex, sys, tempfile, traceback
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FENCE = re.compile(r'^(`{3,})(python|sh)\n(.*?)^\1$', re.M|re.S)
ELSEWHERE = {'make ': 'they are the suite and a training of ten minutes', 'pip install': 'the suite is installed already',
             'python benchmarks/': 'hours of training, whose results are stored beside them'}
TINY = '--steps 2 --set crop=64 --set tile=128 --set stride=128 --set bs=2 --set epochs=1'
SHORTER = {'accelerate launch -m geofast train': f'geofast train --scale small {TINY}', # launching is tested in notebook 29
           'geofast train': f'--scale small {TINY}', 'geofast crossval': TINY,
           '--backend processes': '--backend serial', "backend='processes'": "backend='processes', workers=1",
           'geofast adapt': '--steps 2', 'geofast rounds': '', 'best_rounds()': 'shorter(best_rounds())'} # two rounds of one network
RESULTS = '''town_mask.tif town.parquet demo/preview.png city_mask.tif city_mask.json city.gpkg city.geojson prob.tif houses.gpkg
             masks/scenes.csv my_model/bundle.json crossval/table.csv my_rounds/round2 adapted/bundle.json'''.split()

def blocks(text:str)->list:
    "`(language, lines)` of the blocks of code in a README"
    return [(m[2], m[3].splitlines()) for m in FENCE.finditer(text)]

class Prompt(code.InteractiveConsole):
    "A Python prompt that remembers its errors"
    errors = ()
    def showtraceback(self): self.errors += (traceback.format_exception_only(*sys.exc_info()[:2])[-1].strip(),)
    def showsyntaxerror(self, *args, **kw): self.showtraceback()
    def enter(self, line:str)->str: # '' or what went wrong
        before = len(self.errors)
        try: self.push(line)
        except SystemExit as e: self.errors += (f'the prompt ended with {e.code}',)
        return '; '.join(self.errors[before:])

def run_shell(line:str)->str:
    "Run a line of a shell block; '' or what went wrong"
    words = shlex.split(line, comments=True)
    if words[0]!='geofast': return f'{words[0]}: no command of geofast'
    from geofast.cli import main
    try: main(words[1:])
    except SystemExit as e: return f'exit {e.code}' if e.code else ''
    except Exception as e: return f'{type(e).__name__}: {e}'
    return ''

def put_scene(folder:Path, name:str, at:int, east:float=0)->None:
    "A quarter of the sample, with its labels, maybe moved by some metres to another place"
    import geofast, geopandas as gpd
    from geofast.core import Win
    from geofast.grid import GeoBox
    from geofast.stack import read_raster
    from geofast.tiff import write_cog
    image, labels = geofast.sample()
    r = read_raster(image, win=Win(512*(at//2), 512*(at%2), 512, 512))
    place = r.box.transform.translation(east, 0)*r.box.transform
    folder.mkdir(exist_ok=True)
    write_cog(r.pixels, GeoBox(r.box.shape, place, r.box.crs), folder/f'{name}.tif')
    gpd.read_file(labels).to_crs(r.box.crs).translate(east, 0).to_file(folder/f'{name}.geojson')

def make_files()->None:
    "What the lines of the README name: images with labels in two towns, images without, a raster"
    for folder in map(Path, ('my_scenes', 'competition')):
        for at, (name, east) in enumerate((('north_1', 0), ('north_2', 0), ('south_1', 3e4))): put_scene(folder, name, at, east)
    for folder in map(Path, ('rasters', 'test_chips', 'more_images', 'new_place')):
        for at in (1, 3): put_scene(folder, f'chip_{at}', at)
        for p in folder.glob('*.geojson'): p.unlink()
    put_scene(Path('.'), 'city', 3)
    Path('city.geojson').unlink()

def shorter(rounds:list)->list:
    "The first two rounds of one small network each, which is trained for a step"
    from dataclasses import replace
    from geofast.recipes import small
    tiny = dict(steps=1, crop=64, tile=128, stride=128, bs=2, epochs=1)
    return [replace(r, members=(small(r.members[0]).set(**tiny),)) for r in rounds[:2]]

def shorter_rounds()->None:
    "`geofast rounds` finds shorter rounds"
    from geofast import open_cities
    for name,f in [*open_cities.ROUNDS.items()]: open_cities.ROUNDS[name] = lambda f=f: shorter(f())

def shortened(line:str)->tuple:
    "A line as it is run, and the keys of `SHORTER` that it has"
    keys = [k for k in SHORTER if k in line]
    if 'accelerate launch -m geofast train' in keys: keys.remove('geofast train')
    for k in keys:
        new = SHORTER[k]
        if new.startswith('--') or not new: line = f'{line.split("#")[0].rstrip()} {new}'.rstrip()
        else: line = line.replace(k, new)
    return line, keys

def seconds()->float:
    "Seconds of the processor, of this process and of those that it waited for"
    return sum(os.times()[:4])

def paste(text:str, say=lambda *_, **__: None)->dict:
    "Run the blocks in the working folder: how many lines ran and were left out, and faults"
    prompt, ran, left, bad, used = Prompt(dict(shorter=shorter)), 0, 0, [], set()
    for lang,lines in blocks(text):
        for line in [*lines, ''] if lang=='python' else lines:
            why = next((k for k in ELSEWHERE if line.startswith(k)), None)
            if why or not (line.strip() or lang=='python'):
                left, used = left+bool(why), used | {why}
                continue
            start, (now,keys) = seconds(), shortened(line)
            used |= {*keys}
            fault = prompt.enter(now) if lang=='python' else run_shell(now)
            ran += bool(line.strip())
            say(f'{seconds()-start:6.1f} s  {now}', *([f'    {fault}'] if fault else []), sep='\n')
            if fault: bad.append(f'`{line}`: {fault}')
    bad += [f'{k!r} in tools/paste.py: no line of the README begins so or has it' for k in (*ELSEWHERE, *SHORTER) if k not in used]
    return dict(ran=ran, left=left, faults=bad)

def paste_readme(readme:Path, say=lambda *_, **__: None)->dict:
    "`paste` in a folder of its own, and results that are not there"
    os.environ |= dict(HF_HUB_OFFLINE='1', MPLBACKEND='agg', OMP_NUM_THREADS='1')
    sys.path.insert(0, str(ROOT))
    with tempfile.TemporaryDirectory() as tmp:
        os.chdir(tmp)
        make_files()
        shorter_rounds()
        out = paste(readme.read_text(encoding='utf-8'), say)
        out['faults'] += [f'{p}: no line of the README made it' for p in RESULTS if not Path(p).exists()]
        os.chdir(ROOT)
    return out

def main()->int:
    out = paste_readme(Path(sys.argv[1] if len(sys.argv)>1 else ROOT/'README.md'), print)
    print(json.dumps(out))
    return bool(out['faults'])

if __name__=='__main__': sys.exit(main())
