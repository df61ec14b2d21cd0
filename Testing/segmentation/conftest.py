"""Small generated cases and a recording progress."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from ActiveSeedLib.pool.case import Geometry, Image
from ActiveSeedLib.progress import Progress
from ActiveSeedLib.segmentation.settings import TrainSettings
from ActiveSeedLib.segmentation.training import TrainingCase

VALUES = (3, 7)
TINY = TrainSettings(
    channels=(8, 16), epochs=3, learning_rate=1e-2, device="cpu", augmentation="off", threads=1
)


def volume_case(seed: int, shape: tuple[int, int, int] = (16, 20, 18)) -> tuple[Image, Image]:
    """A bright ball (value 3) and a dark box (value 7) in noise, and its label map."""
    generator = np.random.default_rng(seed)
    k, j, i = np.indices(shape)
    centre = [n / 2 + generator.uniform(-1, 1) for n in shape]
    ball = (k - centre[0]) ** 2 + (j - centre[1] + 4) ** 2 + (i - centre[2]) ** 2 < 14
    box = (abs(k - centre[0]) < 3) & (abs(j - centre[1] - 4) < 3) & (abs(i - centre[2]) < 3)
    array = generator.normal(100, 4, shape) + 60 * ball - 60 * box
    labels = (ball * 3 + box * 7).astype(np.uint8)
    geometry = Geometry((shape[2], shape[1], shape[0]))
    return Image(array.astype(np.float32), geometry), Image(labels, geometry)


def slice_case(seed: int, size: int = 40) -> tuple[Image, Image]:
    """The middle slice of such a volume."""
    image, label = volume_case(seed, (16, size, size))
    geometry = Geometry((size, size, 1))
    return Image(image.array[8:9], geometry), Image(label.array[8:9], geometry)


def training_case(seed: int, pair: tuple[Image, Image] | None = None) -> TrainingCase:
    image, label = pair or volume_case(seed)
    return TrainingCase(f"{seed:032x}", lambda: image, lambda: label)


class Recorder:
    """Remembers what a job reports; `stop` is asked for cancel."""

    def __init__(self, stop: Callable[["Recorder"], bool] = lambda _: False) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.progress = Progress(self._hear, lambda: stop(self))

    def _hear(self, kind: str, values: dict[str, Any]) -> None:
        self.events.append((kind, values))

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [values for name, values in self.events if name == kind]

    @property
    def notes(self) -> str:
        return "\n".join(values["text"] for values in self.of("note"))


@pytest.fixture(scope="session")
def given() -> SimpleNamespace:
    """The generators above, since test files cannot import one another."""
    return SimpleNamespace(
        values=VALUES,
        tiny=TINY,
        volume_case=volume_case,
        slice_case=slice_case,
        training_case=training_case,
        Recorder=Recorder,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "model"
