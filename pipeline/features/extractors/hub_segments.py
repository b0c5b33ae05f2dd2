"""hub_segments: an encoder of video of a hub on windows of the tracked face: VideoMAE, Tong et al. 2022, section 3.

None of the three papers has it. Weights: `fetch_weights@<block>`, an entry of kind `hub`; size, mean and deviation are
those of its own preprocessor_config.json, applied by transformers' own processor. A window's frames, as many as the
encoder takes, are spread evenly over it; one without a face is replaced by the nearest that shows it. Output: (T, D)
float32, the mean over all tokens, one row per window, at its middle; windows with too few faces are NaN and masked. A
last window ends with the clip, a clip of less than a window has one.
"""

from collections.abc import Iterator
from itertools import compress
from pathlib import Path
from typing import Self

import numpy as np
import torch
from pydantic import Field, model_validator

from pipeline.core.errors import ClipError
from pipeline.core.store import ClipFeatures, ClipReader
from pipeline.features.extractors._hub import LayerParams, encoder, image_processor, meta_of
from pipeline.features.observed import spread
from pipeline.features.segments.windows import pieces
from pipeline.media.frame_sampling import filled, frames_in

INPUT = "square100"
_ROWS = 64
"""Frames read at a time."""
_SAME_S = 1e-6


class Params(LayerParams):
    """Layers and windows."""

    window_s: float = Field(2.0, gt=0, le=60, description="how long a window lasts, s; VideoMAE saw some 2 s")
    overlap_s: float = Field(1.0, ge=0, description="what a window shares with the next, s")
    least_observed: float = Field(0.5, gt=0, le=1, description="share of a window's frames that must show a face")

    @model_validator(mode="after")
    def _windows_go_on(self) -> Self:
        if self.overlap_s >= self.window_s:
            raise ValueError(f"an overlap_s of {self.overlap_s:g} is not below window_s, {self.window_s:g}; lower it")
        return self

    def begins(self, duration: float) -> np.ndarray:
        """Return when the windows of a clip of so many seconds begin, s."""
        last = max(0.0, duration - self.window_s)
        step = self.window_s - self.overlap_s
        regular = np.arange(int(last / step + _SAME_S) + 1) * step
        return regular if last - regular[-1] < _SAME_S else np.append(regular, last)


class Extractor:
    """The encoder up to its layers; one window at a time: no neighbour changes a bit."""

    def __init__(self, params: Params, weights: Path | None) -> None:
        self.network, published = encoder("hub_segments", "extract_face", params, weights, "mean")
        self.source_speakers: list[str] = []
        self.params = params
        self.frames = int(self.network.config.num_frames)
        self._prepare = image_processor(Path(weights or ""))
        self.meta = meta_of(self.network, published, params, "hub_segments")

    def __call__(self, faces: ClipFeatures | ClipReader) -> Iterator[ClipFeatures]:
        """Yield (S, D) for tracked faces, block by block."""
        times = faces.times
        if not len(times):
            raise ClipError("no_face", "no video frame")
        # the last picture lasts as long as those before it usually do
        duration = float(times[-1] + (np.median(np.diff(times)) if len(times) > 1 else 0.0))
        begins = self.params.begins(duration)
        spans = [frames_in(times, begin, begin + self.params.window_s) for begin in begins.tolist()]
        shown = [faces.mask[first:end] for first, end in spans]
        mask = np.array([len(one) > 0 and one.mean() >= self.params.least_observed for one in shown])
        if not mask.any():
            least = f"{self.params.least_observed:.0%}"
            raise ClipError("no_face", f"in none of {len(begins)} windows do {least} of the frames show one")
        cut = pieces(faces, compress(spans, mask), _ROWS, lambda block: block.extra["crops"])
        rows = (self._row(*one) for one in zip(cut, compress(shown, mask), strict=True))
        middles = begins + min(self.params.window_s, duration) / 2
        return spread(rows, middles, mask, self.meta.dtype)

    @torch.inference_mode()
    def _row(self, crops: np.ndarray, shown: np.ndarray) -> np.ndarray:
        taken = filled(shown)[np.linspace(0, len(crops) - 1, self.frames).round().astype(int)]
        return self.network.features(self._prepare(list(crops[taken]))).numpy()
