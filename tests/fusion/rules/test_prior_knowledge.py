"""prior_knowledge: Huang et al. 2017, eq. (4) and (5), case by case. Model 0 is the visual one."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.fusion.rules import confidence
from pipeline.fusion.rules import prior_knowledge as plugin
from pipeline.reporting.system.system_report import SystemReport

NONE = [np.nan] * 3
SURE = {0: [0.8, 0.1, 0.1], 1: [0.1, 0.8, 0.1], 2: [0.1, 0.1, 0.8]}


def validation(*decisions: str) -> np.ndarray:
    """Return posteriors of models that decide as the digits say; `-` = could not judge."""
    return np.array([[NONE if d == "-" else SURE[int(d)] for d in row] for row in decisions])


def learned(f1: list[float]) -> dict:
    bonus = [value - min(f1) for value in f1]
    return {"micro_f1": f1, "d": f1[0] - max(f1[1:]), "bonus": bonus}


@pytest.mark.parametrize(
    ("video", "audio", "truth", "f1", "d"),
    [
        pytest.param("00112", "02212", "00112", [1.0, 0.6], 0.4, id="video is better by 2 of 5"),
        pytest.param("0000", "0120", "0120", [0.5, 1.0], -0.5, id="audio is better: d has a sign"),
        pytest.param("0011", "1100", "0101", [0.5, 0.5], 0.0, id="equally good on other clips"),
        pytest.param("0-112", "0221-", "00112", [1.0, 2 / 3], 1 / 3, id="only the three clips that both judged count"),
        pytest.param("--", "01", "01", [None, None], 0.0, id="none that both judged"),
        pytest.param("", "", "", [None, None], 0.0, id="no clips"),
    ],
)
def test_what_is_learned(video, audio, truth, f1, d):
    scores = validation(video, audio).reshape(2, len(truth), 3)
    state = plugin.fit(plugin.Params(), scores, np.array([int(t) for t in truth], int))
    assert state["micro_f1"] == [None if v is None else pytest.approx(v) for v in f1]
    assert state["d"] == pytest.approx(d)
    lowest = min((v for v in f1 if v is not None), default=0)
    assert state["bonus"] == pytest.approx([0 if v is None else v - lowest for v in f1])
    assert json.loads(json.dumps(state)) == state


def test_folds_that_favour_another_model_cancel_in_the_reports_d():
    """The mean of d without its sign, as before, would be 0.5: a preference that nobody has."""
    truth = np.array([0, 1, 2, 0])
    folds = {"fold-00": validation("0120", "0000"), "fold-01": validation("0000", "0120")}
    learned = {"x": {name: plugin.fit(plugin.Params(), scores, truth) for name, scores in folds.items()}}
    assert [abs(state["d"]) for state in learned["x"].values()] == [0.5, 0.5]
    assert SystemReport.micro_f1_differences(SimpleNamespace(learned=learned)) == {"x": 0.0}


def test_three_models():
    state = plugin.fit(plugin.Params(), validation("0011", "0000", "0010"), np.array([0, 0, 1, 1]))
    assert state == {"micro_f1": [1.0, 0.5, 0.75], "d": 0.25, "bonus": [0.5, 0.0, 0.25]}


@pytest.mark.parametrize(
    ("video", "audio", "f1", "expected"),
    [
        # margins 0.25 and 0.75, and d between them
        pytest.param([0.5, 0.25, 0.25], [0.0, 0.875, 0.125], [0.5, 0.5], 1, id="d = 0: as eq. (3)"),
        pytest.param([0.5, 0.25, 0.25], [0.0, 0.875, 0.125], [0.75, 0.5], 1, id="0.25 + 0.25 < 0.75"),
        pytest.param([0.5, 0.25, 0.25], [0.0, 0.875, 0.125], [1.0, 0.5], 0, id="0.25 + 0.5 = 0.75: the better one"),
        pytest.param([0.5, 0.25, 0.25], [0.0, 0.875, 0.125], [1.0, 0.25], 0, id="0.25 + 0.75 > 0.75"),
        pytest.param([0.5, 0.25, 0.25], [0.0, 0.875, 0.125], [0.25, 1.0], 1, id="audio is better and more confident"),
        pytest.param([0.0, 0.875, 0.125], [0.5, 0.25, 0.25], [0.5, 0.75], 0, id="audio is better: 0.75 > 0.25 + 0.25"),
        pytest.param(
            [0.0, 0.875, 0.125], [0.5, 0.25, 0.25], [0.5, 1.0], 1, id="audio is better: 0.75 = 0.25 + 0.5, so audio"
        ),
        pytest.param([0.5, 0.25, 0.25], [0.25, 0.5, 0.25], [0.5, 0.5], 0, id="equal margins, equal F1: video"),
        pytest.param([0.5, 0.25, 0.25], [0.25, 0.5, 0.25], [0.25, 0.5], 1, id="equal margins, audio is better"),
        pytest.param([0.45, 0.3, 0.25], [0.3, 0.55, 0.15], [0.6, 0.5], 0, id="0.15 + 0.1 = 0.25, whatever floats say"),
        pytest.param([0.3, 0.55, 0.15], [0.45, 0.3, 0.25], [0.5, 0.6], 1, id="the same for audio"),
        pytest.param(NONE, [0.34, 0.33, 0.33], [1.0, 0.0], 1, id="no video: its bonus is worth nothing"),
        pytest.param([0.34, 0.33, 0.33], NONE, [0.0, 1.0], 0, id="no audio: its bonus is worth nothing"),
    ],
)
def test_equation_5(video, audio, f1, expected):
    scores = np.array([[video], [audio]])
    np.testing.assert_array_equal(plugin.fuse(scores, learned(f1))[0], scores[expected, 0])


@pytest.mark.parametrize(
    ("f1", "expected"),
    [
        # margins 0.125, 0.25, 0.5
        pytest.param([0.5, 0.5, 0.5], 2, id="no bonus"),
        pytest.param([0.75, 0.5, 0.5], 2, id="0.375 < 0.5"),
        pytest.param([0.875, 0.5, 0.5], 0, id="0.5 = 0.5: the better one"),
        pytest.param([0.5, 0.875, 0.625], 1, id="0.625 = 0.625: the one with the higher F1"),
        pytest.param([0.875, 0.75, 0.5], 0, id="three at 0.5: the highest F1"),
    ],
)
def test_three_at_once(f1, expected):
    scores = np.array([[[0.5, 0.375, 0.125]], [[0.25, 0.25, 0.5]], [[0.125, 0.6875, 0.1875]]])
    np.testing.assert_array_equal(plugin.fuse(scores, learned(f1))[0], scores[expected, 0])


def test_all_missing():
    assert np.isnan(plugin.fuse(np.array([[NONE], [NONE]]), learned([0.7, 0.2]))).all()


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0, 1), st.floats(0, 1))
def test_it_is_the_formula(seed, video_f1, audio_f1):
    """Eq. (5) as it is printed, for the model with the higher micro-F1."""
    scores = np.random.default_rng(seed).dirichlet(np.ones(4), (2, 6))
    found = plugin.fuse(scores, learned([video_f1, audio_f1]))
    better, other = (1, 0) if audio_f1 > video_f1 else (0, 1)
    d = abs(video_f1 - audio_f1)
    for clip in range(6):
        top = np.sort(scores[:, clip], axis=1)[:, ::-1]
        lead = top[:, 0] - top[:, 1]
        if abs(lead[better] + d - lead[other]) > 1e-8:
            chosen = better if lead[better] + d >= lead[other] else other
            np.testing.assert_array_equal(found[clip], scores[chosen, clip])


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 4))
def test_without_a_difference_it_is_the_confidence_ensemble(seed, models):
    rng = np.random.default_rng(seed)
    scores = rng.dirichlet(np.ones(3), (models, 6))
    scores[rng.random((models, 6)) < 0.3] = np.nan
    np.testing.assert_array_equal(plugin.fuse(scores, learned([0.5] * models)), confidence.fuse(scores, {}))
