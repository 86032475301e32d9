"geofast as it comes: bf16 where the device has it"
import segmentation_models_pytorch # noqa: F401, or it would be imported within the measurement
from geofast.infer import predict_raster

def run(src, weights, dst): predict_raster(src, weights.removesuffix('.pth'), dst, progress=False, resume=False)
