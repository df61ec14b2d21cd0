"""Which Python runs the background process, in which environment, and whether it has all it needs.

Slicer's own Python is started by its launcher `PythonSlicer`, which sets up its environment by
itself. Any other one gets the environment that Slicer was started in, free of Slicer's libraries.
"""

import os
import shutil
import sys
from pathlib import Path

import qt
import slicer

from ActiveSeedLib.errors import InputError
from ActiveSeedLib.worker.background import PYTHON_VARIABLE

SETTING = "ActiveSeed/Python"


def kept_python() -> str:
    """Return the Python that the user chose under Advanced; empty for Slicer's own."""
    return str(qt.QSettings().value(SETTING, "") or "")


def keep_python(path: str) -> None:
    """Keep which Python the user chose; empty for Slicer's own."""
    qt.QSettings().setValue(SETTING, path)


def choose_python() -> str:
    """Return the program that runs the background process.

    In this order: the environment variable ACTIVESEED_PYTHON (for tests and servers), the user's
    choice, Slicer's own, the one that runs this. `InputError` if there is none.
    """
    chosen = os.environ.get(PYTHON_VARIABLE) or kept_python() or own_python()
    if not chosen:
        raise InputError(
            "No Python was found to run the background process: choose one under Advanced."
        )
    return chosen


def own_python() -> str:
    """Return Slicer's own Python, or the one that runs this outside Slicer; empty if neither."""
    launcher = shutil.which("PythonSlicer")
    if launcher:
        return launcher
    return sys.executable if Path(sys.executable or "").stem.lower().startswith("python") else ""


def is_foreign(python: str) -> bool:
    """Return whether `python` is another one than Slicer's own."""
    own = own_python()
    return not own or _absolute(python) != _absolute(own)


def python_environment(python: str) -> dict[str, str]:
    """Return the environment to start `python` in."""
    if not is_foreign(python):
        return dict(os.environ)
    slicers = hasattr(slicer.app, "startupEnvironment")
    environment = dict(slicer.util.startupEnvironment() if slicers else os.environ)
    environment.pop("PYTHONHOME", None)  # where another Python's library lies
    return environment


def _absolute(program: str) -> str:
    """Return the program's path; links stay, as an environment of its own may be one."""
    return os.path.normcase(Path(shutil.which(program) or program).absolute())
