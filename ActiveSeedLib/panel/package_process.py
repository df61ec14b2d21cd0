"""Run by path in the Python that is installed into: `look`, or `pip` with its arguments.

Needs nothing but Python's own library, and ends when its standard input does: whoever started it,
through whatever launcher, is then gone or wants it to stop.
"""

import sys

if __name__ == "__main__":
    sys.path.pop(0)  # the panel's modules are none of pip's, and one is called signal

import json
import os
import runpy
import signal
import subprocess
import threading
from contextlib import suppress
from importlib.metadata import distributions


def look() -> None:
    """Print the version of every distribution, by name in lower case, as one line of JSON."""
    found: dict[str, str] = {}
    for one in distributions():  # of two, the first on the path is the one that is imported
        found.setdefault(str(one.metadata["Name"]).lower().replace("_", "-"), one.version)
    sys.stdout.write(json.dumps(found) + "\n")


def end_with_stdin() -> None:
    """End this process and what it started at once when its standard input ends."""
    while os.read(0, 4096):
        pass
    if sys.platform == "win32":
        me = str(os.getpid())
        subprocess.run(["taskkill", "/T", "/F", "/PID", me], capture_output=True, check=False)
    else:
        os.killpg(os.getpgid(0), signal.SIGKILL)
    os._exit(1)


def main() -> None:
    """Do what the first argument says."""
    if sys.platform != "win32":
        with suppress(PermissionError):  # it leads a group already
            os.setsid()
    threading.Thread(target=end_with_stdin, daemon=True).start()
    del sys.argv[0]
    if sys.argv[0] == "look":
        look()
    else:
        runpy.run_module("pip", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
