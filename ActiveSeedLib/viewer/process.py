"""The viewer's background process, beside asyncio's event loop.

Threads read and write its pipes, so it works on every system and with every kind of event loop;
what they bring is told in the loop.
"""

import asyncio
import os
import queue
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from ActiveSeedLib.signals import Signal
from ActiveSeedLib.worker.background import PYTHON_VARIABLE, BackgroundWorker
from ActiveSeedLib.worker.process import end_process, set_apart

PIECE = 1 << 14
"""Bytes read at a time, and about as many handed on at a time: a few milliseconds of work."""
TURN_SECONDS = 0.01
"""The longest that handing on may keep the browser waiting, before the rest of a burst goes on."""
TURN_PAUSE_SECONDS = 0.002
"""Between two turns; small pieces gather meanwhile, and are handed on as one."""
LAST_RESORT_SECONDS = 1.0
PIPES_SECONDS = 1.0
"""For the last bytes after the end; a child that outlives its launcher keeps the pipes open."""


class LoopProcess:
    """One process. Signals come from the event loop, never from within a call of this class.

    To be made and used in the thread of a running event loop; only `end_now` and `wait` also work
    after the loop has ended.

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
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self.said, self.complained, self.ended = Signal(), Signal(), Signal()
        self.pid: int | None = None
        self.exit_code: int | None = None
        self.start_error: str | None = None
        self._command = list(command)
        self._environment = dict(environment)
        self._loop = asyncio.get_running_loop()
        self._process: subprocess.Popen[bytes] | None = None
        self._over = threading.Event()
        self._told = False
        self._pieces: deque[tuple[Signal, bytes]] = deque()
        self._turn: asyncio.TimerHandle | None = None
        self._timers: list[asyncio.TimerHandle] = []
        self._outgoing: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return self._over.is_set()

    def start(self) -> None:
        """Begin."""
        pipe = subprocess.PIPE
        try:
            self._process = subprocess.Popen(
                self._command,
                stdin=pipe,
                stdout=pipe,
                stderr=pipe,
                bufsize=0,
                env=self._environment,
                **set_apart(),
            )
        except OSError as error:
            self.start_error = error.strerror or str(error)
            self._over.set()
            self._wake()
            return
        ears = [
            _thread(self._read, pipe, signal)
            for pipe, signal in (
                (self._process.stdout, self.said),
                (self._process.stderr, self.complained),
            )
        ]
        _thread(self._write_all, self._process.stdin)
        _thread(self._await_end, self._process, ears)

    def write(self, data: bytes) -> None:
        """Send bytes to its standard input; a process that is gone hears nothing."""
        self._outgoing.put(data)

    def end(self, grace: float) -> None:
        """Close its standard input, and end it by force unless it ends within `grace` seconds."""
        if not self.is_over:
            self._outgoing.put(None)
            self._after(grace, self.end_now)

    def end_now(self) -> None:
        """End it by force.

        The pid is trusted only while the process, perhaps a launcher that waits for its child, is
        not over: later the system may have given it to another.
        """
        if self.is_over or self._process is None:
            return
        if self.pid is None:
            self._process.kill()
        else:
            self._after(LAST_RESORT_SECONDS, self._process.kill)
            end_process(self.pid)

    def wait(self, seconds: float) -> bool:
        """Wait for its end, at most `seconds`, and return whether it came; for closing only."""
        return self._over.wait(seconds)

    # -- in threads -------------------------------------------------------------------------------

    def _read(self, pipe: IO[bytes], signal: Signal) -> None:
        with pipe, suppress(OSError):
            while data := pipe.read(PIECE):
                self._pieces.append((signal, data))
                self._wake()

    def _write_all(self, pipe: IO[bytes]) -> None:
        """Write what is to be sent until None is; then the process hears that nothing follows."""
        with suppress(OSError), pipe:
            while (data := self._outgoing.get()) is not None:
                pipe.write(data)

    def _await_end(
        self, process: "subprocess.Popen[bytes]", ears: Sequence[threading.Thread]
    ) -> None:
        self.exit_code = process.wait()
        self._outgoing.put(None)
        stop = time.monotonic() + PIPES_SECONDS
        for ear in ears:
            ear.join(max(0.0, stop - time.monotonic()))
        self._over.set()
        self._wake()

    def _wake(self) -> None:
        with suppress(RuntimeError):  # the loop has ended: nobody listens any more
            self._loop.call_soon_threadsafe(self._take_turn)

    # -- in the event loop ------------------------------------------------------------------------

    def _after(self, seconds: float, call: Callable[[], None]) -> None:
        if not self._loop.is_closed():
            self._timers.append(self._loop.call_later(seconds, call))

    def _take_turn(self) -> None:
        if self._turn is None:
            self._turn = self._loop.call_later(TURN_PAUSE_SECONDS, self._hand_on)

    def _hand_on(self) -> None:
        """Hand on what was said, as much as fits into one turn; tell of the end at last."""
        self._turn = None
        if self._told:
            return
        over = self.is_over  # before the pieces are counted: the last ones came before it
        stop = time.perf_counter() + TURN_SECONDS
        try:
            while self._pieces and time.perf_counter() < stop:
                signal, data = self._next_piece()
                signal.emit(data)
        finally:
            if self._pieces:
                self._take_turn()
            elif over:
                self._told = True
                for timer in self._timers:
                    timer.cancel()
                self._loop.call_soon(self.ended.emit)

    def _next_piece(self) -> tuple[Signal, bytes]:
        """Return what was said in many small writes as one piece."""
        signal, data = self._pieces.popleft()
        pieces, size = [data], len(data)
        while size < PIECE and self._pieces and self._pieces[0][0] is signal:
            pieces.append(self._pieces.popleft()[1])
            size += len(pieces[-1])
        return signal, b"".join(pieces)


class ViewerWorker(BackgroundWorker):
    """Gives jobs to one worker process beside the event loop.

    Args:
        log_folder: where the worker writes its logs.
        python: what runs it; None: the environment variable ACTIVESEED_PYTHON, else the Python
            that runs this.
        jobs: other jobs than those of ActiveSeed, as "module:attribute" (for tests).
    """

    def __init__(
        self, log_folder: Path, python: str | None = None, *, jobs: str | None = None
    ) -> None:
        super().__init__(
            log_folder,
            LoopProcess,
            python=python,
            choose_python=_choose_python,
            environment=_environment,
            remedy=f"name another Python in the environment variable {PYTHON_VARIABLE}",
            jobs=jobs,
        )


def _choose_python() -> str:
    return os.environ.get(PYTHON_VARIABLE) or sys.executable


def _environment(_python: str) -> Mapping[str, str]:
    return os.environ


def _thread(work: Callable[..., None], *arguments: object) -> threading.Thread:
    thread = threading.Thread(target=work, args=arguments, name="worker pipe", daemon=True)
    thread.start()
    return thread
