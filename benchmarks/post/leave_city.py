"""Objects of buildings in cities left out, by networks that were trained without them

    GEOFAST_DATA=FOLDER python benchmarks/post/leave_city.py BUNDLES [--tta flips] [--work FOLDER]

BUNDLES holds one bundle of an instance network for each city, `<city>` or `without_<city>` (as `geofast crossval`
names them), trained on all other cities. The drone scenes of each city are prepared at the resolution of the bundles
(15 cm) and predicted by the network that has not seen them; the maps are kept in the work folder (default: BUNDLES/maps). Ways to objects:

- `components above .5`, `components above .7`: 4-connected components of the footprint of at least 4 m2;
- `model`: the watershed by the rule of the task `objects` as it is now;
- `chosen`: the watershed by the rule that has the highest mean F1 in the *other* cities, of those in `rules`;
- `second level`: the objects of `chosen` without those that a second level is not sure of; its trees, its calibration
  and its threshold come from the other cities, each predicted by the network that has not seen it.

One row for each city and way goes to leave_city.csv beside this file: IoU of the pixels, F1, precision and recall of
objects at an IoU of .5, AP50 (score: confidence of the second level, else mean probability times root of the area),
IoU of the bands within a metre of outlines, vertices and share of right angles of regularized outlines (`right` of all
vertices, `right_corners` of those where a wall does not go straight on), IoU and F1 of these, and the calibration error
of the confidence. Nothing is tuned on the city that is scored.
"""
import os
os.environ.setdefault('OMP_NUM_THREADS', '1')
import argparse
from itertools import product
from pathlib import Path
import numpy as np
import pandas as pd
import shapely
from scipy import ndimage as ndi
from geofast.bundle import load_bundle
from geofast.candidates import label_candidates
from geofast.confidence import FEATURES, image_features, kept_numbers
from geofast.core import data_root
from geofast.evaluate import best_least
from geofast.fit import recipe_scenes
from geofast.infer import predict_tile
from geofast.instance_scores import coco_scores, label_overlaps, object_scores, polygon_shape
from geofast.instances import SeedRule, object_rule, watershed_instances
from geofast.outlines import regularize_polygons
from geofast.polygons import mask_to_polygons
from geofast.prepare import find_scenes
from geofast.recipes import Recipe
from geofast.second_level import SecondLevel, best_iou, calibration_scores
from geofast.stack import read_raster
from geofast.tasks import objects
from geofast.vector import rasterize

GSD = .15 # m per pixel of the rules
M2 = round(1/GSD**2) # px of a square metre

def rules():
    "Rules of the watershed that are tried"
    for seed,region,m2 in product((.6,.7,.8),(.4,.5),(.2,2,4,6,8)): yield SeedRule(seed, region, round(m2*M2), 4*M2)

def components(m, t):
    "4-connected components of at least 4 m2, numbered"
    x = ndi.label(m['prob']>t)[0]
    keep = np.bincount(x.ravel())>=4/m['gsd']**2
    keep[0] = False
    return (np.cumsum(keep)*keep)[x]

def predicted(s, bundle, tta, work):
    "Maps of a scene as a dictionary, from the work folder if they are there"
    file = work/f'{bundle.hash[:12]}_{tta}_{s.scene}.npz'
    if not file.exists():
        p = predict_tile(s.image, bundle, tta=tta)
        seeds = object_rule(p.objects, p.gsd)[1]
        more = dict(seeds=p[seeds].astype(np.float16)) if seeds else {}
        work.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(file, prob=p.prob.astype(np.float16), valid=p.valid, **more)
    m = {k: v.astype(np.float32) if v.dtype==np.float16 else v for k,v in np.load(file).items()}
    r = read_raster(s.instances)
    known = m.pop('valid')&(r.pixels[0]>=0)
    m = {k: np.where(known,v,np.float32(np.nan)) for k,v in m.items()}
    rule = object_rule(bundle.contract.objects|objects().objects, GSD)[0]
    return dict(m, rule=rule, known=known, truth=np.maximum(r.pixels[0],0), box=r.box, gsd=bundle.contract.gsd)

