"""Striking a process at its n-th write: the shim of `strike.c`, which is loaded before libc."""

import ctypes
import os
import shutil
import subprocess
from enum import IntEnum
from pathlib import Path

SOURCE = Path(__file__).with_name("strike.c")
NEVER = 2**62


class Strike(IntEnum):
    """What happens at the n-th write below a folder; the numbers are those of `strike.c`."""

    COUNT = 0
    KILL = 1
    FULL = 2
    FAIL = 3
    CLOCK = 4
    VANISH = 5


def find_compiler() -> str | None:
    """Return a C compiler, or None: without one no write can be struck."""
    return next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)


def build(folder: Path) -> Path:
    """Compile the shim into `folder`, and return it."""
    compiler = find_compiler()
    assert compiler is not None
    target = folder / "strike.so"
    words = ["-O1", "-shared", "-fPIC", "-o", str(target), str(SOURCE), "-ldl"]
    subprocess.run([compiler, *words], check=True)
    return target


def arm(
    root: Path,
    what: Strike,
    first: int = 0,
    last: int = NEVER,
    vanishing: Path | None = None,
    failing: bool = True,
) -> None:
    """Let write `first` below `root` (and those before `last`) of this process be struck.

    `VANISH` renames the folder `vanishing` away, and back at write `last` or at `end`; where it is
    `failing`, files below `root` that are open cannot be written to meanwhile.
    """
    words = [os.fsencode(root), int(what), first, last]
    gone = vanishing or root
    _shim().strike_arm(*words, os.fsencode(gone), os.fsencode(away_from(gone)), failing)


def away_from(folder: Path) -> Path:
    """Return where a folder is while it has vanished."""
    return folder.with_name(folder.name + ".away")


def count() -> int:
    """Return how many writes there were since `arm`."""
    return int(_shim().strike_count())


def end() -> None:
    """Strike no more; what had vanished is back."""
    _shim().strike_end()


def _shim() -> ctypes.CDLL:
    shim = ctypes.CDLL(None)
    shim.strike_arm.argtypes = [
        ctypes.c_char_p,
        ctypes.c_int,
        ctypes.c_long,
        ctypes.c_long,
        ctypes.c_char_p,
        ctypes.c_char_p,
        ctypes.c_int,
    ]
    shim.strike_count.restype = ctypes.c_long
    return shim
