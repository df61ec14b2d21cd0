"""The executor of the job that runs: one for all its per-case work, however deep that lies."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from ActiveSeedLib.executor.settings import ExecutorSettings
from ActiveSeedLib.executor.slurm import require_slurm

_CURRENT = ContextVar("executor", default=ExecutorSettings())  # noqa: B039 - it never changes


@contextmanager
def executing(settings: ExecutorSettings) -> Iterator[None]:
    """Give all per-case work of the block to the executor that `settings` describe.

    Raises:
        InputError: there is no such executor on this machine.
    """
    if settings.executor == "slurm":
        require_slurm()  # told at once, not after hours of training
    token = _CURRENT.set(settings)
    try:
        yield
    finally:
        _CURRENT.reset(token)


def current_executor() -> ExecutorSettings:
    """Return the settings of the executor that per-case work goes to."""
    return _CURRENT.get()
