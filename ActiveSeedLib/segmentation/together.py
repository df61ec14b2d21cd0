"""Training in several processes, one a GPU, begun and watched by torchrun (PyTorch's launcher).

The prepared cases go to files that all of them map. The first process reports; all end with this
one, or when they are asked to stop.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ActiveSeedLib.children import gpus, python_path
from ActiveSeedLib.errors import CancelledError, InputError
from ActiveSeedLib.progress import Progress
from ActiveSeedLib.segmentation.exchange import Exchange
from ActiveSeedLib.segmentation.loop import Trained, Training
from ActiveSeedLib.segmentation.plan import Plan
from ActiveSeedLib.segmentation.settings import TrainSettings

LAUNCHER, MEMBER = "ActiveSeedLib.segmentation.launcher", "ActiveSeedLib.segmentation.member"
LOOPBACK = {"linux": "lo", "darwin": "lo0"}
"""The network that never leaves the machine, by system, where it has a name."""
LOOK_SECONDS = 0.1
ORDERLY_SECONDS = 20.0
"""How long the processes may take to keep a checkpoint when they are asked to stop."""
END_SECONDS = 10.0


def team_size(settings: TrainSettings, plan: Plan, device: str, progress: Progress) -> int:
    """Return how many processes share a training.

    Raises:
        InputError: there are fewer GPUs than were asked for.
    """
    wanted = settings.processes
    if wanted > 1 and device == "cuda" and wanted > len(gpus()):
        raise InputError(
            f"{wanted} processes were asked for, one a GPU, but this machine offers "
            f"{len(gpus())}: choose fewer processes."
        )
    size = min(wanted, plan.batch)
    if size < wanted:
        progress.note(
            f"{wanted} processes were asked for, but a step's batch of {plan.batch} can be shared "
            f"by {plan.batch} only: choose a larger batch_size to use them all."
        )
    if size > 1:
        progress.note(f"Each step's batch of {plan.batch} is shared by {size} processes.")
    return size


def train_together(training: Training, size: int, progress: Progress, *, resume: bool) -> Trained:
    """Train in `size` processes that share each batch; see `team.py` for what that computes.

    Args:
        training: the task.
        size: processes; on a GPU each has one of its own.
        progress: hears what the first process reports; its cancel ends all of them, once they have
            kept a checkpoint.
        resume: whether to go on from the checkpoint in the training's folder.

    Raises:
        CancelledError: the user asked to stop.
        MemoryError: the memory of one process did not suffice.
        ActiveSeedError: a process was ended from outside, or the training went astray.
    """
    exchange = Exchange(training.folder / "team")
    shutil.rmtree(exchange.root, ignore_errors=True)
    try:
        exchange.write(training, gpus()[:size] if training.device == "cuda" else [], resume=resume)
        with _torchrun(exchange, size) as process:
            _follow(exchange, process, progress)
        return exchange.outcome()
    finally:
        shutil.rmtree(exchange.root, ignore_errors=True)


@contextmanager
def _torchrun(exchange: Exchange, size: int) -> Iterator["subprocess.Popen[bytes]"]:
    """Begin the processes; afterwards they have ended."""
    environment = {**os.environ, "PYTHONPATH": python_path()}
    if loopback := LOOPBACK.get(sys.platform):
        environment |= {"GLOO_SOCKET_IFNAME": loopback, "NCCL_SOCKET_IFNAME": loopback}
    # a file that they lock, so on a disk of this machine
    with TemporaryDirectory(prefix="activeseed-", ignore_cleanup_errors=True) as meeting:
        member = ["-m", MEMBER, str(exchange.root), str(Path(meeting) / "store")]
        command = [sys.executable, "-m", LAUNCHER, f"--nproc-per-node={size}", *member]
        with exchange.log.open("ab") as log:
            process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=log, stderr=log, env=environment
            )
        try:
            yield process
        finally:
            _end(process)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Close what the processes read, with which they end, and torchrun after them."""
    assert process.stdin is not None
    process.stdin.close()
    try:
        process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _follow(exchange: Exchange, process: "subprocess.Popen[bytes]", progress: Progress) -> None:
    """Pass on what is reported until the processes end; on cancel, ask them to."""
    try:
        running = True
        while running:
            running = process.poll() is None
            progress.check()
            for kind, values in exchange.new_reports():
                _pass_on(kind, values, progress)
            if running:
                time.sleep(LOOK_SECONDS)
    except CancelledError:
        exchange.ask_to_stop()
        with suppress(subprocess.TimeoutExpired):
            process.wait(ORDERLY_SECONDS)
        raise


def _pass_on(kind: str, values: dict[str, Any], progress: Progress) -> None:
    if kind == "progress":
        progress.update(values["fraction"], values["step"])
    elif kind == "metric":
        progress.metric(**values)
    else:
        progress.note(values["text"])
