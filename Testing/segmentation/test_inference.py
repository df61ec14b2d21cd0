"""Prediction through the public door, on generated and on real images."""

import dataclasses
import json
import math
import zipfile

import numpy as np
import pytest
import SimpleITK

from ActiveSeedLib.errors import CancelledError, InputError
from ActiveSeedLib.pool.case import Geometry, Image
from ActiveSeedLib.progress import Progress
from ActiveSeedLib.segmentation.inference import Predictor
from ActiveSeedLib.segmentation.metrics import score
from ActiveSeedLib.segmentation.settings import TrainSettings
from ActiveSeedLib.segmentation.training import TrainingCase, train


def with_700(labels):
    """The label map with 700 in place of 7."""
    return np.where(labels == 7, np.uint16(700), labels)


@pytest.fixture(scope="module")
def model(given, tmp_path_factory):
    """A model of two classes, one of whose values needs 16 bits."""
    folder = tmp_path_factory.mktemp("model")
    pairs = [given.volume_case(seed) for seed in range(5)]
    cases = [
        given.training_case(seed, (image, Image(with_700(label.array), label.geometry)))
        for seed, (image, label) in enumerate(pairs)
    ]
    settings = dataclasses.replace(given.tiny, epochs=10)
    return train(cases, (3, 700), settings, folder, Progress()).path


@pytest.fixture(scope="module")
def model_2d(given, tmp_path_factory):
    folder = tmp_path_factory.mktemp("model-2d")
    cases = [given.training_case(seed, given.slice_case(seed)) for seed in range(3)]
    settings = dataclasses.replace(given.tiny, size_2d=(32, 32), epochs=4)
    return train(cases, given.values, settings, folder, Progress()).path


def test_a_prediction_lies_on_the_images_voxels(model, given):
    image, label = given.volume_case(50)
    found = Predictor(model, "cpu").predict(image)
    assert found.labels.dtype == np.uint16
    assert found.entropy_map.dtype == np.float32
    assert found.labels.shape == found.entropy_map.shape == image.array.shape
    assert set(np.unique(found.labels)) == {0, 3, 700}
    wanted = with_700(label.array)
    assert score(found.labels, wanted, (1.0, 1.0, 1.0), (3, 700))["dice"] > 0.85
    assert found.entropy_map.min() >= 0
    assert found.entropy_map.max() <= math.log(3) + 1e-5
    assert found.mean_entropy == pytest.approx(found.entropy_map.mean(), rel=1e-5)
    assert found.foreground_entropy > found.mean_entropy  # the background is easy
    assert 1 / 3 < found.confidence <= 1
    axis = image.geometry.coarsest_axis
    means = np.moveaxis(found.entropy_map, axis, 0).mean(axis=(1, 2))
    assert means[found.most_uncertain_slice] == means.max()


def test_a_flipped_and_turned_acquisition_gets_the_same_prediction(model, given):
    image, _ = given.volume_case(51)
    predictor = Predictor(model, "cpu")
    straight = predictor.predict(image).labels
    turned = np.ascontiguousarray(
        image.array.transpose(2, 0, 1)[:, ::-1, ::-1]
    )  # K'=I, J'=-K, I'=-J
    direction = (0.0, 0.0, 1.0, -1.0, 0.0, 0.0, 0.0, -1.0, 0.0)
    geometry = Geometry(turned.shape[::-1], direction=direction)
    found = predictor.predict(Image(turned, geometry)).labels
    np.testing.assert_array_equal(found, straight.transpose(2, 0, 1)[:, ::-1, ::-1])


def test_a_finer_oblique_image_is_predicted_in_its_own_voxels(model, given):
    """The body of a training case, stored at twice the slices and tilted, is found again."""
    image, label = given.volume_case(52)
    k = np.repeat(np.arange(image.array.shape[0]), 2)
    tilt = (0.96, -0.28, 0.0, 0.28, 0.96, 0.0, 0.0, 0.0, 1.0)
    i, j, n = image.geometry.size
    geometry = Geometry((i, j, 2 * n), (1.0, 1.0, 0.5), (3.0, 4.0, 5.0), tilt)
    found = Predictor(model, "cpu").predict(Image(image.array[k], geometry)).labels
    wanted = with_700(label.array)[k]
    assert score(found, wanted, geometry.spacing, (3, 700))["dice"] > 0.8


