"""Windows of aligned faces: the part of the square that a network sees, and as pictures of the size that it takes."""

import torch
from torch import nn

Share = tuple[float, float]
"""Height and width, as shares of those of the square."""


def cut(faces: torch.Tensor, share: Share, at: tuple[float, float] = (0.5, 0.5)) -> torch.Tensor:
    """Return one window of all pictures alike, (..., h, w, 3) of (..., H, W, 3), without a copy.

    Args:
        faces: (..., H, W, 3)
        share: of height and width that the window has, above 0 and not above 1; rounded to whole px, one at least
        at: where it lies, down and across: 0 = at the upper or left edge, 1 = at the lower or right, 0.5 = the middle
    """
    (top, bottom), (left, right) = (_span(*one) for one in zip(faces.shape[-3:-1], share, at, strict=True))
    return faces[..., top:bottom, left:right, :]


def _span(side: int, share: float, at: float) -> tuple[int, int]:
    length = max(1, round(side * share))
    begin = round((side - length) * at)
    return begin, begin + length


def scaled(faces: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """Return float pictures (B * T, 3, height, width) of 0 to 255 for faces (B, T, h, w, 3) uint8."""
    pictures = faces.flatten(0, 1).permute(0, 3, 1, 2).float()
    return nn.functional.interpolate(pictures, size=(height, width), mode="bilinear", antialias=True)
