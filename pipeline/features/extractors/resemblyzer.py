"""resemblyzer: speaker LSTM on partial utterances, Wan et al. 2018, section 2, as the package Resemblyzer has it.

None of the three papers has it: it hears who speaks, and how. Weights: `fetch_weights@resemblyzer` (speaker_lstm).
Output: (T, 256) float32, one row per partial utterance of 1.6 s, without unit, 0 and above, of norm 1. Partials begin
every 0.77 s; the last one is filled up with silence and left out where the clip covers less than three quarters of it;
a shorter clip has one. Rows equal the package's own (`return_partials`) but for the silence that it cuts out before, by
a detector of voice that is no dependency here: cut sound would have no true times.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import Field

from pipeline.audio.speaker_mel import FRAME, FRAMES, HOP, PARTIAL, REACH, SPAN, gain, speaker_mel
from pipeline.audio.spectral import AUDIO_HZ
from pipeline.core.errors import ClipError, WeightsError
from pipeline.core.settings import Settings
from pipeline.core.store import ClipFeatures, FeatureMeta
from pipeline.core.weights_file import load_state, load_weights
from pipeline.features.extractors._sound import timed
from pipeline.media.audio_blocks import Audio, overlapping
from pipeline.networks.speaker_lstm import SpeakerLSTM

INPUT = "sound"
COVERED = 0.75
"""Share of the last partial utterance that the clip has to cover."""


GROUP = 8
"""Partial utterances whose spectrum is computed at once; each goes through the network alone."""


class Params(Settings):
    """How often a partial utterance begins."""

    rate: float = Field(1.3, ge=0.625, le=2.5, description="partial utterances per second; Resemblyzer has 1.3")

    @property
    def step(self) -> int:
        """Samples from one partial to the next, whole frames."""
        return round(AUDIO_HZ / self.rate / HOP) * HOP


class Extractor:
    """The LSTM up to its embedding."""

    def __init__(self, params: Params, weights: Path | None) -> None:
        if weights is None:
            raise WeightsError("resemblyzer needs the weights that `dvc repro fetch_weights@resemblyzer` fetches")
        loaded = load_weights(weights)
        self.source_speakers = loaded.config["speakers"]
        shape = loaded.config["network"]
        self.network = load_state(SpeakerLSTM(**shape), loaded, weights)
        self.step = params.step
        layer = f"embedding ({shape['columns']}), LSTM of {shape['layers']} x {shape['cells']}"
        told: dict[str, Any] = {"params": params.model_dump(), **loaded.told}
        self.meta = FeatureMeta("resemblyzer", shape["columns"], "float32", AUDIO_HZ / self.step, layer=layer, **told)

    def __call__(self, sound: Audio) -> Iterator[ClipFeatures]:
        """Yield (n, columns) for sound at `AUDIO_HZ`, each row at the centre of its 1.6 s."""
        count, louder = _level(sound)
        pieces = overlapping(sound.blocks(), GROUP * self.step, REACH, SPAN - REACH - self.step)
        last = max(0.0, count - COVERED * PARTIAL)  # where a partial utterance may begin at most
        groups = ((begin, samples, min(GROUP, 1 + int(last - begin) // self.step)) for begin, samples in pieces)
        rows = (self._rows(samples * louder, not begin, kept) for begin, samples, kept in groups if begin <= last)
        return timed(rows, self._times, "no sound")

    @torch.inference_mode()
    def _rows(self, samples: np.ndarray, first: bool, kept: int) -> np.ndarray:
        """Return the rows of partial utterances that follow each other; silence stands around the clip."""
        length = (kept - 1) * self.step + SPAN
        whole = np.pad(samples, (REACH * first, length))[:length]
        mel = torch.from_numpy(speaker_mel(whole))
        begins = range(0, kept * self.step // HOP, self.step // HOP)
        found: np.ndarray = torch.stack([self.network.features(mel[one : one + FRAMES]) for one in begins]).numpy()
        return found

    def _times(self, count: int, first: int) -> np.ndarray:
        return (np.arange(first, first + count) * self.step + PARTIAL / 2) / AUDIO_HZ


def _level(sound: Audio) -> tuple[int, np.float32]:
    """Return how many samples a clip has, and what they are multiplied by."""
    count, power = 0, 0.0
    for block in sound.blocks():
        count += len(block)
        power += float(np.square(block, dtype=np.float64).sum())
    if count < FRAME:
        raise ClipError("too_short", f"less sound than a frame of {1000 * FRAME // AUDIO_HZ} ms")
    if not power:
        raise ClipError("silent", "digital silence has no level to raise")
    return count, np.float32(gain(power / count))
