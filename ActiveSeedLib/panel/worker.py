"""The panel's background process, through Qt."""

from contextlib import suppress
from pathlib import Path

from ActiveSeedLib.errors import InputError
from ActiveSeedLib.panel.process import PythonProcess
from ActiveSeedLib.panel.python import choose_python, is_foreign, python_environment
from ActiveSeedLib.worker.background import BackgroundWorker


class PanelWorker(BackgroundWorker):
    """Gives jobs to one worker process of Qt, in the Python that the user chose.

    Args:
        log_folder: where the worker writes its logs.
        python: what runs it; None: as `choose_python` says when it is started.
        jobs: other jobs than those of ActiveSeed, as "module:attribute" (for tests).
    """

    def __init__(
        self, log_folder: Path, python: str | None = None, *, jobs: str | None = None
    ) -> None:
        super().__init__(
            log_folder,
            PythonProcess,
            python=python,
            choose_python=choose_python,
            environment=python_environment,
            remedy="choose another Python under Advanced",
            jobs=jobs,
        )

    @property
    def is_foreign(self) -> bool:
        """Whether another Python than Slicer's own runs the worker."""
        with suppress(InputError):
            return is_foreign(self.python)
        return False
