"""c3d: C3D on 16 face crops, Zhang et al. 2017, section III.A.2 and III.B.1.

Paper: the frames of the window that the sound is cut by, 150 x 110 each, cut or repeated to 16 and resized to 227 x
227; fc7 of 4096 is the feature. Weights: C3D of Sports-1M, or what `pretrain.c3d` trains. Source: face crops
(`crop_faces`).

A window in which fewer than `least_observed` of the frames show a face counts as not observed. In the others a frame
without a face is replaced by the nearest that has one.
"""

from collections.abc import Mapping
from itertools import compress
from typing import Any, Self

import cv2
import numpy as np
import torch
from pydantic import Field, model_validator

from pipeline.core.errors import ClipError
from pipeline.core.settings import Settings
from pipeline.core.store import ClipFeatures, ClipReader, FeatureMeta
from pipeline.features.segments.networks import Windows
from pipeline.features.segments.windows import WindowParams, pieces
from pipeline.media.frame_sampling import filled, frames_in, sixteen
from pipeline.networks.c3d import C3D, FRAMES, Fc6, check_size, normalise_clips

LAST = "fc8"
_ROWS = 64
"""Frames read at a time."""


class Params(Settings):
    """Windows, and what the network sees of them."""

    windows: WindowParams = Field(description="the grid of windows")
    size: int = Field(
        112, ge=16, description="height and width of the frames, px; published weights take 112 {Zhang III.A.2: 227}"
    )
    fc6: Fc6 = Field("published", description="how fc6 fits the size: published (112 only), adaptive or new")
    least_observed: float = Field(0.5, gt=0, le=1, description="share of a window's frames that must show a face")
    dropout: float = Field(
        0.5, ge=0, lt=1, description="of fc6 and fc7 in fine-tuning; narrow networks learn faster without"
    )
    batch: int = Field(
        8, ge=1, description="segments per forward pass; of one clip, so that results do not depend on others"
    )

    @model_validator(mode="after")
    def _fc6_fits_the_size(self) -> Self:
        check_size(self.size, self.fc6)
        return self


class Segments:
    """Cuts face crops into windows of 16 frames."""

    dtype = "uint8"

    def __init__(self, params: Params) -> None:
        self.params = params
        self.shape = (FRAMES, params.size, params.size, 3)

    def check_source(self, meta: FeatureMeta) -> None:
        """Accept any crops: their size is changed anyway."""

    def __call__(self, crops: ClipFeatures | ClipReader) -> Windows:
        """Return windows of (16, size, size, 3) uint8 for face crops (T, H, W, 3)."""
        windows, least = self.params.windows, self.params.least_observed
        # the last picture lasts as long as those before it usually do
        lasts = np.median(np.diff(crops.times)) if len(crops.times) > 1 else 0.0
        duration = float(crops.times[-1] + lasts)
        frames = windows.frames(duration)
        starts = windows.starts(frames)
        spans = [frames_in(crops.times, begin, begin + windows.seconds) for begin in windows.begins(starts).tolist()]
        shown = [crops.mask[first:end] for first, end in spans]
        mask = np.array([len(one) > 0 and one.mean() >= least for one in shown])
        if not mask.any():
            raise ClipError("no_face", f"in none of {len(starts)} windows do {least:.0%} of the frames show one")
        short = f"{duration:.3f} of {windows.seconds:g} s of pictures" if frames < windows.length else ""
        cut = pieces(crops, compress(spans, mask), _ROWS, lambda block: block.extra["crops"])
        inputs = (self._sixteen(*one) for one in zip(cut, compress(shown, mask), strict=True))
        return Windows(inputs, windows.centres(starts), mask, short)

    def _sixteen(self, crops: np.ndarray, mask: np.ndarray) -> np.ndarray:
        rows = filled(mask)[sixteen(len(crops))]
        size = self.params.size
        how = cv2.INTER_AREA if size < min(crops.shape[1:3]) else cv2.INTER_LINEAR
        resized = {row: cv2.resize(crops[row], (size, size), interpolation=how) for row in np.unique(rows)}
        return np.stack([resized[row] for row in rows])


def prepare(inputs: torch.Tensor) -> torch.Tensor:
    """Return what C3D takes, (B, 3, 16, size, size), for windows (B, 16, size, size, 3) uint8."""
    return normalise_clips(inputs)


def network(params: Params, config: Mapping[str, Any], classes: int) -> C3D:
    """Return C3D as wide as the weights, for this size of frames, with a new last layer."""
    shape = {"width": config["width"], **{name: config[name] for name in ("pool5", "standardise") if name in config}}
    module = C3D(**shape, classes=classes, size=params.size, fc6=params.fc6, dropout=params.dropout)
    return module.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
