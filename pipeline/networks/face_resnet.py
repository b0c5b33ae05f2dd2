"""Face ResNet of Wen et al. 2016 (ECCV, "A discriminative feature learning approach for deep face recognition").

The image network of ResNet-LSTM, Ouyang et al. 2017, sections 3.2.2 and 6.2.1: pool1b, pool3 and fc5 are its features.
The layers were read from the authors' caffe-face, face_example/face_deploy.prototxt and face_train_test.prototxt, in
the copy of that branch at BVLC/caffe: input 3 x 112 x 96; every convolution 3x3 with stride 1, a bias and a PReLU
behind it; conv1a, conv1b, conv2, conv3 and conv4 without padding, those of residual blocks with padding 1; a block adds
what it takes to the PReLU of its second convolution; max pooling 2x2 with stride 2; fc5 of 512 without an activation.

    conv1a 32, conv1b 64     110 x 94, 108 x 92    pool1b   64 x 54 x 46
    conv2_1, _2     1 block                        conv2   128 x 52 x 44    pool2  128 x 26 x 22
    conv3_1 to _4   2 blocks                       conv3   256 x 24 x 20    pool3  256 x 12 x 10
    conv4_1 to _10  5 blocks                       conv4   512 x 10 x 8     pool4  512 x 5 x 4
    conv5_1 to _6   3 blocks                       fc5     10240 -> 512

Input, from extractDeepFeature.m there: (x - 127.5) / 128, and BGR, since it turns MATLAB's RGB round. The PReLU of
conv1a is called relu1a, and so on; Caffe gives a PReLU one slope per channel unless told otherwise, which it is not.
Caffe rounds pooled sizes up; at 112 x 96 all of them are even, so that nothing depends on it. Not read, as it was out
of reach: the authors' file of weights itself.

Softmax over identities, fc6 there, is trained along here without the centre loss of the paper.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import nn

from pipeline.networks.layers import LECUN, begun, check_shape

INPUT_PX = 112
"""Height of the images; see `across`."""
FEATURES = ("pool1b", "pool3", "fc5")

_BLOCKS = {2: 1, 3: 2, 4: 5, 5: 3}
_CHANNELS = {2: 64, 3: 128, 4: 256, 5: 512}
"""Stage -> residual blocks, and the channels of all of them."""
_LAST = 5
_pool = partial(nn.functional.max_pool2d, kernel_size=2, ceil_mode=True)
_RESIDUAL_STD = 0.01
"""Of initial weights in residual blocks, in the authors' file."""
_LEAST_PX = 38
"""Of the height; one pixel of the width remains behind four poolings."""


def across(size: int) -> int:
    """Return how wide images of this height are, px: 96 of 112."""
    return round(size * 96 / 112)


class FaceResNet(nn.Module):
    """Image network whose pool1b, pool3 and fc5 are the features. Its layers have the authors' names.

    `unused` are layers that weights may have and this network does not.

    Args:
        width: scale of all channels and of fc5; 1 is the published network
        identities: outputs of fc6; None = no such layer, as in the authors' deploy file
        size: height of the images, px; 38 at least, which ValueError says. fc5 of one size does not fit another
        dropout: behind fc5; 0 in the published network
    """

    def __init__(
        self, width: float = 1, identities: int | None = None, size: int = INPUT_PX, dropout: float = 0
    ) -> None:
        super().__init__()
        if size < _LEAST_PX:
            raise ValueError(
                f"face ResNet: images {size} px high vanish in four poolings; take {_LEAST_PX} px at least"
            )
        self.size = size
        self.unused = ("fc6",) if identities is None else ()
        wide = {stage: max(1, round(channels * width)) for stage, channels in _CHANNELS.items()}
        first = max(1, round(32 * width))
        self._convolution("1a", 3, first)
        self._convolution("1b", first, wide[2])
        for stage, blocks in _BLOCKS.items():
            for number in range(1, 2 * blocks + 1):
                # so small that each block begins as what it takes; at every width alike
                small = partial(nn.init.normal_, std=_RESIDUAL_STD * width**-0.5)
                self._convolution(f"{stage}_{number}", wide[stage], wide[stage], 1, small)
            if stage < _LAST:
                self._convolution(str(stage), wide[stage], wide[stage + 1])
        hidden = max(1, round(512 * width))
        self.fc5 = begun(nn.Linear(wide[_LAST] * _pool4(size) * _pool4(across(size)), hidden), LECUN)
        self.dropout = nn.Dropout(dropout)
        self.fc6 = begun(nn.Linear(hidden, identities), LECUN) if identities is not None else None

    def _convolution(
        self, name: str, before: int, after: int, padding: int = 0, first: Callable[[torch.Tensor], Any] = LECUN
    ) -> None:
        self.add_module(f"conv{name}", begun(nn.Conv2d(before, after, 3, padding=padding), first))
        self.add_module(f"relu{name}", nn.PReLU(after))

    def pyramid(self, images: torch.Tensor) -> list[torch.Tensor]:
        """Return pool1b (B, 64, 54, 46), pool3 (B, 256, 12, 10) and fc5 (B, 512) of one pass, at full width and size.

        Images are (B, 3, size, across(size)) from `normalise_faces`.
        """
        check_shape("the face ResNet takes images", images, 3, self.size, across(self.size))
        pooled = {1: _pool(self._layer("1b", self._layer("1a", images)))}
        for stage, blocks in _BLOCKS.items():
            maps = pooled[stage - 1]
            for block in range(blocks):
                inner = self._layer(f"{stage}_{2 * block + 1}", maps)
                maps = maps + self._layer(f"{stage}_{2 * block + 2}", inner)
            pooled[stage] = _pool(self._layer(str(stage), maps)) if stage < _LAST else maps
        return [pooled[1], pooled[3], self.fc5(pooled[_LAST].flatten(1))]

    def features(self, images: torch.Tensor) -> torch.Tensor:
        """Return fc5, (B, 512 * width)."""
        return self.pyramid(images)[-1]

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return identity logits (B, identities), or fc5 where there is no last layer."""
        features = self.features(images)
        return features if self.fc6 is None else self.fc6(self.dropout(features))

    def _layer(self, name: str, maps: torch.Tensor) -> torch.Tensor:
        return self.get_submodule(f"relu{name}")(self.get_submodule(f"conv{name}")(maps))


def normalise_faces(images: torch.Tensor) -> torch.Tensor:
    """Return what the network takes: (x - 127.5) / 128, in the order blue, green, red.

    Images are (B, 3, H, W) of 0 to 255, in the order red, green, blue.
    """
    # channels last, which the CPU's convolutions of small width take half the time for
    return (images.flip(1).to(torch.float32, memory_format=torch.channels_last) - 127.5) / 128


def _pool4(side: int) -> int:
    side = -((side - 4) // -2)
    for _ in range(3):
        side = -((side - 2) // -2)
    return side
