"""Make the bundle that comes with the package, `geofast/weights/drone`, and its model card

    GEOFAST_DATA=... python tools/ship.py --work FOLDER                        # five trainings of half an hour on two cores
    GEOFAST_DATA=... python tools/ship.py --work FOLDER --cities kampala_ug    # scored on one city only

Trains the default recipe with the task `objects`, footprint and interior, for three times its steps and with batches twice as large, on all
of `buildings_drone`; the weights are stored as float16. For the table and the picture of errors on the card the same is trained once more
without each of `--cities`. What is there in FOLDER already is not trained again. FOLDER/unseen/without_CITY are these networks with the
decisions of the bundle, for `benchmarks/open_cities`.

A pixel is a building from a probability of `THRESHOLD` on. Where probabilities mean what they say, the threshold with the highest F1 is half
of that F1 (Lipton et al. 2014, arXiv 1402.1892), which is IoU/(1+IoU): .4 for the IoU of .66 in cities left out.
"""
import argparse
from dataclasses import replace
from pathlib import Path
import matplotlib
matplotlib.use('agg')
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from geofast.bundle import save_bundle
from geofast.core import data_root
from geofast.evaluate import evaluate
from geofast.fit import fit_or_load, recipe_scenes
from geofast.infer import predict_tile
from geofast.kinds import IGNORE_INDEX
from geofast.labels import label_mask
from geofast.prepare import find_scenes
from geofast.recipes import Recipe
from geofast.stack import read_raster
from geofast.tasks import objects
from geofast.viz import error_keys, error_map, to_rgb
from geofast.xyz import open_scene

ROOT = Path(__file__).resolve().parent.parent
CITIES = ['banepa_np','kampala_ug','nairobi_ke','zanzibar_tz']
LICENCE = 'weights CC BY 4.0; made from imagery under CC BY 4.0 and labels under ODbL'
ATTRIBUTION = ('Imagery (c) OpenAerialMap contributors, CC BY 4.0; labels (c) OpenStreetMap contributors, ODbL; '
               'collected by the Humanitarian OpenStreetMap Team')

CARD = """# drone: buildings in drone imagery

`predict_tile(image)` takes this model where none is named; `load_bundle('drone')` loads it.

- **Input** three bands (red, green, blue), uint8, {lo:.3g} to {hi:.3g} m per pixel on the ground; it works at {gsd} m.
- **Output** for each pixel the probability of a building, and of the interior of a building, from which `instances()` starts each
  object; two sigmoids. A pixel is a building from {threshold} on: where probabilities mean what they say, IoU is highest at IoU/(1+IoU), and
  of networks that have not seen the city it is ({cuts}). An interior of less than 6 m² starts none: a shed below some 12 m² is in the mask, but no object.
- **Network** {arch} with {encoder}, {params:.1f} million parameters, stored as float16 ({mb:.1f} MB).
- **Trained** with the default recipe and the task `objects` ({steps} steps of {bs} crops of {crop} px) on {scenes} images of {cities}; seed {seed}; nothing was held out.
- **Licence** {licence}.
- **Attribution** {attribution}.

## What to expect on a city it has not seen

The model itself has seen all the cities below. *Never seen* is another one, trained by the same recipe without the city that it is scored on
({measured}; all but the one without Kampala on labels that a first network had registered, which makes no better network, see below); *seen* is the model that comes with the package on the scenes it was trained on: no promise, but a hint at the
ceiling that the labels and a network of this size set. With flips at prediction, on the images' own pixels and the labels
as they are; F1 is that of objects at an IoU of .5 (`tools/ship.py`).

{table}

![Images of 40 m of each city, and the errors there](errors.jpg)

*Where a network that has not seen the city and its labels agree least: the two worst squares of {side} m with a sixth of building or
more. {attribution}*

How it was chosen (`benchmarks/open_cities/second_round.csv`, cities never seen, mean of three seeds on a GPU): labels that a first network moved to
where it sees the buildings give IoU {registered[0]:.3f}, F1 {registered[1]:.3f} as the mean of the four cities after 400 steps of 8 crops, labels as they are
{plain[0]:.3f}, {plain[1]:.3f}. Six times as many crops, 1200 steps of 16, are worth more, most of all for telling buildings apart: {longer}.

Coarser pixels cost little IoU down to 35 cm, but buildings are told apart less well. Networks of 400 steps on the same images with larger
pixels, mean of the cities (`benchmarks/open_cities/resolutions.csv`): {coarser}.

Probabilities are near to what they say in Kampala and Zanzibar; in Banepa too few are high, and in Nairobi the labels do not fit. Of the networks of the table (`benchmarks/open_cities/calibration.csv`):
{calibration}. What bounds the score is not this network alone: labels that lie one metre beside the roofs leave a perfect model no more than
an IoU of {ceiling}.

What a person sees of it (`benchmarks/open_cities/errors.csv`; found and invented at an IoU of one half):

{errors}

These are dense informal and suburban settlements in Africa and South Asia seen from above. The labels are partly to blame: those of Nairobi
lie metres beside tall roofs. It has seen no snow, no high-rise centres and in training no imagery coarser than 0.3 m. Train on a few labelled scenes
of your own where that matters: `geofast train`. Without labels it can learn from what it sees in images of your place, `geofast adapt`; what that
gains in a city never seen (`benchmarks/open_cities/adapt.csv`, networks of 400 steps, mean of three seeds): {adapted}.
"""

