"""AlexNet, Krizhevsky 2014 ("One weird trick"), as torchvision has it; the audio network of Zhang et al. 2017.

Zhang et al., section III: five convolutions, pooling after the first, second and fifth, fc6 and fc7 of 4096, fc8 of
1000. At 227 x 227 pool5 is 6 x 6 already, and the adaptive pooling behind it changes nothing.
"""

from typing import cast

import torch
from torch import nn

INPUT_PX = 227


class AlexNet(nn.Module):
    """Image network whose fc7 is the feature.

    torchvision calls the convolutions `features`, and so does the state dict here, so that its weights fit; the method
    of that name gives fc7 as in every network of this project, and the module itself is `_modules["features"]`.

    Args:
        width: scale of all channels and of fc6 and fc7; 1 is torchvision's network
        classes: outputs of a last layer; None = no such layer, as for features only
        dropout: before fc6 and fc7
    """

    def __init__(self, width: float = 1.0, classes: int | None = None, dropout: float = 0.5) -> None:
        super().__init__()
        c1, c2, c3, c4, c5, fc = (max(1, round(size * width)) for size in (64, 192, 384, 256, 256, 4096))
        self._modules["features"] = nn.Sequential(
            nn.Conv2d(3, c1, 11, stride=4, padding=2), nn.ReLU(), nn.MaxPool2d(3, stride=2),
            nn.Conv2d(c1, c2, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, stride=2),
            nn.Conv2d(c2, c3, 3, padding=1), nn.ReLU(),
            nn.Conv2d(c3, c4, 3, padding=1), nn.ReLU(),
            nn.Conv2d(c4, c5, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, stride=2),
        )  # fmt: skip
        self.avgpool = nn.AdaptiveAvgPool2d((6, 6))
        self.classifier = nn.Sequential(
            nn.Dropout(dropout), nn.Linear(c5 * 6 * 6, fc), nn.ReLU(),
            nn.Dropout(dropout), nn.Linear(fc, fc), nn.ReLU(),
        )  # fmt: skip
        if classes is not None:
            self.classifier.append(nn.Linear(fc, classes))

    def features(self, images: torch.Tensor) -> torch.Tensor:
        """Return fc7 behind its ReLU, (B, 4096 * width), for images (B, 3, 227, 227)."""
        return self.classifier[:6](self._pool5(images))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return class logits (B, classes), or fc7 where there is no last layer."""
        return self.classifier(self._pool5(images))

    def _pool5(self, images: torch.Tensor) -> torch.Tensor:
        convolutions = cast(nn.Module, self._modules["features"])
        return self.avgpool(convolutions(images)).flatten(1)
