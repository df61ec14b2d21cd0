"""A Python at work beside the panel, through Qt: what it says, and its end; nothing ever waits."""

import sys
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import qt

from ActiveSeedLib.signals import Signal
from ActiveSeedLib.worker.process import end_process

PIECE = 1 << 16
"""Bytes handed on at a time."""
TURN_SECONDS = 0.01
"""The longest that handing on may keep the user waiting, before the rest of a burst goes on."""
TURN_PAUSE_MS = 2
LAST_RESORT_MS = 1000


class PythonProcess:
    """One process. Signals come from the event loop, never from within a call of this class.

    Keep an ended one until its signals have been delivered: Qt must not lose an object that speaks.

    Args:
        command: program and arguments.
        environment: the whole environment of the process.

    Attributes:
        said: emitted with bytes of standard output.
        complained: emitted with bytes of standard error.
        ended: emitted once, after the last bytes.
        pid: of the Python itself, to be set by whoever learns it: `command` may be a launcher, and
            its child does not die with it.
        exit_code: once it has ended: as the process gave it, negative for a signal; None if it
            never started.
        start_error: why it did not start, in the system's words.
        is_over: whether it has ended.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self.said, self.complained, self.ended = Signal(), Signal(), Signal()
        self.pid: int | None = None
        self.exit_code: int | None = None
        self.start_error: str | None = None
        self.is_over = False
        self._began = False
        self._told = False
        self._pieces: deque[tuple[Signal, bytes]] = deque()
        self._command = list(command)
        variables = qt.QProcessEnvironment()
        for name, value in environment.items():
            variables.insert(name, value)
        self._process: Any = qt.QProcess()
        self._process.setProcessEnvironment(variables)
        self._process.started.connect(self._on_started)
        self._process.readyReadStandardOutput.connect(self._on_output)
        self._process.readyReadStandardError.connect(self._on_errors)
        self._process.finished.connect(self._on_finished)
        self._process.errorOccurred.connect(self._on_error)
        self._turn = self._timer(self._hand_on)
        self._grace = self._timer(self.end_now)
        self._last_resort = self._timer(self._kill_launcher)

    def start(self) -> None:
        """Begin."""
        self._process.start(self._command[0], self._command[1:])

    def write(self, data: bytes) -> None:
        """Send bytes to its standard input; a process that is gone hears nothing."""
        if not self.is_over:
            self._process.write(data)

    def end(self, grace: float) -> None:
        """Close its standard input, and end it by force unless it ends within `grace` seconds."""
        if not self.is_over:
            self._process.closeWriteChannel()
            self._grace.start(int(1000 * grace))

    def end_now(self, *_args: object) -> None:
        """End it by force.

        The pid is trusted only while the process, perhaps a launcher that waits for its child, is
        not over: later the system may have given it to another.
        """
        if self.is_over:
            return
        self._last_resort.start(LAST_RESORT_MS)
        if self.pid is None:
            self._process.kill()
        else:
            end_process(self.pid)

    def wait(self, seconds: float) -> bool:
        """Wait for its end, at most `seconds`, and return whether it came; for closing only."""
        return self.is_over or bool(self._process.waitForFinished(int(1000 * seconds)))

    def _timer(self, slot: Callable[..., None]) -> Any:
        timer = qt.QTimer()
        timer.setSingleShot(True)
        timer.timeout.connect(slot)
        return timer

    def _on_started(self, *_args: object) -> None:
        self._began = True

    def _on_output(self, *_args: object) -> None:
        self._keep(self.said, self._process.readAllStandardOutput().data())

    def _on_errors(self, *_args: object) -> None:
        self._keep(self.complained, self._process.readAllStandardError().data())

    def _on_error(self, *_args: object) -> None:
        if not self._began and not self.is_over:
            self.start_error = str(self._process.errorString())
            self._over()

    def _on_finished(self, *_args: object) -> None:
        self._on_output()
        self._on_errors()
        code = int(self._process.exitCode())
        by_signal = self._process.exitStatus() == qt.QProcess.CrashExit and sys.platform != "win32"
        self.exit_code = -code if by_signal else code
        self._over()

    def _over(self) -> None:
        self.is_over = True
        self._grace.stop()
        self._last_resort.stop()
        self._turn.start(0)

    def _kill_launcher(self, *_args: object) -> None:
        if not self.is_over:
            self._process.kill()

    def _keep(self, signal: Signal, data: bytes) -> None:
        for start in range(0, len(data), PIECE):
            self._pieces.append((signal, data[start : start + PIECE]))
        if self._pieces:
            self._turn.start(0)

    def _hand_on(self, *_args: object) -> None:
        """Hand on what was said, as much as fits into one turn; tell of the end at last."""
        stop = time.perf_counter() + TURN_SECONDS
        while self._pieces and time.perf_counter() < stop:
            signal, data = self._pieces.popleft()
            signal.emit(data)
        if self._pieces:
            self._turn.start(TURN_PAUSE_MS)
        elif self.is_over and not self._told:
            self._told = True
            self.ended.emit()