SCORES,THRESHOLD = ('iou','precision','recall','f1'),.4

def scores(bundle, raw, city)->dict:
    "IoU, precision and recall of pixels and F1 of objects in a city"
    t = evaluate(bundle, raw[raw.group==city], tta='flips')[0].loc['all']
    return {k: round(float(t[k]),3) for k in SCORES}

def markdown(head, rows)->str:
    "A table"
    return '\n'.join(f"| {' | '.join(r)} |" for r in [head,['---']*len(head),*rows])

def table(seen:dict, unseen:dict)->str:
    "Scores by city, in Markdown"
    head = [*(f'{k}, never seen' for k in SCORES),'iou, seen','f1, seen']
    def line(city):
        u = unseen.get(city,{})
        return [city,*(f'{u[k]:.3f}' if u else '-' for k in SCORES),*(f'{seen[city][k]:.3f}' for k in ('iou','f1'))]
    return markdown(['city',*head], map(line,seen))

ERRORS = dict(found='share of the buildings found', invented='share of those drawn that is invented', area_error='area of a pair off by (median)',
              area='whole area, of the labelled', boundary='boundary IoU within a metre')

SIDE,SHOWN = 40,2 # m of a view; views of a city

def worst_views(b, rows)->list: # of (IoU, image, errors)
    "Where the prediction of a city and its labels agree least, of the views with a sixth of building or more"
    views = []
    for s in rows.itertuples():
        with open_scene(s, None) as g: truth,n = label_mask(s, g)[0],round(SIDE/g.gsd)
        p,image = predict_tile(s.image, b, tta='flips'),read_raster(s.image).pixels
        known,n = p.valid&(truth!=IGNORE_INDEX),min(n,*truth.shape)
        for r,c in ((r,c) for r in range(0,truth.shape[0]-n+1,n) for c in range(0,truth.shape[1]-n+1,n)):
            at = slice(r,r+n),slice(c,c+n)
            t,m = truth[at]==1,p.mask[at]==1
            if known[at].mean()>.98 and t.mean()>1/6:
                views.append(((t&m).sum()/(t|m).sum(), to_rgb(image[:,*at],p.valid[at]), error_map(m,t,known[at])))
    return sorted(views, key=lambda v: v[0])[:SHOWN]

def draw_worst(dst, bundles, raw):
    "The worst views of each city by the network that has not seen it: image and errors"
    fig,axes = plt.subplots(len(bundles), 2*SHOWN, figsize=(10,2.75*len(bundles)+.4), layout='constrained', squeeze=False)
    for ax in axes.flat: ax.axis('off')
    for row,(city,b) in zip(axes,bundles.items()):
        for k,(iou,*panels) in enumerate(worst_views(b, raw[raw.group==city])):
            for ax,x in zip(row[2*k:],panels): ax.imshow(x)
            row[2*k].set_title(f'{city}: IoU {iou:.2f}', fontsize=9, loc='left')
    fig.legend(handles=error_keys(), loc='outside lower center', ncols=4, frameon=False, title=ATTRIBUTION, title_fontsize=6)
    fig.savefig(dst, dpi=100, pil_kwargs=dict(quality=80))
    plt.close(fig)

