"""Training through the public door: what it learns, repeats, resumes, skips and survives."""

import dataclasses
import json
import random

import numpy as np
import pytest
import torch

from ActiveSeedLib.errors import (
    ActiveSeedError,
    CancelledError,
    InputError,
    UnreadableImageError,
)
from ActiveSeedLib.pool.case import Image
from ActiveSeedLib.progress import Progress
from ActiveSeedLib.segmentation import loop
from ActiveSeedLib.segmentation.inference import Predictor
from ActiveSeedLib.segmentation.loop import Loop
from ActiveSeedLib.segmentation.metrics import score
from ActiveSeedLib.segmentation.model_file import load_model, load_tensors
from ActiveSeedLib.segmentation.training import TrainingCase, train

UNIT = (1.0, 1.0, 1.0)


@pytest.fixture
def cases(given):
    return [given.training_case(seed) for seed in range(5)]


def weights(folder):
    return load_model(folder / "model.pt").network.state_dict()


def same(first, second):
    return all(torch.equal(first[name], second[name]) for name in first)


def run(given, cases, folder, progress=None, **changes):
    settings = dataclasses.replace(given.tiny, **changes)
    return train(cases, given.values, settings, folder, progress or Progress())


def test_learns_two_classes_of_volumes_and_writes_the_schemas_values(given, cases, folder):
    run(given, cases, folder, epochs=30, augmentation="on")
    image, label = given.volume_case(99)
    found = Predictor(folder / "model.pt", "cpu").predict(image)
    assert set(np.unique(found.labels)) <= {0, *given.values}
    assert score(found.labels, label.array, UNIT, given.values)["dice"] > 0.9


@pytest.mark.parametrize(("count", "epochs"), [(1, 3), (2, 3), (5, 3), (12, 2)])
def test_steps_do_not_grow_with_the_cases(given, folder, count, epochs):
    cases = [given.training_case(s, given.slice_case(s)) for s in range(count)]
    trained = run(given, cases, folder, epochs=None, steps=13, size_2d=(32, 32), batch_size=2)
    # an epoch of fewer than 8 cases goes over them several times: 8, 8, 10, 12 slices
    assert trained.plan.epochs == epochs
    assert len(trained.history) == epochs
    assert any("13 steps were asked for" in text for text in trained.sentences)
    assert any(text.startswith("13 steps with 2 slices") for text in trained.sentences)


def test_the_learning_rate_falls_where_it_is_asked_to(given, cases, tmp_path):
    slices = [given.training_case(s, given.slice_case(s)) for s in range(2)]
    found = {}
    for kind, some in (("3d", cases), ("2d", slices)):
        for decay in ("auto", "on", "off"):
            folder = tmp_path / kind / decay
            trained = run(given, some, folder, decay=decay, size_2d=(32, 32))
            found[kind, decay] = (trained.plan.decay, weights(folder))
    assert [found["3d", decay][0] for decay in ("auto", "on", "off")] == [True, True, False]
    assert [found["2d", decay][0] for decay in ("auto", "on", "off")] == [False, True, False]
    assert same(found["3d", "auto"][1], found["3d", "on"][1])
    assert not same(found["3d", "on"][1], found["3d", "off"][1])
    assert not same(found["2d", "on"][1], found["2d", "off"][1])


@pytest.mark.parametrize(
    "changes", [{"epochs": 3, "steps": 3}, {"steps": 0}, {"decay": "yes"}], ids=str
)
def test_settings_that_say_two_things_or_nothing_are_refused(given, changes):
    with pytest.raises(InputError):
        dataclasses.replace(given.tiny, **{"epochs": None, **changes})


@pytest.mark.parametrize(
    "changes",
    [{"network": "attention-unet-2d", "size_2d": (32, 32)}, {"patch": (16, 16, 16)}],
    ids=["slice by slice", "patches"],
)
def test_learns_volumes_by_slices_and_by_patches(given, cases, folder, changes):
    trained = run(given, cases, folder, epochs=12, **changes)
    assert trained.plan.samples_per_case > 1
    image, label = given.volume_case(99)
    found = Predictor(folder / "model.pt", "cpu").predict(image)
    assert found.labels.shape == image.array.shape
    assert score(found.labels, label.array, UNIT, given.values)["dice"] > 0.75


