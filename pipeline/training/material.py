"""The clips of one feature file as training material of all folds: each is read, averaged and pooled once.

They lie one behind the other in a file that is mapped into memory: worker processes share it, and of a corpus that is
larger than the memory only what is at work is in it. A feature that was learned per fold is read in each fold, since
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
from pipeline.protocols.refit import level_of, noted
from pipeline.protocols.splits import Fold
from pipeline.runner.progress import progress
from pipeline.training.datasets import Dataset, sequence_of

Kept = tuple[np.ndarray, dict[str, slice]]
"""Arrays (T, K) of clips, one behind the other in one that is mapped; clip id -> where its own lies."""


@dataclass(frozen=True)
class Material:
    """What folds are made of: a feature file, all clips, the emotions in the order of the class indices.

    `row` makes (K,) of a clip's sequence, for a classifier that takes such a row and not the sequence; `timed` is one
    that takes the times of its rows; `kept` is what has been read; for `step_s` see `pooled`.
    """

    source: Path
    clips: Sequence[Clip]
    classes: Sequence[str]
    step_s: float = 0.0
    row: Callable[[np.ndarray], np.ndarray] | None = None
    timed: bool = False
    kept: Kept | None = None

    def once(self, folder: Path) -> Material:
        """Return the same with all clips read; itself where the feature was learned per fold.

        The file that is mapped lies in `folder`, which has to stay as long as the material is in use.
        """
        with FeatureFile(self.source) as file:
            if file.folds:
                return self
        found = self._read("", {}, progress(self.clips, len(self.clips), f"reading {self.source.stem}"))
        return replace(self, kept=_mapped(folder / "sequences", found))

    def of_fold(self, name: str, fold: Fold, part: str) -> Dataset:
        """Return one part (train, val or test) of the fold `name`.

        A clip that the feature file lacks, or that has no observed frame, is left out; the ledger says why. A
        LeakageError says that the feature was learned per fold, by other splits than these.
        """
        wanted = [clip for clip in self.clips if fold.get(clip.clip_id) == part]
        with FeatureFile(self.source) as file:
            widths, layers, modalities = file.meta.widths, tuple(n for n, _ in file.meta.layers), file.meta.modalities
        if self.kept is None:
            found = dict(self._read(name, fold, wanted))
        else:
            values, places = self.kept
            found = {c.clip_id: values[places[c.clip_id]] for c in wanted if c.clip_id in places}
        wanted = [clip for clip in wanted if clip.clip_id in found]
        labels = np.array([self.classes.index(clip.emotion) for clip in wanted], np.int64)
        rows = None if self.row is None else np.array([row for (row,) in found.values()])
        sequences = list(found.values()) if self.row is None else []
        times: Sequence[np.ndarray] = ()
        if self.timed:
            sequences, times = [one[:, 1:] for one in sequences], [one[:, 0] for one in sequences]
        speakers = [clip.speaker for clip in wanted]
        return Dataset(list(found), sequences, labels, part, widths, rows, speakers, layers, times, modalities)

    def _read(self, name: str, fold: Fold, clips: Iterable[Clip]) -> Iterator[tuple[str, np.ndarray]]:
        """Yield clip id and (T, D) float32, observed frames only, T >= 1; or its row (1, K)."""
        with FeatureFile(self.source) as file:
            level = level_of(name, file.folds)
            present = set(file.clip_ids(level))
            for clip in clips:
                if clip.clip_id not in present:
                    continue
                if level:
                    place = f"{self.source}: {level}/{clip.clip_id}"
                    then = noted(file.part(clip.clip_id, level), name, level)
                    check_learned(place, then, fold[clip.clip_id])
                sequence = sequence_of(file.read(clip.clip_id, level), self.step_s, self.timed)
                if len(sequence):
                    yield clip.clip_id, self.row(sequence)[None] if self.row else sequence


def _mapped(path: Path, found: Iterable[tuple[str, np.ndarray]]) -> Kept:
    """Write (clip id, array) to a file as they come, and map it."""
    places, end, last = {}, 0, np.zeros((0, 0), np.float32)
    with path.open("wb") as file:
        for clip_id, last in found:
            file.write(np.ascontiguousarray(last).data)
            places[clip_id] = slice(end, end + len(last))
            end = places[clip_id].stop
    if not end:
        return last, places
    return np.asarray(np.memmap(path, last.dtype, "r", shape=(end, last.shape[1]))), places
