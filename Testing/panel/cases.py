"""A small project whose cases are opened, drawn on and saved; and what a user does to them."""

from typing import Any

import qt
import slicer
from numpy.typing import NDArray

from ActiveSeedLib.app.session import Session
from ActiveSeedLib.panel.panel import Panel
from ActiveSeedLib.pool.case import Image
from Testing import labelling
from Testing.conftest import PROJECT
from Testing.host import pump
from Testing.labelling import CASES as CASES
from Testing.labelling import REASON as REASON
from Testing.labelling import copy_of as copy_of
from Testing.labelling import make_archive as make_archive


def make_panel() -> Panel:
    """Return a panel in an empty scene, without a project."""
    qt.QSettings().clear()
    slicer.mrmlScene.Clear(0)
    panel = Panel(PROJECT / "ActiveSeed/Resources")
    panel.widget.resize(450, 1400)
    panel.widget.show()
    panel.enter()
    pump.process()
    return panel


def close_panel(panel: Panel) -> None:
    panel.exit()
    panel.close()
    panel.widget.deleteLater()
    slicer.mrmlScene.Clear(0)
    pump.process()


def settle(panel: Panel) -> None:
    """Wait until the panel shows what it should."""
    pump.wait_until(lambda: panel.is_up_to_date)


def open_first(panel: Panel) -> str:
    """Open the next case of the queue and return its key."""
    pump.click(panel.queue.ui.nextButton)
    assert panel.label.key is not None, panel.notice_text
    return panel.label.key


def session_of(panel: Panel) -> Session:
    assert panel.session is not None, panel.notice_text
    return panel.session


def queued(panel: Panel) -> list[str]:
    """Return the keys of the queue, in order."""
    return labelling.queue_of(session_of(panel))


def truth(panel: Panel, key: str) -> Image:
    """Return the label map of a case as an annotator would draw it."""
    return labelling.truth_of(session_of(panel), key)


def add_prediction(panel: Panel, key: str, slice_index: int = 3) -> Image:
    """Let a new model predict the case's true label map, moved by one voxel; return that."""
    return labelling.predict(session_of(panel), key, slice_index)


def draw(panel: Panel, value: int, mask: NDArray[Any]) -> None:
    """Let the segment of a value hold a mask (KJI), as if it were painted."""
    labelling.draw_segment(panel.label.case, value, mask)
    pump.process()


def draw_all(panel: Panel, label: Image) -> None:
    for segment in session_of(panel).schema.segments:
        draw(panel, segment.value, label.array == segment.value)


def drawn(panel: Panel) -> NDArray[Any]:
    """Return what the segments of the open case hold, as one array of the schema's values."""
    return labelling.drawn_on(panel.label.case, session_of(panel).schema)


def on_disk(panel: Panel, key: str) -> NDArray[Any]:
    return labelling.saved_of(session_of(panel), key)
