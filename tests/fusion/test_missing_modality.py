"""`pipeline.fusion.missing_modality`: the same models and learned fusions on test clips that lost their sound or their
picture.
"""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.clip import Clip
from pipeline.core.errors import ArtifactError, PipelineError
from pipeline.core.posteriors import read_table, table, write_table
from pipeline.core.settings import parse
from pipeline.fusion.missing_modality import (
    MISSING,
    FoldDecisions,
    RobustnessParams,
    needs_of,
    places,
    read_learned,
    robustness,
)
from pipeline.fusion.per_fold import fuse_all
from pipeline.fusion.rules import weighted
from pipeline.systems.params import SystemParams, fusions

EMOTIONS = ["anger", "happy", "sad"]
FIXED = ("confidence", "average", "product", "sum", "maximum", "minimum", "vote", "score_level")
STACKED = SystemParams(
    features={"a60": "audio", "v1024": "video"},
    classifiers=("lstm",),
    fusions=("logistic_regression", "prior_knowledge"),
    stacked={"confidence": ("audio", "video", "audio+video"), "prior_knowledge": ("audio", "video")},
)
RULES = SystemParams(
    features={"anet": "audio", "vnet": "video", "dbn": "joint"},
    classifiers=("linear_svm",),
    pairs=(("anet", "vnet"),),
    fusions=FIXED,
)
COMBINED = SystemParams(
    features={"v1024": "video"},
    classifiers=("lstm",),
    also={"c3d-svm": "video", "egemaps-transfer": "audio"},
    fusions=(),
    combined={
        "visual": {"rule": "average", "of": ["v1024-lstm", "c3d-svm"]},
        "searched": {"rule": "weighted", "of": ["c3d-svm", "visual", "egemaps-transfer"]},
        "late": {"rule": "weighted", "of": ["searched", "egemaps-transfer"]},
    },
)
SYSTEMS = {"stacked": STACKED, "rules": RULES, "combined": COMBINED}
FUSE = {"logistic_regression": {"c": [0.1, 10.0]}, "weighted": {"candidates": [0, 1], "node_limit": 5000}}
PEOPLE = [Clip(f"s{s}-{n}", "x.mp4", f"s{s}", EMOTIONS[n % 3]) for s in range(8) for n in range(6)]
SHARES = (0, 0.25, 0.5, 0.75, 1)


def two_folds() -> dict[str, dict[str, str]]:
    """Test on speakers 0 and 1, then on 2 and 3; validate on the last four."""
    parts = []
    for tested in (("s0", "s1"), ("s2", "s3")):
        parts.append(
            {c.clip_id: "test" if c.speaker in tested else "val" if c.speaker >= "s4" else "train" for c in PEOPLE}
        )
    return {f"fold-{n:02d}": part for n, part in enumerate(parts)}


FOLDS = two_folds()


def random_tables(system: SystemParams, seed: int = 0) -> dict[str, pd.DataFrame]:
    """Posteriors that know a little, and class scores; one clip in ten has none."""
    rng = np.random.default_rng(seed)
    found = {}
    for model in system.models():
        frames = []
        for name, fold in FOLDS.items():
            for part in ("val", "test"):
                chosen = [c for c in PEOPLE if fold[c.clip_id] == part and rng.random() > 0.1]
                truth = np.eye(3)[[EMOTIONS.index(c.emotion) for c in chosen]]
                rows = np.round((rng.dirichlet(np.ones(3), len(chosen)) + 0.6 * truth) / 1.6, 6)
                frames.append(table(model, name, part, chosen, rows, EMOTIONS, rng.normal(size=rows.shape) + truth))
        found[model] = pd.concat(frames, ignore_index=True)
    return found


@cache
def learned_by(name: str):
    """Return (what all models and fusions decide on complete clips, with one modality removed)."""
    system = SYSTEMS[name]
    tables = random_tables(system)
    result, _, learned = fuse_all(system, FUSE, tables, PEOPLE, FOLDS, EMOTIONS)
    again = json.loads(json.dumps(learned))
    return result, FoldDecisions(list(fusions(system)), again, tables, needs_of(system), PEOPLE, EMOTIONS, 0)


