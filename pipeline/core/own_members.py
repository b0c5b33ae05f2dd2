"""What may be read of an HDF5 file that somebody else may have made: what lies in the file itself, in its true size.

HDF5 lets a member of a file be a link into another file, a list of other files with the data, or a puzzle of their
parts; and it lets a few bytes claim an array of terabytes. This pipeline writes none of that, and reads none of it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import h5py

from pipeline.core.errors import ArtifactError

_KINDS = "biufS"
"""Of dtypes: truth, whole and other numbers, bytes of a fixed length."""
_PLENTY = 256 << 20
"""Bytes that an array may claim whatever is in the file."""
_DENSEST = 10_000
"""The best that our filters do, on crops that never change, is some 5,000 to 1."""
_ROW, _CHUNK = 64 << 20, 1 << 30


class OwnGroup(Mapping[str, Any]):
    """A group of an open HDF5 file, read as h5py's; ArtifactError for a member that is not the file's own."""

    def __init__(self, group: h5py.Group, path: Path) -> None:
        self._group, self._path = group, path

    @property
    def attrs(self) -> Any:
        """Attributes of the group."""
        return self._group.attrs

    def close(self) -> None:
        """Close the file."""
        self._group.file.close()

    def __iter__(self) -> Iterator[str]:
        return iter(self._group)

    def __len__(self) -> int:
        return len(self._group)

    def __contains__(self, key: object) -> bool:
        try:
            self[str(key)]
        except KeyError:
            return False
        return True

    def __getitem__(self, key: str) -> Any:
        node: Any = self._group
        for name in key.split("/"):
            if not isinstance(node, h5py.Group):
                raise KeyError(key)
            node = self._member(node, name)
        return OwnGroup(node, self._path) if isinstance(node, h5py.Group) else self._checked(node)

    def _member(self, group: h5py.Group, name: str) -> Any:
        raw = name.encode("utf-8", "surrogateescape")
        if not raw or not group.id.links.exists(raw):
            raise KeyError(name)
        if group.id.links.get_info(raw).type != h5py.h5l.TYPE_HARD:
            raise self._refused(f"{group.name.rstrip('/')}/{name}", "a link to another place or file")
        return group[name]

    def _checked(self, found: Any) -> h5py.Dataset:
        if not isinstance(found, h5py.Dataset):
            raise self._refused(found.name, "neither a group nor an array")
        if found.is_virtual or found.external:
            raise self._refused(found.name, "an array whose data lies in other files")
        if found.dtype.kind not in _KINDS or found.shape is None:
            raise self._refused(found.name, f"of type {found.dtype}, no array of numbers")
        held = min(found.id.get_storage_size(), self._path.stat().st_size)
        row = found.dtype.itemsize * math.prod(found.shape[1:])
        chunk = found.dtype.itemsize * math.prod(found.chunks or ())
        if found.nbytes > max(_PLENTY, _DENSEST * held) or row > _ROW or chunk > _CHUNK:
            words = f"{found.nbytes:,} bytes in rows of {row:,}, with {held:,} in the file"
            raise self._refused(found.name, f"claims {words}")
        return found

    def _refused(self, name: str, what: str) -> ArtifactError:
        remedy = "this pipeline writes nothing of that kind; move the file away and run `dvc repro`, or get it anew"
        return ArtifactError(f"{self._path}: {name}: {what}; {remedy}")
