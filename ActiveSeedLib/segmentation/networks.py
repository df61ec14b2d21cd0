"""The networks, by name. MONAI and torch load when one is built."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from ActiveSeedLib.registry import Registry
from ActiveSeedLib.segmentation.plan import CHANNELS, Plan

if TYPE_CHECKING:
    import torch

Maker = Callable[[int, tuple[int, ...], float], "torch.nn.Module"]
NETWORKS: Registry[Maker] = Registry("network")


@dataclass(frozen=True)
class NetworkParameters:
    """What a network can be told."""

    channels: tuple[int, ...] = field(
        default=CHANNELS["attention-unet-2d"], metadata={"help": "feature channels of each level"}
    )
    dropout: float = field(default=0.15, metadata={"help": "share of features dropped, 0 to 1"})


@NETWORKS.register(
    "attention-unet-2d",
    summary="Attention gates on the skip connections of a 2-D U-Net; the paper's network.",
    citation="Oktay et al., Attention U-Net, 2018, arXiv 1804.03999; as in arXiv 2601.18532",
    parameters=NetworkParameters,
    dimensions="2",
)
def attention_unet_2d(classes: int, channels: tuple[int, ...], dropout: float) -> "torch.nn.Module":
    """Return MONAI's 2-D Attention U-Net; input (B, 1, H, W), output (B, classes, H, W) logits."""
    from monai.networks.nets import AttentionUnet

    return cast(
        "torch.nn.Module",
        AttentionUnet(
            spatial_dims=2,
            in_channels=1,
            out_channels=classes,
            channels=channels,
            strides=(2,) * (len(channels) - 1),
            dropout=dropout,
        ),
    )


@NETWORKS.register(
    "unet-3d",
    summary="A small 3-D U-Net that halves the grid at once, so that a CPU can train it.",
    citation="Kerfoot et al., Left-ventricle quantification using residual U-Net, 2018; MONAI",
    parameters=NetworkParameters,
    dimensions="3",
)
def unet_3d(classes: int, channels: tuple[int, ...], dropout: float) -> "torch.nn.Module":
    """Return MONAI's 3-D U-Net; input (B, 1, D, H, W), output (B, classes, D, H, W) logits.

    Without residual units: on small volumes those took 2.5 times as long a step and were no
    better (`Testing/benchmarks/bench_training.py`).
    """
    from monai.networks.nets import UNet

    return cast(
        "torch.nn.Module",
        UNet(
            spatial_dims=3,
            in_channels=1,
            out_channels=classes,
            channels=channels,
            strides=(2,) * (len(channels) - 1),
            dropout=dropout,
        ),
    )


def build(plan: Plan, classes: int) -> "torch.nn.Module":
    """Return the network of `plan`, its weights drawn from torch's global generator."""
    return NETWORKS.get(plan.network).make(classes, plan.channels, plan.dropout)
