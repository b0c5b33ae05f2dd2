"""Frames of speech with a phone each: read utterance by utterance, kept once, put into context batch by batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from pipeline.audio.spectral import AUDIO_HZ, MfccParams, mfcc39, normalise_utterance
from pipeline.core.errors import ClipError
from pipeline.core.ledger import Entry
from pipeline.media.decode import read_audio
from pipeline.pretraining.sources._shared.alignments import Span
from pipeline.pretraining.sources._shared.utterances import Utterance

LATE_S = 0.1
"""How far an alignment may reach past the end of its sound before the ledger says so; rounding stays below."""


@dataclass(frozen=True)
class Voice:
    """One utterance: its frames (T, D) float32, normalised over it, and their labels (T,), which are indices into its
    sorted phones, and -1 where none is heard.
    """

    speaker: str
    frames: np.ndarray
    labels: np.ndarray
    phones: list[str]


def frame_labels(spans: Sequence[Span], times: np.ndarray, phones: Sequence[str]) -> np.ndarray:
    """Return the phone index at each time, (T,); -1 where no span covers it."""
    labels = np.full(len(times), -1, np.int64)
    index = {phone: i for i, phone in enumerate(phones)}
    for start, end, phone in spans:
        labels[(times >= start) & (times < end)] = index[phone]
    return labels


def read_voice(
    root: Path, mfcc: MfccParams, stage: str, item: tuple[Utterance, list[Span]]
) -> tuple[Voice | None, Entry]:
    """Return an utterance, None where it failed, and its ledger entry."""
    utterance, spans = item
    try:
        sound = read_audio(root / utterance.path, AUDIO_HZ)
        values, times = mfcc39(sound, mfcc)
        if not len(values):
            raise ClipError("too_short", f"{len(sound) / AUDIO_HZ:.3f} s, less than a frame")
        phones = sorted({phone for _, _, phone in spans})
        labels = frame_labels(spans, times, phones)
        if (labels < 0).all():
            raise ClipError("no_input", "no frame has a phone")
    except ClipError as error:
        return None, Entry(utterance.name, stage, "failed", error.reason, error.detail)
    voice = Voice(utterance.speaker, normalise_utterance(values), labels, phones)
    late = spans[-1][1] - len(sound) / AUDIO_HZ
    if late > LATE_S:
        return voice, Entry(utterance.name, stage, "degraded", "bad_alignment", f"ends {late:.2f} s after the sound")
    return voice, Entry(utterance.name, stage)


def frame_table(voices: Sequence[Voice], reach: int) -> tuple[torch.Tensor, list[np.ndarray]]:
    """Return all frames once, (sum of T + 2 reach, D), each utterance with its ends repeated `reach` times, and per
    utterance the (T,) row of each frame.
    """
    padded = [np.pad(voice.frames, ((reach, reach), (0, 0)), mode="edge") for voice in voices]
    starts = np.cumsum([0, *(len(frames) for frames in padded[:-1])])
    rows = [start + reach + np.arange(len(voice.frames)) for start, voice in zip(starts, voices, strict=True)]
    return torch.from_numpy(np.concatenate(padded)), rows


def in_context(table: torch.Tensor, rows: torch.Tensor, reach: int) -> torch.Tensor:
    """Return the frames at some rows (B,) of `frame_table` with `reach` neighbours to either side,
    (B, D * (2 reach + 1)): what `pipeline.audio.spectral.context` gives for them.
    """
    return table[rows[:, None] + torch.arange(-reach, reach + 1)].flatten(1)
