"""The HDF5 contract: one file per (corpus, feature), one group per clip, equal input -> equal bytes.

    <feature>.h5                 attributes: see `FeatureMeta`, and `clip_count`
    └── <clip_id> or fold-00/<clip_id>
        ├── values (T, D)        the feature
        ├── times  (T,)          s from the beginning of the clip, float64
        ├── mask   (T,)          false where the value was not observed
        └── further arrays of the stage (`faces.h5`: boxes, landmarks (T, 2, 2), score, crops; `eyes55.h5`: crops)
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import h5py
import numpy as np

from pipeline.core.errors import ArtifactError

FORMAT = "clip-features/1"


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

    def digest(self) -> str:
        """Return one SHA-256 over all arrays."""
        digest = hashlib.sha256()
        arrays = {"values": self.values, "times": self.times, "mask": self.mask, **self.extra}
        for name in sorted(arrays):
            array = np.ascontiguousarray(arrays[name])
            digest.update(f"{name}{array.dtype}{array.shape}".encode())
            digest.update(array.tobytes())
        return digest.hexdigest()


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
        layers: (name, shape) of each network layer where `values` hold several side by side, flattened, in this order
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
    layers: tuple[tuple[str, tuple[int, ...]], ...] = ()
    version: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)
    weights: str = ""
    origin: str = ""

    @property
    def widths(self) -> tuple[int, ...]:
        """How many columns each layer has; all of them where there is one."""
        return tuple(math.prod(shape) for _, shape in self.layers) or (self.dimension,)


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
        raw["layers"] = tuple((str(name), tuple(shape)) for name, shape in json.loads(raw["layers"]))
        raw["params"] = json.loads(raw["params"])
        raw["dimension"], raw["rate_hz"] = int(raw["dimension"]), float(raw["rate_hz"])
        return FeatureMeta(**raw)

    @property
    def folds(self) -> list[str]:
        """Names of the fold level (`fold-00`, ...), empty for a feature that was not learned per fold."""
        return [key for key in self._file if key.startswith("fold-") and "values" not in self._file[key]]

    def clip_ids(self, fold: str = "") -> list[str]:
        """Return the ids under one fold, or at the top where there are no folds."""
        folds = self.folds  # looked up once: it walks over all keys
        return list(self._file[fold]) if fold else [key for key in self._file if key not in folds]

    def part(self, clip_id: str, fold: str) -> str:
        """Return which part a clip had when the feature was learned in a fold; "" where nobody noted it."""
        return str(self._file[f"{fold}/{clip_id}"].attrs.get("part", ""))

    def blocks(self, clip_id: str, rows: int = 256) -> Iterator[tuple[slice, np.ndarray]]:
        """Yield (which rows, their values) of one clip, so that a long clip is never in memory as a whole.

        Args:
            clip_id: a clip of a file without fold level
            rows: how many at a time

        Raises:
            ArtifactError: the clip's data is damaged
        """
        values = self._file[clip_id]["values"]
        for start in range(0, len(values), rows):
            part = slice(start, min(start + rows, len(values)))
            try:
                yield part, values[part]
            except OSError as error:
                raise ArtifactError(f"{self.path}: clip '{clip_id}' is damaged; delete the file and run `dvc repro`") from error

    def frames(self, clip_id: str) -> tuple[np.ndarray, np.ndarray]:
        """Return (times, mask) of one clip without its values."""
        group = self._file[clip_id]
        return group["times"][()], group["mask"][()]

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
