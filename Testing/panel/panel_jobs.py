"""Jobs that try the panel's ears; the worker finds them through PYTHONPATH."""

from typing import Any

from worker_jobs import JOBS as WORKER_JOBS

from ActiveSeedLib.progress import Progress


def burst(params: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Say more than anybody can hear at once."""
    for step in range(int(params["events"])):
        progress.metric(step=step)
    return {}


def pieces(params: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Return more than a pipe holds, in one line."""
    return {"text": "é" * 200_000}


JOBS = {**WORKER_JOBS, "burst": burst, "pieces": pieces}
