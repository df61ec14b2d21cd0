"""What the user sees of the panel where Slicer shows only a part of it, and what stays in place."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from Testing import host

host.start()

import qt  # noqa: E402

from ActiveSeedLib.app.steps import Step  # noqa: E402
from ActiveSeedLib.panel.case_table import FEWEST, MOST  # noqa: E402
from ActiveSeedLib.panel.panel import Panel  # noqa: E402
from ActiveSeedLib.panel.sight import TOOLS  # noqa: E402
from Testing.host import pump  # noqa: E402
from Testing.panel.cases import draw_all, open_first, session_of, settle, truth  # noqa: E402


@pytest.fixture
def area(panel: Panel) -> Iterator[Any]:
    """What scrolls the panel, about as high as Slicer's window leaves it."""
    area = qt.QScrollArea()
    area.setWidgetResizable(True)
    area.setWidget(panel.widget)
    area.resize(470, 640)
    area.show()
    pump.process()
    yield area
    area.takeWidget()
    area.deleteLater()


def top_of(widget: Any, area: Any) -> int:
    """Return how far below the upper edge of what is seen a widget begins."""
    return int(widget.mapTo(area.viewport(), qt.QPoint(0, 0)).y())


def tools_in_sight(panel: Panel, area: Any) -> bool:
    return top_of(panel.label.ui.editorWidget, area) + TOOLS <= area.viewport().height


def test_an_opened_case_brings_the_tools_into_sight_and_they_stay(panel: Panel, area: Any) -> None:
    assert area.verticalScrollBar().value == 0
    key = open_first(panel)
    pump.wait_until(lambda: tools_in_sight(panel, area))
    settle(panel)
    draw_all(panel, truth(panel, key))
    save = panel.label.ui.saveNextButton
    before, scrolled = top_of(save, area), area.verticalScrollBar().value
    pump.click(save)
    assert panel.label.key != key
    settle(panel)
    pump.wait(0.2)
    assert tools_in_sight(panel, area)
    assert top_of(save, area) == before, "the next click would miss it"
    assert area.verticalScrollBar().value == scrolled


def test_a_case_opened_from_far_below_is_seen_too(panel: Panel, area: Any) -> None:
    panel.advanced.widget.collapsed = False
    pump.process()
    area.verticalScrollBar().setValue(area.verticalScrollBar().maximum)
    assert top_of(panel.label.widget, area) < 0
    open_first(panel)
    pump.wait_until(lambda: top_of(panel.label.widget, area) == 0)
    assert tools_in_sight(panel, area)


def test_questions_about_the_open_case_are_asked_right_above_it(panel: Panel, area: Any) -> None:
    layout = panel.widget.layout()
    assert layout.indexOf(panel.ui.noticeFrame) == 0
    open_first(panel)
    pump.wait_until(lambda: tools_in_sight(panel, area))
    pump.click(panel.label.ui.saveButton)  # nothing is drawn
    assert "Count as done" in panel.bar.actions
    settle(panel)
    pump.wait(0.2)
    frame = panel.ui.noticeFrame
    assert layout.indexOf(frame) == layout.indexOf(panel.label.widget) - 1
    assert 0 <= top_of(frame, area) < area.viewport().height - frame.height
    area.verticalScrollBar().setValue(area.verticalScrollBar().maximum)
    pump.click(panel.label.ui.saveButton)
    pump.wait(0.2)
    assert top_of(frame, area) >= 0, "asked again while it was out of sight"
    pump.click(panel.label.ui.closeCaseButton)
    assert layout.indexOf(frame) == 0
    pump.wait_until(lambda: area.verticalScrollBar().value == 0)


def test_the_table_is_as_tall_as_its_rows_within_limits(panel: Panel) -> None:
    table = panel.queue.ui.caseTable
    row = table.verticalHeader().defaultSectionSize

    def rows() -> int:
        return int((table.maximumHeight - table.horizontalHeader().height) // row)

    assert len(panel.queue.table.lines) == 3
    assert rows() == 3
    panel.queue.ui.searchEdit.setText("no such case")
    settle(panel)
    assert rows() == FEWEST
    panel.queue.ui.searchEdit.setText("")
    panel.queue.ui.filterComboBox.setCurrentIndex(4)
    panel.queue.ui.filterComboBox.activated.emit(4)
    settle(panel)
    assert len(panel.queue.table.lines) > MOST
    assert rows() == MOST


def test_images_that_are_gone_can_be_looked_for_at_once(
    panel: Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = session_of(panel)
    images = session.project.images_root
    moved = images.with_name("moved")
    shutil.move(images, moved)
    try:
        pump.click(panel.queue.ui.nextButton)
        assert panel.bar.kind == "error"
        assert panel.bar.actions == ("Images moved…",)
        choose = "ActiveSeedLib.panel.project_page.choosers.folder"
        monkeypatch.setattr(choose, lambda *_: moved)
        panel.bar.press("Images moved…")
        assert panel.is_busy
        assert panel.ui.nextLabel.isHidden(), "what is next is said when it is over"
        pump.wait_until(lambda: not panel.is_busy)
        settle(panel)
        assert not panel.ui.nextLabel.isHidden()
        assert session.project.images_root == moved
        open_first(panel)
    finally:
        shutil.move(moved, images)


def test_what_the_work_began_with_gives_way_to_when_it_was_saved(panel: Panel) -> None:
    key = open_first(panel)
    assert panel.label.ui.sourceLabel.text == "Starting from nothing."
    draw_all(panel, truth(panel, key))
    pump.click(panel.label.ui.saveButton)
    assert panel.label.ui.sourceLabel.text.startswith("Saved at ")


@pytest.mark.parametrize("case_is_open", [False, True])
def test_progress_is_seen_where_it_was_asked_for(
    panel: Panel, area: Any, case_is_open: bool, tmp_path: Path
) -> None:
    """Else the way to Cancel leads up the whole panel, and nothing seems to happen."""
    if case_is_open:
        open_first(panel)
        pump.wait_until(lambda: tools_in_sight(panel, area))
    strip, layout = panel.job.widget, panel.widget.layout()
    for near, section in ((panel.learn, panel.learn), (panel.map, panel.map), (None, panel.queue)):
        area.verticalScrollBar().setValue(0 if near else area.verticalScrollBar().maximum)
        folder = tmp_path / section.NAME
        long = [Step("cohort", {"folder": str(folder), "cases": 500}, "")]
        assert panel.run(long, "Drawing", near=near), panel.notice_text
        assert layout.indexOf(strip) == layout.indexOf(section.widget) - 1
        pump.wait_until(lambda: 0 <= top_of(strip, area) <= area.viewport().height - strip.height)
        assert strip.visible
        panel.cancel()
        pump.wait_until(lambda: not panel.is_busy)
        settle(panel)
