"""MobileNetV2 (imports torch).

Sandler et al., MobileNetV2: Inverted Residuals and Linear Bottlenecks, CVPR 2018, table 2. Modules
are named as torchvision names them, so that its weights load.
"""

from typing import cast

import torch
from torch import Tensor, nn

DIMENSION = 1280

_STAGES = (
    # expansion t, channels c, repeats n, stride s
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)


class MobileNetV2(nn.Module):
    """Maps [n, 3, H, W] to the mean of the last feature map, [n, 1280].

    `classifier` is there for its weights to load; `logits` uses it.
    """

    def __init__(self, classes: int = 1000) -> None:
        super().__init__()
        layers: list[nn.Module] = [_convolution(3, 32, kernel=3, stride=2)]
        channels = 32
        for expansion, width, repeats, stride in _STAGES:
            for repeat in range(repeats):
                step = stride if repeat == 0 else 1
                layers.append(_InvertedResidual(channels, width, step, expansion))
                channels = width
        layers.append(_convolution(channels, DIMENSION, kernel=1))
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(DIMENSION, classes))

    def forward(self, batch: Tensor) -> Tensor:
        """Return the pooled features, [n, 1280]."""
        return torch.mean(self.features(batch), dim=(2, 3))

    def logits(self, batch: Tensor) -> Tensor:
        """Return the scores of the classes, [n, classes]."""
        return cast("Tensor", self.classifier(self(batch)))


class _InvertedResidual(nn.Module):
    def __init__(self, before: int, after: int, stride: int, expansion: int) -> None:
        super().__init__()
        self.shortcut = stride == 1 and before == after
        wide = before * expansion
        layers: list[nn.Module] = []
        if expansion != 1:
            layers.append(_convolution(before, wide, kernel=1))
        layers += [
            _convolution(wide, wide, kernel=3, stride=stride, groups=wide),
            nn.Conv2d(wide, after, 1, bias=False),
            nn.BatchNorm2d(after),
        ]
        self.conv = nn.Sequential(*layers)

    def forward(self, batch: Tensor) -> Tensor:
        result = cast("Tensor", self.conv(batch))
        return batch + result if self.shortcut else result


def _convolution(
    before: int, after: int, *, kernel: int, stride: int = 1, groups: int = 1
) -> nn.Sequential:
    """Convolution, batch norm, ReLU6."""
    return nn.Sequential(
        nn.Conv2d(before, after, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(after),
        nn.ReLU6(inplace=True),
    )
