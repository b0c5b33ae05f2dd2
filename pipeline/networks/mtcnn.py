"""P-, R- and O-Net, the three networks of MTCNN: Zhang, Zhang, Li, Qiao 2016 (IEEE SPL 23), section II.B and Fig. 2.

Each looks at squares of an image, of 12, 24 and 48 px. P-Net has no fully connected layer, so that it goes over an
image of any size at once, a square every 2 px. Convolutions are not padded; poolings take in the remainder at the
border (Caffe's rounding), which gives 3 x 3 x 64 values before R-Net's dense layer and 3 x 3 x 128 before O-Net's.

Layers are called as in the published files of facenet-pytorch. Their dense layers take the values of column after
column (width, height, channel), not in torch's own order.
"""

import torch
from torch import nn

P_PX, R_PX, O_PX = 12, 24, 48
"""Side of the square that each network looks at, px."""
STRIDE = 2
"""Of P-Net, px of its input."""


def _pool(side: int) -> nn.Module:
    return nn.MaxPool2d(side, stride=2, ceil_mode=True)


class _Columns(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.permute(0, 3, 2, 1).flatten(1)


class _Network(nn.Module):
    """Layers one behind the other, and behind them, side by side, those whose names end with _1, _2 and _3."""

    def __init__(self, **layers: nn.Module) -> None:
        super().__init__()
        for name, layer in layers.items():
            self.add_module(name, layer)

    def answers(self, x: torch.Tensor) -> list[torch.Tensor]:
        last = []
        for name, layer in self.named_children():
            if "_" in name:
                last.append(layer(x))
            else:
                x = layer(x)
        return last


class PNet(_Network):
    """Proposals: is there a face in a square of 12 px, and how its box differs from the square."""

    def __init__(self) -> None:
        super().__init__(
            conv1=nn.Conv2d(3, 10, 3), prelu1=nn.PReLU(10), pool1=_pool(2),
            conv2=nn.Conv2d(10, 16, 3), prelu2=nn.PReLU(16),
            conv3=nn.Conv2d(16, 32, 3), prelu3=nn.PReLU(32),
            conv4_1=nn.Conv2d(32, 2, 1), conv4_2=nn.Conv2d(32, 4, 1),
        )  # fmt: skip

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Look at all squares of images (B, 3, H, W) from `normalise`, 12 px high and wide at least.

        Returns: (B, H', W') probability of a face in the square whose corner is at 2 x row, 2 x column; (B, 4, H', W')
        what to add to its left, top, right and bottom edge, in sides of the square.
        """
        faces, edges = self.answers(images)
        return faces.softmax(dim=1)[:, 1], edges


class RNet(_Network):
    """The same question for single squares of 24 px."""

    def __init__(self) -> None:
        super().__init__(
            conv1=nn.Conv2d(3, 28, 3), prelu1=nn.PReLU(28), pool1=_pool(3),
            conv2=nn.Conv2d(28, 48, 3), prelu2=nn.PReLU(48), pool2=_pool(3),
            conv3=nn.Conv2d(48, 64, 2), prelu3=nn.PReLU(64), columns=_Columns(),
            dense4=nn.Linear(576, 128), prelu4=nn.PReLU(128),
            dense5_1=nn.Linear(128, 2), dense5_2=nn.Linear(128, 4),
        )  # fmt: skip

    def forward(self, squares: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return as `PNet` for squares (B, 3, 24, 24) from `normalise`: (B,) and (B, 4)."""
        faces, edges = self.answers(squares)
        return faces.softmax(dim=1)[:, 1], edges


class ONet(_Network):
    """The same question for single squares of 48 px, and where the eyes, the nose and the corners of the mouth are."""

    def __init__(self) -> None:
        super().__init__(
            conv1=nn.Conv2d(3, 32, 3), prelu1=nn.PReLU(32), pool1=_pool(3),
            conv2=nn.Conv2d(32, 64, 3), prelu2=nn.PReLU(64), pool2=_pool(3),
            conv3=nn.Conv2d(64, 64, 3), prelu3=nn.PReLU(64), pool3=_pool(2),
            conv4=nn.Conv2d(64, 128, 2), prelu4=nn.PReLU(128), columns=_Columns(),
            dense5=nn.Linear(1152, 256), prelu5=nn.PReLU(256),
            dense6_1=nn.Linear(256, 2), dense6_2=nn.Linear(256, 4), dense6_3=nn.Linear(256, 10),
        )  # fmt: skip

    def forward(self, squares: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return as `PNet` for squares (B, 3, 48, 48) from `normalise`: (B,) float64, (B, 4), and points.

        Those are (B, 5, 2), x and y from the left and top edge, in sides, of the left and right eye (left in the image
        first), the nose, the left and the right corner of the mouth.
        """
        faces, edges, points = self.answers(squares)
        # in float32 every clear face would have probability 1, and two of them the same
        probability = faces.double().softmax(dim=1)[:, 1]
        return probability, edges, points.unflatten(1, (2, 5)).transpose(1, 2)  # five x, then five y


class MTCNN(nn.Module):
    """The three networks under the names of their entries in weights.lock, so that one state dict holds all of them."""

    def __init__(self) -> None:
        super().__init__()
        self.mtcnn_pnet = PNet()
        self.mtcnn_rnet = RNet()
        self.mtcnn_onet = ONet()


def normalise(images: torch.Tensor) -> torch.Tensor:
    """Return what the networks take, (B, 3, H, W) in about -1 to 1, for images (B, H, W, 3) uint8, RGB."""
    # channels last in memory, as the images come: the poolings take far less time for it
    return ((images.float() - 127.5) / 128).permute(0, 3, 1, 2)
