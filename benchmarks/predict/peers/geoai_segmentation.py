# pip: geoai-py==0.40.1
"geoai.semantic_segmentation, with the tiles of the others (its default overlap is 256)"
import segmentation_models_pytorch # noqa: F401, or it would be imported within the measurement
from geoai import semantic_segmentation

def run(src, weights, dst):
    semantic_segmentation(src, dst, weights, architecture='unet', encoder_name='resnet18', num_channels=3, num_classes=2,
                          window_size=512, overlap=128, batch_size=4)
