"""From the labelled cases and the memory at hand to the network, its input and its batches."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ActiveSeedLib.errors import InputError, OutOfMemoryError
from ActiveSeedLib.pool.case import Geometry
from ActiveSeedLib.pool.orientation import canonical_axes
from ActiveSeedLib.segmentation.device import Memory
from ActiveSeedLib.segmentation.settings import PAPER_EPOCHS, TrainSettings

CPU_EPOCHS = 60
THIN_SLICES = 16
"""Volumes with fewer slices than this along an axis are taken slice by slice."""
THIN_RATIO = 3.0
"""So are volumes whose slices are this much thicker than their pixels are wide."""
CHANNELS = {
    "attention-unet-2d": (16, 32, 64, 128, 256),
    "unet-3d": (16, 32, 64, 128),
}
LEARNING_RATE = {"attention-unet-2d": 1e-3, "unet-3d": 4e-3}
"""The paper's in 2-D. In 3-D, falling to zero, the higher one reached after 100 steps on eight
hippocampus volumes what 1e-3 took 240 for: a Dice of 0.78 on unseen patients."""
LARGEST_PATCH = {"cpu": 96**3, "cuda": 160**3}
"""Voxels; on a CPU a step with two such patches takes about a second."""
SMALLEST_PATCH = 32**3
QUICK_PATCH = 64**3
"""Voxels; a step with two such patches takes a CPU about a quarter of a second."""
MEMORY_SHARE = 0.5
SLICES_PER_CASE = 8
LARGEST_SHARE_OF_PATCHES = 8


@dataclass(frozen=True)
class Plan:
    """What is trained and on what; JSON-able.

    Attributes:
        network: "attention-unet-2d" or "unet-3d".
        channels: feature channels of each level; each level halves the size.
        dropout: share of the features dropped while training.
        size_2d: rows and columns every slice is resized to (2-D only).
        slice_axis: canonical axis (0, 1, 2 for S, P, L) across which volumes are sliced in 2-D.
        spacing: millimetres along the canonical axes S, P, L (3-D only).
        patch: voxels of one network input along S, P, L (3-D only).
        whole: whether one patch covers every labelled case.
        batch: images or patches per step.
        epochs: passes over the cases.
        samples_per_case: slices or patches drawn from a case in one epoch.
        augment: whether inputs are changed at random while training.
        learning_rate: of Adam, at the start.
        decay: whether the learning rate falls to zero (power 0.9) rather than staying constant.
        sentences: what was chosen and why, in words.
    """

    network: str
    channels: tuple[int, ...]
    dropout: float
    batch: int
    epochs: int
    samples_per_case: int
    augment: bool
    learning_rate: float
    decay: bool
    size_2d: tuple[int, int] | None = None
    slice_axis: int = 0
    spacing: tuple[float, float, float] | None = None
    patch: tuple[int, int, int] | None = None
    whole: bool = True
    sentences: tuple[str, ...] = ()

    @property
    def is_2d(self) -> bool:
        """Whether the network sees single slices."""
        return self.network == "attention-unet-2d"

    def to_json(self) -> dict[str, Any]:
        """Return the plan as plain JSON values."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Plan":
        """Return the plan that `to_json` gave."""
        plain: dict[str, Any] = {
            n: tuple(v) if isinstance(v, list) else v for n, v in values.items()
        }
        return cls(**plain)


def make_plan(
    geometries: Sequence[Geometry], settings: TrainSettings, memory: Memory, classes: int = 2
) -> Plan:
    """Choose the network and its input for cases of these `geometries`.

    Single slices, thin volumes and a short memory lead to the paper's 2-D network (volumes are
    then taken slice by slice along their coarsest axis), other volumes to a 3-D network.

    Args:
        geometries: of the labelled cases, in any order.
        settings: what the user chose; what is None is chosen here.
        memory: free bytes of the device that will train.
        classes: background included.
    """
    if not geometries:
        raise InputError("There is no labelled case to train on: label some cases first.")
    network, reason = _choose_network(geometries, settings, memory, classes)
    if network == "attention-unet-2d":
        return _plan_2d(geometries, settings, memory, classes, reason)
    return _plan_3d(geometries, settings, memory, classes, reason)