def write_card(out, b, seen, unseen):
    "README.md beside the weights"
    c,member = b.contract,b.contract.members[0]['arch']
    made = c.provenance['recipe']
    second = pd.read_csv(ROOT/'benchmarks/open_cities/second_round.csv')
    few = second.query("device=='cuda' and steps==400 and threshold==.5").groupby('labels')[['iou','f1']].mean()
    steps = second.query("labels=='registered' and threshold==.4").groupby(['city','steps'])[['iou','f1']].mean().unstack().dropna()
    coarse = pd.read_csv(ROOT/'benchmarks/open_cities/resolutions.csv').query("name.str.startswith('without')")
    adapted = pd.read_csv(ROOT/'benchmarks/open_cities/adapt.csv').groupby(['city','steps'])[['iou','f1']].mean()
    sure,errors = (pd.read_csv(ROOT/f'benchmarks/open_cities/{k}.csv') for k in ('calibration','errors'))
    (out/'README.md').write_text(CARD.format(
        calibration='; '.join(f'{o.city} expected calibration error {o.ece:.3f}, Brier score {o.brier:.3f}' for o in sure.itertuples()),
        adapted='; '.join(f'{c} IoU {o.loc[0].iou:.3f} to {o.loc[100].iou:.3f}, F1 {o.loc[0].f1:.3f} to {o.loc[100].f1:.3f}'
                          for c,o in ((c,adapted.loc[c]) for c in adapted.index.levels[0])),
        ceiling=', '.join(f'{o.moved:.2f} in {o.city}' for o in sure.itertuples()),
        coarser='; '.join(f'at {o.Index:g} m IoU {o.iou:.3f}, F1 {o.f1:.3f}' for o in coarse.groupby('gsd')[['iou','f1']].mean().itertuples()),
        errors=markdown(['city',*ERRORS.values()], [[o.city,*(f'{o[k]:.2f}' for k in ERRORS)] for _,o in errors.iterrows()]),
        threshold=THRESHOLD, cuts='; '.join(f'{o.city} {o["iou_0.4"]:.3f} where one half gives {o["iou_0.5"]:.3f}' for _,o in sure.iterrows()),
        lo=c.gsd_range[0], hi=c.gsd_range[1], gsd=c.gsd, mb=(out/'member0.safetensors').stat().st_size/1e6,
        params=sum(p.numel() for p in b.models[0].parameters())/1e6, arch=member['arch'], encoder=member['encoder'],
        crop=made['augment']['crop'], **{k: made['schedule'][k] for k in ('steps','bs','seed')},
        scenes=len(c.provenance['scenes']), cities=', '.join(seen), licence=c.licence, attribution=c.attribution,
        table=table(seen,unseen), side=SIDE, measured=f"measured for {', '.join(unseen)}",
        plain=few.loc['as they are'].tolist(), registered=few.loc['registered'].tolist(),
        longer='; '.join(f"{c} IoU {o.iou[400]:.3f} to {o.iou[1200]:.3f}, F1 {o.f1[400]:.3f} to {o.f1[1200]:.3f}" for c,o in steps.iterrows())))

def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--work', type=Path, required=True, help="prepared scenes and the trained bundles are kept here")
    p.add_argument('--cities', nargs='+', default=CITIES, choices=CITIES, help="on which a network that has not seen them is scored")
    a = p.parse_args()
    r = Recipe(name='drone', task=objects(helper='interior')).set(split='none', steps=1200, bs=16, epochs=1)
    raw,out = find_scenes(data_root('buildings_drone')),ROOT/'geofast'/'weights'/'drone'
    scenes,said = recipe_scenes(r, raw, a.work/'scenes'),dict(licence=LICENCE, attribution=ATTRIBUTION)
    def decided(b): # whenever it was trained
        task = r.task.set(region=THRESHOLD)
        return replace(b.contract, outputs=list(task.outputs), objects=task.objects|dict(gsd=b.contract.gsd))
    b,unseen = fit_or_load(a.work/'all', r, scenes, **said),{}
    for c in a.cities:
        o = fit_or_load(a.work/f'all_without_{c}', r, scenes, [c], **said)
        unseen[c] = save_bundle(a.work/'unseen'/f'without_{c}', o.models, decided(o))
    scored = {c: scores(o, raw, c) for c,o in unseen.items()}
    c = decided(b)
    c.gsd_range = [.02,.5] # augmentation went up to 0.27 m; resolutions.csv says what happens beyond
    c.licence,c.attribution,c.metrics = LICENCE,ATTRIBUTION,dict(leave_one_city_out=scored)
    b = save_bundle(out, b.models, c, fp16=True)
    draw_worst(out/'errors.jpg', unseen, raw)
    write_card(out, b, {c: scores(b, raw, c) for c in CITIES}, scored)
    print((out/'README.md').read_text())

if __name__=='__main__': main()
