"""A large image predicted block by block is what it is when predicted whole."""

import dataclasses

import numpy as np
import pytest

from ActiveSeedLib.pool.case import Geometry, Image
from ActiveSeedLib.progress import Progress
from ActiveSeedLib.segmentation.blocks import WHOLE_VOXELS, is_large, predict_by_blocks
from ActiveSeedLib.segmentation.inference import Predictor
from ActiveSeedLib.segmentation.telling import predict_and_tell
from ActiveSeedLib.segmentation.training import train

TURNED = (0.0, 0.0, -1.0, -1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


@pytest.fixture(scope="module")
def volumes(given, tmp_path_factory):
    """A 3-D model with patches of 16."""
    folder = tmp_path_factory.mktemp("volumes")
    cases = [given.training_case(seed) for seed in range(5)]
    settings = dataclasses.replace(given.tiny, epochs=10, patch=(16, 16, 16))
    return Predictor(train(cases, given.values, settings, folder, Progress()).path, "cpu")


@pytest.fixture(scope="module")
def slices(given, tmp_path_factory):
    """A 2-D model."""
    folder = tmp_path_factory.mktemp("slices")
    cases = [given.training_case(seed, given.slice_case(seed)) for seed in range(3)]
    settings = dataclasses.replace(given.tiny, size_2d=(32, 32), epochs=4)
    return Predictor(train(cases, given.values, settings, folder, Progress()).path, "cpu")


def tiled(given, times: tuple[int, int, int]) -> np.ndarray:
    """A larger image: the generated volume, beside itself."""
    image, _ = given.volume_case(50)
    return np.tile(image.array, times)


@pytest.mark.parametrize(
    "geometry",
    [
        Geometry((90, 80, 64)),
        Geometry((90, 80, 64), (0.9, 1.1, 0.8), (5.0, -3.0, 9.0), TURNED),
        Geometry((90, 80, 64), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), (-1, 0, 0, 0, -1, 0, 0, 0, 1)),
    ],
    ids=["plain", "turned, of another spacing", "flipped"],
)
def test_by_blocks_of_a_volume_as_whole(given, volumes, geometry) -> None:
    image = Image(tiled(given, (4, 4, 5)), geometry)
    whole, facts = predict_and_tell(volumes, image)
    told = given.Recorder()
    found, scores, classes = predict_by_blocks(volumes, image, told.progress, voxels=60_000)
    steps = {one["step"] for one in told.of("progress")}
    assert len(steps) > 8
    assert found.labels.dtype == whole.labels.dtype
    assert set(np.unique(whole.labels)) == {0, 3, 7}
    if geometry.spacing == (1.0, 1.0, 1.0):  # the grid is the image's own
        np.testing.assert_array_equal(found.labels, whole.labels)
        np.testing.assert_allclose(found.entropy_map, whole.entropy_map, atol=1e-5)
    assert (found.labels == whole.labels).mean() > 0.99
    for name in ("mean_entropy", "foreground_entropy", "confidence"):
        assert getattr(found, name) == pytest.approx(getattr(whole, name), rel=0.05)
    assert scores == pytest.approx({name: facts[name] for name in scores}, rel=0.05)
    assert set(scores) <= set(facts)
    assert classes == pytest.approx(facts["class_scores"], rel=0.05)


@pytest.mark.parametrize("direction", [(1, 0, 0, 0, 1, 0, 0, 0, 1), TURNED])
def test_by_blocks_of_slices_is_the_same(given, slices, direction) -> None:
    array = tiled(given, (2, 2, 2))
    geometry = Geometry(array.shape[::-1], (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), direction)
    image = Image(array.astype(np.int16), geometry)
    whole, facts = predict_and_tell(slices, image)
    found, scores, classes = predict_by_blocks(slices, image, voxels=20_000)
    np.testing.assert_array_equal(found.labels, whole.labels)
    np.testing.assert_allclose(found.entropy_map, whole.entropy_map, atol=1e-4)
    assert found.most_uncertain_slice == whole.most_uncertain_slice
    assert scores == pytest.approx({name: facts[name] for name in scores}, rel=1e-3)
    assert classes == pytest.approx(facts["class_scores"], rel=1e-3)


def test_an_image_without_foreground(given, slices) -> None:
    image = Image(np.zeros((30, 40, 40), np.int16), Geometry((40, 40, 30)))
    whole, facts = predict_and_tell(slices, image)
    found, scores, classes = predict_by_blocks(slices, image, voxels=16_000)
    np.testing.assert_array_equal(found.labels, whole.labels)
    assert found.foreground_entropy == pytest.approx(whole.foreground_entropy, rel=1e-4)
    assert scores == pytest.approx({name: facts[name] for name in scores}, rel=1e-3)
    assert classes == facts["class_scores"] or classes == pytest.approx(facts["class_scores"])


def test_a_large_image_is_one_whose_voxels_or_grid_are_many(volumes, slices) -> None:
    assert not is_large(Geometry((512, 512, 512)), slices.plan)
    assert is_large(Geometry((513, 512, 512)), slices.plan)
    assert WHOLE_VOXELS > 200**3  # but its grid, of a millimetre, has 27 times as many
    assert is_large(Geometry((200, 200, 200), (3.0, 3.0, 3.0)), volumes.plan)
