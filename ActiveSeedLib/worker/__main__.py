"""Run by `python -m ActiveSeedLib.worker`, or by this file's path where nothing is installed."""

import sys
from pathlib import Path

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[2])

from ActiveSeedLib.worker.server import main

if __name__ == "__main__":
    main()
