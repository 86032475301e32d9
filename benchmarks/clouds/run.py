"""Leave one place of On Cloud N out with the published recipe and with ours: the same encoder, steps and crops.

    GEOFAST_DATA=... python benchmarks/clouds/run.py --work FOLDER --seeds 0 1 2 --steps 100  # 18 trainings of one to three minutes

`published` is the first of the eight networks at small scale, `best` ours. What is finished is in recipes.csv, and is not done again.
"""
import sys
from pathlib import Path
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from leave_out import main

if __name__=='__main__':
    main(__doc__, 'cloud_cover', 'clouds/on_cloud_n_labelled', Path(__file__).with_name('recipes.csv'), tta='hflip', steps=200)
