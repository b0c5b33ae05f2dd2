"""The leakage guard: fits on other clips than the fold's training clips, features learned with other splits."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.classification.classifiers import linear_svm
from pipeline.core.clip import Clip
from pipeline.core.errors import LeakageError
from pipeline.core.store import ClipFeatures, FeatureFile, FeatureMeta
from pipeline.core.store_writer import write_features
from pipeline.protocols.leakage import check_fit, check_learned, part_keys
from pipeline.training.datasets import Dataset, Scaler
from pipeline.training.material import Material

META = FeatureMeta("toy", 2, "float32")
SPLITS = {"fold-00": {"a": "train", "b": "val", "c": "test"}, "fold-01": {"a": "test", "b": "train", "c": "val"}}


def clip_of(value: float) -> ClipFeatures:
    return ClipFeatures(np.full((3, 2), value, np.float32), np.arange(3.0), np.ones(3, bool))


def written(path, parts=None):
    clips = [(f"{fold}/{clip_id}", clip_of(1.0)) for fold in SPLITS for clip_id in "abc"]
    write_features(path, META, clips, parts)
    return path


@pytest.mark.parametrize("part", ["val", "test", "train+test", ""])
def test_only_training_clips_are_fitted_on(part):
    check_fit("train", "a scaler")
    with pytest.raises(LeakageError, match=f"a scaler was about to be fitted on {part.replace('+', '.')} clips"):
        check_fit(part, "a scaler")


def test_a_classifier_that_scales_by_all_clips_is_caught():
    class Leaking(linear_svm.Classifier):
        def fit(self, train, val):
            everything = Dataset(
                [*train.ids, *val.ids], [*train.sequences, *val.sequences], np.append(train.labels, val.labels), "all"
            )
            self.scaler = Scaler.of(everything, self.rows(everything))
            return super().fit(train, val)

    rng = np.random.default_rng(0)
    clips = [rng.standard_normal((4, 2)).astype(np.float32) for _ in range(8)]
    train = Dataset(list("abcd"), clips[:4], np.array([0, 1, 0, 1]), "train")
    val = Dataset(list("efgh"), clips[4:], np.array([0, 1, 0, 1]), "val")
    params = linear_svm.Params(c=(1.0,), balanced=False, pooling="average")
    linear_svm.Classifier(params, 2).fit(train, val)
    with pytest.raises(LeakageError, match="a scaler"):
        Leaking(params, 2).fit(train, val)
    with pytest.raises(LeakageError):
        linear_svm.Classifier(params, 2).fit(val, train)


def test_each_clip_carries_the_part_it_had(tmp_path):
    path = written(tmp_path / "f.h5", part_keys(SPLITS, "abc"))
    with FeatureFile(path) as file:
        assert {(f, c): file.part(c, f) for f in SPLITS for c in "abc"} == {
            (f, c): SPLITS[f][c] for f in SPLITS for c in "abc"
        }


def test_a_feature_learned_by_these_splits_is_read(tmp_path):
    path = written(tmp_path / "f.h5", part_keys(SPLITS, "abc"))
    clips = [Clip(name, f"{name}.wav", name, "anger") for name in "abc"]
    for fold in SPLITS:
        for part in ("train", "val", "test"):
            found = Material(path, clips, ["anger"]).of_fold(fold, SPLITS[fold], part)
            assert found.part == part
            assert found.ids == [c for c in "abc" if SPLITS[fold][c] == part]


def test_a_feature_that_learned_from_a_test_clip_is_refused(tmp_path):
    leaking = part_keys(SPLITS, "abc") | {"fold-00/c": "train"}  # the scaler of fold-00 saw all clips
    path = written(tmp_path / "f.h5", leaking)
    clips = [Clip(name, f"{name}.wav", name, "anger") for name in "abc"]
    Material(path, clips, ["anger"]).of_fold("fold-00", SPLITS["fold-00"], "train")
    with pytest.raises(LeakageError, match=r"fold-00/c: learned as a train clip, but it is a test clip"):
        Material(path, clips, ["anger"]).of_fold("fold-00", SPLITS["fold-00"], "test")


def test_a_feature_without_a_note_is_refused(tmp_path):
    path = written(tmp_path / "f.h5")
    clips = [Clip("a", "a.wav", "a", "anger")]
    with pytest.raises(LeakageError, match="without a note of its part"):
        Material(path, clips, ["anger"]).of_fold("fold-00", SPLITS["fold-00"], "train")


def test_check_learned():
    check_learned("f", "test", "test")
    with pytest.raises(LeakageError, match="rerun the stage"):
        check_learned("f", "val", "test")


def test_part_keys_of_clips_outside_a_fold():
    assert part_keys({"fold-00": {"a": "train"}}, ["a", "z"]) == {"fold-00/a": "train", "fold-00/z": ""}
