"""docs/hdf5-contract.md: its code runs, and what it says of files is so."""

from __future__ import annotations

import re
import runpy
from dataclasses import fields
from pathlib import Path

import h5py
import numpy as np
import pytest

from helpers.docs import file_of, text_of
from helpers.project import ROOT
from pipeline.core.clip import Clip, write_manifest
from pipeline.core.crop_coding import CODING
from pipeline.core.ledger import read_ledger
from pipeline.core.store import FORMAT, ClipFeatures, FeatureFile, FeatureMeta
from pipeline.core.store_writer import write_features, write_selection
from pipeline.faces.tracking import tracker
from pipeline.training.material import Material

PAGE = "hdf5-contract"


def shown(name: str, folder: Path) -> dict:
    """Run a file that the page shows, and return its names."""
    (folder / name).write_text(file_of(PAGE, name), encoding="utf-8")
    return runpy.run_path(str(folder / name))


def clip(rows: int, seed: int) -> ClipFeatures:
    values = np.random.default_rng(seed).standard_normal((rows, 3)).astype(np.float32)
    mask = np.arange(rows) % 3 > 0
    values[~mask] = np.nan
    return ClipFeatures(values, 0.01 * np.arange(rows), mask)


@pytest.mark.parametrize("fold", ["", "fold-00"])
def test_the_reader_needs_h5py_alone(tmp_path: Path, fold: str) -> None:
    meta = FeatureMeta("x", 3, "float32", columns=("a", "b", "c") if not fold else (), layer="fc7" if fold else "")
    prefix = f"{fold}/" if fold else ""
    given = {f"{prefix}c{i}": clip(10 + i, i) for i in range(3)}
    write_features(tmp_path / "x.h5", meta, given.items(), dict.fromkeys(given, "train") if fold else None)
    names = shown("read_features.py", tmp_path)
    assert "pipeline" not in file_of(PAGE, "read_features.py")
    found = names["read"](str(tmp_path / "x.h5"), fold)
    assert list(found) == ["c0", "c1", "c2"]
    for name, (times, values) in found.items():
        original = given[prefix + name]
        np.testing.assert_array_equal(values, original.values[original.mask])
        np.testing.assert_array_equal(times, original.times[original.mask])
    assert names["columns"](str(tmp_path / "x.h5")) == (["a", "b", "c"] if not fold else ["x_0", "x_1", "x_2"])


def test_the_reader_reads_a_selection(tmp_path: Path) -> None:
    given = {f"c{i}": clip(10 + i, i) for i in range(3)}
    write_features(tmp_path / "x.h5", FeatureMeta("x", 3, "float32"), given.items())
    parts = {f"fold-00/{name}": "train" for name in given}
    meta = FeatureMeta("two", 2, "float32")
    write_selection(tmp_path / "two.h5", meta, tmp_path / "x.h5", {"fold-00": np.array([0, 2])}, parts)
    found = shown("read_features.py", tmp_path)["read"](str(tmp_path / "two.h5"), "fold-00")
    assert list(found) == list(given)
    for name, (times, values) in found.items():
        np.testing.assert_array_equal(values, given[name].values[given[name].mask][:, [0, 2]])
        np.testing.assert_array_equal(times, given[name].times[given[name].mask])


def test_a_file_from_elsewhere_can_be_learned_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "features/demo").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    clips = [Clip(f"c{i}", f"c{i}.wav", f"s{i}", "anger") for i in range(4)]
    write_manifest(tmp_path / "features/demo/manifest.csv", clips)
    for i in range(3):
        np.save(tmp_path / f"elsewhere/c{i}.npy", np.full((5, 2), i, float))
    shown("bring_in.py", tmp_path)
    path = tmp_path / "features/demo/elsewhere.h5"
    data = Material(path, clips, ["anger"]).of_fold("fold-00", {f"c{i}": "train" for i in range(4)}, "train")
    assert data.ids == ["c0", "c1", "c2"]
    statuses = [entry.status for entry in read_ledger(path.with_name("elsewhere.ledger.csv"))]
    assert statuses == ["ok", "ok", "ok", "failed"]


def test_the_table_of_attributes_is_what_files_have(tmp_path: Path) -> None:
    table = text_of(PAGE).split("## Attributes of the file")[1].split("## ")[0]
    listed = set(re.findall(r"^\| `(\w+)` \|", table, flags=re.MULTILINE))
    write_features(tmp_path / "x.h5", FeatureMeta("x", 3, "float32", learned=({"network": "x"},)), [("c", clip(4, 0))])
    with h5py.File(tmp_path / "x.h5") as file:
        more = {"clip_count", "content", "format"}
        assert listed == set(file.attrs) == {field.name for field in fields(FeatureMeta)} | more
        assert file.attrs["format"] == FORMAT
        assert list(file["c"].attrs) == ["digests"]
    assert FORMAT in text_of(PAGE)


def test_chunks_and_filters_are_those_of_the_page(tmp_path: Path) -> None:
    rows = 400_000
    values = np.zeros((rows, 3), np.float32)
    crops = np.random.default_rng(0).integers(0, 256, (40, 64, 64, 3), dtype=np.uint8)
    with_crops = ClipFeatures(np.zeros((40, 3), np.float32), np.arange(40.0), np.ones(40, bool), {"crops": crops})
    long = ClipFeatures(values, np.arange(float(rows)), np.ones(rows, bool))
    write_features(tmp_path / "x.h5", FeatureMeta("x", 3, "float32"), [("a", long), ("b", with_crops)])
    with h5py.File(tmp_path / "x.h5") as file:
        array = file["a/values"]
        assert (array.compression, array.compression_opts, array.shuffle) == ("gzip", 1, True)
        assert array.chunks[1] == 3
        assert 0.9 * 2**20 < np.prod(array.chunks) * 4 <= 2**20
        assert file["b/values"].chunks == (40, 3)
        assert not file["a/mask"].shuffle
        pictures = file["b/crops"]
        assert pictures.attrs["coding"] == CODING
        assert pictures.chunks == (40, 64, 64, 3)
        assert list(pictures._filters) == ["32008"], "bit-shuffle"
    decoded = shown("read_crops.py", tmp_path)["crops"](str(tmp_path / "x.h5"), "b")
    np.testing.assert_array_equal(decoded, crops)


def test_how_is_numbered_as_on_the_page() -> None:
    numbers = (tracker.DETECTED, tracker.FOLLOWED, tracker.INTERPOLATED)
    assert "0 nothing, {} detected, {} followed, {} interpolated".format(*numbers) in text_of(PAGE)


def test_every_file_that_is_here_keeps_the_contract() -> None:
    paths = sorted((ROOT / "features").glob("*/*.h5"))
    if not paths:
        pytest.skip("no feature files here: `make repro` makes them")
    for path in paths:
        with FeatureFile(path) as file:
            level = file.folds[0] if file.folds else ""
            first = file.clip_ids(level)[0]
            found = file.read(first, level, ())
            assert found.values.shape[1] == file.meta.dimension, path
            assert str(found.values.dtype) == file.meta.dtype, path
            assert np.isfinite(found.values[found.mask].astype(float)).all(), path
            assert (np.diff(found.times) > 0).all(), path
            assert not level or file.part(first, level) in ("train", "val", "test"), path
