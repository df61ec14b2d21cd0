"""ActiveSeed: which scans to label first, which next, and a model trained on what was labelled.

The package is free of any user interface. Nothing heavy is imported here: torch and monai load only
in the background process (`ActiveSeedLib.worker`).
"""

from ActiveSeedLib.version import __version__

__all__ = ["__version__"]
