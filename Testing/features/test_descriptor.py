"""The encoder that needs nothing."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ActiveSeedLib.errors import InputError
from ActiveSeedLib.features import DEFAULT_ENCODER
from ActiveSeedLib.features.descriptor import oriented_gradients
from ActiveSeedLib.features.encoder import check_image, check_vectors, make_encoder
from ActiveSeedLib.pool.case import Geometry, Image

from .images import cohort, nearest, noise


@pytest.fixture(scope="module")
def encoder():
    return make_encoder(DEFAULT_ENCODER)


def test_a_row_depends_on_its_own_image_alone(encoder) -> None:
    images = [noise(1), noise(2, (7, 20, 30)), noise(3)]
    together = encoder.encode(images)
    assert together.shape == (3, encoder.dimension)
    assert together.dtype == np.float32
    for row, one in zip(together, images, strict=True):
        np.testing.assert_array_equal(encoder.encode([one])[0], row)
    assert encoder.encode([]).shape == (0, encoder.dimension)


def test_scanner_scaling_changes_nothing(encoder) -> None:
    one = noise(4, (9, 30, 25))
    scaled = Image(one.array * 37.5 - 400, one.geometry)
    np.testing.assert_allclose(encoder.encode([scaled]), encoder.encode([one]), atol=1e-4)


def test_the_size_in_millimetres_is_told(encoder) -> None:
    one = noise(5, (10, 30, 20))
    wide = Image(one.array, Geometry(one.geometry.size, (2.0, 1.0, 0.5)))
    difference = (encoder.encode([wide]) - encoder.encode([one]))[0]
    np.testing.assert_allclose(difference[-3:], np.log([2.0, 1.0, 0.5]), atol=1e-5)
    np.testing.assert_array_equal(difference[:-3], 0)


@pytest.mark.parametrize(("turns", "direction"), [(0, 0), (1, 6), (2, 4), (3, 2)])
def test_a_ramp_has_one_direction_that_turns_with_it(turns: int, direction: int) -> None:
    ramp = np.tile(np.linspace(0, 1, 64), (64, 1))  # brighter to the right: direction 0
    gradients = oriented_gradients(np.rot90(ramp, turns)).reshape(64, 8)
    assert np.linalg.norm(gradients) == pytest.approx(1)
    assert set(gradients.argmax(axis=1)) == {direction}
    assert np.linalg.norm(gradients[:, direction]) > 0.999


def test_values_that_are_no_numbers_do_no_harm(encoder) -> None:
    one = noise(6)
    spoilt = one.array.copy()
    spoilt[0, 0, :4] = (np.nan, np.inf, -np.inf, 1e30)
    image = Image(spoilt, one.geometry)
    assert check_image(image) is None
    vectors = encoder.encode([image, one])
    assert check_vectors(vectors) == [None, None]
    assert np.linalg.norm(vectors[0] - vectors[1]) < 0.2


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.full((1, 5, 5), 3), "Every voxel has the value 3"),
        (np.full((2, 5, 5), np.nan), "No voxel has a finite value"),
        (np.zeros((0, 5, 5)), "shape (0, 5, 5)"),
        (np.zeros((1, 5, 5), dtype=complex), "complex"),
    ],
)
def test_what_cannot_be_encoded_is_said(array, words: str) -> None:
    assert words in (check_image(Image(array, Geometry((5, 5, 1)))) or "")


def test_useless_vectors_are_told_apart() -> None:
    vectors = np.array([[1, 2], [np.nan, 1], [3, 3]], dtype=np.float32)
    good, bad, constant = check_vectors(vectors)
    assert good is None
    assert "not finite" in (bad or "")
    assert "one value" in (constant or "")


def test_neighbours_share_the_finding(encoder, shared: Path) -> None:
    images, facts = cohort(shared, "cxr_lung")
    patients = np.unique([fact["patient"] for fact in facts], return_inverse=True)[1]
    finding = np.array([fact["finding"] for fact in facts])
    near = nearest(encoder.encode(images), patients)
    assert (finding[near] == finding).mean() > 0.75  # chance is 0.5


def test_neighbours_of_volumes_share_the_subject_and_tell_mirrored_ones(
    encoder, shared: Path
) -> None:
    images, facts = (part[:80] for part in cohort(shared, "hippocampus"))
    subjects = np.array([fact["subject"] for fact in facts])
    paired = np.bincount(subjects)[subjects] > 1
    vectors = encoder.encode(images)
    near = nearest(vectors, np.arange(len(images)))
    assert (subjects[near] == subjects)[paired].mean() > 0.35  # chance is 0.01
    mirrored = [Image(one.array[:, :, ::-1], one.geometry) for one in images[:20]]
    everything = np.concatenate([vectors, encoder.encode(mirrored)])
    side = np.arange(len(everything)) >= len(images)
    near = nearest(everything, np.arange(len(everything)))
    assert (side[near] == side)[len(images) :].mean() > 0.9


def test_listing_encoders_and_the_default_one_need_no_torch() -> None:
    code = (
        "import sys, numpy\n"
        "from ActiveSeedLib.features.encoder import encoders, make_encoder\n"
        "from ActiveSeedLib.features import map2d, store, weights\n"
        "names = {entry.name for entry in encoders.entries()}\n"
        "assert {'descriptor', 'mobilenet', 'radimagenet'} <= names\n"
        "make_encoder('descriptor')\n"
        "heavy = {'torch', 'monai', 'sklearn', 'openTSNE', 'matplotlib'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_an_unknown_encoder_names_the_near_one() -> None:
    with pytest.raises(InputError, match="did you mean 'mobilenet'"):
        make_encoder("mobilnet")
    with pytest.raises(InputError, match="has no parameter 'slices'"):
        make_encoder("descriptor", {"slices": 3})
