"""A case opened, drawn on and saved in the panel, clicked through as a user would."""

import numpy as np

from Testing import host

host.start()

import qt  # noqa: E402
import slicer  # noqa: E402
import vtk  # noqa: E402

from ActiveSeedLib.panel.panel import Panel  # noqa: E402
from ActiveSeedLib.project.records import Status  # noqa: E402
from ActiveSeedLib.scene.overlay import is_uncertainty_visible  # noqa: E402
from ActiveSeedLib.scene.volumes import geometry_of  # noqa: E402
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
    settle,
    truth,
)


def save(panel: Panel) -> None:
    pump.click(panel.label.ui.saveButton)


def case_nodes() -> list[str]:
    """Return the names of the nodes that belong to a case."""
    scene = slicer.mrmlScene
    nodes = [scene.GetNthNode(i) for i in range(scene.GetNumberOfNodes())]
    return [node.GetName() for node in nodes if node.GetAttribute("ActiveSeed.case")]


def background() -> set[str]:
    """Return the names of the volumes that the slice views show."""
    views = slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode")
    shown = [slicer.mrmlScene.GetNodeByID(view.GetBackgroundVolumeID() or "") for view in views]
    return {node.GetName() for node in shown if node is not None}


# -- opening --------------------------------------------------------------------------------------


def test_without_a_case_the_section_says_so(panel: Panel) -> None:
    ui = panel.label.ui
    assert not ui.noCaseLabel.isHidden()
    assert ui.caseWidget.isHidden()
    assert case_nodes() == []


def test_a_case_opens_with_image_empty_segments_and_the_reason(panel: Panel) -> None:
    key = open_first(panel)
    ui, row = panel.label.ui, session_of(panel).row(panel.label.key)
    assert ui.caseLabel.text == row.name
    assert ui.reasonLabel.text == cases.REASON.format(0)
    assert "nothing" in ui.sourceLabel.text
    assert ui.startButton.isHidden()
    assert row.status is Status.IN_PROGRESS
    assert background() == {row.name}
    case = panel.label.case
    editor = ui.editorWidget
    assert editor.enabled
    assert editor.segmentationNode() is case.segmentation
    assert editor.sourceVolumeNode() is case.volume
    node = editor.mrmlSegmentEditorNode()
    assert node.GetOverwriteMode() == node.OverwriteAllSegments
    assert node.GetSingletonTag() == "ActiveSeed"
    names = [case.segmentation.GetSegmentation().GetNthSegment(i).GetName() for i in range(2)]
    assert names == ["liver", "kidney"]
    assert not drawn(panel).any()
    assert geometry_of(case.volume).is_close(truth(panel, key).geometry)


def test_a_prediction_is_the_start_at_its_most_uncertain_slice(panel: Panel) -> None:
    key = queued(panel)[0]
    predicted = add_prediction(panel, key, slice_index=3)
    open_first(panel)
    assert "prediction" in panel.label.ui.sourceLabel.text
    assert np.array_equal(drawn(panel), predicted.array)
    uncertainty = session_of(panel).uncertainty(key)
    assert uncertainty is not None
    case = panel.label.case
    red = slicer.mrmlScene.GetNodeByID("vtkMRMLSliceNodeRed")
    position = np.array(red.GetSliceToRAS().MultiplyPoint((0, 0, 0, 1)))
    matrix = vtk.vtkMatrix4x4()
    case.volume.GetRASToIJKMatrix(matrix)
    ijk = matrix.MultiplyPoint(position)
    assert round(ijk[2 - uncertainty.axis]) == 3


def test_the_overlay_comes_by_the_key_u_and_the_box(panel: Panel) -> None:
    add_prediction(panel, queued(panel)[0])
    open_first(panel)
    window, box = slicer.util.mainWindow(), panel.label.ui.uncertaintyCheckBox
    window.show()
    assert not is_uncertainty_visible(slicer.mrmlScene)
    pump.press(window, "U")
    assert box.checked
    assert is_uncertainty_visible(slicer.mrmlScene)
    pump.click(box)
    assert not is_uncertainty_visible(slicer.mrmlScene)
    panel.exit()
    pump.press(window, "U")
    assert not box.checked


def test_without_a_model_there_is_no_uncertainty_to_show(panel: Panel) -> None:
    open_first(panel)
    assert not panel.label.ui.uncertaintyCheckBox.enabled
    assert not panel.label.ui.uncertainButton.enabled
    pump.press(slicer.util.mainWindow(), "U")
    assert not panel.label.ui.uncertaintyCheckBox.checked


def test_a_case_whose_image_is_gone_leaves_the_open_one_as_it_is(panel: Panel) -> None:
    key = open_first(panel)
    session = session_of(panel)
    other = queued(panel)[1]
    (session.project.images_root / session.project.case(other).case.path).unlink()
    panel.queue.open(other)
    assert panel.bar.kind == "error"
    assert panel.label.key == key
    assert session.row(other).status is Status.SUGGESTED


