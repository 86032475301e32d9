"""Make the bundle that comes with the package, `geofast/weights/drone`, and its model card

    GEOFAST_DATA=... python tools/ship.py --work FOLDER

Trains the default recipe on all of `buildings_drone`, stores the weights as float16, and writes the leave-one-city-out table of
the same recipe, from `benchmarks/open_cities/results.csv`, into contract and card. What is there in FOLDER already is not
trained again.
"""
import argparse
from pathlib import Path
import pandas as pd
from geofast.bundle import save_bundle
from geofast.core import data_root
from geofast.prepare import find_scenes, prepare_scenes
from geofast.evaluate import evaluate
from geofast.fit import fit_or_load
from geofast.recipes import Recipe

ROOT = Path(__file__).resolve().parent.parent
LICENCE = 'weights CC BY 4.0; made from imagery under CC BY 4.0 and labels under ODbL'
ATTRIBUTION = ('Imagery (c) OpenAerialMap contributors, CC BY 4.0; labels (c) OpenStreetMap contributors, ODbL; '
               'collected by the Humanitarian OpenStreetMap Team')

CARD = """# drone: building footprints in drone imagery

`predict_tile(image)` takes this model where none is named; `load_bundle('drone')` loads it.

- **Input** three bands (red, green, blue), uint8, {lo:.3g} to {hi:.3g} m per pixel on the ground; it works at {gsd} m.
- **Output** probability of a building for each pixel; two-channel softmax.
- **Network** {arch} with {encoder}, {params:.1f} million parameters, stored as float16 ({mb:.1f} MB).
- **Trained** with the default recipe ({steps} steps of {bs} crops of {crop} px) on {scenes} images of {cities}; seed {seed}; nothing was held out.
- **Licence** {licence}.
- **Attribution** {attribution}.

## What to expect on a city it has not seen

The model itself has seen all the cities below. The table is of four others, trained by the same recipe, each without the city that it is
scored on, with flips at prediction (`benchmarks/open_cities/results.csv`). The last column is the IoU of the model that comes with the package, scored
on the scenes it was trained on: no promise, but a hint at the ceiling that the labels and a network of this size set.

{table}

Expect about {mean:.2f} IoU (from {worst:.2f} to {best:.2f}) in dense informal and suburban settlements in Africa and South Asia seen from above. The labels are partly
to blame: those of Nairobi lie metres beside tall roofs. It has seen no snow, no high-rise centres and no imagery coarser than {hi:.3g} m. Train on a few
labelled scenes of your own where that matters: `geofast train`.
"""

def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--work', type=Path, required=True, help="prepared scenes and the trained bundle are kept here")
    a = p.parse_args()
    r = Recipe().set(name='drone', split='none')
    scenes = prepare_scenes(data_root('buildings_drone'), a.work/'scenes', gsd=r.data.gsd)
    b = fit_or_load(a.work/'bundle', r, scenes, licence=LICENCE, attribution=ATTRIBUTION)
    t = pd.read_csv(ROOT/'benchmarks/open_cities/results.csv').query("variant=='best' and steps==@r.schedule.steps")
    t = t.sort_values('left_out')
    out,loco = ROOT/'geofast'/'weights'/'drone', {o.left_out: round(o.iou,3) for o in t.itertuples()}
    mean = t[['iou','precision','recall']].mean()
    b.contract.metrics = dict(leave_one_city_out=loco, mean=round(float(mean.iou),3))
    t = pd.concat([t, pd.DataFrame([dict(left_out='each',**mean)])])
    c = b.contract
    c.recipe,c.licence,c.attribution,c.gsd_range = 'drone',LICENCE,ATTRIBUTION,[.02,.3] # augmentation went up to 0.27 m
    out.parent.mkdir(exist_ok=True)
    s = save_bundle(out, b.models, b.contract, fp16=True).contract
    made = s.provenance['recipe']
    raw = find_scenes(data_root('buildings_drone'))
    raw = raw.assign(shared=raw.label.duplicated(keep=False))
    seen = {g: evaluate(out, raw[raw.group==g], tta='flips')[0].loc['all','iou'] for g in sorted(raw.group.unique())}
    seen['each'] = sum(seen.values())/len(seen)
    def line(o): # of the table
        name,scores = 'mean' if o.left_out=='each' else o.left_out, (o.iou, o.precision, o.recall, seen[o.left_out])
        return f"| {name} | {' | '.join(f'{v:.3f}' for v in scores)} |"
    rows = ['| city | IoU, city never seen | precision | recall | IoU, city seen |', '|---|---|---|---|---|',
            *map(line, t.itertuples())]
    weights = sum(f.stat().st_size for f in out.glob('*.safetensors'))
    cities = sorted({x.rsplit('_',1)[0] for x in s.provenance['scenes'] if x[0].islower()})
    (out/'README.md').write_text(CARD.format(
        lo=s.gsd_range[0], hi=s.gsd_range[1], gsd=s.gsd, mb=weights/1e6, **{k: s.arch[k] for k in ('arch','encoder')},
        params=sum(p.numel() for p in b.models[0].parameters())/1e6, crop=made['augment']['crop'], **{k: made['schedule'][k] for k in ('steps','bs','seed')},
        scenes=len(s.provenance['scenes']), cities=', '.join(cities), licence=s.licence, attribution=s.attribution,
        table='\n'.join(rows), mean=mean.iou, worst=min(loco.values()), best=max(loco.values())))
    print((out/'README.md').read_text())

if __name__=='__main__': main()
