__version__ = "0.0.1"

import os

os.environ.setdefault('NO_ALBUMENTATIONS_UPDATE', '1')  # albumentations asks the network for its newest version at import otherwise

def __getattr__(name):
    "`geofast.sample`, imported when it is asked for: the package itself stays cheap to import"
    if name!='sample': raise AttributeError(f"module 'geofast' has no attribute {name!r}")
    from geofast.scene_table import sample
    return sample
