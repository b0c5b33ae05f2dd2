"""alexnet: AlexNet on log mel windows as pictures, Zhang et al. 2017, section III.A.1 and III.B.1.

Paper: 64 x 64 x 3 (static, delta, delta-delta) resized to 227 x 227 x 3 by bilinear interpolation; fc7 of 4096 is the
feature. Weights: AlexNet of ImageNet, or what `pretrain.alexnet` trains. Source: `logmel.h5`.

The paper does not say how spectra meet a network that was trained on pictures. Each channel is shifted and scaled by
fixed numbers to about the range of standardised pictures; fixed, so that loudness, which tells of emotion, stays in.
The defaults lie between the means and deviations of three sets of clips, 296 windows in all: the generated demo (static
-9.9 and 4.2), a mixed set of real ones (-7.5 and 4.2) and CREMA-D (-11.0 and 4.2); delta 0.0 and 0.6 to 0.9,
delta-delta 0.0 and 0.2 to 0.4. The authors' own code standardises every pixel of the resized windows by mean and
deviation over all training windows, and takes derivatives over four frames to either side: `standardise: pixel`,
`reach: 4` (docs/decisions/0018-what-zhangs-code-settles.md).
"""

from collections.abc import Iterable, Mapping
from typing import Any, Literal

import numpy as np
import torch
from pydantic import Field
from torch import nn

from pipeline.core.errors import ClipError, SettingsError
from pipeline.core.settings import Settings
from pipeline.core.store import ClipFeatures, ClipReader, FeatureMeta
from pipeline.features.segments.networks import Windows
from pipeline.features.segments.windows import WindowParams, channels, cut, pieces
from pipeline.networks.alexnet import INPUT_PX, AlexNet

LAST = "classifier.6"
_ROWS = 1024
"""Frames read at a time."""
Triple = tuple[float, float, float]


class Params(Settings):
    """Windows, and what the network sees of them."""

    windows: WindowParams = Field(description="the grid of windows")
    bands: int = Field(64, ge=8, description="mel bands; as extract.logmel.bands")
    reach: int = Field(
        2, ge=1, description="frames to either side of a derivative {Zhang III.A.1: 2} {Zhang, the authors' code: 4}"
    )
    offset: Triple = Field((-9.5, 0.0, 0.0), description="taken off static, delta and delta-delta")
    scale: Triple = Field((4.2, 0.85, 0.35), description="that they are divided by then")
    standardise: Literal["fixed", "pixel"] = Field(
        "fixed",
        description="fixed: by offset and scale alone; pixel: then every pixel by mean and deviation over the training "
        "windows of the fold, for which tune is needed {Zhang, the authors' code: pixel}",
    )
    dropout: float = Field(
        0.5, ge=0, lt=1, description="of fc6 and fc7 in fine-tuning; narrow networks learn faster without"
    )
    batch: int = Field(
        30, ge=1, description="segments per forward pass; of one clip, so that results do not depend on others"
    )


class Segments:
    """Cuts `logmel` into windows of three channels."""

    dtype = "float32"

    def __init__(self, params: Params) -> None:
        self.params = params
        self.shape = (3, params.bands, params.windows.length)
        self._offset, self._scale = (np.array(v, np.float32)[:, None, None] for v in (params.offset, params.scale))

    def check_source(self, meta: FeatureMeta) -> None:
        """Refuse a `logmel` of other frames or bands, naming the settings that differ."""
        windows = self.params.windows
        wanted = {"window_ms": windows.frame_ms, "hop_ms": windows.hop_ms, "bands": self.params.bands}
        found = {name: meta.params.get(name) for name in wanted}
        different = [
            f"{name} {found[name]} there, {wanted[name]} here" for name in wanted if found[name] != wanted[name]
        ]
        if different:
            raise SettingsError(
                f"params.yaml: extract.logmel and the windows of segments_audio differ: {', '.join(different)}; make "
                "them equal"
            )

    def __call__(self, mel: ClipFeatures | ClipReader) -> Windows:
        """Return windows of (3, bands, length) for a log mel spectrogram (T, bands)."""
        windows, frames = self.params.windows, len(mel.mask)
        if not frames:
            raise ClipError("too_short", "no frame of sound")
        starts = windows.starts(frames)
        spans = ((start, min(start + windows.length, frames)) for start in starts.tolist())
        inputs = (self._picture(piece) for piece in pieces(mel, spans, _ROWS, lambda block: block.values))
        short = f"{frames} of {windows.length} frames; the first and last are repeated"
        every = np.ones(len(starts), bool)
        return Windows(inputs, windows.centres(starts), every, short if frames < windows.length else "")

    def _picture(self, piece: np.ndarray) -> np.ndarray:
        pictures = channels(cut(piece, 0, self.params.windows.length), self.params.reach)
        return ((pictures - self._offset) / self._scale).astype(np.float32)


def prepare(inputs: torch.Tensor) -> torch.Tensor:
    """Return pictures (B, 3, 227, 227) for windows (B, 3, bands, length), by bilinear interpolation."""
    pictures = nn.functional.interpolate(inputs, size=(INPUT_PX, INPUT_PX), mode="bilinear", align_corners=False)
    return pictures.contiguous(memory_format=torch.channels_last)  # convolutions of small width take half the time


class PixelAlexNet(AlexNet):
    """AlexNet whose inputs are standardised pixel by pixel, as in the authors' code; both buffers (3, 227, 227) are
    learned by `fit_inputs` and saved with the weights.
    """

    renewed = ("pixel_mean", "pixel_factor")
    """What pre-trained weights do not have."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        for name in self.renewed:
            self.register_buffer(name, torch.zeros(3, INPUT_PX, INPUT_PX))

    def fit_inputs(self, batches: Iterable[torch.Tensor]) -> None:
        """Learn mean and deviation (N - 1) of every pixel over batches (B, 3, 227, 227); a pixel that never changes
        becomes 0, as theirs does.
        """
        count, mean, spread = 0, *torch.zeros((2, 3, INPUT_PX, INPUT_PX), dtype=torch.float64)
        for batch in batches:  # Chan et al. 1979: parts are merged, so that the windows are read once
            new = batch.double()
            off = new.mean(0) - mean
            spread += new.var(0, correction=0) * len(new) + off**2 * (count * len(new) / (count + len(new)))
            mean += off * (len(new) / (count + len(new)))
            count += len(new)
        deviation = (spread / max(1, count - 1)).sqrt()
        self.pixel_mean = mean.float()
        self.pixel_factor = torch.where(deviation > 0, 1 / deviation, 0.0).float()

    def _pool5(self, images: torch.Tensor) -> torch.Tensor:
        return super()._pool5((images - self.pixel_mean) * self.pixel_factor)


def network(params: Params, config: Mapping[str, Any], classes: int) -> AlexNet:
    """Return AlexNet as wide as the weights, with a new last layer."""
    kind = PixelAlexNet if params.standardise == "pixel" else AlexNet
    module = kind(width=config["width"], classes=classes, dropout=params.dropout)
    return module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
