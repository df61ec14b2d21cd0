"""SAM's network and its weights (imports torch and transformers; nothing here uses the network).

The architecture is that of the package transformers, built to fit the file: all that is needed to
build it can be told from the shapes of the tensors.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ActiveSeedLib.errors import InputError, MissingDependencyError, OutOfMemoryError
from ActiveSeedLib.features.network import PREPROCESSING, load_strictly, read_state
from ActiveSeedLib.features.sam_masks import (
    Offered,
    boxes_of,
    enlarged,
    point_grid,
    without_doubles,
    worth_keeping,
)
from ActiveSeedLib.progress import Progress

_POINTS_AT_ONCE = 64
_ENLARGED_AT_ONCE = 16
_DECODER_HEADS = 8
"""What the shapes do not tell; every published SAM has so many."""
_CELL = 4
"""Pixels of the input along a pixel of the decoder's masks."""

Floats = NDArray[np.float32]

_NAMES = (
    (r"^image_encoder\.", "vision_encoder."),
    (r"\.patch_embed\.proj\.", ".patch_embed.projection."),
    (r"^vision_encoder\.blocks\.", "vision_encoder.layers."),
    (r"\.neck\.0\.", ".neck.conv1."),
    (r"\.neck\.1\.", ".neck.layer_norm1."),
    (r"\.neck\.2\.", ".neck.conv2."),
    (r"\.neck\.3\.", ".neck.layer_norm2."),
    (r"\.norm(\d)\.", r".layer_norm\1."),
    (r"\.norm_final_attn\.", ".layer_norm_final_attn."),
    (r"\.pe_layer\.positional_encoding_gaussian_matrix", ".shared_embedding.positional_embedding"),
    (r"\.point_embeddings\.", ".point_embed."),
    (r"\.mask_downscaling\.0\.", ".mask_embed.conv1."),
    (r"\.mask_downscaling\.1\.", ".mask_embed.layer_norm1."),
    (r"\.mask_downscaling\.3\.", ".mask_embed.conv2."),
    (r"\.mask_downscaling\.4\.", ".mask_embed.layer_norm2."),
    (r"\.mask_downscaling\.6\.", ".mask_embed.conv3."),
    (r"\.output_upscaling\.0\.", ".upscale_conv1."),
    (r"\.output_upscaling\.1\.", ".upscale_layer_norm."),
    (r"\.output_upscaling\.3\.", ".upscale_conv2."),
    (r"(\.output_hypernetworks_mlps\.\d+|\.iou_prediction_head)\.layers\.0\.", r"\1.proj_in."),
    (r"(\.output_hypernetworks_mlps\.\d+|\.iou_prediction_head)\.layers\.1\.", r"\1.layers.0."),
    (r"(\.output_hypernetworks_mlps\.\d+|\.iou_prediction_head)\.layers\.2\.", r"\1.proj_out."),
)
"""From the names of the published .pth file to those of transformers, applied one by one."""
_SHARED = "prompt_encoder.shared_embedding.positional_embedding"
_SHARED_ALSO = "shared_image_embedding.positional_embedding"


