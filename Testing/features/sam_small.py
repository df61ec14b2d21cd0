"""The real SAM, small and with weights by chance, as a file."""

import re
from pathlib import Path

import torch

SMALL = {"points": 4, "views": 3, "quality": -100.0, "stability": 0.0, "largest": 0.95}
"""Parameters under which weights by chance give masks."""


def small_state() -> dict[str, torch.Tensor]:
    """Return the weights of a SAM with 64² input, patches of 16, and one layer of each kind."""
    from transformers import SamConfig, SamModel

    common = {"image_size": 64, "patch_size": 16}
    config = SamConfig(
        vision_config={
            **common,
            "hidden_size": 32,
            "output_channels": 32,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "window_size": 3,
            "global_attn_indexes": [1],
            "num_pos_feats": 16,
            "mlp_dim": 64,
        },
        prompt_encoder_config={**common, "hidden_size": 32},
        mask_decoder_config={"hidden_size": 32, "mlp_dim": 48, "iou_head_hidden_dim": 40},
    )
    model = SamModel(config)
    generator = torch.Generator().manual_seed(7)
    state = {}
    for name, value in model.state_dict().items():
        by_chance = torch.randn(value.shape, generator=generator) * 0.3
        state[name] = value if value.ndim == 1 else by_chance
    same = "shared_image_embedding.positional_embedding"
    state["prompt_encoder.shared_embedding.positional_embedding"] = state[same]
    return state


def published(name: str) -> str | None:
    """Return the name that a tensor has in the published .pth file; None if it is not there."""
    if name.startswith("shared_image_embedding"):
        return None
    name = name.replace("vision_encoder.layers.", "image_encoder.blocks.")
    name = name.replace("vision_encoder.", "image_encoder.")
    name = name.replace("patch_embed.projection", "patch_embed.proj")
    name = name.replace("shared_embedding.positional_embedding", "pe_layer.gaussian")
    name = name.replace("pe_layer.gaussian", "pe_layer.positional_encoding_gaussian_matrix")
    name = name.replace("encoder.point_embed.", "encoder.point_embeddings.")
    for number, part in enumerate(("conv1", "layer_norm1", "conv2", "layer_norm2")):
        name = name.replace(f"neck.{part}", f"neck.{number}")
        name = name.replace(f"mask_embed.{part}", f"mask_downscaling.{(0, 1, 3, 4)[number]}")
    name = name.replace("mask_embed.conv3", "mask_downscaling.6")
    for number, part in ((0, "conv1"), (1, "layer_norm"), (3, "conv2")):
        name = name.replace(
            f"mask_decoder.upscale_{part}", f"mask_decoder.output_upscaling.{number}"
        )
    if "mlps" in name or "iou_prediction_head" in name:
        name = name.replace("layers.0", "layers.1")
        name = name.replace("proj_in", "layers.0").replace("proj_out", "layers.2")
    name = name.replace("layer_norm_final_attn", "norm_final_attn")
    return re.sub(r"layer_norm(\d)", r"norm\1", name)


def write_small(folder: Path) -> Path:
    """Write the small SAM as a .pth file with the published names; return the file."""
    path = folder / "small.pth"
    state = {published(name): value for name, value in small_state().items()}
    torch.save({name: value for name, value in state.items() if name}, path)
    return path
