"""The feedback loop of a system: who gets feedback, what is written of it, and that it repeats itself."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from pipeline.core.clip import Clip
from pipeline.core.errors import SettingsError
from pipeline.core.posteriors import probabilities, table
from pipeline.fusion.rules import average, weighted
from pipeline.fusion.weights.challenge_server import Organiser, accuracy_of, fit_to_feedback
from pipeline.fusion.weights.feedback_loop import learn
from pipeline.fusion.weights.run_feedback import run_feedback, step_table, write_feedback
from pipeline.fusion.weights.weighted_sum import decisions, weighted_sum
from pipeline.protocols.held_out import deal
from pipeline.systems.params import SystemParams

EMOTIONS = ["anger", "happy", "sad"]
CLIPS = [Clip(f"s{s}-{n}", "x.mp4", f"s{s}", EMOTIONS[n % 3]) for s in range(6) for n in range(9)]
PARTS = {"s0": "test", "s1": "test", "s2": "val", "s3": "val", "s4": "val", "s5": "train"}
FOLDS = {
    "fold-00": {c.clip_id: PARTS[c.speaker] for c in CLIPS},
    "fold-01": {c.clip_id: PARTS[f"s{(int(c.speaker[1]) + 2) % 6}"] for c in CLIPS},
}
SYSTEM = SystemParams(
    features={"v": "video"},
    classifiers=("lstm",),
    also={"w-svm": "video", "a-svm": "audio"},
    fusions=(),
    combined={
        "visual": {"rule": "average", "of": ["v-lstm", "w-svm"]},
        "both": {"rule": "weighted", "of": ["visual", "a-svm"]},
    },
    feedback={"fusion": "both", "steps": 4, "rate": 2.0},
)
FUSE = {"weighted": {"candidates": [0, 0.5, 1], "node_limit": 2000}}


def tables(seed=0, lost=("s0-0",)):
    rng = np.random.default_rng(seed)
    found = {}
    for model in SYSTEM.models():
        frames = []
        for name, fold in FOLDS.items():
            for part in ("val", "test"):
                chosen = [c for c in CLIPS if fold[c.clip_id] == part and not (model == "a-svm" and c.clip_id in lost)]
                bias = np.array([0.5, 0, 0]) * (part == "test")
                rows = (
                    rng.dirichlet(np.ones(3), len(chosen))
                    + 0.5 * np.eye(3)[[EMOTIONS.index(c.emotion) for c in chosen]]
                    + bias
                )
                frames.append(
                    table(model, name, part, chosen, np.round(rows / rows.sum(axis=1, keepdims=True), 6), EMOTIONS)
                )
        found[model] = pd.concat(frames, ignore_index=True)
    return found


def ran(system=SYSTEM, settings=FUSE, clips=CLIPS, given=None, workers=1):
    return run_feedback(system, settings, given or tables(), clips, FOLDS, EMOTIONS, workers)


def scores_of(given, fold, clips):
    """Return the scores (2, N, C) of `visual` and a-svm, found without any code of the fusion's."""
    models = []
    for model in ("v-lstm", "w-svm", "a-svm"):
        rows = given[model][given[model]["fold"] == fold]
        by_id = dict(zip(rows["clip_id"], probabilities(rows, EMOTIONS), strict=True))
        models.append([by_id.get(c.clip_id, np.full(3, np.nan)) for c in clips])
    v, w, a = np.array(models)
    return np.stack([average.fuse(np.stack([v, w]), {}), a])


def test_a_fold_step_by_step():
    given, found = tables(), ran()
    assert (found["fusion"], list(found["parts"]), found["classes"]) == (
        "combined-both-weighted",
        ["visual", "a-svm"],
        EMOTIONS,
    )
    for name, fold in FOLDS.items():
        val, test = ([c for c in CLIPS if fold[c.clip_id] == part] for part in ("val", "test"))
        labels = {
            part: np.array([EMOTIONS.index(c.emotion) for c in chosen])
            for part, chosen in (("val", val), ("test", test))
        }
        first = deal(labels["test"], most=2) == 0
        for half in (first, ~first):
            assert np.bincount(labels["test"][half]).tolist() == [3, 3, 3], "as many of each emotion on both sides"
        known, unseen = scores_of(given, name, val), scores_of(given, name, test)
        organiser = Organiser(labels["test"][first], 3)
        searched = weighted.Params(node_limit=2000)
        learned = learn(organiser, unseen[:, first], known, labels["val"], SYSTEM.feedback, searched)
        fit = fit_to_feedback(learned.weights, organiser, unseen[:, first], unseen[:, ~first], labels["test"][~first])
        run = found["folds"][name]
        assert (run["kept"], run["end"], len(run["steps"])) == (learned.kept + 1, learned.end, len(learned.steps))
        assert {name: run[name] for name in fit} == fit
        assert (run["validation_clips"], run["clips_with_feedback"], run["clips_without_feedback"]) == (27, 9, 9)
        for row, step in zip(run["steps"], learned.steps, strict=True):
            assert row["weights"] == step.weights.tolist()
            assert (row["distance"], row["loss"], row["validation_accuracy"]) == (
                step.distance,
                step.reward,
                step.accuracy,
            )
            assert (row["predicted"], row["true"]) == (step.feedback.predicted, step.feedback.true)
            changed = [(SYSTEM.combined["both"].of[part], EMOTIONS[c], a, b) for part, c, a, b in step.changed]
            assert [tuple(change.values()) for change in row["changed"]] == changed
    assert any(len(run["steps"]) > 1 for run in found["folds"].values()), "something was learned"


