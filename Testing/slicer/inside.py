"""Runs inside 3D Slicer: `ActiveSeedTest` and the journeys; writes `result.json`, then ends Slicer.

Started by `run.py`, which tells by environment variables what to run and where to write.
"""

import json
import os
import sys
import time
import traceback
from pathlib import Path

import qt
import slicer

PROJECT = Path(__file__).resolve().parents[2]
OUT = Path(os.environ["ACTIVESEED_TEST_OUT"])
ONLY = os.environ.get("ACTIVESEED_TEST_ONLY", "").split()
sys.path.insert(0, str(PROJECT / "Testing" / "journey"))


def missing():
    """Return one sentence on what Slicer's Python lacks; empty if nothing."""
    if os.environ.get("ACTIVESEED_PYTHON"):
        return ""  # the background process runs in another Python, which the tests will meet
    from ActiveSeedLib.requirements import missing as lacking

    names = [requirement.requirement for requirement in lacking()]
    if not names:
        return ""
    return (
        f"Slicer's Python lacks {', '.join(names)}: install the PyTorch extension and then these "
        "with PythonSlicer -m pip install, or name a Python that has them in ACTIVESEED_PYTHON."
    )


class Run:
    """The tests one by one, and what came of them."""

    def __init__(self):
        self.result = {
            "slicer": f"Slicer {slicer.app.applicationVersion}, Qt {qt.qVersion()}",
            "tests": [],
            "workers": [],
            "missing": "",
            "finished": False,
        }

    def test(self, name, function):
        """Run one test and write down how it went, at once, in case Slicer dies later."""
        if ONLY and name not in ONLY:
            return
        started = time.monotonic()
        print(f"ActiveSeed test: {name}", flush=True)
        error = ""
        try:
            function()
        except Exception:
            error = traceback.format_exc()
            print(error, flush=True)
        seconds = time.monotonic() - started
        self.result["tests"].append(
            {"name": name, "ok": not error, "seconds": seconds, "traceback": error}
        )
        self.write()

    def write(self):
        """Write the result so far."""
        (OUT / "result.json").write_text(json.dumps(self.result), encoding="utf-8")

    def everything(self):
        """Run all tests; return the exit code."""
        from ActiveSeed import findLibrary

        findLibrary()
        self.result["missing"] = missing()
        self.write()
        if self.result["missing"]:
            return 0
        import activeseed_journey as journey

        pictures = OUT / "screenshots"
        pictures.mkdir(exist_ok=True)
        self.test("ActiveSeedTest", slicer.selfTests["ActiveSeed"])
        if slicer.util.mainWindow() is None:
            return self.finish()
        for name, function in journey.JOURNEYS.items():
            stage = journey.Stage(pictures, name, OUT / name, self.result["workers"])
            self.test(name, stage.playing(function))
        last = journey.Stage(pictures, "leaving", OUT / "leaving", self.result["workers"])
        self.test("leaving", lambda: journey.leave_training(last))
        return self.finish()

    def finish(self):
        """Note that the tests came to their end; return the exit code."""
        self.result["finished"] = True
        self.write()
        return 0 if all(test["ok"] for test in self.result["tests"]) else 1


def main():
    """Run everything and end Slicer, whatever happens."""
    run, code = Run(), 1
    try:
        code = run.everything()
    except Exception:
        traceback.print_exc()
        run.write()
    slicer.util.exit(code)


qt.QTimer.singleShot(1000, main)