@cache
def decided(name: str) -> pd.DataFrame:
    _, decisions = learned_by(name)
    return pd.concat([decisions(item).assign(fold=item[0]) for item in FOLDS.items()], ignore_index=True)


@cache
def figures_of(name: str) -> pd.DataFrame:
    return robustness(learned_by(name)[1], FOLDS, SHARES)


def column(frame: pd.DataFrame, model: str, condition: str) -> list[str]:
    return frame.loc[frame["model"] == model, condition].tolist()


@pytest.mark.parametrize("name", SYSTEMS)
def test_complete_clips_are_decided_as_fuse_decides_them(name):
    result, _ = learned_by(name)
    frame = decided(name)
    keys = ["model", "fold", "clip_id"]
    judged = frame[frame["complete"] != ""].set_index(keys)["complete"].sort_index()
    expected = result.set_index(keys)["predicted"].sort_index()
    pd.testing.assert_series_equal(judged, expected, check_names=False)


@pytest.mark.parametrize("name", SYSTEMS)
@pytest.mark.parametrize("missing", MISSING)
@pytest.mark.parametrize("share", [0, 0.5, 1])
def test_as_if_the_models_had_never_judged_these_clips(name, missing, share):
    """`fuse` on tables without these rows learns the same, from validation clips that still have them, and must judge
    alike.
    """
    _, decisions = learned_by(name)
    lost = set()
    for fold, parts in FOLDS.items():
        tested = [clip_id for clip_id, part in parts.items() if part == "test"]
        lost |= {
            (fold, i) for i, place in places(tested, missing, fold, 0).items() if place < round(share * len(tested))
        }
    assert len(lost) == share * 24
    left = {}
    for model, frame in decisions.tables.items():
        gone = pd.Series([key in lost for key in zip(frame["fold"], frame["clip_id"], strict=True)]) & (
            frame["part"] == "test"
        )
        left[model] = frame[~gone] if missing in decisions.needs[model] else frame
    result, _, _ = fuse_all(SYSTEMS[name], FUSE, left, PEOPLE, FOLDS, EMOTIONS)
    figures = figures_of(name)
    for model in [*decisions.tables, *(fusion.name for fusion in decisions.wanted)]:
        rows = result[result["model"] == model]
        [found] = figures[
            (figures["model"] == model) & (figures["missing"] == missing) & (figures["share"] == share)
        ].to_dict("records")
        right = (rows["predicted"] == rows["emotion"]).sum()
        assert (found["clips"], found["judged"]) == (24, len(rows)), model
        assert found["accuracy_of_all"] == right / 24
        np.testing.assert_equal(found["accuracy"], right / len(rows) if len(rows) else np.nan)
        recalls = [(rows[rows["emotion"] == e]["predicted"] == e).mean() for e in set(rows["emotion"])]
        np.testing.assert_allclose(found["uar"], np.mean(recalls) if recalls else np.nan)


@pytest.mark.parametrize("rule", sorted(set(FIXED) - {"score_level"}))
def test_without_sound_a_fixed_rule_says_what_the_picture_says(rule):
    frame = decided("rules")
    name = f"{rule}-anet+vnet-linear_svm"
    assert column(frame, name, "sound") == column(frame, "vnet-linear_svm", "complete")
    assert column(frame, name, "picture") == column(frame, "anet-linear_svm", "complete")


def test_score_level_fuses_class_scores_of_what_is_left():
    _, decisions = learned_by("rules")
    found = decided("rules").query("model == 'score_level-anet+vnet-linear_svm'").set_index(["fold", "clip_id"])
    rows = decisions.tables["vnet-linear_svm"].query("part == 'test'").set_index(["fold", "clip_id"])
    best = rows[[f"s_{e}" for e in EMOTIONS]].to_numpy().argmax(axis=1)
    assert found.loc[rows.index, "sound"].tolist() == [EMOTIONS[i] for i in best]
    assert (found["sound"] != "").sum() == len(rows)


