"""Moves that several journeys are made of."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import slicer
import vtk
from stage import Stage

from ActiveSeedLib.app.steps import Step
from ActiveSeedLib.pool.case import Image
from ActiveSeedLib.pool.readers import read_label
from ActiveSeedLib.project.records import Status


def wait_for_jobs(stage: Stage) -> None:
    """Wait until nothing runs, also not what the end of one job begins."""
    panel = stage.panel_or_none()
    stage.wait_for_job()
    stage.settle(0.3)
    while panel.is_busy:
        stage.wait_for_job()
        stage.settle(0.3)


def create(
    stage: Stage,
    images: Path,
    names: tuple[str, ...] = ("liver", "kidney"),
    picture: bool = True,
    slices: bool = False,
) -> Path:
    panel = stage.panel
    ui = panel.project.ui
    panel.project.begin(images)
    table = panel.project.form.table
    for row, name in enumerate(names):
        if row >= table.table.rowCount:
            stage.click(table.ui.addSegmentButton)
        table.table.item(row, 2).setText(name)
    table.table.setCurrentCell(-1, -1)
    if slices:
        stage.click(ui.slicesCheckBox)
    if picture:
        stage.picture("new-project")
    root = Path(ui.projectFolderEdit.text)
    stage.click(ui.createButton)
    wait_for_jobs(stage)
    assert panel.session is not None, panel.notice_text
    assert [segment.name for segment in panel.session.schema.segments] == list(names)
    if picture:
        stage.picture("project")
    return root


def take_test_labels(stage: Stage, labels: Path) -> None:
    """Let the test cases have their label maps, as from an earlier study."""
    panel = stage.panel
    cases = [row.key for row in panel.session.rows() if row.held_out]
    assert cases, "no case is kept for testing"
    params = panel.session.job_params({"labels": str(labels), "cases": cases})
    panel.run([Step("import-labels", params, "Taking over label maps")], "Importing")
    wait_for_jobs(stage)


def suggest(stage: Stage, budget: int) -> None:
    panel = stage.panel
    before = panel.session.counts().get("suggested", 0)
    panel.queue.ui.budgetSpinBox.setValue(budget)
    stage.click(panel.queue.ui.suggestButton)
    wait_for_jobs(stage)
    stage.settle(0.5)
    assert panel.session.counts()["suggested"] == before + budget, panel.notice_text
    key = next(row.key for row in panel.session.rows() if row.queued)
    assert len(panel.session.reason(key)) > 20


def label_the_queue(stage: Stage, labels: Path) -> None:
    panel = stage.panel
    while any(row.queued for row in panel.session.rows()):
        stage.click(panel.queue.ui.nextButton)
        assert panel.label.key is not None, panel.notice_text
        draw(panel, truth(panel, labels))
        save(stage)


def first_case_with_questions(stage: Stage, labels: Path) -> None:
    """An empty label map is pointed out, an overlap is asked about, a renamed segment is known."""
    panel = stage.panel
    stage.click(panel.queue.ui.nextButton)
    key = panel.label.key
    assert key is not None, panel.notice_text
    stage.settle(0.5)
    stage.picture("case")
    stage.click(panel.label.ui.saveButton)
    assert panel.session.row(key).status != Status.LABELLED, "an empty label map counted as done"
    assert "Count as done" in panel.bar.actions, panel.notice_text
    stage.picture("empty")
    stage.press("Go on editing")
    wanted = truth(panel, labels)
    draw(panel, wanted)
    case = panel.label.case
    segmentation = case.segmentation.GetSegmentation()
    for number in range(segmentation.GetNumberOfSegments()):
        segment = segmentation.GetNthSegment(number)
        segment.SetName(f"renamed {segment.GetName()}")
    segmentation.ReorderSegments(list(reversed(segmentation.GetSegmentIDs())))
    save(stage)
    assert np.array_equal(on_disk(panel, key), wanted.array)
    both = wanted.array.copy()
    draw(panel, wanted, extra={1: both > 0})  # the liver over the kidneys, too
    stage.click(panel.label.ui.saveButton)
    assert "overlap" in panel.notice_text, panel.notice_text
    assert np.array_equal(on_disk(panel, key), wanted.array), "saved before the answer"
    stage.picture("overlap")
    stage.press("kidney")
    assert np.array_equal(on_disk(panel, key), wanted.array)
    stage.picture("saved")


def save(stage: Stage) -> None:
    panel = stage.panel
    key = panel.label.key
    stage.click(panel.label.ui.saveButton)
    if "Count as done" in panel.bar.actions:
        stage.press("Count as done")
    assert panel.session.row(key).status == Status.LABELLED, panel.notice_text


def retrain(
    stage: Stage, epochs: int, picture: str | None = None, then_suggest: bool = True
) -> None:
    panel = stage.panel
    panel.keep_choices(replace(panel.choices, epochs=epochs, budget=2))
    models = len(panel.session.project.models())
    stage.click(panel.learn.ui.retrainButton)
    if picture is not None:
        state = panel.runner.state
        stage.wait(lambda: len(state.metrics) >= 3 or state.is_over, "three epochs", 300)
        stage.picture(picture)
    wait_for_jobs(stage)
    stage.settle(0.5)
    finished = [m for m in panel.session.project.models() if m.state == "finished"]
    assert len(finished) == models + 1, panel.notice_text
    assert "test" in finished[-1].scores
    if not then_suggest:  # the suggestions of the round are given back, to choose other ones
        for row in [row for row in panel.session.rows() if row.queued]:
            panel.session.skip(row.key)
            panel.session.bring_back(row.key)
            panel.session.project.set_status(row.key, Status.UNLABELLED)
        panel.cases_changed()


def correct_a_prediction(stage: Stage) -> None:
    """The next case begins with the model's segmentation, at its most uncertain slice."""
    panel = stage.panel
    stage.click(panel.queue.ui.nextButton)
    key = panel.label.key
    assert key is not None, panel.notice_text
    stage.settle(0.5)
    stage.picture("prediction")
    model = panel.session.project.latest_model()
    predicted = read_label(panel.session.project.prediction_path(key, model.id))
    assert np.array_equal(drawn(panel), predicted.array > 0)
    panel.label.ui.uncertaintyCheckBox.setChecked(True)
    stage.settle(0.5)
    stage.picture("uncertainty")
    panel.label.ui.uncertaintyCheckBox.setChecked(False)


