"""What a user may choose about training; the defaults are the protocol of the paper."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ActiveSeedLib.errors import InputError
from ActiveSeedLib.registry import parse_parameters

NETWORKS = ("auto", "attention-unet-2d", "unet-3d")
DEVICES = ("auto", "cpu", "cuda")
PRECISIONS = ("auto", "fp32", "bf16", "fp16")
WITHOUT_INFLUENCE = ("device", "processes", "threads", "checkpoint_seconds", "cache_gib")
"""Settings under which a training is still the same one."""
PAPER_EPOCHS = 120
"""Epochs in the paper for X-ray (150 for its MR slices, with dropout 0.10)."""


@dataclass(frozen=True)
class TrainSettings:
    """How a segmentation model is trained.

    The defaults follow Levy et al. 2026 (arXiv 2601.18532), section 4.2, wherever it says
    something; their 120 epochs are halved where a CPU would be slow, unless `epochs` is given.
    """

    network: str = field(
        default="auto",
        metadata={"help": "auto, attention-unet-2d or unet-3d; auto looks at the images"},
    )
    epochs: int | None = field(
        default=None,
        metadata={
            "help": "passes over the labelled cases; empty: 120, or 60 where a CPU would be slow"
        },
    )
    steps: int | None = field(
        default=None,
        metadata={
            "help": "steps of a training, however many cases are labelled, in place of epochs"
        },
    )
    batch_size: int | None = field(
        default=None,
        metadata={"help": "images or patches per step; empty: 2, or 1 where memory is short"},
    )
    learning_rate: float | None = field(
        default=None, metadata={"help": "step size of Adam; empty: 0.001 in 2-D, 0.004 in 3-D"}
    )
    decay: str = field(
        default="auto",
        metadata={
            "help": "whether the learning rate falls to zero: auto (in 3-D only, as the paper's "
            "2-D protocol keeps it), on or off"
        },
    )
    dropout: float = field(default=0.15, metadata={"help": "dropout of the 2-D network, 0 to 1"})
    dropout_3d: float = field(default=0.0, metadata={"help": "dropout of the 3-D network, 0 to 1"})
    channels: tuple[int, ...] | None = field(
        default=None,
        metadata={"help": "feature channels a level; empty: 16-256 in 2-D, 16-128 in 3-D"},
    )
    seed: int = field(
        default=43, metadata={"help": "fixes the initial weights and the order of the batches"}
    )
    size_2d: tuple[int, int] = field(
        default=(256, 256), metadata={"help": "pixels every slice is resized to in 2-D"}
    )
    patch: tuple[int, int, int] | None = field(
        default=None, metadata={"help": "voxels of a 3-D patch, as K, J, I; empty: from the memory"}
    )
    spacing: tuple[float, float, float] | None = field(
        default=None,
        metadata={"help": "millimetres volumes are resampled to, as K, J, I; empty: the median"},
    )
    augmentation: str = field(
        default="auto",
        metadata={"help": "auto (in 3-D only, as the paper's 2-D protocol has none), on or off"},
    )
    device: str = field(default="auto", metadata={"help": "auto, cpu or cuda"})
    processes: int = field(
        default=1,
        metadata={
            "help": "GPUs (on a CPU: processes) that share each step's batch; at most batch_size"
        },
    )
    mixed_precision: str = field(
        default="auto",
        metadata={"help": "auto (on a GPU only), fp32, bf16 (on a recent CPU faster too) or fp16"},
    )
    threads: int | None = field(
        default=None, metadata={"help": "CPU threads while training; empty: as torch chooses"}
    )
    validation_fraction: float = field(
        default=0.0, metadata={"help": "share of the labelled cases kept for validation, 0 to 0.5"}
    )
    validation_minimum: int = field(
        default=10, metadata={"help": "with fewer labelled cases than this, all are trained on"}
    )
    validation_every: int = field(default=5, metadata={"help": "epochs between validations"})
    patience: int | None = field(
        default=None,
        metadata={
            "help": "stop after this many epochs without a better validation Dice and keep the "
            "best weights; empty: never stop early"
        },
    )
    checkpoint_seconds: float = field(
        default=30.0, metadata={"help": "seconds between checkpoints"}
    )
    cache_gib: float | None = field(
        default=None,
        metadata={"help": "GiB of prepared images kept in memory; empty: a third of what is free"},
    )

    def __post_init__(self) -> None:
        _one_of("network", self.network, NETWORKS)
        _one_of("device", self.device, DEVICES)
        _one_of("mixed_precision", self.mixed_precision, PRECISIONS)
        _one_of("augmentation", self.augmentation, ("auto", "on", "off"))
        _one_of("decay", self.decay, ("auto", "on", "off"))
        for name in (
            "epochs",
            "steps",
            "batch_size",
            "threads",
            "patience",
            "validation_every",
            "processes",
        ):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise InputError(f"{name} is {value}; it must be at least 1.")
        self._check_sizes()
        if self.epochs is not None and self.steps is not None:
            raise InputError("Give epochs or steps, not both: each says how long a training is.")
        if not 0 <= self.validation_fraction <= 0.5:
            raise InputError(
                f"validation_fraction is {self.validation_fraction}; it must lie in 0 to 0.5."
            )
        if not (0 <= self.dropout < 1 and 0 <= self.dropout_3d < 1):
            raise InputError("dropout and dropout_3d must lie between 0 and 1.")
        if self.seed < 0:
            raise InputError(f"seed is {self.seed}; it must be 0 or above.")
        if self.learning_rate is not None and self.learning_rate <= 0:
            raise InputError(f"learning_rate is {self.learning_rate}; it must be above 0.")

    def _check_sizes(self) -> None:
        for name, count in (("size_2d", 2), ("patch", 3), ("spacing", 3)):
            given = getattr(self, name)
            if given is not None and (len(given) != count or not all(n > 0 for n in given)):
                raise InputError(
                    f"{name} is {list(given)}; it must be {count} numbers above 0, such as "
                    f"{[64] * count if name != 'spacing' else [1.0] * count}."
                )
        levels = self.channels
        if levels is not None and (len(levels) < 2 or not all(n > 0 for n in levels)):
            raise InputError(
                f"channels is {list(levels)}; it must be at least 2 numbers above 0, such as "
                "[16, 32, 64]."
            )

    def to_json(self) -> dict[str, Any]:
        """Return the settings as plain JSON values."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "TrainSettings":
        """Return settings from (some) JSON values; unknown names and types raise `InputError`."""
        known = {f.name for f in dataclasses.fields(cls)}
        unknown = sorted(set(values) - known)
        if unknown:
            raise InputError(
                f"There is no training setting {unknown[0]!r}; choose among: "
                f"{', '.join(sorted(known))}."
            )
        plain: dict[str, Any] = {
            n: tuple(v) if isinstance(v, list) else v for n, v in values.items()
        }
        return parse_parameters("training", cls, plain)


def _one_of(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise InputError(f"{name} is {value!r}; choose one of: {', '.join(choices)}.")
