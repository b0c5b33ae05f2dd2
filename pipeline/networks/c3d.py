"""C3D, Tran et al. 2015 (ICCV), section 3.3 and Fig. 3; the visual network of Zhang et al. 2017.

Eight convolutions of 3x3x3 with stride 1 and padding 1, five max poolings, two fully connected layers of 4096. The
first pooling leaves time alone (1x2x2), the others are 2x2x2. The published weights have 8192 inputs to fc6, which
clips of 16 frames of 112 x 112 give when the last pooling is padded by one pixel on each side of the picture:
112 -> 56 -> 28 -> 14 -> 7 -> 4, 512 x 1 x 4 x 4 = 8192.
"""

from __future__ import annotations

import torch
from torch import nn

CLIP = (3, 16, 112, 112)
"""Input: channels, frames, height, width."""

_CHANNELS = {"1a": 64, "2a": 128, "3a": 256, "3b": 256, "4a": 512, "4b": 512, "5a": 512, "5b": 512}
_POOLED = ("1a", "2a", "3b", "4b", "5b")
"""Convolutions that a pooling follows."""


class C3D(nn.Module):
    """Clip network whose fc7 is the feature.

    Args:
        width: scale of all channels and of fc6 and fc7; 1 is the published network
        classes: outputs of a last layer; None = no such layer, as for features only
    """

    def __init__(self, width: float = 1.0, classes: int | None = None) -> None:
        super().__init__()
        before = CLIP[0]
        for name, channels in _CHANNELS.items():
            after = max(1, round(channels * width))
            self.add_module(f"conv{name}", nn.Conv3d(before, after, 3, padding=1))
            before = after
        hidden = max(1, round(4096 * width))
        self.fc6 = nn.Linear(before * 4 * 4, hidden)
        self.fc7 = nn.Linear(hidden, hidden)
        self.dropout = nn.Dropout(0.5)
        self.fc8 = nn.Linear(hidden, classes) if classes is not None else None

    def features(self, clips: torch.Tensor) -> torch.Tensor:
        """Return fc7 behind its ReLU, (B, 4096 * width), for clips (B, 3, 16, 112, 112)."""
        for name in _CHANNELS:
            clips = self.get_submodule(f"conv{name}")(clips).relu()
            if name in _POOLED:
                clips = _pool(clips, name)
        hidden = self.dropout(self.fc6(clips.flatten(1)).relu())
        return self.fc7(hidden).relu()

    def forward(self, clips: torch.Tensor) -> torch.Tensor:
        """Return class logits (B, classes), or fc7 where there is no last layer."""
        features = self.features(clips)
        return features if self.fc8 is None else self.fc8(self.dropout(features))


def _pool(clips: torch.Tensor, name: str) -> torch.Tensor:
    window = (1, 2, 2) if name == "1a" else (2, 2, 2)
    return nn.functional.max_pool3d(clips, window, padding=(0, 1, 1) if name == "5b" else 0)
