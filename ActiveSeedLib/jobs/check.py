"""Whether this machine has what ActiveSeed needs."""

import os
import platform
import shutil
import sys
from pathlib import Path
from typing import Any

from ActiveSeedLib.features.weights import weights_folder
from ActiveSeedLib.progress import Progress
from ActiveSeedLib.requirements import Requirement, requirements
from ActiveSeedLib.segmentation.device import free_memory
from ActiveSeedLib.version import __version__


def check(params: dict[str, Any], progress: Progress) -> dict[str, Any]:  # noqa: ARG001
    """Return one line each for Python, packages, GPU, memory, weights and disk, with "ok"."""
    progress.update(0.0, "Looking at Python and the packages")
    lines = [_python(), *(_package(one) for one in requirements())]
    progress.update(0.5, "Looking for a GPU")
    lines += [_gpu(), _memory(), *_weights(), _disk()]
    return {"activeseed": __version__, "ok": all(line["ok"] for line in lines), "lines": lines}


def _line(what: str, found: str, ok: bool = True) -> dict[str, Any]:
    return {"what": what, "found": found, "ok": ok}


def _python() -> dict[str, Any]:
    good = sys.version_info[:2] >= (3, 11)
    text = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    return _line("Python", text if good else f"{text}; 3.11 or newer is needed", good)


def _package(one: Requirement) -> dict[str, Any]:
    if one.ok:
        return _line(one.package, str(one.installed))
    found = f"{one.installed} is not {one.requirement}" if one.installed else "not installed"
    rest = "" if one.needed else f" (only helpful: {one.why})"
    return _line(
        one.package,
        f'{found}{rest}; install it with: pip install "{one.requirement}"',
        not one.needed,
    )


def _gpu() -> dict[str, Any]:
    try:
        import torch
    except ImportError:
        return _line("GPU", "unknown without torch")
    if not torch.cuda.is_available():
        return _line("GPU", f"none that torch can use; the CPU with {os.cpu_count()} cores works")
    facts = torch.cuda.get_device_properties(0)
    return _line("GPU", f"{facts.name}, {facts.total_memory / 2**30:.0f} GiB")


def _memory() -> dict[str, Any]:
    free = free_memory("cpu").free / 2**30
    good = free >= 2
    return _line("Memory", f"{free:.1f} GiB free" + ("" if good else "; 2 GiB are needed"), good)


def _weights() -> list[dict[str, Any]]:
    folder = weights_folder()
    found = sorted(p.name for p in folder.glob("*") if p.is_file()) if folder.is_dir() else []
    text = f"{', '.join(found) or 'none'} in {folder} (none is needed for the default encoder)"
    return [_line("Encoder weights", text)]


def _disk() -> dict[str, Any]:
    free = shutil.disk_usage(Path.cwd()).free / 2**30
    good = free >= 1
    return _line("Disk", f"{free:.0f} GiB free here" + ("" if good else "; too little"), good)
