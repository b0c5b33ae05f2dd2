"""The page of a system and the overview: whole, escaped, and silent about nothing."""

from __future__ import annotations

import json
import re

import numpy as np
import pandas as pd
import pytest

from pipeline.__main__ import main
from pipeline.core.clip import Clip
from pipeline.core.errors import ArtifactError
from pipeline.core.ledger import Entry, read_ledger
from pipeline.posteriors import table
from pipeline.reporting import system_report
from pipeline.reporting.overview import overview
from pipeline.reporting.page import heat, render
from pipeline.reporting.system_report import GENERATED, SystemReport, read_about
from pipeline.system import SystemParams

EVIL = "<script>alert('x')</script>"
SYSTEM = SystemParams(features={"a60": "audio", "v1024": "video"}, classifiers=("lstm",), fusions=("confidence",))
MODELS = ["a60-lstm", "v1024-lstm", "confidence-a60+v1024-lstm"]


def report(corpus="demo", clip_id="t", speaker="s", origin="trained here", generated=False, emotions=("anger", "sad"), fusions=True):
    clips = [Clip(f"{clip_id}{n}", f"{n}.mp4", f"{speaker}{n}", emotions[n % 2]) for n in range(4)]
    rows = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.7, 0.3]])
    frames = [table(model, "fold-00", "test", clips, rows, emotions).drop(columns="part") for model in MODELS]
    about = [{"feature": f, "dimension": 60, "weights": "ab" * 32, "origin": origin} for f in ("a60", "v1024")]
    ledger = [Entry(clips[0].clip_id, "fuse:x", "degraded", "no_face", f"without {clip_id}"), Entry(clips[1].clip_id, "fuse:x")]
    settings = SYSTEM if fusions else SystemParams(**{**SYSTEM.model_dump(), "fusions": ()})
    folds = {"fold-00": {clip.clip_id: "test" for clip in clips}}
    return SystemReport(corpus, "huang2017", settings, clips, folds, pd.concat(frames), ledger, about, generated)


def test_everything_is_written(tmp_path):
    scores = report().write(tmp_path)
    assert list(scores) == MODELS
    found = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    tables = {f"tables/{stem}.csv" for stem in ("scores", "table_2", "table_3")}
    confusions = {f"confusion/{name}.csv" for name in MODELS}
    assert found == {"metrics.json", "predictions.csv", "ledger.csv", "index.html", *tables, *confusions}
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert {name: row["accuracy"] for name, row in metrics.items()} == dict.fromkeys(MODELS, 0.75)
    matrix = pd.read_csv(tmp_path / "confusion" / "a60-lstm.csv", index_col="truth")
    assert matrix.to_dict("index") == {"anger": {"anger": 2, "sad": 0}, "sad": {"anger": 1, "sad": 1}}
    assert len(read_ledger(tmp_path / "ledger.csv")) == 2


def test_equal_results_give_equal_bytes(tmp_path):
    for name in ("a", "b"):
        report().write(tmp_path / name)
    for path in (tmp_path / "a").rglob("*.*"):
        assert path.read_bytes() == (tmp_path / "b" / path.relative_to(tmp_path / "a")).read_bytes()


def test_the_page_stands_alone_and_says_what_matters(tmp_path):
    report().write(tmp_path)
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert not re.search(r"(src|href)=\"(https?:)?//", page)
    assert "<script" not in page
    for words in ("75.0 %", "4 clips of 4 speakers, 2 emotions", "1 ok, 1 degraded (no_face)", "not run: ", "Table 2.", "trained here"):
        assert words in page, words


@pytest.mark.parametrize("where", ["corpus", "clip_id", "speaker", "origin"])
def test_names_of_a_corpus_are_escaped(tmp_path, where):
    report(**{where: EVIL}).write(tmp_path)
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "<script" not in page
    if where in ("corpus", "origin"):
        assert "&lt;script&gt;" in page


def test_emotions_are_escaped(tmp_path, monkeypatch):
    monkeypatch.setattr(system_report, "class_names", lambda _: [EVIL, "sad"])
    report(emotions=(EVIL, "sad")).write(tmp_path)
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert "&lt;script&gt;" in page


@pytest.mark.parametrize(("generated", "origin", "notices"), [(False, "trained here", 0), (True, "trained here", 1), (True, "on a generated corpus", 2), (False, "on a generated corpus", 1)])
def test_what_was_generated_is_marked(tmp_path, generated, origin, notices):
    report(generated=generated, origin=origin).write(tmp_path)
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert page.count('<p class="note">') == notices
    assert (GENERATED in page) == generated


def test_a_system_without_fusion_has_its_page(tmp_path):
    assert list(report(fusions=False).write(tmp_path)) == MODELS[:2]
    assert (tmp_path / "index.html").is_file()


def test_heat():
    rows = heat(np.array([[3, 1], [0, 0]]), ["a", "b"])
    assert rows[0] == {"name": "a", "total": 4, "cells": [{"count": 3, "share": 75}, {"count": 1, "share": 25}]}
    assert rows[1]["cells"] == [{"count": 0, "share": 0}] * 2


def test_a_value_that_the_template_lacks_is_an_error(tmp_path):
    with pytest.raises(Exception, match="undefined"):
        render("system.html", tmp_path / "x.html", corpus="demo")
    assert not list(tmp_path.iterdir()), "nothing half-written"


def test_overview(tmp_path):
    report().write(tmp_path / "demo" / "huang2017")
    report(corpus=EVIL).write(tmp_path / "<b>" / "mine")
    text = overview(tmp_path)
    for words in ("huang2017 on demo", "mine on <b>", "0.750", "confidence-a60+v1024-lstm", "100%", str(tmp_path / "index.html")):
        assert words in text, words
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert 'href="demo/huang2017/index.html"' in page
    assert "<b>" not in page


def test_overview_without_reports_is_one_line(tmp_path, capsys):
    with pytest.raises(ArtifactError, match="no report in it"):
        overview(tmp_path)
    assert main(["results", "--reports", str(tmp_path)]) == 1
    caught = capsys.readouterr()
    assert (caught.out, caught.err.count("\n")) == ("", 1)
    assert caught.err.startswith("error: ")
    assert not list(tmp_path.iterdir())


def test_read_about(tmp_path):
    for name in ("b", "a"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "about.json").write_text(json.dumps({"feature": name}))
    assert read_about(tmp_path, ["b", "a"]) == [{"feature": "b"}, {"feature": "a"}]
