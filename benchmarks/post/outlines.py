"""Polygons with right angles by the library and by buildingregulariser, on noisy label images of drawn towns

    pip install buildingregulariser==0.2.5 && python benchmarks/post/outlines.py        (about a minute, one thread)

Houses of three styles are cut into units with common walls; their label images get wavering outlines and walls. Of
the outlines along pixel edges, simplified, and regularized by both: mean IoU with the true footprint of objects that
the edge of the image does not cut, mean number of vertices, share of right angles, area that is covered twice (of all,
in %), and seconds of CPU. buildingregulariser runs at its defaults, and with its tolerances at the 2 m that the
library's row has and no angles of 45 degrees, which the houses have not. Rows go to outlines.csv beside this file.
"""
import os
os.environ.setdefault('OMP_NUM_THREADS', '1')
from pathlib import Path
from time import process_time
import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from affine import Affine
from buildingregulariser import regularize_geodataframe
from scipy import ndimage as ndi
from geofast.grid import GeoBox
from geofast.instance_scores import polygon_shape
from geofast.outlines import regularize_polygons
from geofast.polygons import mask_to_polygons
from geofast.synthetic import make_town
from geofast.vector import rasterize

TOWNS = dict(suburb=('suburb',.5,300.,99.), terraces=('dense',.3,200.,6.), halls=('industrial',.5,400.,9.))

def true_units(style, size_m, unit, seed)->gpd.GeoSeries:
    out = []
    for x,y,w,l,angle,*_ in make_town(seed,style,size_m=size_m).houses:
        n = max(1,round(l/unit))
        for v in np.arange(n)/n*l-l/2:
            o = shapely.affinity.rotate(shapely.box(-w/2,v,w/2,v+l/n), angle, origin=(0,0), use_radians=True)
            out.append(shapely.affinity.translate(o,500_000+x,9_300_000+y))
    return gpd.GeoSeries(out, crs=32737)

def noisy_town(style, gsd, size_m, unit, seed=0)->tuple: # true units, grid, label image
    true,rng,n = true_units(style,size_m,unit,seed),np.random.default_rng(seed),round(size_m/gsd)
    grid = GeoBox((n,n), Affine(gsd,0,500_000,0,-gsd,9_300_000+size_m), true.crs)
    ids = rasterize(true, grid, values=np.arange(len(true))+1, dtype='int32')
    def waves(width, size): return size*ndi.gaussian_filter(rng.standard_normal((n,n)),width)*width
    near = ids[tuple(ndi.distance_transform_edt(ids==0, return_distances=False, return_indices=True))]
    r,c = (np.clip(np.rint(o+waves(3,2.5)),0,n-1).astype(int) for o in np.mgrid[:n,:n])
    labels = np.where(ndi.gaussian_filter((ids>0)*1.,1.2)+waves(2,.5)>.5, near[r,c], 0)
    for i,part in enumerate(ndi.find_objects(labels),1): # the largest part of each, and no specks
        if part is None: continue
        lab,k = ndi.label(labels[part]==i)
        size = np.bincount(lab.ravel(),minlength=k+1)[1:]
        labels[part][(lab>0)&((lab!=size.argmax()+1)|(size.max()<40))] = 0
    return true,grid,labels

def judge(g, true, grid)->dict:
    whole = np.array([grid.outline.contains(o) for o in true[g.id-1]])
    a,b = g.geometry.values[whole],true[g.id-1].values[whole]
    common = shapely.area(shapely.intersection(a,b))
    return dict(iou=(common/(shapely.area(a)+shapely.area(b)-common)).mean(), **polygon_shape(shapely.get_parts(a)),
                twice=max(0,100*(1-g.union_all().area/g.area.sum())), invalid=int((~g.is_valid).sum()))

def main():
    rows = []
    for town,args in TOWNS.items():
        true,grid,labels = noisy_town(*args)
        ways = dict(outline=lambda g: g, library=regularize_polygons,
                    defaults=lambda g: regularize_geodataframe(g.copy(), num_cores=1),
                    coarse=lambda g: regularize_geodataframe(g.copy(), parallel_threshold=2., simplify_tolerance=2.,
                                                             allow_45_degree=False, num_cores=1))
        g = mask_to_polygons(labels, grid, instances=True, fill_holes_m2=4)
        rows.append(dict(town=town, way='simplified', objects=len(g), **judge(mask_to_polygons(labels, grid,
                    instances=True, fill_holes_m2=4, simplify_m=2.), true, grid)))
        for way,f in ways.items():
            start = process_time()
            out = f(g)
            took = process_time()-start
            rows.append(dict(town=town, way=way, objects=len(out), seconds=took, **judge(out,true,grid)))
            print(rows[-1], flush=True)
    t = pd.DataFrame(rows).round(dict(iou=4,vertices=1,right=3,twice=3,seconds=2))
    t.to_csv(Path(__file__).parent/'outlines.csv', index=False)

if __name__=='__main__': main()
