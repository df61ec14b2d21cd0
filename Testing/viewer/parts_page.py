"""The viewer's hub with some parts on a page of their own, served from a thread of this process."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import slicer
from trame.ui.vuetify3 import VAppLayout
from trame.widgets import html
from trame.widgets import vuetify3 as v3

from ActiveSeedLib.app.session import Session
from ActiveSeedLib.viewer.process import ViewerWorker
from ActiveSeedLib.viewer.viewer import Viewer
from ActiveSeedLib.viewer.web.bars import JobBar, NoticeBar
from ActiveSeedLib.viewer.web.server import WebServer
from Testing.host import core

T = TypeVar("T")
PATIENCE = 60  # seconds


class Stage:
    """Where nothing is seen: these tests are about what stands beside the views."""

    def show_case(self, opened: Any) -> None:
        pass

    def let_go(self) -> None:
        pass

    def save_state(self) -> None:
        pass

    def finish_stroke(self) -> None:
        pass


class PartsPage:
    """A project on a page with the parts that `make` returns.

    Args:
        root: the project.
        make: (trame's server, hub) → parts with `build`.
        logs: where the background process writes.

    Attributes:
        parts: what `make` returned.
        viewer: the hub; to be touched in the thread of its event loop only, through `do`.
        link: to open in a browser.
    """

    def __init__(self, root: Path, make: Callable[[Any, Viewer], list[Any]], logs: Path) -> None:
        core.start()
        self._root, self._make, self._logs = root, make, logs
        self._ready = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._ready.wait(PATIENCE), "the server did not start"
        if self._error is not None:
            raise self._error

    def do(self, function: Callable[[], T]) -> T:
        """Call a function in the thread of the event loop and return its result."""

        async def call() -> T:
            return function()

        return self.wait(call())

    def wait(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Let the event loop do something to its end."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(PATIENCE)

    def close(self) -> None:
        self.server.stop()
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()
        slicer.mrmlScene.Clear(0)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # told in the thread of the test
            self._error = error
            self._ready.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.server = WebServer()
        trame = self.server.trame
        session = Session.open(self._root)
        worker = ViewerWorker(log_folder=self._logs)
        self.viewer = Viewer(session, slicer.mrmlScene, worker, Stage())
        bars = [JobBar(trame, self.viewer), NoticeBar(trame, self.viewer)]
        self.parts = self._make(trame, self.viewer)
        with VAppLayout(trame, theme="dark"), v3.VMain():
            for bar in bars:
                bar.build()
            with html.Div(style="width: 380px;"):
                for part in self.parts:
                    part.build()

        def ready(link: str) -> None:
            self.link = link
            self._ready.set()

        try:
            await self.viewer.start()
            await self.server.run(ready)
        finally:
            self.viewer.close()
