"""What people do with the panel, step by step, played in a real Slicer and in the stand-in.

Every journey is a function of a `Stage`; it clicks on what a user sees, lets the real background
process work, looks at what is on the disk afterwards, and takes a picture of every state.
"""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import slicer
from moves import (
    check_saved,
    click_on_map,
    correct_a_prediction,
    create,
    draw,
    drawn,
    exactly_where_it_was,
    first_case_with_questions,
    go_through_slices,
    images_gone,
    label_the_queue,
    on_disk,
    press_in_slice_view,
    retrain,
    save,
    suggest,
    take_test_labels,
    truth,
    wait_for_jobs,
)
from processes import lives
from stage import Stage

from ActiveSeedLib.app.session import Session
from ActiveSeedLib.app.steps import Step
from ActiveSeedLib.demo.cohort import generate_cohort

CASES = 14
SHARED = Path(__file__).resolve().parents[2].parent / "shared"

__all__ = ["JOURNEYS", "Stage"]


def radiologist(stage: Stage) -> None:
    """From a folder of volumes to the second round: create, suggest, label, retrain, correct."""
    panel = stage.panel
    cohort = generate_cohort(stage.folder / "cohort", cases=CASES, seed=1)
    stage.picture("start")
    root = create(stage, cohort / "images")
    take_test_labels(stage, cohort / "labels")
    suggest(stage, budget=3)
    stage.picture("queue")
    first_case_with_questions(stage, cohort / "labels")
    while panel.session.next_case(panel.label.key) is not None:
        if panel.label.key is None or panel.session.row(panel.label.key).labelled:
            stage.click(panel.queue.ui.nextButton)
        draw(panel, truth(panel, cohort / "labels"))
        save(stage)
        if panel.session.counts().get("labelled", 0) == 3:
            break
    assert panel.session.counts()["labelled"] == 3
    check_saved(panel, cohort / "labels")
    retrain(stage, epochs=6, picture="training")
    stage.picture("first-model")
    correct_a_prediction(stage)
    exactly_where_it_was(stage, root)


def researcher(stage: Stage) -> None:
    """The sample data, the map in every colour, a click on it, curves, exports, provenance."""
    panel = stage.panel
    panel.project.sample_place = stage.folder
    stage.click(panel.project.ui.sampleButton)
    wait_for_jobs(stage)
    assert panel.session is not None, panel.notice_text
    labels = panel.session.project.images_root.parent / "labels"
    for budget, epochs in ((3, 4), (3, 8)):
        suggest(stage, budget)
        label_the_queue(stage, labels)
        retrain(stage, epochs, then_suggest=False)
    stage.click(panel.learn.ui.showButton)
    stage.picture("learning-curve")
    stage.click(panel.map.ui.showButton)
    wait_for_jobs(stage)
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
    click_on_map(panel, first)
    stage.wait(lambda: panel.label.key == first, "the case whose point was clicked")
    stage.settle(0.5)
    stage.picture("case-on-map")
    stage.click(panel.map.ui.hideButton)
    text = panel.session.provenance()
    assert "43" in text
    assert panel.choices.strategy in text


def interruptions(stage: Stage) -> None:
    """Scene closed, module left and entered, another project opened, Slicer's own undo kept."""
    panel = stage.panel
    cohort = generate_cohort(stage.folder / "cohort", cases=8, seed=2)
    root = create(stage, cohort / "images", picture=False)
    suggest(stage, budget=2)
    stage.click(panel.queue.ui.nextButton)
    key = panel.label.key
    draw(panel, truth(panel, cohort / "labels"))
    slicer.mrmlScene.Clear(0)
    stage.settle()
    assert panel.label.key is None
    stage.picture("scene-closed")
    assert panel.session.has_draft(key), "closing the scene lost the work"
    panel.queue.open(key)
    stage.settle()
    assert panel.label.key == key
    assert np.array_equal(drawn(panel), truth(panel, cohort / "labels").array > 0)
    stage.picture("draft")
    slicer.util.selectModule("SampleData" if hasattr(slicer.modules, "sampledata") else "Data")
    stage.settle()
    slicer.util.selectModule("ActiveSeed")
    stage.settle()
    assert panel.label.key == key
    save(stage)
    slicer.mrmlScene.RemoveNode(panel.label.case.volume)
    stage.settle()
    assert panel.label.key is None
    stage.click(panel.queue.ui.suggestButton)
    stage.wait(lambda: panel.worker.pid is not None or not panel.is_busy, "the worker")
    panel.cancel()
    stage.wait(lambda: not panel.is_busy, "the cancel")
    images_gone(stage, cohort / "images")
    panel.close_project()
    assert panel.open_project(root), panel.notice_text
    assert panel.session.counts()["labelled"] == 1


