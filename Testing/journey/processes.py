"""Whether a process lives, and its end; the same on every system."""

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path


def lives(pid: int) -> bool:
    """Return whether a process is there; one that only waits to be noticed by its parent is not."""
    if sys.platform == "win32":
        tasks = subprocess.run(
            ["tasklist", "/FI", f"PID eq {pid}", "/NH"], capture_output=True, text=True, check=False
        )
        return str(pid) in tasks.stdout
    with contextlib.suppress(OSError):
        if "State:\tZ" in Path(f"/proc/{pid}/status").read_text():
            return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def end(pid: int) -> None:
    """End a process at once, on Windows with its children."""
    if sys.platform == "win32":
        subprocess.run(["taskkill", "/T", "/F", "/PID", str(pid)], capture_output=True, check=False)
        return
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, signal.SIGKILL)
