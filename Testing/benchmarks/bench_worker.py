"""Seconds until the worker says hello, has imported torch and monai, and hears a cancel.

Run: python Testing/benchmarks/bench_worker.py
"""

import os
import statistics
import tempfile
import time
from pathlib import Path

from ActiveSeedLib.worker.client import WorkerClient

JOBS = Path(__file__).resolve().parents[1] / "worker"


def once() -> dict[str, float]:
    env = os.environ | {"PYTHONPATH": str(JOBS)}
    with (
        tempfile.TemporaryDirectory() as folder,
        WorkerClient(log_folder=Path(folder), env=env, jobs="worker_jobs:JOBS") as client,
    ):
        start = time.perf_counter()
        client.warm()
        while client.pid is None:
            time.sleep(0.001)
        hello = time.perf_counter() - start
        while client.warm_seconds is None:
            time.sleep(0.001)
        warm = time.perf_counter() - start
        begun = time.perf_counter()
        for _ in range(100):
            client.run("echo")
        trip = (time.perf_counter() - begun) / 100
        job = client.start("count", {"steps": 1000, "sleep": 0.05})
        while client.state(job).step == "":
            time.sleep(0.001)
        asked = time.perf_counter()
        client.cancel(job)
        while not client.state(job).is_over:
            time.sleep(0.001)
        cancel = time.perf_counter() - asked
        seconds = client.warm_seconds
    return {"hello": hello, "warm": warm, **seconds, "job": trip, "cancel": cancel}


if __name__ == "__main__":
    runs = [once() for _ in range(5)]
    for name in runs[0]:
        print(f"{name:8} {statistics.median(run[name] for run in runs):8.4f} s")
