"""The networks of ukis-csmask as bundles: agreement with onnxruntime, and IoU of clouds on real labelled chips.

    pip install --no-deps ukis-csmask==1.0.0; GEOFAST_DATA=... python benchmarks/clouds/csmask.py --work FOLDER

On Cloud N with the four bands of level 2A; Landsat with six bands at the top of the atmosphere (cloud: thick or thin), 16 chips together and by biome.
"""
import argparse
from importlib.util import find_spec
from pathlib import Path
import numpy as np
import onnxruntime as ort
import pandas as pd
import torch
from geofast.core import data_root
from geofast.infer import predict_tile
from geofast.metrics import IoUMeter
from geofast.onnx_import import import_csmask
from geofast.stack import read_raster

OUT = Path(__file__).with_name('csmask.csv')

def agreement(net, file, x): # (bands,256,256), as stored
    "Largest logit, largest difference, share of pixels of the same class"
    m,s = (getattr(net,n).numpy() for n in ('mean','std'))
    theirs = ort.InferenceSession(str(file)).run(None, dict(input=((x[None]-m)/s).astype(np.float32)))[0]
    with torch.no_grad(): ours = net(torch.from_numpy(x[None].astype(np.float32)))['classes'].numpy()
    return dict(largest_logit=np.abs(theirs).max(), difference=np.abs(theirs-ours).max(),
                same_class=(theirs.argmax(1)==ours.argmax(1)).mean())

def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--work', type=Path, required=True, help="bundles are written here")
    a = p.parse_args()
    a.work.mkdir(parents=True, exist_ok=True)
    root,files,rows = data_root('clouds'),Path(find_spec('ukis_csmask').origin).parent,[]
    four,six = import_csmask(a.work/'four'), import_csmask(a.work/'six', level='l1c', bands=6, scale=1)
    for k in (1,2,3):
        folder = root/f'on_cloud_n_labelled/chip_{k}'
        x = read_raster(folder, bands=four.contract.bands).pixels
        cloud = predict_tile(x, four, precision='fp32')['classes'].argmax(0)==1
        iou = IoUMeter().update(cloud, read_raster(folder/'label.tif').pixels[0]).score()
        rows.append(dict(chip=folder.name, iou=iou, **agreement(four.models[0], files/'model_4b_l2a.onnx', x[:,:256,:256])))
    meter = IoUMeter()
    for f in sorted((root/'landsat8_biome/Images').glob('*.tif')):
        x = read_raster(f).pixels[:6]
        truth = read_raster(str(f).replace('Images','Masks')).pixels[0]
        meter.update(predict_tile(x,six,precision='fp32')['classes'].argmax(0)==1, np.isin(truth,(192,255)).astype(np.uint8), f.stem.split('_')[0])
    rows.append(dict(chip='landsat8_biome', iou=meter.score(), **agreement(six.models[0], files/'model_6b_l1c.onnx', x)))
    rows += [dict(chip=k, iou=o.iou) for k,o in meter.table().drop('all').iterrows()]
    t = pd.DataFrame(rows).round(4)
    t.to_csv(OUT, index=False)
    print(t.to_string(index=False))

if __name__=='__main__': main()
