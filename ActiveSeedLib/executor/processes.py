"""Tasks as processes of this machine: one for each GPU, or as many as are asked for."""

import os
import subprocess
import sys
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from ActiveSeedLib.children import last_line, python_path

_END_SECONDS = 5.0


class ProcessLauncher:
    """Begins tasks as child processes; see `outside.Launcher`.

    Args:
        module: what `python -m` runs, with the work's folder and a shard's key; it must end when
            its standard input does, so that it does not outlive this process.
        folder: the work's folder.
        logs: where the tasks' words go.
        width: processes at a time.
        gpus: their names, as in CUDA_VISIBLE_DEVICES; each process sees one. Empty: all see all.
    """

    poll = 0.5
    waits_for = "a free place"

    def __init__(
        self, module: str, folder: Path, logs: Path, width: int, gpus: Sequence[str] = ()
    ) -> None:
        self.shards = width
        self._command = [sys.executable, "-m", module, str(folder)]
        self._logs = logs
        self._width = width
        self._gpus = gpus
        self._waiting: deque[tuple[str, str]] = deque()
        self._running: dict[str, tuple[subprocess.Popen[bytes], int]] = {}
        self._count = 0

    def launch(self, keys: Sequence[str]) -> list[str]:
        """Begin one process for each shard as soon as there is a place; return their names."""
        names = []
        for key in keys:
            self._count += 1
            names.append(f"process-{os.getpid()}-{self._count}")
            self._waiting.append((names[-1], key))
        self._begin()
        return names

    def living(self) -> Mapping[str, bool]:
        """Return which processes wait (False) or run (True), by name."""
        for name, (process, _) in list(self._running.items()):
            if process.poll() is not None:
                del self._running[name]
                _close(process)
        self._begin()
        return {name: False for name, _ in self._waiting} | dict.fromkeys(self._running, True)

    def last_words(self, task: str) -> str:
        """Return the last line that a process wrote to its log."""
        return last_line(self._logs / f"{task}.log")

    def end(self) -> None:
        """End all processes at once."""
        self._waiting.clear()
        for process, _ in self._running.values():
            process.kill()
        for process, _ in self._running.values():
            with suppress(subprocess.TimeoutExpired):
                process.wait(_END_SECONDS)
            _close(process)
        self._running.clear()

    def _begin(self) -> None:
        while self._waiting and len(self._running) < self._width:
            name, key = self._waiting.popleft()
            place = min(set(range(self._width)) - {at for _, at in self._running.values()})
            environment = {**os.environ, "PYTHONPATH": python_path()}
            if self._gpus:
                environment["CUDA_VISIBLE_DEVICES"] = self._gpus[place % len(self._gpus)]
            self._logs.mkdir(exist_ok=True)
            with (self._logs / f"{name}.log").open("ab") as log:
                process = subprocess.Popen(
                    [*self._command, key],
                    stdin=subprocess.PIPE,
                    stdout=log,
                    stderr=log,
                    env=environment,
                )
            self._running[name] = (process, place)


def _close(process: "subprocess.Popen[bytes]") -> None:
    if process.stdin is not None:
        with suppress(OSError):
            process.stdin.close()