def test_a_fit_is_that_of_the_kept_weights():
    given, found = tables(), ran()
    run = found["folds"]["fold-00"]
    test = [c for c in CLIPS if FOLDS["fold-00"][c.clip_id] == "test"]
    labels = np.array([EMOTIONS.index(c.emotion) for c in test])
    half = deal(labels, most=2) == 0
    weights = np.array(run["steps"][run["kept"] - 1]["weights"])
    decided = decisions(weighted_sum(scores_of(given, "fold-00", test), weights))
    assert run["with_feedback"][1] == accuracy_of(decided[half], labels[half])
    assert run["without_feedback"][1] == accuracy_of(decided[~half], labels[~half])


def test_a_table_has_a_row_per_fold_and_step(tmp_path):
    found = ran()
    frame = step_table(found)
    assert list(frame.columns[:7]) == ["fold", "step", "kept", "distance", "loss", "validation_accuracy", "changed"]
    assert list(frame.columns[7:]) == [
        f"{kind}_{name}" for kind in ("emphasis", "predicted", "true") for name in EMOTIONS
    ]
    for fold, run in found["folds"].items():
        rows = frame[frame["fold"] == fold]
        assert rows["step"].tolist() == list(range(1, len(run["steps"]) + 1))
        assert rows.loc[rows["kept"] == "yes", "step"].tolist() == [run["kept"]]
        assert rows["changed"].iloc[0] == "", "nothing before the first"
    later = frame[frame["step"] > 1]
    assert later["changed"].str.fullmatch(r"((visual|a-svm) (anger|happy|sad): (0|0\.5|1) to (0|0\.5|1)(; )?)+").all()
    write_feedback(tmp_path, found)
    assert json.loads((tmp_path / "feedback.json").read_text()) == json.loads(json.dumps(found))
    pd.testing.assert_frame_equal(
        pd.read_csv(tmp_path / "feedback.csv", keep_default_na=False), frame, atol=1e-6, rtol=0
    )


def test_a_system_without_a_loop_writes_nothing(tmp_path):
    none = SystemParams(**{**SYSTEM.model_dump(), "feedback": None})
    write_feedback(tmp_path, ran(system=none))
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_equal_results_whatever_the_number_of_workers():
    assert json.dumps(ran(workers=2)) == json.dumps(ran())


def test_labels_reach_the_weights_through_shares_alone():
    """Labels that change places within the half with feedback leave its shares, and so all steps, as they are."""
    test = [c for c in CLIPS if FOLDS["fold-00"][c.clip_id] == "test"]
    half = deal(np.array([EMOTIONS.index(c.emotion) for c in test]), most=2) == 0
    answered = [c for c, is_first in zip(test, half, strict=True) if is_first]
    turned = dict(zip((c.clip_id for c in answered), np.roll([c.emotion for c in answered], 1), strict=True))
    clips = [Clip(c.clip_id, c.path, c.speaker, str(turned.get(c.clip_id, c.emotion))) for c in CLIPS]
    labels = np.array([EMOTIONS.index(c.emotion) for c in clips if FOLDS["fold-00"][c.clip_id] == "test"])
    assert (deal(labels, most=2) == 0).tolist() == half.tolist(), "the same clips get feedback"
    assert any(clip.emotion != c.emotion for clip, c in zip(clips, CLIPS, strict=True))
    one, other = ran()["folds"]["fold-00"], ran(clips=clips)["folds"]["fold-00"]
    assert one["steps"] == other["steps"]


def test_settings_are_those_of_fuse_weighted():
    assert set(
        np.unique(
            [
                step["weights"]
                for step in ran(settings={"weighted": {"candidates": [0.25]}})["folds"]["fold-00"]["steps"]
            ]
        )
    ) == {0.25}
    with pytest.raises(SettingsError, match=r"fuse.weighted.node_limits: no such setting .did you mean 'node_limit'"):
        ran(settings={"weighted": {"node_limits": 1}})


def test_a_fold_of_one_test_clip_has_nothing_without_feedback():
    folds = {"fold-00": {**{c.clip_id: "train" for c in CLIPS}, **{f"s2-{n}": "val" for n in range(9)}, "s1-4": "test"}}
    found = run_feedback(SYSTEM, FUSE, tables(), CLIPS, folds, EMOTIONS)["folds"]["fold-00"]
    assert (found["clips_with_feedback"], found["clips_without_feedback"]) == (1, 0)
    assert found["without_feedback"] == (0, 0)
