"""The questions that come before a label map is saved, answered by clicks."""

import numpy as np

from Testing import host

host.start()

import slicer  # noqa: E402

from ActiveSeedLib.panel.panel import Panel  # noqa: E402
from ActiveSeedLib.project.schema import LabelSchema  # noqa: E402
from Testing.host import pump  # noqa: E402
from Testing.panel.cases import draw, draw_all, on_disk, open_first, session_of, truth  # noqa: E402


def save(panel: Panel) -> None:
    pump.click(panel.label.ui.saveButton)


def test_three_segments_on_the_same_voxels_take_two_answers(panel: Panel) -> None:
    session = session_of(panel)
    session.project.change_schema(LabelSchema.parse("1=liver,2=kidney,3=spleen"))
    key = open_first(panel)
    mask = np.zeros(truth(panel, key).array.shape, bool)
    mask[2:5, 3:6, 3:6] = True
    for value in (1, 2, 3):
        draw(panel, value, mask)
    pump.click(panel.label.ui.saveButton)
    assert panel.bar.actions[:2] == ("liver", "kidney")
    panel.bar.press("kidney")
    assert panel.bar.actions[:2] == ("liver", "spleen")
    panel.bar.press("liver")  # kidney before liver before spleen: nothing is left to ask
    assert "Count as done" in panel.bar.actions, panel.notice_text
    assert np.array_equal(on_disk(panel, key), np.where(mask, 2, 0))


def add_stranger(panel: Panel, name: str = "spleen") -> np.ndarray:
    """Add a segment of the user's with a few voxels; return where they are."""
    case = panel.label.case
    identity = case.segmentation.GetSegmentation().AddEmptySegment("", name, (0.0, 1.0, 0.0))
    mask = np.zeros(slicer.util.arrayFromVolume(case.volume).shape, np.uint8)
    mask[0:2, 0:3, 0:4] = 1
    slicer.util.updateSegmentBinaryLabelmapFromArray(mask, case.segmentation, identity, case.volume)
    return mask > 0


def test_a_segment_of_the_users_own_can_join_the_schema(panel: Panel) -> None:
    key = open_first(panel)
    label = truth(panel, key)
    draw_all(panel, label)
    mask = add_stranger(panel)
    save(panel)
    assert "spleen" in panel.notice_text
    assert not session_of(panel).row(key).labelled
    panel.bar.press("Add to the schema")
    added = session_of(panel).schema.segments[-1]
    assert (added.value, added.name, added.color) == (3, "spleen", "#00ff00")
    assert np.array_equal(on_disk(panel, key), np.where(mask, 3, label.array))


def test_a_segment_of_the_users_own_can_stand_for_a_structure(panel: Panel) -> None:
    key = open_first(panel)
    label = truth(panel, key)
    draw_all(panel, label)
    mask = add_stranger(panel)
    save(panel)
    panel.bar.press("It is…")
    ui = panel.label.ui
    assert not ui.assignFrame.isHidden()
    ui.assignComboBox.setCurrentIndex(1)
    pump.click(ui.assignButton)
    if "Count as done" in panel.bar.actions:
        panel.bar.press("Count as done")
    assert np.array_equal(on_disk(panel, key), np.where(mask, 2, label.array))
    assert ui.assignFrame.isHidden()


def test_a_segment_of_the_users_own_can_be_left_out(panel: Panel) -> None:
    key = open_first(panel)
    label = truth(panel, key)
    draw_all(panel, label)
    add_stranger(panel)
    save(panel)
    panel.bar.press("Leave it out")
    assert np.array_equal(on_disk(panel, key), label.array)
    names = panel.label.case.segmentation.GetSegmentation()
    assert names.GetSegmentIdBySegmentName("spleen"), "the user's segment was deleted"
