"""What people do with the panel, step by step, played in a real Slicer and in the stand-in.

Every journey is a function of a `Stage`; it clicks on what a user sees, lets the real background
process work, looks at what is on the disk afterwards, and takes a picture of every state.
"""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import slicer
from stage import Stage

from ActiveSeedLib.demo.cohort import generate_cohort
from ActiveSeedLib.pool.case import Image
from ActiveSeedLib.pool.readers import read_label
from ActiveSeedLib.project.records import Status

CASES = 14
SHARED = Path(__file__).resolve().parents[2].parent / "shared"

__all__ = ["JOURNEYS", "Stage"]


def radiologist(stage: Stage) -> None:
    """From a folder of volumes to the second round: create, suggest, label, retrain, correct."""
    panel = stage.panel
    cohort = generate_cohort(stage.folder / "cohort", cases=CASES, seed=1)
    stage.picture("start")
    root = _create(stage, cohort / "images")
    _take_test_labels(stage, cohort / "labels")
    _suggest(stage, budget=3)
    stage.picture("queue")
    _first_case_with_questions(stage, cohort / "labels")
    while panel.session.next_case(panel.label.key) is not None:
        if panel.label.key is None or panel.session.row(panel.label.key).labelled:
            stage.click(panel.queue.ui.nextButton)
        _draw(panel, _truth(panel, cohort / "labels"))
        _save(stage)
        if panel.session.counts().get("labelled", 0) == 3:
            break
    assert panel.session.counts()["labelled"] == 3
    _check_saved(panel, cohort / "labels")
    _retrain(stage, epochs=6, picture="training")
    stage.picture("first-model")
    _correct_a_prediction(stage)
    _exactly_where_it_was(stage, root)


def researcher(stage: Stage) -> None:
    """The sample data, the map in every colour, a click on it, curves, exports, provenance."""
    panel = stage.panel
    panel.project.sample_place = stage.folder
    stage.click(panel.project.ui.sampleButton)
    _wait_for_jobs(stage)
    assert panel.session is not None, panel.notice_text
    labels = panel.session.project.images_root.parent / "labels"
    for budget, epochs in ((3, 4), (3, 8)):
        _suggest(stage, budget)
        _label_the_queue(stage, labels)
        _retrain(stage, epochs, then_suggest=False)
    stage.click(panel.learn.ui.showButton)
    stage.picture("learning-curve")
    stage.click(panel.map.ui.showButton)
    _wait_for_jobs(stage)
    stage.settle(1.0)
    for colouring in ("status", "cluster", "round", "entropy", "dice"):
        panel.map.colour_by(colouring)
        stage.settle(0.5)
        stage.picture(f"map-{colouring}")
    panel.map.colour_by("status")
    stage.settle(0.5)
    panel.map.export_csv(stage.folder / "map.csv")
    panel.map.export_picture(stage.folder / "map-view.png")
    panel.learn.export_csv(stage.folder / "rounds.csv")
    for name in ("map.csv", "map-view.png", "rounds.csv"):
        assert (stage.folder / name).stat().st_size > 50, name
    first = panel.session.project.selection(1)[0].key
    assert panel.label.key != first
    _click_on_map(panel, first)
    stage.wait(lambda: panel.label.key == first, "the case whose point was clicked", 20)
    stage.settle(0.5)
    stage.picture("case-on-map")
    stage.click(panel.map.ui.hideButton)
    text = panel.session.provenance()
    assert "43" in text
    assert "levy" in text


