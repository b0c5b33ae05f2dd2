"""`pipeline.core.selection_view`: a selection reads as if its columns had been copied, and from its own source."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from pipeline.core.errors import ArtifactError
from pipeline.core.store import ClipFeatures, ClipReader, FeatureFile, FeatureMeta
from pipeline.core.store_writer import write_features, write_selection

COLUMNS = {"fold-00": np.array([0, 3, 8]), "fold-01": np.array([1, 2, 7])}
META = FeatureMeta("v3", 3, "float16", layer="3 of 9 columns of pool5, chosen per fold")
IDS = ["a", "b-1", "ü"]
PARTS = {
    f"{fold}/{c}": ("train", "val", "test")[(i + n) % 3] for n, fold in enumerate(COLUMNS) for i, c in enumerate(IDS)
}


def clip(seed: int, rows: int) -> ClipFeatures:
    values = np.random.default_rng(seed).standard_normal((rows, 9)).astype(np.float16)
    mask = np.arange(rows) % 4 != 1
    values[~mask] = np.nan
    return ClipFeatures(values, np.arange(rows) / 25, mask)


@pytest.fixture
def source(tmp_path: Path) -> dict[str, ClipFeatures]:
    found = {clip_id: clip(i, 10 + 300 * i) for i, clip_id in enumerate(IDS)}
    write_features(tmp_path / "pool5.h5", FeatureMeta("pool5", 9, "float16"), found.items())
    return found


@pytest.fixture
def selection(tmp_path: Path, source: dict) -> Path:
    path = tmp_path / "v3.h5"
    assert write_selection(path, META, tmp_path / "pool5.h5", COLUMNS, PARTS) == 6
    return path


@pytest.fixture
def copy(tmp_path: Path, source: dict) -> Path:
    """The same as a file that holds every clip in every fold."""
    path = tmp_path / "copy.h5"
    groups = {
        f"{fold}/{clip_id}": ClipFeatures(np.ascontiguousarray(found.values[:, columns]), found.times, found.mask)
        for fold, columns in COLUMNS.items()
        for clip_id, found in source.items()
    }
    write_features(path, META, groups.items(), PARTS)
    return path


def test_it_reads_as_a_copy_does(selection: Path, copy: Path) -> None:
    with FeatureFile(selection) as view, FeatureFile(copy) as file:
        assert view.meta == file.meta == META
        assert view.folds == file.folds == list(COLUMNS)
        assert view.clip_ids() == file.clip_ids() == []
        assert view.clip_ids("fold-07") == file.clip_ids("fold-07") == []
        assert not view.holds("fold-00/c")
        assert not view.holds("fold-07/a")
        for fold in COLUMNS:
            assert view.clip_ids(fold) == file.clip_ids(fold) == IDS
            for clip_id in IDS:
                key = f"{fold}/{clip_id}"
                assert view.holds(key)
                assert view.part(clip_id, fold) == file.part(clip_id, fold) == PARTS[key]
                for mine, theirs in zip(view.frames(key), file.frames(key), strict=True):
                    np.testing.assert_array_equal(mine, theirs)
                for rows in (slice(None), slice(3, 7), slice(0, 0), slice(5, 999)):
                    mine, theirs = view.part_of(key, rows).arrays(), file.part_of(key, rows).arrays()
                    assert {n: a.tobytes() for n, a in mine.items()} == {n: a.tobytes() for n, a in theirs.items()}
                    assert {a.flags.c_contiguous for a in mine.values()} == {True}


def test_a_long_clip_is_read_in_blocks(selection: Path, source: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.core.store.WHOLE_BYTES", 100)
    with FeatureFile(selection) as view:
        rows = view.rows("fold-01/ü")
        assert isinstance(rows, ClipReader)
        values = np.concatenate([block.values for block in rows.blocks(64)])
    np.testing.assert_array_equal(values, source["ü"].values[:, COLUMNS["fold-01"]])


def test_its_size_grows_with_names_and_columns_alone(tmp_path: Path, selection: Path) -> None:
    small = selection.stat().st_size
    write_features(tmp_path / "pool5.h5", FeatureMeta("pool5", 9, "float16"), [(c, clip(1, 40_000)) for c in IDS])
    write_selection(selection, META, tmp_path / "pool5.h5", COLUMNS, PARTS)
    assert selection.stat().st_size == small < 10_000


@pytest.mark.parametrize("change", ["value", "time", "clip"])
def test_its_bytes_follow_the_source_and_another_source_is_refused(
    tmp_path: Path, selection: Path, source: dict, change: str
) -> None:
    before = selection.read_bytes()
    values, times = source["a"].values.copy(), source["a"].times.copy()
    values[0, 5] += change == "value"  # of a column that no fold keeps, even
    times[-1] += change == "time"
    source["a"] = ClipFeatures(values, times, source["a"].mask)
    if change == "clip":
        del source["a"]
    write_features(tmp_path / "pool5.h5", FeatureMeta("pool5", 9, "float16"), source.items())
    with pytest.raises(ArtifactError) as caught:
        FeatureFile(selection)
    assert str(caught.value) == (
        f"{selection}: its columns were chosen from another pool5.h5 than lies beside it; "
        f"run `dvc repro select@{tmp_path.name}-v3`"
    )
    write_selection(selection, META, tmp_path / "pool5.h5", COLUMNS, PARTS)
    assert selection.read_bytes() != before


def test_the_same_again_has_the_same_bytes(tmp_path: Path, selection: Path) -> None:
    before = selection.read_bytes()
    write_selection(selection, META, tmp_path / "pool5.h5", dict(reversed(COLUMNS.items())), PARTS)
    assert selection.read_bytes() == before


def test_no_fold_is_an_empty_file(tmp_path: Path, source: dict) -> None:
    assert write_selection(tmp_path / "v.h5", META, tmp_path / "pool5.h5", {}, {}) == 0
    with FeatureFile(tmp_path / "v.h5") as view:
        assert (view.folds, view.clip_ids(), view.clip_ids("fold-00")) == ([], [], [])


def test_an_absent_source_is_named(tmp_path: Path, selection: Path) -> None:
    (tmp_path / "pool5.h5").unlink()
    with pytest.raises(ArtifactError, match=r"pool5\.h5: no such feature file, of which v3\.h5 selects columns; run"):
        FeatureFile(selection)


@pytest.mark.parametrize("name", ["../pool5.h5", "/etc/passwd", "v3.h5", "sub/pool5.h5"])
def test_a_source_that_lies_elsewhere_is_refused(selection: Path, name: str) -> None:
    with h5py.File(selection, "r+") as file:
        file.attrs["source"] = name
    with pytest.raises(ArtifactError, match="is no file beside it; run `dvc repro select@"):
        FeatureFile(selection)


def test_a_selection_of_a_selection_is_refused(tmp_path: Path, selection: Path) -> None:
    with pytest.raises(ArtifactError, match=r"v3\.h5: does not say what it holds"):
        write_selection(tmp_path / "v2.h5", META, selection, COLUMNS, PARTS)
    assert not (tmp_path / "v2.h5").exists()
    (tmp_path / "other").mkdir()
    with pytest.raises(ValueError, match="has to lie beside it"):
        write_selection(tmp_path / "other/v2.h5", META, tmp_path / "pool5.h5", COLUMNS, PARTS)
