"""From an image's voxels to the grid and back: flips, turns, oblique and unequal spacings."""

from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import given as over
from hypothesis import strategies

from ActiveSeedLib.pool.case import Geometry
from ActiveSeedLib.pool.orientation import Orientation
from ActiveSeedLib.segmentation.device import Memory
from ActiveSeedLib.segmentation.plan import grid_shape, make_plan
from ActiveSeedLib.segmentation.preprocess import Frame, normalise, resize_linear
from ActiveSeedLib.segmentation.settings import TrainSettings

TURNS = [(order, signs) for order in permutations(range(3)) for signs in product((1, -1), repeat=3)]


def acquired(size_lps, spacing_lps, order, signs, tilt=0.0):
    """The geometry whose I, J, K run along `signs` times the world axes `order`, tilted."""
    cosine, sine = np.cos(tilt), np.sin(tilt)
    turn = np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]])
    turn = turn @ np.array([[1, 0, 0], [0, cosine, -sine], [0, sine, cosine]])
    direction = np.zeros((3, 3))
    for column, (axis, sign) in enumerate(zip(order, signs, strict=True)):
        direction[:, column] = sign * turn[:, axis]
    return Geometry(
        tuple(size_lps[a] for a in order),
        tuple(spacing_lps[a] for a in order),
        (5.0, -7.0, 11.0),
        tuple(direction.ravel()),
    )


def positions(geometry, indices_kji):
    """LPS positions (mm) of fractional KJI indices, (n, 3)."""
    matrix = np.array(geometry.direction).reshape(3, 3) * np.array(geometry.spacing)
    return np.array(geometry.origin) + indices_kji[:, ::-1] @ matrix.T


def along(geometry, axis, world):
    """An image whose voxels hold their position along the (tilted) axis nearest `world`."""
    indices = np.argwhere(np.ones(geometry.shape, bool))
    values = positions(geometry, indices) @ axis
    return values.reshape(geometry.shape).astype(np.float32)


@pytest.mark.parametrize(("order", "signs"), TURNS)
def test_flipped_and_turned_acquisitions_agree(order, signs):
    """The same body, stored in all 48 ways (and slightly tilted), is one canonical array."""
    body = np.random.default_rng(0).normal(size=(4, 5, 6)).astype(np.float32)  # S, P, L
    geometry = acquired((6, 5, 4), (1.0, 1.0, 1.0), order, signs, tilt=0.3)
    stored = np.transpose(body, [2 - a for a in order[::-1]])
    stored = stored[tuple(slice(None, None, s) for s in signs[::-1])]
    assert stored.shape == geometry.shape
    orientation = Orientation.canonical(geometry)
    np.testing.assert_array_equal(orientation.forward(stored), body)
    np.testing.assert_array_equal(orientation.backward(body), stored)


@over(
    strategies.tuples(*(strategies.integers(1, 5) for _ in range(3))),
    strategies.sampled_from(TURNS),
    strategies.integers(0, 2),
)
def test_slices_and_back_are_exact(size, turn, axis):
    geometry = acquired(size, (1.0, 2.0, 3.0), *turn, tilt=0.2)
    array = np.arange(np.prod(size)).reshape(geometry.shape)
    orientation = Orientation.slices(geometry, axis)
    np.testing.assert_array_equal(orientation.backward(orientation.forward(array)), array)
    if 1 in size and max(size) > 1:
        assert orientation.forward(array).shape[0] == 1


@pytest.mark.parametrize("target", [(1.0, 1.0, 1.0), (0.7, 1.9, 1.3), (2.4, 2.0, 3.1)])
@pytest.mark.parametrize(("order", "signs"), [TURNS[0], TURNS[13], TURNS[30], TURNS[47]])
def test_grid_lies_where_the_image_lies(order, signs, target):
    """A ramp along each axis, resampled, holds at inner grid voxels that voxel's position."""
    geometry = acquired((30, 27, 24), (0.9, 1.2, 2.0), order, signs, tilt=0.3)
    plan = make_plan([geometry], TrainSettings(network="unet-3d", spacing=target), Memory(2**33))
    frame = Frame.of(geometry, plan)
    assert frame.grid == grid_shape(geometry, target)
    canonical = acquired((30, 27, 24), (0.9, 1.2, 2.0), (0, 1, 2), (1, 1, 1), tilt=0.3)
    axes = np.array(canonical.direction).reshape(3, 3).T[::-1]  # unit vectors S, P, L
    for place, axis in enumerate(axes):
        ramp = along(geometry, axis, place)
        raw = resize_linear(frame.orientation.forward(ramp), frame.grid)
        low, high = ramp.min(), ramp.max()
        voxel = (high - low) / (frame.shape[place] - 1)
        step = voxel * frame.shape[place] / frame.grid[place]
        expected = low - voxel / 2 + (np.arange(frame.grid[place]) + 0.5) * step
        lines = np.moveaxis(raw, place, -1)[..., 4:-4]
        # averaging while shrinking weighs whole voxels, so a position is off by up to a tenth
        tolerance = 0.1 * voxel if step > voxel else 2e-3
        wanted = np.broadcast_to(expected[4:-4], lines.shape)
        np.testing.assert_allclose(lines, wanted, atol=tolerance)
        inner = tuple(slice(6, -6) for _ in range(3))
        back = frame.from_grid(raw)
        np.testing.assert_allclose(back[inner], ramp[inner], atol=0.2 * voxel)


def test_labels_keep_their_place_through_the_grid():
    geometry = acquired((40, 40, 40), (1.0, 1.0, 1.0), *TURNS[29], tilt=0.2)
    plan = make_plan(
        [geometry], TrainSettings(network="unet-3d", spacing=(0.8, 1.3, 1.1)), Memory(2**33)
    )
    frame = Frame.of(geometry, plan)
    k, j, i = np.indices(geometry.shape)
    ball = ((k - 12) ** 2 + (j - 25) ** 2 + (i - 17) ** 2 < 80).astype(np.uint8)
    back = frame.from_grid(frame.labels_to_grid(ball).astype(np.float32)) > 0.5
    overlap = 2 * (back & (ball > 0)).sum() / (back.sum() + ball.sum())
    assert overlap > 0.95


def test_nothing_changes_where_the_grid_is_the_image():
    geometry = acquired((6, 5, 4), (1.0, 1.0, 1.0), *TURNS[17])
    plan = make_plan([geometry], TrainSettings(network="unet-3d"), Memory(2**33))
    frame = Frame.of(geometry, plan)
    array = np.random.default_rng(0).normal(size=geometry.shape).astype(np.float32)
    np.testing.assert_array_equal(frame.from_grid(frame.image_to_grid(array)), normalise(array))


def test_z_scores_by_hand_and_of_odd_images():
    """1, 2, 3 have mean 2 and standard deviation √(2/3)."""
    found = normalise(np.array([1, 2, 3], np.uint8))
    np.testing.assert_allclose(found, np.array([-1, 0, 1]) / np.sqrt(2 / 3), rtol=1e-6)
    np.testing.assert_array_equal(normalise(np.full((2, 2), 9)), 0)
    np.testing.assert_array_equal(normalise(np.full(3, np.nan)), 0)
    with_gap = normalise(np.array([1, np.nan, 2, 3, np.inf], np.float32))
    np.testing.assert_allclose(with_gap, np.array([-1, 0, 0, 1, 0]) / np.sqrt(2 / 3), rtol=1e-6)
