"""hub_audio: an encoder of sound of a model hub: wav2vec 2.0 (Baevski et al. 2020, section 2), HuBERT, WavLM, data2vec
or Whisper (papers in pipeline/networks/hub.py).

None of the three papers has them. Weights: `fetch_weights@<block>`, an entry of kind `hub`; input as its own
preprocessor_config.json says. Output: (T, D) float32, 50 rows a second in all published ones, without unit; row t is at
the centre of the samples that its convolutions see. A clip is not padded. One of more than `window_s` is computed in
windows of as much, of which `overlap_s` / 2 to either side serves as context only: memory does not grow with a clip's
length. Samples that are to be standardised are so by mean and deviation of the whole clip, whatever the windows.
"""

from collections.abc import Callable, Iterator
from itertools import accumulate
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from pydantic import Field, model_validator

from pipeline.audio.spectral import AUDIO_HZ
from pipeline.audio.whisper_mel import FRAME, HOP, whisper_mel
from pipeline.core.errors import SettingsError, WeightsError
from pipeline.core.store import ClipFeatures
from pipeline.features.extractors._hub import LayerParams, encoder, meta_of
from pipeline.features.extractors._sound import begun, timed
from pipeline.media.audio_blocks import Audio, overlapping
from pipeline.networks.hub_files import PREPROCESSOR, described

INPUT = "sound"
_EPSILON = 1e-7
"""Added to the variance, as Wav2Vec2FeatureExtractor does."""


class Params(LayerParams):
    """Layers, and the windows of long clips."""

    window_s: float = Field(20.0, ge=1, le=300, description="longest sound that goes through at once, s")
    overlap_s: float = Field(2.0, ge=0.2, description="what two windows of a long clip share, s")

    @model_validator(mode="after")
    def _windows_go_on(self) -> Self:
        if self.overlap_s > self.window_s / 2:
            raise ValueError(f"an overlap_s of {self.overlap_s:g} is more than half of window_s; lower it")
        return self


class Extractor:
    """The encoder up to its layers; one window at a time: no neighbour changes a bit."""

    def __init__(self, params: Params, weights: Path | None) -> None:
        self.network, published = encoder("hub_audio", "extract_sound", params, weights, "rows")
        self.source_speakers: list[str] = []  # nobody tells whom published encoders have heard
        folder = Path(weights or "")
        whisper = self.network.kind.model == "WhisperModel"
        self._input = _input(folder, self.network.config.num_mel_bins if whisper else None)
        self.row, self.seen, self.centre = (2 * HOP, FRAME, 0.0) if whisper else _grid(self.network.config)
        self.window, self.margin = (
            round(seconds * AUDIO_HZ) // self.row * self.row for seconds in (params.window_s, params.overlap_s / 2)
        )
        limit = getattr(self.network.config, "max_source_positions", None)
        if limit and self.window > limit * self.row:
            raise SettingsError(
                f"params.yaml: extract_sound.{folder.name}.window_s is {params.window_s:g}, but the encoder has "
                f"positions for {limit * self.row / AUDIO_HZ:g} s; lower it"
            )
        self.meta = meta_of(self.network, published, params, "hub_audio", AUDIO_HZ / self.row)

    def __call__(self, sound: Audio) -> Iterator[ClipFeatures]:
        """Yield (n, D) for sound at `AUDIO_HZ`."""
        prepare = self._input(sound)
        long = any(length > self.window for length in accumulate(map(len, sound.blocks())))
        margin = self.margin if long else 0
        step = self.window - 2 * margin
        pieces = overlapping(sound.blocks(), step, margin, margin)
        inputs = begun((prepare(samples), min(begin, margin)) for begin, samples in pieces if len(samples) >= self.seen)
        rows = (self._rows(ready, before // self.row, step // self.row) for ready, before in inputs)
        return timed(
            (block for block in rows if len(block)),
            self._times,
            f"less sound than the {1000 * self.seen / AUDIO_HZ:g} ms of one row",
        )

    @torch.inference_mode()
    def _rows(self, inputs: torch.Tensor, before: int, count: int) -> np.ndarray:
        """Return `count` rows of a window, as far as there are so many, behind those of its context."""
        found: np.ndarray = self.network.features(inputs).numpy()
        return found[before : before + count]

    def _times(self, count: int, first: int) -> np.ndarray:
        return (np.arange(first, first + count) * self.row + self.centre) / AUDIO_HZ


def _grid(config: Any) -> tuple[int, int, float]:
    """Return the samples from one row to the next, those that one row needs, and where its centre is."""
    row, seen = 1, 1
    for kernel, stride in zip(config.conv_kernel, config.conv_stride, strict=True):
        seen += (kernel - 1) * row
        row *= stride
    return row, seen, seen / 2


def _input(folder: Path, bands: int | None) -> Callable[[Audio], Callable[[np.ndarray], torch.Tensor]]:
    """Return what makes, of a clip, what turns each of its windows into the network's input; `bands` of Whisper."""
    told, place = described(folder, PREPROCESSOR), folder / PREPROCESSOR
    if (rate := told.get("sampling_rate")) != AUDIO_HZ:
        raise WeightsError(
            f"{place}: sampling_rate is {rate}, but sound is decoded at {AUDIO_HZ} Hz; take an encoder of {AUDIO_HZ} Hz"
        )
    if bands is None:
        return _standardised if told.get("do_normalize", True) else lambda _: _plain
    wanted = {"feature_size": bands, "hop_length": HOP, "n_fft": FRAME}
    if different := [name for name, value in wanted.items() if told.get(name, value) != value]:
        raise WeightsError(
            f"{place}: {different[0]} is {told[different[0]]}, not {wanted[different[0]]} as of Whisper; get it again"
        )
    return lambda _: lambda samples: torch.from_numpy(whisper_mel(samples, bands))[None]


def _plain(samples: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(samples.astype(np.float32))[None]


def _standardised(sound: Audio) -> Callable[[np.ndarray], torch.Tensor]:
    count, total, squares = 0, 0.0, 0.0
    for block in sound.blocks():
        exact = block.astype(np.float64)
        count, total, squares = count + len(block), total + float(exact.sum()), squares + float(exact @ exact)
    mean = total / max(1, count)
    factor = 1 / np.sqrt(max(0.0, squares / max(1, count) - mean**2) + _EPSILON)
    return lambda samples: _plain((samples - np.float32(mean)) * np.float32(factor))
