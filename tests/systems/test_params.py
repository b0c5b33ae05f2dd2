"""`pipeline.systems.params`: which pairs are fused, what goes into a fusion, and what the ledger says of it."""

from __future__ import annotations

import json
import pickle

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from pipeline.core.errors import SettingsError
from pipeline.core.ledger import Entry
from pipeline.core.settings import parse
from pipeline.systems.ids import ModelId
from pipeline.systems.ledger import fusion_entries
from pipeline.systems.params import SystemParams, fusions, methods

SYSTEM = SystemParams(features={"a60": "audio", "v1024": "video"}, classifiers=("lstm",), fusions=("confidence",))
STACKED = SystemParams(
    features={"a60": "audio", "v1024": "video"},
    classifiers=("lstm", "svm"),
    fused=("lstm",),
    fusions=("logistic_regression", "confidence"),
    stacked={"confidence": ("audio", "video", "audio+video"), "prior_knowledge": ("audio",)},
)
COMBINED = SystemParams(
    features={"vggface": "video", "a60": "audio"},
    classifiers=("temporal", "image_set"),
    also={"vggface-end_to_end": "video", "egemaps-transfer": "audio"},
    fusions=(),
    combined={
        "visual": {"rule": "average", "of": ["vggface-end_to_end", "vggface-image_set"]},
        "audio_visual": {"rule": "weighted", "of": ["visual", "egemaps-transfer", "a60-temporal"]},
        "all": {"rule": "vote", "of": ["audio_visual", "visual"]},
    },
    feedback={"fusion": "audio_visual"},
)
NAME = "confidence-a60+v1024-lstm"
TEST = ["t1", "t2", "t3", "t4"]
FOLDS = {"fold-00": {**dict.fromkeys(TEST, "test"), **dict.fromkeys(["v1", "v2"], "val")}}


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
        video, audio = (model.rsplit("-", 1)[0] for model in fusion.parts)
        assert (features[video], features[audio]) == ("video", "audio"), "video first: it wins ties"
        assert set(fusion.parts) <= set(system.models())


def test_models_go_feature_by_feature():
    system = SystemParams(features={"b": "audio", "a": "video"}, classifiers=("lstm", "svm"), fusions=())
    assert system.models() == ["b-lstm", "b-svm", "a-lstm", "a-svm"]


def test_the_stacked_come_last_and_the_regression_wins_their_ties():
    lr = "logistic_regression-a60+v1024-lstm"
    assert {fusion.name: fusion.parts for fusion in fusions(STACKED)} == {
        lr: ("v1024-lstm", "a60-lstm"),
        NAME: ("v1024-lstm", "a60-lstm"),
        "confidence-logistic_regression+audio-a60+v1024-lstm": (lr, "a60-lstm"),
        "confidence-logistic_regression+video-a60+v1024-lstm": (lr, "v1024-lstm"),
        "confidence-logistic_regression+audio+video-a60+v1024-lstm": (lr, "v1024-lstm", "a60-lstm"),
        "prior_knowledge-logistic_regression+audio-a60+v1024-lstm": (lr, "a60-lstm"),
    }
    assert [fusion.rule for fusion in fusions(STACKED)] == [
        "logistic_regression",
        *["confidence"] * 4,
        "prior_knowledge",
    ]


def test_a_name_tells_its_method():
    for fusion in fusions(STACKED):
        assert fusion.name.startswith(f"{fusion.name.method}-")
        assert fusion.name.rule == fusion.rule
    assert methods(STACKED) == {fusion.name: fusion.name.method for fusion in fusions(STACKED)}
    assert {model.method for model in STACKED.models()} == {""}


def test_a_name_knows_its_parts_also_in_another_process():
    for name in [*STACKED.models(), *(fusion.name for fusion in fusions(STACKED))]:
        again = pickle.loads(pickle.dumps(name))
        assert (again, type(again), vars(again)) == (str(name), type(name), vars(name))
        assert json.loads(json.dumps({name: 1})) == {str(name): 1}
    assert {(name.pair.audio.feature, name.pair.video, name.over) for name in methods(STACKED)} >= {
        ("a60", "v1024-lstm", ()),
        ("a60", "v1024-lstm", ("logistic_regression", "audio", "video")),
    }


@given(st.from_regex(r"\w{1,8}", fullmatch=True), st.from_regex(r"\w{1,8}", fullmatch=True))
def test_a_model_is_named_by_feature_and_classifier(feature, classifier):
    name = ModelId(feature, classifier)
    assert ModelId.parse(str(name)) == name
    assert (ModelId.parse(str(name)).feature, ModelId.parse(str(name)).classifier) == (feature, classifier)


