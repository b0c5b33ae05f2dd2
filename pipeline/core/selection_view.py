"""A selection: the columns that each fold keeps of a feature file beside it, read as if they had been copied.

<feature>.h5                 attributes: see `pipeline.core.feature_records.FeatureMeta`; `clip_count`; `source`, the
│                            file's name; `source_content`, its attribute `content`
├── clips   (N,)             clip ids, UTF-8
└── fold-00/
    ├── columns (K,)         numbers of the columns in the source's `values`, in the order of this feature's
    └── parts   (N,)         train, val or test, as the clip was when the columns were chosen
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.core.errors import ArtifactError
from pipeline.core.hdf5_reading import opened_hdf5
from pipeline.core.own_members import OwnGroup

VIEW_FORMAT = "clip-selection/1"


class _Columns:
    """Some columns of a clip's `values`; offers what readers ask of a dataset."""

    def __init__(self, view: SelectionView, clip_id: str, columns: np.ndarray) -> None:
        self._view, self._clip_id, self._columns = view, clip_id, columns
        self._values = view.source[clip_id]["values"]
        self.dtype, self.shape = self._values.dtype, (len(self._values), len(columns))
        self.nbytes = self.dtype.itemsize * len(self) * len(columns)

    def __len__(self) -> int:
        return len(self._values)

    def __getitem__(self, rows: Any) -> np.ndarray:
        whole = self._view.rows(self._clip_id, slice(None) if rows == () else rows)
        return np.take(whole, self._columns, axis=1)  # in C order, as a copy on the disk would be read


class _Clip(dict[str, Any]):
    """One clip in one fold; stands for an HDF5 group."""

    def __init__(self, view: SelectionView, clip_id: str, columns: np.ndarray, part: str) -> None:
        group = view.source[clip_id]
        super().__init__(values=_Columns(view, clip_id, columns), times=group["times"], mask=group["mask"])
        self.attrs = {"part": part}


class SelectionView(Mapping[str, Any]):
    """The groups of an open selection, as `pipeline.core.store.FeatureFile` asks a file for them.

    `ArtifactError` where its source is absent, or is another one than that from which the columns were chosen.
    """

    def __init__(self, path: Path, file: OwnGroup) -> None:
        self._columns = {name: file[name]["columns"][()] for name in file if name != "clips"}
        ids = [raw.decode() for raw in file["clips"][()]]
        self._parts = {
            name: dict(zip(ids, (raw.decode() for raw in file[name]["parts"][()]), strict=True))
            for name in self._columns
        }
        self.source = _source(path, str(file.attrs["source"]), str(file.attrs["source_content"]))
        self._last: tuple[tuple[str, int, int], np.ndarray] | None = None

    def close(self) -> None:
        """Close the source."""
        self.source.close()

    def rows(self, clip_id: str, rows: slice) -> np.ndarray:
        """Return rows of all columns; those asked for last are kept, for the next fold of the same clip."""
        values = self.source[clip_id]["values"]
        place = (clip_id, *rows.indices(len(values))[:2])
        last = self._last
        if last is None or last[0] != place:  # a thread may read ahead: what is returned is what was compared
            self._last = last = place, values[rows]
        return last[1]

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __contains__(self, key: object) -> bool:
        fold, _, clip_id = str(key).partition("/")
        return fold in self._columns and (not clip_id or clip_id in self._parts[fold])

    def __getitem__(self, key: str) -> Any:
        fold, _, clip_id = key.partition("/")
        if not clip_id:
            return self._parts[fold]
        return _Clip(self, clip_id, self._columns[fold], self._parts[fold][clip_id])

    def __len__(self) -> int:
        return len(self._columns)


def _source(path: Path, name: str, content: str) -> OwnGroup:
    again = f"run `dvc repro select@{path.parent.name}-{path.stem}`"
    if Path(name).name != name or name == path.name:
        raise ArtifactError(f"{path}: its source '{name}' is no file beside it; {again}")
    beside = path.with_name(name)
    if not beside.is_file():
        raise ArtifactError(f"{beside}: no such feature file, of which {path.name} selects columns; {again}")
    file = OwnGroup(opened_hdf5(beside), beside)
    if file.attrs.get("content", "") != content:
        file.close()
        raise ArtifactError(f"{path}: its columns were chosen from another {name} than lies beside it; {again}")
    return file
