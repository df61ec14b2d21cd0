"""The viewer put together, from the project to the page, and its life from start to end."""

import asyncio
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from ActiveSeedLib.app.session import Session
from ActiveSeedLib.scene.opening import Opened
from ActiveSeedLib.viewer.process import ViewerWorker
from ActiveSeedLib.viewer.viewer import Viewer
from ActiveSeedLib.viewer.web.bars import JobBar, NoticeBar
from ActiveSeedLib.viewer.web.connection import Connection
from ActiveSeedLib.viewer.web.editor import SegmentEditor
from ActiveSeedLib.viewer.web.keys import Keys
from ActiveSeedLib.viewer.web.label_part import LabelPart
from ActiveSeedLib.viewer.web.learn_part import LearnPart
from ActiveSeedLib.viewer.web.map_part import MapPart
from ActiveSeedLib.viewer.web.page import Page
from ActiveSeedLib.viewer.web.queue_part import THUMBNAILS, QueuePart
from ActiveSeedLib.viewer.web.server import WebServer
from ActiveSeedLib.viewer.web.settings_part import SettingsPart
from ActiveSeedLib.viewer.web.views import Views


class App:
    """A project in the browser.

    Args:
        session: the open project; closed at the end.
        server: serves the page.
        log_folder: where the background process writes its logs.
    """

    def __init__(self, session: Session, server: WebServer, log_folder: Path) -> None:
        self.server = server
        trame = server.trame
        self.views = Views(trame)
        self.editor = SegmentEditor(trame, self.views.app)
        worker = ViewerWorker(log_folder=log_folder)
        self.viewer = Viewer(session, self.views.scene, worker, _Stage(self.views, self.editor))
        self.views.touched.connect(self.viewer.desk.touch)
        queue = QueuePart(trame, self.viewer)
        server.add_route(THUMBNAILS, queue.thumbnail)
        parts: dict[str, Any] = {
            "queue": queue,
            "job": JobBar(trame, self.viewer),
            "notice": NoticeBar(trame, self.viewer),
            "label": LabelPart(trame, self.viewer),
            "map": MapPart(trame, self.viewer),
            "learn": LearnPart(trame, self.viewer),
            "settings": SettingsPart(trame, self.viewer),
            "keys": Keys(trame, self._actions()),
            "editor": self.editor,
            "views": self.views,
        }
        self.page = Page(trame, self.viewer, Connection(trame), parts).build()

    async def run(self, ready: Callable[[str], None]) -> None:
        """Serve until Ctrl+C, a signal to end, or `server.stop()`; then keep what was drawn.

        Args:
            ready: called with the link once it can be opened.
        """
        loop = asyncio.get_running_loop()
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):  # the last: the terminal was closed
            # Windows has not all of them, and Ctrl+C comes as KeyboardInterrupt.
            with suppress(NotImplementedError, AttributeError):
                loop.add_signal_handler(getattr(signal, name), self.server.stop)
        try:
            await self.viewer.start()
            await self.server.run(ready)
        finally:
            self.viewer.close()

    def _actions(self) -> dict[str, Callable[..., Any]]:
        """Return what the keys do."""
        return {
            "next": self.viewer.open_next,
            "save": self.viewer.save,
            "save_and_next": self.viewer.save_and_next,
            "uncertainty": self.viewer.toggle_uncertainty,
            "next_slice": self.viewer.next_slice,
            "undo": self.editor.undo,
            "redo": self.editor.redo,
            "tool": self.editor.choose,
            "segment": lambda step: self.editor.step_segment(int(step)),
        }


class _Stage:
    """The slice views and the segment editor as the open case's stage."""

    def __init__(self, views: Views, editor: SegmentEditor) -> None:
        self._views = views
        self._editor = editor
        self.save_state = editor.save_state
        self.finish_stroke = editor.finish

    def show_case(self, opened: Opened) -> None:
        """Show the image in the views, and let its segments be edited."""
        self._views.show(opened.case.volume)
        self._editor.show(opened.case.segmentation, opened.case.volume)

    def let_go(self) -> None:
        """Let go of the nodes."""
        self._editor.clear()
        self._views.clear()
