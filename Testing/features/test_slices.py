"""From a volume to slices."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ActiveSeedLib.features import slices
from ActiveSeedLib.pool.case import Geometry, Image


def image(shape: tuple[int, int, int], spacing: tuple[float, float, float]) -> Image:
    array = np.arange(np.prod(shape), dtype=np.int16).reshape(shape)
    return Image(array, Geometry(shape[::-1], spacing))


@pytest.mark.parametrize(
    ("size_ijk", "spacing_ijk", "axis_kji"),
    [
        ((512, 512, 40), (0.5, 0.5, 5.0), 0),  # thick axial slices
        ((40, 256, 256), (4.0, 1.0, 1.0), 2),  # sagittal
        ((256, 30, 256), (1.0, 6.0, 1.0), 1),  # coronal
        ((34, 52, 35), (1.0, 1.0, 1.0), 2),  # equal spacing: fewest voxels
        ((50, 50, 50), (1.0, 1.0, 1.0), 0),  # all equal: K
        ((30, 60, 60), (1.0, 1.0001, 1.0), 2),  # a rounding of the header decides nothing
        ((256, 256, 1), (3.0, 3.0, 1.0), 0),  # a single slice
    ],
)
def test_slicing_along_the_coarsest_axis(size_ijk, spacing_ijk, axis_kji) -> None:
    assert Geometry(size_ijk, spacing_ijk).coarsest_axis == axis_kji


@given(total=st.integers(1, 400), count=st.integers(1, 50))
def test_slices_are_evenly_spaced_and_symmetric(total: int, count: int) -> None:
    chosen = slices.evenly_spaced(total, count)
    assert len(chosen) == min(total, count)
    assert len(set(chosen)) == len(chosen)
    assert chosen[0] >= 0
    assert chosen[-1] < total
    gaps = np.diff(chosen)
    assert gaps.size == 0 or gaps.max() - gaps.min() <= 1
    assert abs(chosen[0] - (total - 1 - chosen[-1])) <= 1


def test_the_slices_taken_are_those_of_the_volume() -> None:
    volume = image((6, 4, 5), (1.0, 1.0, 1.0))
    for axis in range(3):
        pages = slices.slices_of(volume, axis, 2, (0.0, 120.0))
        half = volume.array.shape[axis] / 4
        for page, index in zip(pages, (int(half), int(half * 3)), strict=True):
            expected = np.take(volume.array, index, axis=axis) / 120.0
            np.testing.assert_allclose(page, expected, rtol=1e-6)


def test_outliers_and_what_is_not_a_number_do_not_move_the_window() -> None:
    values = np.random.default_rng(0).uniform(100, 200, size=(10, 100, 100))
    low, high = slices.intensity_window(slices.sample(values))
    spoilt = values.copy()
    spoilt[0, 0, :3] = (1e9, np.nan, -np.inf)
    window = slices.intensity_window(slices.sample(spoilt))
    assert window == pytest.approx((low, high), abs=0.1)
    shown = slices.normalised(spoilt, window)
    assert shown.min() == 0
    assert shown.max() == 1
    assert shown[0, 0, :3].tolist() == [1, 0, 0]


def test_a_mostly_empty_image_keeps_its_range() -> None:
    array = np.zeros((1, 64, 64))
    array[0, 3, 4] = 7
    assert slices.intensity_window(slices.sample(array)) == (0, 7)


def test_the_sample_of_a_large_volume_sees_every_column() -> None:
    array = np.broadcast_to(np.arange(1000, dtype=np.float32), (3, 1000, 1000))
    seen = slices.sample(np.ascontiguousarray(array))
    assert 900_000 < seen.size < 1_100_000
    assert len(np.unique(seen)) == 1000


def test_squares_keep_mean_and_orientation() -> None:
    page = np.zeros((1, 120, 60), dtype=np.float32)
    page[0, :60] = 1
    square = slices.squares(page, 32)
    assert square.shape == (1, 32, 32)
    assert square.mean() == pytest.approx(0.5, abs=1e-3)
    assert square[0, :15].min() == pytest.approx(1)
    assert square[0, 17:].max() == pytest.approx(0)
