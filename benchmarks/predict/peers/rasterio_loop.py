"A loop over windows with rasterio, as in many tutorials: no blending, a later tile overwrites an earlier one"
import rasterio
import segmentation_models_pytorch as smp
import torch
from rasterio.windows import Window

def starts(n): return [*range(0,n-512,384),n-512]

def run(src, weights, dst):
    net = smp.Unet('resnet18', encoder_weights=None, classes=2)
    net.load_state_dict(torch.load(weights))
    net.eval()
    new = dict(count=1, nodata=255, predictor=1)
    with rasterio.open(src) as s, rasterio.open(dst, 'w', **(s.profile|new)) as d, torch.inference_mode():
        for r in starts(s.height):
            for c in starts(s.width):
                w = Window(c,r,512,512)
                x = torch.from_numpy(s.read(window=w))[None].float()/255
                d.write(net(x).argmax(1).byte().numpy(), window=w)