def test_weights_that_were_learned_with_all_parts_go_on():
    """Without sound eq. (1) leaves out the third sub-system, and keeps the weights of the others."""
    _, decisions = learned_by("combined")
    frame = decided("combined")
    for fold in FOLDS:
        clips = [c for c in PEOPLE if FOLDS[fold][c.clip_id] == "test"]
        rows = {
            m: f[(f["fold"] == fold) & (f["part"] == "test")].set_index("clip_id") for m, f in decisions.tables.items()
        }
        scores = np.full((2, len(clips), 3), np.nan)
        for n, model in enumerate(("v1024-lstm", "c3d-svm")):
            for i, clip in enumerate(clips):
                if clip.clip_id in rows[model].index:
                    scores[n, i] = rows[model].loc[clip.clip_id, [f"p_{e}" for e in EMOTIONS]].to_numpy(float)
        with np.errstate(all="ignore"):
            visual = np.where(
                np.isnan(scores[0]), scores[1], np.where(np.isnan(scores[1]), scores[0], scores.mean(axis=0))
            )
        fused = weighted.fuse(
            np.stack([scores[1], visual, np.full_like(visual, np.nan)]),
            decisions.learned["combined-searched-weighted"][fold],
        )
        expected = ["" if np.isnan(row).any() else EMOTIONS[row.argmax()] for row in fused]
        assert column(frame[frame["fold"] == fold], "combined-searched-weighted", "sound") == expected


def test_a_model_without_its_modality_judges_nothing():
    figures = figures_of("rules").set_index(["model", "missing", "share"])
    for model, missing in (
        ("anet-linear_svm", "sound"),
        ("vnet-linear_svm", "picture"),
        ("dbn-linear_svm", "sound"),
        ("dbn-linear_svm", "picture"),
    ):
        row = figures.loc[(model, missing, 1)]
        assert row["judged"] == row["accuracy_of_all"] == 0
        assert np.isnan(row["accuracy"])
        assert np.isnan(row["uar"])
    for model, missing in (("anet-linear_svm", "picture"), ("vnet-linear_svm", "sound")):
        whole = figures.loc[(model, missing, 0)]
        assert all(figures.loc[(model, missing, share)].equals(whole) for share in SHARES)


@pytest.mark.parametrize("name", SYSTEMS)
def test_the_more_is_taken_away_the_less_is_judged(name):
    for _, rows in figures_of(name).groupby(["model", "missing"], sort=False):
        assert rows["share"].tolist() == list(SHARES)
        assert rows["judged"].is_monotonic_decreasing
        assert set(rows["clips"]) == {24}


@given(st.sets(st.text("abcdef", min_size=1, max_size=6), min_size=1, max_size=30), st.integers(0, 99), st.randoms())
def test_shares_are_nested_and_hang_on_ids_alone(ids, seed, random):
    order = places(ids, "sound", "fold-00", seed)
    assert sorted(order.values()) == list(range(len(ids)))
    shuffled = sorted(ids)
    random.shuffle(shuffled)
    assert places(shuffled, "sound", "fold-00", seed) == order


def test_folds_modalities_and_seeds_draw_anew():
    ids = [f"c{n}" for n in range(40)]
    drawn = [
        places(ids, *which)
        for which in (
            ("sound", "fold-00", 0),
            ("picture", "fold-00", 0),
            ("sound", "fold-01", 0),
            ("sound", "fold-00", 1),
        )
    ]
    assert len({tuple(sorted(order, key=order.get)) for order in drawn}) == 4


@settings(deadline=None, max_examples=5)
@given(st.randoms())
def test_the_order_of_rows_changes_nothing(random):
    _, decisions = learned_by("stacked")
    clips = random.sample(PEOPLE, len(PEOPLE))
    tables = {
        model: frame.sample(frac=1, random_state=random.randrange(1000)) for model, frame in decisions.tables.items()
    }
    found = robustness(replace(decisions, clips=clips, tables=tables), FOLDS, SHARES)
    pd.testing.assert_frame_equal(found, figures_of("stacked"))


