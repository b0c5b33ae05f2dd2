"""Writing a feature file of the HDF5 contract (`pipeline.core.store`): equal input gives equal bytes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path

import h5py
import numpy as np

from pipeline.core.files import atomic_path, canonical_json
from pipeline.core.store import FORMAT, ClipFeatures, FeatureMeta

_LIBVER = ("v110", "v110")
_CHUNK_BYTES = 1 << 20


def write_features(
    path: Path, meta: FeatureMeta, clips: Iterable[tuple[str, ClipFeatures]], parts: Mapping[str, str] | None = None
) -> int:
    """Write one feature file, whole or not at all, and return the number of groups.

    Args:
        path: the file, always written anew
        meta: its attributes
        clips: (clip id or `fold-00/<clip id>`, arrays), in sorted order of the id; consumed one at a time
        parts: `fold-00/<clip id>` -> train, val or test, where the feature is learned per fold

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
            if parts is not None:
                group.attrs["part"] = parts[key]
            previous, count = key, count + 1
        _write_attributes(file, meta, count)
    return count


def _check(key: str, clip: ClipFeatures, meta: FeatureMeta) -> None:
    if sum(meta.widths) != meta.dimension:
        raise ValueError(f"{meta.feature}: its layers make {sum(meta.widths)} columns, not {meta.dimension}")
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
        file.attrs[name] = canonical_json(value) if name in ("columns", "layers", "params") else value
    file.attrs["clip_count"] = count
    file.attrs["format"] = FORMAT
