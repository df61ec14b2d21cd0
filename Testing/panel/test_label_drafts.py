"""What was not saved is never lost: drafts, scenes that close, nodes that go; and the time."""

import os
from pathlib import Path

import numpy as np
import pytest

from Testing import host

host.start()

import qt  # noqa: E402
import slicer  # noqa: E402

from ActiveSeedLib.panel.panel import Panel  # noqa: E402
from ActiveSeedLib.project.records import Status  # noqa: E402
from Testing.host import pump  # noqa: E402
from Testing.panel import cases  # noqa: E402
from Testing.panel.cases import (  # noqa: E402
    add_prediction,
    draw,
    draw_all,
    drawn,
    on_disk,
    open_first,
    queued,
    session_of,
    truth,
)


def open_and_draw(panel: Panel) -> tuple[str, np.ndarray]:
    """Open the first case and draw a part of it; return its key and what is drawn."""
    key = open_first(panel)
    part = np.where(truth(panel, key).array == 1, 1, 0)
    draw(panel, 1, part == 1)
    return key, part


def reopen(panel: Panel, key: str) -> None:
    panel.queue.open(key)
    pump.process()
    assert panel.label.key == key, panel.notice_text


def check_brought_back(panel: Panel, key: str, part: np.ndarray) -> None:
    reopen(panel, key)
    assert "brought back" in panel.label.ui.sourceLabel.text
    assert np.array_equal(drawn(panel), part)


def no_case_is_open(panel: Panel) -> None:
    assert panel.label.key is None
    assert not panel.label.ui.noCaseLabel.isHidden()
    assert panel.label.ui.caseWidget.isHidden()
    assert not panel.label.ui.editorWidget.enabled
    assert panel.label.ui.editorWidget.segmentationNode() is None
    scene = slicer.mrmlScene
    nodes = [scene.GetNthNode(i) for i in range(scene.GetNumberOfNodes())]
    assert [one.GetName() for one in nodes if one.GetAttribute("ActiveSeed.case")] == []


# -- what writes a draft --------------------------------------------------------------------------


def test_opening_another_case_keeps_the_work_as_a_draft(panel: Panel) -> None:
    key, part = open_and_draw(panel)
    pump.click(panel.queue.ui.nextButton)
    assert panel.label.key != key
    check_brought_back(panel, key, part)


def test_a_case_that_was_only_looked_at_leaves_no_draft(panel: Panel) -> None:
    key = open_first(panel)
    pump.click(panel.queue.ui.nextButton)
    assert not session_of(panel).has_draft(key)


def test_leaving_the_module_keeps_a_draft(panel: Panel) -> None:
    key, _ = open_and_draw(panel)
    panel.exit()
    assert session_of(panel).has_draft(key)
    assert panel.label.key == key
    panel.enter()


def test_closing_the_project_and_the_panel_keeps_a_draft(panel: Panel) -> None:
    key, part = open_and_draw(panel)
    root = session_of(panel).root
    panel.close_project()
    no_case_is_open(panel)
    assert panel.open_project(root), panel.notice_text
    assert panel.label.key == key
    assert np.array_equal(drawn(panel), part)
    draw(panel, 1, np.zeros_like(part, bool))
    panel.close()
    other = cases.make_panel()
    assert other.open_project(root), other.notice_text
    assert other.label.key == key
    assert not drawn(other).any()
    cases.close_panel(other)


def test_drafts_are_written_by_the_clock_and_only_after_changes(panel: Panel) -> None:
    panel.label.autosave.set_minutes(0.002)
    key = open_first(panel)
    pump.wait(0.4)
    assert not session_of(panel).has_draft(key)
    draw(panel, 1, truth(panel, key).array == 1)
    pump.wait_until(lambda: session_of(panel).has_draft(key))
    pump.wait_until(lambda: panel.label.ui.draftLabel.text.startswith("Draft kept at "))
    path = session_of(panel).draft_path(key)
    os.utime(path, (0, 0))
    pump.wait(0.4)
    assert path.stat().st_mtime == 0, "written again without a change"


def test_the_interval_is_the_users_choice_and_stays(panel: Panel) -> None:
    panel.label.ui.draftMinutesSpinBox.setValue(7)
    pump.process()
    assert float(qt.QSettings().value("ActiveSeed/DraftMinutes")) == 7


def test_a_draft_that_cannot_be_written_keeps_the_case_open(panel: Panel) -> None:
    key, part = open_and_draw(panel)
    session = session_of(panel)
    folder = session.draft_path(key).parent
    if folder.is_dir():
        folder.rmdir()
    folder.write_text("in the way")
    pump.click(panel.queue.ui.nextButton)
    assert panel.bar.kind == "error"
    assert panel.label.key == key
    panel.label.autosave.set_minutes(0.002)
    panel.clear_notice()
    draw(panel, 1, part == 1)
    pump.wait_until(lambda: panel.bar.kind == "error" and panel.notice_text)
    panel.label.autosave.set_minutes(3)
    folder.unlink()
    pump.click(panel.queue.ui.nextButton)
    assert panel.label.key != key
    check_brought_back(panel, key, part)


def test_a_case_can_be_left_by_force_when_nothing_can_be_written(panel: Panel) -> None:
    key, _ = open_and_draw(panel)
    folder = session_of(panel).draft_path(key).parent
    if folder.is_dir():
        folder.rmdir()
    folder.write_text("in the way")
    panel.label.leave(force=True)
    assert panel.bar.kind == "error"
    no_case_is_open(panel)


# -- what removes or replaces it ------------------------------------------------------------------


