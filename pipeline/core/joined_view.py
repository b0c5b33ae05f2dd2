"""Features side by side: one file that names several others beside it, read as if they had been copied together.

<feature>.h5    attributes: see `pipeline.core.feature_records.FeatureMeta`, whose `layers` are the features and whose
                `params.join` says the modality of each; `clip_count`; `sources`, JSON, the name of each file and what
                it held; `content`

Read, a clip has the rows of all its features by time. A row has values in the columns of its own feature and NaN in
those of the others; the further array `part` (T,) says which feature it is of.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from pipeline.core.errors import ArtifactError
from pipeline.core.feature_records import ClipFeatures
from pipeline.core.files import file_digest

JOIN_FORMAT = "clip-join/1"


def side_by_side(parts: Sequence[ClipFeatures | None], widths: Sequence[int]) -> ClipFeatures:
    """Return several features of one clip, None where one was lost, with `widths` columns each, as one clip.

    >>> one = ClipFeatures(np.ones((1, 1), np.float32), np.array([0.5]), np.array([True]))
    >>> two = ClipFeatures(np.zeros((2, 2), np.float32), np.array([0.0, 1.0]), np.array([True, False]))
    >>> both = side_by_side([one, two], (1, 2))
    >>> both.values.tolist(), both.times.tolist(), both.extra["part"].tolist(), both.mask.tolist()
    ([[nan, 0.0, 0.0], [1.0, nan, nan], [nan, 0.0, 0.0]], [0.0, 0.5, 1.0], [1, 0, 1], [True, True, False])
    """
    found = [(number, one) for number, one in enumerate(parts) if one is not None]
    begins = np.cumsum([0, *widths])
    values = np.full((sum(len(one.mask) for _, one in found), begins[-1]), np.nan, np.float32)
    row = 0
    for number, one in found:
        values[row : row + len(one.mask), begins[number] : begins[number + 1]] = one.values
        row += len(one.mask)
    times, mask = (np.concatenate([getattr(one, name) for _, one in found]) for name in ("times", "mask"))
    part = np.repeat([number for number, _ in found], [len(one.mask) for _, one in found])
    order = np.argsort(times, kind="stable")  # of equal times by feature
    return ClipFeatures(values[order], times[order], mask[order], {"part": part[order]})


def content_of(file: Any, path: Path) -> str:
    """Return a name for all that an open feature file holds: its `content`, or of a selection, which has none, the
    SHA-256 of the file.
    """
    return str(file.attrs["content"]) if "content" in file.attrs else file_digest(path)


class _Clip(dict[str, Any]):
    """One clip; stands for an HDF5 group."""

    def __init__(self, clip: ClipFeatures, part: str) -> None:
        super().__init__(clip.arrays())
        self.attrs = {"part": part}


class JoinedView(Mapping[str, Any]):
    """The groups of an open join, as `pipeline.core.store.FeatureFile` asks a file for them; `opened` opens the feature
    files behind it.

    `ArtifactError` where one of these is absent, or is another one than that which was joined.
    """

    def __init__(self, path: Path, file: h5py.File, widths: Sequence[int], opened: Callable[[Path], Any]) -> None:
        self._widths, self.sources = widths, list[Any]()
        try:
            for name, content in json.loads(file.attrs["sources"]):
                self.sources.append(_source(path, name, content, opened))
        except ArtifactError:
            self.close()
            raise
        self._folds = sorted({fold for source in self.sources for fold in source.folds})
        self._ids = {
            fold: sorted({clip for source in self.sources for clip in source.clip_ids(fold if source.folds else "")})
            for fold in self._folds or [""]
        }

    def close(self) -> None:
        """Close the files behind it."""
        for source in self.sources:
            source.__exit__()

    def __iter__(self) -> Iterator[str]:
        return iter(self._folds or self._ids[""])

    def __contains__(self, key: object) -> bool:
        fold, clip_id = self._place(str(key))
        return fold in self._ids and (not clip_id or clip_id in self._ids[fold])

    def __getitem__(self, key: str) -> Any:
        fold, clip_id = self._place(key)
        if not clip_id:
            return dict.fromkeys(self._ids[fold])
        levels = [fold if source.folds else "" for source in self.sources]
        keys = [f"{level}/{clip_id}" if level else clip_id for level in levels]
        parts = [
            source.read(clip_id, level, names=()) if source.holds(place) else None
            for source, level, place in zip(self.sources, levels, keys, strict=True)
        ]
        if not any(parts):
            raise KeyError(key)
        noted = {
            source.part(clip_id, level)
            for source, level, one in zip(self.sources, levels, parts, strict=True)
            if level and one is not None
        }
        return _Clip(side_by_side(parts, self._widths), noted.pop() if len(noted) == 1 else "")

    def __len__(self) -> int:
        return len(list(iter(self)))

    def _place(self, key: str) -> tuple[str, str]:
        if not self._folds:
            return "", key
        fold, _, clip_id = key.partition("/")
        return fold, clip_id


def _source(path: Path, name: str, content: str, opened: Callable[[Path], Any]) -> Any:
    beside = path.with_name(name)
    again = f"run `dvc repro join@{path.parent.name}-{path.stem}`"
    if Path(name).name != name or name == path.name:
        raise ArtifactError(f"{path}: its source '{name}' is no file beside it; {again}")
    if not beside.is_file():
        raise ArtifactError(f"{beside}: no such feature file, which {path.name} joins with others; {again}")
    source = opened(beside)
    if source.identity != content:
        source.__exit__()
        raise ArtifactError(f"{path}: another {name} was joined than lies beside it; {again}")
    return source
