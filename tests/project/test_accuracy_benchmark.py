"""The benchmark of accuracy: what it takes for a corpus, what it chooses by, and that it leaves the project alone."""

from __future__ import annotations

import ast
import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import yaml

from benchmarks import accuracy
from benchmarks.accuracy_project import Copy, Corpus, Failed
from helpers.project import ROOT
from helpers.shipped import shipped
from pipeline.core.clip import Clip
from pipeline.core.posteriors import table, write_table
from pipeline.synthetic.corpus import DemoSettings, write_demo


@pytest.mark.parametrize(
    ("text", "protocol"),
    [
        ("mine=manifest_csv:/data/mine:loso", {"name": "loso"}),
        ("mine=manifest_csv:/data/mine:{name: kfold, groups: 3}", {"name": "kfold", "groups": 3}),
    ],
)
def test_a_corpus_on_the_command_line(text: str, protocol: dict) -> None:
    assert Corpus.parse(text) == Corpus("mine", "manifest_csv", Path("/data/mine"), protocol)


@pytest.mark.parametrize(
    "text", ["mine", "mine=manifest_csv", "mine=manifest_csv:/data", "=x:/data:loso", "m=:/data:loso"]
)
def test_another_form_is_refused(text: str, capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit):
        accuracy.main(["--corpus", text])
    assert "not NAME=ADAPTER:FOLDER:PROTOCOL" in capsys.readouterr().err


def test_without_a_corpus_nothing_runs(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert accuracy.main(["--corpus", f"mine=manifest_csv:{tmp_path / 'no'}:loso"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"skipped mine: no such folder '{tmp_path / 'no'}'",
        "no corpus at hand; name one by --corpus NAME=ADAPTER:FOLDER:PROTOCOL",
    ]


def test_an_unknown_system_is_refused() -> None:
    with pytest.raises(SystemExit, match="has no system 'huang'; it has huang2017"):
        accuracy.main(["--systems", "huang"])


class Made:
    """A copy whose reports are there."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def repro(self, target: str, jobs: int) -> float:
        return 90.0


def test_a_row_is_what_validation_chose_and_the_single_model_is_so_too(tmp_path: Path) -> None:
    figures = dict.fromkeys(("low", "high", "uar", "uar_low", "uar_high", "fold_accuracy", "fold_uar"), 0.5)
    figures |= {"fold_accuracy_sd": None, "fold_uar_sd": None}
    scores = {"a-svm": 0.9, "b-svm": 0.6, "chosen_on_validation": 0.7}
    reports, models = tmp_path / "reports/mine/own", tmp_path / "models/mine/own"
    reports.mkdir(parents=True)
    found = {name: {**figures, "accuracy": value} for name, value in scores.items()}
    (reports / "scores.json").write_text(json.dumps(found), encoding="utf-8")
    write_table(models / "fusion/validation.csv", table("x", "fold-00", "val", [], np.zeros((0, 2)), ["anger", "sad"]))
    clips = [Clip("1", "1.wav", "s", "anger"), Clip("2", "2.wav", "s", "sad")]
    for model, right in (("a-svm", False), ("b-svm", True)):
        posteriors = np.eye(2) if right else np.eye(2)[::-1]
        rows = table(model, "fold-00", "val", clips, posteriors, ["anger", "sad"])
        write_table(models / "classifiers" / model / "posteriors.csv", rows)
    params = {"systems": {"own": {"features": {"a": "audio", "b": "audio"}, "classifiers": ["svm"], "fusions": []}}}
    row = accuracy._system(Made(tmp_path), "mine", "own", params, 1)
    assert row.startswith("0.700 (0.500 to 0.500) | 0.500")
    assert row.endswith("| b-svm 0.600 | 1.5 |"), "a-svm is better on test clips, and wrong on validation"
    (reports / "scores.json").write_text(json.dumps({name: found[name] for name in ("a-svm", "b-svm")}))
    with pytest.raises(Failed, match="no validation clips"):
        accuracy._system(Made(tmp_path), "mine", "own", params, 1)


def test_the_script_of_an_afternoon_has_forty_lines_and_needs_nothing_of_the_project() -> None:
    text = (ROOT / "benchmarks/afternoon_script.py").read_text(encoding="utf-8")
    tree = ast.parse(text)
    assert len([line for line in text.splitlines()[tree.body[0].end_lineno :] if line.strip()]) <= 40
    imported = {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    imported |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert imported == {"sys", "pathlib", "av", "dlib", "numpy", "opensmile", "pandas", "sklearn"}


def _digests(folder: Path) -> dict[str, str]:
    places = [
        folder / name for name in ("features", "models", "reports", "data", "dvc.lock", "plan.yaml", "params.yaml")
    ]
    files = [path for place in places for path in ([place] if place.is_file() else place.rglob("*"))]
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files if path.is_file()}


@pytest.mark.long
def test_a_small_system_on_a_generated_corpus(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    """All of it, with real DVC; weights of dlib are asked of the cache, and without them the script's row says so."""
    before = _digests(ROOT)
    write_demo(tmp_path / "demo", DemoSettings(seed=3, speakers=4, takes=1, seconds=1.0), workers=1)
    params = shipped()
    params["systems"] = {
        "tiny": {"features": {"mfcc39": "audio", "lld147": "audio"}, "classifiers": ["svm"], "fusions": []}
    }
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    words = [
        "--corpus",
        f"demo=demo:{tmp_path / 'demo'}:loso",
        "--params",
        str(tmp_path / "params.yaml"),
        "--jobs",
        "1",
    ]
    accuracy.main([*words, "--keep", str(tmp_path / "copy")])
    lines = capsys.readouterr().out.splitlines()
    (row,) = [line for line in lines if line.startswith("| tiny |")]
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    scores = json.loads((tmp_path / "copy/reports/demo/tiny/scores.json").read_text())
    assert cells[1] in scores
    assert cells[2].startswith(f"{scores[cells[1]]['accuracy']:.3f} (")
    assert float(cells[6]) > 0
    assert float(cells[7]) > 0
    assert any(line.startswith("| afternoon script | ") for line in lines)
    assert _digests(ROOT) == before


def test_a_command_that_fails_says_so_in_one_line(tmp_path: Path) -> None:
    copy = Copy.__new__(Copy)
    copy.root = tmp_path
    with pytest.raises(Failed, match=r"^error: no such thing$"):
        copy.run("sh", "-c", "echo error: no such thing >&2; echo and more; exit 3")
