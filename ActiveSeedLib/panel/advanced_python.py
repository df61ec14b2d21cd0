"""Which Python runs the background process: shown, chosen, and checked in one click."""

import os
import shutil
from typing import TYPE_CHECKING, Any

from ActiveSeedLib.errors import InputError
from ActiveSeedLib.panel import choosers
from ActiveSeedLib.panel.python import keep_python, kept_python, own_python
from ActiveSeedLib.panel.python_check import PythonCheck
from ActiveSeedLib.worker.background import PYTHON_VARIABLE

if TYPE_CHECKING:
    from ActiveSeedLib.panel.panel import Panel


class PythonBox:
    """A path, and what its check said."""

    def __init__(self, panel: "Panel", ui: Any) -> None:
        self._panel, self._ui = panel, ui
        self._check: PythonCheck | None = None
        self._past: PythonCheck | None = None  # it may still speak
        self._closed = False
        ui.pythonEdit.editingFinished.connect(self.apply)
        ui.browseButton.clicked.connect(self.browse)
        ui.checkButton.clicked.connect(self.check)
        self.show()

    def show(self) -> None:
        """Show what is chosen."""
        imposed = os.environ.get(PYTHON_VARIABLE, "")
        self._ui.pythonEdit.setText(imposed or kept_python())
        self._ui.pythonEdit.setPlaceholderText(own_python() or "none was found")
        self._ui.pythonEdit.setEnabled(not imposed)
        self._ui.browseButton.setEnabled(not imposed)
        if imposed:
            self._say(f"Set by the environment variable {PYTHON_VARIABLE}.")
        elif self._check is None:
            self._say("")

    def set_enabled(self, enabled: bool) -> None:
        """Let nobody change the Python under a job."""
        free = enabled and not os.environ.get(PYTHON_VARIABLE)
        self._ui.pythonEdit.setEnabled(free)
        self._ui.browseButton.setEnabled(free)

    def apply(self, *_args: Any) -> None:
        """Take over what was typed; what is no program is refused, and stays to be corrected."""
        if self._closed:  # a field that had the focus says so when it is deleted
            return
        path = str(self._ui.pythonEdit.text).strip()
        if os.environ.get(PYTHON_VARIABLE) or path == kept_python():
            return
        with self._panel.guarded():
            if path and shutil.which(path) is None:
                raise InputError(
                    f"{path} is not a program that can be started: choose a Python, such as "
                    "/home/me/venv/bin/python, or leave the field empty for Slicer's own."
                )
            keep_python(path)
            self._panel.worker.python = None  # as it is chosen now
            self._say("")
            self._panel.setup.refresh()

    def browse(self, *_args: Any) -> None:
        """Let the user choose the program."""
        found = choosers.file(self._ui.pythonEdit, "Python of the background process")
        if found is not None:
            self._ui.pythonEdit.setText(str(found))
            self.apply()

    def check(self, *_args: Any) -> None:
        """Start the Python and ask it what it has; a second click stops that."""
        if self._check is not None:
            self._check.stop()
            return
        self.apply()
        with self._panel.guarded():
            worker = self._panel.worker
            self._check = PythonCheck(worker.python, worker.log_folder)
            self._check.changed.connect(self._on_changed)
            self._on_changed()

    def close(self) -> None:
        """Stop a check that goes on, and change nothing any more."""
        self._closed = True
        if self._check is not None:
            self._check.close()
            self._check = None

    def _on_changed(self) -> None:
        assert self._check is not None
        self._say(self._check.text)
        self._ui.checkButton.setText("Stop" if self._check.busy else "Check")
        if not self._check.busy:
            self._past, self._check = self._check, None
            self._panel.setup.refresh()

    def _say(self, text: str) -> None:
        self._ui.checkLabel.setText(text)
        self._ui.checkLabel.setVisible(bool(text))
