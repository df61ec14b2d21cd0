"""Steps one after another in the worker, as a front end follows them."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from ActiveSeedLib.app.steps import Step
from ActiveSeedLib.errors import ActiveSeedError, CancelledError
from ActiveSeedLib.signals import Signal
from ActiveSeedLib.worker.stream import JobState


class Worker(Protocol):
    """What carries out one job after another; see `worker.background.BackgroundWorker`."""

    changed: Signal
    ended: Signal

    def run(self, job: str, params: Mapping[str, Any]) -> JobState:
        """Ask for one job; return its state, kept up to date."""

    def cancel(self) -> None:
        """Ask that every job stops; `ended` tells when one has."""

    def close(self, grace: float) -> None:
        """End everything within `grace` seconds, without another word."""


class StepRunner:
    """Runs a list of steps; the first one that fails or is cancelled ends the whole.

    Attributes:
        changed: emitted with the `JobState` of the step that runs, whenever it changes.
        advanced: emitted when a step is done and another begins.
        ended: emitted with None when all steps are done, else with the error that ended them
            (`CancelledError` if the user did).
        state: the step that runs, or None.
        title: what is being done, in words; empty when nothing is.
        results: what each finished step of the latest run returned, by job.
    """

    def __init__(self, worker: Worker) -> None:
        self.changed, self.advanced, self.ended = Signal(), Signal(), Signal()
        self.state: JobState | None = None
        self.title = ""
        self.results: dict[str, dict[str, Any]] = {}
        self._worker = worker
        self._whole = ""
        self._waiting: list[Step] = []
        self._count = 0
        worker.changed.connect(self._on_changed)
        worker.ended.connect(self._on_ended)

    def run(self, steps: Sequence[Step], title: str) -> None:
        """Begin with the first of `steps`; `title` says in words what the whole is."""
        self.results, self._whole = {}, title
        self._waiting, self._count = list(steps), len(steps)
        self._next()

    def cancel(self) -> None:
        """Ask the worker to stop; `ended` tells when it has."""
        self._waiting = []
        self._worker.cancel()

    def forget(self) -> None:
        """End what runs at once, without another word; what was saved is kept."""
        if self.state is not None:
            self._rest()
            self._worker.close(grace=0)

    def _next(self) -> None:
        step = self._waiting.pop(0)
        number = self._count - len(self._waiting)
        which = f" ({number} of {self._count}: {step.title})" if self._count > 1 else ""
        self.title = f"{self._whole}{which}"
        try:
            self.state = self._worker.run(step.job, step.params)
        except ActiveSeedError as error:
            self._end(error)
        else:
            self.changed.emit(self.state)

    def _on_changed(self, state: JobState) -> None:
        if state is self.state:
            self.changed.emit(state)

    def _on_ended(self, state: JobState) -> None:
        if state is not self.state:
            return
        try:
            self.results[state.job] = state.outcome()
        except (ActiveSeedError, CancelledError) as error:
            self._end(error)
            return
        if self._waiting:
            self.advanced.emit()
            self._next()
        else:
            self._end(None)

    def _end(self, error: Exception | None) -> None:
        self._rest()
        self.ended.emit(error)

    def _rest(self) -> None:
        self.state, self.title, self._waiting = None, "", []
