"""Clips of one feature as training material: sequences with their true lengths, and labels."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from operator import add
from typing import Any

import numpy as np

from pipeline.core.feature_records import ClipFeatures
from pipeline.core.moments import moments
from pipeline.protocols.leakage import check_fit

_ROWS = 1024
"""Rows that a scaler has in double precision at a time."""


@dataclass(frozen=True)
class Dataset:
    """Clips with a feature.

    Attributes:
        ids: clip ids, sorted
        sequences: one (T, D) float32 array per clip, observed frames only, T >= 1
        labels: (N,) class indices
        part: train, val or test; what is fitted on other clips than train is refused
        widths: columns of each network layer that the feature holds side by side; () = one layer
        rows: (N, K), where the classifier's plugin makes a `row` of each clip; `sequences` may then be empty
        speakers: of every clip; () = unknown
        layers: names of the network layers, or features, whose columns `widths` counts; () = none is named
        learned: whether the feature itself was learned from the training clips of the fold
        times: (T,) s of each sequence's rows, for a classifier that is `timed`; () = unknown
        modalities: audio or video for each of `widths`, where these are features side by side; a row has NaN in the
            columns of the others then
    """

    ids: list[str]
    sequences: list[np.ndarray]
    labels: np.ndarray
    part: str = "train"
    widths: tuple[int, ...] = ()
    rows: np.ndarray | None = None
    speakers: Sequence[str] = ()
    layers: tuple[str, ...] = ()
    learned: bool = False
    times: Sequence[np.ndarray] = ()
    modalities: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.ids)

    def some(self, numbers: Iterable[int]) -> Dataset:
        """Return the clips of these numbers."""
        taken = list(numbers)
        sequences = [self.sequences[i] for i in taken] if self.sequences else []
        rows = None if self.rows is None else self.rows[taken]
        speakers = [self.speakers[i] for i in taken] if self.speakers else ()
        times = [self.times[i] for i in taken] if self.times else ()
        ids, labels = [self.ids[i] for i in taken], self.labels[taken]
        return replace(self, ids=ids, sequences=sequences, labels=labels, rows=rows, speakers=speakers, times=times)

    def without(self, modality: str) -> Dataset:
        """Return features side by side without the audio, or the video; a clip of which nothing is left is left out.
        `rows` hold one or more values of every column, one block behind the other.
        """
        gone = np.repeat([kind == modality for kind in self.modalities], self.widths)
        if self.rows is not None:
            rows = np.where(np.tile(gone, self.rows.shape[1] // len(gone)), np.nan, self.rows)
            return replace(self, rows=rows).some(np.flatnonzero(~np.isnan(rows).all(axis=1)))
        kept = [~np.isnan(one[:, ~gone]).all(axis=1) for one in self.sequences]
        sequences = [one[rows] for one, rows in zip(self.sequences, kept, strict=True)]
        times = [one[rows] for one, rows in zip(self.times, kept, strict=bool(self.times))]
        return replace(self, sequences=sequences, times=times).some(n for n, rows in enumerate(kept) if rows.any())


def joined(train: Dataset, val: Dataset) -> Dataset:
    """Return training clips, then validation clips, as training material: for a model that learns from both."""
    rows = None if train.rows is None else np.concatenate([train.rows, val.rows]) if len(val) else train.rows
    return replace(
        train,
        ids=[*train.ids, *val.ids],
        sequences=[*train.sequences, *val.sequences],
        labels=np.concatenate([train.labels, val.labels]),
        rows=rows,
        speakers=[*train.speakers, *val.speakers],
        times=[*train.times, *val.times],
    )


def pooled(values: np.ndarray, times: np.ndarray, mask: np.ndarray, step_s: float) -> np.ndarray:
    """Return the means of the observed frames in consecutive steps, (steps with an observed frame, D) float32.

    Args:
        values: (T, D)
        times: (T,), s
        mask: (T,), frames to use
        step_s: length of a step, s; 0 keeps every observed frame

    >>> values = np.array([[1.0], [3.0], [100.0], [5.0]], np.float32)
    >>> pooled(values, times=np.array([0.0, 0.02, 0.04, 0.06]), mask=np.array([True, True, False, True]),
    ...     step_s=0.04).ravel().tolist()
    [2.0, 5.0]
    """
    observed = values[mask].astype(np.float32)
    if step_s == 0 or not len(observed):
        return observed
    # a hair more than the time, so that 0.3 / 0.1 falls into the step that begins there
    step = np.floor((times[mask] - times[0]) / step_s + 1e-6).astype(np.int64)
    edges = np.flatnonzero(np.diff(step, prepend=step[0] - 1))
    sums = np.add.reduceat(observed.astype(np.float64), edges, axis=0)
    return (sums / np.diff(np.append(edges, len(step)))[:, None]).astype(np.float32)


def sequence_of(clip: ClipFeatures, step_s: float, timed: bool = False) -> np.ndarray:
    """Return what a classifier takes of a clip: its `values`, `pooled`; of crops their luma, which is the networks' own
    input, by 32 x 32 pixels, (T, 1024) float32 from 0 to 255. Of features side by side each is pooled by itself, one
    behind the other. With `timed` a first column has the mean time of each row, s.
    """
    values = luma(clip.extra["crops"]) if "crops" in clip.extra else clip.values
    values = np.column_stack([clip.times, values]) if timed else values
    if "part" not in clip.extra:
        return pooled(values, clip.times, clip.mask, step_s)
    parts = (clip.extra["part"] == number for number in np.unique(clip.extra["part"]))
    each = [pooled(values[rows], clip.times[rows], clip.mask[rows], step_s) for rows in parts]
    return np.concatenate([*each, values[:0].astype(np.float32)])


def luma(crops: np.ndarray, px: int = 32) -> np.ndarray:
    """Return the luma (ITU-R BT.601) of crops (T, H, W, 3) uint8 RGB, px x px means of areas, (T, px * px) float32."""
    import cv2

    grey = (cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY) for crop in crops)
    small = [cv2.resize(one, (px, px), interpolation=cv2.INTER_AREA).ravel() for one in grey]
    return np.array(small, np.float32).reshape(len(crops), px * px)


def mean_over_frames(data: Dataset, of_clip: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Return `of_clip` (a sum over a clip's frames) per frame of all clips; memory holds no second copy of these."""
    return reduce(add, map(of_clip, data.sequences)) / sum(len(frames) for frames in data.sequences)


