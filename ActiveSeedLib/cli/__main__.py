"""`python -m ActiveSeedLib.cli`, for Pythons without the command, such as PythonSlicer."""

import sys

from ActiveSeedLib.cli import main

sys.exit(main())
