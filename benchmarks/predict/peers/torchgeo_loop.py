# pip: torchgeo==0.8.1
"torchgeo: a raster dataset, a grid sampler and a loader; the predictions are put into their places and written with rasterio"
from pathlib import Path
import numpy as np
import rasterio
import segmentation_models_pytorch as smp
import torch
from rasterio.transform import rowcol
from torch.utils.data import DataLoader
from torchgeo.datasets import RasterDataset, stack_samples
from torchgeo.samplers import GridGeoSampler

class Scene(RasterDataset):
    is_image,separate_files = True,False

def run(src, weights, dst):
    net = smp.Unet('resnet18', encoder_weights=None, classes=2)
    net.load_state_dict(torch.load(weights))
    net.eval()
    with rasterio.open(src) as d: profile,out = d.profile,np.full(d.shape,255,np.uint8)
    scene = Scene(Path(src))
    loader = DataLoader(scene, batch_size=4, sampler=GridGeoSampler(scene,512,384), collate_fn=stack_samples)
    with torch.inference_mode():
        for batch in loader:
            for mask,(x,y,_) in zip(net(batch['image']/255).argmax(1).byte().numpy(), batch['bounds']):
                r,c = (round(float(v)) for v in rowcol(profile['transform'], x.start, y.stop, op=float)) # the grid sticks out at the top
                place = out[max(r,0):r+512, c:c+512]
                place[:] = mask[max(-r,0):][:place.shape[0],:place.shape[1]]
    with rasterio.open(dst, 'w', **(profile|dict(count=1, nodata=255, predictor=1))) as d: d.write(out, 1)
