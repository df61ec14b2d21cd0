"""Dice and HD95 against hand-worked cases, brute force and MONAI."""

import numpy as np
import pytest
from hypothesis import given as over
from hypothesis import settings, strategies
from hypothesis.extra.numpy import arrays

from ActiveSeedLib.errors import InputError
from ActiveSeedLib.segmentation.metrics import dice, hd95, score, surface

masks = strategies.tuples(*(strategies.integers(1, 6) for _ in range(3))).flatmap(
    lambda shape: strategies.tuples(arrays(bool, shape), arrays(bool, shape))
)
spacings = strategies.tuples(*(strategies.sampled_from((0.5, 1.0, 2.5)) for _ in range(3)))


def brute_surface(mask):
    """Voxels with a face to the outside, along the axes that have more than one voxel."""
    found = []
    for index in np.argwhere(mask):
        for axis in range(3):
            for step in (-1, 1):
                other = index.copy()
                other[axis] += step
                outside = not 0 <= other[axis] < mask.shape[axis]
                if mask.shape[axis] > 1 and (outside or not mask[tuple(other)]):
                    found.append(tuple(index))
    return sorted(set(found))


def brute_hd95(first, second, spacing):
    steps = np.array(spacing[::-1])
    sides = [np.array(brute_surface(m)).reshape(-1, 3) * steps for m in (first, second)]
    distances = np.linalg.norm(sides[0][:, None] - sides[1][None], axis=-1)
    return max(np.percentile(distances.min(axis=a), 95) for a in (0, 1))


@over(masks, spacings)
@settings(max_examples=200)
def test_equals_brute_force(pair, spacing):
    first, second = pair
    assert sorted(map(tuple, surface(first))) == brute_surface(first) or first.size == 1
    total = first.sum() + second.sum()
    expected = (
        2 * sum(a and b for a, b in zip(first.flat, second.flat, strict=True)) / max(total, 1)
    )
    assert dice(first, second) == pytest.approx(expected if total else 1.0)
    if brute_surface(first) and brute_surface(second):
        assert hd95(first, second, spacing) == pytest.approx(brute_hd95(first, second, spacing))


def test_two_squares_a_step_apart():
    """Two 4×4 squares, one column apart: 12 of 16 pixels shared; columns are 2 mm wide."""
    first, second = np.zeros((2, 1, 8, 8), bool)
    first[0, 2:6, 1:5] = True
    second[0, 2:6, 2:6] = True
    assert dice(first, second) == 0.75
    # contours of 12 pixels; 4 of each lie a column (2 mm) off and 2 inner ones a row (1 mm) off
    assert hd95(first, second, (2.0, 1.0, 1.0)) == 2.0


@pytest.mark.parametrize(
    ("filled", "expected"),
    [((), (1.0, 0.0)), ((0,), (0.0, 5.0)), ((1,), (0.0, 5.0)), ((0, 1), (1.0, 0.0))],
)
def test_empty_masks_score_the_best_or_the_worst(filled, expected):
    pair = np.zeros((2, 1, 3, 5), np.uint8)  # centres at most 2·1.5 and 4·1 mm apart: 5 mm
    for side in filled:
        pair[side, 0, 1, 2] = 4
    result = score(pair[0], pair[1], (1.0, 1.5, 9.0), (4,))
    assert (result["dice"], result["hd95"]) == expected


def test_classes_are_scored_apart_and_averaged():
    reference = np.zeros((4, 6, 6), np.uint16)
    reference[1:3, 1:3, 1:3], reference[1:3, 4, 4] = 3, 700
    prediction = np.where(reference == 700, 0, reference)
    result = score(prediction, reference, (1.0, 1.0, 1.0), (3, 700))
    assert result["classes"]["3"] == {"dice": 1.0, "hd95": 0.0}
    assert result["classes"]["700"]["dice"] == 0.0
    assert result["dice"] == 0.5
    assert result["hd95"] == pytest.approx(np.sqrt(9 + 25 + 25) / 2)


def test_equals_monai_for_bodies_inside_the_image():
    import torch
    from monai.metrics import compute_hausdorff_distance

    k, j, i = np.indices((20, 24, 28))
    first = (k - 9) ** 2 + (j - 11) ** 2 + (i - 13) ** 2 < 40
    second = (k - 10) ** 2 + (j - 12) ** 2 + (i - 16) ** 2 < 55
    theirs = compute_hausdorff_distance(
        *(torch.from_numpy(m[None, None].astype(np.float32)) for m in (first, second)),
        include_background=True,
        percentile=95,
        spacing=[3.0, 0.8, 1.2],
    )
    assert hd95(first, second, (1.2, 0.8, 3.0)) == pytest.approx(theirs.item(), rel=1e-5)


def test_label_maps_of_different_images_are_refused():
    with pytest.raises(InputError, match="same image"):
        score(np.zeros((1, 2, 2), np.uint8), np.zeros((1, 2, 3), np.uint8), (1, 1, 1), (1,))