@dataclass(frozen=True)
class Scaler:
    """Zero mean and unit variance by the training rows."""

    mean: np.ndarray
    scale: np.ndarray

    @classmethod
    def of(cls, data: Any, rows: np.ndarray) -> Scaler:
        """Learn from rows (R, D) made of `data`; a LeakageError says that by its `part` these are no training clips."""
        return cls.over(data, [rows])

    @classmethod
    def of_clips(cls, data: Dataset) -> Scaler:
        """Learn from all frames of clips; a LeakageError says that these are not training clips."""
        return cls.over(data, data.sequences)

    @classmethod
    def over(cls, data: Any, arrays: Iterable[np.ndarray]) -> Scaler:
        """Learn from all rows (R, D) of arrays made of `data`, of which memory holds one at a time."""
        check_fit(data.part, "a scaler")
        # one pass, in which each row is read once: clips of a wide feature lie on disk
        return cls.by(*moments(rows[at : at + _ROWS] for rows in arrays for at in range(0, len(rows), _ROWS)))

    @classmethod
    def by(cls, mean: np.ndarray, deviation: np.ndarray) -> Scaler:
        """Return the scaler of columns with these means and deviations; a constant column keeps scale 1."""
        scale = np.where(deviation > 1e-6, deviation, 1.0)
        return cls(mean.astype(np.float32), scale.astype(np.float32))

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        """Return scaled rows (R, D), kept within +-10 deviations so that one outlier cannot saturate a network."""
        return np.clip((rows - self.mean) / self.scale, -10, 10)