def test_learns_single_slices(given, folder):
    cases = [given.training_case(s, given.slice_case(s)) for s in range(4)]
    trained = run(given, cases, folder, epochs=20, size_2d=(32, 32))
    assert trained.plan.is_2d
    image, label = given.slice_case(99)
    found = Predictor(folder / "model.pt", "cpu").predict(image)
    assert score(found.labels, label.array, UNIT, given.values)["dice"] > 0.8


def test_one_seed_gives_one_model_whatever_the_order_of_the_cases(given, cases, tmp_path):
    run(given, cases, tmp_path / "a", dropout_3d=0.2)
    torch.rand(3)
    run(given, cases[::-1], tmp_path / "b", dropout_3d=0.2)
    run(given, cases, tmp_path / "c", dropout_3d=0.2, seed=44)
    first, second, other = (weights(tmp_path / name) for name in "abc")
    assert same(first, second)
    assert not same(first, other)


def test_the_initial_weights_depend_on_the_seed_alone(given, cases, tmp_path):
    """With steps too small to change a float, the final weights are the initial ones."""
    run(given, cases, tmp_path / "a", learning_rate=1e-30, epochs=1)
    run(given, cases[:2], tmp_path / "b", learning_rate=1e-30, epochs=2)
    assert same(weights(tmp_path / "a"), weights(tmp_path / "b"))


def test_generators_and_switches_are_put_back(given, cases, folder):
    random.seed(1)
    np.random.seed(1)  # noqa: NPY002
    torch.manual_seed(1)
    states = random.getstate(), torch.get_rng_state()
    draw = np.random.get_state()[1].copy()  # noqa: NPY002
    threads = torch.get_num_threads()
    run(given, cases, folder, epochs=1)
    assert random.getstate() == states[0]
    assert torch.equal(torch.get_rng_state(), states[1])
    assert (np.random.get_state()[1] == draw).all()  # noqa: NPY002
    assert torch.get_num_threads() == threads
    assert not torch.are_deterministic_algorithms_enabled()


def at_step(count):
    """Answer True from the `count`-th training step on."""

    def stop(recorder):
        steps = [p for p in recorder.of("progress") if p["step"].startswith("Training")]
        return len(steps) >= count

    return stop


@pytest.mark.parametrize("step", [6, 8], ids=["at an epoch's end", "within an epoch"])
def test_a_cancelled_training_goes_on_to_the_same_weights(given, cases, tmp_path, step):
    run(given, cases, tmp_path / "whole", epochs=4, dropout_3d=0.2, augmentation="on")
    whole = weights(tmp_path / "whole")
    stopped = given.Recorder(at_step(step))
    folder = tmp_path / "parts"
    changes = {"epochs": 4, "dropout_3d": 0.2, "augmentation": "on"}
    with pytest.raises(CancelledError):
        run(given, cases, folder, stopped.progress, **changes)
    assert not (folder / "model.pt").exists()
    resumed = given.Recorder()
    trained = run(given, cases, folder, resumed.progress, **changes)
    assert "goes on after epoch 1" in resumed.notes
    assert same(whole, weights(folder))
    lines = [json.loads(x) for x in (folder / "training.jsonl").read_text().splitlines()]
    assert [x["epoch"] for x in lines] == [1, 2, 3, 4]
    assert lines == list(trained.history)
    assert sorted(p.name for p in folder.iterdir()) == ["model.pt", "training.jsonl"]


def test_a_cancelled_training_of_slices_goes_on_to_the_same_weights(given, tmp_path):
    """With batch statistics, dropout and a validation that is itself cancelled."""
    cases = [given.training_case(s, given.slice_case(s)) for s in range(6)]
    changes = {
        "size_2d": (32, 32),
        "epochs": 4,
        "validation_fraction": 0.34,
        "validation_minimum": 2,
        "validation_every": 2,
    }
    run(given, cases, tmp_path / "whole", **changes)
    asked = []

    def while_validating(recorder):
        reported = len(recorder.of("metric"))
        steps = len([p for p in recorder.of("progress") if p["step"].startswith("Training")])
        asked.append((reported, steps))
        return asked[-2:] == [(1, 8)] * 2  # at the second case validated after epoch 2

    with pytest.raises(CancelledError):
        run(given, cases, tmp_path / "parts", given.Recorder(while_validating).progress, **changes)
    run(given, cases, tmp_path / "parts", **changes)
    assert same(weights(tmp_path / "whole"), weights(tmp_path / "parts"))
    histories = [
        (tmp_path / name / "training.jsonl").read_text().splitlines() for name in ("whole", "parts")
    ]
    assert histories[0] == histories[1]


