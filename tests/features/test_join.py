"""`pipeline.features.join` and `pipeline.core.joined_view`: several features read as one, and nothing is copied."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from helpers import joined
from pipeline.core.errors import ArtifactError, LeakageError, SettingsError
from pipeline.core.ledger import Entry, lost
from pipeline.core.settings import parse
from pipeline.core.store import FeatureFile, FeatureMeta
from pipeline.core.store_writer import write_features, write_selection
from pipeline.features.join import JoinParams, chain, join_entries, write_join
from pipeline.training.datasets import sequence_of
from pipeline.training.material import Material

CLIPS = joined.clips()
FIRST, SECOND = CLIPS[0].clip_id, CLIPS[1].clip_id


def test_a_clip_has_the_rows_of_both_by_time_each_in_its_own_columns(tmp_path: Path) -> None:
    with FeatureFile(joined.write(tmp_path, blind=[SECOND])) as file:
        assert file.meta.layers == (("voice", (4,)), ("face", (3,)))
        assert file.meta.modalities == ("audio", "video")
        assert file.clip_ids() == sorted(clip.clip_id for clip in CLIPS)
        clip, alone = file.read(FIRST), file.read(SECOND)
    voice, face = joined.voice(CLIPS[0], 0), joined.face(CLIPS[0], 0)
    own = clip.extra["part"]
    np.testing.assert_array_equal(clip.values[own == 0][:, :4], voice.values)
    np.testing.assert_array_equal(clip.values[own == 1][:, 4:], face.values)
    assert np.isnan(clip.values[own == 0][:, 4:]).all()
    assert np.isnan(clip.values[own == 1][:, :4]).all()
    assert (np.diff(clip.times) >= 0).all()
    assert clip.mask.sum() == voice.mask.sum() + 1
    assert set(alone.extra["part"]) == {0}


def test_the_file_holds_names_alone_and_equal_inputs_give_equal_bytes(tmp_path: Path) -> None:
    path = joined.write(tmp_path)
    before = path.read_bytes()
    assert len(before) < 10_000
    joined.write(tmp_path)
    assert path.read_bytes() == before


def test_two_by_two_is_the_same_as_all_at_once(tmp_path: Path) -> None:
    joined.write(tmp_path)
    write_features(
        tmp_path / "hands.h5", FeatureMeta("hands", 3, "float32"), [(c.clip_id, joined.face(c, 50)) for c in CLIPS]
    )
    params = JoinParams(audio=("voice",), video=("face", "hands"))
    whole = write_join(tmp_path / "whole.h5", params, [tmp_path / f"{name}.h5" for name in params.features])
    for name, one, other in chain("early", params):
        last = write_join(tmp_path / f"{name}.h5", params, [tmp_path / f"{one}.h5", tmp_path / f"{other}.h5"])
    assert replace(last, feature="whole") == whole
    with FeatureFile(tmp_path / "early.h5") as file, FeatureFile(tmp_path / "whole.h5") as other_file:
        np.testing.assert_array_equal(file.read(FIRST).values, other_file.read(FIRST).values)


def test_what_was_joined_has_to_lie_there(tmp_path: Path) -> None:
    path = joined.write(tmp_path)
    (tmp_path / "face.h5").rename(tmp_path / "away.h5")
    with pytest.raises(ArtifactError, match=r"face\.h5: no such feature file, which early\.h5 joins with others; run"):
        FeatureFile(path)
    written = [(clip.clip_id, joined.face(clip, 99)) for clip in CLIPS]
    write_features(tmp_path / "face.h5", FeatureMeta("face", 3, "float32"), written)
    with pytest.raises(ArtifactError, match=r"another face\.h5 was joined than lies beside it; run `dvc repro join@"):
        FeatureFile(path)


def test_a_selection_can_be_joined_and_keeps_its_folds(tmp_path: Path) -> None:
    joined.write(tmp_path)
    folds = joined.folds()
    parts = {f"{name}/{clip}": part for name, fold in folds.items() for clip, part in fold.items()}
    columns = {"fold-00": np.array([1, 2]), "fold-01": np.array([0, 3])}
    write_selection(tmp_path / "best.h5", FeatureMeta("best", 2, "float32"), tmp_path / "voice.h5", columns, parts)
    params = JoinParams(audio=("best",), video=("face",))
    write_join(tmp_path / "early.h5", params, [tmp_path / "best.h5", tmp_path / "face.h5"])
    with FeatureFile(tmp_path / "early.h5") as file:
        assert file.folds == ["fold-00", "fold-01"]
        clip = file.read(FIRST, "fold-01")
        assert file.part(FIRST, "fold-01") == folds["fold-01"][FIRST]
    voice = joined.voice(CLIPS[0], 0).values
    np.testing.assert_array_equal(clip.values[clip.extra["part"] == 0][:, :2], voice[:, [0, 3]])
    material = Material(tmp_path / "early.h5", CLIPS, joined.EMOTIONS)
    assert material.of_fold("fold-01", folds["fold-01"], "train").widths == (2, 3)
    swapped = {clip: {"train": "test", "test": "train"}.get(part, part) for clip, part in folds["fold-01"].items()}
    with pytest.raises(LeakageError, match="learned as a"):
        material.of_fold("fold-01", swapped, "train")


def test_features_of_other_folds_are_refused(tmp_path: Path) -> None:
    joined.write(tmp_path)
    for name, fold in (("one", "fold-00"), ("two", "fold-01")):
        parts = {f"{fold}/{clip.clip_id}": "train" for clip in CLIPS}
        meta = FeatureMeta(name, 1, "float32")
        write_selection(tmp_path / f"{name}.h5", meta, tmp_path / "voice.h5", {fold: np.array([0])}, parts)
    with pytest.raises(SettingsError, match=r"join\.early: learned in folds that differ"):
        write_join(tmp_path / "early.h5", JoinParams(audio=("one", "two")), [tmp_path / "one.h5", tmp_path / "two.h5"])


@pytest.mark.parametrize("block", [{"audio": ["a"]}, {"audio": ["a"], "video": ["a"]}, {}])
def test_fewer_than_two_features(block: dict[str, list[str]]) -> None:
    with pytest.raises(SettingsError, match="two features at least, each once"):
        parse(JoinParams, block, "params.yaml: join.early")


def test_the_ledger_says_which_feature_is_missing_and_loses_what_all_lost() -> None:
    heard = [
        Entry("a", "extract:voice"),
        lost("b", "extract:voice", "no_audio"),
        lost("c", "extract:voice", "no_audio"),
    ]
    seen = [Entry("a", "face"), Entry("b", "face"), lost("c", "face", "no_face")]
    found = {entry.clip_id: entry for entry in join_entries("join:early", [heard, seen])}
    assert [found[clip].status for clip in "abc"] == ["ok", "degraded", "absent"]
    assert (found["b"].reason, found["b"].detail) == ("no_audio", "without extract:voice")
    assert found["c"].detail == "after extract:voice"


def test_each_feature_is_averaged_over_its_own_frames(tmp_path: Path) -> None:
    with FeatureFile(joined.write(tmp_path)) as file:
        clip = file.read(FIRST)
    found = sequence_of(clip, 0.04, timed=True)
    voice = joined.voice(CLIPS[0], 0)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found[0, 1:5], voice.values[:2].mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(found[0, 0], 0.01, rtol=1e-6)
    np.testing.assert_allclose(found[-1, 5:], joined.face(CLIPS[0], 0).values[0])
    assert re.fullmatch(r"(v+)f", "".join("v" if np.isnan(row[-1]) else "f" for row in found))
