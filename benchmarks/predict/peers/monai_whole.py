"monai.inferers.sliding_window_inference over the whole array, as in a notebook"
import rasterio
import segmentation_models_pytorch as smp
import torch
from monai.inferers import sliding_window_inference

def run(src, weights, dst):
    net = smp.Unet('resnet18', encoder_weights=None, classes=2)
    net.load_state_dict(torch.load(weights))
    net.eval()
    with rasterio.open(src) as d: x,profile = torch.from_numpy(d.read())[None].float()/255,d.profile
    with torch.inference_mode(): y = sliding_window_inference(x, 512, 4, net, overlap=.25, mode='gaussian')
    with rasterio.open(dst, 'w', **(profile|dict(count=1, nodata=255, predictor=1))) as d: d.write(y.argmax(1).byte().numpy())