def smaller(plan: Plan) -> Plan | None:
    """Return the plan with half the batch, else a smaller patch; None if there is none."""
    if plan.batch > 1:
        return dataclasses.replace(plan, batch=plan.batch // 2)
    if plan.patch is None or int(np.prod(plan.patch)) <= SMALLEST_PATCH:
        return None
    stride = 2 ** (len(plan.channels) - 1)
    patch = _shrink(plan.patch, int(np.prod(plan.patch)) // 2, stride)
    return dataclasses.replace(plan, patch=patch, whole=False) if patch != plan.patch else None


def step_bytes(network: str, voxels: int, classes: int) -> int:
    """Return about how many bytes one sample of `voxels` takes in a training step.

    Measured as peak resident memory with the default channels in fp32, on a CPU: 3,200 to 3,450
    bytes a pixel for the Attention U-Net (2 to 8 classes), 220 to 385 a voxel for the 3-D U-Net
    (3 to 10 classes); its first convolution halves the grid.
    """
    per_voxel = 3200 + 40 * classes if network == "attention-unet-2d" else 220 + 25 * classes
    return voxels * per_voxel


def _choose_network(
    geometries: Sequence[Geometry], settings: TrainSettings, memory: Memory, classes: int
) -> tuple[str, str]:
    flat = [1 in g.size for g in geometries]
    if settings.network == "unet-3d" and any(flat):
        raise InputError(
            "The 3-D network was asked for, but some labelled cases are single slices: "
            "choose the network auto or attention-unet-2d."
        )
    if settings.network != "auto":
        return settings.network, "as chosen"
    if any(flat):
        return "attention-unet-2d", "since there are single-slice images"
    slices = int(np.median([min(g.size) for g in geometries]))
    if slices < THIN_SLICES:
        return "attention-unet-2d", f"since the volumes have only about {slices} slices"
    spacing = np.median([_spacing(g) for g in geometries], axis=0)
    ratio = float(spacing.max() / spacing.min())
    if ratio > THIN_RATIO:
        words = f"since the slices are {ratio:.1f} times as thick as the pixels are wide"
        return "attention-unet-2d", words
    if step_bytes("unet-3d", SMALLEST_PATCH, classes) > memory.free * MEMORY_SHARE:
        return "attention-unet-2d", "since the memory is too short for patches of a volume"
    return "unet-3d", "since the cases are volumes"


def _plan_2d(
    geometries: Sequence[Geometry],
    settings: TrainSettings,
    memory: Memory,
    classes: int,
    reason: str,
) -> Plan:
    channels = settings.channels or CHANNELS["attention-unet-2d"]
    stride = 2 ** (len(channels) - 1)
    rows, columns = settings.size_2d
    if rows % stride or columns % stride:
        raise InputError(
            f"size_2d is {rows}×{columns}; both must be multiples of {stride} for this network."
        )
    if rows * columns <= stride**2:
        raise InputError(
            f"size_2d is {rows}×{columns}; one of them must be above {stride} for this network."
        )
    batch = _batch(settings, memory, step_bytes("attention-unet-2d", rows * columns, classes))
    volumes = [_spacing(g) for g in geometries if 1 not in g.size]
    axis = int(np.argmax(np.median(volumes, axis=0))) if volumes else 0
    epochs = _epochs(settings, memory, small=False)
    sentences = [
        f"A 2-D Attention U-Net, {reason}; every slice is resized to {rows}×{columns} pixels.",
        f"{_length(settings, epochs)} with {batch} slice{'s' * (batch > 1)} a step.",
    ]
    if volumes:
        name = ("head-foot", "back-front", "left-right")[axis]
        sentences.insert(1, f"Volumes are taken slice by slice along {name}, their coarsest axis.")
    return Plan(
        network="attention-unet-2d",
        channels=channels,
        dropout=settings.dropout,
        batch=batch,
        epochs=epochs,
        samples_per_case=SLICES_PER_CASE,
        augment=settings.augmentation == "on",
        learning_rate=settings.learning_rate or LEARNING_RATE["attention-unet-2d"],
        decay=settings.decay == "on",
        size_2d=settings.size_2d,
        slice_axis=axis,
        sentences=tuple(sentences),
    )


def _plan_3d(
    geometries: Sequence[Geometry],
    settings: TrainSettings,
    memory: Memory,
    classes: int,
    reason: str,
) -> Plan:
    channels = settings.channels or CHANNELS["unet-3d"]
    stride = 2 ** (len(channels) - 1)
    median = np.median([_spacing(g) for g in geometries], axis=0)
    spacing = settings.spacing or _triple(round(float(s), 4) for s in median)
    shapes = np.array([grid_shape(g, spacing) for g in geometries])
    patch = _patch(shapes, settings, memory, classes, stride)
    if max(patch) == stride:  # its norms need more than one voxel at the coarsest level
        patch = (stride, stride, 2 * stride)
    whole = bool((shapes.max(axis=0) <= patch).all())
    batch = _batch(settings, memory, step_bytes("unet-3d", int(np.prod(patch)), classes))
    share = float(np.median(shapes.prod(axis=1))) / float(np.prod(patch))
    draws = 1 if whole else int(np.clip(round(share), 2, LARGEST_SHARE_OF_PATCHES))
    epochs = _epochs(settings, memory, small=whole and int(np.prod(patch)) <= QUICK_PATCH)
    size, mm = "×".join(map(str, patch)), "×".join(f"{s:g}" for s in spacing)
    covering = "which covers each of them" if whole else f"{draws} drawn from each in an epoch"
    return Plan(
        network="unet-3d",
        channels=channels,
        dropout=settings.dropout_3d,
        batch=batch,
        epochs=epochs,
        samples_per_case=draws,
        augment=settings.augmentation != "off",
        learning_rate=settings.learning_rate or LEARNING_RATE["unet-3d"],
        decay=settings.decay != "off",
        spacing=spacing,
        patch=patch,
        whole=whole,
        sentences=(
            f"A 3-D U-Net, {reason}; they are resampled to {mm} mm (slices, rows, columns).",
            f"One input is a patch of {size} voxels, {covering}.",
            f"{_length(settings, epochs)} with {batch} patch{'es' * (batch > 1)} a step.",
        ),
    )


def grid_shape(geometry: Geometry, spacing: tuple[float, float, float]) -> tuple[int, int, int]:
    """Return the shape along S, P, L of the volume resampled to `spacing` (S, P, L)."""
    axes, _ = canonical_axes(geometry)
    size = [geometry.shape[a] for a in axes]
    lengths = zip(size, _spacing(geometry), spacing, strict=True)
    return _triple(max(1, round(n * own / target)) for n, own, target in lengths)


def _spacing(geometry: Geometry) -> tuple[float, float, float]:
    """Return the spacing along the canonical axes S, P, L."""
    axes, _ = canonical_axes(geometry)
    return _triple(geometry.spacing[2 - a] for a in axes)


def _patch(
    shapes: np.ndarray[Any, np.dtype[np.int64]],
    settings: TrainSettings,
    memory: Memory,
    classes: int,
    stride: int,
) -> tuple[int, int, int]:
    """Return a patch that covers every case if it may be that large, else the median shape's."""
    if settings.patch is not None:
        return _triple(-(-n // stride) * stride for n in settings.patch)
    per_voxel = step_bytes("unet-3d", 1, classes)
    affordable = int(memory.free * MEMORY_SHARE / per_voxel)
    largest = max(min(LARGEST_PATCH[memory.device], affordable), stride**3)
    covering = _triple(-(-int(n) // stride) * stride for n in shapes.max(axis=0))
    if np.prod(covering) <= largest:
        return covering
    middle = _triple(-(-int(n) // stride) * stride for n in np.median(shapes, axis=0))
    return _shrink(middle, largest, stride)


def _shrink(patch: tuple[int, int, int], largest: int, stride: int) -> tuple[int, int, int]:
    """Return `patch` with its longest sides shortened until it has at most `largest` voxels."""
    sides = list(patch)
    while np.prod(sides) > largest and max(sides) > stride:
        sides[sides.index(max(sides))] -= stride
    return _triple(sides)


def _epochs(settings: TrainSettings, memory: Memory, *, small: bool) -> int:
    """Return the epochs: as chosen, else the paper's, and half of them where a CPU is slow.

    On a CPU eight X-rays reached their Dice on unseen patients (0.93) within 40 epochs.
    """
    fast = memory.device == "cuda" or small
    return settings.epochs or (PAPER_EPOCHS if fast else CPU_EPOCHS)


def _length(settings: TrainSettings, epochs: int) -> str:
    """Return in words how long a training is; the epochs that steps come to are known later."""
    return f"{epochs} epochs" if settings.steps is None else f"{settings.steps} steps"


def _batch(settings: TrainSettings, memory: Memory, sample: int) -> int:
    """Return the batch size: as chosen, else two, or one where memory is short."""
    affordable = int(memory.free * MEMORY_SHARE) // sample
    if affordable < 1:
        raise OutOfMemoryError(
            f"A training step needs about {sample >> 20} MiB, but only {memory.free >> 20} MiB "
            "are free: close other programs or choose a smaller size_2d or patch."
        )
    return settings.batch_size or min(2, affordable)


def _triple(values: Any) -> tuple[Any, Any, Any]:
    first, second, third = values
    return (first, second, third)
