"""The paper's tables: its rows, our figures, and a reason for every cell that was not run."""

from __future__ import annotations

import pytest

from pipeline.evaluation import Score
from pipeline.reporting.tables import TABLE_2, TABLE_3, paper_tables, score_table, table_2, table_3


def score(accuracy: float) -> Score:
    return Score(accuracy, accuracy - 0.05, accuracy, accuracy - 0.1, accuracy + 0.1, 90, 0.9)


SCORES = {
    "lld147-lstm": score(0.4),
    "a60-lstm": score(0.5),
    "a60-svm": score(0.99),
    "v1024-lstm": score(0.6),
    "confidence-a60+v1024-lstm": score(0.7),
}


def test_table_2():
    rows = table_2(SCORES).set_index("Features")
    assert list(rows.index) == ["lld147", "a60", "a1024", "v1024", "v2048"], "the paper's rows"
    assert rows["Accuracy"].to_dict() == {
        "lld147": "0.40",
        "a60": "0.50",
        "a1024": "not run: add a1024 to the system's features in params.yaml",
        "v1024": "0.60",
        "v2048": "not run: add v2048 to the system's features in params.yaml",
    }
    assert rows.loc["a60", ["95 % interval", "UAR", "Coverage", "Paper (CHEAVD)"]].tolist() == ["0.40 to 0.60", "0.45", "0.90", "0.40"]
    assert rows.loc["a1024", ["95 % interval", "UAR", "Coverage"]].tolist() == ["", "", ""]


@pytest.mark.parametrize(
    ("audio", "column", "cell"),
    [
        ("a60", "v1024 Ensemble", "0.70 (paper 0.49)"),
        ("a60", "v1024 LR", "not run: add logistic_regression (paper 0.48)"),
        ("a60", "v2048 LR", "not run: add v2048 (paper 0.49)"),
        ("a1024", "v2048 Ensemble", "not run: add a1024 and v2048 (paper 0.48)"),
    ],
)
def test_table_3(audio, column, cell):
    rows = table_3(SCORES).set_index("Accuracy")
    assert list(rows.index) == ["a60", "a1024"], "the paper's rows"
    assert list(rows.columns) == ["v1024 LR", "v1024 Ensemble", "v2048 LR", "v2048 Ensemble"], "the paper's columns"
    assert rows.loc[audio, column] == cell


def test_no_cell_is_empty_without_a_reason():
    assert table_2({})["Accuracy"].str.startswith("not run: ").all()
    cells = table_3({}).set_index("Accuracy").to_numpy().ravel()
    assert len(cells) == 2 * len(TABLE_3)
    assert all(cell.startswith("not run: ") for cell in cells)


@pytest.mark.parametrize(("system", "stems"), [("huang2017", ["table_2", "table_3"]), ("mine", [])])
def test_only_the_papers_system_has_its_tables(system, stems):
    assert list(paper_tables(system, SCORES)) == stems


def test_score_table_keeps_the_order():
    rows = score_table(SCORES)
    assert rows["Model"].tolist() == list(SCORES)
    assert rows.iloc[0].tolist() == ["lld147-lstm", "0.400", "0.300 to 0.500", "0.350", "0.400", 90, "90%"]


def test_the_papers_figures_are_the_papers(pytestconfig):
    paper = pytestconfig.rootpath.parent / "shared" / "papers" / "huang2017_cheavd.md"
    if not paper.is_file():
        pytest.skip("../shared/papers is absent")
    text = paper.read_text(encoding="utf-8")
    for figure in {*TABLE_2.values(), *(f for pair in TABLE_3.values() for f in pair)}:
        assert f"{figure:.2f}" in text or f"{100 * figure:.0f}%" in text, figure
