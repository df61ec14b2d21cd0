"""Which slices or patches a step sees: fixed by the seed, the epoch and the step alone."""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ActiveSeedLib.segmentation import forward
from ActiveSeedLib.segmentation.device import free_memory
from ActiveSeedLib.segmentation.plan import Plan
from ActiveSeedLib.segmentation.prepare import Prepared

SAMPLES_PER_EPOCH = 8
"""An epoch over fewer samples than this goes over them several times."""
FOREGROUND_SHARE = 0.5
"""Probability that a drawn slice shows, or a patch is centred on, the foreground."""
HELD_SHARE = 0.25
"""Of a GPU's free memory, for prepared cases; a step is planned with half of it."""
Box = tuple[int | slice, ...]
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


def torch_seed(seed: int, step: int, rank: int = 0) -> int:
    """Return the seed of torch's generator (dropout) for one step of the process `rank`."""
    entropy = [seed, _TORCH, step, *([rank] if rank else [])]
    return int(np.random.SeedSequence(entropy).generate_state(1, np.uint32)[0])


def seed_torch(value: int, device: str) -> None:
    """Seed torch's generators as `torch.manual_seed` does.

    That one also notes, at each call, who asked for the seed of a GPU not yet in use, which takes
    0.1 ms; a CPU's own generator is all that is needed there.
    """
    if device == "cpu":
        torch.default_generator.manual_seed(value)
    else:
        torch.manual_seed(value)


class Samples:
    """Prepared cases as batches on a device.

    The cases are held there where they fit; on a CPU they share the memory of the prepared ones.
    What is drawn depends on the generator alone, never on the device.
    """

    def __init__(self, cases: Sequence[Prepared], plan: Plan, device: str) -> None:
        self._cases, self._plan, self._device = cases, plan, device
        home = device if device == "cpu" or _fit(cases, device) else "cpu"
        self._images = [_tensor(case.image).to(home) for case in cases]
        self._labels = [_tensor(case.labels).to(home) for case in cases]
        self._shown = [shown_slices(case) for case in cases] if plan.is_2d else []

    def batch(
        self, chosen: Sequence[int], generator: np.random.Generator, share: slice = slice(None)
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Draw one sample from each chosen case.

        Args:
            chosen: indices of the cases.
            generator: of this step.
            share: which of the samples to return; the others are drawn all the same.

        Returns:
            Images (B, 1, ...) float32 and classes (B, 1, ...) int64, on the device.
        """
        boxes = [(index, self._draw(index, generator)) for index in chosen]
        drawn = [self._cut(index, box) for index, box in boxes[share]]
        images = torch.stack([image for image, _ in drawn])[:, None]
        labels = torch.stack([label for _, label in drawn])[:, None]
        layout = forward.memory_format(self._plan)
        return images.to(self._device, memory_format=layout), labels.to(self._device).long()

    def _draw(self, index: int, generator: np.random.Generator) -> Box:
        case = self._cases[index]
        if self._plan.is_2d:
            return (draw_slice(len(case.image), self._shown[index], generator),)
        return draw_patch(case, self._plan, generator)

    def _cut(self, index: int, box: Box) -> tuple[torch.Tensor, torch.Tensor]:
        case, patch = self._cases[index], self._plan.patch
        image, labels = self._images[index][box], self._labels[index][box]
        if patch is not None and tuple(image.shape) != patch:
            around = _padding(image.shape, patch)
            lowest = float(case.image[box].min())  # of the array: a GPU would be waited for
            image = torch.nn.functional.pad(image, around, value=lowest)
            labels = torch.nn.functional.pad(labels, around)
        return image, labels


def shown_slices(case: Prepared) -> NDArray[np.int64]:
    """Return the indices of the slices with foreground, ascending."""
    return np.unique(np.concatenate([places[:, 0] for places in case.foreground]))


def draw_slice(count: int, shown: NDArray[np.int64], generator: np.random.Generator) -> int:
    """Return the index of one of `count` slices; half the time one of those with foreground."""
    if count == 1:
        return 0
    balanced = generator.random() < FOREGROUND_SHARE and len(shown) > 0
    return int(generator.choice(shown) if balanced else generator.integers(count))


def draw_patch(case: Prepared, plan: Plan, generator: np.random.Generator) -> tuple[slice, ...]:
    """Return where a patch of the case lies; half the time it is centred on the foreground.

    The foreground's classes are equally likely. Where the case is smaller than the patch, so is
    what is returned.
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
    return tuple(slice(int(s), int(s + n)) for s, n in zip(start, patch, strict=True))


def _padding(shape: Sequence[int], patch: Sequence[int]) -> list[int]:
    """Return what torch's `pad` adds before and after, last axis first, to reach the patch."""
    around: list[int] = []
    for have, want in zip(reversed(shape), reversed(patch), strict=True):
        missing = want - have
        around += [missing // 2, missing - missing // 2]
    return around


def _tensor(array: NDArray[Any]) -> torch.Tensor:
    """Return a tensor on the array's memory, which may be a file's."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*not writable")  # nothing is written
        return torch.from_numpy(array)


def _fit(cases: Sequence[Prepared], device: str) -> bool:
    held = sum(case.image.nbytes + case.labels.nbytes for case in cases)
    return held <= free_memory(device).free * HELD_SHARE
