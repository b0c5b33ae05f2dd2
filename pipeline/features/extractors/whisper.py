"""whisper: encoder of Whisper tiny.en on sound, Radford et al. 2022, section 2.2 and Fig. 1.

None of the three papers has it: it is what stands in for descriptors by hand today. Weights: `fetch_weights@whisper`
(whisper_tiny_en, trained by OpenAI). Output: (T, 384) float32, 50 rows a second, without unit; another size of encoder
has other columns. A clip is not padded to 30 s as for transcription, so positions are those of the clip's own length.
One of more than 30 s is computed in windows of as much, of which the first and the last second serve as context only:
memory does not grow with a clip's length. The level of each window is its own, as in training.
"""

from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import torch
from pydantic import Field

from pipeline.audio.spectral import AUDIO_HZ
from pipeline.audio.whisper_mel import FRAME, HOP, whisper_mel
from pipeline.core.errors import SettingsError, WeightsError
from pipeline.core.settings import Settings
from pipeline.core.store import ClipFeatures, FeatureMeta
from pipeline.core.weights_file import load_state, load_weights
from pipeline.features.extractors._sound import begun, timed
from pipeline.media.audio_blocks import Audio, overlapping
from pipeline.networks.whisper_encoder import WhisperEncoder

INPUT = "sound"
ROW = 2 * HOP
"""Samples from one row to the next: the second convolution takes every other frame."""
MARGIN_S = 1.0
"""What two windows of a long clip see of each other's rows, s, to either side."""


class Params(Settings):
    """Which rows are kept."""

    layer: Annotated[int, Field(ge=1)] | Literal["last"] = Field(
        "last", description="rows behind this Transformer block, counted from 1; last = behind all, normalised"
    )


class Extractor:
    """The encoder up to one of its blocks."""

    def __init__(self, params: Params, weights: Path | None) -> None:
        if weights is None:
            raise WeightsError("whisper needs the weights that `dvc repro fetch_weights@whisper` fetches")
        loaded = load_weights(weights)
        self.source_speakers = loaded.config["speakers"]
        shape = loaded.config["network"]
        if params.layer != "last" and params.layer > shape["layers"]:
            raise SettingsError(
                f"params.yaml: extract_sound.whisper.layer is {params.layer}, but the encoder of {weights} has "
                f"{shape['layers']} blocks; name one of them, or last"
            )
        self.network = load_state(WhisperEncoder(**shape), loaded, weights)
        self.network.stop = None if params.layer == "last" else params.layer
        self.window, self.margin = shape["positions"] * ROW, round(MARGIN_S * AUDIO_HZ) // ROW * ROW
        layer = f"encoder block {params.layer} of {shape['layers']} ({shape['width']})"
        told: dict[str, Any] = {"params": params.model_dump(), **loaded.told}
        self.meta = FeatureMeta("whisper", shape["width"], "float32", AUDIO_HZ / ROW, layer=layer, **told)

    def __call__(self, sound: Audio) -> Iterator[ClipFeatures]:
        """Yield (n, width) for sound at `AUDIO_HZ`; row t is centred on 0.02 t s."""
        lengths = accumulate(len(block) for block in sound.blocks())
        long = any(length > self.window for length in lengths)  # a reading that ends there
        margin = self.margin if long else 0
        step = self.window - 2 * margin
        pieces = overlapping(sound.blocks(), step, margin, margin)
        inputs = begun((whisper_mel(samples), min(begin, margin)) for begin, samples in pieces if len(samples) >= FRAME)
        rows = (self._rows(mel, before, step) for mel, before in inputs)
        return timed(rows, _times, f"less sound than a frame of {1000 * FRAME // AUDIO_HZ} ms")

    @torch.inference_mode()
    def _rows(self, mel: np.ndarray, before: int, step: int) -> np.ndarray:
        """Return the rows of a window, but for those of `before` samples and those behind a further `step`."""
        found: np.ndarray = self.network.features(torch.from_numpy(mel)).numpy()
        return found[before // ROW : (before + step) // ROW]


def _times(count: int, first: int) -> np.ndarray:
    return np.arange(first, first + count) * ROW / AUDIO_HZ
