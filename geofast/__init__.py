__version__ = "0.0.1"

import os

os.environ.setdefault('NO_ALBUMENTATIONS_UPDATE', '1')  # albumentations asks the network for its newest version at import otherwise
