"""Zeros over a heap of texts: HDF5 itself would never come back from reading it."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

from pipeline.core import text_heaps
from pipeline.core.errors import ArtifactError
from pipeline.core.hdf5_reading import opened_hdf5
from pipeline.core.store import ClipFeatures, FeatureFile, FeatureMeta
from pipeline.core.store_writer import write_features
from pipeline.core.text_heaps import heaps_are_whole
from pipeline.engine.cache_folder import _as_written


@pytest.fixture
def path(tmp_path):
    clip = ClipFeatures(np.ones((3, 2), np.float32), np.arange(3.0), np.ones(3, bool))
    write_features(tmp_path / "x.h5", FeatureMeta("x", 2, "float32", columns=("a", "b")), [("c1", clip), ("c2", clip)])
    return tmp_path / "x.h5"


def heaps(data: bytes) -> list[int]:
    return [at for at in range(len(data)) if data.startswith(b"GCOL", at)]


def test_a_file_as_it_was_written_is_whole(path):
    assert heaps(path.read_bytes())
    assert heaps_are_whole(path)
    with FeatureFile(path) as file:
        assert file.clip_ids() == ["c1", "c2"]


@pytest.mark.parametrize("heap", [0, -1])
@pytest.mark.parametrize("after", [16, 64, 200])
def test_zeros_over_the_objects_of_a_heap_are_found(path, heap, after):
    data = bytearray(path.read_bytes())
    at = heaps(data)[heap]
    data[at + after : at + 4000] = bytes(4000 - after)
    path.write_bytes(data)
    with pytest.raises(ArtifactError, match=r"x\.h5: not a readable HDF5 file .*move it away and run `dvc repro`$"):
        opened_hdf5(path)
    assert not _as_written(path, "c1")


def test_a_heap_at_either_end_of_a_large_file_is_looked_at(path, monkeypatch):
    data = bytearray(path.read_bytes())
    first, last = heaps(data)[0], heaps(data)[-1]
    monkeypatch.setattr(text_heaps, "_LOOKED_AT", 2 * max(first + 4096, len(data) - last))
    for at in (first, last):
        damaged = bytearray(data)
        damaged[at + 64 : at + 2000] = bytes(1936)
        path.write_bytes(damaged)
        text_heaps._whole.cache_clear()
        assert not heaps_are_whole(path)


def test_the_texts_of_other_programs_are_read(tmp_path):
    with h5py.File(tmp_path / "y.h5", "w") as file:
        for n in range(200):
            file.attrs[f"name {n}"] = "x" * (7 * n)
        del file.attrs["name 100"]  # leaves a gap in its heap
        file["texts"] = ["y" * n for n in range(300)]
    with opened_hdf5(tmp_path / "y.h5") as file:
        assert len(file.attrs["name 199"]) == 7 * 199


def test_an_empty_file_has_no_heap(tmp_path):
    (tmp_path / "z.h5").touch()
    assert heaps_are_whole(tmp_path / "z.h5")
