"""Precision, recall and F by emotion: as Zhang et al. 2017 print them."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.evaluation.by_class import per_class
from pipeline.reporting.papers import zhang2017_printed as printed

CLIPS = {"rml": (115, 111, 143, 103, 132, 116), "enterface05": (213, 220, 200, 216, 224, 217)}
"""Of each emotion, in the order of the figure: the only numbers below 400 of which all percentages of a row are whole
clips; they add up to the 720 and 1290 clips of section IV.A."""


@pytest.mark.parametrize(("adapter", "table"), [("rml", "VII"), ("enterface05", "VIII")])
def test_precision_and_f_follow_from_the_shares_of_the_papers_confusion_matrix(adapter, table):
    """Of RML's disgust alone the paper has 89.71 for 89.83."""
    rows = printed.CONFUSIONS[adapter]
    clips = np.array(CLIPS[adapter])[:, None]
    counts = np.round(np.array([*rows.values()]) / 100 * clips).astype(int)
    assert (counts.sum(axis=1) == clips[:, 0]).all()
    even, plain = (per_class(counts, [*rows], kind) for kind in (True, False))
    for emotion, figures in printed.PER_EMOTION[adapter].items():
        mine = even[emotion]
        found = [100 * share for share in (mine.precision, mine.recall, mine.f_score)]
        assert found == pytest.approx(figures, abs=0.13 if (adapter, emotion) == ("rml", "disgust") else 0.02), table
    fear = printed.PER_EMOTION[adapter]["fear"][0]
    assert abs(100 * plain["fear"].precision - fear) > 1, "not from the clips"


def test_the_papers_accuracy_is_the_mean_of_the_folds_not_that_of_all_clips():
    """Speakers of RML have unequal numbers of clips, those of eNTERFACE05 equal ones: 43 x 30."""
    right = {
        adapter: round(sum(share / 100 * n for share, n in zip(np.diag([*rows.values()]), CLIPS[adapter], strict=True)))
        for adapter, rows in printed.CONFUSIONS.items()
        if adapter in CLIPS
    }
    assert right == {"rml": 592, "enterface05": 1109}
    assert pytest.approx(printed.DBN_2["rml"] + 1.86, abs=0.01) == 100 * 592 / 720
    assert pytest.approx(printed.DBN_2["enterface05"], abs=0.01) == 100 * 1109 / 1290


def test_a_class_without_clips_or_decisions():
    found = per_class(np.array([[2, 0, 0], [3, 0, 0], [0, 0, 0]]), ["anger", "fear", "sad"], even=True)
    assert (found["anger"].precision, found["anger"].recall, found["anger"].f_score) == pytest.approx((0.5, 1, 2 / 3))
    assert np.isnan(found["fear"].precision)
    assert (found["fear"].recall, found["fear"].f_score) == (0, 0)
    assert np.isnan([found["sad"].precision, found["sad"].recall, found["sad"].f_score]).all()
