"""Late fusion: learned on validation posteriors alone, applied to the test clips, at one level or two."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from pipeline.core.clip import Clip
from pipeline.core.errors import SettingsError
from pipeline.core.ledger import Entry
from pipeline.core.posteriors import probabilities, table
from pipeline.evaluation.choice import CHOSEN, chosen_by_fold, chosen_rows
from pipeline.fusion.per_fold import fuse_all
from pipeline.fusion.rules import average, confidence, logistic_regression, prior_knowledge, stacking, weighted
from pipeline.protocols.held_out import deal
from pipeline.systems.contenders import contenders
from pipeline.systems.ledger import fusion_entries
from pipeline.systems.params import SystemParams, fusions

pytestmark = pytest.mark.slow

CLASSES = ["anger", "sad"]
SYSTEM = SystemParams(features={"a60": "audio", "v1024": "video"}, classifiers=("lstm",), fusions=("confidence",))
NAME = "confidence-a60+v1024-lstm"
TEST = ["t1", "t2", "t3", "t4"]
VAL = ["v1", "v2", "v3", "v4"]
EMOTION = {
    "t1": "anger",
    "t2": "sad",
    "t3": "anger",
    "t4": "sad",
    "v1": "anger",
    "v2": "sad",
    "v3": "anger",
    "v4": "sad",
}
CLIPS = [Clip(i, f"{i}.mp4", f"s{i[0]}", emotion) for i, emotion in EMOTION.items()]
FOLDS = {"fold-00": {i: "test" if i in TEST else "val" for i in EMOTION}}
VIDEO = {
    "t1": (0.9, 0.1),
    "t2": (0.6, 0.4),
    "t3": (0.75, 0.25),
    "v1": (0.8, 0.2),
    "v2": (0.4, 0.6),
    "v3": (0.7, 0.3),
    "v4": (0.1, 0.9),
}
AUDIO = {
    "t1": (0.4, 0.6),
    "t2": (0.1, 0.9),
    "t3": (0.25, 0.75),
    "t4": (0.3, 0.7),
    "v1": (0.6, 0.4),
    "v2": (0.3, 0.7),
    "v4": (0.4, 0.6),
}


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
    rows, _, learned = fuse_all(system, settings or {}, tables(**given), CLIPS, FOLDS, CLASSES)
    return rows, learned


def rows_of(result, name):
    chosen = result[result["model"] == name]
    return dict(zip(chosen["clip_id"], probabilities(chosen, CLASSES).tolist(), strict=True))


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
    settings = {"logistic_regression": {"c": [1.0]}}
    result, learned = fused(LR, settings)
    both = ["v1", "v2", "v4"]
    rows = [[*VIDEO[i], *AUDIO[i]] for i in both]
    model = LogisticRegression(C=1.0, tol=1e-8, max_iter=1000).fit(rows, [EMOTION[i] for i in both])
    found = rows_of(result, "logistic_regression-a60+v1024-lstm")
    expected = model.predict_proba([[*VIDEO[i], *AUDIO[i]] for i in TEST[:3]])
    np.testing.assert_allclose([found[i] for i in TEST[:3]], expected, atol=1e-4)
    # other test posteriors leave what was learned alone
    _, again = fused(LR, settings, video={**VIDEO, "t1": (0.0, 1.0), "t2": (0.0, 1.0)})
    assert again == learned
    assert json.loads(json.dumps(learned)) == learned


def test_each_fold_learns_for_itself():
    folds = {
        "fold-00": FOLDS["fold-00"],
        "fold-01": {i: {"test": "val", "val": "test"}[p] for i, p in FOLDS["fold-00"].items()},
    }
    second = {
        name: f.assign(fold="fold-01", part=f["part"].map({"test": "val", "val": "test"}))
        for name, f in tables().items()
    }
    both = {name: pd.concat([f, second[name]], ignore_index=True) for name, f in tables().items()}
    result, _, learned = fuse_all(LR, {"logistic_regression": {"c": [1.0]}}, both, CLIPS, folds, CLASSES)
    states = learned["logistic_regression-a60+v1024-lstm"]
    assert list(states) == ["fold-00", "fold-01"]
    assert states["fold-00"] != states["fold-01"]
    chosen = result[result["model"] == "logistic_regression-a60+v1024-lstm"]
    assert chosen.groupby("fold")["clip_id"].apply(set).to_dict() == {"fold-00": set(TEST), "fold-01": set(VAL)}


@pytest.mark.parametrize(
    ("system", "settings", "words"),
    [
        (LR, {}, "fuse.logistic_regression.c"),
        (LR, {"logistic_regression": {"c": [-1]}}, "fuse.logistic_regression.c"),
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


def test_ledger_agrees_with_the_table():
    result, _ = fused(audio={i: row for i, row in AUDIO.items() if i != "t4"})
    upstream = [failed("t4", "v1024-lstm", "no_face"), failed("t4", "a60-lstm", "silent")]
    found = {entry.clip_id: entry.status for entry in fusion_entries(SYSTEM, result, FOLDS, upstream)}
    assert found == {"t1": "ok", "t2": "ok", "t3": "ok", "t4": "failed"}


# Two levels, on random posteriors: three emotions, eight speakers, two folds.

EMOTIONS = ["anger", "happy", "sad"]
STACKED = SystemParams(
    features={"a60": "audio", "v1024": "video"},
    classifiers=("lstm",),
    fusions=("logistic_regression", "confidence", "prior_knowledge"),
    stacked={"confidence": ("audio", "video", "audio+video"), "prior_knowledge": ("audio", "video")},
)
FUSE = {"logistic_regression": {"c": [0.1, 10.0]}}
LR_NAME = "logistic_regression-a60+v1024-lstm"
PEOPLE = [Clip(f"s{s}-{n}", "x.mp4", f"s{s}", EMOTIONS[n % 3]) for s in range(8) for n in range(6)]


def two_folds(validation: int) -> dict[str, dict[str, str]]:
    """Test on speakers 0 and 1, then on 2 and 3; validate on the `validation` last ones."""
    parts = []
    for tested in (("s0", "s1"), ("s2", "s3")):
        val = {f"s{s}" for s in range(8 - validation, 8)}
        parts.append(
            {c.clip_id: "test" if c.speaker in tested else "val" if c.speaker in val else "train" for c in PEOPLE}
        )
    return {f"fold-{n:02d}": part for n, part in enumerate(parts)}


def random_tables(seed: int, folds, missing: float = 0.15, models=None) -> dict[str, pd.DataFrame]:
    rng = np.random.default_rng(seed)
    found = {}
    for model in models or STACKED.models():
        frames = []
        for name, fold in folds.items():
            for part in ("val", "test"):
                chosen = [c for c in PEOPLE if fold[c.clip_id] == part and rng.random() > missing]
                rows = (
                    rng.dirichlet(np.ones(3), len(chosen))
                    + 0.6 * np.eye(3)[[EMOTIONS.index(c.emotion) for c in chosen]]
                )
                frames.append(table(model, name, part, chosen, np.round(rows / 1.6, 6), EMOTIONS))
        found[model] = pd.concat(frames, ignore_index=True)
    return found


def arrays(tables, folds, fold: str, part: str):
    """Return clips, scores (2, N, C) video first, labels."""
    clips = [c for c in PEOPLE if folds[fold][c.clip_id] == part]
    scores = np.full((2, len(clips), 3), np.nan)
    for number, model in enumerate(("v1024-lstm", "a60-lstm")):
        rows = tables[model]
        rows = rows[(rows["fold"] == fold) & (rows["part"] == part)].set_index("clip_id")
        for index, clip in enumerate(clips):
            if clip.clip_id in rows.index:
                scores[number, index] = rows.loc[clip.clip_id, [f"p_{e}" for e in EMOTIONS]].to_numpy(float)
    return clips, scores, np.array([EMOTIONS.index(c.emotion) for c in clips])


@pytest.mark.parametrize(("validation", "parts"), [(3, 3), (2, 5), (1, 5)])
def test_two_levels_by_hand(validation, parts):
    """The second level, step by step: regression cross-fitted inside validation, d from that, the test as usual."""
    folds = two_folds(validation)
    tables = random_tables(0, folds)
    result, validated, learned = fuse_all(STACKED, FUSE, tables, PEOPLE, folds, EMOTIONS)
    params = logistic_regression.Params(**FUSE["logistic_regression"])
    for fold in folds:
        val_clips, val, labels = arrays(tables, folds, fold, "val")
        test_clips, test, _ = arrays(tables, folds, fold, "test")
        speakers = np.array([c.speaker for c in val_clips])
        held = speakers if validation >= 3 else deal(labels)
        assert len(set(held)) == parts
        unseen = np.full(val.shape[1:], np.nan)
        for part in set(held):
            state = logistic_regression.fit(params, val[:, held != part], labels[held != part], speakers[held != part])
            unseen[held == part] = logistic_regression.fuse(val[:, held == part], state)
        full = logistic_regression.fit(params, val, labels, speakers)
        regression = logistic_regression.fuse(test, full)
        assert learned[LR_NAME][fold] == full
        assert not np.allclose(unseen, logistic_regression.fuse(val, full), equal_nan=True), "not in-sample"
        check(validated, LR_NAME, fold, val_clips, unseen)
        for partners, chosen in {"audio": [1], "video": [0], "audio+video": [0, 1]}.items():
            stacked = np.stack([regression, *test[chosen]])
            check(
                result,
                f"confidence-logistic_regression+{partners}-a60+v1024-lstm",
                fold,
                test_clips,
                confidence.fuse(stacked, {}),
            )
            if partners != "audio+video":
                name = f"prior_knowledge-logistic_regression+{partners}-a60+v1024-lstm"
                state = prior_knowledge.fit(prior_knowledge.Params(), np.stack([unseen, *val[chosen]]), labels)
                assert learned[name][fold] == state
                check(result, name, fold, test_clips, prior_knowledge.fuse(stacked, state))


def check(result, name, fold, clips, expected):
    rows = result[(result["model"] == name) & (result["fold"] == fold)]
    judged = ~np.isnan(expected).any(axis=1)
    assert rows["clip_id"].tolist() == [c.clip_id for c, j in zip(clips, judged, strict=True) if j]
    np.testing.assert_array_equal(probabilities(rows, EMOTIONS), expected[judged])


@settings(deadline=None, max_examples=2)
@given(st.integers(0, 2**32 - 1), st.integers(1, 4))
def test_labels_of_the_test_clips_change_no_decision_and_no_d(seed, validation):
    folds = two_folds(validation)
    tables = random_tables(seed, folds)
    result, _, learned = fuse_all(STACKED, FUSE, tables, PEOPLE, folds, EMOTIONS)
    rng = np.random.default_rng(seed + 1)
    validated = {i for fold in folds.values() for i, part in fold.items() if part == "val"}
    other = [
        c if c.clip_id in validated else Clip(c.clip_id, c.path, c.speaker, str(rng.choice(EMOTIONS))) for c in PEOPLE
    ]
    relabelled = {model: frame.assign(emotion="anger") for model, frame in tables.items()}
    again, _, learned_again = fuse_all(STACKED, FUSE, relabelled, other, folds, EMOTIONS)
    assert learned_again == learned
    kept = [column for column in result.columns if column != "emotion"]
    pd.testing.assert_frame_equal(result[kept], again[kept])


def test_labels_of_validation_clips_do_change_d():
    folds = two_folds(3)
    tables = random_tables(3, folds)
    _, _, learned = fuse_all(STACKED, FUSE, tables, PEOPLE, folds, EMOTIONS)
    turned = [Clip(c.clip_id, c.path, c.speaker, EMOTIONS[(EMOTIONS.index(c.emotion) + 1) % 3]) for c in PEOPLE]
    _, _, other = fuse_all(STACKED, FUSE, tables, turned, folds, EMOTIONS)
    name = "prior_knowledge-logistic_regression+audio-a60+v1024-lstm"
    assert other[name] != learned[name]


def test_a_regression_that_learns_nothing_is_not_favoured():
    """Posteriors without any information: in-sample the regression looks good on them, out of fold it must not."""
    folds = two_folds(4)
    rng = np.random.default_rng(0)
    tables = {
        model: frame.assign(
            **{f"p_{e}": column for e, column in zip(EMOTIONS, rng.dirichlet(np.ones(3), len(frame)).T, strict=True)}
        )
        for model, frame in random_tables(0, folds, missing=0).items()
    }
    _, _, learned = fuse_all(STACKED, {"logistic_regression": {"c": [100.0]}}, tables, PEOPLE, folds, EMOTIONS)
    for fold in folds:
        _, val, labels = arrays(tables, folds, fold, "val")
        in_sample = (logistic_regression.fuse(val, learned[LR_NAME][fold]).argmax(axis=1) == labels).mean()
        out_of_fold = learned["prior_knowledge-logistic_regression+audio-a60+v1024-lstm"][fold]["micro_f1"][0]
        assert out_of_fold < in_sample - 0.05


def test_missing_modalities_go_through_both_levels():
    folds = two_folds(3)
    tables = random_tables(1, folds, missing=0)
    lost = {"v1024-lstm": {"s0-0", "s0-1"}, "a60-lstm": {"s0-1", "s0-2"}}
    tables = {model: frame[~frame["clip_id"].isin(lost[model])] for model, frame in tables.items()}
    result, _, _ = fuse_all(STACKED, FUSE, tables, PEOPLE, folds, EMOTIONS)
    upstream = [failed(clip_id, model, "no_face") for model, ids in lost.items() for clip_id in ids]
    entries = {(e.stage, e.clip_id): (e.status, e.detail) for e in fusion_entries(STACKED, result, folds, upstream)}
    for fusion in fusions(STACKED):
        rows = set(result.loc[result["model"] == fusion.name, "clip_id"])
        assert {"s0-0", "s0-2"} <= rows, "judged from what is left"
        assert "s0-1" not in rows, fusion.name
        assert entries[f"fuse:{fusion.name}", "s0-0"] == ("degraded", "without v1024-lstm")
        assert entries[f"fuse:{fusion.name}", "s0-1"][0] == "failed"
        assert entries[f"fuse:{fusion.name}", "s0-2"] == ("degraded", "without a60-lstm")
        assert entries[f"fuse:{fusion.name}", "s0-3"] == ("ok", "")


# Combined fusions, which a system names: over any number of models, and over each other.

COMBINED = SystemParams(
    features={"v1024": "video", "a60": "audio"},
    classifiers=("lstm",),
    also={"x-svm": "joint"},
    fusions=(),
    combined={
        "visual": {"rule": "average", "of": ["v1024-lstm", "x-svm"]},
        "searched": {"rule": "weighted", "of": ["x-svm", "visual", "a60-lstm"]},
        "late": {"rule": "weighted", "of": ["searched", "a60-lstm"]},
    },
)
WEIGHTED = {"weighted": {"candidates": [0, 1], "node_limit": 5000}}


def parts_of_combined(tables, folds, fold, part):
    """Return clips, the scores of v1024, x and a60 (3, N, C), labels."""
    clips = [c for c in PEOPLE if folds[fold][c.clip_id] == part]
    found = np.full((3, len(clips), 3), np.nan)
    for number, model in enumerate(("v1024-lstm", "x-svm", "a60-lstm")):
        rows = tables[model]
        rows = rows[(rows["fold"] == fold) & (rows["part"] == part)].set_index("clip_id")
        for index, clip in enumerate(clips):
            if clip.clip_id in rows.index:
                found[number, index] = rows.loc[clip.clip_id, [f"p_{e}" for e in EMOTIONS]].to_numpy(float)
    return clips, found, np.array([EMOTIONS.index(c.emotion) for c in clips])


def test_three_levels_of_combined_fusions_by_hand():
    """Each level learns from the one below on validation clips that this one has not learned from."""
    folds = two_folds(4)
    tables = random_tables(0, folds, models=COMBINED.models())
    result, _, learned = fuse_all(COMBINED, WEIGHTED, tables, PEOPLE, folds, EMOTIONS)
    params = weighted.Params(candidates=(0, 1), node_limit=5000)
    for fold in folds:
        val_clips, val, labels = parts_of_combined(tables, folds, fold, "val")
        test_clips, test, _ = parts_of_combined(tables, folds, fold, "test")
        visual = [average.fuse(scores[:2], {}) for scores in (val, test)]
        check(result, "combined-visual-average", fold, test_clips, visual[1])
        three = [np.stack([scores[1], mean, scores[2]]) for scores, mean in zip((val, test), visual, strict=True)]
        state = weighted.fit(params, three[0], labels)
        assert learned["combined-searched-weighted"][fold] == state
        searched = weighted.fuse(three[1], state)
        check(result, "combined-searched-weighted", fold, test_clips, searched)
        speakers = np.array([c.speaker for c in val_clips])
        unseen = np.full(val.shape[1:], np.nan)
        for speaker in set(speakers):
            held = speakers == speaker
            unseen[held] = weighted.fuse(three[0][:, held], weighted.fit(params, three[0][:, ~held], labels[~held]))
        last = weighted.fit(params, np.stack([unseen, val[2]]), labels)
        assert learned["combined-late-weighted"][fold] == last
        check(result, "combined-late-weighted", fold, test_clips, weighted.fuse(np.stack([searched, test[2]]), last))


def test_settings_of_weighted_are_those_of_fuse_weighted():
    folds = two_folds(3)
    tables = random_tables(2, folds, models=COMBINED.models())
    _, _, learned = fuse_all(COMBINED, {"weighted": {"candidates": [0.25, 0.75]}}, tables, PEOPLE, folds, EMOTIONS)
    weights = [state["weights"] for state in learned["combined-searched-weighted"].values()]
    assert set(np.unique(weights)) <= {0.25, 0.75}, "and not 1, as the defaults would give"
    with pytest.raises(SettingsError, match=r"fuse.weighted.candidate: no such setting .did you mean 'candidates'"):
        fuse_all(COMBINED, {"weighted": {"candidate": [0, 1]}}, tables, PEOPLE, folds, EMOTIONS)


def test_a_rule_that_does_not_exist_is_named_with_its_place():
    system = SystemParams(
        features={"a": "audio"},
        classifiers=("lstm",),
        also={"b-svm": "video"},
        fusions=(),
        combined={"x": {"rule": "weigthed", "of": ["a-lstm", "b-svm"]}},
    )
    with pytest.raises(SettingsError, match=r"combined: no fusion plugin 'weigthed' .did you mean 'weighted'"):
        fuse_all(system, {}, {}, PEOPLE, {}, EMOTIONS)


@settings(deadline=None, max_examples=2)
@given(st.integers(0, 2**32 - 1))
def test_permuted_test_labels_change_no_combined_prediction_and_no_weight(seed):
    folds = two_folds(3)
    tables = random_tables(seed, folds, models=COMBINED.models())
    result, _, learned = fuse_all(COMBINED, WEIGHTED, tables, PEOPLE, folds, EMOTIONS)
    validated = {i for fold in folds.values() for i, part in fold.items() if part == "val"}
    tested = [c for c in PEOPLE if c.clip_id not in validated]
    permuted = np.random.default_rng(seed + 1).permutation([c.emotion for c in tested])
    other = {c.clip_id: str(emotion) for c, emotion in zip(tested, permuted, strict=True)}
    clips = [Clip(c.clip_id, c.path, c.speaker, other.get(c.clip_id, c.emotion)) for c in PEOPLE]
    relabelled = {m: t.assign(emotion=t["clip_id"].map(other).fillna(t["emotion"])) for m, t in tables.items()}
    again, _, learned_again = fuse_all(COMBINED, WEIGHTED, relabelled, clips, folds, EMOTIONS)
    assert learned_again == learned
    kept = [column for column in result.columns if column != "emotion"]
    pd.testing.assert_frame_equal(result[kept], again[kept])


POOLED = SystemParams(
    features={"v1024": "video", "a60": "audio"},
    classifiers=("lstm",),
    also={"x-svm": "joint"},
    fusions=(),
    combined={
        name: {"rule": name, "of": ["v1024-lstm", "a60-lstm", "x-svm"]}
        for name in ("stacking", "product", "average", "sum", "minimum", "maximum", "vote", "confidence",
                     "prior_knowledge", "logistic_regression", "weighted")
    },
)  # fmt: skip


@settings(deadline=None, max_examples=2)
@given(st.integers(0, 2**32 - 1), st.sampled_from(["nonnegative", "free"]))
def test_permuted_test_labels_change_no_prediction_of_any_rule_nor_the_headline(seed, weights):
    folds, params = two_folds(3), {**WEIGHTED, **FUSE, "stacking": {"weights": weights}}
    validated = {i for fold in folds.values() for i, part in fold.items() if part == "val"}
    tables = random_tables(seed, folds, models=POOLED.models())
    tested = [c for c in PEOPLE if c.clip_id not in validated]
    permuted = np.random.default_rng(seed + 1).permutation([c.emotion for c in tested])
    other = {c.clip_id: str(emotion) for c, emotion in zip(tested, permuted, strict=True)}
    found = []
    for labels in ({}, other):
        clips = [Clip(c.clip_id, c.path, c.speaker, labels.get(c.clip_id, c.emotion)) for c in PEOPLE]
        given = {
            model: frame.assign(
                emotion=[labels.get(i, e) for i, e in zip(frame["clip_id"], frame["emotion"], strict=True)]
            )
            for model, frame in tables.items()
        }
        result, fused, learned = fuse_all(POOLED, params, given, clips, folds, EMOTIONS)
        models = pd.concat([t[t["part"] == "val"] for t in given.values()])
        choice = chosen_by_fold(pd.concat([models, fused]), contenders(POOLED), folds)
        kept = [column for column in result.columns if column != "emotion"]
        found.append((choice, learned, pd.concat([result, chosen_rows(result, choice)])[kept]))
    assert found[0][:2] == found[1][:2]
    pd.testing.assert_frame_equal(found[0][2], found[1][2])
    assert CHOSEN in set(found[0][2]["model"])


def test_a_combined_fusion_judges_with_what_is_left():
    folds = two_folds(3)
    tables = random_tables(1, folds, missing=0, models=COMBINED.models())
    lost = {"x-svm": {"s0-0", "s0-1"}, "v1024-lstm": {"s0-1"}, "a60-lstm": {"s0-1", "s0-2"}}
    tables = {model: frame[~frame["clip_id"].isin(lost[model])] for model, frame in tables.items()}
    result, _, _ = fuse_all(COMBINED, WEIGHTED, tables, PEOPLE, folds, EMOTIONS)
    upstream = [failed(clip_id, model, "no_face") for model, ids in lost.items() for clip_id in ids]
    entries = {(e.stage, e.clip_id): (e.status, e.detail) for e in fusion_entries(COMBINED, result, folds, upstream)}
    for name in ("combined-searched-weighted", "combined-late-weighted"):
        assert entries[f"fuse:{name}", "s0-0"] == ("degraded", "without x-svm")
        assert entries[f"fuse:{name}", "s0-1"] == ("failed", "without x-svm, v1024-lstm, a60-lstm")
        assert entries[f"fuse:{name}", "s0-2"] == ("degraded", "without a60-lstm")
        assert entries[f"fuse:{name}", "s0-3"] == ("ok", "")
        rows = set(result.loc[result["model"] == name, "clip_id"])
        assert {"s0-0", "s0-2"} <= rows
        assert "s0-1" not in rows
    assert entries["fuse:combined-visual-average", "s0-2"] == ("ok", ""), "a60 is no part of it"


def out_of_fold(folds: dict, models) -> dict[str, pd.DataFrame]:
    """Tables with rows of training clips as well."""
    parts = {"train": "val", "val": "test", "test": ""}  # what `random_tables` writes is val and test
    tables = random_tables(3, folds, missing=0.1, models=models)
    shifted = {fold: {i: parts[part] for i, part in its.items()} for fold, its in folds.items()}
    found = random_tables(4, shifted, missing=0.1, models=models)
    return {
        model: pd.concat([frame, found[model][found[model]["part"] == "val"].assign(part="train")], ignore_index=True)
        for model, frame in tables.items()
    }


def test_stacking_learns_from_training_clips_too_where_all_its_models_judge_them_out_of_fold():
    folds, settings_of = two_folds(3), {**WEIGHTED, **FUSE}
    tables = out_of_fold(folds, POOLED.models())
    alone = {model: frame[frame["part"] != "train"] for model, frame in tables.items()}
    lacking = {**tables, "a60-lstm": alone["a60-lstm"]}
    several, without, one = (
        fuse_all(POOLED, settings_of, given, PEOPLE, folds, EMOTIONS) for given in (tables, alone, lacking)
    )
    name, params = "combined-stacking-stacking", stacking.Params(**settings_of.get("stacking", {}))
    for fold in folds:
        (val, *given), (train, *more) = (parts_of_combined(tables, folds, fold, part) for part in ("val", "train"))
        order = [0, 2, 1]  # of COMBINED's and POOLED's models
        inputs = np.concatenate([given[0], more[0]], axis=1)[order]
        labels, speakers = np.concatenate([given[1], more[1]]), np.array([c.speaker for c in [*val, *train]])
        assert several[2][name][fold] == stacking.fit(params, inputs, labels, speakers)
        assert several[2][name][fold] != without[2][name][fold]
    assert one[2] == without[2], "of one model nobody knows what it says of training clips"
    assert {k: v for k, v in several[2].items() if k != name} == {k: v for k, v in without[2].items() if k != name}
    assert set(several[1]["part"]) == {"val"}