def test_opening_another_case_removes_every_node_of_the_first(panel: Panel) -> None:
    open_first(panel)
    before = slicer.mrmlScene.GetNumberOfNodes()
    pump.click(panel.queue.ui.nextButton)
    assert slicer.mrmlScene.GetNumberOfNodes() == before
    assert background() == {panel.label.ui.caseLabel.text}


# -- saving ---------------------------------------------------------------------------------------


def test_save_writes_the_label_map_voxel_for_voxel_and_counts_it_as_done(panel: Panel) -> None:
    key = open_first(panel)
    draw_all(panel, truth(panel, key))
    save(panel)
    assert panel.notice_text == f"{session_of(panel).row(key).name} is saved."
    assert session_of(panel).row(key).status is Status.LABELLED
    assert np.array_equal(on_disk(panel, key), truth(panel, key).array)
    assert panel.label.key == key


def test_ctrl_s_saves_the_case_and_not_the_scene(panel: Panel) -> None:
    window = slicer.util.mainWindow()
    window.show()
    panel.exit()
    in_menus = [one for top in window.menuBar().actions() for one in top.menu().actions()]
    (save_scene,) = [one for one in in_menus if one.shortcut == qt.QKeySequence("Ctrl+S")]
    triggered = []
    save_scene.triggered.connect(lambda *_args: triggered.append(1))
    panel.enter()
    key = open_first(panel)
    draw_all(panel, truth(panel, key))
    pump.press(window, "Ctrl+S")
    assert session_of(panel).row(key).status is Status.LABELLED, panel.notice_text
    assert triggered == []
    panel.exit()
    pump.press(window, "Ctrl+S")
    assert triggered == [1]


def test_save_and_next_opens_the_next_case_once_this_one_is_done(panel: Panel) -> None:
    first, second, third = queued(panel)
    open_first(panel)
    draw_all(panel, truth(panel, first))
    pump.click(panel.label.ui.saveNextButton)
    assert panel.label.key == second
    pump.click(panel.label.ui.saveNextButton)  # an empty label map
    assert panel.label.key == second
    panel.bar.press("Count as done")
    assert panel.label.key == third
    assert session_of(panel).row(second).status is Status.LABELLED
    assert not on_disk(panel, second).any()


def test_the_brush_stays_in_hand_from_case_to_case(panel: Panel) -> None:
    editor = panel.label.ui.editorWidget

    def in_hand_after_next(tool: str) -> str | None:
        effect = editor.effectByName(tool) if tool else None
        editor.setActiveEffect(effect)
        pump.click(panel.queue.ui.nextButton)
        left = editor.activeEffect()
        return None if left is None else str(left.name)

    open_first(panel)
    assert in_hand_after_next("Paint") == "Paint"
    assert in_hand_after_next("Threshold") is None, "it would colour a case that was only opened"
    editor.setActiveEffectByName("Erase")
    pump.click(panel.label.ui.closeCaseButton)
    assert editor.activeEffect() is None
    open_first(panel)
    assert editor.activeEffect().name == "Erase"
    panel.exit()
    assert editor.activeEffect() is None, "the mouse is the other module's"
    panel.enter()
    assert in_hand_after_next("") is None


def test_save_and_next_at_the_end_says_what_to_do(panel: Panel) -> None:
    for key in queued(panel):
        panel.queue.open(key)
        draw_all(panel, truth(panel, key))
        pump.click(panel.label.ui.saveNextButton)
    assert panel.notice_text.startswith("The queue is empty."), panel.notice_text
    assert session_of(panel).what_next().sentence in panel.notice_text


def test_a_renamed_reordered_hidden_segment_keeps_its_value(panel: Panel) -> None:
    key = open_first(panel)
    draw_all(panel, truth(panel, key))
    node = panel.label.case.segmentation
    segmentation = node.GetSegmentation()
    segmentation.GetSegment("ActiveSeed_1").SetName("kidney")
    segmentation.GetSegment("ActiveSeed_2").SetName("something else")
    segmentation.ReorderSegments(["ActiveSeed_2", "ActiveSeed_1"])
    node.GetDisplayNode().SetSegmentVisibility("ActiveSeed_1", False)
    save(panel)
    assert np.array_equal(on_disk(panel, key), truth(panel, key).array)


def test_a_missing_structure_is_pointed_out_and_the_user_decides(panel: Panel) -> None:
    key = open_first(panel)
    draw(panel, 1, truth(panel, key).array == 1)
    save(panel)
    row = session_of(panel).row(key)
    assert row.labelled
    assert row.status is Status.IN_PROGRESS
    assert "kidney" in panel.notice_text
    assert panel.bar.actions == ("Count as done", "Go on editing")
    panel.bar.press("Count as done")
    assert session_of(panel).row(key).status is Status.LABELLED
    assert set(np.unique(on_disk(panel, key))) == {0, 1}


