"""Leave one city out with the runner-up's recipe and with ours: the same encoder, steps, crops and prediction with flips.

    GEOFAST_DATA=... python benchmarks/open_cities/run.py --work FOLDER                            # both, seed 0
    GEOFAST_DATA=... python benchmarks/open_cities/run.py --work FOLDER --seeds 0 1 2 --steps 200  # 24 trainings of 6 minutes on one core

What is finished is in results.csv, and is not done again; several processes may share the work.
"""
import sys
from pathlib import Path
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from leave_out import main

if __name__=='__main__':
    main(__doc__, 'open_cities', 'buildings_drone', Path(__file__).with_name('results.csv'), tta='flips', steps=400)
