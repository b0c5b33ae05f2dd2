"""All windows of a corpus in one file on disk, for training that goes over them many times.

The file is an array that the operating system maps into memory and drops again, so that memory does not grow with the
corpus, and all folds share one. It is scratch: made at the beginning of a stage, deleted at its end.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pipeline.core.clip import Clip
from pipeline.core.errors import ClipError
from pipeline.core.ledger import Entry, lost
from pipeline.core.store import FeatureFile
from pipeline.features.segments.networks import Windows
from pipeline.runner.progress import progress


@dataclass(frozen=True)
class ClipRows:
    """Where one clip's windows lie: those observed, by `mask` (S,) of all `times`, from the row `first` on."""

    first: int
    times: np.ndarray
    mask: np.ndarray

    @property
    def rows(self) -> np.ndarray:
        return np.arange(self.first, self.first + int(self.mask.sum()))


@dataclass(frozen=True)
class SegmentStore:
    """Observed windows of all clips: their file, shape and dtype of one, rows by clip id, and a digest of it all."""

    path: Path
    shape: tuple[int, ...]
    dtype: str
    clips: dict[str, ClipRows] = field(default_factory=dict)
    sha256: str = ""

    def array(self) -> np.ndarray:
        """Return all rows, (R, *shape), mapped and not read."""
        count = sum(len(clip.rows) for clip in self.clips.values())
        if not count:
            return np.zeros((0, *self.shape), self.dtype)
        return np.memmap(self.path, self.dtype, "r", shape=(count, *self.shape))

    def windows(self, clip_id: str) -> Windows:
        clip = self.clips[clip_id]
        array = self.array()
        return Windows((array[row] for row in clip.rows), clip.times, clip.mask)


class Rows:
    """Some rows of a store as inputs of a training loop; see `pipeline.training.task.Inputs`."""

    def __init__(self, store: SegmentStore, rows: np.ndarray) -> None:
        self.store, self.rows, self._array = store, rows, store.array()

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, rows: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(np.array(self._array[self.rows[rows.numpy()]]))

    def digest(self) -> str:
        return hashlib.sha256(self.store.sha256.encode() + self.rows.tobytes()).hexdigest()


def build(
    path: Path, source: Path, clips: Sequence[Clip], cut: Any, stage: str, blocked: Mapping[str, Entry]
) -> tuple[SegmentStore, list[Entry]]:
    """Cut every clip into windows and write those that were observed; return them and one ledger entry per clip.

    `cut` is `Segments` of a plugin, `blocked` clip id -> the entry with which it was lost upstream.
    """
    store, entries, digest, row = SegmentStore(path, cut.shape, cut.dtype), [], hashlib.sha256(), 0
    path.parent.mkdir(parents=True, exist_ok=True)
    with FeatureFile(source) as file, path.open("wb") as out:
        for clip in progress(clips, len(clips), f"{stage}: cutting"):
            if clip.clip_id in blocked:
                entries.append(blocked[clip.clip_id].after(stage))
                continue
            try:
                found = cut(file.rows(clip.clip_id))
            except ClipError as error:
                entries.append(lost(clip.clip_id, stage, error.reason, error.detail))
                continue
            store.clips[clip.clip_id] = ClipRows(row, found.times, found.mask)
            row += int(found.mask.sum())
            digest.update(clip.clip_id.encode() + found.times.tobytes() + found.mask.tobytes())
            for window in found.inputs:
                digest.update(window.tobytes())
                out.write(window.tobytes())
            entries.append(Entry(clip.clip_id, stage, *(("degraded", "too_short", found.short) if found.short else ())))
    return replace(store, sha256=digest.hexdigest()), entries
