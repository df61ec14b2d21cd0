"""Processes that this one begins: how they find the program and the GPUs, and end with it."""

import os
import subprocess
import sys
import threading
from pathlib import Path


def python_path() -> str:
    """Return PYTHONPATH for a child, so that it runs the same ActiveSeed, installed or not."""
    here = str(Path(__file__).resolve().parents[1])
    return os.pathsep.join([here, *filter(None, [os.environ.get("PYTHONPATH")])])


def end_with_parent() -> None:
    """End this process as soon as its standard input does, which the parent keeps open."""
    threading.Thread(target=_wait_for_the_end, daemon=True).start()


def last_line(log: Path) -> str:
    """Return the last line of a log; "" if there is none."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").split("\n")
    except OSError:
        return ""
    return next((" ".join(line.split())[:300] for line in reversed(lines) if line.strip()), "")


def gpus() -> list[str]:
    """Return the names of the GPUs that this process may use, as in CUDA_VISIBLE_DEVICES."""
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    if chosen is not None:
        return [name for name in chosen.split(",") if name.strip()]
    try:
        done = subprocess.run(["nvidia-smi", "-L"], capture_output=True, timeout=20, check=False)
    except (OSError, subprocess.SubprocessError):
        return []
    lines = done.stdout.decode(errors="replace").splitlines()
    return [str(number) for number, _ in enumerate(line for line in lines if line[:4] == "GPU ")]


def _wait_for_the_end() -> None:
    sys.stdin.buffer.read()
    os._exit(1)
