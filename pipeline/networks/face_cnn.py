"""Identity CNN, Huang et al. 2017, section 3.2 and Fig. 4: five convolutional and three fully connected layers.

The paper gives the input (100x100), the layer counts and the size of the 5th pooling layer (9216), and no more. The
rest follows AlexNet (Krizhevsky et al. 2012), whose pool5 is the same 6 x 6 x 256 = 9216: pooling after layers 1, 2
and 5, windows of 3 with stride 2. A first layer of 5x5 with stride 2 and Caffe's rounding up of pooled sizes bring
100 pixels to 6 (100 -> 50 -> 25 -> 12 -> 6).
"""

from functools import partial

import torch
from torch import nn

INPUT_PX = 100
POOL5 = 9216


class FaceCNN(nn.Module):
    """Identity classifier whose pool5 is the feature.

    `width` scales every inner layer's channels, 1 is AlexNet's 64-192-384-256-256; pool5 keeps 9216 values throughout.
    `dropout` is AlexNet's, before the first two fully connected layers.
    """

    def __init__(self, identities: int, width: float, dropout: float = 0.5) -> None:
        super().__init__()
        c1, c2, c3, c4 = (max(8, round(c * width)) for c in (64, 192, 384, 256))
        fc = max(64, round(4096 * width))
        pool = partial(nn.MaxPool2d, 3, stride=2, ceil_mode=True)
        self.convolutions = nn.Sequential(
            nn.Conv2d(3, c1, 5, stride=2, padding=2), nn.BatchNorm2d(c1), nn.ReLU(), pool(),
            nn.Conv2d(c1, c2, 5, padding=2), nn.BatchNorm2d(c2), nn.ReLU(), pool(),
            nn.Conv2d(c2, c3, 3, padding=1), nn.BatchNorm2d(c3), nn.ReLU(),
            nn.Conv2d(c3, c4, 3, padding=1), nn.BatchNorm2d(c4), nn.ReLU(),
            nn.Conv2d(c4, 256, 3, padding=1), nn.BatchNorm2d(256), nn.ReLU(), pool(),
        )  # fmt: skip
        self.classifier = nn.Sequential(
            nn.Dropout(dropout), nn.Linear(POOL5, fc), nn.ReLU(),
            nn.Dropout(dropout), nn.Linear(fc, fc), nn.ReLU(),
            nn.Linear(fc, identities),
        )  # fmt: skip

    def features(self, faces: torch.Tensor) -> torch.Tensor:
        """Return pool5, (B, 9216), for faces (B, 3, 100, 100) from `normalise_faces`."""
        return self.convolutions(faces).flatten(1)

    def forward(self, faces: torch.Tensor) -> torch.Tensor:
        """Return identity logits, (B, identities)."""
        return self.classifier(self.features(faces))


def normalise_faces(images: torch.Tensor) -> torch.Tensor:
    """Return RGB faces (B, 3, 100, 100) with zero mean and unit variance each, so that light and exposure go."""
    # channels last: convolutions of small width take half the time on the CPU
    faces = images.to(torch.float32, memory_format=torch.channels_last)
    mean = faces.mean(dim=(1, 2, 3), keepdim=True)
    return (faces - mean) / (faces.std(dim=(1, 2, 3), keepdim=True) + 1.0)
