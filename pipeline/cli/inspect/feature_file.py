"""Feature files as inspectors read them: in blocks of rows, with one line for any damage."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from pipeline.core.errors import ArtifactError, did_you_mean
from pipeline.core.store import ClipFeatures, FeatureFile

_BLOCK_BYTES, _TIME_AND_MASK = 32 << 20, 9
_MANY = 5000
"""Beyond so many names the nearest is not looked for."""


def _nearest(clip_id: str, ids: list[str]) -> str:
    """Return ` (did you mean 'x'?)`, or where nothing is near, what ids look like."""
    if close := difflib.get_close_matches(clip_id, ids, n=1) if len(ids) < _MANY else []:
        return f" (did you mean '{close[0]}'?)"
    return f"; its {len(ids)} clips have ids such as '{ids[0]}'" if ids else "; it holds none"


@contextmanager
def feature_file(path: Path) -> Iterator[FeatureFile]:
    """Give an open feature file.

    Raises:
        ArtifactError: absent, no feature file, or damaged, also where the damage shows only while it is read
    """
    try:
        with FeatureFile(path) as file:
            yield file
    # what h5py raises depends on the byte that is wrong
    except (OSError, KeyError, ValueError, TypeError, AttributeError, RuntimeError) as error:
        words = " ".join(str(error).split())[:120]
        raise ArtifactError(f"{path}: damaged ({words}); delete the file and run `dvc repro`") from error


def fold_of(file: FeatureFile, fold: str) -> str:
    """Return the fold to look at: the named one, the first where none is named, "" in a file without folds.

    Raises:
        ArtifactError: no such fold
    """
    folds = file.folds
    if not fold:
        return folds[0] if folds else ""
    if not folds:
        raise ArtifactError(f"{file.path}: nothing in it was learned per fold; leave --fold out")
    if fold not in folds:
        raise ArtifactError(f"{file.path}: no fold '{fold}'{did_you_mean(fold, folds)}")
    return fold


def key_of(file: FeatureFile, clip_id: str, fold: str) -> str:
    """Return the name of a clip's group: its id, or `fold-00/<clip id>`.

    Raises:
        ArtifactError: no such fold, or no such clip in it
    """
    level = fold_of(file, fold)
    ids = file.clip_ids(level)
    if clip_id not in ids:
        raise ArtifactError(f"{file.path}: no clip '{clip_id}'{_nearest(clip_id, ids)}")
    return key_in(level, clip_id)


def key_in(level: str, clip_id: str) -> str:
    """Return the name of a clip's group in a fold, or in a file without folds (level "")."""
    return f"{level}/{clip_id}" if level else clip_id


def keys(file: FeatureFile) -> Iterable[str]:
    """Return the names of all clips' groups, of all folds."""
    return [key_in(fold, name) for fold in file.folds or [""] for name in file.clip_ids(fold)]


def blocks(file: FeatureFile, key: str, names: Iterable[str] = ()) -> Iterator[ClipFeatures]:
    """Yield a clip in blocks of rows that take little memory, whatever its length; one empty block where it has no row.

    Args:
        file: an open feature file
        key: a clip, or `fold-00/<clip id>`
        names: which further arrays to read; none by default
    """
    chosen, begin = list(names), 0
    row = file.meta.dimension * np.dtype(file.meta.dtype).itemsize + _TIME_AND_MASK
    if chosen:  # only then is a first row worth reading
        row = sum(array.nbytes for array in file.part_of(key, slice(0, 1), chosen).arrays().values())
    step = max(1, _BLOCK_BYTES // max(1, row))
    while True:
        block = file.part_of(key, slice(begin, begin + step), chosen)
        yield block
        begin += step
        if len(block.mask) < step:
            return


def shapes(file: FeatureFile, key: str) -> dict[str, str]:
    """Return array -> its shape and type, such as `(104, 147) float32`, without reading it."""
    frames = len(file.frames(key)[1])
    none = file.part_of(key, slice(0, 0)).arrays()
    return {name: f"{(frames, *array.shape[1:])} {array.dtype}" for name, array in none.items()}
