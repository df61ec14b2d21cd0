"""A trained model applied to images: label maps, entropy and where it is least sure."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from ActiveSeedLib.errors import OutOfMemoryError
from ActiveSeedLib.pool.case import Geometry, Image
from ActiveSeedLib.progress import Progress
from ActiveSeedLib.segmentation import forward, uncertainty
from ActiveSeedLib.segmentation.device import choose_device, is_out_of_memory
from ActiveSeedLib.segmentation.model_file import load_model
from ActiveSeedLib.segmentation.preprocess import Frame, image_on_grid

T = TypeVar("T")


@dataclass(frozen=True)
class Prediction:
    """What a model says about one image; arrays are KJI in the image's own geometry.

    Attributes:
        labels: label map with the schema's values; uint8, or uint16 where a value needs it.
        entropy_map: nats per voxel, float32; at most ln(classes).
        mean_entropy: over all voxels (Levy et al. 2026, eq. 6).
        foreground_entropy: over the dilated predicted foreground (`uncertainty`), or over the
            whole image where nothing is predicted.
        confidence: mean over all voxels of the highest class probability.
        most_uncertain_slice: index along the coarsest axis of the highest mean entropy.
    """

    labels: NDArray[np.uint8] | NDArray[np.uint16]
    entropy_map: NDArray[np.float32]
    mean_entropy: float
    foreground_entropy: float
    confidence: float
    most_uncertain_slice: int


class Predictor:
    """A model loaded once for many images.

    On a GPU it computes in mixed precision, unless it was trained with fp32 by choice.

    Attributes:
        network: in evaluation, on `device`.
        device: "cpu" or "cuda".
        plan: how images come to the network's grid.
        values: the label values of its classes 1, 2, ...
        info: where the model comes from (`model_file.Model`).
    """

    def __init__(self, model_path: Path, device: str = "auto") -> None:
        self.device = choose_device(device)
        model = load_model(Path(model_path))
        self.plan, self.values, self.info = model.plan, model.values, model.info
        self.network = forward.place(model.network, self.plan, self.device)

    def predict(self, image: Image, progress: Progress | None = None) -> Prediction:
        """Return the prediction for one image; `progress` is asked for cancel between batches.

        Where the GPU's memory is too short the CPU takes over, for this and all later images. A
        large image is predicted by blocks.
        """
        from ActiveSeedLib.segmentation import blocks  # which build on this module

        progress = progress or Progress()
        if blocks.is_large(image.geometry, self.plan):
            return blocks.predict_by_blocks(self, image, progress)[0]
        frame, grid = image_on_grid(image, self.plan)
        found = self.probabilities(grid, progress)
        return summarise(found, frame, image.geometry, self.values)

    def predict_many(
        self, images: Iterable[Image], progress: Progress | None = None
    ) -> Iterator[Prediction]:
        """Yield one prediction an image, in order; single slices go through in batches.

        Batches are worth it on a GPU; on a CPU they are no faster than one by one.
        """
        progress = progress or Progress()
        waiting: list[tuple[Frame, NDArray[np.float32], Geometry]] = []
        for image in images:
            waiting.append((*image_on_grid(image, self.plan), image.geometry))
            slices = sum(len(grid) for _, grid, _ in waiting)
            if not self.plan.is_2d or slices >= forward.SLICES_AT_ONCE[self.device]:
                yield from self._together(waiting, progress)
                waiting = []
        if waiting:
            yield from self._together(waiting, progress)

    def _together(
        self,
        waiting: list[tuple[Frame, NDArray[np.float32], Geometry]],
        progress: Progress,
    ) -> Iterator[Prediction]:
        found = self.probabilities(np.concatenate([grid for _, grid, _ in waiting]), progress)
        start = 0
        for frame, grid, geometry in waiting:
            part = found[:, start : start + len(grid)]
            start += len(grid)
            yield summarise(part, frame, geometry, self.values)

    def probabilities(
        self,
        grid: NDArray[np.float32],
        progress: Progress | None = None,
        *,
        dropout: bool = False,
    ) -> NDArray[np.float32]:
        """Return class probabilities (classes, *grid.shape).

        Args:
            grid: z-scores on the network's grid.
            progress: asked for cancel between batches.
            dropout: drop features at random, drawn from torch's global generator.
        """
        progress = progress or Progress()

        def compute() -> NDArray[np.float32]:
            trained = self.info.get("settings", {}).get("mixed_precision")
            half = forward.precision("fp32" if trained == "fp32" else "auto", self.device)
            with (
                forward.evaluating(self.network, dropout=dropout),
                torch.autocast(self.device, dtype=half, enabled=half is not None),
            ):
                return forward.probabilities(
                    self.network, self.plan, grid, self.device, progress.check
                )

        return self.within_memory(compute, grid.shape, progress)

    def within_memory(
        self, compute: Callable[[], T], shape: tuple[int, ...], progress: Progress
    ) -> T:
        """Return what `compute` returns; on the CPU from then on if the GPU's memory is too short.

        Args:
            compute: called again after the network has moved; it reads `network` and `device`.
            shape: of what is computed on, for the message.
            progress: told of the move.
        """
        try:
            return compute()
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            if self.device == "cpu":
                raise OutOfMemoryError(
                    f"The memory does not suffice to predict an image of {shape} voxels: "
                    "close other programs or use a machine with more memory."
                ) from error
        progress.note("The GPU's memory is too short for this image; the CPU goes on.")
        self.device = "cpu"
        self.network = self.network.to("cpu")
        torch.cuda.empty_cache()
        return self.within_memory(compute, shape, progress)


def summarise(
    probabilities: NDArray[np.float32],
    frame: Frame,
    geometry: Geometry,
    values: tuple[int, ...],
) -> Prediction:
    """Return the prediction that class probabilities on the grid amount to.

    Each class's probabilities are brought back to the image's own voxels linearly; there the
    highest wins (ties: the lowest class) and the entropy is taken. One class at a time, so that
    memory does not grow with their number.

    Args:
        probabilities: (classes, *frame.grid).
        frame: of the image.
        geometry: of the image.
        values: the label values of classes 1, 2, ...
    """
    highest = frame.from_grid(probabilities[0])
    entropy = uncertainty.entropy_term(highest)
    labels = np.zeros(highest.shape, dtype=np.uint8 if max(values) < 256 else np.uint16)
    for value, probability in zip(values, probabilities[1:], strict=True):
        own = frame.from_grid(probability)
        entropy += uncertainty.entropy_term(own)
        better = own > highest
        labels[better] = value
        highest[better] = own[better]
    np.maximum(entropy, 0, out=entropy)
    return Prediction(
        labels=labels,
        entropy_map=entropy,
        mean_entropy=uncertainty.mean_entropy(entropy),
        foreground_entropy=uncertainty.foreground_entropy(entropy, labels, geometry.spacing),
        confidence=float(highest.mean(dtype=np.float64)),
        most_uncertain_slice=uncertainty.most_uncertain_slice(entropy, geometry.coarsest_axis),
    )
