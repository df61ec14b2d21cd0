"""The steps of the loop, as plain functions of (parameters, progress) that return JSON values.

A job can be called in a test without any process; the background process only carries it. Modules
load when a job first runs, so listing the jobs costs nothing. `needs_torch` on a job tells the
background process to import torch and monai before it.
"""

from collections.abc import Callable
from importlib import import_module
from typing import Any

from ActiveSeedLib.progress import Progress

Job = Callable[[dict[str, Any], Progress], dict[str, Any]]


def _job(module: str, function: str, needs_torch: bool = False) -> Job:
    def run(params: dict[str, Any], progress: Progress) -> dict[str, Any]:
        job: Job = getattr(import_module(f"ActiveSeedLib.jobs.{module}"), function)
        return job(params, progress)

    run.needs_torch = needs_torch  # type: ignore[attr-defined]
    return run


JOBS: dict[str, Job] = {
    "init": _job("setup", "init"),
    "rescan": _job("setup", "rescan"),
    "repair": _job("repair", "repair"),
    "import-labels": _job("setup", "import_labels"),
    "encode": _job("encode", "encode"),
    "difficulty": _job("difficulty", "difficulty", needs_torch=True),
    "map": _job("map", "draw"),
    "inspect": _job("inspect", "inspect"),
    "suggest": _job("suggest", "suggest"),
    "train": _job("train", "train_model", needs_torch=True),
    "predict": _job("predict", "predict", needs_torch=True),
    "cross-validate": _job("crossvalidate", "cross_validate", needs_torch=True),
    "benchmark-prepare": _job("benchmark", "prepare", needs_torch=True),
    "benchmark-draw": _job("benchmark", "draw", needs_torch=True),
    "benchmark-run": _job("benchmark", "run_seed", needs_torch=True),
    "cohort": _job("cohort", "make_cohort"),
    "check": _job("check", "check"),
    "download": _job("download", "download"),
}