def interruptions(stage: Stage) -> None:
    """Scene closed, module left and entered, another project opened, Slicer's own undo kept."""
    panel = stage.panel
    cohort = generate_cohort(stage.folder / "cohort", cases=8, seed=2)
    root = _create(stage, cohort / "images", picture=False)
    _suggest(stage, budget=2)
    stage.click(panel.queue.ui.nextButton)
    key = panel.label.key
    _draw(panel, _truth(panel, cohort / "labels"))
    slicer.mrmlScene.Clear(0)
    stage.settle()
    assert panel.label.key is None
    stage.picture("scene-closed")
    assert panel.session.has_draft(key), "closing the scene lost the work"
    panel.queue.open(key)
    stage.settle()
    assert panel.label.key == key
    assert np.array_equal(_drawn(panel), _truth(panel, cohort / "labels").array > 0)
    stage.picture("draft")
    slicer.util.selectModule("SampleData" if hasattr(slicer.modules, "sampledata") else "Data")
    stage.settle()
    slicer.util.selectModule("ActiveSeed")
    stage.settle()
    assert panel.label.key == key
    _save(stage)
    slicer.mrmlScene.RemoveNode(panel.label.case.volume)
    stage.settle()
    assert panel.label.key is None
    stage.click(panel.queue.ui.suggestButton)
    stage.wait(lambda: panel.worker.pid is not None or not panel.is_busy, "the worker", 30)
    panel.cancel()
    stage.wait(lambda: not panel.is_busy, "the cancel", 30)
    _images_gone(stage, cohort / "images")
    panel.close_project()
    assert panel.open_project(root), panel.notice_text
    assert panel.session.counts()["labelled"] == 1


def segment_editor(stage: Stage) -> None:
    """Slicer's own tools: threshold, undo, redo, a brush in the slice view; then save."""
    panel = stage.panel
    widget = panel.label.ui.editorWidget
    cohort = generate_cohort(stage.folder / "cohort", cases=6, seed=3)
    _create(stage, cohort / "images", picture=False)
    _suggest(stage, budget=1)
    stage.click(panel.queue.ui.nextButton)
    widget.setCurrentSegmentID("ActiveSeed_1")
    widget.setActiveEffectByName("Threshold")
    effect = widget.activeEffect()
    if not hasattr(effect, "setParameter"):
        print("SKIPPED the Segment Editor's tools: the stand-in has none", flush=True)
        return
    image = slicer.util.arrayFromVolume(panel.label.case.volume)
    low, high = (float(value) for value in np.percentile(image, (90, 100)))
    effect.setParameter("MinimumThreshold", str(low))
    effect.setParameter("MaximumThreshold", str(high))
    effect.self().onApply()
    bright = (image >= low) & (image <= high)
    assert np.array_equal(_drawn(panel), bright)
    _save(stage)
    assert np.array_equal(_on_disk(panel, panel.label.key) == 1, bright)
    widget.undo()
    assert not _drawn(panel).any(), "saving took the undo away"
    widget.redo()
    assert np.array_equal(_drawn(panel), bright)
    widget.setCurrentSegmentID("ActiveSeed_2")
    widget.setActiveEffectByName("Paint")
    widget.activeEffect().setCommonParameter("BrushRelativeDiameter", 12)
    stage.settle()
    _press_in_slice_view("Red")
    stage.settle()
    stage.picture("painted")
    widget.setActiveEffect(None)
    _save(stage)
    assert (_on_disk(panel, panel.label.key) == 2).any(), "the brush left nothing"


def hippocampus(stage: Stage) -> None:
    """Real MR volumes: create, suggest, label, retrain, open a prediction."""
    data = Path(os.environ.get("ACTIVESEED_DATA", SHARED)) / "data" / "hippocampus"
    if not (data / "images").is_dir():
        print(f"SKIPPED the hippocampus: {data} is not here", flush=True)
        return
    panel = stage.panel
    images = stage.folder / "images"
    images.mkdir()
    for path in sorted((data / "images").glob("*.nii.gz"))[:12]:
        (images / path.name).write_bytes(path.read_bytes())
    _create(stage, images, names=("anterior", "posterior"), picture=False)
    _take_test_labels(stage, data / "labels")
    _suggest(stage, budget=4)
    _label_the_queue(stage, data / "labels")
    _check_saved(panel, data / "labels")
    _retrain(stage, epochs=3)
    stage.click(panel.queue.ui.nextButton)
    stage.settle(0.5)
    assert "rediction" in panel.label.ui.sourceLabel.text, panel.label.ui.sourceLabel.text
    panel.label.ui.uncertaintyCheckBox.setChecked(True)
    stage.picture("prediction")


