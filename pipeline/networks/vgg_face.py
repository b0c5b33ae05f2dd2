"""VGG-16, Simonyan and Zisserman 2015, configuration D, with the weights of VGG-Face (Parkhi et al. 2015) or ImageNet.

The image network of VGG-LSTM, Ouyang et al. 2017, sections 3.2.1 and 6.2.1: thirteen convolutions of 3x3 with padding
1 in five blocks, each closed by a max pooling of 2x2; fc6 and fc7 of 4096, fc8 with one output per class. torchvision's
names of the layers, so that its weights fit; `pipeline.weights.convert` renames those of VGG-Face (conv1_1 ... fc8).

At 224 x 224 pool5 is 7 x 7, and the adaptive average pooling behind it changes nothing. At other sizes it brings pool5
to 7 x 7, as torchvision's VGG-16 does, so that published weights of fc6 fit images of any size.
"""

from __future__ import annotations

from typing import Literal, cast

import torch
from torch import nn

Normalise = Literal["face", "imagenet"]

INPUT_PX = 224
FACE_MEAN = (129.186, 104.762, 93.594)
"""What VGG-Face wants taken off red, green and blue, in 0 to 255."""
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of ImageNet's red, green and blue, in 0 to 1, as torchvision's weights want them."""

_BLOCKS = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))
"""Channels and convolutions of each block."""
_SIDE = 7
"""Height and width of what fc6 takes."""
_INPUT_RMS = 60.0
"""About what 0 to 255 less the mean has, which the first layer takes down to 1 where training begins from nothing."""
_TO_FC6 = 14
"""Layers with weights up to fc6."""
_LEAST_PX = 32
"""One pixel remains behind five poolings."""


class VggFace(nn.Module):
    """Image network whose fc6 is the feature.

    torchvision calls the convolutions `features`. So does the state dict here, while the method of that name gives the
    feature as in every network of this project; the module itself is `_modules["features"]`.

    Args:
        width: scale of all channels and of fc6 and fc7; 1 is the published network
        classes: outputs of fc8; None = neither fc7 nor fc8, as for features only
        size: height and width of the images, px; 32 at least
        dropout: behind fc6 and fc7 in training; 0.5 in the published network. Narrow networks that begin at random
            weights hardly learn with it

    Attributes:
        renewed: parameters that published weights do not fit: none at any size
        unused: layers that weights may have and this network does not

    Raises:
        ValueError: a size too small for the poolings
    """

    renewed: tuple[str, ...] = ()

    def __init__(
        self, width: float = 1.0, classes: int | None = None, size: int = INPUT_PX, dropout: float = 0.5
    ) -> None:
        super().__init__()
        if size < _LEAST_PX:
            raise ValueError(f"VGG-16: images of {size} px vanish in five poolings; take {_LEAST_PX} px at least")
        self.size = size
        self.unused = ("classifier.3", "classifier.6") if classes is None else ()
        layers: list[nn.Module] = []
        before = 3
        for channels, count in _BLOCKS:
            after = max(1, round(channels * width))
            for _ in range(count):
                layers += [nn.Conv2d(before, after, 3, padding=1), nn.ReLU(inplace=True)]
                before = after
            layers.append(nn.MaxPool2d(2))
        self._modules["features"] = nn.Sequential(*layers)
        self.avgpool = nn.AdaptiveAvgPool2d((_SIDE, _SIDE))
        hidden = max(1, round(4096 * width))
        self.classifier = nn.Sequential(nn.Linear(before * _SIDE * _SIDE, hidden), nn.ReLU())
        if classes is not None:
            behind = [nn.Dropout(dropout), nn.Linear(hidden, hidden), nn.ReLU(), nn.Dropout(dropout)]
            self.classifier.extend([*behind, nn.Linear(hidden, classes)])
        self._begin()

    def _begin(self) -> None:
        layers = [layer for layer in self.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
        for layer in layers:
            # He's scale keeps the signal through sixteen layers; with LeCun's or torch's own it is lost
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(cast(nn.Parameter, layer.bias))
        with torch.no_grad():
            layers[0].weight /= _INPUT_RMS
        if len(layers) > _TO_FC6:
            nn.init.kaiming_normal_(layers[-1].weight, nonlinearity="linear")

    def features(self, images: torch.Tensor) -> torch.Tensor:
        """Return fc6, (B, 4096 * width), for images (B, 3, size, size) from `normalise_images`.

        The paper takes "the outputs of the fc6 layer"; as in every network of this project that is behind the ReLU.

        Raises:
            RuntimeError: images of another shape
        """
        return self.classifier[:2](self._pool5(images))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return class logits (B, classes), or fc6 where there is no last layer."""
        return self.classifier(self._pool5(images))

    def _pool5(self, images: torch.Tensor) -> torch.Tensor:
        expected = (3, self.size, self.size)
        if images.shape[1:] != expected:
            raise RuntimeError(f"VGG-16 takes images (B, {', '.join(map(str, expected))}), not {tuple(images.shape)}")
        convolutions = cast(nn.Module, self._modules["features"])
        return self.avgpool(convolutions(images)).flatten(1)


def normalise_images(images: torch.Tensor, how: Normalise) -> torch.Tensor:
    """Return what the network takes, (B, 3, H, W) float, channels last in memory.

    "face": 0 to 255 less VGG-Face's mean, without scaling. "imagenet": ImageNet's mean and deviation taken out.

    Args:
        images: (B, 3, H, W), uint8 or float of 0 to 255; red, green, blue
        how: whose weights they are for
    """
    scaled = [255 * value for value in IMAGENET_MEAN]
    mean = images.new_tensor(FACE_MEAN if how == "face" else scaled, dtype=torch.float32)[:, None, None]
    # channels last, which the CPU's convolutions of small width take half the time for
    less = images.to(torch.float32, memory_format=torch.channels_last) - mean
    if how == "face":
        return less
    return less / (255 * less.new_tensor(IMAGENET_STD)[:, None, None])