def exactly_where_it_was(stage: Stage, root: Path) -> None:
    """Closed and opened again, the project shows the same case and the same queue."""
    panel = stage.panel
    key, counts = panel.label.key, panel.session.counts()
    before = drawn(panel)
    panel.close_project()
    stage.settle()
    assert panel.label.key is None
    assert panel.open_project(root), panel.notice_text
    stage.settle(0.5)
    assert panel.label.key == key
    assert panel.session.counts() == counts
    assert np.array_equal(drawn(panel), before)
    stage.picture("reopened")


def images_gone(stage: Stage, images: Path) -> None:
    """The disk with the images is unplugged, and comes back."""
    panel = stage.panel
    away = images.with_name("unplugged")
    images.rename(away)
    stage.click(panel.queue.ui.nextButton)
    assert panel.bar.kind == "error", panel.notice_text
    assert "images" in panel.notice_text
    stage.picture("images-gone")
    away.rename(images)
    stage.click(panel.queue.ui.nextButton)
    assert panel.label.key is not None, panel.notice_text


def shown_slice(panel: Any, view: str) -> float:
    """Return which slice (K) of the open case a slice view shows; whole: through the voxels."""
    node = slicer.app.layoutManager().sliceWidget(view).mrmlSliceNode()
    ras = [node.GetSliceToRAS().GetElement(row, 3) for row in range(3)]
    to_ijk = vtk.vtkMatrix4x4()
    panel.label.case.volume.GetRASToIJKMatrix(to_ijk)
    return float(to_ijk.MultiplyPoint((*ras, 1.0))[2])


def go_through_slices(stage: Stage) -> tuple[int, ...]:
    """See every slice that is to be labelled, the first one at once; return them."""
    panel = stage.panel
    key = panel.label.key
    slices = panel.session.slices_to_label(key)
    for number, index in enumerate(slices):
        assert panel.label.desk.slice == index
        assert abs(shown_slice(panel, "Red") - index) < 0.01, (slices, index)
        if number < 2:
            stage.picture(f"slice-{number + 1}")
        if len(slices) > 1:
            stage.click(panel.label.ui.nextSliceButton)
    assert panel.label.desk.slice == slices[0]
    return tuple(slices)