def test_a_volume_larger_than_the_patch_is_covered_by_windows(model, given):
    image, _ = given.volume_case(53)
    predictor = Predictor(model, "cpu")
    tiled = np.tile(image.array, (1, 2, 2))
    geometry = Geometry(tiled.shape[::-1])
    found = predictor.predict(Image(tiled, geometry)).labels
    _, j, i = image.array.shape
    counts = [
        [(found[:, a * j : (a + 1) * j, b * i : (b + 1) * i] == 700).sum() for b in range(2)]
        for a in range(2)
    ]
    assert np.min(counts) > 100  # a box of 5×5×5 in each tile


def test_many_slices_are_predicted_as_one_by_one(model_2d, given):
    predictor = Predictor(model_2d, "cpu")
    images = [given.slice_case(seed, size)[0] for seed, size in enumerate((40, 33, 40, 64, 40))]
    for image, found in zip(images, predictor.predict_many(images), strict=True):
        alone = predictor.predict(image)
        assert found.labels.shape == image.array.shape
        assert found.mean_entropy == pytest.approx(alone.mean_entropy, abs=1e-4)
        assert (found.labels != alone.labels).mean() < 1e-3


def test_prediction_is_cancelled_between_batches(model, given):
    with pytest.raises(CancelledError):
        Predictor(model, "cpu").predict(given.volume_case(1)[0], Progress(None, lambda: True))


def test_a_missing_damaged_or_foreign_model_is_said(model, given, tmp_path):
    with pytest.raises(InputError, match="no model at"):
        Predictor(tmp_path / "none.pt", "cpu")
    damaged = tmp_path / "damaged.pt"
    damaged.write_bytes(model.read_bytes()[:5000])
    with pytest.raises(InputError, match="damaged"):
        Predictor(damaged, "cpu")
    with zipfile.ZipFile(model) as archive:
        assert not [n for n in archive.namelist() if n.endswith(".py")]


def test_the_model_says_where_it_comes_from(model, given):
    info = Predictor(model, "cpu").info
    provenance = info["provenance"]
    assert len(provenance["cases"]) == 5
    assert all(len(digest) == 64 for digest in provenance["cases"].values())
    assert {"torch", "monai", "activeseed"} <= set(provenance["versions"])
    assert TrainSettings.from_json(info["settings"]).epochs == 10


def real_cases(folder, group, count):
    """The first `count` cases of different patients, as (key, image, label)."""
    seen, found = set(), []
    for case in json.loads((folder / "dataset.json").read_text())["cases"]:
        if case[group] not in seen and len(found) < count:
            seen.add(case[group])
            found.append((case["image"], *(read(folder / case[n]) for n in ("image", "label"))))
    return found


def read(path):
    image = SimpleITK.ReadImage(str(path))
    array = SimpleITK.GetArrayFromImage(image)
    if array.ndim == 2:
        return Image(array[None], Geometry((*image.GetSize(), 1)))
    return Image(
        array,
        Geometry(image.GetSize(), image.GetSpacing(), image.GetOrigin(), image.GetDirection()),
    )


@pytest.mark.parametrize(
    ("name", "group", "values", "changes", "least"),
    [
        ("hippocampus", "subject", (1, 2), {"epochs": 16}, 0.55),
        (
            "cxr_lung",
            "patient",
            (1,),
            {"epochs": 15, "size_2d": (64, 64), "channels": (8, 16, 32)},
            0.75,
        ),
    ],
)
def test_learns_real_images(shared, tmp_path, name, group, values, changes, least):
    found = real_cases(shared / "data" / name, group, 10)
    cases = [
        TrainingCase(key, lambda image=image: image, lambda label=label: label)
        for key, image, label in found[:6]
    ]
    settings = TrainSettings(device="cpu", threads=1, **changes)
    trained = train(cases, values, settings, tmp_path, Progress())
    assert not trained.skipped
    predictor = Predictor(trained.path, "cpu")
    scores = [
        score(predictor.predict(image).labels, label.array, image.geometry.spacing, values)
        for _, image, label in found[6:]
    ]
    assert np.mean([s["dice"] for s in scores]) > least
