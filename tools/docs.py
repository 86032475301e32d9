"""Build the site into _docs/ from the notebooks, without running them, and check it.

nbdev processes the notebooks into _proc/ (hidden cells out, API tables in); smalldocs checks keys and links there and renders
the pages.
The published site is made by Quarto from the same files, see .github/workflows/docs.yml."""
import json, os, re, shutil, subprocess, sys, warnings
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

def process()->Path:
    "The notebooks as they are shown, in _proc/"
    os.chdir(ROOT)
    sys.path.insert(0, str(ROOT))
    os.environ['PYTHONPATH'] = str(ROOT)
    warnings.filterwarnings('ignore', message='Found cells containing imports')
    os.environ['PYTHONWARNINGS'] = 'ignore'
    from nbdev.quarto import refresh_quarto_yml
    from nbdev.serve import proc_nbs
    refresh_quarto_yml()
    shutil.rmtree(ROOT/'_proc', ignore_errors=True)
    return proc_nbs(n_workers=2)

def drop_output_file(proc:Path)->None:
    "Take out `output-file`, by which nbdev has Quarto name the page of 00_core.ipynb core.html, and smalldocs does not"
    for p in proc.rglob('*.ipynb'):
        nb = json.loads(p.read_text(encoding='utf-8'))
        for c in nb['cells']:
            if c['cell_type']=='raw': c['source'] = re.sub(r'(?m)^output-file:.*\n', '', ''.join(c['source']))
        p.write_text(json.dumps(nb, ensure_ascii=False), encoding='utf-8')

def api_faults(proc:Path)->list:
    "Entries of the API that are not one signature under its name, and stored errors"
    bad = []
    for p in sorted(proc.rglob('*.ipynb')):
        for c in json.loads(p.read_text(encoding='utf-8'))['cells']:
            if c['cell_type']!='code': continue
            name, outputs = re.search(r'(?m)^show_doc\((?:\w+\.)*(\w+)', ''.join(c['source'])), c['outputs']
            if any(o['output_type']=='error' for o in outputs): bad.append(f'{p.name}: an error: {"".join(c["source"])[:60]}')
            if not name: continue
            says = ''.join(''.join(o.get('data', {}).get('text/markdown', '')) for o in outputs)
            entry = re.search(rf'(?m)^#+ (\w+\.)*{name[1]}$', says) and re.search(rf'(?m)^(def|class) {name[1]}\b', says)
            if len(outputs)!=1 or not entry or 'Traceback (most' in says: bad.append(f'{p.name}: no entry of {name[1]}: {says[-80:]!r}')
    return bad

def smalldocs(*args:str)->int:
    "Exit status of a smalldocs command"
    run = 'import sys; from smalldocs.cli import main; sys.exit(main())'
    return subprocess.run([sys.executable, '-c', run, *args]).returncode

def main()->int:
    proc = process()
    drop_output_file(proc)
    bad = api_faults(proc)
    print(*bad, sep='\n')
    failed = bad or smalldocs('check', str(proc)) or smalldocs('render', '--quiet', '--strict', str(proc))
    if not failed:
        shutil.rmtree(ROOT/'_docs', ignore_errors=True)
        shutil.move(proc/'_docs', ROOT/'_docs')
    pages, books = len([*(ROOT/'_docs').rglob('*.html')]), len([*proc.rglob('*.ipynb')])
    print(f'site FAILED: {books} notebooks' if failed else f'site ok: {pages} pages from {books} notebooks in _docs/')
    return bool(failed) or not books

if __name__=='__main__': sys.exit(main())
