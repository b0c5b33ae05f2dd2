"""The clips of one feature file as training material of all folds: each is read, averaged and pooled once.

Sequences lie one behind the other in a file that is mapped into memory: worker processes share it, and of a corpus that
is larger than the memory only what is at work is in it. A feature that was learned per fold is read in each fold, since
its clips differ from fold to fold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from pipeline.core.clip import Clip
from pipeline.core.store import FeatureFile
from pipeline.protocols.leakage import check_learned
from pipeline.protocols.splits import Fold
from pipeline.runner.progress import progress
from pipeline.training.datasets import Dataset, pooled

Found = Iterable[tuple[str, np.ndarray]]
"""(clip id, (T, D) float32), observed frames only, T >= 1; or (clip id, its row (K,))."""


@dataclass(frozen=True)
class Kept:
    """Arrays of clips, all in one.

    Attributes:
        values: (R, ...), the clips one behind the other; mapped where it is a file
        rows: clip id -> its rows
    """

    values: np.ndarray
    rows: dict[str, slice]

    @classmethod
    def mapped(cls, path: Path, found: Found) -> Kept:
        """Write arrays (T, D) float32 to a file as they come, and map it."""
        rows, end, columns = {}, 0, 0
        with path.open("wb") as file:
            for clip_id, values in found:
                file.write(np.ascontiguousarray(values).data)
                rows[clip_id] = slice(end, end + len(values))
                end, columns = end + len(values), values.shape[1]
        if not end:
            return cls(np.zeros((0, columns), np.float32), rows)
        return cls(np.asarray(np.memmap(path, np.float32, "r", shape=(end, columns))), rows)

    @classmethod
    def stacked(cls, found: Found) -> Kept:
        """Hold arrays (K,), one per clip."""
        rows = dict(found)
        return cls(np.array(list(rows.values())), {clip_id: slice(n, n + 1) for n, clip_id in enumerate(rows)})


@dataclass(frozen=True)
class Material:
    """What folds are made of.

    Attributes:
        source: feature file
        clips: all clips of the corpus
        classes: emotions in the order of the class indices
        step_s: see `pooled`
        row: makes (K,) of a clip's sequence, for a classifier that takes such a row; None = it takes the sequence
        kept: what has been read; None = nothing yet
    """

    source: Path
    clips: Sequence[Clip]
    classes: Sequence[str]
    step_s: float = 0.0
    row: Callable[[np.ndarray], np.ndarray] | None = None
    kept: Kept | None = None

    def once(self, folder: Path) -> Material:
        """Return the same with all clips read; itself where the feature was learned per fold.

        Args:
            folder: for the file that is mapped; it has to stay as long as the material is in use
        """
        with FeatureFile(self.source) as file:
            if file.folds:
                return self
        found = self._read("", {}, progress(self.clips, len(self.clips), f"reading {self.source.stem}"))
        return replace(self, kept=Kept.stacked(found) if self.row else Kept.mapped(folder / "sequences", found))

    def of_fold(self, name: str, fold: Fold, part: str) -> Dataset:
        """Return one part of one fold.

        A clip that the feature file lacks, or that has no observed frame, is left out; the ledger says why.

        Args:
            name: `fold-00`, used where the feature was learned per fold
            fold: clip id -> part
            part: train, val or test

        Raises:
            LeakageError: the feature was learned per fold, by other splits than these
        """
        wanted = [clip for clip in self.clips if fold.get(clip.clip_id) == part]
        with FeatureFile(self.source) as file:
            widths = file.meta.widths
        if self.kept is None:
            found = dict(self._read(name, fold, wanted))
        else:
            kept, whole = self.kept, self.row is None
            rows = {clip.clip_id: kept.rows[clip.clip_id] for clip in wanted if clip.clip_id in kept.rows}
            found = {clip_id: kept.values[of if whole else of.start] for clip_id, of in rows.items()}
        labels = [self.classes.index(clip.emotion) for clip in wanted if clip.clip_id in found]
        values = list(found.values())
        clips = (list(found), [] if self.row else values, np.array(labels, np.int64))
        return Dataset(*clips, part, widths, np.array(values) if self.row else None)

    def _read(self, name: str, fold: Fold, clips: Iterable[Clip]) -> Iterator[tuple[str, np.ndarray]]:
        with FeatureFile(self.source) as file:
            level = name if file.folds else ""
            present = set(file.clip_ids(level))
            for clip in clips:
                if clip.clip_id not in present:
                    continue
                if level:
                    place = f"{self.source}: {level}/{clip.clip_id}"
                    check_learned(place, file.part(clip.clip_id, level), fold[clip.clip_id])
                found = file.read(clip.clip_id, level, ())
                sequence = pooled(found.values, found.times, found.mask, self.step_s)
                if len(sequence):
                    yield clip.clip_id, self.row(sequence) if self.row else sequence
