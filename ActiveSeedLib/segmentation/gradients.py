"""Gradient embeddings of images: how the last layer would change, were the prediction right.

Ash et al. 2020 (BADGE), arXiv:1906.03671, for segmentation: the mean over all voxels of the
gradient of the cross entropy with the likeliest classes, with respect to the last layer's weights.
Averaged, not summed, which would favour large images.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product

import numpy as np
import torch
from numpy.typing import NDArray

from ActiveSeedLib.progress import Progress
from ActiveSeedLib.segmentation.forward import SLICES_AT_ONCE, memory_format
from ActiveSeedLib.segmentation.inference import Predictor
from ActiveSeedLib.segmentation.plan import Plan

Box = tuple[slice, ...]


def gradient_embedding(
    predictor: Predictor, grid: NDArray[np.float32], progress: Progress | None = None
) -> NDArray[np.float32]:
    """Return the embedding [G] of one image; G is the number of weights of the last layer.

    In 2-D, where the last layer is a 1×1 convolution, that is the mean over pixels of
    (p − onehot(argmax p)) ⊗ h, class by class. In 3-D the volume is cut into windows that meet, and
    every voxel counts once. Computed in fp32; a backward pass goes through the last layer alone.

    Args:
        predictor: the model.
        grid: z-scores on its grid.
        progress: asked for cancel between batches.
    """
    progress = progress or Progress()

    def compute() -> NDArray[np.float32]:
        network, device = predictor.network, predictor.device
        network.eval()
        with _gradient_of_last(network) as weight:
            total = torch.zeros_like(weight, dtype=torch.float64)
            for piece, inside in _pieces(grid, predictor.plan, device):
                progress.check()
                batch = torch.from_numpy(piece).to(
                    device, memory_format=memory_format(predictor.plan)
                )
                logits: torch.Tensor = network(batch)
                loss = torch.nn.functional.cross_entropy(
                    logits, logits.argmax(dim=1), reduction="none"
                )
                loss = loss[(slice(None), *inside)].sum()
                total += torch.autograd.grad(loss, weight)[0]
        mean = (total / grid.size).flatten().float().cpu().numpy()
        return np.asarray(mean, dtype=np.float32)

    return predictor.within_memory(compute, grid.shape, progress)


def last_layer(network: torch.nn.Module) -> torch.nn.Module:
    """Return the convolution that makes the logits, the last one of the network."""
    kinds = (
        torch.nn.Conv2d,
        torch.nn.Conv3d,
        torch.nn.ConvTranspose2d,
        torch.nn.ConvTranspose3d,
    )
    return [part for part in network.modules() if isinstance(part, kinds)][-1]


@contextmanager
def _gradient_of_last(network: torch.nn.Module) -> Iterator[torch.Tensor]:
    """Ask for gradients of the last layer's weights alone; yield them, and put all back after."""
    parameters = list(network.parameters())
    before = [parameter.requires_grad for parameter in parameters]
    weight = last_layer(network).weight
    assert isinstance(weight, torch.Tensor)
    try:
        for parameter in parameters:
            parameter.requires_grad_(parameter is weight)
        with torch.enable_grad():
            yield weight
    finally:
        for parameter, asked in zip(parameters, before, strict=True):
            parameter.requires_grad_(asked)


def _pieces(
    grid: NDArray[np.float32], plan: Plan, device: str
) -> Iterator[tuple[NDArray[np.float32], Box]]:
    """Yield batches (B, 1, ...) for the network, and the box of each that counts."""
    if plan.is_2d:
        step = SLICES_AT_ONCE[device]
        for start in range(0, len(grid), step):
            yield np.array(grid[start : start + step])[:, None], (slice(None), slice(None))
        return
    assert plan.patch is not None
    missing = [max(p - n, 0) for n, p in zip(grid.shape, plan.patch, strict=True)]
    padded = np.pad(  # as prediction does
        grid, [(m // 2, m - m // 2) for m in missing], constant_values=float(grid.min())
    )
    tiles = [_tiles(n, p) for n, p in zip(grid.shape, plan.patch, strict=True)]
    for tile in product(*tiles):
        window = tuple(slice(s, s + p) for (s, _), p in zip(tile, plan.patch, strict=True))
        yield np.array(padded[window])[None, None], tuple(inside for _, inside in tile)


def _tiles(size: int, patch: int) -> list[tuple[int, slice]]:
    """Return where windows start along one axis, and which part of each no other one covers."""
    if size <= patch:
        margin = (patch - size) // 2
        return [(0, slice(margin, margin + size))]
    tiles = []
    for done in range(0, size, patch):
        start = min(done, size - patch)
        tiles.append((start, slice(done - start, patch)))
    return tiles
