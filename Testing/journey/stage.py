"""Where a journey plays: waits, clicks and pictures, the same in Slicer and in the stand-in."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import qt
import slicer

STEP = 0.005  # s between two looks, so that waiting takes no core from the worker


class Stage:
    """One journey's place: a folder for its files, and the pictures it takes.

    Args:
        pictures: where pictures go.
        name: of the journey; starts the name of each picture.
        folder: for projects and images.
        workers: process ids of the background processes seen are added here.
    """

    def __init__(self, pictures: Path, name: str, folder: Path, workers: list[int]) -> None:
        self.folder = folder
        self.longest = 0.0
        self.workers = workers
        self._pictures, self._name = pictures, name
        self._taken = 0
        limit = float(os.environ.get("ACTIVESEED_TEST_SECONDS", "3600"))
        self._deadline = time.monotonic() + limit

    def playing(self, journey: Callable[["Stage"], None]) -> Callable[[], None]:
        """Return a function that plays the journey from an empty scene to a closed project."""

        def play() -> None:
            self.folder.mkdir(parents=True, exist_ok=True)
            slicer.mrmlScene.Clear(0)
            if (window := slicer.util.mainWindow()) is not None:
                window.resize(1600, 980)
            try:
                journey(self)
            except BaseException:
                self.picture("failed")
                raise
            finally:
                if (panel := self.panel_or_none()) is not None:
                    panel.close_project()

        return play

    @property
    def panel(self) -> Any:
        """The panel, after opening the module."""
        slicer.util.selectModule("ActiveSeed")
        panel = self.panel_or_none()
        assert panel is not None, "the module has no panel"
        return panel

    def panel_or_none(self) -> Any:
        """Return the panel as it is; None without one."""
        return slicer.util.getModuleWidget("ActiveSeed").panel

    def settle(self, seconds: float = 0.2) -> None:
        """Let the events of some time happen."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._process()

    def wait(self, condition: Callable[[], object], what: str, seconds: float = 120.0) -> None:
        """Let events happen until `condition` holds; fail with `what` after `seconds`."""
        end = min(time.monotonic() + seconds, self._deadline)
        while not condition():
            assert time.monotonic() < end, f"waited in vain for {what}; {self._said()}"
            self._process()
        self._process()

    def wait_for_job(self, seconds: float = 600.0) -> None:
        """Wait until the background process has done what it was asked; note its process id."""
        panel = self.panel_or_none()
        pid = None

        def idle() -> bool:
            nonlocal pid
            pid = panel.worker.pid or pid
            return not panel.is_busy

        self.wait(idle, f"the end of {panel.job_title or 'the job'}", seconds)
        if pid is not None and pid not in self.workers:
            self.workers.append(pid)
        assert panel.bar.kind != "error" or not panel.notice_text, panel.notice_text

    def click(self, button: Any) -> None:
        """Click a button that a user could click."""
        name = button.objectName
        assert button.enabled, f"{name} is not enabled; {self._said()}"
        button.click()
        self._process()

    def press(self, title: str) -> None:
        """Press the button of the message on top."""
        bar = self.panel_or_none().bar
        assert title in bar.actions, f"no button {title!r} in {bar.actions}; {self._said()}"
        bar.press(title)
        self._process()

    def picture(self, what: str) -> Path:
        """Take a picture of the main window, or of the panel if there is none."""
        self.settle(0.3)
        window = slicer.util.mainWindow()
        panel = self.panel_or_none()
        widget = window if window is not None else panel.widget
        self._taken += 1
        path = self._pictures / f"{self._name}-{self._taken:02d}-{what}.png"
        assert widget.grab().save(str(path)), path
        return path

    def _process(self) -> None:
        started = time.perf_counter()
        qt.QApplication.processEvents()
        self.longest = max(self.longest, time.perf_counter() - started)
        time.sleep(STEP)

    def _said(self) -> str:
        panel = self.panel_or_none()
        text = panel.notice_text if panel is not None else ""
        return f"the panel says: {text}" if text else "the panel says nothing"
