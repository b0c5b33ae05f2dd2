"""Feature files as inspectors read them: in blocks of rows, so that a file of any size needs the memory of one block,
with one line for any damage.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

import numpy as np

from pipeline.core.errors import ArtifactError, did_you_mean
from pipeline.core.hdf5_reading import AGAIN, hindrance
from pipeline.core.ledger import Entry, read_ledger
from pipeline.core.store import ClipFeatures, FeatureFile, FeatureMeta

_BLOCK_BYTES, _TIME_AND_MASK = 32 << 20, 9
_MANY = 5000
"""Beyond so many names the nearest is not looked for."""


@contextmanager
def feature_file(path: Path) -> Iterator[FeatureFile]:
    """Give an open feature file; damage is one line also where it shows only while the file is read."""
    try:
        with FeatureFile(path) as file:
            yield file
    # what h5py raises depends on the byte that is wrong
    except (OSError, KeyError, ValueError, TypeError, AttributeError, RuntimeError) as error:
        words = hindrance(error) or f"damaged ({' '.join(str(error).split())[:120]}); {AGAIN}"
        raise ArtifactError(f"{path}: {words}") from error


def fold_of(file: FeatureFile, fold: str) -> str:
    """Return the fold to look at: the named one, the first where none is named, "" in a file without folds."""
    folds = file.folds
    if not fold:
        return folds[0] if folds else ""
    if not folds:
        raise ArtifactError(f"{file.path}: nothing in it was learned per fold; leave --fold out")
    if fold not in folds:
        raise ArtifactError(f"{file.path}: no fold '{fold}'{did_you_mean(fold, folds)}")
    return fold


def key_of(file: FeatureFile, clip_id: str, fold: str) -> str:
    """Return the name of a clip's group: its id, or `fold-00/<clip id>`."""
    level = fold_of(file, fold)
    ids = file.clip_ids(level)
    if clip_id in ids:
        return key_in(level, clip_id)
    if (entry := lost_clips(file.path).get(clip_id)) is not None:
        said = f"{entry.status}: {entry.reason}{f', {entry.detail}' if entry.detail else ''}"
        raise ArtifactError(f"{file.path}: no clip '{clip_id}' in it, since {entry.stage} says {said}")
    words = f"; its {len(ids)} clips have ids such as '{ids[0]}'" if ids else "; it holds none"
    if close := difflib.get_close_matches(clip_id, ids, n=1) if len(ids) < _MANY else []:
        words = f" (did you mean '{close[0]}'?)"
    raise ArtifactError(f"{file.path}: no clip '{clip_id}'{words}")


def lost_clips(path: Path) -> dict[str, Entry]:
    """Return clip id -> why it is not in a feature file, as far as the ledger beside the file can be read; the first
    entry counts, which says more than those of later stages.
    """
    found: dict[str, Entry] = {}
    with suppress(ArtifactError, OSError):
        for entry in read_ledger(path.with_suffix(".ledger.csv")):
            if entry.lost and (entry.clip_id not in found or found[entry.clip_id].detail.startswith("after ")):
                found[entry.clip_id] = entry
    return found


def key_in(level: str, clip_id: str) -> str:
    """Return the name of a clip's group in a fold, or in a file without folds (level "")."""
    return f"{level}/{clip_id}" if level else clip_id


def keys_in(file: FeatureFile, level: str) -> list[str]:
    """Return the names of all clips' groups in a fold, or in a file without folds (level "")."""
    return [key_in(level, name) for name in file.clip_ids(level)]


def column_names(meta: FeatureMeta) -> tuple[str, ...]:
    """Return the names of the columns, made of their numbers where they have none."""
    return meta.columns or tuple(f"{meta.feature}[{number}]" for number in range(meta.dimension))


def blocks(file: FeatureFile, key: str, names: Iterable[str] = ()) -> Iterator[ClipFeatures]:
    """Yield a clip in blocks of rows that take little memory, whatever its length; one empty block where it has no row.

    Of the arrays beside values, times and mask those named are read.
    """
    chosen, begin = list(names), 0
    step = max(1, _BLOCK_BYTES // (file.row_bytes(key, chosen) + _TIME_AND_MASK))
    while True:
        block = file.part_of(key, slice(begin, begin + step), chosen)
        yield block
        begin += step
        if len(block.mask) < step:
            return


class Summary:
    """Running figures of the columns of clips; NaN is counted and left out."""

    def __init__(self, dimension: int) -> None:
        self.frames = self.observed = self.nan = 0  # rows, those that were observed, and NaN in them
        self.last = np.nan  # time of the last row, s
        # (D,) numbers in observed rows, their mean, and the sum of the squared differences from it
        self.number, self.mean, self.squares = (np.zeros(dimension) for _ in range(3))
        self.low, self.high = np.full(dimension, np.inf), np.full(dimension, -np.inf)  # (D,) range

    @classmethod
    def of(cls, file: FeatureFile, keys: Iterable[str]) -> Self:
        """Return the figures of some clips, each `<clip id>` or `fold-00/<clip id>`."""
        found = cls(file.meta.dimension)
        for key in keys:
            for block in blocks(file, key):
                found.join(cls._of_block(block))
        return found

    @classmethod
    def _of_block(cls, block: ClipFeatures) -> Self:
        found = cls(block.values.shape[1])
        found.frames, found.observed = len(block.mask), int(block.mask.sum())
        found.last = float(block.times[-1]) if len(block.times) else np.nan
        seen = block.values[block.mask].astype(np.float64)
        known = ~np.isnan(seen)
        found.nan, found.number = int((~known).sum()), known.sum(0).astype(np.float64)
        with np.errstate(invalid="ignore"):  # infinity - infinity
            found.mean = np.where(known, seen, 0).sum(0) / np.maximum(1, found.number)
            found.squares = (np.where(known, seen - found.mean, 0) ** 2).sum(0)
        found.low = np.where(known, seen, np.inf).min(0, initial=np.inf)
        found.high = np.where(known, seen, -np.inf).max(0, initial=-np.inf)
        return found

    def join(self, other: Summary) -> None:
        """Take the figures of further rows (mean and squares of two parts by Chan, Golub and LeVeque 1983)."""
        with np.errstate(invalid="ignore"):
            apart, both = other.mean - self.mean, np.maximum(1, self.number + other.number)
            self.squares = self.squares + other.squares + apart**2 * self.number * other.number / both
            self.mean = self.mean + apart * other.number / both
        self.number = self.number + other.number
        self.low, self.high = np.minimum(self.low, other.low), np.maximum(self.high, other.high)
        self.frames, self.observed = self.frames + other.frames, self.observed + other.observed
        self.nan, self.last = self.nan + other.nan, other.last if other.frames else self.last

    @property
    def deviation(self) -> np.ndarray:
        """(D,) standard deviation."""
        return np.sqrt(self.squares / np.maximum(1, self.number))
