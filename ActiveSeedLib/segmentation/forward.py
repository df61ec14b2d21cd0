"""A network applied to one image on its grid: slices in batches, or a Gaussian sliding window."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray

from ActiveSeedLib.segmentation.plan import Plan

SLICES_AT_ONCE = {"cpu": 4, "cuda": 32}
WINDOWS_AT_ONCE = {"cpu": 1, "cuda": 4}
OVERLAP = 0.5


def precision(wanted: str, device: str) -> torch.dtype | None:
    """Return the type of automatic mixed precision, or None for fp32.

    "auto" takes bf16 (fp16 where the GPU lacks it) on a GPU and fp32 on a CPU; fp16 is for GPUs
    only.
    """
    if wanted == "auto":
        if device == "cpu":
            return None
        # older GPUs emulate bf16, slowly
        real = torch.cuda.is_bf16_supported(including_emulation=False)
        return torch.bfloat16 if real else torch.float16
    if wanted == "fp16":
        return torch.float16 if device == "cuda" else None
    return torch.bfloat16 if wanted == "bf16" else None


def memory_format(plan: Plan) -> torch.memory_format:
    """Return the layout that was faster: channels last in 2-D (a sixth), the usual one in 3-D."""
    return torch.channels_last if plan.is_2d else torch.contiguous_format


def place(model: torch.nn.Module, plan: Plan, device: str) -> torch.nn.Module:
    """Move the model to the device, in the layout that is faster for it."""
    model.to(device)
    cast("Any", model).to(memory_format=memory_format(plan))
    return model


@contextmanager
def evaluating(model: torch.nn.Module, *, dropout: bool = False) -> Iterator[None]:
    """Set the model to evaluation without gradients, and back to training if it was there.

    With `dropout`, features are dropped at random as in training (torch's global generator); all
    else stays in evaluation.
    """
    training = model.training
    model.eval()
    for part in dropouts(model) if dropout else ():
        part.train()
    try:
        with torch.inference_mode():
            yield
    finally:
        model.train(training)


def dropouts(model: torch.nn.Module) -> list[torch.nn.Module]:
    """Return the parts of the model that drop features in training."""
    kinds = (
        torch.nn.Dropout,
        torch.nn.Dropout1d,
        torch.nn.Dropout2d,
        torch.nn.Dropout3d,
        torch.nn.AlphaDropout,
        torch.nn.FeatureAlphaDropout,
    )
    return [part for part in model.modules() if isinstance(part, kinds) and part.p > 0]


def probabilities(
    model: torch.nn.Module,
    plan: Plan,
    grid: NDArray[np.float32],
    device: str,
    check: Callable[[], None] = lambda: None,
) -> NDArray[np.float32]:
    """Return softmax probabilities (classes, *grid.shape) in fp32.

    Args:
        model: in evaluation, on `device`.
        plan: says whether `grid` is a stack of slices or a volume.
        grid: z-scores on the network's grid.
        device: "cpu" or "cuda".
        check: called between batches; raises to stop.
    """
    if plan.is_2d:
        return _by_slices(model, plan, grid, device, check)
    return _by_windows(model, plan, grid, device, check)


def _by_slices(
    model: torch.nn.Module,
    plan: Plan,
    grid: NDArray[np.float32],
    device: str,
    check: Callable[[], None],
) -> NDArray[np.float32]:
    parts = []
    step = SLICES_AT_ONCE[device]
    for start in range(0, len(grid), step):
        check()
        batch = torch.from_numpy(np.array(grid[start : start + step])[:, None])
        batch = batch.to(device, memory_format=memory_format(plan))
        parts.append(model(batch).float().softmax(dim=1).cpu().numpy())
    return np.ascontiguousarray(np.concatenate(parts).transpose(1, 0, 2, 3))


def _by_windows(
    model: torch.nn.Module,
    plan: Plan,
    grid: NDArray[np.float32],
    device: str,
    check: Callable[[], None],
) -> NDArray[np.float32]:
    from monai.inferers import sliding_window_inference

    def predict(window: torch.Tensor) -> torch.Tensor:
        check()
        logits: torch.Tensor = model(window)
        return logits.float()

    assert plan.patch is not None
    image = torch.from_numpy(np.array(grid)[None, None])
    logits = sliding_window_inference(
        image,
        plan.patch,
        WINDOWS_AT_ONCE[device],
        predict,
        overlap=OVERLAP,
        mode="gaussian",
        cval=float(grid.min()),  # as training pads
        sw_device=device,
        device="cpu",  # a whole volume of logits need not fit the GPU
    )
    return np.asarray(logits[0].softmax(dim=0).numpy(), dtype=np.float32)
