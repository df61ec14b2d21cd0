"""When drafts are written: in time, in the pauses, and never twice."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event
from typing import Any

import pytest
import slicer
from hypothesis import given, settings
from hypothesis import strategies as st

from ActiveSeedLib.project.schema import LabelSchema
from ActiveSeedLib.scene.drafting import PATIENCE, PAUSE, POLL, DraftKeeper
from Testing.host import core
from Testing.scene.conftest import PLAIN, Opened

EVERY = 30.0


class Host:
    """Whose drafts are kept; the test tells the time.

    Attributes:
        written: (what was drawn, at what time) for every draft.
        gate: drafts are written only while it is open.
    """

    def __init__(self, segmentation_node: Any) -> None:
        self.now = 1000.0
        self.strokes = self.touches = self.told = 0
        self.written: list[tuple[int, float]] = []
        self.errors: list[str] = []
        self.gate = Event()
        self.gate.set()
        self.is_disk_full = False
        self._segmentation = segmentation_node.GetSegmentation()
        self.keeper = DraftKeeper(
            self._take, self._touched, self._written, self.guarded, EVERY, lambda: self.now
        )
        self.keeper.start(segmentation_node)

    def stroke(self) -> None:
        self.strokes += 1
        self._segmentation.GetNthSegment(0).SetName(f"stroke {self.strokes}")

    def pass_time(self, seconds: float) -> float:
        self.now += seconds
        return self.keeper.poll()

    def wait_for_draft(self) -> None:
        """Poll until the draft under way is written, as long as that takes."""
        count = self.told + len(self.errors)
        while self.told + len(self.errors) == count:
            assert self.keeper.poll() > 0

    @contextmanager
    def guarded(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self.errors.append(str(error))

    def _take(self) -> Callable[[], None]:
        draft = (self.strokes, self.now)

        def write() -> None:
            assert self.gate.wait(60)
            if self.is_disk_full:
                raise OSError("The disk is full.")
            self.written.append(draft)

        return write

    def _touched(self) -> None:
        self.touches += 1

    def _written(self) -> None:
        self.told += 1


@pytest.fixture
def host(scene: Any, schema: LabelSchema) -> Iterator[Host]:
    host = Host(Opened(scene, schema, PLAIN, None).node)
    yield host
    host.gate.set()
    host.keeper.stop()


def test_nothing_is_written_before_its_time_nor_without_a_change(host: Host) -> None:
    assert host.keeper.poll() == pytest.approx(EVERY)
    assert host.pass_time(EVERY) == pytest.approx(EVERY)
    host.stroke()
    assert host.touches == 1
    assert host.keeper.is_changed
    assert host.pass_time(EVERY - 1) == pytest.approx(1)
    assert host.told == 0
    assert host.pass_time(1) == POLL
    host.wait_for_draft()
    assert host.written == [(1, host.now)]
    host.pass_time(EVERY)
    host.pass_time(EVERY)
    assert host.told == 1
    assert host.keeper.is_changed, "a draft is no saved label map"


def test_a_draft_waits_for_a_pause_but_not_forever(host: Host) -> None:
    host.pass_time(EVERY - 1)
    host.stroke()
    assert host.pass_time(1) == PAUSE
    assert host.pass_time(PAUSE) == POLL
    host.wait_for_draft()
    began = host.now
    while host.keeper.poll() != POLL:
        host.stroke()
        host.now += 0.5
    assert host.now - began == pytest.approx(EVERY + PATIENCE, abs=1)


def test_what_is_drawn_while_a_draft_is_written_is_due_again(host: Host) -> None:
    host.gate.clear()
    host.stroke()
    assert host.pass_time(EVERY) == POLL
    assert host.pass_time(POLL) == POLL
    host.stroke()
    host.gate.set()
    host.wait_for_draft()
    host.pass_time(EVERY)
    host.wait_for_draft()
    assert [strokes for strokes, _ in host.written] == [1, 2]


def test_a_draft_that_fails_is_told_and_tried_again(host: Host) -> None:
    host.is_disk_full = True
    host.stroke()
    host.pass_time(EVERY)
    host.wait_for_draft()
    assert host.errors == ["The disk is full."]
    with pytest.raises(OSError, match="full"):
        host.keeper.write_now()
    host.is_disk_full = False
    host.pass_time(EVERY)
    host.wait_for_draft()
    assert [strokes for strokes, _ in host.written] == [1]


def test_write_now_waits_for_the_draft_under_way_and_writes_what_it_lacks(host: Host) -> None:
    host.stroke()
    host.pass_time(EVERY)
    host.stroke()
    host.keeper.write_now()
    host.keeper.write_now()
    assert [strokes for strokes, _ in host.written] == [1, 2]
    assert host.told == 2


def test_nothing_is_due_once_the_label_map_is_saved_or_the_case_is_gone(host: Host) -> None:
    host.stroke()
    host.keeper.saved()
    assert not host.keeper.is_changed
    host.pass_time(EVERY)
    host.stroke()
    host.keeper.stop()
    host.stroke()
    assert host.pass_time(EVERY) == pytest.approx(EVERY)
    assert host.written == []


def test_another_interval_counts_from_now(host: Host) -> None:
    host.stroke()
    host.now += 20
    host.keeper.set_interval(5)
    assert host.keeper.poll() == pytest.approx(5)
    assert host.pass_time(5) == POLL


@settings(max_examples=60)
@given(st.lists(st.floats(0.01, 45.0), min_size=1, max_size=60))
def test_no_stroke_waits_longer_than_it_may(pauses: list[float]) -> None:
    core.start()
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    node.GetSegmentation().AddEmptySegment("one", "one", (1.0, 0.0, 0.0))
    host = Host(node)
    drawn: dict[int, float] = {}
    due = host.now
    for pause in [*pauses, EVERY + PATIENCE + PAUSE]:
        stroke_at = host.now + pause
        while due <= stroke_at:
            host.now = max(host.now, due)
            wait = host.keeper.poll()
            assert wait > 0
            if wait == POLL:
                host.keeper.finish()
            due = host.now + wait
        host.now = stroke_at
        host.stroke()
        drawn[host.strokes] = host.now
    host.keeper.stop()
    slicer.mrmlScene.RemoveNode(node)
    drawn.popitem()  # the last one only lets the time pass
    for stroke, at in drawn.items():
        kept = next(when for strokes, when in host.written if strokes >= stroke)
        assert kept - at <= EVERY + PATIENCE + PAUSE
