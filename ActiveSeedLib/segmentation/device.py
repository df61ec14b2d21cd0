"""Which device computes, and how much memory it has left; without psutil."""

import ctypes
import os
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ActiveSeedLib.errors import InputError

FALLBACK_BYTES = 4 * 2**30
"""Taken where the system does not tell."""


@dataclass(frozen=True)
class Memory:
    """Memory that a training may plan with: free bytes, and of which device ("cpu", "cuda")."""

    free: int
    device: str = "cpu"


def choose_device(wanted: str = "auto") -> str:
    """Return "cuda" or "cpu"; `wanted` = "auto" takes a GPU where torch sees one."""
    import torch

    available = torch.cuda.is_available()
    if wanted == "cuda" and not available:
        raise InputError(
            "A GPU was asked for, but torch finds none: choose device auto or cpu, or install a "
            "torch build for your GPU."
        )
    if wanted not in ("auto", "cpu", "cuda"):
        raise InputError(f"device is {wanted!r}; choose one of: auto, cpu, cuda.")
    return "cuda" if available and wanted != "cpu" else "cpu"


def free_memory(device: str = "cpu") -> Memory:
    """Return the memory that is free now on `device` ("cpu" or "cuda")."""
    if device == "cuda":
        import torch

        # What an earlier training of this process has freed still counts as taken by torch.
        torch.cuda.empty_cache()
        return Memory(int(torch.cuda.mem_get_info()[0]), "cuda")
    return Memory(free_ram(), "cpu")


def free_ram() -> int:
    """Return the bytes of RAM that can be had without swapping, or 4 GiB if nobody tells."""
    readers = {"linux": _linux, "darwin": _macos, "win32": _windows}
    with suppress(OSError, ValueError, KeyError, IndexError, subprocess.SubprocessError):
        free = readers[sys.platform]()
        if free > 0:
            return free
    return FALLBACK_BYTES


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error of torch or numpy says that memory is short."""
    words = (
        "out of memory",
        "not enough memory",
        "can't allocate memory",
        "unable to allocate",
        "_status_alloc_failed",  # cuBLAS and cuDNN
    )
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and any(w in str(error).lower() for w in words)
    )


def _linux() -> int:
    lines = Path("/proc/meminfo").read_text().splitlines()
    table = dict(line.split(":", 1) for line in lines)
    free = int(table["MemAvailable"].split()[0]) * 1024
    with suppress(OSError, ValueError):  # the limit of a container, where there is one
        group = Path("/sys/fs/cgroup")
        limit = int((group / "memory.max").read_text())
        free = min(free, limit - int((group / "memory.current").read_text()))
    return free


def _macos() -> int:
    pages = subprocess.run(
        ["/usr/bin/vm_stat"], capture_output=True, text=True, check=True, timeout=5
    ).stdout.splitlines()
    table = dict(line.split(":", 1) for line in pages[1:] if ":" in line)
    names = ("Pages free", "Pages inactive", "Pages speculative")
    count = sum(int(table.get(name, "0").strip().rstrip(".")) for name in names)
    return count * os.sysconf("SC_PAGE_SIZE")


def _windows() -> int:
    class Status(ctypes.Structure):
        _fields_ = (
            ("length", ctypes.c_ulong),
            ("load", ctypes.c_ulong),
            *((name, ctypes.c_ulonglong) for name in ("total", "available", "a", "b", "c", "d")),
            ("extended", ctypes.c_ulonglong),
        )

    status = Status()
    status.length = ctypes.sizeof(Status)
    windll: Any = getattr(ctypes, "windll")  # noqa: B009 - absent from other systems' type stubs
    windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status))
    return int(status.available)
