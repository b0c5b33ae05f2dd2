"""The HDF5 contract: one file per (corpus, feature), one group per clip, equal input -> equal bytes.

<feature>.h5                 attributes: see `FeatureMeta`, and `clip_count`
└── <clip_id> or fold-00/<clip_id>      attribute `digests`: SHA-256 of each array below, as JSON
    ├── values (T, D)        the feature
    ├── times  (T,)          s from the beginning of the clip, float64
    ├── mask   (T,)          false where the value was not observed
    └── further arrays of the stage (`faces.h5`: boxes, landmarks (T, 2, 2), score, how, tracks (T, K, 4);
    `square100.h5`: crops)

A selection (`pipeline.core.selection_view`) lists columns of another file beside it, a join
(`pipeline.core.joined_view`) several files; both are read like any other file.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import fields
from functools import lru_cache
from pathlib import Path
from typing import Any, Self

import numpy as np

from pipeline.core.arrays import stored_rows
from pipeline.core.errors import ArtifactError
from pipeline.core.feature_records import ClipFeatures, ClipReader, FeatureMeta, joined
from pipeline.core.files import digest_of
from pipeline.core.hdf5_reading import AGAIN, hindrance, opened_hdf5
from pipeline.core.joined_view import JOIN_FORMAT, JoinedView, content_of
from pipeline.core.own_members import OwnGroup
from pipeline.core.selection_view import VIEW_FORMAT, SelectionView

__all__ = ["FORMAT", "ClipFeatures", "ClipReader", "FeatureFile", "FeatureMeta", "joined", "opened"]

FORMAT = "clip-features/3"
WHOLE_BYTES = 16 << 20
"""A clip with less than this is read as a whole where rows are asked for."""
MOST_COLUMNS = 1 << 24


class FeatureFile:
    """Read access to one feature file; use as a context manager. `ArtifactError` where it is absent, not HDF5, or not
    of this format.

    >>> import tempfile
    >>> from pipeline.core.store_writer import write_features
    >>> clip = ClipFeatures(np.zeros((3, 2), np.float32), np.arange(3.0), np.ones(3, bool))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "mine.h5"
    ...     groups = write_features(path, FeatureMeta("mine", 2, "float32", columns=("a", "b")), [("clip_1", clip)])
    ...     with FeatureFile(path) as file:
    ...         print(groups, file.meta.columns, file.clip_ids(), file.read("clip_1").values.shape)
    1 ('a', 'b') ['clip_1'] (3, 2)
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.is_file():
            raise ArtifactError(f"{path}: no such feature file; run `dvc repro` for the stage that writes it")
        self._file = opened_hdf5(path)
        try:
            kind = self._file.attrs.get("format")
            if kind not in (FORMAT, VIEW_FORMAT, JOIN_FORMAT):
                raise ArtifactError(
                    f"{path}: not a feature file of format {FORMAT}; rerun its stage with `dvc repro -f`"
                )
            self.meta = self._read_meta()
            self._groups = self._opened(str(kind))
        except (ArtifactError, KeyError, ValueError, OSError) as error:
            self._file.close()
            if isinstance(error, ArtifactError):
                raise
            words = hindrance(error) or f"its attributes are not whole ({error}); rerun its stage with `dvc repro -f`"
            raise ArtifactError(f"{path}: {words}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._groups.close()  # of a selection: its source
        self._file.close()

    def _opened(self, kind: str) -> Any:
        if kind == JOIN_FORMAT:
            return JoinedView(self.path, self._file, self.meta.widths, FeatureFile)
        own = OwnGroup(self._file, self.path)
        return SelectionView(self.path, own) if kind == VIEW_FORMAT else own

    def _read_meta(self) -> FeatureMeta:
        raw = {f.name: self._file.attrs[f.name] for f in fields(FeatureMeta) if f.name != "learned"}
        if other := [f.name for f in fields(FeatureMeta) if f.type == "str" and not isinstance(raw[f.name], str)]:
            raise ValueError(f"'{other[0]}' is no text")
        raw["learned"] = tuple(json.loads(self._file.attrs.get("learned", "[]")))
        raw["columns"] = tuple(json.loads(raw["columns"]))
        raw["layers"] = tuple((str(name), tuple(shape)) for name, shape in json.loads(raw["layers"]))
        raw["params"] = json.loads(raw["params"])
        raw["dimension"], raw["rate_hz"] = int(raw["dimension"]), float(raw["rate_hz"])
        meta = FeatureMeta(**raw)
        if not 0 <= meta.dimension <= MOST_COLUMNS or sum(meta.widths) != meta.dimension:
            raise ValueError(f"{meta.dimension} columns, its layers have {sum(meta.widths)}")
        return meta

    @property
    def content(self) -> str:
        """One SHA-256 over all clips and arrays of the file, as its writer noted it."""
        if "content" not in self._file.attrs:
            raise ArtifactError(f"{self.path}: does not say what it holds; rerun its stage with `dvc repro -f`")
        return str(self._file.attrs["content"])

    @property
    def identity(self) -> str:
        """One name for all that is in the file, of whatever kind it is."""
        return content_of(self._file, self.path)

    @property
    def sources(self) -> list[FeatureFile]:
        """The open files that a join rests on; none where it is not one."""
        return list(getattr(self._groups, "sources", ()))

    @property
    def folds(self) -> list[str]:
        """Names of the fold level (`fold-00`, ...), empty for a feature that was not learned per fold."""
        return [key for key in self._groups if key.startswith("fold-") and "values" not in self._groups[key]]

    def clip_ids(self, fold: str = "") -> list[str]:
        """Return the ids under one fold, none where it could not be learned; or at the top where there are no folds."""
        folds = self.folds  # looked up once: it walks over all keys
        return list(self._groups.get(fold, ())) if fold else [key for key in self._groups if key not in folds]

    def holds(self, key: str) -> bool:
        """Return whether a clip, or `fold-00/<clip id>`, is in the file."""
        return key in self._groups

    def part(self, clip_id: str, fold: str) -> str:
        """Return which part a clip had when the feature was learned in a fold; "" where nobody noted it."""
        return str(self._groups[f"{fold}/{clip_id}"].attrs.get("part", ""))

    def digest(self, clip_id: str, names: Iterable[str] = ()) -> str:
        """Return one SHA-256 over some arrays of a clip, all of them by default, without reading them."""
        if clip_id not in self._groups:
            raise ArtifactError(f"{self.path}: no clip '{clip_id}' in it; its ledger says why")
        try:
            kept = json.loads(self._groups[clip_id].attrs["digests"])
            return digest_of({name: kept[name] for name in names} or kept)
        except (OSError, KeyError, ValueError, TypeError, RuntimeError, AttributeError) as error:
            raise ArtifactError(
                f"{self.path}: the digests of clip '{clip_id}' are damaged ({error}); {AGAIN}"
            ) from error

    def rows(self, clip_id: str, names: Iterable[str] | None = None) -> ClipFeatures | ClipReader:
        """Return one clip for reading by `blocks`: from memory where it is small, otherwise from the file."""
        group = self._groups.get(clip_id, {})
        chosen = sorted(set(group) - {"values", "times", "mask"} if names is None else set(names))
        if sum(group[name].nbytes for name in ("values", *chosen) if name in group) < WHOLE_BYTES:
            return self.read(clip_id, names=chosen)
        return ClipReader(*self.frames(clip_id), lambda part: self.part_of(clip_id, part, chosen))

    def row_bytes(self, key: str, names: Iterable[str] = ()) -> int:
        """Return the bytes of one row of a group: of its values, and of the further arrays that are named."""
        arrays = [self._groups[key][name] for name in ("values", *names)]
        return sum(array.dtype.itemsize * math.prod(array.shape[1:]) for array in arrays)

    def frames(self, clip_id: str) -> tuple[np.ndarray, np.ndarray]:
        """Return (times, mask) of one clip without its values."""
        group = self._groups[clip_id]
        return group["times"][()], group["mask"][()]

    def read(self, clip_id: str, fold: str = "", names: Iterable[str] | None = None) -> ClipFeatures:
        """Read one clip, of a fold where there are folds, with some of its further arrays, all by default.

        `ArtifactError` where the clip is not in the file, or its data is damaged.
        """
        key = f"{fold}/{clip_id}" if fold else clip_id
        if key not in self._groups:
            raise ArtifactError(f"{self.path}: no clip '{key}' in it; its ledger says why")
        return self.part_of(key, slice(None), names)

    def part_of(self, key: str, rows: slice, names: Iterable[str] | None = None) -> ClipFeatures:
        """Read some rows of one group; see `read`."""
        try:
            group = self._groups[key]
            chosen = set(group) - {"values", "times", "mask"} if names is None else set(names)
            extra = {name: stored_rows(group[name], rows) for name in sorted(chosen)}
            return ClipFeatures(group["values"][rows], group["times"][rows], group["mask"][rows], extra)
        except (OSError, KeyError, ValueError, TypeError, RuntimeError, AttributeError) as error:  # of HDF5
            words = hindrance(error) or f"clip '{key}' is damaged ({error}); {AGAIN}"
            raise ArtifactError(f"{self.path}: {words}") from error


@lru_cache(maxsize=4)
def _opened(path: Path, identity: tuple[int, int, int]) -> FeatureFile:  # noqa: ARG001
    return FeatureFile(path)


def opened(path: Path) -> FeatureFile:
    """Return a feature file that this process keeps open, for work that asks for one clip after the other."""
    state = path.stat() if path.is_file() else None
    return _opened(path, (state.st_ino, state.st_mtime_ns, state.st_size)) if state else FeatureFile(path)