class SamNetwork:
    """SAM for pages of one input size.

    Args:
        model: a `transformers.SamModel`; put into evaluation mode here.
        device: where it computes; on a GPU in mixed precision.

    Attributes:
        side: pixels of the square input.
        patch: pixels of a patch's side.
        grid: patches along the square's side.
        dimension: C, the channels of a patch's features.
    """

    def __init__(self, model: Any, device: torch.device) -> None:
        self._model = model.to(device).eval()
        self.device = device
        vision = model.config.vision_config
        self.side = int(vision.image_size)
        self.patch = int(vision.patch_size)
        self.grid = self.side // self.patch
        self.dimension = int(vision.output_channels)
        self._at_once = 4 if device.type == "cuda" else 1
        self._progress = Progress()
        # Between two layers there is time to hear of a cancel, even on a slow CPU.
        for layer in model.vision_encoder.layers:
            layer.register_forward_pre_hook(lambda *_: self._progress.check())

    def embed(self, pages: list[Floats], progress: Progress) -> Iterator[Tensor]:
        """Yield the patch features [1, C, grid, grid] of each page, made with `fitted`."""
        for start in range(0, len(pages), self._at_once):
            some = pages[start : start + self._at_once]
            self._progress = progress
            with torch.inference_mode(), self._precision(), _memory():
                embedded = self._model.get_image_embeddings(self._squares(some)).float()
            yield from torch.split(embedded, 1)

    def masks(
        self,
        features: Tensor,
        shape: tuple[int, int],
        points: int,
        quality: float,
        stability: float,
        progress: Progress,
    ) -> Iterator[NDArray[np.bool_]]:
        """Yield the automatic masks of a page, some at a time: [m, *shape].

        Args:
            features: of the page, from `embed`.
            shape: of the page.
            points: points of the grid along each side of the page.
            quality: the least quality that SAM must expect of a mask.
            stability: the least stability of a mask.
            progress: asked to stop between batches of 64 points.
        """
        with torch.inference_mode(), _memory():
            offered = self._offered(features, shape, points, quality, stability, progress)
            if not len(offered.quality):
                return
            height, width = (-(-size // _CELL) for size in shape)
            small = (offered.logits[:, :height, :width] > 0).cpu().numpy()
            kept = without_doubles(boxes_of(small), offered.quality.cpu().numpy())
            for start in range(0, len(kept), _ENLARGED_AT_ONCE):
                some = torch.from_numpy(kept[start : start + _ENLARGED_AT_ONCE]).to(self.device)
                progress.check()
                yield enlarged(offered.logits[some], self.side, *shape)

    def _offered(
        self,
        features: Tensor,
        shape: tuple[int, int],
        points: int,
        quality: float,
        stability: float,
        progress: Progress,
    ) -> Offered:
        """Return the masks of all points that are worth keeping, on the decoder's grid."""
        height, width = (-(-size // _CELL) for size in shape)
        good = []
        for some in torch.split(torch.from_numpy(point_grid(points, *shape)), _POINTS_AT_ONCE):
            progress.check()
            with self._precision():
                answer = self._model(
                    image_embeddings=features,
                    input_points=some[None, :, None].to(self.device),
                    multimask_output=True,
                )
            logits = answer.pred_masks.float().flatten(0, 2)
            # What lies in the filled-up part of the square is no part of the page.
            logits[:, height:] = logits[:, :, width:] = -float("inf")
            expected = answer.iou_scores.float().flatten()
            good.append(worth_keeping(Offered(logits, expected), quality, stability))
        return Offered(
            torch.cat([one.logits for one in good]), torch.cat([one.quality for one in good])
        )

    def _squares(self, pages: list[Floats]) -> Tensor:
        """Return the input [n, 3, side, side] of pages, filled up with 0 below and to the right."""
        values = PREPROCESSING["imagenet"]
        mean = np.array(values.mean, dtype=np.float32)[:, None, None]
        deviation = np.array(values.deviation, dtype=np.float32)[:, None, None]
        batch = np.zeros((len(pages), 3, self.side, self.side), dtype=np.float32)
        for square, page in zip(batch, pages, strict=True):
            height, width = page.shape
            square[:, :height, :width] = (page - mean) / deviation
        return torch.from_numpy(batch).to(self.device)

    def _precision(self) -> torch.autocast:
        return torch.autocast(
            self.device.type, dtype=torch.float16, enabled=self.device.type == "cuda"
        )


class _memory:  # noqa: N801 - reads like the other contexts in a with line
    """Says in a sentence that the GPU's memory does not suffice."""

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if isinstance(error, torch.OutOfMemoryError):
            raise OutOfMemoryError(
                "The GPU's memory does not suffice for SAM: close other programs that use it, or "
                "set the encoder's parameter side to 480, or device to cpu."
            ) from error


def load_sam(path: Path, side: int, device: torch.device) -> SamNetwork:
    """Return SAM with the weights in `path`.

    Args:
        path: the published .pth file, or a .safetensors or torch file with the names of
            transformers; any size of SAM, and what was trained further from it.
        side: pixels of the input's side; 0 is as trained. For another one, the embeddings of
            positions are interpolated.
        device: where it computes.

    Raises:
        InputError: the file is missing or holds no SAM, or the side does not fit.
    """
    state = _state(path)
    model = _model(_settings(state, path, side), path)
    load_strictly(model, _resized(state, model), path)
    return SamNetwork(model, device)


def _state(path: Path) -> dict[str, Tensor]:
    """Return the tensors of `path` under the names of transformers."""
    if path.suffix == ".safetensors" and path.is_file():
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        try:
            state = load_file(path)
        except (SafetensorError, OSError) as error:
            raise InputError(f"{path} cannot be read as safetensors; fetch it again.") from error
    else:
        state = read_state(path)
    if any(name.startswith("image_encoder.") for name in state):
        state = {_renamed(name): value for name, value in state.items()}
    for one, other in ((_SHARED, _SHARED_ALSO), (_SHARED_ALSO, _SHARED)):
        if one in state:
            state.setdefault(other, state[one])
    return {name: value.float() for name, value in state.items()}


def _renamed(name: str) -> str:
    for pattern, replacement in _NAMES:
        name = re.sub(pattern, replacement, name)
    return name


def _settings(state: dict[str, Tensor], path: Path, side: int) -> dict[str, dict[str, Any]]:
    """Return what `transformers.SamConfig` takes, told from the shapes of the tensors."""
    try:
        hidden, _, patch, _ = state["vision_encoder.patch_embed.projection.weight"].shape
        grid = state["vision_encoder.pos_embed"].shape[1]
        layers = _count(state, r"vision_encoder\.layers\.(\d+)\.")
        lengths = [
            state[f"vision_encoder.layers.{layer}.attn.rel_pos_h"].shape for layer in range(layers)
        ]
        channels = state["vision_encoder.neck.conv1.weight"].shape[0]
        decoder = "mask_decoder.transformer.layers.0."
        inner = state[f"{decoder}cross_attn_token_to_image.q_proj.weight"].shape[0]
        settings: dict[str, dict[str, Any]] = {
            "vision_config": {
                "hidden_size": hidden,
                "output_channels": channels,
                "num_hidden_layers": layers,
                "num_attention_heads": hidden // lengths[0][1],
                "patch_size": patch,
                "image_size": side or grid * patch,
                "global_attn_indexes": [n for n in range(layers) if lengths[n][0] == 2 * grid - 1],
                "window_size": min((length + 1) // 2 for length, _ in lengths),
                "num_pos_feats": state[_SHARED].shape[1],
                "mlp_dim": state["vision_encoder.layers.0.mlp.lin1.weight"].shape[0],
            },
            "prompt_encoder_config": {
                "hidden_size": channels,
                "image_size": side or grid * patch,
                "patch_size": patch,
                "mask_input_channels": state["prompt_encoder.mask_embed.conv2.weight"].shape[0],
            },
            "mask_decoder_config": {
                "hidden_size": channels,
                "mlp_dim": state[f"{decoder}mlp.lin1.weight"].shape[0],
                "num_hidden_layers": _count(state, r"mask_decoder\.transformer\.layers\.(\d+)\."),
                "num_attention_heads": _DECODER_HEADS,
                "attention_downsample_rate": channels // inner,
                "iou_head_hidden_dim": state[
                    "mask_decoder.iou_prediction_head.proj_in.weight"
                ].shape[0],
            },
        }
    except (KeyError, ValueError, IndexError) as error:
        raise InputError(
            f"{path} holds no Segment Anything Model: name sam_vit_b_01ec64.pth, or the "
            "model.safetensors of a SAM for the package transformers (SAM 2 is another model)."
        ) from error
    if side % patch:
        raise InputError(
            f"The side of sam's input must be a multiple of its patches' {patch} pixels, "
            f"not {side}."
        )
    return settings


def _count(state: dict[str, Tensor], pattern: str) -> int:
    found = [re.match(pattern, name) for name in state]
    return 1 + max(int(match[1]) for match in found if match)


def _model(settings: dict[str, dict[str, Any]], path: Path) -> nn.Module:
    """Return the network, its weights yet by chance; the global generator stays where it is."""
    # Nothing is fetched in any case; so the package does not even look.
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    try:
        from transformers import SamConfig, SamModel
    except ImportError as error:
        raise MissingDependencyError(
            f"The package transformers cannot be loaded ({error}): install it again."
        ) from error
    try:
        with torch.random.fork_rng(devices=[]):
            model: nn.Module = SamModel(SamConfig(**settings))
    except ValueError as error:
        raise InputError(f"{path} holds no SAM that can be built ({error}).") from error
    return model


def _resized(state: dict[str, Tensor], model: nn.Module) -> dict[str, Tensor]:
    """Return `state` with the embeddings of positions interpolated to the grid of `model`."""
    wanted = model.state_dict()
    place = "vision_encoder.pos_embed"
    if state[place].shape != wanted[place].shape:
        moved = state[place].permute(0, 3, 1, 2)
        size = tuple(wanted[place].shape[1:3])
        moved = nn.functional.interpolate(moved, size=size, mode="bilinear", align_corners=False)
        state[place] = moved.permute(0, 2, 3, 1)
    for name, value in state.items():
        if "rel_pos" in name and name in wanted and value.shape != wanted[name].shape:
            table = nn.functional.interpolate(
                value.T[None], size=wanted[name].shape[0], mode="linear", align_corners=False
            )
            state[name] = table[0].T.contiguous()
    return state
