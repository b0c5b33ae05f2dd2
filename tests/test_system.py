"""`pipeline.system`: which pairs are fused, what goes into a fusion, and what the ledger says of it."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError
from sklearn.linear_model import LogisticRegression

from pipeline.core.clip import Clip
from pipeline.core.errors import SettingsError
from pipeline.core.ledger import Entry
from pipeline.posteriors import probabilities, table
from pipeline.system import SystemParams, fuse_all, fusion_entries, fusions

CLASSES = ["anger", "sad"]
SYSTEM = SystemParams(features={"a60": "audio", "v1024": "video"}, classifiers=("lstm",), fusions=("confidence",))
NAME = "confidence-a60+v1024-lstm"
TEST = ["t1", "t2", "t3", "t4"]
VAL = ["v1", "v2", "v3", "v4"]
EMOTION = {"t1": "anger", "t2": "sad", "t3": "anger", "t4": "sad", "v1": "anger", "v2": "sad", "v3": "anger", "v4": "sad"}
CLIPS = [Clip(i, f"{i}.mp4", f"s{i[0]}", emotion) for i, emotion in EMOTION.items()]
FOLDS = {"fold-00": {i: "test" if i in TEST else "val" for i in EMOTION}}
VIDEO = {"t1": (0.9, 0.1), "t2": (0.6, 0.4), "t3": (0.75, 0.25), "v1": (0.8, 0.2), "v2": (0.4, 0.6), "v3": (0.7, 0.3), "v4": (0.1, 0.9)}
AUDIO = {"t1": (0.4, 0.6), "t2": (0.1, 0.9), "t3": (0.25, 0.75), "t4": (0.3, 0.7), "v1": (0.6, 0.4), "v2": (0.3, 0.7), "v4": (0.4, 0.6)}


def frame(model: str, rows: dict[str, tuple[float, float]]) -> pd.DataFrame:
    by_id = {clip.clip_id: clip for clip in CLIPS}
    parts = []
    for part in ("val", "test"):
        ids = [i for i in rows if FOLDS["fold-00"][i] == part]
        parts.append(table(model, "fold-00", part, [by_id[i] for i in ids], np.array([rows[i] for i in ids]), CLASSES))
    return pd.concat(parts, ignore_index=True)


def tables(video=VIDEO, audio=AUDIO):
    return {"v1024-lstm": frame("v1024-lstm", video), "a60-lstm": frame("a60-lstm", audio)}


def fused(system=SYSTEM, settings=None, **given):
    return fuse_all(system, settings or {}, tables(**given), CLIPS, FOLDS, CLASSES)


def rows_of(result, name):
    chosen = result[result["model"] == name]
    return dict(zip(chosen["clip_id"], probabilities(chosen, CLASSES).tolist(), strict=True))


@pytest.mark.parametrize(
    ("features", "classifiers", "rules", "expected"),
    [
        ({"a60": "audio", "v1024": "video"}, ["lstm"], ["confidence"], [NAME]),
        (
            {"lld147": "audio", "a60": "audio", "v1024": "video"},
            ["lstm", "svm"],
            ["logistic_regression"],
            [f"logistic_regression-{audio}+v1024-{c}" for c in ("lstm", "svm") for audio in ("lld147", "a60")],
        ),
        ({"v1024": "video", "a60": "audio"}, ["svm"], ["b", "a"], ["b-a60+v1024-svm", "a-a60+v1024-svm"]),
        ({"a60": "audio"}, ["lstm"], ["confidence"], []),
        ({"v1024": "video"}, ["lstm"], ["confidence"], []),
        ({"a60": "audio", "v1024": "video"}, ["lstm"], [], []),
    ],
)
def test_every_pair_of_audio_and_video_is_fused(features, classifiers, rules, expected):
    system = SystemParams(features=features, classifiers=classifiers, fusions=rules)
    assert [fusion.name for fusion in fusions(system)] == expected
    for fusion in fusions(system):
        video, audio = (model.rsplit("-", 1)[0] for model in fusion.models)
        assert (features[video], features[audio]) == ("video", "audio"), "video first: it wins ties"
        assert set(fusion.models) <= set(system.models())


def test_models_go_feature_by_feature():
    system = SystemParams(features={"b": "audio", "a": "video"}, classifiers=("lstm", "svm"), fusions=())
    assert system.models() == ["b-lstm", "b-svm", "a-lstm", "a-svm"]


@pytest.mark.parametrize("change", [{"features": {}}, {"features": {"a60": "smell"}}, {"classifiers": ()}, {"fusion": ()}])
def test_settings_that_make_no_system(change):
    with pytest.raises(ValidationError):
        SystemParams(**{**SYSTEM.model_dump(), **change})


def test_fused_by_hand():
    """t1: video leads by 0.8 to 0.2; t2: audio by 0.8 to 0.2; t3: equal, so video; t4: audio alone."""
    result, learned = fused()
    assert rows_of(result, NAME) == {"t1": [0.9, 0.1], "t2": [0.1, 0.9], "t3": [0.75, 0.25], "t4": [0.3, 0.7]}
    assert learned == {NAME: {"fold-00": {}}}
    chosen = result[result["model"] == NAME].set_index("clip_id")
    assert chosen["predicted"].to_dict() == {"t1": "anger", "t2": "sad", "t3": "anger", "t4": "sad"}
    assert chosen["emotion"].to_dict() == {i: EMOTION[i] for i in TEST}
    assert set(chosen["part"]) == {"test"}


def test_unimodal_rows_go_along_and_only_test_clips():
    result, _ = fused()
    assert list(dict.fromkeys(result["model"])) == ["v1024-lstm", "a60-lstm", NAME]
    assert set(result["clip_id"]) == set(TEST)
    assert rows_of(result, "v1024-lstm") == {i: list(VIDEO[i]) for i in TEST[:3]}


def test_a_clip_without_any_modality_has_no_row():
    audio = {i: row for i, row in AUDIO.items() if i != "t4"}
    result, _ = fused(audio=audio)
    assert set(rows_of(result, NAME)) == {"t1", "t2", "t3"}


LR = SystemParams(**{**SYSTEM.model_dump(), "fusions": ("logistic_regression",)})


def test_logistic_regression_learns_from_validation_alone():
    settings = {"logistic_regression": {"c": 1.0}}
    result, learned = fused(LR, settings)
    both = ["v1", "v2", "v4"]
    rows = [[*VIDEO[i], *AUDIO[i]] for i in both]
    model = LogisticRegression(C=1.0).fit(rows, [EMOTION[i] for i in both])
    found = rows_of(result, "logistic_regression-a60+v1024-lstm")
    expected = model.predict_proba([[*VIDEO[i], *AUDIO[i]] for i in TEST[:3]])
    np.testing.assert_allclose([found[i] for i in TEST[:3]], expected, atol=1e-4)
    # other test posteriors leave what was learned alone
    _, again = fused(LR, settings, video={**VIDEO, "t1": (0.0, 1.0), "t2": (0.0, 1.0)})
    assert again == learned
    assert json.loads(json.dumps(learned)) == learned


def test_each_fold_learns_for_itself():
    folds = {"fold-00": FOLDS["fold-00"], "fold-01": {i: {"test": "val", "val": "test"}[p] for i, p in FOLDS["fold-00"].items()}}
    second = {name: f.assign(fold="fold-01", part=f["part"].map({"test": "val", "val": "test"})) for name, f in tables().items()}
    both = {name: pd.concat([f, second[name]], ignore_index=True) for name, f in tables().items()}
    result, learned = fuse_all(LR, {"logistic_regression": {"c": 1.0}}, both, CLIPS, folds, CLASSES)
    states = learned["logistic_regression-a60+v1024-lstm"]
    assert list(states) == ["fold-00", "fold-01"]
    assert states["fold-00"] != states["fold-01"]
    chosen = result[result["model"] == "logistic_regression-a60+v1024-lstm"]
    assert chosen.groupby("fold")["clip_id"].apply(set).to_dict() == {"fold-00": set(TEST), "fold-01": set(VAL)}


@pytest.mark.parametrize(
    ("system", "settings", "words"),
    [
        (LR, {}, "fuse.logistic_regression.c"),
        (LR, {"logistic_regression": {"c": -1}}, "fuse.logistic_regression.c"),
        (SYSTEM, {"confidence": {"c": 1}}, "fuse.confidence.c: no such setting"),
        (SystemParams(**{**SYSTEM.model_dump(), "fusions": ("confidenze",)}), {}, "did you mean 'confidence'"),
    ],
)
def test_mistakes_in_the_settings_are_told_in_one_line(system, settings, words):
    with pytest.raises(SettingsError, match=words) as caught:
        fused(system, settings)
    assert "\n" not in str(caught.value)


def failed(clip_id: str, model: str, reason: str) -> Entry:
    return Entry(clip_id, f"train:{model}", "failed", reason, "after x")


@pytest.mark.parametrize(
    ("upstream", "judged", "status", "reason", "detail"),
    [
        ([], True, "ok", "", ""),
        ([failed("t1", "v1024-lstm", "no_face")], True, "degraded", "no_face", "without v1024-lstm"),
        ([failed("t1", "a60-lstm", "no_audio")], True, "degraded", "no_audio", "without a60-lstm"),
        (
            [failed("t1", "v1024-lstm", "no_face"), failed("t1", "a60-lstm", "no_audio")],
            False,
            "failed",
            "no_face",
            "without v1024-lstm, a60-lstm",
        ),
        ([failed("t1", "other-svm", "no_face")], True, "ok", "", ""),
        ([failed("t2", "v1024-lstm", "no_face")], True, "ok", "", ""),
        ([Entry("t1", "train:v1024-lstm")], True, "ok", "", ""),
    ],
)
def test_ledger_of_a_fusion(upstream, judged, status, reason, detail):
    rows = pd.DataFrame({"model": [NAME] * 4, "clip_id": TEST if judged else [*TEST[1:], "t2"]})
    found = {entry.clip_id: entry for entry in fusion_entries(SYSTEM, rows, FOLDS, upstream)}
    assert list(found) == TEST, "every tested clip, once"
    assert found["t1"] == Entry("t1", f"fuse:{NAME}", status, reason, detail)


def test_ledger_agrees_with_the_table():
    result, _ = fused(audio={i: row for i, row in AUDIO.items() if i != "t4"})
    upstream = [failed("t4", "v1024-lstm", "no_face"), failed("t4", "a60-lstm", "silent")]
    found = {entry.clip_id: entry.status for entry in fusion_entries(SYSTEM, result, FOLDS, upstream)}
    assert found == {"t1": "ok", "t2": "ok", "t3": "ok", "t4": "failed"}
