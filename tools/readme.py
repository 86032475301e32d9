"Render README.md and its pictures from nbs/index.ipynb: markdown, code and stored outputs. With --check, only compare."
import argparse, base64, json, re, sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
HEAD = '<!-- rendered from nbs/index.ipynb by tools/readme.py: edit the notebook, then run `make readme` -->\n'
HIDDEN = {'hide', 'hide_line', 'default_exp'}
PICTURES = {'image/jpeg':'jpg', 'image/png':'png'} # kinds of outputs, and how their files end

def text_of(o:str|list|None)->str:
    "Notebook text is a string or a list of lines"
    return ''.join(o) if isinstance(o, list) else (o or '')

def directives(src:str)->dict:
    "The `#| name: value` comments at the head of a cell"
    found = re.findall(r'(?m)^#\|[ \t]*([\w-]+)[ \t]*:?[ \t]*(.*)$', src)
    return {name: value.strip() for name,value in found}

def fence(body:str, lang:str='')->str:
    "`body` as a code block, with a fence longer than any inside"
    ticks = '`' * max([3] + [len(m)+1 for m in re.findall(r'`{3,}', body)])
    return f'{ticks}{lang}\n{body.rstrip()}\n{ticks}'

def repo_links(md:str, folder:str='nbs')->str:
    "Links and images that are relative to the notebook, made relative to the repository"
    return re.sub(r'(\]\()(?![a-z]+:|#|/|\.\./)([^)\s]+)(\))', rf'\1{folder}/\2\3', md).replace('](../', '](')

def front_matter(src:str)->str:
    "A raw cell's title and description as a heading and a quotation"
    get = lambda k: (re.search(rf'(?m)^{k}:[ \t]*(.+)$', src) or ['',''])[1].strip().strip('"\'')
    return '\n\n'.join(fmt.format(v) for fmt,v in (('# {}', get('title')), ('> {}', get('description'))) if v)

def picture(cell:dict, k:int)->tuple|None:
    "Where the picture in output `k` of a cell lies in the repository, and its bytes"
    data = cell['outputs'][k].get('data', {})
    kind = next((o for o in PICTURES if o in data), None)
    return kind and (f'nbs/images/{cell["id"]}_{k}.{PICTURES[kind]}', base64.b64decode(text_of(data[kind])))

def output_text(cell:dict, k:int)->str:
    "A stored output as markdown; a picture as a link to its file"
    out = cell['outputs'][k]
    if out['output_type']=='stream': return fence(text_of(out['text']), 'text') if out.get('name')!='stderr' else ''
    data = out.get('data', {})
    if 'text/markdown' in data: return repo_links(text_of(data['text/markdown']))
    if p := picture(cell, k): return f"![{directives(text_of(cell['source'])).get('fig-alt', '')}]({p[0]})"
    return fence(text_of(data['text/plain']), 'text') if 'text/plain' in data else ''

def is_shown(cell:dict)->bool:
    "Whether a code cell or its outputs are on the page"
    d = directives(text_of(cell['source']))
    return cell['cell_type']=='code' and not HIDDEN & d.keys() and d.get('include')!='false'

def cell_text(cell:dict)->str:
    "One cell as markdown"
    src = text_of(cell['source']).strip()
    if cell['cell_type']=='raw': return front_matter(src) if src.startswith('---') else ''
    if cell['cell_type']=='markdown':
        return repo_links(re.sub(r'(?m)^:::.*\n?', '', src))
    if not is_shown(cell): return ''
    d, code = directives(src), re.sub(r'(?m)^#\|.*\n?', '', src).strip()
    parts = [fence(code, 'python')] if code and d.get('echo')!='false' else []
    if d.get('output')!='false': parts += [output_text(cell, k) for k in range(len(cell.get('outputs', [])))]
    return '\n\n'.join(p for p in parts if p)

def cells(nb:Path)->list:
    "The cells of a notebook"
    return json.loads(nb.read_text(encoding='utf-8'))['cells']

def render(nb:Path)->str:
    "The README that belongs to notebook `nb`"
    return HEAD + '\n' + '\n\n'.join(t for t in map(cell_text, cells(nb)) if t).strip() + '\n'

def pictures(nb:Path)->dict:
    "`{path in the repository: bytes}` of the pictures that the README shows"
    return dict(p for c in cells(nb) if is_shown(c) for k in range(len(c['outputs'])) if (p := picture(c, k)))

def main()->int:
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument('--check', action='store_true', help='exit 1 if README.md differs from the notebook')
    a = ap.parse_args()
    readme, text = ROOT/'README.md', render(ROOT/'nbs/index.ipynb')
    if a.check:
        same = readme.exists() and readme.read_text(encoding='utf-8')==text
        print('README.md is up to date' if same else 'README.md differs from nbs/index.ipynb: run `make readme`')
        return 0 if same else 1
    readme.write_text(text, encoding='utf-8')
    for rel,data in pictures(ROOT/'nbs/index.ipynb').items():
        (ROOT/rel).parent.mkdir(exist_ok=True)
        (ROOT/rel).write_bytes(data)
    print(f'wrote README.md, {len(text.splitlines())} lines')
    return 0

if __name__=='__main__': sys.exit(main())
