"""Frames of speech with a label each: read by utterance, kept once in a file, put into context batch by batch.

Of a corpus that is larger than the memory only what is at work is in it: the files are mapped, and have no name, so
that they go with the process, however it ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import numpy as np
import torch

from pipeline.audio.spectral import (
    AUDIO_HZ,
    NORMAL_ROWS,
    Frames,
    MfccParams,
    mfcc39,
    normalise,
    normalise_utterance,
)
from pipeline.core.errors import ClipError
from pipeline.core.ledger import Entry
from pipeline.core.moments import moments
from pipeline.media.decode import read_audio
from pipeline.pretraining.sources._shared.utterances import Utterance
from pipeline.training.task import Examples

LATE_S = 0.1
"""How far an alignment may reach past the end of its sound before the ledger says so; rounding stays below."""


@dataclass(frozen=True)
class Voice:
    """One utterance: its frames (T, D) float32, and their class indices (T,), -1 where none is heard."""

    frames: np.ndarray
    labels: np.ndarray


def frame_labels(spans: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Return the class index at each time, (T,), of spans (`labels.LABELLED`); -1 where none covers it."""
    labels = np.full(len(times), -1, np.int64)
    for start, end, label in spans.tolist():
        labels[(times >= start) & (times < end)] = label
    return labels


def at_speed(samples: np.ndarray, speed: float) -> np.ndarray:
    """Return a sound (N,) as it is at another speed, (N / speed,): pitch, formants and tempo move together."""
    from scipy.signal import resample_poly

    ratio = Fraction(speed).limit_denominator(100)
    return np.asarray(resample_poly(samples, ratio.denominator, ratio.numerator), np.float32) if ratio != 1 else samples


def read_voice(
    root: Path, mfcc: MfccParams, by_utterance: bool, stage: str, item: tuple[Utterance, np.ndarray, Sequence[float]]
) -> tuple[list[Voice], Entry]:
    """Return an utterance at each of its speeds, nothing where it failed, and its ledger entry; `item` has its spans,
    which are `labels.LABELLED`. With `by_utterance` its frames are normalised over it.
    """
    utterance, spans, speeds = item
    try:
        sound = read_audio(root / utterance.path, AUDIO_HZ)
        found = [voice for speed in speeds if (voice := _heard(at_speed(sound, speed), spans, speed, mfcc))]
        if by_utterance:
            found = [Voice(normalise_utterance(voice.frames), voice.labels) for voice in found]
        if not found:
            if len(sound) < Frames(mfcc).window:
                raise ClipError("too_short", f"{len(sound) / AUDIO_HZ:.3f} s, less than a frame")
            raise ClipError("no_input", "no frame has a phone")
    except ClipError as error:
        return [], Entry(utterance.name, stage, "failed", error.reason, error.detail)
    late = float(spans["end"][-1]) - len(sound) / AUDIO_HZ
    if late > LATE_S:
        return found, Entry(utterance.name, stage, "degraded", "bad_alignment", f"ends {late:.2f} s after the sound")
    return found, Entry(utterance.name, stage)


def _heard(sound: np.ndarray, spans: np.ndarray, speed: float, mfcc: MfccParams) -> Voice | None:
    values, times = mfcc39(sound, mfcc)
    labels = frame_labels(spans, times * speed)
    return Voice(values, labels) if (labels >= 0).any() else None


class FrameTable:
    """All frames once, each utterance with its ends repeated `reach` times, and which of them are examples of a part.

    A context: its files are closed with it, but what has been mapped stays. `folder` is where they lie, None = where
    the system has its temporary files.
    """

    def __init__(self, reach: int, folder: Path | None = None) -> None:
        self.reach, self._folder, self._files, self._end = reach, folder, ExitStack(), 0
        self._columns: dict[str, _Column] = {}

    def __enter__(self) -> FrameTable:
        return self

    def __exit__(self, *_: object) -> None:
        self._files.close()

    def add(self, voice: Voice, part: str) -> None:
        """Take an utterance, whose labelled frames are examples of `part`."""
        named = np.flatnonzero(voice.labels >= 0)
        self._column("frames").add(np.pad(voice.frames, ((self.reach, self.reach), (0, 0)), mode="edge"))
        self._column(f"{part} rows").add(self._end + self.reach + named)
        self._column(f"{part} labels").add(voice.labels[named])
        self._end += len(voice.frames) + 2 * self.reach

    def _column(self, name: str) -> _Column:
        if name not in self._columns:
            if self._folder:
                self._folder.mkdir(parents=True, exist_ok=True)
            file = TemporaryFile(dir=self._folder)  # noqa: SIM115
            self._columns[name] = _Column(self._files.enter_context(file))
        return self._columns[name]

    def frames(self) -> torch.Tensor:
        """Return the frames, (sum of T + 2 reach, D) float32."""
        return self._columns["frames"].mapped()

    def examples(self, part: str) -> Examples | None:
        """Return the rows among `frames`, and the labels, of a part's examples; None where it has none."""
        if f"{part} rows" not in self._columns:
            return None
        return Examples(*(self._columns[f"{part} {what}"].mapped() for what in ("rows", "labels")))


class _Column:
    """Rows that are written to a file one behind the other, and mapped from it."""

    def __init__(self, file: Any) -> None:
        self._file, self._rows, self._like = file, 0, np.zeros(0)

    def add(self, rows: np.ndarray) -> None:
        self._file.write(np.ascontiguousarray(rows).data)
        self._rows, self._like = self._rows + len(rows), rows[:0]

    def mapped(self) -> torch.Tensor:
        self._file.flush()
        shape = (self._rows, *self._like.shape[1:])
        return torch.from_numpy(np.memmap(self._file, self._like.dtype, "r+", shape=shape))


def normalise_by(frames: torch.Tensor, examples: Examples) -> dict[str, list[float]]:
    """Give a table, in place, zero mean and unit variance over the frames that are these examples; return both."""
    count = len(examples.labels)
    blocks = (torch.arange(begin, min(begin + NORMAL_ROWS, count)) for begin in range(0, count, NORMAL_ROWS))
    mean, deviation = moments(frames[examples.inputs[rows]].numpy() for rows in blocks)
    for block in frames.split(NORMAL_ROWS):
        block.copy_(torch.from_numpy(normalise(block.numpy(), mean, deviation)))
    return {"mean": mean.tolist(), "deviation": deviation.tolist()}


def in_context(table: torch.Tensor, rows: torch.Tensor, reach: int) -> torch.Tensor:
    """Return the frames at some rows (B,) of a table with `reach` neighbours to either side,
    (B, D * (2 reach + 1)): what `pipeline.audio.spectral.context` gives for them.
    """
    return table[rows[:, None] + torch.arange(-reach, reach + 1)].flatten(1)
