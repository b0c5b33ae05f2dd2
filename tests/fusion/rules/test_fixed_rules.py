"""The fixed rules of Zhang et al. 2017, Table V and eq. (6), against values computed by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import softmax

from pipeline.core import plugins
from pipeline.core.clip import Clip
from pipeline.core.posteriors import probabilities, read_table, table, write_table

VIDEO, AUDIO = [0.5, 0.4, 0.1], [0.1, 0.3, 0.6]
NAN = [np.nan] * 3


def fuse(name, *models):
    plugin = plugins.load("fusion", name)
    scores = np.array(models, float)[:, None]
    return plugin.fuse(scores, plugin.fit(plugin.Params(), scores, np.zeros(1, int)))[0]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("maximum", np.array([0.5, 0.4, 0.6]) / 1.5),
        ("minimum", np.array([0.1, 0.3, 0.1]) / 0.5),
        ("sum", np.array([0.6, 0.7, 0.7]) / 2),
        ("average", [0.3, 0.35, 0.35]),
        ("product", np.array([0.05, 0.12, 0.06]) / 0.23),
        ("vote", [0.5, 0, 0.5]),
        ("score_level", softmax([0.3, 0.35, 0.35])),
    ],
)
def test_by_hand(rule, expected):
    np.testing.assert_allclose(fuse(rule, VIDEO, AUDIO), expected, atol=3e-6)


@pytest.mark.parametrize(
    ("rule", "models", "decision"),
    [
        pytest.param("vote", (VIDEO, AUDIO), 0, id="two voters disagree: the visual one"),
        pytest.param("vote", (AUDIO, VIDEO), 2, id="and it is the order that counts"),
        pytest.param("vote", (VIDEO, AUDIO, AUDIO), 2, id="a majority beats the first"),
        pytest.param("sum", ([0.2, 0.5, 0.3], [0.5, 0.2, 0.3]), 1, id="0.7 each, though not in binary fractions"),
        pytest.param("average", ([0.2, 0.5, 0.3], [0.5, 0.2, 0.3]), 1, id="average likewise"),
        pytest.param("maximum", ([0.1, 0.6, 0.3], [0.6, 0.1, 0.3]), 1, id="two highest alike"),
        pytest.param("minimum", ([0.0, 1.0, 0.0], [1.0, 0.0, 0.0]), 1, id="every class is 0 somewhere"),
        pytest.param("product", ([0.0, 1.0, 0.0], [1.0, 0.0, 0.0]), 1, id="and so is every product"),
        pytest.param("product", ([0.5, 0.499999, 0.000001], [0.499999, 0.5, 0.000001]), 0, id="equal products"),
        pytest.param("product", ([0.4, 0.3, 0.3], [0.2, 0.3, 0.5]), 2, id="0.08, 0.09, 0.15"),
    ],
)
def test_ties_go_to_the_first_model(rule, models, decision):
    assert fuse(rule, *models).argmax() == decision


@pytest.mark.parametrize("rule", ["maximum", "minimum", "sum", "average", "product", "score_level", "vote"])
def test_a_missing_model_leaves_the_other_alone(rule):
    assert fuse(rule, NAN, AUDIO).argmax() == 2
    assert fuse(rule, VIDEO, NAN).argmax() == 0
    assert np.isnan(fuse(rule, NAN, NAN)).all()


def test_eq_6_adds_scores_of_any_range():
    np.testing.assert_allclose(fuse("score_level", [2.0, -1.0, 0.5], [-3.0, 4.0, 0.5]), softmax([-0.5, 1.5, 0.5]))


def test_eq_6_with_classes_that_training_lacked():
    np.testing.assert_allclose(fuse("score_level", [-np.inf, 1, 2], [5, 1, 0]), softmax([-np.inf, 1, 1]), atol=3e-6)
    np.testing.assert_allclose(fuse("score_level", [-np.inf, -np.inf, 2], [5, 1, -np.inf]), [0, 0, 1], atol=3e-6)


def test_sum_and_average_decide_alike():
    rng = np.random.default_rng(0)
    scores = rng.dirichlet(np.ones(5), (2, 200))
    by = {name: plugins.load("fusion", name).fuse(scores, {}).argmax(1) for name in ("sum", "average")}
    np.testing.assert_array_equal(by["sum"], by["average"])
    np.testing.assert_array_equal(by["sum"], scores.sum(0).argmax(1))


CLOSE = [0.250003, 0.250001, 0.249999, 0.249997]
"""As far apart as a table of six decimals can tell; before, such a difference was lost beside a vote of one half."""
VOTER = st.permutations([0.4, 0.3, 0.2, 0.1]) | st.permutations(CLOSE)
VOTERS = st.lists(VOTER, min_size=2, max_size=5)


@given(VOTERS)
def test_of_tied_classes_the_vote_goes_to_the_first_models_favourite(models):
    votes = np.bincount([int(np.argmax(one)) for one in models], minlength=4)
    tied = [c for c in range(4) if votes[c] == votes.max()]
    found = fuse("vote", *models)
    assert found.argmax() == max(tied, key=lambda c: models[0][c])
    np.testing.assert_allclose(found, votes / len(models), atol=3e-6)
    assert found.sum() == pytest.approx(1, abs=1e-12)


@given(st.sampled_from(["vote", "maximum", "minimum", "sum", "average", "product", "score_level"]), VOTERS, st.data())
def test_names_of_classes_decide_nothing(rule, models, data):
    order = data.draw(st.permutations(range(4)))
    turned = [[one[c] for c in order] for one in models]
    assert order[fuse(rule, *turned).argmax()] == fuse(rule, *models).argmax()


def test_where_the_first_model_is_undecided_too_the_second_decides():
    assert fuse("vote", [0.4, 0.4, 0.2], [0.2, 0.5, 0.3], [0.5, 0.2, 0.3], [0.3, 0.5, 0.2]).argmax() == 1
    assert fuse("maximum", [0.4, 0.4, 0.2], [0.1, 0.2, 0.7], [0.7, 0.1, 0.2]).argmax() == 0, "0.7 twice, 0.4 > 0.2"
    assert fuse("product", [0.5, 0.5, 0.0], [0.0, 0.0, 1.0], [0.2, 0.3, 0.5]).argmax() == 2, "0 is less than 5e-7"


def test_a_product_over_dozens_of_models_does_not_vanish_and_one_zero_is_no_veto():
    many = [[0.998, 0.001, 0.001]] * 110 + [[0.001, 0.998, 0.001]] * 111
    assert fuse("product", *many).argmax() == 1, "0.001 ** 110 is no number of 64 bits"
    assert fuse("product", [1.0, 0.0, 0.0], *[[0.01, 0.98, 0.01]] * 6).argmax() == 1


def test_the_winner_of_a_tie_leads_in_a_table_of_six_decimals_as_well(tmp_path):
    row, clip = fuse("vote", [0.1, 0.3, 0.6], [0.5, 0.4, 0.1]), Clip("a", "a.wav", "anna", "sad")
    write_table(tmp_path / "t.csv", table("vote", "fold-00", "test", [clip], row[None], ["anger", "fear", "sad"]))
    again = read_table(tmp_path / "t.csv")
    assert again["predicted"].tolist() == ["sad"]
    assert probabilities(again, ["anger", "fear", "sad"]).argmax() == 2
