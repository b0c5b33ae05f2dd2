"""Tables of a report: cells, long form, and what every model scored."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pipeline.evaluation import Score
from pipeline.reporting.tables import NOT_JUDGED, Cell, Table, percentages, score_table


def score(accuracy: float, n: int = 90) -> Score:
    return Score(accuracy, accuracy - 0.05, accuracy, accuracy - 0.1, accuracy + 0.1, n, 0.9)


NOTHING = Score(*[math.nan] * 5, 0, 0.0)


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (Cell("a", "b", "m", 0.49, score=score(0.52)), "0.52 (paper 0.49)"),
        (Cell("a", "b", "m", 0.52, 0.086, score(0.5), 0.0411), "0.50 (d 0.041; paper 0.52, d 0.086)"),
        (Cell("a", "b", "m", 0.49, reason="not run: add x"), "not run: add x (paper 0.49)"),
        (Cell("a", "b", "m", 0.52, 0.086, reason="not run: add x"), "not run: add x (paper 0.52, d 0.086)"),
        (Cell("a", "b", "m", 0.49, score=NOTHING, reason=NOT_JUDGED), f"{NOT_JUDGED} (paper 0.49)"),
    ],
)
def test_a_cell_in_words(cell, text):
    assert cell.text() == text


TABLE = Table(
    "table_9",
    "Table 9. Something",
    "Accuracy",
    [
        Cell("r1", "Audio", "m1", 0.1, 0.2, score(0.5), 0.3),
        Cell("r1", "Video", "m2", 0.1, 0.2, score(0.6), 0.3),
        Cell("r2", "Audio", "m3", 0.1, 0.2, None, None, "not run: add m3"),
        Cell("r2", "Video", "m4", 0.1, 0.2, NOTHING, None, NOT_JUDGED),
    ],
)


def test_a_table_in_the_papers_form():
    frame = TABLE.frame()
    assert list(frame.columns) == ["Accuracy", "Audio", "Video"]
    assert frame["Accuracy"].tolist() == ["r1", "r2"]
    assert frame.loc[1].tolist() == ["r2", "not run: add m3 (paper 0.10, d 0.200)", f"{NOT_JUDGED} (paper 0.10, d 0.200)"]


def test_a_table_in_its_long_form():
    rows = TABLE.details().set_index("model")
    assert list(rows.columns) == [
        "row", "column", "accuracy", "low", "high", "uar", "n", "coverage", "d", "paper_accuracy", "paper_d", "reason",
    ]
    assert rows.loc["m1"].tolist() == ["r1", "Audio", 0.5, 0.4, 0.6, 0.45, 90, 0.9, 0.3, 0.1, 0.2, ""]
    assert rows.loc[["m3", "m4"], "reason"].tolist() == ["not run: add m3", NOT_JUDGED]
    assert rows.loc[["m3", "m4"], ["accuracy", "low", "high", "uar", "d"]].isna().all(axis=None)
    assert rows["n"].tolist() == [90, 90, 0, 0]


def test_score_table_keeps_the_order_and_is_silent_about_nothing():
    rows = score_table({"z": score(0.4), "a": score(0.5), "none": NOTHING})
    assert rows["Model"].tolist() == ["z", "a", "none"]
    assert rows.iloc[0].tolist() == ["z", "0.400", "0.300 to 0.500", "0.350", "0.400", "90", "90%"]
    assert rows.iloc[2].tolist() == ["none", "-", NOT_JUDGED, "-", "-", "0", "0%"]


def test_percentages():
    found = percentages(np.array([[3, 1], [0, 0]]))
    np.testing.assert_array_equal(found, [[75, 25], [np.nan, np.nan]])