def test_what_is_drawn_after_the_question_is_saved_too(panel: Panel) -> None:
    key = open_first(panel)
    whole = truth(panel, key)
    draw(panel, 1, whole.array == 1)
    save(panel)
    draw(panel, 2, whole.array == 2)
    panel.bar.press("Count as done")
    assert np.array_equal(on_disk(panel, key), whole.array)


def test_show_me_jumps_to_a_stray_island_and_the_question_stays(panel: Panel) -> None:
    key = open_first(panel)
    label = truth(panel, key)
    stray = label.array == 1
    stray[0, 0, 0] = True
    draw_all(panel, label)
    draw(panel, 1, stray)
    save(panel)
    assert "Show me" in panel.bar.actions, panel.notice_text
    panel.bar.press("Show me")
    assert "Count as done" in panel.bar.actions
    matrix = vtk.vtkMatrix4x4()
    panel.label.case.volume.GetIJKToRASMatrix(matrix)
    position = np.array(matrix.MultiplyPoint((0, 0, 0, 1)))[:3]
    for name in ("Red", "Green", "Yellow"):
        view = slicer.mrmlScene.GetNodeByID(f"vtkMRMLSliceNode{name}")
        to_slice = np.linalg.inv(slicer.util.arrayFromVTKMatrix(view.GetSliceToRAS()))
        assert abs((to_slice @ np.append(position, 1))[2]) < 1e-3, name


def test_overlapping_segments_are_asked_about_and_never_flattened(panel: Panel) -> None:
    key = open_first(panel)
    label = truth(panel, key)
    draw_all(panel, label)
    both = np.zeros(label.array.shape, bool)
    both[tuple(np.argwhere(label.array == 2)[0])] = True
    draw(panel, 1, (label.array == 1) | both)
    save(panel)
    assert "overlap in one voxel" in panel.notice_text
    assert panel.bar.actions == ("liver", "kidney", "Go on editing")
    assert not session_of(panel).row(key).labelled
    panel.bar.press("liver")
    assert np.array_equal(on_disk(panel, key), np.where(both, 1, label.array))
    save(panel)
    panel.bar.press("kidney")
    assert np.array_equal(on_disk(panel, key), label.array)
    save(panel)
    panel.bar.press("Go on editing")
    assert np.array_equal(on_disk(panel, key), label.array)


def test_saving_keeps_undo_and_the_segments(panel: Panel) -> None:
    key = open_first(panel)
    label = truth(panel, key)
    editor = panel.label.ui.editorWidget
    editor.saveStateForUndo()
    draw_all(panel, label)
    save(panel)
    assert np.array_equal(drawn(panel), label.array)
    editor.undo()
    assert not drawn(panel).any()
    editor.redo()
    assert np.array_equal(drawn(panel), label.array)


def test_a_message_about_another_case_does_nothing_any_more(panel: Panel) -> None:
    second = queued(panel)[1]
    open_first(panel)
    save(panel)
    title, action = "Count as done", panel.bar._actions[0][1]
    assert panel.bar.actions[0] == title
    panel.queue.open(second)
    assert panel.notice_text == ""
    action()
    assert not session_of(panel).row(second).labelled


def test_a_labelled_case_can_be_opened_and_changed_and_the_old_map_is_kept(panel: Panel) -> None:
    key = open_first(panel)
    label = truth(panel, key)
    draw_all(panel, label)
    save(panel)
    panel.label.leave()
    panel.queue.open(key)
    assert "saved" in panel.label.ui.sourceLabel.text
    assert np.array_equal(drawn(panel), label.array)
    assert session_of(panel).row(key).status is Status.LABELLED
    changed = label.array.copy()
    changed[label.array == 2] = 0
    changed[tuple(np.argwhere(label.array == 2)[-1])] = 2
    draw(panel, 2, changed == 2)
    save(panel)
    assert np.array_equal(on_disk(panel, key), changed)
    versions = session_of(panel).project.label_versions(key)
    assert len(versions) == 2
    assert versions[0].path is not None


# -- a new model ----------------------------------------------------------------------------------


def test_a_new_model_offers_its_prediction_and_undo_brings_the_work_back(panel: Panel) -> None:
    key = open_first(panel)
    button = panel.label.ui.predictionButton
    assert button.isHidden()
    mine = truth(panel, key).array == 1
    draw(panel, 1, mine)
    predicted = add_prediction(panel, key)
    panel.cases_changed()
    settle(panel)
    assert np.array_equal(drawn(panel) == 1, mine), "the work was replaced unasked"
    assert not button.isHidden()
    pump.click(button)
    assert np.array_equal(drawn(panel), predicted.array)
    assert button.isHidden()
    assert panel.label.ui.uncertaintyCheckBox.enabled
    panel.label.ui.editorWidget.undo()
    assert np.array_equal(drawn(panel) == 1, mine)
    settle(panel)
