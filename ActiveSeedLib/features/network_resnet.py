"""ResNet-50 without its classifier, in the two shapes RadImageNet's weights come in (torch).

He et al., Deep Residual Learning for Image Recognition, CVPR 2016, table 1. Modules are named as
torchvision names them, so that its weights load.
"""

from typing import cast

from torch import Tensor, nn

DIMENSION = 2048

_STAGES = ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2))
"""(width of the 3×3, blocks, stride of the first block)"""


class ResNet50(nn.Module):
    """Maps [n, 3, H, W] to the mean of the last feature map (at 224: 7×7), [n, 2048].

    Args:
        keras: as Keras builds it (a bias in every convolution, batch-norm ε 1.001e-5, the stride
            in the first 1×1 of a block); otherwise as torchvision does (no bias, ε 1e-5, the
            stride in the 3×3).
    """

    def __init__(self, *, keras: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=keras)
        self.bn1 = _norm(64, keras)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        channels = 64
        for number, (width, blocks, stride) in enumerate(_STAGES, start=1):
            layer: list[nn.Module] = []
            for block in range(blocks):
                layer.append(_Bottleneck(channels, width, stride if block == 0 else 1, keras))
                channels = width * 4
            self.add_module(f"layer{number}", nn.Sequential(*layer))

    def forward(self, batch: Tensor) -> Tensor:
        """Return the pooled features, [n, 2048]."""
        return self.feature_map(batch).mean(dim=(2, 3))

    def feature_map(self, batch: Tensor) -> Tensor:
        """Return the last feature map, [n, 2048, H/32, W/32]."""
        batch = self.maxpool(self.relu(self.bn1(self.conv1(batch))))
        for number in range(1, len(_STAGES) + 1):
            batch = self.get_submodule(f"layer{number}")(batch)
        return batch


class _Bottleneck(nn.Module):
    def __init__(self, before: int, width: int, stride: int, keras: bool) -> None:
        super().__init__()
        first, second = (stride, 1) if keras else (1, stride)
        self.conv1 = nn.Conv2d(before, width, 1, first, bias=keras)
        self.bn1 = _norm(width, keras)
        self.conv2 = nn.Conv2d(width, width, 3, second, 1, bias=keras)
        self.bn2 = _norm(width, keras)
        self.conv3 = nn.Conv2d(width, width * 4, 1, bias=keras)
        self.bn3 = _norm(width * 4, keras)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = (
            nn.Sequential(
                nn.Conv2d(before, width * 4, 1, stride, bias=keras), _norm(width * 4, keras)
            )
            if stride != 1 or before != width * 4
            else None
        )

    def forward(self, batch: Tensor) -> Tensor:
        shortcut = batch if self.downsample is None else self.downsample(batch)
        result = self.relu(self.bn1(self.conv1(batch)))
        result = self.relu(self.bn2(self.conv2(result)))
        result = self.bn3(self.conv3(result))
        return cast("Tensor", self.relu(result + shortcut))


def _norm(channels: int, keras: bool) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1.001e-5 if keras else 1e-5)
