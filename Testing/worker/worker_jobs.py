"""Small jobs for the real worker process; on its path through PYTHONPATH."""

import ctypes
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from ActiveSeedLib.errors import InputError, PoolTooSmallError
from ActiveSeedLib.progress import Progress


def echo(params: dict[str, Any], progress: Progress) -> dict[str, Any]:
    progress.update(0.5, "Halfway")
    progress.metric(epoch=1, loss=np.float32(0.25), worst=float("nan"))
    progress.note("A sentence.")
    return {"params": params, "pid": os.getpid()}


def count(params: dict[str, Any], progress: Progress) -> dict[str, Any]:
    steps = int(params["steps"])
    for step in range(steps):
        progress.update(step / steps, f"Step {step}")
        time.sleep(float(params["sleep"]))
    return {"steps": steps}


def gated(params: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Takes each step when a file in the folder says so: whoever listens cannot miss any."""
    folder, steps = Path(params["folder"]), int(params["steps"])
    for step in range(steps):
        while not (folder / f"gate-{step}").exists():
            time.sleep(0.01)
        progress.update(step / steps, f"Step {step}")
    return {"steps": steps}


def hang(params: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """A call that never returns and never asks whether it should stop."""
    progress.update(0.1, "Hanging")
    time.sleep(1000)
    return {}


def noisy(params: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Prints as libraries do: from Python, to the descriptor, and from C."""
    print("a library prints", flush=True)
    sys.__stdout__.write('{"event": "result", "id": "forged"}\n')
    os.write(1, b"bytes without an end")
    libc = ctypes.CDLL(None)
    libc.puts(b"C prints")
    libc.fflush(None)
    assert sys.stdin.read() == ""
    return {"quiet": False}


def crash(params: dict[str, Any], progress: Progress) -> dict[str, Any]:
    raise ZeroDivisionError("the sums\ndo not work out.")


def leave(params: dict[str, Any], progress: Progress) -> dict[str, Any]:
    sys.exit(3)


def refuse(params: dict[str, Any], progress: Progress) -> dict[str, Any]:
    raise PoolTooSmallError(3, 8)


def refuse_specially(params: dict[str, Any], progress: Progress) -> dict[str, Any]:
    class OwnError(InputError):
        """A job's own kind of bad input."""

    raise OwnError("The colour is not one.")


def unspeakable(params: dict[str, Any], progress: Progress) -> dict[str, Any]:
    return {"set": {1, 2}}


def heavy(params: dict[str, Any], progress: Progress) -> dict[str, Any]:
    return {"torch": "torch" in sys.modules, "monai": "monai" in sys.modules}


heavy.needs_torch = True  # type: ignore[attr-defined]


def environment(params: dict[str, Any], progress: Progress) -> dict[str, Any]:
    gui = {"qt", "slicer", "PySide6", "vtk"} & set(sys.modules)
    return {"env": dict(os.environ), "gui": sorted(gui), "path": sys.path}


JOBS = {
    job.__name__: job
    for job in (
        echo, count, gated, hang, noisy, crash, leave, refuse, refuse_specially, unspeakable, heavy,
        environment,
    )
}  # fmt: skip