def shed(m, rule): return watershed_instances(m['prob'], rule.zoom(GSD/m['gsd']), seeds=m.get('seeds'))

def rule_scores(city): # city: list of maps -> F1 of each rule
    return pd.Series({r: object_scores([label_overlaps(shed(m,r),m['truth'],m['known']) for m in city])['f1']
                      for r in rules()})

def features(m, labels, every=False):
    "Features of the objects of a scene, of `every` one, or with IoU and plain score of those on known ground"
    how = FEATURES|dict(seeds='seeds' in m, gsd=m['gsd'])
    f = image_features(labels, [m['prob'],m.get('seeds',m['prob'])], how, m['gsd'])
    o = label_overlaps(labels, m['truth'], m['known'])
    if not len(o.pred): return pd.DataFrame()
    return f if every else f.loc[o.pred].assign(iou=best_iou(o), plain=lambda t: t.prob_mean*t.area**.5)

def survey(city, rule): # -> labels of each scene, table of all objects with `scene`
    found = [shed(m,rule) for m in city]
    return found,pd.concat([features(m,x).assign(scene=i) for i,(m,x) in enumerate(zip(city,found))])

def learn(tables, seed=0): # {city: table of objects}, {city: true objects} -> level, least
    "Trees, calibration and threshold from cities"
    t = pd.concat([v.assign(place=k) for k,v in tables.items()])
    x = t.drop(columns=['place','iou','plain','scene'])
    level = SecondLevel.fit(x, t.iou.values, t.place.values, forest=True, rounds=50, seed=seed)
    return level,t.assign(confidence=level.crossed, right=t.iou>.5)

def bands(x, d):
    lo,hi = (f(x, 2*d+1, mode='constant', cval=0) for f in (ndi.minimum_filter,ndi.maximum_filter))
    return (lo!=hi)&(x>0)

def regular(m, labels)->tuple: # polygons, label image
    g = regularize_polygons(mask_to_polygons(labels, m['box'], instances=True))
    return g,rasterize(g, m['box'], values=g.id, dtype='int32') if len(g) else labels*0

def flat_share(polygons):
    "Share of vertices where a wall goes straight on: a corner of the neighbor there, and none of its own"
    turns = []
    for r in (r for p in polygons for r in (p.exterior,*p.interiors)):
        p = shapely.get_coordinates(r)[:-1]@[1,1j]
        turns.append(abs(np.angle((np.roll(p,-1)-p)/(p-np.roll(p,1)))))
    return (np.concatenate(turns)<np.radians(1)).mean()

def row(city, found, scores): # of the scenes of a city: maps, labels, score of each object by number
    n = {k: np.zeros(2) for k in ('iou','boundary_iou','iou_regular')}
    plain,straight,shapes = [],[],[]
    for m,x,s in zip(city, found, scores):
        k,t,d = m['known'],m['truth'],round(1/m['gsd'])
        g,y = regular(m, x)
        shapes.extend(g.geometry)
        for name,(a,b) in dict(iou=(x>0,t>0), iou_regular=(y>0,t>0), boundary_iou=(bands(x,d),bands(t,d))).items():
            n[name] += (a&b&k).sum(),((a|b)&k).sum()
        o = label_overlaps(x, t, k)
        plain.append((o,np.asarray(s)[o.pred-1]))
        straight.append(label_overlaps(y, t, k))
    all_ = object_scores([o for o,_ in plain])
    parts = [q for p in shapes for q in getattr(p,'geoms',[p])]
    shape = polygon_shape(parts)
    shape['right_corners'] = shape['right']/(1-flat_share(parts))
    return dict(objects=all_['tp']+all_['fn'], **{k: all_[k] for k in ('f1','precision','recall')},
                ap50=coco_scores(plain,max_dets=10**6)['ap50'], **{k: a/max(b,1) for k,(a,b) in n.items()},
                f1_regular=object_scores(straight)['f1'], **shape)

