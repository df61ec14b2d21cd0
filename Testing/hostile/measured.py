"""Run Python in a process of its own and learn how much memory it took."""

import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Run:
    """How a process ended: exit code, what it said, and its peak of resident memory in MiB."""

    code: int
    out: str
    err: str
    mebibytes: float


def run_python(code: str, *arguments: str | Path) -> Run:
    """Run `code` with `arguments` in `sys.argv`."""
    return _run("-c", code, *map(str, arguments))


def activeseed(*words: str | Path) -> Run:
    """Run the command as a person types it; its background process counts as well."""
    return _run("-m", "ActiveSeedLib.cli", *map(str, words))


# A process inherits the peak of the one that started it, so a small one stands between.
_LAUNCH = """
import os, sys
child = os.posix_spawn(sys.executable, [sys.executable, *sys.argv[2:]], os.environ)
_, status, usage = os.wait4(child, 0)  # it and all that it waited for
with open(sys.argv[1], "w") as file:
    file.write(f"{os.waitstatus_to_exitcode(status)} {usage.ru_maxrss}")
"""


def _run(*words: str) -> Run:
    with tempfile.TemporaryDirectory() as folder:
        facts = Path(folder, "facts")
        done = subprocess.run(
            [sys.executable, "-S", "-E", "-c", _LAUNCH, str(facts), *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            cwd=REPOSITORY,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
            timeout=300,
        )
        code, kibibytes = map(int, facts.read_text().split())
    out, err = (text.decode("utf-8", "replace") for text in (done.stdout, done.stderr))
    return Run(code, out, err, kibibytes / 1024)
