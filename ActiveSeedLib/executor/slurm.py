"""Tasks as a job array of SLURM, submitted by submitit."""

import json
import secrets
import shlex
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from ActiveSeedLib.children import last_line, python_path
from ActiveSeedLib.errors import InputError, MissingDependencyError
from ActiveSeedLib.executor.settings import ExecutorSettings
from ActiveSeedLib.files import write_json

WIDTH = 16
_SHARDS_A_PLACE = 4
_MOST_SHARDS = 1000  # SLURM's MaxArraySize is 1,001 where nobody has changed it
_SECONDS = 60.0
_SUBMITTED = "arrays.json"
INSTALL = 'pip install "activeseed[cluster]"'


def require_slurm() -> None:
    """Raise `InputError` unless tasks can be submitted from this machine."""
    if shutil.which("sbatch") is None:
        raise InputError(
            "There is no SLURM on this machine (the command sbatch is not found): start it on the "
            "cluster's login node, or with the executor local."
        )
    try:
        import submitit  # noqa: F401
    except ImportError as error:
        raise MissingDependencyError(
            f"The package submitit, which submits the tasks to SLURM, is not installed: {INSTALL}"
        ) from error


class SlurmLauncher:
    """Begins tasks as job arrays; see `outside.Launcher`.

    Args:
        task: what a task calls, with the work's folder and a shard's key; a module's function.
        folder: the work's folder, on storage that the nodes see under the same path.
        logs: where submitit keeps the tasks' scripts and words, and its own (pickled) messages.
        settings: what a task may use.

    Raises:
        InputError: no SLURM, or no submitit.
    """

    waits_for = "a machine of the cluster"

    def __init__(
        self,
        task: Callable[[str, str], None],
        folder: Path,
        logs: Path,
        settings: ExecutorSettings,
    ) -> None:
        require_slurm()
        self._width = settings.array_width or WIDTH
        self.shards = min(_SHARDS_A_PLACE * self._width, _MOST_SHARDS)
        self.poll = settings.poll
        self._task = task
        self._folder = folder
        self._logs = logs
        self._settings = settings

    def launch(self, keys: Sequence[str]) -> list[str]:
        """Submit an array of one task for each shard; return the tasks' job ids."""
        import submitit

        chosen = self._settings
        # A task runs what it is handed over as a pickle. In a folder that is new, and whose name
        # nobody can foresee, there are only those that submitit itself has written.
        handed_over = self._logs / secrets.token_hex(16)
        handed_over.mkdir(mode=0o700)
        executor = submitit.SlurmExecutor(folder=handed_over)
        wanted = {"partition": chosen.partition, "gpus_per_task": chosen.gpus_per_task}
        names: list[str] = []
        try:
            executor.update_parameters(
                job_name="activeseed",
                time=chosen.time,
                cpus_per_task=chosen.cpus_per_task,
                ntasks_per_node=1,
                array_parallelism=self._width,
                # Told a while before the time is over, a task ends by itself; nothing is lost.
                signal_delay_s=min(30, 6 * chosen.time),
                stderr_to_stdout=True,
                setup=[f"export PYTHONPATH={shlex.quote(python_path())}"],
                additional_parameters=chosen.slurm,
                **{name: value for name, value in wanted.items() if value},
            )
            for start in range(0, len(keys), _MOST_SHARDS):
                part = keys[start : start + _MOST_SHARDS]
                jobs = executor.map_array(self._task, [str(self._folder)] * len(part), part)
                names += [job.job_id for job in jobs]
                arrays = {*_arrays(self._folder), *map(_array, names)}
                write_json(self._folder / _SUBMITTED, sorted(arrays))
        except submitit.core.utils.FailedJobError as error:
            words = " ".join(str(error).split())
            raise InputError(
                f"SLURM does not take the tasks ({words[:300]}): look at partition, GPUs and time."
            ) from error
        return names

    def living(self) -> Mapping[str, bool] | None:
        """Return which tasks wait (False) or run (True), by job id; None if SLURM is silent."""
        arrays = set(_arrays(self._folder))
        try:
            done = _run(["squeue", "--noheader", "--array", "--me", "--format=%i %T"])
        except (OSError, subprocess.SubprocessError):
            return None
        if done.returncode != 0:
            return None
        rows = [line.split() for line in done.stdout.splitlines() if line.strip()]
        return {name: state == "RUNNING" for name, state in rows if _array(name) in arrays}

    def last_words(self, task: str) -> str:
        """Return the last line that a task wrote to its log."""
        found = sorted(self._logs.glob(f"*/{task}_*_log.*"))
        return last_line(found[-1]) if found else ""

    def end(self) -> None:
        """Cancel all arrays of this work."""
        end_arrays(self._folder)


def end_arrays(folder: Path) -> None:
    """Cancel the arrays that work on the work in `folder`, if there are any."""
    arrays = _arrays(folder)
    if arrays:
        with suppress(OSError, subprocess.SubprocessError):
            _run(["scancel", "--quiet", *arrays])
        (folder / _SUBMITTED).unlink(missing_ok=True)


def _arrays(folder: Path) -> list[str]:
    try:
        arrays = json.loads((folder / _SUBMITTED).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    # Nothing else may reach scancel, such as an option in a project that somebody else made.
    return [one for one in arrays if isinstance(one, str) and one.isdecimal()]


def _array(job: str) -> str:
    return job.partition("_")[0]


def _run(command: list[str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