def true_objects(city): return sum(len(np.unique(m['truth'][m['known']&(m['truth']>0)])) for m in city)

def root_scores(m, labels):
    t = label_candidates(labels, m['prob'])[0].table
    return (t['mean']*t.area**.5).values

def mean_best(scores): # {city: F1 of each rule} -> the rule
    return pd.DataFrame(scores).mean(axis=1).idxmax()

def city_ways(city, maps, scores): # -> {way: (labels, scores of the objects) of each scene}, calibration error
    "All ways to the objects of a city; what is chosen is chosen by the others"
    own,others = maps[city],{k: v for k,v in scores.items() if k!=city}
    ways = {f'components above .{k}': [components(m,k/10) for m in own] for k in (5,7)}
    ways['model'] = [shed(m,m['rule']) for m in own]
    ways = {k: (v,[root_scores(m,x) for m,x in zip(own,v)]) for k,v in ways.items()}
    if not others: return ways,np.nan
    rule = mean_best(others)
    found,table = survey(own, rule)
    ways['chosen'] = found,[root_scores(m,x) for m,x in zip(own,found)]
    if len(others)<2: return ways,np.nan
    level,t = learn({k: survey(maps[k],rule)[1] for k in others})
    least = best_least(t, pd.Series({k: true_objects(maps[k]) for k in others}))
    sure = [level.confidence(level.raw(f)) for f in (features(m,x,True) for m,x in zip(own,found))]
    number = [kept_numbers(o,least) for o in sure]
    ways['second level'] = [n[x] for n,x in zip(number,found)],[o[o>=least] for o in sure]
    ece = calibration_scores(level.confidence(level.raw(table[level.names])), (table.iou>.5).values)['ece']
    print(city, rule, f'{least:.2f}', flush=True)
    return ways,ece

def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument('bundles', type=Path)
    ap.add_argument('--tta', default='flips')
    ap.add_argument('--work', type=Path)
    a = ap.parse_args()
    root = data_root('buildings_drone') or ap.error('GEOFAST_DATA names no folder with buildings_drone')
    raw = find_scenes(root)
    def folder(c): return next((p for p in (a.bundles/c,a.bundles/f'without_{c}') if (p/'bundle.json').exists()),None)
    cities = [c for c in sorted(raw.group.unique()) if folder(c)] or ap.error(f'{a.bundles} has no bundles')
    bundles = {c: load_bundle(folder(c)) for c in cities}
    r = Recipe(task=objects()).set(gsd=bundles[cities[0]].contract.gsd)
    scenes = recipe_scenes(r, raw, a.bundles/'scenes', progress=False)
    work = a.work or a.bundles/'maps'
    maps = {c: [predicted(s,bundles[c],a.tta,work) for s in scenes[scenes.group==c].itertuples()] for c in cities}
    scores,rows = {c: rule_scores(maps[c]) for c in cities},[]
    print(pd.DataFrame(scores).assign(mean=lambda t: t.mean(axis=1)).nlargest(8,'mean').round(3).to_string())
    for c in cities:
        ways,ece = city_ways(c, maps, scores)
        for way,(found,sure) in ways.items():
            rows.append(dict(city=c, way=way, scenes=len(found), **row(maps[c],found,sure),
                             ece=ece if way=='second level' else np.nan))
        print(pd.DataFrame(rows[-len(ways):]).round(3).to_string(index=False), flush=True)
    t = pd.DataFrame(rows)
    t.round(4).to_csv(Path(__file__).with_suffix('.csv'), index=False)
    print(t.groupby('way',sort=False).mean(numeric_only=True).round(3).to_string())

if __name__=='__main__': main()