def test_a_killed_training_goes_on_from_its_last_checkpoint(given, cases, tmp_path):
    class Killed(BaseException):
        """Ends the training as abruptly as a signal: nothing is saved on the way out."""

    def kill(recorder):
        if at_step(8)(recorder):
            raise Killed
        return False

    folder = tmp_path / "killed"
    with pytest.raises(Killed):
        run(given, cases, folder, given.Recorder(kill).progress, checkpoint_seconds=0.0)
    again = given.Recorder()
    run(given, cases, folder, again.progress, checkpoint_seconds=0.0)
    assert "goes on" in again.notes
    run(given, cases, tmp_path / "whole")
    assert same(weights(folder), weights(tmp_path / "whole"))


def test_a_damaged_checkpoint_is_put_aside(given, cases, folder, tmp_path):
    stopped = given.Recorder(at_step(6))
    with pytest.raises(CancelledError):
        run(given, cases, folder, stopped.progress)
    data = (folder / "checkpoint.pt").read_bytes()
    (folder / "checkpoint.pt").write_bytes(data[: len(data) // 2])
    again = given.Recorder()
    run(given, cases, folder, again.progress)
    assert "damaged" in again.notes
    assert len(list(folder.glob("checkpoint-damaged-*.pt"))) == 1
    run(given, cases, tmp_path / "whole")
    assert same(weights(folder), weights(tmp_path / "whole"))


def test_a_checkpoint_of_other_labels_is_not_taken(given, cases, folder):
    with pytest.raises(CancelledError):
        run(given, cases, folder, given.Recorder(at_step(6)).progress)
    image, label = given.volume_case(0)
    label.array[0, 0, 0] = 7
    again = given.Recorder()
    run(given, [given.training_case(0, (image, label)), *cases[1:]], folder, again.progress)
    assert "starts afresh" in again.notes


def test_a_finished_training_is_not_repeated(given, cases, folder):
    first = run(given, cases, folder)
    again = given.Recorder()
    second = run(given, cases, folder, again.progress)
    assert "already been trained" in again.notes
    assert second.history == first.history
    assert not [p for p in again.of("progress") if p["step"].startswith("Training")]


def test_cases_that_cannot_be_used_are_left_out_with_a_sentence(given, cases, tmp_path):
    def broken():
        raise UnreadableImageError("scan.nii.gz ends too early: copy it again.")

    image, label = given.volume_case(7)
    flipped = dataclasses.replace(label.geometry, direction=(-1.0, 0, 0, 0, 1.0, 0, 0, 0, 1.0))
    bad = [
        TrainingCase("b1", broken, broken, name="scan 12"),
        TrainingCase("b2", lambda: image, lambda: Image(label.array[:-1], label.geometry)),
        TrainingCase("b3", lambda: image, lambda: Image(label.array + 1, label.geometry)),
        TrainingCase("b4", lambda: image, lambda: Image(label.array, flipped)),
    ]
    recorder = given.Recorder()
    trained = run(given, [*bad, *cases], tmp_path / "a", recorder.progress)
    assert [key for key, _ in trained.skipped] == ["b1", "b2", "b3", "b4"]
    for words in (
        "scan 12 is left out",
        "ends too early",
        "has (15, 20, 18)",
        "value 1",
        "flipped",
    ):
        assert words in recorder.notes
    run(given, cases, tmp_path / "b")
    assert same(weights(tmp_path / "a"), weights(tmp_path / "b"))
    with pytest.raises(InputError, match="None of the 4 labelled cases"):
        run(given, bad, tmp_path / "c")


def test_validation_and_early_stopping_keep_the_best_weights(given, cases, folder):
    changes = {"validation_fraction": 0.4, "validation_minimum": 5, "validation_every": 1}
    recorder = given.Recorder()
    trained = run(
        given,
        cases,
        folder,
        recorder.progress,
        epochs=9,
        learning_rate=1e-30,
        patience=2,
        **changes,
    )
    assert len(trained.history) == 3  # the first is the best of equals; two more without a better
    info = load_model(folder / "model.pt").info
    assert info["weights_of_epoch"] == 1
    assert len(info["provenance"]["validation"]) == 2
    reported = recorder.of("metric")
    assert [r["epoch"] for r in reported] == [1, 2, 3]
    assert all(0 <= r["validation_dice"] <= 1 for r in reported)


def test_patients_are_never_divided_between_training_and_validation(given, cases, folder):
    paired = [dataclasses.replace(c, patient=f"p{n // 2}") for n, c in enumerate(cases)]
    run(given, paired, folder, validation_fraction=0.34, validation_minimum=2, epochs=1)
    kept = load_model(folder / "model.pt").info["provenance"]["validation"]
    patients = {c.key: c.patient for c in paired}
    assert len(kept) < len(cases)
    assert {k for k, p in patients.items() if p in {patients[k] for k in kept}} == set(kept)


def test_a_training_with_other_patients_is_another_one(given, cases, folder):
    changes = {"validation_fraction": 0.4, "validation_minimum": 2, "epochs": 1}
    run(given, cases, folder, **changes)
    again = given.Recorder()
    paired = [dataclasses.replace(c, patient=f"p{n // 2}") for n, c in enumerate(cases)]
    run(given, paired, folder, again.progress, **changes)
    assert "already been trained" not in again.notes


def test_the_smallest_volumes_and_patches_can_be_trained_on(given, cases, tmp_path):
    small = given.training_case(0, given.volume_case(0, (4, 4, 4)))
    for name, chosen, changes in (
        ("volumes", [small, small], {"network": "unet-3d"}),
        ("patches", cases, {"patch": (1, 1, 1)}),
    ):
        trained = run(given, chosen, tmp_path / name, epochs=1, channels=None, **changes)
        assert trained.plan.patch == (8, 8, 16)


def test_images_beyond_the_memory_limit_go_to_files_and_change_nothing(given, cases, tmp_path):
    run(given, cases, tmp_path / "disk", cache_gib=1e-9)
    run(given, cases, tmp_path / "memory")
    assert same(weights(tmp_path / "disk"), weights(tmp_path / "memory"))
    assert not (tmp_path / "disk" / "cache").exists()


@pytest.mark.parametrize("at_once", [1, 3])
def test_a_training_that_goes_astray_says_so_and_keeps_no_checkpoint_of_it(
    given, cases, folder, monkeypatch, at_once
):
    """Also where losses are looked at late, as on a GPU; there a checkpoint looks first."""
    monkeypatch.setattr(loop, "LOSSES_AT_ONCE", {"cpu": at_once})
    with pytest.raises(ActiveSeedError, match="astray in epoch 1"):
        run(given, cases, folder, learning_rate=1e36, checkpoint_seconds=0.0)
    assert not (folder / "model.pt").exists()
    kept = load_tensors(folder / "checkpoint.pt")
    assert np.isfinite(json.loads(kept["state"])["epoch_losses"]).all()


def test_losses_looked_at_late_change_nothing(given, cases, tmp_path, monkeypatch):
    now = run(given, cases, tmp_path / "now", epochs=2)
    monkeypatch.setattr(loop, "LOSSES_AT_ONCE", {"cpu": 3})
    with pytest.raises(CancelledError):
        run(given, cases, tmp_path / "late", given.Recorder(at_step(3)).progress, epochs=2)
    late = run(given, cases, tmp_path / "late", epochs=2)
    assert late.history == now.history
    assert same(weights(tmp_path / "now"), weights(tmp_path / "late"))


def test_out_of_memory_halves_the_batch(given, cases, folder, monkeypatch):
    """The one thing that cannot be made to happen safely, so it is put in by hand."""
    step = Loop._step

    def short(self, chosen, fraction):
        if self.plan.batch > 1:
            raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return step(self, chosen, fraction)

    monkeypatch.setattr(Loop, "_step", short)
    recorder = given.Recorder()
    trained = run(given, cases, folder, recorder.progress, epochs=1)
    assert trained.plan.batch == 1
    assert "half the batch" in recorder.notes


@pytest.mark.parametrize("values", [(), (0, 1), (2, 2), (70000,)])
def test_label_values_that_cannot_be_used_are_refused(given, cases, folder, values):
    with pytest.raises(InputError, match="label values"):
        train(cases, values, given.tiny, folder, Progress())


def test_progress_tells_the_epoch_and_rises(given, cases, folder):
    recorder = given.Recorder()
    run(given, cases, folder, recorder.progress)
    fractions = [p["fraction"] for p in recorder.of("progress")]
    assert fractions == sorted(fractions)
    assert any(p["step"] == "Training, epoch 3 of 3" for p in recorder.of("progress"))
    assert [m["epoch"] for m in recorder.of("metric")] == [1, 2, 3]
