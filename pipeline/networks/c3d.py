"""C3D, Tran et al. 2015 (ICCV), section 3.3 and Fig. 3; the visual network of Zhang et al. 2017, section III.

Eight convolutions of 3x3x3 with stride 1 and padding 1, five max poolings, two fully connected layers of 4096. The
first pooling leaves time alone (1x2x2), the others are 2x2x2. The published weights have 8192 inputs to fc6, which
clips of 16 frames of 112 x 112 give when the last pooling is padded by one pixel on each side of the frame:
112 -> 56 -> 28 -> 14 -> 7 -> 4, 512 x 1 x 4 x 4 = 8192. Caffe, for which the authors' own file was trained, comes to 4
without padding: it rounds pooled sizes up, so that the last window holds one row or column alone.
"""

from typing import Literal

import torch
from torch import nn

from pipeline.networks.layers import LECUN, begun, check_shape

Fc6 = Literal["published", "adaptive", "new"]
Pool5 = Literal["padded", "caffe"]

FRAMES = 16
PUBLISHED_PX = 112
MEAN = (104.0, 117.0, 128.0)
"""What the published weights want taken off red, green and blue."""

_CHANNELS = {"1a": 64, "2a": 128, "3a": 256, "3b": 256, "4a": 512, "4b": 512, "5a": 512, "5b": 512}
CONVOLUTIONS = tuple(_CHANNELS)
_POOLED = ("1a", "2a", "3b", "4b", "5b")
"""Convolutions that a pooling follows."""
_SIDE = 4
"""Height and width of pool5 that the published fc6 takes."""
_DEVIATION, _LEAST_DEVIATION = 50.0, 5.0
"""Of a colour, grey levels: what it is brought to, about that of a face; what is added, so that noise stays small."""
_LEAST_PX = 16
"""One pixel remains behind four poolings; the fifth is padded."""


def check_size(size: int, fc6: Fc6) -> None:
    """Raise ValueError for a size too small for the poolings, or one that a "published" fc6 cannot take."""
    if size < _LEAST_PX:
        raise ValueError(f"C3D: frames of {size} px vanish in four poolings; take {_LEAST_PX} px at least")
    if fc6 == "published" and size != PUBLISHED_PX:
        raise ValueError(
            f"C3D: the published fc6 takes frames of {PUBLISHED_PX} px, not {size}; set size to {PUBLISHED_PX}, "
            "or fc6 to adaptive or new"
        )


class C3D(nn.Module):
    """Clip network whose fc7 is the feature. `renewed` are parameters that published weights do not fit.

    Zhang et al. feed 227 x 227 to weights whose fc6 takes the 8192 values that 112 x 112 give; at 227 pool5 is
    512 x 1 x 8 x 8 = 32768, and the paper does not say what became of fc6. Three ways are open:

    "published", the default and our advice: 112 x 112. Every weight meets what it was trained on, the feature of the
        original network is defined at all (C3DVisual), and the frames lose little: they come from crops of 150 x 110,
        which 227 x 227 only enlarges. A quarter of the time, too.
    "adaptive": any size; pool5 is brought to 4 x 4 by taking maxima over equal parts. All published weights stay in
        use, but at 227 the convolutions see a face twice as large as the scale they were trained at.
    "new": any size; fc6 as large as pool5, from random weights. Its 134 million weights at 227 must be trained on
        an emotion corpus, and the published fc7 behind it loses its meaning. Not for the original network's feature.

    Args:
        width: scale of all channels and of fc6 and fc7; 1 is the published network
        classes: outputs of a last layer; None = no such layer, as for features only
        size: height and width of the frames, px; 16 at least
        dropout: behind fc6 and fc7. Narrow networks that begin at random weights hardly learn with it
        pool5: "padded" by one pixel on each side, as mmaction2 has it, or rounded up, for the authors' own weights
        standardise: bring every colour of every clip to mean 0 and a deviation of about 50; see `standardised`
    """

    def __init__(
        self, width: float = 1, classes: int | None = None, size: int = PUBLISHED_PX, fc6: Fc6 = "published",
        dropout: float = 0.5, pool5: Pool5 = "padded", standardise: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        check_size(size, fc6)
        self.rounded_up, self.standardise = pool5 == "caffe", standardise
        side = (size // 16 + (1 if self.rounded_up else 2)) // 2 if fc6 == "new" else _SIDE
        self.size, self.adaptive = size, fc6 == "adaptive"
        self.renewed = () if side == _SIDE else ("fc6.weight", "fc6.bias")
        before = 3
        for name, channels in _CHANNELS.items():
            after = max(1, round(channels * width))
            self.add_module(f"conv{name}", nn.Conv3d(before, after, 3, padding=1))
            before = after
        hidden = max(1, round(4096 * width))
        self.fc6 = nn.Linear(before * side * side, hidden)
        self.fc7 = nn.Linear(hidden, hidden)
        self.dropout = nn.Dropout(dropout)
        self.fc8 = nn.Linear(hidden, classes) if classes is not None else None
        # eleven layers take inputs of some 60 (0 to 255, less the mean) down to about 1; with torch's own scale nothing
        # of the input is left in fc8, with He's the loss begins at 50
        begun(self, LECUN)

    def features(self, clips: torch.Tensor) -> torch.Tensor:
        """Return fc7 behind its ReLU, (B, 4096 * width), for clips (B, 3, 16, size, size) from `normalise_clips`."""
        check_shape("C3D takes clips", clips, 3, FRAMES, self.size, self.size)
        clips = standardised(clips) if self.standardise else clips
        for name in _CHANNELS:
            clips = self.get_submodule(f"conv{name}")(clips).relu()
            if name in _POOLED:
                window, padding = (1 if name == "1a" else 2, 2, 2), int(name == "5b" and not self.rounded_up)
                clips = nn.functional.max_pool3d(
                    clips, window, padding=(0, padding, padding), ceil_mode=self.rounded_up
                )
        if self.adaptive:
            clips = nn.functional.adaptive_max_pool3d(clips, (1, _SIDE, _SIDE))
        hidden = self.dropout(self.fc6(clips.flatten(1)).relu())
        return self.fc7(hidden).relu()

    def forward(self, clips: torch.Tensor) -> torch.Tensor:
        """Return class logits (B, classes), or fc7 where there is no last layer."""
        features = self.features(clips)
        return features if self.fc8 is None else self.fc8(self.dropout(features))


def standardised(clips: torch.Tensor) -> torch.Tensor:
    """Return clips (B, 3, 16, H, W) whose every colour has mean 0 and a deviation of nearly 50, so that neither light
    nor skin nor camera tells anything. Clips of one colour stay near 0: 5 grey levels are added to the deviation.
    """
    centred = clips - clips.mean((2, 3, 4), keepdim=True)
    deviation = centred.square().mean((2, 3, 4), keepdim=True).sqrt()
    return centred * (_DEVIATION / (deviation + _LEAST_DEVIATION))


def normalise_clips(clips: torch.Tensor) -> torch.Tensor:
    """Return what the network takes, (B, 3, 16, H, W): clips (B, 16, H, W, 3) of 0 to 255, RGB, less (104, 117, 128).

    The order of the channels stays red, green, blue: mmaction2, whose file of the published weights is the one in
    weights.lock, takes these three numbers from RGB frames (its C3D configuration, `to_bgr=False`).
    """
    less = clips.float() - clips.new_tensor(MEAN, dtype=torch.float32)
    # channels last in memory, which the CPU's convolutions take half the time for
    return less.contiguous().permute(0, 4, 1, 2, 3)
