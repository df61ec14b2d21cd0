"""Whether a Python has all that the background process needs: asked of that Python itself."""

from pathlib import Path

from ActiveSeedLib.errors import ActiveSeedError, CancelledError
from ActiveSeedLib.panel.worker import PanelWorker
from ActiveSeedLib.signals import Signal
from ActiveSeedLib.worker.stream import JobState


class PythonCheck:
    """One check, by a worker of its own.

    Args:
        python: which Python.
        log_folder: where that worker writes its log.

    Attributes:
        changed: emitted when `text` or `busy` has changed.
        text: what it does, then a line for everything that was looked at.
        ok: whether all is there; None until it is known.
        busy: whether it goes on.
    """

    def __init__(self, python: str, log_folder: Path) -> None:
        self.changed = Signal()
        self.text = f"Starting {python}…"
        self.ok: bool | None = None
        self.busy = True
        self._python = python
        self._worker = PanelWorker(log_folder, python)
        self._worker.changed.connect(self._on_changed)
        self._worker.ended.connect(self._on_ended)
        self._worker.run("check")

    def stop(self) -> None:
        """End it; the answer is not wanted any more."""
        self._worker.stop_now()

    def close(self) -> None:
        """End it at once and say no more."""
        self._worker.close(grace=0)

    def _on_changed(self, state: JobState) -> None:
        if state.step and not state.is_over:
            self.text = f"{state.step}…"
            self.changed.emit()

    def _on_ended(self, state: JobState) -> None:
        self.busy = False
        try:
            result = state.outcome()
        except CancelledError:
            self.text = "Stopped."
        except ActiveSeedError as error:
            self.ok, self.text = False, str(error)
        else:
            self.ok = bool(result["ok"])
            self.text = "\n".join(
                [_verdict(self._python, self.ok)]
                + [f"{'✓' if x['ok'] else '✗'} {x['what']}: {x['found']}" for x in result["lines"]]
            )
        self._worker.end()
        self.changed.emit()


def _verdict(python: str, ok: bool) -> str:
    if ok:
        return f"{python} has all that is needed."
    return f"{python} lacks something that is needed (✗):"