def test_saving_removes_the_draft(panel: Panel) -> None:
    key, _ = open_and_draw(panel)
    panel.exit()
    panel.enter()
    assert session_of(panel).has_draft(key)
    draw_all(panel, truth(panel, key))
    pump.click(panel.label.ui.saveButton)
    assert not session_of(panel).has_draft(key)
    panel.label.leave()
    assert not session_of(panel).has_draft(key), "saved work became a draft"
    reopen(panel, key)
    assert "saved" in panel.label.ui.sourceLabel.text


def test_a_draft_can_be_given_up_for_the_prediction(panel: Panel) -> None:
    predicted = add_prediction(panel, queued(panel)[0])
    key, part = open_and_draw(panel)
    panel.label.leave()
    check_brought_back(panel, key, np.where(predicted.array == 2, 2, part))
    button = panel.label.ui.startButton
    assert button.text == "Start from the prediction instead"
    pump.click(button)
    assert np.array_equal(drawn(panel), predicted.array)
    assert button.isHidden()
    panel.label.leave()
    assert not session_of(panel).has_draft(key)


def test_giving_up_a_draft_can_be_undone(panel: Panel) -> None:
    key = open_first(panel)
    draw_all(panel, truth(panel, key))
    pump.click(panel.label.ui.saveButton)
    part = np.where(truth(panel, key).array == 1, 1, 0)
    draw(panel, 2, np.zeros_like(part, bool))
    panel.label.leave()
    check_brought_back(panel, key, part)
    assert panel.label.ui.startButton.text == "Start from the saved label map instead"
    pump.click(panel.label.ui.startButton)
    assert np.array_equal(drawn(panel), on_disk(panel, key))
    panel.label.ui.editorWidget.undo()
    assert np.array_equal(drawn(panel), part)
    panel.label.leave()
    check_brought_back(panel, key, part)


def test_a_damaged_draft_is_told_and_the_case_opens_all_the_same(panel: Panel) -> None:
    key, _ = open_and_draw(panel)
    panel.label.leave()
    session_of(panel).draft_path(key).write_bytes(b"no segmentation")
    reopen(panel, key)
    assert "draft" in panel.notice_text
    assert not drawn(panel).any()


def test_a_damaged_label_map_is_told_and_can_be_drawn_anew(panel: Panel) -> None:
    key = open_first(panel)
    draw_all(panel, truth(panel, key))
    pump.click(panel.label.ui.saveButton)
    panel.label.leave()
    path = session_of(panel).project.label_path(key)
    path.write_bytes(path.read_bytes()[:40])
    reopen(panel, key)
    assert path.name in panel.notice_text
    assert not drawn(panel).any()


# -- what goes from under it ----------------------------------------------------------------------


def test_closing_the_scene_keeps_the_work_and_the_queue_goes_on(panel: Panel) -> None:
    key, part = open_and_draw(panel)
    slicer.mrmlScene.Clear(0)
    pump.wait(0.1)
    no_case_is_open(panel)
    assert session_of(panel).has_draft(key)
    check_brought_back(panel, key, part)
    node = panel.label.ui.editorWidget.mrmlSegmentEditorNode()
    assert node.GetScene() is slicer.mrmlScene
    assert node.GetOverwriteMode() == node.OverwriteAllSegments
    draw_all(panel, truth(panel, key))
    pump.click(panel.label.ui.saveButton)
    assert session_of(panel).row(key).status is Status.LABELLED


@pytest.mark.parametrize("node", ["volume", "segmentation"])
def test_deleting_a_node_closes_the_case_and_keeps_the_work(panel: Panel, node: str) -> None:
    key, part = open_and_draw(panel)
    slicer.mrmlScene.RemoveNode(getattr(panel.label.case, node))
    pump.wait(0.1)
    no_case_is_open(panel)
    assert session_of(panel).row(key).status is Status.IN_PROGRESS
    check_brought_back(panel, key, part)


def test_without_a_main_window_cases_are_labelled_all_the_same(
    archive: Path, tmp_path: Path
) -> None:
    with pump.no_main_window():
        panel = cases.make_panel()
        assert panel.open_project(cases.copy_of(archive, tmp_path)), panel.notice_text
        key = open_first(panel)
        draw_all(panel, truth(panel, key))
        pump.click(panel.label.ui.saveButton)
        assert session_of(panel).row(key).status is Status.LABELLED
        cases.close_panel(panel)


# -- the time spent -------------------------------------------------------------------------------


class Now:
    """A clock whose time the test tells."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def test_only_the_time_of_work_counts(panel: Panel) -> None:
    now = Now()
    panel.label.clock._now = now
    key = open_first(panel)
    now.seconds += 30
    draw(panel, 1, truth(panel, key).array == 1)
    now.seconds += 600  # lunch
    view = slicer.mrmlScene.GetNodeByID("vtkMRMLSliceNodeRed")
    view.SetSliceOffset(view.GetSliceOffset() + 5)
    now.seconds += 20
    view.SetSliceOffset(view.GetSliceOffset() + 5)
    panel.exit()
    now.seconds += 40
    view.SetSliceOffset(view.GetSliceOffset() - 5)  # in another module
    assert session_of(panel).row(key).seconds == pytest.approx(50)
    draw(panel, 1, truth(panel, key).array > 0)  # there too, but it is work
    now.seconds += 7
    draw(panel, 1, truth(panel, key).array == 1)
    panel.label.leave()
    assert session_of(panel).row(key).seconds == pytest.approx(57)


def test_the_time_is_kept_when_saving_and_added_once(panel: Panel) -> None:
    now = Now()
    panel.label.clock._now = now
    key = open_first(panel)
    now.seconds += 30
    draw_all(panel, truth(panel, key))
    pump.click(panel.label.ui.saveButton)
    assert session_of(panel).row(key).seconds == pytest.approx(30)
    now.seconds += 10
    panel.label.leave()
    assert session_of(panel).row(key).seconds == pytest.approx(40)
