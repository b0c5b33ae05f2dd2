"""P-, R- and O-Net, the three networks of MTCNN: Zhang, Zhang, Li, Qiao 2016 (IEEE SPL 23), section II.B and Fig. 2.

Each looks at squares of an image, of 12, 24 and 48 px. P-Net has no fully connected layer, so that it goes over an
image of any size at once, a square every 2 px. Convolutions are not padded; poolings take in the remainder at the
border (Caffe's rounding), which gives 3 x 3 x 64 values before R-Net's dense layer and 3 x 3 x 128 before O-Net's.

Layers are called as in the published files of facenet-pytorch. Their dense layers take the values of column after
column (width, height, channel), not in torch's own order.
"""

from __future__ import annotations

import torch
from torch import nn

P_PX, R_PX, O_PX = 12, 24, 48
"""Side of the square that each network looks at, px."""
STRIDE = 2
"""Of P-Net, px of its input."""


class PNet(nn.Module):
    """Proposals: is there a face in a square of 12 px, and how its box differs from the square."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 10, 3)
        self.prelu1 = nn.PReLU(10)
        self.conv2 = nn.Conv2d(10, 16, 3)
        self.prelu2 = nn.PReLU(16)
        self.conv3 = nn.Conv2d(16, 32, 3)
        self.prelu3 = nn.PReLU(32)
        self.conv4_1 = nn.Conv2d(32, 2, 1)
        self.conv4_2 = nn.Conv2d(32, 4, 1)

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Look at all squares of images (B, 3, H, W) from `normalise`, 12 px high and wide at least.

        Returns:
            (B, H', W') probability of a face in the square whose corner is at 2 x row, 2 x column;
            (B, 4, H', W') what to add to its left, top, right and bottom edge, in sides of the square
        """
        x = nn.functional.max_pool2d(self.prelu1(self.conv1(images)), 2, 2, ceil_mode=True)
        x = self.prelu3(self.conv3(self.prelu2(self.conv2(x))))
        return self.conv4_1(x).softmax(dim=1)[:, 1], self.conv4_2(x)


class RNet(nn.Module):
    """The same question for single squares of 24 px."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 28, 3)
        self.prelu1 = nn.PReLU(28)
        self.conv2 = nn.Conv2d(28, 48, 3)
        self.prelu2 = nn.PReLU(48)
        self.conv3 = nn.Conv2d(48, 64, 2)
        self.prelu3 = nn.PReLU(64)
        self.dense4 = nn.Linear(576, 128)
        self.prelu4 = nn.PReLU(128)
        self.dense5_1 = nn.Linear(128, 2)
        self.dense5_2 = nn.Linear(128, 4)

    def forward(self, squares: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Look at squares (B, 3, 24, 24) from `normalise`.

        Returns:
            (B,) probability of a face; (B, 4) what to add to the left, top, right and bottom edge, in sides
        """
        x = nn.functional.max_pool2d(self.prelu1(self.conv1(squares)), 3, 2, ceil_mode=True)
        x = nn.functional.max_pool2d(self.prelu2(self.conv2(x)), 3, 2, ceil_mode=True)
        x = self.prelu3(self.conv3(x))
        x = self.prelu4(self.dense4(_by_columns(x)))
        return self.dense5_1(x).softmax(dim=1)[:, 1], self.dense5_2(x)


class ONet(nn.Module):
    """The same question for single squares of 48 px, and where the eyes, the nose and the corners of the mouth are."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 32, 3)
        self.prelu1 = nn.PReLU(32)
        self.conv2 = nn.Conv2d(32, 64, 3)
        self.prelu2 = nn.PReLU(64)
        self.conv3 = nn.Conv2d(64, 64, 3)
        self.prelu3 = nn.PReLU(64)
        self.conv4 = nn.Conv2d(64, 128, 2)
        self.prelu4 = nn.PReLU(128)
        self.dense5 = nn.Linear(1152, 256)
        self.prelu5 = nn.PReLU(256)
        self.dense6_1 = nn.Linear(256, 2)
        self.dense6_2 = nn.Linear(256, 4)
        self.dense6_3 = nn.Linear(256, 10)

    def forward(self, squares: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Look at squares (B, 3, 48, 48) from `normalise`.

        Returns:
            (B,) float64 probability of a face; (B, 4) what to add to the left, top, right and bottom edge, in sides;
            (B, 5, 2) x and y from the left and top edge, in sides, of the left and right eye (left in the image
            first), the nose, the left and the right corner of the mouth
        """
        x = nn.functional.max_pool2d(self.prelu1(self.conv1(squares)), 3, 2, ceil_mode=True)
        x = nn.functional.max_pool2d(self.prelu2(self.conv2(x)), 3, 2, ceil_mode=True)
        x = nn.functional.max_pool2d(self.prelu3(self.conv3(x)), 2, 2, ceil_mode=True)
        x = self.prelu4(self.conv4(x))
        x = self.prelu5(self.dense5(_by_columns(x)))
        points = self.dense6_3(x).unflatten(1, (2, 5)).transpose(1, 2)  # five x, then five y
        # in float32 every clear face would have probability 1, and two of them the same
        return self.dense6_1(x).double().softmax(dim=1)[:, 1], self.dense6_2(x), points


class MTCNN(nn.Module):
    """The three networks under the names of their entries in weights.lock, so that one state dict holds all of them."""

    def __init__(self) -> None:
        super().__init__()
        self.mtcnn_pnet = PNet()
        self.mtcnn_rnet = RNet()
        self.mtcnn_onet = ONet()


def normalise(images: torch.Tensor) -> torch.Tensor:
    """Return what the networks take, (B, 3, H, W) float32 in about -1 to 1: (value - 127.5) / 128.

    Args:
        images: (B, H, W, 3) uint8, RGB
    """
    # channels last in memory, as the images come: the poolings take far less time for it
    return ((images.float() - 127.5) / 128).permute(0, 3, 1, 2)


def _by_columns(x: torch.Tensor) -> torch.Tensor:
    return x.permute(0, 3, 2, 1).flatten(1)
