"""A benchmark's runs, shared out to background processes, and the table that they fill."""

import os
import queue
import threading
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from ActiveSeedLib.benchmark.config import Benchmark, DataSet
from ActiveSeedLib.benchmark.runs import read_runs
from ActiveSeedLib.benchmark.table import FULL, Row, merge, read_table, write_table
from ActiveSeedLib.cli.output import ProgressBar
from ActiveSeedLib.errors import ActiveSeedError, CancelledError, InputError
from ActiveSeedLib.worker.client import WorkerClient

TABLE = "results.csv"


class Results:
    """The table of a benchmark in its folder, brought up to date from the files of its runs."""

    def __init__(self, benchmark: Benchmark, out: Path, tables: list[list[Row]]) -> None:
        self.benchmark, self.out = benchmark, out
        self.path = out / TABLE
        known = [read_table(self.path)] if self.path.exists() else []
        self.rows: list[Row] = []
        self._before = [*known, *tables]
        self.update()

    def update(self) -> None:
        """Add the rows of the runs that are done, and write the table.

        Raises:
            InputError: rows of another configuration, or of other images, are among them.
        """
        rows = merge([*self._before, list(read_runs(self.out))])
        expected = {data.name: self.benchmark.digest(data) for data in self.benchmark.data}
        for row in rows:
            if expected.get(row.data, row.protocol) != row.protocol:
                raise InputError(
                    f"The results of {row.data} in {self.out} or in a merged table come from "
                    "another configuration: choose another --out, or the configuration that they "
                    f"come from ({self.out / 'config.toml'})."
                )
        self.rows = rows
        if rows:
            write_table(self.path, rows)

    def missing(self, data: DataSet, seed: int) -> list[str]:
        """Return the strategies that lack a row of this data set and seed."""
        found: dict[str, int] = {}
        for row in self.rows:
            if (row.data, row.seed) == (data.name, seed):
                found[row.strategy] = found.get(row.strategy, 0) + 1
        return [
            strategy
            for strategy in self.benchmark.strategies
            if found.get(strategy, 0) < (1 if strategy == FULL else len(data.budgets))
        ]


class Conductor:
    """Several background processes that share the missing runs: each takes the next seed."""

    def __init__(
        self, benchmark: Benchmark, seeds: list[int], results: Results, parallel: int, quiet: bool
    ) -> None:
        self.benchmark, self.results, self.parallel = benchmark, results, parallel
        self._bar = ProgressBar(quiet=quiet)
        self._lock = threading.Lock()
        self._what = ""
        self._done: dict[int, float] = {}
        self._failed: list[BaseException] = []
        self._clients: list[WorkerClient] = []
        self._said: set[str] = set()
        self._missing = [
            (data, seed, missing)
            for seed in seeds
            for data in benchmark.data
            if (missing := results.missing(data, seed))
        ]

    def run(self) -> None:
        """Do all that is missing; raise the first error when the others have stopped."""
        names = {data.name for data, _, _ in self._missing}
        prepare = [data for data in self.benchmark.data if data.name in names]
        self._share("data sets", [("benchmark-prepare", self._params(data)) for data in prepare])
        runs = [
            ("benchmark-run", {**self._params(data), "seed": seed, "strategies": strategies})
            for data, seed, strategies in self._missing
        ]
        self._share("seeds of data sets", runs)

    def _params(self, data: DataSet) -> dict[str, Any]:
        return {
            "benchmark": asdict(replace(self.benchmark, data=[data])),
            "out": str(self.results.out),
        }

    def _share(self, what: str, tasks: list[tuple[str, dict[str, Any]]]) -> None:
        """Carry out `tasks`, `parallel` at a time; on Ctrl+C stop them all and raise."""
        waiting: queue.SimpleQueue[tuple[int, tuple[str, dict[str, Any]]]] = queue.SimpleQueue()
        for numbered in enumerate(tasks):
            waiting.put(numbered)
        self._what, self._done = what, dict.fromkeys(range(len(tasks)), 0.0)
        count = min(self.parallel, len(tasks))
        threads = [threading.Thread(target=self._work, args=(waiting,)) for _ in range(count)]
        for thread in threads:
            thread.start()
        try:
            for thread in threads:
                while thread.is_alive():
                    thread.join(0.2)
        except KeyboardInterrupt:
            self._stop(CancelledError())
        finally:
            for thread in threads:
                thread.join()
            self._bar.clear()
        if self._failed:
            raise self._failed[0]

    def _work(self, waiting: "queue.SimpleQueue[tuple[int, tuple[str, dict[str, Any]]]]") -> None:
        with WorkerClient(env=_environment(self.parallel)) as client:
            self._clients.append(client)
            while not self._failed:
                try:
                    number, (job, params) = waiting.get_nowait()
                except queue.Empty:
                    return
                try:
                    client.run(job, params, lambda event, n=number: self._hear(n, event))  # type: ignore[misc]
                    with self._lock:
                        self._done[number] = 1.0
                        self.results.update()
                except (ActiveSeedError, CancelledError, OSError) as error:
                    self._stop(error)

    def _stop(self, error: BaseException) -> None:
        """Remember why, and end all processes; finished runs and trainings are on the disk."""
        self._failed.append(error)
        for client in self._clients:
            client.close()

    def _hear(self, number: int, event: Mapping[str, Any]) -> None:
        with self._lock:
            if event["event"] == "progress":
                self._done[number] = event["fraction"]
                self._bar.show(sum(self._done.values()) / len(self._done), self._step())
            elif event["event"] == "note" and event["text"] not in self._said:
                self._said.add(event["text"])
                self._bar.note(event["text"])

    def _step(self) -> str:
        """Return how many tasks are done; what each process does would only flicker."""
        done = sum(fraction == 1.0 for fraction in self._done.values())
        return f"{done} of {len(self._done)} {self._what} done"


def _environment(parallel: int) -> dict[str, str]:
    """Return this process's environment, in which several processes share the cores."""
    threads = max(1, (os.cpu_count() or 1) // parallel)
    return {"OMP_NUM_THREADS": str(threads), **os.environ}
