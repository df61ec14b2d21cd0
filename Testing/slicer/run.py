"""Runs the panel's tests inside a real 3D Slicer, and says whether they passed.

    python Testing/slicer/run.py /path/to/Slicer [--out FOLDER] [--minutes N] [--only NAME ...]

Starts that executable with the module and the library of this clone, on the screen or, without
one, under Xvfb; lets `inside.py` run `ActiveSeedTest` and the way of a radiologist; keeps the log
and a picture of every step; ends Slicer and all that it started. Then once more without a main
window. The exit code is 0 if everything passed, 1 if something failed, 2 if something is missing on
this machine.

Needs nothing but the standard library, so that any Python 3.11 or newer can run it.
"""

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parents[1]
sys.path.insert(0, str(HERE.parent / "journey"))

from processes import end, lives  # noqa: E402

MARK = "ACTIVESEED_TEST_RUN"
LAST_LINES = 60
# With everything; and as Slicer's own generic tests start a module.
STARTS: dict[str, list[str]] = {"window": [], "no-window": ["--no-main-window"]}


class MissingError(Exception):
    """Something that the test needs is not on this machine."""


def main() -> int:
    """Run the tests and return the exit code."""
    options = _options()
    out = options.out.resolve()
    shutil.rmtree(out, ignore_errors=True)
    codes = []
    try:
        slicer = _executable(options.slicer)
        with _display() as display:
            for name, arguments in STARTS.items():
                if name in options.start:
                    (out / name).mkdir(parents=True)
                    code, left = _run(slicer, out / name, display, options, arguments)
                    codes.append(_report(out / name, code, left, options.minutes))
    except MissingError as missing:
        print(missing)
        return 2
    return max(codes)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="The panel's tests in a real 3D Slicer.")
    parser.add_argument("slicer", help="the executable, such as /opt/Slicer-5.10/Slicer")
    parser.add_argument("--out", type=Path, default=PROJECT / "slicer-out", help="log, pictures")
    parser.add_argument("--minutes", type=float, default=15.0, help="how long it may take")
    parser.add_argument("--only", nargs="*", default=[], help="names of tests; all otherwise")
    parser.add_argument(
        "--start", nargs="*", choices=STARTS, default=list(STARTS), help="how Slicer is started"
    )
    return parser.parse_args()


def _executable(name: str) -> Path:
    found = shutil.which(name) if name else None
    if found is None:
        raise MissingError(
            f"There is no Slicer at {name or '(nothing)'}: name its executable, as in "
            "make test-slicer SLICER=/opt/Slicer-5.10.0-linux-amd64/Slicer."
        )
    return Path(found).resolve()


@contextlib.contextmanager
def _display() -> Iterator[dict[str, str]]:
    """Yield the variables that name a screen; a virtual one where there is none."""
    if sys.platform in ("win32", "darwin") or os.environ.get("DISPLAY"):
        yield {}
        return
    xvfb = shutil.which("Xvfb")
    if xvfb is None:
        raise MissingError(
            "There is no screen here and no Xvfb: install it (Debian: apt install xvfb), or run "
            "this in a desktop session."
        )
    reader, writer = os.pipe()
    command = [xvfb, "-displayfd", str(writer), "-screen", "0", "1680x1050x24", "-nolisten", "tcp"]
    with subprocess.Popen(command, pass_fds=(writer,), stderr=subprocess.DEVNULL) as server:
        os.close(writer)
        try:
            with os.fdopen(reader) as pipe:
                number = pipe.readline().strip()
            if not number:
                raise MissingError("Xvfb did not start; run it by hand to see why.")
            yield {"DISPLAY": f":{number}"}
        finally:
            server.terminate()


def _run(
    slicer: Path,
    out: Path,
    display: dict[str, str],
    options: argparse.Namespace,
    arguments: list[str],
) -> tuple[int | None, list[int]]:
    """Return Slicer's exit code (None: it took too long) and the processes it left behind."""
    mark = uuid.uuid4().hex
    environment = {
        **os.environ,
        **display,
        MARK: mark,
        "ACTIVESEED_TEST_OUT": str(out),
        "ACTIVESEED_TEST_ONLY": " ".join(options.only),
        "ACTIVESEED_TEST_SECONDS": str(60 * options.minutes - 20),
    }
    command = [
        str(slicer),
        "--no-splash",
        *arguments,
        "--ignore-slicerrc",
        "--disable-settings",
        "--disable-cli-modules",
        "--additional-module-paths",
        str(PROJECT / "ActiveSeed"),
        "--python-script",
        str(HERE / "inside.py"),
    ]
    log = out / "slicer.log"
    print(f"Starting {slicer}; its log: {log}", flush=True)
    apart: dict[str, Any] = {} if sys.platform == "win32" else {"start_new_session": True}
    with log.open("wb") as file:
        process = subprocess.Popen(
            command, stdout=file, stderr=subprocess.STDOUT, env=environment, **apart
        )
        code: int | None = None
        with contextlib.suppress(subprocess.TimeoutExpired):
            code = process.wait(60 * options.minutes)
    left = _left_behind(mark, out)
    for pid in {process.pid, *left} if code is None else left:
        end(pid)
    process.wait()
    return code, left


def _left_behind(mark: str, out: Path) -> list[int]:
    """Return the processes of this run that still live, some seconds after its end."""
    deadline = time.monotonic() + 10
    while (left := _marked(mark) | _workers(out)) and time.monotonic() < deadline:
        time.sleep(0.25)
    return sorted(left)


def _marked(mark: str) -> set[int]:
    """Return the processes that carry the run's mark in their environment (Linux)."""
    found = set()
    wanted = f"{MARK}={mark}".encode()
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if wanted in (folder / "environ").read_bytes().split(b"\0"):
                found.add(int(folder.name))
    return found


def _workers(out: Path) -> set[int]:
    """Return the background processes that the tests told of and that still live."""
    pids = _result(out).get("workers", [])
    return {pid for pid in pids if lives(pid)}


def _result(out: Path) -> dict[str, Any]:
    try:
        result = json.loads((out / "result.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return result if isinstance(result, dict) else {}


def _report(out: Path, code: int | None, left: list[int], minutes: float) -> int:
    result = _result(out)
    for test in result.get("tests", []):
        print(f"{'passed' if test['ok'] else 'FAILED'}  {test['name']}  ({test['seconds']:.1f} s)")
        if not test["ok"]:
            print(test["traceback"])
    if result.get("missing"):
        print(result["missing"])
        return 2
    problems = []
    if code is None:
        problems.append(f"Slicer did not end within {minutes:g} minutes.")
    elif code != 0:
        problems.append(f"Slicer ended with exit code {code}.")
    if not result.get("finished"):
        problems.append("The tests did not come to their end.")
    if left:
        problems.append(f"Processes were left behind: {', '.join(map(str, left))}.")
    failed = [test["name"] for test in result.get("tests", []) if not test["ok"]]
    if failed:
        problems.append(f"Failed: {', '.join(failed)}.")
    pictures = len(list((out / "screenshots").glob("*.png")))
    print(f"{pictures} pictures in {out / 'screenshots'}; the log: {out / 'slicer.log'}")
    if not problems:
        print(f"All {len(result['tests'])} passed in {result['slicer']}; nothing left behind.")
        return 0
    log = (out / "slicer.log").read_text(encoding="utf-8", errors="replace").splitlines()
    print("\n".join(["The last lines of the log:", *log[-LAST_LINES:]]))
    print("\n".join(problems))
    return 1


if __name__ == "__main__":
    sys.exit(main())
