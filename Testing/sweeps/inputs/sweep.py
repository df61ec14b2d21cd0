"""Trying many kinds in a process of their own, which is started again when one ends it."""

import json
import select
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from Testing.sweeps.inputs.kinds import Kind

SECONDS = 30.0  # after which a kind is said to hang
ROOT = Path(__file__).resolve().parents[3]
GOOD = ("used", "refused", "passed over")
BAD = ("wrong", "crash", "hang")


@dataclass(frozen=True)
class Result:
    """What became of a kind: one of `GOOD` or `BAD`, and what was said."""

    kind: Kind
    outcome: str
    said: tuple[str, ...]

    @property
    def failed(self) -> bool:
        return self.outcome in BAD


class Worker:
    """A process that answers lines by lines of JSON, and is started again when one ends it.

    Args:
        module: what it runs, such as `Testing.sweeps.inputs.worker`.
    """

    def __init__(self, module: str) -> None:
        self._module = module
        self._process: subprocess.Popen[str] | None = None

    def ask(self, line: str) -> tuple[str, tuple[str, ...]]:
        """Return the outcome and what was said; "crash" or "hang" if there is no answer."""
        process = self._process = self._process or self._start()
        assert process.stdin
        assert process.stdout
        process.stdin.write(line + "\n")
        process.stdin.flush()
        if not select.select([process.stdout], [], [], SECONDS)[0]:
            self.close()
            return "hang", (f"nothing came back in {SECONDS:g} s",)
        reply = process.stdout.readline()
        if not reply:
            code = process.wait()
            self._process = None
            return "crash", (f"the process ended with {code}",)
        answer = json.loads(reply)
        return answer["outcome"], tuple(answer["said"])

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def _start(self) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-m", self._module],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )


def sweep(kinds: Iterable[Kind]) -> Iterator[Result]:
    """Yield what becomes of each kind."""
    worker = Worker("Testing.sweeps.inputs.worker")
    try:
        for kind in kinds:
            yield Result(kind, *worker.ask(kind.id))
    finally:
        worker.close()


def table(results: Iterable[Result]) -> str:
    """Return a Markdown table: kinds by family and outcome."""
    counts: dict[str, Counter[str]] = {}
    for result in results:
        counts.setdefault(result.kind.family, Counter())[result.outcome] += 1
    counts["all"] = sum(counts.values(), Counter())
    columns = (*GOOD, *BAD)
    lines = ["| family | kinds | " + " | ".join(columns) + " |", "| --- " * 8 + "|"]
    for family, count in counts.items():
        numbers = [count.total(), *(count[column] for column in columns)]
        lines.append(f"| {family} | " + " | ".join(map(str, numbers)) + " |")
    return "\n".join(lines)