def segment_editor(stage: Stage) -> None:
    """Slicer's own tools: threshold, undo, redo, a brush in the slice view; then save."""
    panel = stage.panel
    widget = panel.label.ui.editorWidget
    cohort = generate_cohort(stage.folder / "cohort", cases=6, seed=3)
    create(stage, cohort / "images", picture=False)
    suggest(stage, budget=1)
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
    assert np.array_equal(drawn(panel), bright)
    save(stage)
    assert np.array_equal(on_disk(panel, panel.label.key) == 1, bright)
    widget.undo()
    assert not drawn(panel).any(), "saving took the undo away"
    widget.redo()
    assert np.array_equal(drawn(panel), bright)
    widget.setCurrentSegmentID("ActiveSeed_2")
    widget.setActiveEffectByName("Paint")
    widget.activeEffect().setCommonParameter("BrushRelativeDiameter", 12)
    stage.settle()
    press_in_slice_view("Red")
    stage.settle()
    stage.picture("painted")
    widget.setActiveEffect(None)
    save(stage)
    assert (on_disk(panel, panel.label.key) == 2).any(), "the brush left nothing"


def single_slices(stage: Stage) -> None:
    """A project that takes slices: suggested, gone through where they are, saved, trained on."""
    panel = stage.panel
    cohort = generate_cohort(stage.folder / "cohort", cases=6, seed=7)
    create(stage, cohort / "images", picture=False, slices=True)
    panel.queue.ui.budgetSpinBox.setValue(6)
    stage.click(panel.queue.ui.suggestButton)
    wait_for_jobs(stage)
    stage.settle(0.5)
    assert "6 slices" in panel.notice_text, panel.notice_text
    stage.picture("suggested")
    key = max(
        (row.key for row in panel.session.rows() if row.queued),
        key=lambda one: len(panel.session.slices_to_label(one)),
    )
    assert panel.queue.open(key), panel.notice_text
    stage.settle(0.5)
    slices = go_through_slices(stage)
    stage.click(panel.map.ui.showButton)
    wait_for_jobs(stage)
    stage.settle(1.0)
    stage.picture("map")
    stage.click(panel.map.ui.hideButton)
    draw(panel, truth(panel, cohort / "labels"))
    save(stage)
    stage.picture("saved")
    assert len(panel.session.project.training_labels()) == len(slices)
    label_the_queue(stage, cohort / "labels")
    panel.keep_choices(replace(panel.choices, epochs=2, budget=3))
    stage.click(panel.learn.ui.retrainButton)
    wait_for_jobs(stage)
    stage.settle(0.5)
    stage.picture("trained")
    stage.click(panel.queue.ui.nextButton)
    stage.settle(0.5)
    go_through_slices(stage)


def second_panel(stage: Stage) -> None:
    """The project is open elsewhere: one sentence says so, and nothing is touched."""
    panel = stage.panel
    cohort = generate_cohort(stage.folder / "cohort", cases=6, seed=4)
    root = create(stage, cohort / "images", picture=False)
    panel.close_project()
    elsewhere = Session.open(root)
    try:
        assert not panel.project.open(root)
        assert panel.bar.kind == "error", panel.notice_text
        stage.picture("locked")
    finally:
        elsewhere.close()
    stage.press("Retry")
    assert panel.session is not None, panel.notice_text


def reloading(stage: Stage) -> None:
    """The module is loaded anew in the middle of a job: the work is kept, no process is left."""
    panel = stage.panel
    cohort = generate_cohort(stage.folder / "cohort", cases=6, seed=5)
    root = create(stage, cohort / "images", picture=False)
    suggest(stage, budget=1)
    stage.click(panel.queue.ui.nextButton)
    key = panel.label.key
    draw(panel, truth(panel, cohort / "labels"))
    panel.run([Step("cohort", {"folder": str(stage.folder / "more"), "cases": 500}, "")], "Drawing")
    stage.wait(lambda: panel.runner.state.status == "running", "the job")
    pid = panel.worker.pid
    slicer.util.getModuleWidget("ActiveSeed").onReload()
    stage.settle()
    stage.wait(lambda: not lives(pid), "the end of the process")
    anew = stage.panel
    assert anew is not panel
    assert anew.open_project(root), anew.notice_text
    stage.settle()
    assert anew.label.key == key
    assert np.array_equal(drawn(anew), truth(anew, cohort / "labels").array > 0)


def leave_training(stage: Stage) -> None:
    """Begin a training and leave it running: whoever ends Slicer now must leave nothing behind."""
    panel = stage.panel
    cohort = generate_cohort(stage.folder / "cohort", cases=6, seed=6)
    create(stage, cohort / "images", picture=False)
    take_test_labels(stage, cohort / "labels")
    suggest(stage, budget=2)
    label_the_queue(stage, cohort / "labels")
    panel.keep_choices(replace(panel.choices, epochs=500))
    stage.click(panel.learn.ui.retrainButton)
    state = panel.runner.state
    stage.wait(lambda: state.metrics, "the first epoch")
    stage.workers.append(panel.worker.pid)


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
    create(stage, images, names=("anterior", "posterior"), picture=False)
    take_test_labels(stage, data / "labels")
    suggest(stage, budget=4)
    label_the_queue(stage, data / "labels")
    check_saved(panel, data / "labels")
    retrain(stage, epochs=3)
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
    "slices": single_slices,
    "second-panel": second_panel,
    "hippocampus": hippocampus,
    "reloading": reloading,  # the last one: what was imported here is of the library before
}
