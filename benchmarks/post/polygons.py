"""Seconds of CPU from a label image to polygons, by the library and by rasterio and GEOS

    python benchmarks/post/polygons.py        (about a minute, one thread)

The label image has 4096 x 4096 pixels and about four thousand objects, some of which touch; it is that of instances.py
after the watershed. `trace`: outlines along pixel edges; the other side is `rasterio.features.shapes` with
`shapely.geometry.shape`. `trace and simplify`: the same and a tolerance of 2 pixels; the other side is these and
`shapely.coverage_simplify`. `iou` is the mean with the outlines and `vertices` the mean number. Both sides run in this
process one after the other, so their ratio says more than the seconds. Rows go to polygons.csv beside this file.
"""
import os
os.environ.setdefault('OMP_NUM_THREADS', '1')
from pathlib import Path
import numpy as np
import pandas as pd
import shapely
from rasterio import features
from geofast.grid import GeoBox
from geofast.instances import SeedRule, watershed_instances
from geofast.polygons import mask_to_polygons
from instances import best_of, random_map

TOL = 2. # px

def by_gdal(labels)->np.ndarray: # polygons
    found = features.shapes(labels, mask=labels>0, connectivity=4)
    return np.array([shapely.geometry.shape(o) for o,_ in found])

def iou(a, b)->float:
    common = shapely.area(shapely.intersection(a,b))
    return (common/(shapely.area(a)+shapely.area(b)-common)).mean()

def look(a, full): return dict(iou=iou(a,full), vertices=shapely.get_num_coordinates(a).mean())

def main():
    labels = watershed_instances(random_map(), SeedRule(.7,.3))
    box = GeoBox(labels.shape, crs='EPSG:3857') # at the equator, where a unit is a metre
    rows = []
    base,full = best_of(2, lambda: by_gdal(labels))
    fast,g = best_of(4, lambda: mask_to_polygons(labels, box, instances=True))
    assert len(full)==len(g) and np.isclose(shapely.area(full).sum(), g.area.sum())
    rows.append(dict(step='trace', side='both', objects=len(g), other_s=base, geofast_s=fast, ratio=base/fast))
    base,other = best_of(1, lambda: shapely.coverage_simplify(by_gdal(labels),TOL))
    fast,ours = best_of(4, lambda: mask_to_polygons(labels, box, instances=True, simplify_m=TOL))
    plain = g.geometry.values
    rows.append(dict(step='trace and simplify', side='geofast', objects=len(g), other_s=base, geofast_s=fast,
                     ratio=base/fast, **look(ours.geometry.values,plain)))
    rows.append(dict(step='trace and simplify', side='GEOS', objects=len(g), **look(other,full)))
    t = pd.DataFrame(rows).round(dict(other_s=2,geofast_s=3,ratio=1,iou=4,vertices=1))
    print(t.to_string(index=False))
    t.to_csv(Path(__file__).parent/'polygons.csv', index=False)

if __name__=='__main__': main()
