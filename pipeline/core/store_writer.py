"""Writing feature files and selections of the HDF5 contract (`pipeline.core.store`, `pipeline.core.selection_view`):
equal input gives equal bytes.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from pipeline.core.arrays import ZIPPED, ArrayWriter, Digests
from pipeline.core.files import atomic_path, canonical_json, digest_of
from pipeline.core.selection_view import VIEW_FORMAT
from pipeline.core.store import FORMAT, ClipFeatures, FeatureFile, FeatureMeta


def write_features(
    path: Path, meta: FeatureMeta, clips: Iterable[tuple[str, ClipFeatures]], parts: Mapping[str, str] | None = None
) -> int:
    """Write one feature file, whole or not at all, and return the number of groups.

    Args:
        path: the file, always written anew
        meta: its attributes
        clips: (clip id or `fold-00/<clip id>`, arrays), in sorted order of the id; consumed one at a time
        parts: `fold-00/<clip id>` -> train, val or test, where the feature is learned per fold

    `ValueError` where they are not sorted, have another dimension or dtype than `meta` says, or a NaN or infinity where
    the mask says observed.
    """
    with feature_file(path, meta) as file:
        for key, clip in clips:
            group = file.new(key)
            write_clip(group, [clip], meta)
            if parts is not None:
                group.attrs["part"] = parts[key]
        return len(file.keys)


def write_selection(
    path: Path, meta: FeatureMeta, source: Path, columns: Mapping[str, np.ndarray], parts: Mapping[str, str]
) -> int:
    """Write which columns of a feature file without fold level, in the same folder, each fold keeps; return the number
    of groups.

    Args:
        path: the file, always written anew
        meta: attributes of the feature that the columns make up
        source: the feature file, written by this version
        columns: fold -> (K,) numbers of the columns that are kept
        parts: `fold-00/<clip id>` -> train, val or test
    """
    if source.resolve().parent != path.resolve().parent:
        raise ValueError(f"{path}: its source {source} has to lie beside it")
    with FeatureFile(source) as file:
        ids, content = sorted(file.clip_ids()), file.content
    with atomic_path(path) as temporary, new_hdf5(temporary) as file:
        _put(file, "clips", [clip_id.encode() for clip_id in ids])
        for fold in sorted(columns):
            group = file.create_group(fold)
            _put(group, "columns", np.asarray(columns[fold], np.int32))
            _put(group, "parts", [parts[f"{fold}/{clip_id}"].encode() for clip_id in ids])
        count = len(columns) * len(ids)
        describe(file, meta, clip_count=count, format=VIEW_FORMAT, source=source.name, source_content=content)
    return count


def _put(group: h5py.Group, name: str, items: Any) -> None:
    array = np.array(items) if len(items) else np.empty(0, "S1")
    zipped = {**ZIPPED, "chunks": array.shape} if array.size else {}
    group.create_dataset(name, data=array, track_times=False, **zipped)


class _NewFile:
    """A feature file that is being written, clip after clip in sorted order."""

    def __init__(self, name: str, file: h5py.File) -> None:
        self._name, self._file = name, file
        self.keys: list[str] = []

    def _next(self, key: str) -> None:
        if self.keys and key <= self.keys[-1]:
            raise ValueError(f"{self._name}: clip {key!r} after {self.keys[-1]!r}; write in sorted order")
        self.keys.append(key)

    def new(self, key: str) -> h5py.Group:
        """Return the empty group of the next clip."""
        self._next(key)
        return self._file.create_group(key)

    def copy(self, key: str, group: h5py.Group) -> None:
        """Take a clip over from another file as it lies there, compressed."""
        self._next(key)
        self._file.copy(group, self._file, name=key)


class _Disk(io.FileIO):
    """A new file that remembers what the disk refused, and lets HDF5 go on: HDF5 itself would complain of a full disk
    many times over, in the middle of tidying up, where nothing can catch it.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path, "w+")
        self.refused: OSError | None = None

    def write(self, data: Any) -> int:
        try:
            return super().write(data)
        except OSError as error:
            error.filename = self.name
            self.refused = self.refused or error
            return len(data)


@contextmanager
def new_hdf5(path: Path) -> Iterator[h5py.File]:
    """Give an empty HDF5 file whose bytes depend on what is written alone; what the disk refuses is raised once, with
    the file's name.
    """
    with _Disk(path) as disk:
        try:
            # no chunk cache: chunks are written once and whole, and HDF5 would keep 8 MB of each array of a long clip
            with h5py.File(disk, "w", libver=("v110", "v110"), rdcc_nbytes=0) as file:
                yield file
        finally:
            if disk.refused is not None:
                raise disk.refused


@contextmanager
def feature_file(path: Path, meta: FeatureMeta) -> Iterator[_NewFile]:
    """Give a new feature file, which replaces `path` when the block ends without an error."""
    with atomic_path(path) as temporary, new_hdf5(temporary) as file:
        new = _NewFile(path.name, file)
        yield new
        content = digest_of({key: file[key].attrs["digests"] for key in new.keys})
        describe(file, meta, clip_count=len(new.keys), content=content, format=FORMAT)


def describe(file: h5py.File, meta: FeatureMeta, **more: Any) -> None:
    """Write the attributes of a feature file."""
    for name, value in {**asdict(meta), **more}.items():
        if name != "learned" or value:  # only networks have learned
            as_json = name in ("columns", "layers", "learned", "params")
            file.attrs[name] = canonical_json(value) if as_json else value


def write_clip(group: h5py.Group, blocks: Iterable[ClipFeatures], meta: FeatureMeta | None = None) -> None:
    """Write one clip, block by block; the arrays do not depend on where blocks begin, the order of their bytes may.

    Args:
        group: of the clip, empty
        blocks: consecutive rows, one block at least
        meta: what the values have to be like, or `ValueError`; None = anything
    """
    arrays: dict[str, ArrayWriter] = {}
    digests = Digests()
    for block in blocks:
        if meta is not None:
            _check(group.name, block, meta)
        for name, rows in block.arrays().items():
            digests.add(name, rows)
            arrays.setdefault(name, ArrayWriter(group, name)).add(rows)
    for array in arrays.values():
        array.finish()
    group.attrs["digests"] = canonical_json(digests.named())


def _check(key: str, clip: ClipFeatures, meta: FeatureMeta) -> None:
    if sum(meta.widths) != meta.dimension:
        raise ValueError(f"{meta.feature}: its layers make {sum(meta.widths)} columns, not {meta.dimension}")
    if clip.values.shape[1] != meta.dimension:
        raise ValueError(f"{key}: {clip.values.shape[1]} columns where {meta.feature} has {meta.dimension}")
    if clip.values.dtype != np.dtype(meta.dtype):
        raise ValueError(f"{key}: {clip.values.dtype} where {meta.feature} has {meta.dtype}")
    if not np.isfinite(clip.values[clip.mask]).all():
        raise ValueError(f"{key}: NaN or infinity in observed values of {meta.feature}")
