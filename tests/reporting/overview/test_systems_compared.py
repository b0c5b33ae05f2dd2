"""One system against another: paired by clip, whichever fold tested it, with the tests that SciPy gives."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from scipy.stats import binomtest

from pipeline.core.errors import ArtifactError
from pipeline.reporting.overview.systems_compared import COLUMNS, systems_compared
from pipeline.reporting.system.statistics_page import listing


def predictions(path: Path, model: str, decisions: str) -> None:
    """Clips of three speakers, all of them anger; a = right, s = wrong, - = not judged."""
    said = {"a": "anger", "s": "sad", "-": ""}
    rows = [(model, "fold-00", f"c{n:02d}", f"s{n % 3}", "anger", said[letter]) for n, letter in enumerate(decisions)]
    rows.append(("another", "fold-00", "c00", "s0", "anger", "sad"))
    path.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows, columns=["model", "fold", "clip_id", "speaker", "emotion", "predicted"]).to_csv(
        path, index=False
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    predictions(tmp_path / "one" / "predictions.csv", "a", "aaassssss-")
    predictions(tmp_path / "two" / "predictions.csv", "b", "aaaaaaaasa")
    predictions(tmp_path / "three" / "predictions.csv", "c", "aaaaaaaasa")
    return tmp_path


def test_the_better_one_comes_first_and_the_tests_are_paired(folder: Path) -> None:
    table = systems_compared(folder, {"one": "a", "two": "b", "three": "c"})
    first = table.iloc[0]
    assert (first["better"], first["than"], first["clips"]) == ("two: b", "one: a", 9)
    assert first["difference"] == pytest.approx(5 / 9)
    assert first["mcnemar_p"] == pytest.approx(binomtest(5, 5).pvalue)
    assert first["permutation_p"] == pytest.approx(2 / 2**3), "all three speakers are better"
    assert first["mcnemar_p_holm"] == pytest.approx(3 * first["mcnemar_p"])
    equal = table.iloc[2]
    assert (equal["difference"], equal["mcnemar_p"], equal["permutation_p"]) == (0, 1, 1)
    assert pd.read_csv(folder / "comparisons.csv")["better"].tolist() == table["better"].tolist()


def test_as_text(folder: Path) -> None:
    assert listing(systems_compared(folder, {"one": "a", "two": "b"}), COLUMNS).rows == [
        ["two", "one", "9", "+55.6", "0.063", "0.063", "0.250", "0.250"],
    ]


def test_systems_that_judged_no_clip_in_common(folder: Path) -> None:
    predictions(folder / "two" / "predictions.csv", "b", "---------a")
    assert listing(systems_compared(folder, {"one": "a", "two": "b"}), COLUMNS).rows == [
        ["one", "two", "0", "-", "-", "-", "-", "-"]
    ]


def test_predictions_that_are_not_there_are_told(folder: Path) -> None:
    (folder / "two" / "predictions.csv").unlink()
    with pytest.raises(ArtifactError, match=r"two/predictions\.csv: no such table"):
        systems_compared(folder, {"one": "a", "two": "b"})