def click_on_map(panel: Any, key: str) -> None:
    """Click on a point of the map where it is drawn."""
    view = slicer.app.layoutManager().plotWidget(0).plotView()
    point = panel.session.project.map().points[key]
    if hasattr(view, "select"):  # the stand-in has no pixels to click on
        view.select(*row_of(view.mrmlPlotViewNode().GetPlotChartNode(), point))
        return
    chart = view.chart()
    place = []
    for axis, value in zip((1, 0), point, strict=True):
        drawn = chart.GetAxis(axis)
        first, last = drawn.GetPoint1()[1 - axis], drawn.GetPoint2()[1 - axis]
        share = (value - drawn.GetMinimum()) / (drawn.GetMaximum() - drawn.GetMinimum())
        place.append(round(first + share * (last - first)))
    press(view.renderWindow().GetInteractor(), *place)


def row_of(chart: Any, point: tuple[float, float]) -> tuple[str, int]:
    """Return the series and the row of the table in which a point of the map stands."""
    for number in range(chart.GetNumberOfPlotSeriesNodes()):
        series = chart.GetNthPlotSeriesNode(number)
        table = series.GetTableNode()
        xy = [
            slicer.util.arrayFromTableColumn(table, series.GetXColumnName()),
            slicer.util.arrayFromTableColumn(table, series.GetYColumnName()),
        ]
        rows = np.flatnonzero(np.isclose(np.transpose(xy), point).all(axis=1))
        if len(rows):
            return series.GetID(), int(rows[0])
    raise AssertionError(f"no point at {point}")


def press_in_slice_view(name: str) -> None:
    """Press the left button in the middle of a slice view."""
    interactor = slicer.app.layoutManager().sliceWidget(name).sliceView().interactor()
    width, height = interactor.GetSize()
    press(interactor, width // 2, height // 2)


def press(interactor: Any, x: int, y: int) -> None:
    interactor.SetEventInformation(x, y, 0, 0, chr(0), 0, None)
    for event in ("EnterEvent", "MouseMoveEvent", "LeftButtonPressEvent", "LeftButtonReleaseEvent"):
        interactor.InvokeEvent(event)


def truth(panel: Any, labels: Path) -> Image:
    """Return the label map of the open case as an annotator would draw it."""
    return read_label(labels / f"{panel.session.row(panel.label.key).name}.nii.gz")


def draw(panel: Any, label: Image, extra: dict[int, np.ndarray] | None = None) -> None:
    """Let the segments hold `label`, each with what `extra` names for its value besides."""
    case = panel.label.case
    for segment in panel.session.schema.segments:
        mask = label.array == segment.value
        if extra and segment.value in extra:
            mask = mask | extra[segment.value]
        name = f"ActiveSeed_{segment.value}"
        slicer.util.updateSegmentBinaryLabelmapFromArray(
            mask.astype(np.uint8), case.segmentation, name, case.volume
        )


def drawn(panel: Any) -> np.ndarray:
    """Return where the open case's segments are, as KJI of booleans."""
    case = panel.label.case
    found = None
    for name in case.segmentation.GetSegmentation().GetSegmentIDs():
        mask = slicer.util.arrayFromSegmentBinaryLabelmap(case.segmentation, name, case.volume) > 0
        found = mask if found is None else found | mask
    assert found is not None
    return found


def on_disk(panel: Any, key: str) -> np.ndarray:
    path = panel.session.project.label_path(key)
    assert path is not None, "nothing was saved"
    return np.asarray(read_label(path).array)


def check_saved(panel: Any, labels: Path) -> None:
    """Every saved label map equals the annotator's, voxel for voxel, on the image's own voxels."""
    for row in panel.session.rows():
        if row.status != Status.LABELLED:
            continue
        truth = read_label(labels / f"{row.name}.nii.gz")
        saved = read_label(panel.session.project.label_path(row.key))
        assert np.array_equal(saved.array, truth.array), row.name
        assert saved.geometry.is_close(panel.session.project.case(row.key).case.geometry), row.name
