"""Which slices or patches a step sees: fixed by the seed, the epoch and the step alone."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from ActiveSeedLib.segmentation.plan import Plan
from ActiveSeedLib.segmentation.prepare import Prepared

SAMPLES_PER_EPOCH = 8
"""An epoch over fewer samples than this goes over them several times."""
FOREGROUND_SHARE = 0.5
"""Probability that a drawn slice shows, or a patch is centred on, the foreground."""
_ORDER, _DRAW, _TORCH = 1, 2, 3


def epoch_order(cases: Sequence[Prepared], plan: Plan, seed: int, epoch: int) -> list[int]:
    """Return the indices of the cases to draw samples from, in order, for this epoch."""
    entries = []
    for index, case in enumerate(cases):
        draws = min(plan.samples_per_case, len(case.image)) if plan.is_2d else plan.samples_per_case
        entries += [index] * draws
    entries *= -(-SAMPLES_PER_EPOCH // len(entries))
    generator = np.random.default_rng([seed, _ORDER, epoch])
    return [entries[i] for i in generator.permutation(len(entries))]


def steps_an_epoch(cases: Sequence[Prepared], plan: Plan) -> int:
    """Return how many steps take one sample of each entry of `epoch_order`."""
    return -(-len(epoch_order(cases, plan, 0, 0)) // plan.batch)


def step_generator(seed: int, step: int) -> np.random.Generator:
    """Return the generator for the draws and the augmentation of one step."""
    return np.random.default_rng([seed, _DRAW, step])


def torch_seed(seed: int, step: int) -> int:
    """Return the seed of torch's generator (dropout) for one step."""
    return int(np.random.SeedSequence([seed, _TORCH, step]).generate_state(1, np.uint32)[0])


def make_batch(
    cases: Sequence[Prepared], plan: Plan, generator: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Draw one sample from each case; return images (B, 1, ...) float32 and classes, int64."""
    drawn = [
        draw_slice(case, generator) if plan.is_2d else draw_patch(case, plan, generator)
        for case in cases
    ]
    images = torch.from_numpy(np.stack([image for image, _ in drawn])[:, None])
    labels = torch.from_numpy(np.stack([label for _, label in drawn])[:, None].astype(np.int64))
    return images, labels


def draw_slice(
    case: Prepared, generator: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Return one slice of the case and its classes; half the time one with foreground."""
    count = len(case.image)
    index = 0
    if count > 1:
        shown = np.unique(np.concatenate([places[:, 0] for places in case.foreground]))
        balanced = generator.random() < FOREGROUND_SHARE and len(shown) > 0
        index = int(generator.choice(shown) if balanced else generator.integers(count))
    return np.asarray(case.image[index]), case.labels[index]


def draw_patch(
    case: Prepared, plan: Plan, generator: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Return one patch of the case and its classes; half the time centred on the foreground.

    The foreground's classes are equally likely. Where the case is smaller than the patch it is
    padded on both sides with its lowest value.
    """
    assert plan.patch is not None
    shape, patch = np.array(case.image.shape), np.array(plan.patch)
    room = np.maximum(shape - patch, 0)
    start = np.zeros(3, dtype=np.int64)
    if room.any():
        start = generator.integers(room + 1)
        present = [places for places in case.foreground if len(places)]
        if present and generator.random() < FOREGROUND_SHARE:
            places = present[generator.integers(len(present))]
            centre = places[generator.integers(len(places))]
            start = np.clip(centre - patch // 2, 0, room)
    box = tuple(slice(int(s), int(s + n)) for s, n in zip(start, patch, strict=True))
    image, labels = np.asarray(case.image[box]), case.labels[box]
    missing = patch - np.array(image.shape)
    if missing.any():
        width = [(int(m) // 2, int(m) - int(m) // 2) for m in missing]
        image = np.pad(image, width, constant_values=image.min())
        labels = np.pad(labels, width)
    return image, labels
