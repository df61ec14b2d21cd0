"""The real jobs, in a worker that is killed at a given moment; on its path as it runs from here.

The worker kills itself: a test that kills it when it hears of that moment comes too late at times.
"""

import os
import re
import signal
from typing import Any

from ActiveSeedLib.jobs import JOBS as REAL_JOBS
from ActiveSeedLib.jobs import Job
from ActiveSeedLib.progress import Progress

NAME = "Testing.jobs.struck_jobs:JOBS"
WORD, COUNT = "STRUCK_AT_WORD", "STRUCK_AT_COUNT"
"""Environment variables: the worker dies at the n-th progress whose step holds the word, which may
be a regular expression."""
METRIC = "a metric"
"""As the word: at the n-th metric instead."""


def _struck(job: Job) -> Job:
    def run(params: dict[str, Any], progress: Progress) -> dict[str, Any]:
        seen = 0

        def listen(kind: str, values: dict[str, Any]) -> None:
            nonlocal seen
            said = ""
            if kind == "progress":
                progress.update(**values)
                said = values["step"]
            elif kind == "metric":
                progress.metric(**values)
                said = METRIC
            else:
                progress.note(**values)
            seen += bool(re.search(os.environ[WORD], said))
            if seen == int(os.environ[COUNT]):
                os.kill(os.getpid(), signal.SIGKILL)

        return job(params, Progress(listen))

    run.needs_torch = getattr(job, "needs_torch", False)  # type: ignore[attr-defined]
    return run


JOBS = {name: _struck(job) for name, job in REAL_JOBS.items()}