@pytest.mark.parametrize(("fused", "expected"), [(None, ["lstm", "svm"]), (("svm",), ["svm"]), ((), [])])
def test_which_classifiers_are_fused(fused, expected):
    system = SystemParams(**{**STACKED.model_dump(), "fused": fused})
    assert list(dict.fromkeys(fusion.name.pair.classifier for fusion in fusions(system))) == expected
    assert len(system.models()) == 4, "all are trained"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"fused": ("lstmm",)}, "fused: .*'lstmm' is none of the system's classifiers .did you mean 'lstm'"),
        ({"fusions": ("confidence",)}, "stacked: .*logistic_regression; add that to the system's fusions"),
        ({"stacked": {"confidence": ("audio", "smell")}}, "stacked.confidence.1: "),
        ({"features": {"a-60": "audio", "v1024": "video"}}, "features.a-60"),
        ({"stackd": {}}, "did you mean 'stacked'"),
        ({"headline": ["a60-lstmm"]}, "headline: .*neither a model nor a name of `combined` .did you mean 'a60-lstm'"),
        ({"headline": []}, "headline"),
    ],
)
def test_mistakes_are_told_in_one_line(change, words):
    with pytest.raises(SettingsError, match=words) as caught:
        parse(SystemParams, {**STACKED.model_dump(), **change}, "params.yaml: systems.x")
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("params.yaml: systems.x.")


def test_further_models_come_last():
    assert COMBINED.models() == [*COMBINED.crossed(), "vggface-end_to_end", "egemaps-transfer"]
    assert COMBINED.crossed() == ["vggface-temporal", "vggface-image_set", "a60-temporal", "a60-image_set"]


def test_a_combined_fusion_is_made_of_models_and_of_earlier_ones():
    visual, both = "combined-visual-average", "combined-audio_visual-weighted"
    assert [(fusion.name, fusion.rule, fusion.parts) for fusion in fusions(COMBINED)] == [
        (visual, "average", ("vggface-end_to_end", "vggface-image_set")),
        (both, "weighted", (visual, "egemaps-transfer", "a60-temporal")),
        ("combined-all-vote", "vote", (both, visual)),
    ]
    assert set(methods(COMBINED).values()) == {"combined"}


def test_combined_fusions_come_after_all_others():
    system = SystemParams(
        **{**STACKED.model_dump(), "combined": {"x": {"rule": "average", "of": ["a60-lstm", "v1024-svm"]}}}
    )
    found = list(fusions(system))
    assert found[:-1] == list(fusions(STACKED))
    assert found[-1].name == "combined-x-average"


def test_defaults_of_the_feedback_loop_and_of_a_system_without():
    assert (COMBINED.feedback.steps, COMBINED.feedback.rate) == (10, 1.0)
    assert (SYSTEM.also, SYSTEM.combined, SYSTEM.feedback) == ({}, {}, None)


AVERAGE = {"rule": "average", "of": ["vggface-temporal", "a60-temporal"]}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"also": {"vggface": "video"}}, "'vggface' names no model; write <feature>-<classifier>"),
        ({"also": {"a-b-c": "video"}}, "'a-b-c' names no model"),
        ({"also": {"vggface-temporal": "video"}}, "also: .*'vggface-temporal' is a model of the system already"),
        ({"also": {"x-svm": "smell"}}, "also.x-svm: Input should be 'audio', 'video' or 'joint'"),
        ({"combined": {"a-b": AVERAGE}}, "combined.a-b"),
        ({"combined": {"a": {**AVERAGE, "of": ["vggface-temporal"]}}}, "combined.a.of: "),
        ({"combined": {"a": {**AVERAGE, "role": "vote"}}}, "combined.a.role: no such setting .did you mean 'rule'"),
        (
            {"combined": {"a": {**AVERAGE, "of": ["vggface-temporl", "a60-temporal"]}}},
            (
                "combined: .*'a' is made of 'vggface-temporl', which is neither a model nor an earlier name .did "
                "you mean 'vggface-temporal'"
            ),
        ),
        (
            {"combined": {"visual": AVERAGE, "a": {"rule": "vote", "of": ["visuall", "a60-temporal"]}}},
            "which is neither a model nor an earlier name .did you mean 'visual'",
        ),
        (
            {"combined": {"a": {"rule": "vote", "of": ["late", "a60-temporal"]}, "late": AVERAGE}},
            "'a' is made of 'late', which comes later; put 'late' first",
        ),
        ({"combined": {"a": {"rule": "vote", "of": ["a", "a60-temporal"]}}}, "'a' is made of 'a', which is neither"),
        (
            {"feedback": {"fusion": "audio_visul"}},
            "feedback: .*'audio_visul' is no combined fusion .*did you mean 'audio_visual'",
        ),
        ({"feedback": {"fusion": "visual"}}, "feedback: .*'visual' is no combined fusion with the rule weighted"),
        ({"feedback": {"fusion": "audio_visual", "steps": 0}}, "feedback.steps: "),
        ({"feedback": {"fusion": "audio_visual", "rat": 1}}, "feedback.rat: no such setting .did you mean 'rate'"),
    ],
)
def test_mistakes_in_combined_fusions_are_told_in_one_line(change, words):
    with pytest.raises(SettingsError, match=words) as caught:
        parse(SystemParams, {**COMBINED.model_dump(), **change}, "params.yaml: systems.x")
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("params.yaml: systems.x.")


