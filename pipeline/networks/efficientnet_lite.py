"""EfficientNet-Lite0, Tan and Le 2019, Table 1, without squeeze and excitation and with ReLU6, as Google published it.

Images of 224 x 224; 16 inverted bottlenecks in 7 stages, and 1280 channels behind them, averaged over the image.
Convolutions are padded as by TensorFlow's "SAME": where an odd number is wanted, the right and lower edge get more.
"""

from itertools import chain, repeat

import torch
from torch import nn
from torch.nn.functional import pad, relu6

from pipeline.networks.layers import HE

INPUT_PX = 224
COLUMNS = 1280
MEAN, DEVIATION = 127.0, 128.0
"""What is taken off each colour of 0 to 255, and what that is divided by."""
_STAGES = ((1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80), (3, 5, 1, 6, 112), (4, 5, 2, 6, 192),
           (1, 3, 1, 6, 320))  # fmt: skip
"""Blocks, kernel, stride of the first block, how many times wider inside, channels."""
_STEM = 32
_EPSILON = 1e-3
BLOCKS = sum(stage[0] for stage in _STAGES)


class _Same(nn.Conv2d):
    def __init__(self, before: int, after: int, kernel: int = 1, stride: int = 1, groups: int = 1) -> None:
        super().__init__(before, after, kernel, stride, groups=groups, bias=False)
        HE(self.weight)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        kernel, stride = self.kernel_size[0], self.stride[0]
        least = [max(0, (-(-size // stride) - 1) * stride + kernel - size) for size in images.shape[:1:-1]]
        return super().forward(pad(images, [part for one in least for part in (one // 2, one - one // 2)]))


class _Block(nn.Module):
    def __init__(self, before: int, after: int, kernel: int, stride: int, wider: int) -> None:
        super().__init__()
        inner = before * wider
        if wider > 1:
            self.expand, self.expand_norm = _Same(before, inner), nn.BatchNorm2d(inner, _EPSILON)
        self.depthwise = _Same(inner, inner, kernel, stride, inner)
        self.depthwise_norm = nn.BatchNorm2d(inner, _EPSILON)
        self.project, self.project_norm = _Same(inner, after), nn.BatchNorm2d(after, _EPSILON)
        self.adds, self.widens = before == after and stride == 1, wider > 1

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        inner = relu6(self.expand_norm(self.expand(images))) if self.widens else images
        inner = relu6(self.depthwise_norm(self.depthwise(inner)))
        found = self.project_norm(self.project(inner))
        return images + found if self.adds else found


class EfficientNetLite(nn.Module):
    """Image network up to the averages of its last convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.stem_norm = _Same(3, _STEM, 3, 2), nn.BatchNorm2d(_STEM, _EPSILON)
        blocks, before = [], _STEM
        for count, kernel, stride, wider, after in _STAGES:
            for first in chain([stride], repeat(1, count - 1)):
                blocks.append(_Block(before, after, kernel, first, wider))
                before = after
        self.blocks = nn.Sequential(*blocks)
        self.head, self.head_norm = _Same(before, COLUMNS), nn.BatchNorm2d(COLUMNS, _EPSILON)

    def features(self, images: torch.Tensor) -> torch.Tensor:
        """Return (B, 1280), 0 to 6, for normalised images (B, 3, H, W)."""
        inner = self.blocks(relu6(self.stem_norm(self.stem(images))))
        return relu6(self.head_norm(self.head(inner))).mean((2, 3))


def normalised(images: torch.Tensor) -> torch.Tensor:
    """Return images (B, 3, H, W) of red, green and blue, 0 to 255, as the network takes them."""
    return (images.float() - MEAN) / DEVIATION
