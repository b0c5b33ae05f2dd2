"""Curves of training, one table per model."""

from __future__ import annotations

import pandas as pd
import pytest

from pipeline.core.errors import ArtifactError
from pipeline.reporting.system.system_report import read_curves
from pipeline.reporting.training_curves import training_chart, training_curve, write_curves


def history(*rows: tuple, columns: str = "fold learning_rate epoch loss val_loss val_accuracy") -> pd.DataFrame:
    return pd.DataFrame(rows, columns=columns.split())


def test_the_mean_over_folds_that_had_not_stopped() -> None:
    curve = training_curve(history(("a", 1, 0, 2.0, 3.0, 0.2), ("a", 1, 1, 1.0, 2.0, 0.4), ("b", 1, 0, 4.0, 5.0, 0.0)))
    assert curve.to_dict("list") == {
        "step": [0, 1], "folds": [2, 1], "loss": [3.0, 1.0], "val_loss": [4.0, 2.0],
        "val_accuracy": [pytest.approx(0.1), 0.4],
    }  # fmt: skip


def test_the_candidate_that_was_taken_in_each_fold() -> None:
    rows = [
        ("a", rate, epoch, 0.0, loss, 0.0)
        for rate, losses in ((0.1, (5.0, 4.0)), (0.2, (3.0, 2.0)))
        for epoch, loss in enumerate(losses)
    ]
    assert training_curve(history(*rows))["val_loss"].tolist() == [3.0, 2.0]


def test_a_rate_that_changes_from_step_to_step_is_no_candidate() -> None:
    curve = training_curve(history(("a", 0.05, 0, 1.0, 2.0, 0.0), ("a", 0.069, 1, 1.0, 3.0, 0.0)))
    assert curve["val_loss"].tolist() == [2.0, 3.0]


@pytest.mark.parametrize(
    "found",
    [
        history(columns="fold epoch val_loss"),
        history(("a", 0.1, 0.5), columns="fold c val_accuracy"),
        history(columns="fold"),
    ],
)
def test_what_does_not_learn_step_by_step_has_no_curve(found: pd.DataFrame) -> None:
    assert training_curve(found) is None


def test_one_table_per_model_and_none_of_an_earlier_run(tmp_path) -> None:
    for name, rows in {
        "x-lstm": history(("a", 1, 0, 2.0, 3.0, 0.2)),
        "x-svm": history(("a", 0.1, 0.5), columns="fold c val_accuracy"),
    }.items():
        (tmp_path / "models" / name).mkdir(parents=True)
        rows.to_csv(tmp_path / "models" / name / "history.csv", index=False)
    (tmp_path / "out").mkdir()
    (tmp_path / "out/gone-lstm.csv").touch()
    write_curves(tmp_path / "out", read_curves(tmp_path / "models", ["x-lstm", "x-svm"]))
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["x-lstm.csv"]
    assert (
        tmp_path / "out/x-lstm.csv"
    ).read_text() == "step,folds,loss,val_loss,val_accuracy\n0,1,2.000000,3.000000,0.200000\n"
    with pytest.raises(ArtifactError, match=r"y-lstm/history\.csv: no such history"):
        read_curves(tmp_path / "models", ["y-lstm"])


def test_a_chart_says_how_often_gradients_were_clipped() -> None:
    columns = "fold iteration loss val_loss val_accuracy clipped"
    rows = [("a", 1, 2.0, 3.0, 0.2, 1.0), ("a", 2, 2.0, 3.0, 0.2, 0.5), ("b", 1, 2.0, 3.0, 0.2, 0.0)]
    curve = training_curve(history(*rows, columns=columns))
    assert training_chart("x", curve).described.endswith("gradients clipped in 50.0 % of the steps")
    never = training_curve(history(*((*row[:-1], 0.0) for row in rows), columns=columns))
    assert "clipped" not in training_chart("x", never).described
