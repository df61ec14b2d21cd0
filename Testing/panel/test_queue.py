"""The queue, clicked through as a user would."""

import time
from pathlib import Path

import pytest

from Testing import host

host.start()

import qt  # noqa: E402
import slicer  # noqa: E402

from ActiveSeedLib.app.queue import (  # noqa: E402
    ALL,
    FILTERS,
    LABELLED,
    SET_ASIDE,
    TEST,
    TITLES,
    TO_LABEL,
)
from ActiveSeedLib.panel.panel import Panel  # noqa: E402
from ActiveSeedLib.pool.case import Case, Geometry, Pool  # noqa: E402
from ActiveSeedLib.project.project import Project  # noqa: E402
from ActiveSeedLib.project.records import Status  # noqa: E402
from ActiveSeedLib.project.schema import LabelSchema  # noqa: E402
from Testing.host import pump  # noqa: E402
from Testing.panel import cases  # noqa: E402
from Testing.panel.cases import queued, session_of, settle  # noqa: E402

MANY = 10_000


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with 10,000 cases whose images are not there."""
    folder = tmp_path_factory.mktemp("crowd")
    (folder / "images").mkdir()
    pool = Pool(
        str(folder / "images"),
        tuple(
            Case(f"{i:032x}", f"case_{i:05d}", f"{i}.nii.gz", "nifti", (), Geometry((8, 8, 8)))
            for i in range(MANY)
        ),
    )
    Project.create(folder / "project", pool, LabelSchema.parse("1=liver")).close()
    return folder / "project"


def choose(panel: Panel, which: int) -> None:
    """Choose a filter, as a user does."""
    box = panel.queue.ui.filterComboBox
    box.setCurrentIndex(which)
    box.activated.emit(which)
    settle(panel)


def names(panel: Panel) -> list[str]:
    """Return the first column, read from the widget itself."""
    table = panel.queue.ui.caseTable
    return [table.item(row, 0).text() for row in range(table.rowCount)]


def column(panel: Panel, number: int) -> list[str]:
    table = panel.queue.ui.caseTable
    return [table.item(row, number).text() for row in range(table.rowCount)]


def select(panel: Panel, key: str) -> None:
    """Select a row as a click does."""
    rows = [line.key for line in panel.queue.table.lines]
    panel.queue.ui.caseTable.selectRow(rows.index(key))
    settle(panel)


def test_the_queue_is_shown_in_its_order_with_the_reason_in_words(panel: Panel) -> None:
    session = session_of(panel)
    order = [f"{at}. {session.row(key).name}" for at, key in enumerate(queued(panel), 1)]
    assert names(panel) == order
    assert column(panel, 1) == ["suggested"] * 3
    select(panel, queued(panel)[1])
    details = panel.queue.ui.detailsLabel
    assert not details.isHidden()
    assert details.text.endswith(cases.REASON.format(1))
    assert panel.queue.ui.caseTable.item(1, 0).toolTip() == details.text


def test_every_case_is_found_by_one_filter_or_all(panel: Panel) -> None:
    session = session_of(panel)
    aside, excluded = queued(panel)[:2]
    session.skip(aside)
    session.exclude(excluded)
    panel.cases_changed()
    counts = {}
    for which in FILTERS:
        choose(panel, which)
        counts[which] = len(names(panel))
    assert counts == {TO_LABEL: 1, LABELLED: 0, SET_ASIDE: 2, TEST: 1, ALL: cases.CASES}
    choose(panel, LABELLED)
    assert "No case is labelled" in panel.queue.ui.emptyLabel.text
    assert not panel.queue.ui.emptyLabel.isHidden()


def test_the_filters_bear_the_names_of_every_front_end(panel: Panel) -> None:
    box = panel.queue.ui.filterComboBox
    assert [box.itemText(at) for at in range(box.count)] == [TITLES[at] for at in range(5)]


def test_the_search_box_finds_names_and_says_if_there_is_none(panel: Panel) -> None:
    choose(panel, ALL)
    wanted = session_of(panel).rows()[-1].name
    panel.queue.ui.searchEdit.setText(wanted.upper())
    settle(panel)
    assert [line.title for line in panel.queue.table.lines] == [wanted]
    panel.queue.ui.searchEdit.setText("elephant")
    settle(panel)
    assert names(panel) == []
    assert "elephant" in panel.queue.ui.emptyLabel.text


def test_open_next_opens_the_first_and_then_the_others_in_turn(panel: Panel) -> None:
    order = queued(panel)
    for key in [*order, order[0]]:
        pump.click(panel.queue.ui.nextButton)
        settle(panel)
        assert panel.label.key == key, panel.notice_text
    assert column(panel, 1) == ["in progress"] * 3
    assert panel.queue.table.key == order[0]
    font = panel.queue.ui.caseTable.item(0, 0).font()
    assert font.bold()


def test_a_double_click_opens_a_case_whatever_its_status(panel: Panel) -> None:
    choose(panel, ALL)
    test_case = next(line.key for line in panel.queue.table.lines if line.status == "test")
    row = [line.key for line in panel.queue.table.lines].index(test_case)
    pump.double_click_row(panel.queue.ui.caseTable, row)
    assert panel.label.key == test_case, panel.notice_text
    assert session_of(panel).row(test_case).status is Status.TEST


def test_ctrl_return_opens_the_next_case_only_while_the_module_is_open(panel: Panel) -> None:
    window = slicer.util.mainWindow()
    window.show()
    panel.exit()
    pump.press(window, "Ctrl+Return")
    assert panel.label.key is None
    panel.enter()
    pump.press(window, "Ctrl+Return")
    assert panel.label.key == queued(panel)[0]


def test_previous_goes_back_step_by_step(panel: Panel) -> None:
    assert not panel.queue.ui.previousButton.enabled
    first, second, third = queued(panel)
    for _ in range(3):
        pump.click(panel.queue.ui.nextButton)
    settle(panel)
    assert panel.label.key == third
    for key in (second, first):
        pump.click(panel.queue.ui.previousButton)
        settle(panel)
        assert panel.label.key == key
    assert not panel.queue.ui.previousButton.enabled


def test_skipped_and_excluded_cases_can_be_brought_back(panel: Panel) -> None:
    ui, session = panel.queue.ui, session_of(panel)
    first, second, _ = queued(panel)
    select(panel, first)
    pump.click(ui.skipButton)
    settle(panel)
    select(panel, second)
    pump.click(ui.excludeButton)
    settle(panel)
    assert len(names(panel)) == 1
    choose(panel, SET_ASIDE)
    assert sorted(column(panel, 1)) == ["excluded", "skipped"]
    for key in (first, second):
        select(panel, key)
        assert ui.queueButton.isHidden()
        pump.click(ui.bringBackButton)
        settle(panel)
    assert [session.row(key).status for key in (first, second)] == [Status.SUGGESTED] * 2
    assert names(panel) == []


def test_skipping_the_open_case_opens_the_next(panel: Panel) -> None:
    first, second, _ = queued(panel)
    pump.click(panel.queue.ui.nextButton)
    settle(panel)
    assert panel.label.key == first
    pump.click(panel.queue.ui.skipButton)
    settle(panel)
    assert panel.label.key == second
    assert session_of(panel).row(first).status is Status.SKIPPED


def test_any_unlabelled_case_can_be_queued_by_hand(panel: Panel) -> None:
    choose(panel, ALL)
    key = next(line.key for line in panel.queue.table.lines if line.status == "unlabelled")
    select(panel, key)
    pump.click(panel.queue.ui.queueButton)
    settle(panel)
    assert queued(panel)[-1] == key
    assert session_of(panel).reason(key) == "Chosen by hand."


def test_the_end_of_the_queue_is_a_friendly_sentence(panel: Panel) -> None:
    session = session_of(panel)
    for key in queued(panel):
        session.skip(key)
    panel.cases_changed()
    settle(panel)
    pump.click(panel.queue.ui.nextButton)
    assert panel.bar.kind == "info"
    assert panel.notice_text.startswith("The queue is empty")
    assert session.what_next().sentence in panel.notice_text
    assert panel.bar.actions == ("Suggest",)
    assert panel.label.key is None


def test_suggest_asks_the_worker_for_as_many_cases_as_the_box_says(panel: Panel) -> None:
    session = session_of(panel)
    for key in queued(panel):
        session.skip(key)
        session.bring_back(key)
        session.project.set_status(key, Status.UNLABELLED)
    panel.cases_changed()
    panel.keep_choices(type(panel.choices)(strategy="random"))
    panel.queue.ui.budgetSpinBox.setValue(2)
    pump.click(panel.queue.ui.suggestButton)
    assert panel.is_busy, panel.notice_text
    assert not panel.queue.ui.suggestButton.enabled
    pump.wait_until(lambda: not panel.is_busy)
    settle(panel)
    assert len(names(panel)) == 2, panel.notice_text
    assert panel.session is session
    assert session.choices().budget == 2
    assert panel.bar.actions == ("Open the first",), panel.notice_text
    panel.bar.press("Open the first")
    assert panel.label.key == queued(panel)[0]


def test_thumbnails_come_for_the_rows_in_view(panel: Panel) -> None:
    session = session_of(panel)
    key = queued(panel)[0]
    picture = qt.QPixmap(64, 64)
    picture.fill(qt.QColor(255, 0, 0))
    path = session.project.thumbnail_path(key)
    path.parent.mkdir(exist_ok=True)
    assert picture.save(str(path))
    panel.cases_changed()
    settle(panel)
    item = panel.queue.ui.caseTable.item(0, 0)
    shown = item.icon().pixmap(qt.QSize(8, 8)).toImage().pixelColor(4, 4)
    assert (shown.red(), shown.green(), shown.blue()) == (255, 0, 0)


def test_ten_thousand_cases_are_shown_found_and_changed(crowd: Path) -> None:
    panel = cases.make_panel()
    with pump.no_errors():
        assert panel.open_project(crowd), panel.notice_text
        began = time.process_time()
        choose(panel, ALL)
        table = panel.queue.ui.caseTable
        assert table.rowCount == MANY
        assert table.item(MANY - 1, 0).text() == f"case_{MANY - 1:05d}"
        panel.queue.ui.searchEdit.setText("case_0999")
        settle(panel)
        assert names(panel) == [f"case_{i:05d}" for i in range(9990, 10000)]
        panel.queue.ui.searchEdit.setText("")
        settle(panel)
        assert table.rowCount == MANY
        session_of(panel).queue_by_hand(f"{MANY // 2:032x}")
        panel.cases_changed()
        settle(panel)
        assert table.item(0, 0).text() == f"1. case_{MANY // 2:05d}"
        assert table.item(MANY // 2 + 1, 0).text() == f"case_{MANY // 2 + 1:05d}"
        assert time.process_time() - began < 30
        cases.close_panel(panel)


def test_a_refresh_touches_only_the_rows_that_changed(panel: Panel) -> None:
    choose(panel, ALL)
    changed = []
    panel.queue.ui.caseTable.itemChanged.connect(changed.append)
    panel.cases_changed()
    settle(panel)
    assert changed == []
    key = queued(panel)[2]
    session_of(panel).add_seconds(key, 90)
    panel.cases_changed()
    settle(panel)
    assert {item.row() for item in changed} == {2}
    assert panel.queue.ui.caseTable.item(2, 2).text() == "1.5"
