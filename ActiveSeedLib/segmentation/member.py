"""One of the processes that train a network together: what torchrun begins.

python -m ActiveSeedLib.segmentation.member FOLDER STORE, with torchrun's environment variables.
The processes meet in the file STORE.
"""

import datetime
import os
import sys
import time
from pathlib import Path
from typing import Any

from torch import distributed

from ActiveSeedLib.children import end_with_parent
from ActiveSeedLib.errors import CancelledError
from ActiveSeedLib.progress import Progress
from ActiveSeedLib.segmentation.exchange import Exchange
from ActiveSeedLib.segmentation.loop import Loop
from ActiveSeedLib.segmentation.model_file import load_tensors
from ActiveSeedLib.segmentation.reproducible import reproducible
from ActiveSeedLib.segmentation.team import Team

PATIENCE = datetime.timedelta(days=2)
"""How long one waits for the others: a machine may sleep, and torchrun sees who has ended."""
REPORT_SECONDS = 0.1


def main() -> None:
    """Take part in the training that the folder describes."""
    end_with_parent()
    exchange, store = Exchange(Path(sys.argv[1])), sys.argv[2]
    rank, size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    try:
        _take_part(exchange, store, rank, size)
    except CancelledError:
        return
    except BaseException as error:
        exchange.record_error(rank, error)
        raise


def _take_part(exchange: Exchange, store: str, rank: int, size: int) -> None:
    task = exchange.read()
    if task["gpus"]:  # before PyTorch looks for one
        os.environ["CUDA_VISIBLE_DEVICES"] = task["gpus"][rank]
    training = exchange.training(task)
    threads = training.settings.threads
    if training.device == "cpu" and threads is None:
        threads = max(1, (os.cpu_count() or 1) // size)
    stores: Any = distributed
    distributed.init_process_group(
        _backend(training.device),
        store=stores.FileStore(store, size),
        rank=rank,
        world_size=size,
        timeout=PATIENCE,
    )
    try:
        with reproducible(training.settings.seed, threads):
            loop = Loop(training, Team(rank, size, exchange.is_stopping))
            if task["resume"]:
                loop.resume(load_tensors(training.checkpoint))
            trained = loop.run(_Reports(exchange).progress if rank == 0 else Progress())
        if rank == 0:
            exchange.record_outcome(trained)
    finally:
        distributed.destroy_process_group()


def _backend(device: str) -> str:
    """Return how the processes speak: on loopback for the CPU's words, by NCCL between GPUs."""
    if device == "cpu":
        return "gloo"
    return "cpu:gloo,cuda:nccl" if distributed.is_nccl_available() else "cpu:gloo,cuda:gloo"


class _Reports:
    """The first process's progress, written for the one that began it; not every step's."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._last = float("-inf")
        self.progress = Progress(self._hear)

    def _hear(self, kind: str, values: dict[str, Any]) -> None:
        now = time.monotonic()
        if kind == "progress":
            if now - self._last < REPORT_SECONDS:
                return
            self._last = now
        self._exchange.report(kind, values)


if __name__ == "__main__":
    main()