def test_workers_change_no_byte(tmp_path):
    _, decisions = learned_by("combined")
    for workers in (1, 2):
        write_table(tmp_path / f"{workers}.csv", robustness(decisions, FOLDS, SHARES, workers))
    assert (tmp_path / "1.csv").read_bytes() == (tmp_path / "2.csv").read_bytes()


def test_tables_as_they_come_from_their_files(tmp_path):
    """Six decimals, and text for ids: what the stage reads decides as what `fuse` was given."""
    _, decisions = learned_by("rules")
    tables = {}
    for model, frame in decisions.tables.items():
        write_table(tmp_path / f"{model}.csv", frame)
        tables[model] = read_table(tmp_path / f"{model}.csv")
    pd.testing.assert_frame_equal(robustness(replace(decisions, tables=tables), FOLDS, SHARES), figures_of("rules"))


def test_what_a_model_needs():
    assert needs_of(RULES) == {
        "anet-linear_svm": {"sound"},
        "vnet-linear_svm": {"picture"},
        "dbn-linear_svm": {"sound", "picture"},
    }
    assert needs_of(COMBINED) == {
        "v1024-lstm": {"picture"},
        "c3d-svm": {"picture"},
        "egemaps-transfer": {"sound"},
    }


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"shares": [0]}, "robustness.shares: .*at least 2 items"),
        ({"shares": [0, 1.5]}, "robustness.shares.1: .*less than or equal to 1"),
        ({"shares": [-0.1, 1]}, "robustness.shares.0: .*greater than or equal to 0"),
        ({"shares": [0.5, 0]}, "ascending order, each once"),
        ({"shares": [0, 0.5, 0.5]}, "ascending order, each once"),
        ({"shares": [0, 1], "seed": -1}, "robustness.seed"),
        ({"share": [0, 1]}, "no such setting .did you mean 'shares'"),
    ],
)
def test_mistakes_in_the_settings_are_told_in_one_line(given, words):
    with pytest.raises(PipelineError, match=words) as caught:
        parse(RobustnessParams, given, "params.yaml: robustness")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "FileNotFoundError"),
        ("{", "not what `fuse` learned"),
        ("[]", "not what `fuse` learned"),
        ("{}", "nothing, or not of every fold, for logistic_regression-a60"),
        (json.dumps({f.name: {"fold-00": {}} for f in fusions(STACKED)}), "not of every fold"),
    ],
)
def test_what_was_learned_must_be_there(tmp_path, text, words):
    path = tmp_path / "learned.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ArtifactError, match=words) as caught:
        read_learned(path, fusions(STACKED), FOLDS)
    assert str(path) in str(caught.value)
    assert "dvc repro -f fuse" in str(caught.value)


def test_a_model_on_both_modalities_side_by_side_goes_on_with_one():
    """Its own posteriors of test clips that lost one are taken, and reach the fusions."""
    system = SystemParams(
        features={"early": "joint", "anet": "audio"},
        classifiers=("selected",),
        fusions=(),
        combined={"all": {"rule": "product", "of": ["early-selected", "anet-selected"]}},
    )
    tables = random_tables(system)
    whole = tables["early-selected"]
    tested = whole[whole["part"] == "test"]
    deaf = tested.iloc[::2].assign(missing="sound", predicted="sad", p_anger=0.0, p_happy=0.0, p_sad=1.0)
    _, _, learned = fuse_all(system, FUSE, tables, PEOPLE, FOLDS, EMOTIONS)
    given = (list(fusions(system)), learned, tables, needs_of(system), PEOPLE, EMOTIONS, 0)
    before, after = (
        pd.concat([FoldDecisions(*given, without)(item) for item in FOLDS.items()])
        for without in ({}, {"early-selected": deaf})
    )
    assert set(column(before, "early-selected", "sound")) == {""}
    found = after[after["model"] == "early-selected"].set_index("clip_id")
    assert {clip for clip, said in found["sound"].items() if said == "sad"} == set(deaf["clip_id"])
    assert set(found["picture"]) == {""}, "it has not judged these"
    fused = after[after["model"] == "combined-all-product"].set_index("clip_id")["sound"]
    assert (fused[deaf["clip_id"]] == "sad").all()
