"""The HDF5 contract: one file per (corpus, feature), one group per clip, equal input -> equal bytes.

    <feature>.h5                 attributes: see `FeatureMeta`, and `clip_count`
    └── <clip_id> or fold-00/<clip_id>
        ├── values (T, D)        the feature
        ├── times  (T,)          s from the beginning of the clip, float64
        ├── mask   (T,)          false where the value was not observed
        └── further arrays of the stage (`faces.h5`: boxes, landmarks, score, crops)
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import h5py
import numpy as np

from pipeline.core.errors import ArtifactError
from pipeline.core.files import atomic_path, canonical_json

FORMAT = "clip-features/1"
_LIBVER = ("v110", "v110")
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class ClipFeatures:
    """What one clip gave.

    Attributes:
        values: (T, D), float32 or float16
        times: (T,), s from the beginning of the clip
        mask: (T,) bool, false where the value was not observed
        extra: further arrays, first axis T

    Raises:
        ValueError: the lengths differ, or an array has the wrong number of axes
    """

    values: np.ndarray
    times: np.ndarray
    mask: np.ndarray
    extra: Mapping[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or self.times.ndim != 1 or self.mask.ndim != 1:
            raise ValueError("values must be (T, D), times and mask (T,)")
        lengths = {len(a) for a in (self.values, self.times, self.mask, *self.extra.values())}
        if len(lengths) != 1:
            raise ValueError(f"arrays of one clip differ in length: {sorted(lengths)}")


@dataclass(frozen=True)
class FeatureMeta:
    """What a file says of itself.

    Attributes:
        feature: name, as in params.yaml
        dimension: D
        dtype: of `values`
        rate_hz: frames per second; 0 where times follow the stream's own timestamps
        columns: one name per column with its unit, or empty where `layer` names the network layer
        layer: network layer and its shape, or ""
        version: digest of the code that computed it
        params: settings that it was computed with
        weights: SHA-256 of the network's weights, or ""
        origin: where the weights come from, in words
    """

    feature: str
    dimension: int
    dtype: str
    rate_hz: float = 0.0
    columns: tuple[str, ...] = ()
    layer: str = ""
    version: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)
    weights: str = ""
    origin: str = ""


def write_features(path: Path, meta: FeatureMeta, clips: Iterable[tuple[str, ClipFeatures]]) -> int:
    """Write one feature file, whole or not at all, and return the number of groups.

    Args:
        path: the file, always written anew
        meta: its attributes
        clips: (clip id or `fold-00/<clip id>`, arrays), in sorted order of the id; consumed one at a time

    Raises:
        ValueError: not in sorted order, another dimension or dtype than `meta` says, or a NaN or infinity
            where the mask says observed
    """
    count, previous = 0, ""
    with atomic_path(path) as temporary, h5py.File(temporary, "w", libver=_LIBVER) as file:
        for key, clip in clips:
            if key <= previous:
                raise ValueError(f"{path.name}: clip {key!r} after {previous!r}; write in sorted order")
            _check(key, clip, meta)
            group = file.create_group(key)
            for name, array in _arrays(clip):
                _write_array(group, name, array)
            previous, count = key, count + 1
        _write_attributes(file, meta, count)
    return count


def _check(key: str, clip: ClipFeatures, meta: FeatureMeta) -> None:
    if clip.values.shape[1] != meta.dimension:
        raise ValueError(f"{key}: {clip.values.shape[1]} columns where {meta.feature} has {meta.dimension}")
    if clip.values.dtype != np.dtype(meta.dtype):
        raise ValueError(f"{key}: {clip.values.dtype} where {meta.feature} has {meta.dtype}")
    if not np.isfinite(clip.values[clip.mask]).all():
        raise ValueError(f"{key}: NaN or infinity in observed values of {meta.feature}")


def _arrays(clip: ClipFeatures) -> Iterator[tuple[str, np.ndarray]]:
    yield "values", clip.values
    yield "times", clip.times.astype(np.float64)
    yield "mask", clip.mask.astype(bool)
    for name in sorted(clip.extra):
        yield name, clip.extra[name]


def _write_array(group: h5py.Group, name: str, array: np.ndarray) -> None:
    if array.size == 0:
        group.create_dataset(name, data=array, track_times=False)
        return
    row_bytes = max(1, array.nbytes // len(array))
    rows = max(1, min(len(array), _CHUNK_BYTES // row_bytes))
    group.create_dataset(
        name,
        data=np.ascontiguousarray(array),
        chunks=(rows, *array.shape[1:]),
        compression="gzip",
        compression_opts=1,
        shuffle=array.dtype.itemsize > 1,
        track_times=False,
    )


def _write_attributes(file: h5py.File, meta: FeatureMeta, count: int) -> None:
    for name, value in asdict(meta).items():
        file.attrs[name] = canonical_json(value) if name in ("columns", "params") else value
    file.attrs["clip_count"] = count
    file.attrs["format"] = FORMAT


class FeatureFile:
    """Read access to one feature file; use as a context manager.

    Raises:
        ArtifactError: absent, not HDF5, or not of this format
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.is_file():
            raise ArtifactError(f"{path}: no such feature file; run `dvc repro` for the stage that writes it")
        try:
            self._file = h5py.File(path, "r")
        except OSError as error:
            raise ArtifactError(f"{path}: not a readable HDF5 file; delete it and run `dvc repro`") from error
        try:
            known = self._file.attrs.get("format") == FORMAT
            self.meta = self._read_meta() if known else FeatureMeta("", 0, "")
        except (KeyError, ValueError, OSError) as error:
            self._file.close()
            raise ArtifactError(f"{path}: its attributes are not whole ({error}); rerun its stage with `dvc repro -f`") from error
        if not known:
            self._file.close()
            raise ArtifactError(f"{path}: not a feature file of format {FORMAT}; rerun its stage with `dvc repro -f`")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self._file.close()

    def _read_meta(self) -> FeatureMeta:
        raw = {f.name: self._file.attrs[f.name] for f in fields(FeatureMeta)}
        raw["columns"] = tuple(json.loads(raw["columns"]))
        raw["params"] = json.loads(raw["params"])
        raw["dimension"], raw["rate_hz"] = int(raw["dimension"]), float(raw["rate_hz"])
        return FeatureMeta(**raw)

    @property
    def folds(self) -> list[str]:
        """Names of the fold level (`fold-00`, ...), empty for a feature that was not learned per fold."""
        return [key for key in self._file if key.startswith("fold-") and "values" not in self._file[key]]

    def clip_ids(self, fold: str = "") -> list[str]:
        """Return the ids under one fold, or at the top where there are no folds."""
        return list(self._file[fold]) if fold else [key for key in self._file if key not in self.folds]

    def read(self, clip_id: str, fold: str = "", names: Iterable[str] | None = None) -> ClipFeatures:
        """Read one clip.

        Args:
            clip_id: the clip
            fold: fold level, or ""
            names: which further arrays to read; all of them by default

        Raises:
            ArtifactError: the clip is not in the file, or its data is damaged
        """
        key = f"{fold}/{clip_id}" if fold else clip_id
        if key not in self._file:
            raise ArtifactError(f"{self.path}: no clip '{key}' in it; its ledger says why")
        try:
            group = self._file[key]
            chosen = set(group) - {"values", "times", "mask"} if names is None else set(names)
            extra = {name: group[name][()] for name in sorted(chosen)}
            return ClipFeatures(group["values"][()], group["times"][()], group["mask"][()], extra)
        except (OSError, KeyError) as error:
            raise ArtifactError(f"{self.path}: clip '{key}' is damaged ({error}); delete the file and run `dvc repro`") from error
