# pip: geoai-py==0.40.1
"geoai.inference.predict_geotiff, with the tiles of the others and a mask as result"
import segmentation_models_pytorch as smp
import torch
from geoai.inference import predict_geotiff

def run(src, weights, dst):
    net = smp.Unet('resnet18', encoder_weights=None, classes=2)
    net.load_state_dict(torch.load(weights))
    net.eval()
    predict_geotiff(net, src, dst, tile_size=512, overlap=128, batch_size=4, num_classes=2, output_dtype='uint8', output_nodata=255,
                    postprocess_fn=lambda p: p.argmax(0, keepdims=True))