@pytest.mark.parametrize(
    "change", [{"features": {}}, {"features": {"a60": "smell"}}, {"classifiers": ()}, {"fusion": ()}]
)
def test_settings_that_make_no_system(change):
    with pytest.raises(ValidationError):
        SystemParams(**{**SYSTEM.model_dump(), **change})


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
        ([], False, "failed", "no_input", ""),
    ],
)
def test_ledger_of_a_fusion(upstream, judged, status, reason, detail):
    rows = pd.DataFrame({"model": [NAME] * 4, "clip_id": TEST if judged else [*TEST[1:], "t2"]})
    found = {entry.clip_id: entry for entry in fusion_entries(SYSTEM, rows, FOLDS, upstream)}
    assert list(found) == TEST, "every tested clip, once"
    assert found["t1"] == Entry("t1", f"fuse:{NAME}", status, reason, detail)


@pytest.mark.parametrize(
    ("lost", "statuses", "detail"),
    [
        (["v1024-lstm"], {"degraded"}, "without v1024-lstm"),
        (["a60-lstm"], {"degraded"}, "without a60-lstm"),
        (["v1024-svm"], {"ok"}, ""),
    ],
)
def test_what_a_stacked_fusion_lacks_is_found_through_both_levels(lost, statuses, detail):
    names = [fusion.name for fusion in fusions(STACKED)]
    rows = pd.DataFrame([{"model": name, "clip_id": clip_id} for name in names for clip_id in TEST])
    upstream = [failed("t1", model, "no_face") for model in lost]
    entries = [e for e in fusion_entries(STACKED, rows, FOLDS, upstream) if e.clip_id == "t1"]
    assert [e.stage for e in entries] == [f"fuse:{name}" for name in names]
    assert {e.status for e in entries} == statuses
    assert {e.detail for e in entries} == {detail}


@pytest.mark.parametrize(
    ("lost", "expected"),
    [
        (["vggface-end_to_end"], ["degraded", "degraded", "degraded"]),
        (["egemaps-transfer"], ["ok", "degraded", "degraded"]),
        (["vggface-temporal"], ["ok", "ok", "ok"]),
    ],
)
def test_what_a_combined_fusion_lacks_is_found_through_all_levels(lost, expected):
    names = [fusion.name for fusion in fusions(COMBINED)]
    rows = pd.DataFrame([{"model": name, "clip_id": clip_id} for name in names for clip_id in TEST])
    upstream = [failed("t1", model, "no_face") for model in lost]
    entries = [e for e in fusion_entries(COMBINED, rows, FOLDS, upstream) if e.clip_id == "t1"]
    assert [e.status for e in entries] == expected
    assert {e.detail for e in entries if e.status != "ok"} <= {f"without {lost[0]}"}


@pytest.mark.parametrize(
    ("baselines", "message"),
    [
        ({"mfcc39-svm": ["a60-lstm"]}, ""),
        ({"mfcc-svm": ["a60-lstm"]}, "'mfcc-svm' is none of `also` of the system .did you mean 'mfcc39-svm'"),
        ({"a60-lstm": ["a60-lstm"]}, "'a60-lstm' is none of `also`"),
        ({"mfcc39-svm": ["a61-lstm"]}, "'a61-lstm' is none of the models of the system .did you mean 'a60-lstm'"),
    ],
)
def test_baselines_are_further_models_beside_models(baselines, message):
    given = {"features": {"a60": "audio"}, "classifiers": ["lstm"], "also": {"mfcc39-svm": "audio"}, "fusions": []}
    if message:
        with pytest.raises(SettingsError, match=message):
            parse(SystemParams, {**given, "baselines": baselines}, "params.yaml: systems.mine")
        return
    found = parse(SystemParams, {**given, "baselines": baselines}, "params.yaml: systems.mine")
    assert (found.models(), found.own()) == (["a60-lstm", "mfcc39-svm"], ["a60-lstm"])
