"""Mean and deviation over the seeds of a model: by hand, and on the page of a system."""

from __future__ import annotations

import dataclasses

import pandas as pd
import pytest

from helpers.reports import HUANG, make
from pipeline.reporting.system.seeds import read_seeds, seeds_table
from pipeline.reporting.system.write import write_report

CLASSES = ["anger", "sad"]


def said(seed: int, predicted: str) -> pd.DataFrame:
    """Three clips of anger and one of sadness, and a letter for what was said of each."""
    words = {"a": "anger", "s": "sad"}
    truth = ["anger", "anger", "anger", "sad"]
    return pd.DataFrame({"seed": seed, "emotion": truth, "predicted": [words[letter] for letter in predicted]})


BY_SEED = pd.concat([said(0, "aaas"), said(1, "aaaa"), said(2, "sass")], ignore_index=True)


def test_mean_and_deviation_by_hand():
    (row,) = seeds_table({"a60-lstm": BY_SEED}, CLASSES).to_dict("records")
    accuracies, uars = [1.0, 0.75, 0.5], [1.0, 0.5, (1 / 3 + 1) / 2]
    assert (row["model"], row["seeds"]) == ("a60-lstm", 3)
    assert row["accuracy"] == pytest.approx(0.75)
    assert row["accuracy_deviation"] == pytest.approx(0.25)
    assert row["uar"] == pytest.approx(sum(uars) / 3)
    assert row["uar_deviation"] == pytest.approx(pd.Series(uars).std())
    assert sum(accuracies) / 3 == row["accuracy"]


def test_only_models_with_several_seeds_are_read(tmp_path):
    (tmp_path / "a60-lstm").mkdir()
    keys = dict.fromkeys(("model", "fold", "part", "clip_id", "speaker"), "")
    BY_SEED.assign(**keys).to_csv(tmp_path / "a60-lstm" / "seeds.csv", index=False)
    (found,) = read_seeds(tmp_path, ["a60-lstm", "v1024-lstm"]).values()
    assert found["seed"].tolist() == [0] * 4 + [1] * 4 + [2] * 4


def test_the_page_and_a_table_show_them_where_there_are_any(tmp_path):
    for name, seeds in (("with", {"a60-lstm": BY_SEED}), ("without", {})):
        write_report(dataclasses.replace(make("huang2017", HUANG), seeds=seeds), tmp_path / name)
    page = (tmp_path / "with" / "index.html").read_text()
    assert "Several seeds" in page
    assert "0.750 ± 0.250" in page
    assert (tmp_path / "with" / "tables" / "seeds.csv").is_file()
    assert "Several seeds" not in (tmp_path / "without" / "index.html").read_text()
    assert not (tmp_path / "without" / "tables" / "seeds.csv").exists()
