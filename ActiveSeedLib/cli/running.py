"""Running a job in the background process, with a bar, for a command."""

import argparse
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ActiveSeedLib.cli.executor import executor_params
from ActiveSeedLib.cli.output import ProgressBar
from ActiveSeedLib.project.project import Project
from ActiveSeedLib.worker.client import WorkerClient


class Runner:
    """One background process that runs the jobs of a command one after another.

    Args:
        client: the process.
        quiet: show no progress.
        more: parameters of every job on a project, besides its own.
    """

    def __init__(
        self, client: WorkerClient, quiet: bool, more: Mapping[str, Any] | None = None
    ) -> None:
        self._client = client
        self._more = more or {}
        self._bar = ProgressBar(quiet=quiet)
        self._said: set[str] = set()

    def run(self, job: str, params: dict[str, Any]) -> dict[str, Any]:
        """Run `job`, show its progress, and return its result; errors come as exceptions."""
        try:
            return self._client.run(job, params, self._show)
        finally:
            self._bar.clear()

    def on_project(self, job: str, root: str, params: dict[str, Any]) -> dict[str, Any]:
        """Run a job on the project at `root`, which this command holds meanwhile."""
        with Project.open(Path(root)) as project:
            for sentence in project.notes:
                self._bar.note(sentence)
            whose = {"project": root, "session": project.session}
            return self.run(job, {**whose, **self._more, **params})

    def _show(self, event: dict[str, Any]) -> None:
        if event["event"] == "progress":
            self._bar.show(event["fraction"], event["step"], event.get("seconds_left"))
        elif event["event"] == "note" and event["text"] not in self._said:
            self._said.add(event["text"])  # a simulation trains many times in the same way
            self._bar.note(event["text"])


@contextmanager
def runner(options: argparse.Namespace, logs: Path | None = None) -> Iterator[Runner]:
    """Yield a `Runner` whose process ends with the block; logs go to `logs` or a temporary one."""
    more = executor_params(options)
    with WorkerClient(log_folder=logs) as client:
        yield Runner(client, quiet=options.json, more=more)