JOURNEYS: dict[str, Callable[[Stage], None]] = {
    "radiologist": radiologist,
    "researcher": researcher,
    "interruptions": interruptions,
    "segment-editor": segment_editor,
    "hippocampus": hippocampus,
}


# -- steps that several journeys take -------------------------------------------------------------


def _wait_for_jobs(stage: Stage) -> None:
    """Wait until nothing runs, also not what the end of one job begins."""
    panel = stage.panel_or_none()
    stage.wait_for_job()
    stage.settle(0.3)
    while panel.is_busy:
        stage.wait_for_job()
        stage.settle(0.3)


def _create(
    stage: Stage,
    images: Path,
    names: tuple[str, ...] = ("liver", "kidney"),
    picture: bool = True,
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
    if picture:
        stage.picture("new-project")
    root = Path(ui.projectFolderEdit.text)
    stage.click(ui.createButton)
    _wait_for_jobs(stage)
    assert panel.session is not None, panel.notice_text
    assert [segment.name for segment in panel.session.schema.segments] == list(names)
    if picture:
        stage.picture("project")
    return root


def _take_test_labels(stage: Stage, labels: Path) -> None:
    """Let the test cases have their label maps, as from an earlier study."""
    from ActiveSeedLib.app.steps import Step

    panel = stage.panel
    cases = [row.key for row in panel.session.rows() if row.held_out]
    assert cases, "no case is kept for testing"
    params = panel.session.job_params({"labels": str(labels), "cases": cases})
    panel.run([Step("import-labels", params, "Taking over label maps")], "Importing")
    _wait_for_jobs(stage)


def _suggest(stage: Stage, budget: int) -> None:
    panel = stage.panel
    before = panel.session.counts().get("suggested", 0)
    panel.queue.ui.budgetSpinBox.setValue(budget)
    stage.click(panel.queue.ui.suggestButton)
    _wait_for_jobs(stage)
    stage.settle(0.5)
    assert panel.session.counts()["suggested"] == before + budget, panel.notice_text
    key = next(row.key for row in panel.session.rows() if row.queued)
    assert len(panel.session.reason(key)) > 20


def _label_the_queue(stage: Stage, labels: Path) -> None:
    panel = stage.panel
    while any(row.queued for row in panel.session.rows()):
        stage.click(panel.queue.ui.nextButton)
        assert panel.label.key is not None, panel.notice_text
        _draw(panel, _truth(panel, labels))
        _save(stage)


def _first_case_with_questions(stage: Stage, labels: Path) -> None:
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
    truth = _truth(panel, labels)
    _draw(panel, truth)
    case = panel.label.case
    segmentation = case.segmentation.GetSegmentation()
    for number in range(segmentation.GetNumberOfSegments()):
        segment = segmentation.GetNthSegment(number)
        segment.SetName(f"renamed {segment.GetName()}")
    segmentation.ReorderSegments(list(reversed(segmentation.GetSegmentIDs())))
    _save(stage)
    assert np.array_equal(_on_disk(panel, key), truth.array)
    both = truth.array.copy()
    _draw(panel, truth, extra={1: both > 0})  # the liver over the kidneys, too
    stage.click(panel.label.ui.saveButton)
    assert "overlap" in panel.notice_text, panel.notice_text
    assert np.array_equal(_on_disk(panel, key), truth.array), "saved before the answer"
    stage.picture("overlap")
    stage.press("kidney")
    assert np.array_equal(_on_disk(panel, key), truth.array)
    stage.picture("saved")


def _save(stage: Stage) -> None:
    panel = stage.panel
    key = panel.label.key
    stage.click(panel.label.ui.saveButton)
    if "Count as done" in panel.bar.actions:
        stage.press("Count as done")
    assert panel.session.row(key).status == Status.LABELLED, panel.notice_text


def _retrain(
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
    _wait_for_jobs(stage)
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


def _correct_a_prediction(stage: Stage) -> None:
    """The next case begins with the model's segmentation, at its most uncertain slice."""
    panel = stage.panel
    stage.click(panel.queue.ui.nextButton)
    key = panel.label.key
    assert key is not None, panel.notice_text
    stage.settle(0.5)
    stage.picture("prediction")
    model = panel.session.project.latest_model()
    predicted = read_label(panel.session.project.prediction_path(key, model.id))
    assert np.array_equal(_drawn(panel), predicted.array > 0)
    panel.label.ui.uncertaintyCheckBox.setChecked(True)
    stage.settle(0.5)
    stage.picture("uncertainty")
    panel.label.ui.uncertaintyCheckBox.setChecked(False)


def _exactly_where_it_was(stage: Stage, root: Path) -> None:
    """Closed and opened again, the project shows the same case and the same queue."""
    panel = stage.panel
    key, counts = panel.label.key, panel.session.counts()
    drawn = _drawn(panel)
    panel.close_project()
    stage.settle()
    assert panel.label.key is None
    assert panel.open_project(root), panel.notice_text
    stage.settle(0.5)
    assert panel.label.key == key
    assert panel.session.counts() == counts
    assert np.array_equal(_drawn(panel), drawn)
    stage.picture("reopened")


def _images_gone(stage: Stage, images: Path) -> None:
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


def _click_on_map(panel: Any, key: str) -> None:
    """Click on a point of the map where it is drawn."""
    view = slicer.app.layoutManager().plotWidget(0).plotView()
    point = panel.session.project.map().points[key]
    if hasattr(view, "select"):  # the stand-in has no pixels to click on
        view.select(*_row_of(view.mrmlPlotViewNode().GetPlotChartNode(), point))
        return
    chart = view.chart()
    place = []
    for axis, value in zip((1, 0), point, strict=True):
        drawn = chart.GetAxis(axis)
        first, last = drawn.GetPoint1()[1 - axis], drawn.GetPoint2()[1 - axis]
        share = (value - drawn.GetMinimum()) / (drawn.GetMaximum() - drawn.GetMinimum())
        place.append(round(first + share * (last - first)))
    _press(view.renderWindow().GetInteractor(), *place)


def _row_of(chart: Any, point: tuple[float, float]) -> tuple[str, int]:
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


def _press_in_slice_view(name: str) -> None:
    """Press the left button in the middle of a slice view."""
    interactor = slicer.app.layoutManager().sliceWidget(name).sliceView().interactor()
    width, height = interactor.GetSize()
    _press(interactor, width // 2, height // 2)


def _press(interactor: Any, x: int, y: int) -> None:
    interactor.SetEventInformation(x, y, 0, 0, chr(0), 0, None)
    for event in ("EnterEvent", "MouseMoveEvent", "LeftButtonPressEvent", "LeftButtonReleaseEvent"):
        interactor.InvokeEvent(event)


def _truth(panel: Any, labels: Path) -> Image:
    """Return the label map of the open case as an annotator would draw it."""
    return read_label(labels / f"{panel.session.row(panel.label.key).name}.nii.gz")


def _draw(panel: Any, label: Image, extra: dict[int, np.ndarray] | None = None) -> None:
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


def _drawn(panel: Any) -> np.ndarray:
    """Return where the open case's segments are, as KJI of booleans."""
    case = panel.label.case
    found = None
    for name in case.segmentation.GetSegmentation().GetSegmentIDs():
        mask = slicer.util.arrayFromSegmentBinaryLabelmap(case.segmentation, name, case.volume) > 0
        found = mask if found is None else found | mask
    assert found is not None
    return found


def _on_disk(panel: Any, key: str) -> np.ndarray:
    path = panel.session.project.label_path(key)
    assert path is not None, "nothing was saved"
    return np.asarray(read_label(path).array)


def _check_saved(panel: Any, labels: Path) -> None:
    """Every saved label map equals the annotator's, voxel for voxel, on the image's own voxels."""
    for row in panel.session.rows():
        if row.status != Status.LABELLED:
            continue
        truth = read_label(labels / f"{row.name}.nii.gz")
        saved = read_label(panel.session.project.label_path(row.key))
        assert np.array_equal(saved.array, truth.array), row.name
        assert saved.geometry.is_close(panel.session.project.case(row.key).case.geometry), row.name
