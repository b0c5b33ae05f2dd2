"""Writing a selection (`pipeline.core.selection_view`): equal input gives equal bytes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from pipeline.core.array_writer import ZIPPED
from pipeline.core.files import atomic_path
from pipeline.core.selection_view import VIEW_FORMAT
from pipeline.core.store import FeatureFile, FeatureMeta
from pipeline.core.store_writer import describe, new_hdf5


def write_selection(
    path: Path, meta: FeatureMeta, source: Path, columns: Mapping[str, np.ndarray], parts: Mapping[str, str]
) -> int:
    """Write which columns of a file beside it each fold keeps (`pipeline.core.selection_view`); return the groups.

    Args:
        path: the file, always written anew
        meta: attributes of the feature that the columns make up
        source: a feature file without fold level, in the same folder
        columns: fold -> (K,) numbers of the columns that are kept
        parts: `fold-00/<clip id>` -> train, val or test

    Raises:
        ArtifactError: the source cannot be read, or was not written by this version
        ValueError: the source lies in another folder
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
    zipped = ZIPPED if array.size else {}
    group.create_dataset(name, data=array, track_times=False, chunks=array.shape if array.size else None, **zipped)
