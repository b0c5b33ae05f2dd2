"""Tables of a report: cells, long form, and what every model scored."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from pipeline.evaluation.by_class import ClassFigures
from pipeline.evaluation.metrics import Score, percentages
from pipeline.reporting.papers.cells import PERCENT, Cell, Table, decided, of_emotion
from pipeline.reporting.papers.cells import accuracy as accuracy_cell
from pipeline.reporting.system.tables import NOT_JUDGED, best_of_each, score_table


def score(accuracy: float, n: int = 90) -> Score:
    return Score(
        accuracy,
        accuracy - 0.05,
        accuracy,
        accuracy - 0.1,
        accuracy + 0.1,
        n,
        0.9,
        accuracy - 0.2,
        accuracy - 0.15,
        accuracy + 0.05,
        0.3,
        4,
        accuracy + 0.01,
        0.1,
        accuracy - 0.04,
        0.2,
    )


NOTHING = Score(*[math.nan] * 5, 0, 0.0)


def accuracy(row="a", column="b", model="m", **values) -> Cell:
    return accuracy_cell(row=row, column=column, model=model, **values)


def with_d(row="a", column="b", model="m", d=None, paper_d=None, **values) -> Cell:
    return accuracy(row, column, model, d=(d, paper_d), **values)


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (accuracy(paper=0.49, score=score(0.52)), "0.52 (paper 0.49)"),
        (accuracy(paper=0.6617, score=score(0.712), unit=PERCENT), "71.20 (paper 66.17)"),
        (accuracy(score=score(0.712), unit=PERCENT), "71.20"),
        (accuracy(score=score(0.712), unit=PERCENT, paper_lacks="not in the paper"), "71.20 (not in the paper)"),
        (accuracy(model="", paper=0.6617, unit=PERCENT, reason="another corpus"), "paper 66.17"),
        (accuracy(model="", paper_lacks="not in the paper", reason="another corpus"), "not in the paper"),
        (accuracy(paper=0.49, reason="not run: add x"), "not run: add x (paper 0.49)"),
        (accuracy(reason="not run: add x"), "not run: add x"),
        (accuracy(paper=0.49, score=NOTHING, reason=NOT_JUDGED), f"{NOT_JUDGED} (paper 0.49)"),
        (with_d(paper=0.52, paper_d=0.086, score=score(0.5), d=0.0411), "0.50 (d 0.041; paper 0.52, d 0.086)"),
        (with_d(paper=0.52, score=score(0.5)), "0.50 (paper 0.52)"),
        (with_d(paper=0.52, paper_d=0.086, reason="not run: add x"), "not run: add x (paper 0.52, d 0.086)"),
    ],
)
def test_a_cell_in_words(cell, text):
    assert cell.text() == text


FOLDS, FOLDS_100 = "by fold 0.53 ± 0.10 of 4 folds", "by fold 53.00 ± 10.00 of 4 folds"


@pytest.mark.parametrize(
    ("cell", "notes"),
    [
        (accuracy(score=score(0.52)), ["0.42 to 0.62", FOLDS, "UAR 0.47, coverage 90 %"]),
        (accuracy(score=score(0.52), unit=PERCENT), ["42.00 to 62.00", FOLDS_100, "UAR 47.00, coverage 90 %"]),
        (accuracy(reason="not run: add x"), []),
        (accuracy(score=NOTHING, reason=NOT_JUDGED), []),
    ],
)
def test_small_print_of_an_accuracy(cell, notes):
    assert cell.notes == notes


TABLE = Table(
    "Table 9",
    "Something",
    "Accuracy",
    [
        with_d("r1", "Audio", "m1", paper=0.1, paper_d=0.2, score=score(0.5), d=0.3),
        with_d("r1", "Video", "m2", paper=0.1, paper_d=0.2, score=score(0.6), d=0.3),
        with_d("r2", "Audio", "m3", paper=0.1, paper_d=0.2, reason="not run: add m3"),
        with_d("r2", "Video", "m4", paper=0.1, paper_d=0.2, score=NOTHING, reason=NOT_JUDGED),
    ],
)


def test_a_table_in_the_papers_form():
    frame = TABLE.frame()
    assert list(frame.columns) == ["Accuracy", "Audio", "Video"]
    assert frame["Accuracy"].tolist() == ["r1", "r2"]
    assert frame.loc[1].tolist() == [
        "r2",
        "not run: add m3 (paper 0.10, d 0.200)",
        f"{NOT_JUDGED} (paper 0.10, d 0.200)",
    ]
    assert TABLE.stem == "table_9"


def test_a_table_whose_rows_are_grouped_has_one_column_more():
    cells = [accuracy("r1", group="g1", score=score(0.5)), accuracy("r2", group="g2", score=score(0.6))]
    frame = Table("Table I", "Something", "Features", cells, "Kind").frame()
    assert frame.to_dict("list") == {"Kind": ["g1", "g2"], "Features": ["r1", "r2"], "b": ["0.50", "0.60"]}


def test_a_table_in_its_long_form():
    rows = TABLE.details().set_index("model")
    assert list(rows.columns) == [
        "row",
        "column",
        "accuracy",
        "low",
        "high",
        "uar",
        "folds",
        "fold_accuracy",
        "fold_accuracy_sd",
        "fold_uar",
        "fold_uar_sd",
        "n",
        "coverage",
        "d",
        "paper_accuracy",
        "paper_d",
        "reason",
    ]
    assert rows.loc["m1"].tolist() == [
        "r1", "Audio", 0.5, 0.4, 0.6, 0.45, 4, 0.51, 0.1, 0.46, 0.2, 90, 0.9, 0.3, 0.1, 0.2, ""
    ]  # fmt: skip
    assert rows.loc[["m3", "m4"], "reason"].tolist() == ["not run: add m3", NOT_JUDGED]
    assert rows.loc[["m3", "m4"], ["accuracy", "low", "high", "uar", "d"]].isna().all(axis=None)
    assert rows["n"].tolist() == [90, 90, 0, 0]


FIGURES = ClassFigures(precision=0.5, recall=0.25, f_score=1 / 3, right=2, clips=8, decisions=4)


@pytest.mark.parametrize(
    ("measure", "text", "notes"),
    [
        ("Precision", "50.00 (paper 85.33)", ["2 of 4 decisions"]),
        ("Recall", "25.00 (paper 85.33)", ["2 of 8 clips"]),
        ("F-score", "33.33 (paper 85.33)", []),
    ],
)
def test_a_figure_of_one_emotion(measure, text, notes):
    cell = of_emotion(measure, FIGURES, row="Joy", column=measure, model="m", paper=0.8533)
    assert (cell.text(), cell.notes) == (text, notes)
    found = cell.details()
    assert [found[key] for key in ("right", "clips", "decisions", "paper", "reason")] == [2, 8, 4, 0.8533, ""]
    lost = of_emotion(measure, row="Joy", column=measure, model="m", paper=0.8533, reason="not run: x")
    assert (lost.text(), lost.notes, lost.details()["value"]) == ("not run: x (paper 85.33)", [], None)


def test_a_share_of_a_confusion_matrix():
    cell = decided(3, 8, row="joy", column="fear", model="m", paper=0.1553)
    assert (cell.text(), cell.notes) == ("37.50 (paper 15.53)", ["3 of 8 clips"])
    assert cell.details() == {
        "row": "joy",
        "column": "fear",
        "model": "m",
        "share": 0.375,
        "count": 3,
        "clips": 8,
        "paper": 0.1553,
        "reason": "",
    }
    lost = decided(0, 0, row="joy", column="fear", model="m", reason="no clip of it judged")
    assert (lost.text(), lost.notes, lost.details()["share"]) == ("no clip of it judged", [], None)


def test_an_accuracy_of_several_folds_has_their_mean_and_deviation():
    """Either below it, or as the figure itself where the paper prints that."""
    pooled, by_fold = (accuracy(score=score(0.5), by_fold=kind) for kind in (False, True))
    assert (pooled.figure, by_fold.figure) == (0.5, 0.51)
    below = ["by fold 0.51 ± 0.10 of 4 folds", "UAR 0.45, coverage 90 %"]
    assert pooled.notes == ["0.40 to 0.60", *below]
    assert by_fold.notes == ["all clips 0.50, 0.40 to 0.60", *below]
    long = by_fold.details()
    assert [long[key] for key in ("accuracy", "folds", "fold_accuracy", "fold_accuracy_sd")] == [0.5, 4, 0.51, 0.1]
    alone = accuracy(score=dataclasses.replace(score(0.5), folds=1))
    assert alone.notes == ["0.40 to 0.60", "UAR 0.45, coverage 90 %"]


def test_score_table_keeps_the_order_and_is_silent_about_nothing():
    rows = score_table({"z": score(0.4), "a": score(0.5), "none": NOTHING})
    assert rows["Model"].tolist() == ["z", "a", "none"]
    assert rows.iloc[0].to_dict() == {
        "Model": "z",
        "Accuracy": "0.400",
        "95 % interval": "0.300 to 0.500",
        "UAR": "0.350",
        "UAR interval": "0.250 to 0.450",
        "micro-F1": "0.400",
        "macro-F1": "0.200",
        "macro precision": "0.300",
        "Accuracy by fold": "0.410 ± 0.100",
        "UAR by fold": "0.360 ± 0.200",
        "Clips": "90",
        "Coverage": "90%",
    }
    assert rows.iloc[2].tolist() == ["none", "-", NOT_JUDGED, *"-------", "0", "0%"]


def test_a_score_without_an_interval_has_dashes_for_it():
    none = dict.fromkeys(("low", "high", "uar_low", "uar_high", "fold_accuracy_sd", "fold_uar_sd"), math.nan)
    alone = dataclasses.replace(score(0.4), folds=1, **none)
    assert score_table({"a": alone}).iloc[0].tolist() == [
        "a",
        "0.400",
        "-",
        "0.350",
        "-",
        "0.400",
        "0.200",
        "0.300",
        "-",
        "-",
        "90",
        "90%",
    ]


def test_the_best_of_each_method():
    accuracies = {
        "a60-svm": 0.2,
        "v1024-svm": math.nan,
        "vote-a60+v1024-svm": math.nan,
        "vote-a60+v2048-svm": 0.1,
        "sum-a60+v1024-svm": math.nan,
        "vote-logistic_regression+audio-a60+v1024-svm": 0.3,
        "combined-x-average": 0.1,
        "combined-y-average": 0.4,
    }
    methods = {
        "vote-a60+v1024-svm": "vote",
        "vote-a60+v2048-svm": "vote",
        "sum-a60+v1024-svm": "sum",
        "vote-logistic_regression+audio-a60+v1024-svm": "vote-logistic_regression+audio",
        "combined-x-average": "combined",
        "combined-y-average": "combined",
    }
    assert best_of_each(accuracies, methods) == [
        "a60-svm",
        "v1024-svm",
        "vote-a60+v2048-svm",
        "sum-a60+v1024-svm",
        "vote-logistic_regression+audio-a60+v1024-svm",
        "combined-x-average",
        "combined-y-average",
    ]


def test_percentages():
    found = percentages(np.array([[3, 1], [0, 0]]))
    np.testing.assert_array_equal(found, [[75, 25], [np.nan, np.nan]])
