"""The page of a system and the overview: whole, escaped, and silent about nothing."""

from __future__ import annotations

import dataclasses
import json
import re

import numpy as np
import pandas as pd
import pytest

from helpers.reports import overview
from pipeline.__main__ import main
from pipeline.core.clip import Clip
from pipeline.core.decimals import percent
from pipeline.core.errors import ArtifactError
from pipeline.core.ledger import Entry, read_ledger
from pipeline.core.posteriors import table
from pipeline.evaluation.choice import CHOSEN
from pipeline.evaluation.metrics import ReportParams
from pipeline.manifest.corpus_json import Source, describe
from pipeline.protocols.settings import ProtocolParams
from pipeline.reporting.html.page import Listing, counted, heat, render, shares, warmth
from pipeline.reporting.papers.paper import FeedbackRuns
from pipeline.reporting.system import system_report
from pipeline.reporting.system.notices import GENERATED
from pipeline.reporting.system.statistics_page import SPEAKER_DEPENDENT
from pipeline.reporting.system.system_page import ledger_lines
from pipeline.reporting.system.system_report import SystemReport, read_feedback, read_json
from pipeline.reporting.system.write import write_report
from pipeline.systems.params import SystemParams, fusions

EVIL = "<script>alert('x')</script>"
OWN_TABLES = {
    "scores",
    "choice",
    "per_class",
    "comparisons",
    "calibration",
    "by_speaker",
    "by_fold",
    "learning",
    "baselines",
}
"""Tables that are no paper's, of a corpus that names no gender."""
SYSTEM = SystemParams(features={"a60": "audio", "v1024": "video"}, classifiers=("lstm",), fusions=("confidence",))
MODELS = ["a60-lstm", "v1024-lstm", "confidence-a60+v1024-lstm"]


STACKED = SystemParams(
    features={"a60": "audio", "v1024": "video", "v2048": "video"},
    classifiers=("lstm", "svm"),
    fused=("lstm",),
    fusions=("logistic_regression", "confidence", "prior_knowledge"),
    stacked={"confidence": ("audio", "audio+video"), "prior_knowledge": ("audio", "video")},
)


SMALL_ZHANG = SystemParams(
    features={"anet": "audio", "vnet": "video", "dbn2": "joint"},
    classifiers=("linear_svm",),
    pairs=(("anet", "vnet"),),
    fusions=("vote", "product"),
)


SMALL_OUYANG = SystemParams(
    features={"vggface": "video", "c3dvisual": "video"},
    classifiers=("temporal", "image_set"),
    also={"vggface-end_to_end": "video", "egemaps-transfer": "audio"},
    fusions=(),
    combined={
        "end_to_end": {"rule": "average", "of": ["vggface-end_to_end", "c3dvisual-temporal"]},
        "audio_visual": {"rule": "weighted", "of": ["vggface-image_set", "end_to_end", "egemaps-transfer"]},
    },
    feedback={"fusion": "audio_visual"},
)


def report(
    corpus="demo",
    clip_id="t",
    speaker="s",
    origin="trained here",
    generated=False,
    emotions=("anger", "sad"),
    settings=SYSTEM,
):
    clips = [Clip(f"{clip_id}{n}", f"{n}.mp4", f"{speaker}{n}", emotions[n % 2]) for n in range(4)]
    rows = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.7, 0.3]])
    fused = [fusion.name for fusion in fusions(settings)]
    names = [*settings.models(), *fused]
    frames = [table(model, "fold-00", "test", clips, rows, emotions).drop(columns="part") for model in names]
    validation = pd.concat([table(model, "fold-00", "val", clips, rows, emotions) for model in names])
    about = [{"feature": f, "dimension": 60, "weights": "ab" * 32, "origin": origin} for f in ("a60", "v1024")]
    ledger = [
        Entry(clips[0].clip_id, "fuse:x", "degraded", "no_face", f"without {clip_id}"),
        Entry(clips[1].clip_id, "fuse:x"),
    ]
    folds = {"fold-00": {clip.clip_id: "test" for clip in clips}}
    learned = {
        name: {"fold-00": {"d": 0.02}, "fold-01": {"d": 0.06}} for name in fused if name.startswith("prior_knowledge")
    }
    params = ReportParams(draws=100)
    found = described(corpus, clips, folds.values())
    tested = pd.concat(frames)
    return SystemReport(
        corpus,
        found,
        "huang2017",
        settings,
        clips,
        folds,
        tested,
        validation,
        learned,
        ledger,
        about,
        generated,
        params,
    )


def described(corpus, clips, folds, protocol="loso"):
    return describe(Source(corpus, "demo", "free", "us"), ProtocolParams(name=protocol), clips, list(folds), {})


def test_everything_is_written(tmp_path):
    scores = write_report(report(), tmp_path)
    assert list(scores) == [*MODELS, CHOSEN]
    found = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    stems = [f"table_{n}{kind}" for n in range(1, 6) for kind in ("", "_details")]
    tables = {f"tables/{stem}.csv" for stem in ("figure_6", *stems, *OWN_TABLES)}
    confusions = {f"confusion/{name}.csv" for name in (*MODELS, CHOSEN)}
    plots = {
        f"plots/{name}.csv"
        for name in ("confusion", "reliability", "selective", "training/no_model_learns_step_by_step")
    }
    assert found == {
        "metrics.json",
        "scores.json",
        "predictions.csv",
        "ledger.csv",
        "setup.json",
        "index.html",
        "section.html",
        *tables,
        *confusions,
        *plots,
    }
    metrics = json.loads((tmp_path / "scores.json").read_text())
    assert {name: row["accuracy"] for name, row in metrics.items()} == dict.fromkeys([*MODELS, CHOSEN], 0.75)
    matrix = pd.read_csv(tmp_path / "confusion" / "a60-lstm.csv", index_col="truth")
    assert matrix.to_dict("index") == {"anger": {"anger": 2, "sad": 0}, "sad": {"anger": 1, "sad": 1}}
    assert len(read_ledger(tmp_path / "ledger.csv")) == 2


def test_equal_results_give_equal_bytes(tmp_path):
    for name in ("a", "b"):
        write_report(report(), tmp_path / name)
    for path in (tmp_path / "a").rglob("*.*"):
        assert path.read_bytes() == (tmp_path / "b" / path.relative_to(tmp_path / "a")).read_bytes()


def test_the_page_stands_alone_and_says_what_matters(tmp_path):
    write_report(report(), tmp_path)
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert not re.search(r"(src|href)=\"(https?:)?//", page)
    assert "<script" not in page
    for words in (
        "75.0 %",
        "4 clips of 4 speakers, 2 emotions",
        "1 ok, 1 degraded (no_face)",
        "not run: ",
        "Table 2",
        "trained here",
    ):
        assert words in page, words


@pytest.mark.parametrize("where", ["corpus", "clip_id", "speaker", "origin"])
def test_names_of_a_corpus_are_escaped(tmp_path, where):
    write_report(report(**{where: EVIL}), tmp_path)
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "<script" not in page
    if where in ("corpus", "origin"):
        assert "&lt;script&gt;" in page


def test_emotions_are_escaped(tmp_path, monkeypatch):
    monkeypatch.setattr(system_report, "class_names", lambda _: [EVIL, "sad"])
    write_report(report(emotions=(EVIL, "sad")), tmp_path)
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_networks_with_random_weights_are_shouted_about(tmp_path):
    write_report(report(origin="RANDOM weights, seed 0", generated=True), tmp_path)
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "Networks with RANDOM weights: a60 (RANDOM weights, seed 0); v1024 (RANDOM" in page
    assert page.index("Networks with RANDOM") < page.index(GENERATED) < page.index('headline">'), "before any figure"


@pytest.mark.parametrize(
    ("generated", "origin", "notices"),
    [
        (False, "trained here", 0),
        (True, "trained here", 1),
        (True, "on a generated corpus", 2),
        (False, "on a generated corpus", 1),
    ],
)
def test_what_was_generated_is_marked(tmp_path, generated, origin, notices):
    write_report(report(generated=generated, origin=origin), tmp_path)
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert page.split('class="headline"')[0].count('<p class="note">') == notices
    assert (GENERATED in page) == generated


def test_a_system_without_fusion_has_its_page(tmp_path):
    settings = SystemParams(**{**SYSTEM.model_dump(), "fusions": ()})
    assert list(write_report(report(settings=settings), tmp_path)) == [*MODELS[:2], CHOSEN]
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "among 2 models and fusions" in page
    assert "Best on the test clips: " in page
    assert "All fusions" not in page


def test_a_full_system_has_every_table_and_every_fusion(tmp_path):
    scores = write_report(report(settings=STACKED), tmp_path)
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "among 20 models and fusions" in page
    assert page.count('class="c top"') == 1, "the best is framed"
    for words in ("LR + audio + video", "a60+v2048", "d 0.040", "Fig. 6", "best of 4 on the test clips", "54.90"):
        assert words in page, words
    assert page.count("<h3>audio: ") == page.count("<h3>video: ") == 1, "the other matrices are CSV files"
    assert len(list((tmp_path / "confusion").iterdir())) == len(scores) == 6 + 14 + 1
    table_5 = pd.read_csv(tmp_path / "tables" / "table_5.csv", index_col="Accuracy")
    assert table_5.loc["LR (a60_v1024)", "Audio"] == "0.75 (d 0.040; paper 0.52, d 0.086)"
    assert (
        table_5.loc["LR (a1024_v1024)", "Audio"]
        == "not run: add a1024 to systems.huang2017.features (paper 0.48, d 0.113)"
    )
    figure = pd.read_csv(tmp_path / "tables" / "figure_6.csv", index_col="truth")
    assert figure.loc["sad", ["anger", "sad", "clips"]].tolist() == [50, 50, 2]


def test_without_table_5_figure_6_says_why(tmp_path):
    write_report(report(), tmp_path)
    assert "not run: add " in (tmp_path / "tables" / "figure_6.csv").read_text()
    assert "none was run" in (tmp_path / "index.html").read_text(encoding="utf-8")


def test_another_system_has_no_tables_of_this_paper(tmp_path):
    other = dataclasses.replace(report(settings=STACKED), system="mine")
    write_report(other, tmp_path)
    assert {path.stem for path in (tmp_path / "tables").iterdir()} == OWN_TABLES
    assert "paper" not in (tmp_path / "index.html").read_text(encoding="utf-8").split("</style>")[1]


def zhang(adapter="demo", settings=SMALL_ZHANG) -> SystemReport:
    mine = report(settings=settings)
    source = dataclasses.replace(mine.described.source, adapter=adapter)
    return dataclasses.replace(mine, system="zhang2017", described=dataclasses.replace(mine.described, source=source))


@pytest.mark.parametrize(
    ("adapter", "numbers", "figures"),
    [
        ("demo", ["I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI"], [6, 7, 8]),
        ("enterface05", ["I", "II", "III", "IV", "V", "VI", "VIII", "X", "XI"], [7]),
    ],
)
def test_another_paper_has_its_own_tables_and_figures(tmp_path, adapter, numbers, figures):
    write_report(zhang(adapter), tmp_path)
    stems = ["section_III.C", *(f"table_{number}" for number in numbers), *(f"figure_{number}" for number in figures)]
    wanted = {*OWN_TABLES, *(f"{stem}{kind}" for stem in stems for kind in ("", "_details"))}
    assert {path.stem for path in (tmp_path / "tables").iterdir()} == wanted
    table = pd.read_csv(tmp_path / "tables" / "table_V.csv", index_col="Decision-level")
    own = {"demo": ("ours: demo", "75.00"), "enterface05": ("eNTERFACE05", "75.00 (paper 81.62)")}
    column, text = own[adapter]
    assert str(table.loc["Product", column]) == text
    assert table.loc["Max", column].startswith("not run: add maximum to systems.zhang2017.fusions")
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "nan" not in page.split("</style>")[1]
    assert page.count("<h3>Table ") == len(numbers)
    assert page.count("<h3>Fig. ") == len(figures)
    for words in (
        "Tables II, III and XI",
        "not run: add fc1 to systems.zhang2017.features",
        "no clip of joy in demo",
        "The paper, eNTERFACE05",
    ):
        assert words in page, words


def ouyang(settings=SMALL_OUYANG, feedback=None) -> SystemReport:
    state = {"weights": np.full((3, 2), 0.5).tolist(), "clips": 4, "right": 3, "gap": 1, "exact": False}
    learned = {"combined-audio_visual-weighted": {"fold-00": state}}
    return dataclasses.replace(report(settings=settings), system="ouyang2017", learned=learned, feedback=feedback)


def loop(changed=""):
    step = {"distance": 0.5, "loss": -0.25, "validation_accuracy": 0.5}
    run = {
        "clips_with_feedback": 2,
        "clips_without_feedback": 2,
        "end": "repeated",
        "kept": 2,
        "with_feedback": [0.5, 1.0],
        "without_feedback": [0.5, 0.5],
        "excess": 0.5,
    }
    steps = pd.DataFrame(
        [
            {"fold": "fold-00", "step": n, "kept": "yes" if n == 2 else "no", **step, "changed": changed * (n - 1)}
            for n in (1, 2)
        ]
    )
    return FeedbackRuns(
        {"fusion": "combined-audio_visual-weighted", "folds": {"fold-00": {**run, "steps": [step, step]}}}, steps
    )


def test_a_system_of_combined_fusions_has_its_page(tmp_path):
    scores = write_report(ouyang(feedback=loop("end_to_end sad: 1 to 0; x sad: 0 to 1")), tmp_path)
    assert list(scores)[-3:] == ["combined-end_to_end-average", "combined-audio_visual-weighted", CHOSEN]
    stems = [f"table_{n}{kind}" for n in range(2, 7) for kind in ("", "_details")]
    assert {path.stem for path in (tmp_path / "tables").iterdir()} == {*OWN_TABLES, "feedback", "feedback_fit", *stems}
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "nan" not in page.split("</style>")[1]
    places = [
        page.index(words)
        for words in (
            "further models</th>",
            *(f"<h3>Table {n}" for n in range(2, 7)),
            "<h3>Feedback",
            "Combined fusions",
        )
    ]
    assert places == sorted(places)
    for words in (
        '<td class="made">end_to_end<small>average: vggface-end_to_end, c3dvisual-temporal</small></td>',
        "fold-00: 3 of 4 validation clips right, at most 1 more possible",
        "not run: add image_set_audio to systems.ouyang2017.combined",
        "<td>end_to_end sad: 1 to 0<br>x sad: 0 to 1</td>",
        '<tr class="best"><td>2, kept</td>',
        "+50.0 points",
        "it came back to weights that it had submitted before",
        "Left out of ours since no clip has them: disgust, fear, happy, neutral, surprise.",
        f"among {len(scores) - 1} models and fusions",
    ):
        assert words in page, words
    assert "All fusions" not in page
    assert page.count("<h3>video: ") == page.count("<h3>further models: ") == 1


def test_a_system_of_combined_fusions_without_a_loop_has_its_page(tmp_path):
    settings = SystemParams(**{**SMALL_OUYANG.model_dump(), "feedback": None})
    write_report(ouyang(settings=settings), tmp_path)
    assert (tmp_path / "tables" / "feedback.csv").read_text() == "reason\nnot run: add feedback to systems.ouyang2017\n"
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert re.findall(r"<details( open)?>", page) == [], "the steps of a loop would be listed in one"


def test_what_the_loop_changed_is_escaped(tmp_path):
    write_report(ouyang(feedback=loop(EVIL)), tmp_path)
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_pairs_and_combined_fusions_stand_in_tables_of_their_own(tmp_path):
    both = SystemParams(
        **{**STACKED.model_dump(), "combined": {"all": {"rule": "average", "of": ["a60-svm", "v2048-lstm"]}}}
    )
    write_report(report(settings=both), tmp_path)
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert page.index("All fusions") < page.index("Combined fusions")
    row = '<tr><td class="made">all<small>average: a60-svm, v2048-lstm</small></td>'
    assert row in page, "the only one is not the best of any"
    assert page.count('class="c top"') == 1


def test_a_feature_whose_models_began_from_other_weights_is_listed_with_both(tmp_path):
    rows = [
        {"feature": "a60", "dimension": 60, "weights": "ab" * 32, "origin": origin}
        for origin in ("here", "there", "here")
    ]
    write_report(dataclasses.replace(report(), about=rows), tmp_path)
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert page.count("<td>a60<small>60 columns</small></td>") == 2


def test_features_of_both_modalities_have_their_place(tmp_path):
    write_report(zhang(), tmp_path)
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    places = [
        page.index(f'<tr class="group"><th colspan="11">{words}</th>') for words in ("audio", "video", "audio+video")
    ]
    assert places == sorted(places)
    assert places[2] < page.index("<td>dbn2-linear_svm</td>")
    assert "<h3>audio+video: dbn2-linear_svm, accuracy 75.0 %" in page
    assert "among 5 models and fusions" in page
    assert page.count('class="c top"') == 1, "of the two rules, the best is framed"
    assert "LR: what logistic regression" not in page


def test_a_model_that_judged_nothing_keeps_its_place(tmp_path):
    whole = report(settings=STACKED)
    rows = whole.predictions
    lost = {"a60-svm", "confidence-a60+v1024-lstm", "prior_knowledge-logistic_regression+audio-a60+v1024-lstm"}
    scores = write_report(dataclasses.replace(whole, predictions=rows[~rows["model"].isin(lost)]), tmp_path)
    assert {name for name, found in scores.items() if not found.n} == lost
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "nan" not in page
    assert page.count("no clip judged") == 3, "unimodal table, Table 3, Table 5"
    assert ">no clip</td>" in page, "the matrix of fusions"
    assert json.loads((tmp_path / "scores.json").read_text())["a60-svm"]["accuracy"] is None


def test_stages_whose_clips_fared_alike_share_a_line():
    entries = [
        Entry("c1", stage) for stage in ("prepare", "train:a", "train:b", "fuse:x", "fuse:y", "fuse:z", "fuse:v")
    ]
    entries.append(Entry("c1", "fuse:w", "degraded", "no_face", "without v"))
    assert ledger_lines(entries) == [
        {"stage": "fuse: 4 fusions", "summary": "1 ok"},
        {"stage": "fuse: w", "summary": "1 degraded (no_face)"},
        {"stage": "prepare", "summary": "1 ok"},
        {"stage": "train: a, b", "summary": "1 ok"},
    ]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.2, 0.4, 0.3], [0, 100, 50]),
        ([0.5, np.nan], [0, 0]),
        ([0.2, np.nan, 0.4], [0, 0, 100]),
        ([np.nan], [0]),
        ([], []),
    ],
)
def test_warmth(values, expected):
    assert warmth(values) == expected


def test_percent():
    assert [percent(0.5236), percent(0.98765, 0), percent(float("nan"))] == ["52.4 %", "99 %", "-"]


def test_columns_of_words_and_of_figures():
    rows = [["s01", "a60-svm", "+0.0", "96.8 %", "< 0.001", "-"], ["s02", "-", "-", "-", "1.000", "0.6 ± 0.1"]]
    assert Listing("", list("abcdef"), rows).texts == {1}
    assert Listing("", list("ab"), []).texts == frozenset()


def test_heat():
    rows = heat(np.array([[3, 1], [0, 0]]), ["a", "b"])
    cells = [{"count": 3, "share": 75, "text": "75 %"}, {"count": 1, "share": 25, "text": "25 %"}]
    assert rows[0] == {"name": "a", "total": 4, "cells": cells}
    assert rows[1]["cells"] == [{"count": 0, "share": 0, "text": "-"}] * 2


def test_shares():
    rows = shares(np.array([[88.7, 11.3], [np.nan, np.nan]]), ["a", "b"])
    assert rows[0] == {"name": "a", "cells": [{"share": 88.7, "text": "88.70"}, {"share": 11.3, "text": "11.30"}]}
    assert rows[1] == {"name": "b", "cells": [{"share": 0.0, "text": "-"}] * 2}


@pytest.mark.parametrize(("in_percent", "texts"), [(False, ["3", "1"]), (True, ["75.00", "25.00"])])
def test_clips_of_a_matrix(in_percent, texts):
    first, second = counted(np.array([[3, 1], [0, 0]]), ["a", "b"], in_percent)
    assert (first["total"], second["total"]) == (4, 0)
    assert [(cell["share"], cell["text"]) for cell in first["cells"]] == list(zip((75.0, 25.0), texts, strict=True))


def test_a_value_that_the_template_lacks_is_an_error(tmp_path):
    with pytest.raises(Exception, match="undefined"):
        render("system.html", tmp_path / "x.html", corpus="demo")
    assert not list(tmp_path.iterdir()), "nothing half-written"


def test_overview(tmp_path):
    write_report(report(), tmp_path / "demo" / "huang2017")
    write_report(report(corpus=EVIL), tmp_path / "<b>" / "mine")
    text = overview(tmp_path)
    for words in (
        "huang2017 on demo: leave one speaker out",
        "mine on <b>: leave one speaker out",
        "0.750",
        "confidence-a60+v1024-lstm",
        "100%",
        str(tmp_path / "index.html"),
    ):
        assert words in text, words
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert 'href="demo/huang2017.html"' in page
    assert page.count("leave one speaker out") == 2, "beside the address of each"
    assert "mine on &lt;b&gt;" in page
    assert "mine on &lt;b&gt;" in (tmp_path / "<b>" / "mine.html").read_text(encoding="utf-8")
    assert "on <b>" not in page
    assert "<td><b></td>" not in page
    assert "<script" not in page


def test_a_speaker_dependent_figure_is_called_so_wherever_it_stands(tmp_path):
    mine = report()
    mixed = described("demo", mine.clips, mine.folds.values(), "speaker_dependent_random")
    write_report(dataclasses.replace(mine, described=mixed), tmp_path / "demo" / "huang2017")
    write_report(report(), tmp_path / "other" / "huang2017")
    assert json.loads((tmp_path / "demo" / "huang2017" / "setup.json").read_text())["speaker_dependent"] is True
    assert json.loads((tmp_path / "other" / "huang2017" / "setup.json").read_text())["speaker_dependent"] is False
    text = overview(tmp_path)
    assert text.count("SPEAKER-DEPENDENT") == 3, "above the figures, and in both tables of all systems"
    assert all("SPEAKER-DEPENDENT" in line for line in text.splitlines() if line.startswith("demo "))
    alarm = f'<p class="note alarm">{SPEAKER_DEPENDENT}</p>'
    names = ("demo/huang2017/index.html", "demo/huang2017.html", "index.html")
    pages = [(tmp_path / name).read_text(encoding="utf-8") for name in names]
    assert [page.count(alarm) for page in pages] == [1, 1, 0]
    for page in pages[:2]:
        assert page.index('class="headline"') < page.index(alarm) < page.index("Models of one feature")
    assert pages[2].index('note alarm">SPEAKER-DEPENDENT: huang2017 on demo.') < pages[2].index("Headlines</h2>")
    assert (
        pages[2].count('<tr class="alarm"><td><a href="demo/huang2017.html">huang2017</a></td><td>demo</td>')
        == pages[2].count('<tr class="alarm">')
        == 2
    )
    assert "SPEAKER-DEPENDENT" not in (tmp_path / "other" / "huang2017.html").read_text(encoding="utf-8")


def test_a_report_of_before_is_told_to_be_made_again(tmp_path):
    write_report(report(), tmp_path / "demo" / "huang2017")
    setup = tmp_path / "demo" / "huang2017" / "setup.json"
    setup.write_text('{"protocol": "leave one speaker out"}')
    with pytest.raises(ArtifactError, match=r"setup\.json: not of this version; run `dvc repro -f report`$"):
        overview(tmp_path)
    setup.unlink()
    with pytest.raises(ArtifactError, match=r"setup\.json: no such file; run `dvc repro report`$"):
        overview(tmp_path)


def test_overview_shows_single_models_and_the_best_of_each_method(tmp_path):
    write_report(report(settings=STACKED), tmp_path / "demo" / "huang2017")
    path = tmp_path / "demo" / "huang2017" / "scores.json"
    metrics = json.loads(path.read_text())
    metrics["confidence-a60+v2048-lstm"]["accuracy"] = 0.8
    metrics["confidence-a60+v1024-lstm"]["accuracy"] = None
    path.write_text(json.dumps(metrics))
    lines = overview(tmp_path).splitlines()
    names = [line.split()[0] for line in lines if "0.750" in line or "0.800" in line]
    assert names[:6] == STACKED.models()
    assert names[6:] == [
        "logistic_regression-a60+v1024-lstm",
        "confidence-a60+v2048-lstm",
        "prior_knowledge-a60+v1024-lstm",
        "confidence-logistic_regression+audio-a60+v1024-lstm",
        "confidence-logistic_regression+audio+video-a60+v1024-lstm",
        "prior_knowledge-logistic_regression+audio-a60+v1024-lstm",
        "prior_knowledge-logistic_regression+video-a60+v1024-lstm",
        CHOSEN,
    ]
    assert any("among 14 fusions" in line for line in lines)
    assert not any("The best on the test clips" in line or "The headline of each" in line for line in lines), (
        "there is one report"
    )
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert ">a60-lstm (1 of 1 fold)</td>" in page.split("Headlines on demo</h2>")[1].split("</table>")[0]


def test_an_interval_that_there_is_not_is_a_dash(tmp_path):
    write_report(report(), tmp_path / "demo" / "huang2017")
    path = tmp_path / "demo" / "huang2017" / "scores.json"
    metrics = json.loads(path.read_text())
    metrics["a60-lstm"] |= {"low": None, "high": None}
    path.write_text(json.dumps(metrics))
    line = next(line for line in overview(tmp_path).splitlines() if line.startswith("a60-lstm"))
    assert line.split() == ["a60-lstm", "0.750", "-", "0.750", "4", "100%"]


def test_overview_of_two_systems_ends_with_the_best_of_each(tmp_path):
    write_report(report(settings=STACKED), tmp_path / "demo" / "huang2017")
    write_report(dataclasses.replace(report(settings=SMALL_ZHANG), system="zhang2017"), tmp_path / "demo" / "zhang2017")
    lines = overview(tmp_path).splitlines()
    for heading, names in {
        "The headline of each, chosen on validation": [[], []],
        "The best on the test clips": [["a60-lstm"], ["anet-linear_svm"]],
    }.items():
        start = next(number for number, line in enumerate(lines) if line.startswith(heading))
        shown = ["Corpus", "Protocol", "System", *(["Model"] if names[0] else []), "Accuracy"]
        assert lines[start + 1].split()[: len(shown)] == shown, "a headline has one name in all systems"
        assert [re.split("  +", line)[: len(shown)] for line in lines[start + 2 : start + 4]] == [
            ["demo", "leave one speaker out", system, *name, "0.750"]
            for system, name in zip(("huang2017", "zhang2017"), names, strict=True)
        ]
    assert f"  {CHOSEN}: anet-linear_svm (1 of 1 fold)" in lines
    blocks = "\n".join(lines).split("zhang2017 on demo")
    assert "best of each method, among 14 fusions" in blocks[0]
    assert "best of each method" not in blocks[1], "no fusion is left out"
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    for system in ("huang2017", "zhang2017"):
        assert page.count(f'href="demo/{system}.html"') == 3, "in the contents and in both tables"
        own = (tmp_path / "demo" / f"{system}.html").read_text(encoding="utf-8")
        assert own.count(f'id="demo-{system}"') == 1
        assert f'href="{system}/index.html"' in own


def test_overview_shows_every_combined_fusion(tmp_path):
    write_report(ouyang(), tmp_path / "demo" / "ouyang2017")
    lines = overview(tmp_path).splitlines()
    names = [line.split()[0] for line in lines if "0.750" in line]
    assert names == [*SMALL_OUYANG.models(), "combined-end_to_end-average", "combined-audio_visual-weighted", CHOSEN]
    assert not any("best of each method" in line for line in lines), "none is left out"


def test_metrics_that_are_no_json_are_one_line(tmp_path):
    path = tmp_path / "demo" / "x" / "scores.json"
    path.parent.mkdir(parents=True)
    path.write_text("{")
    with pytest.raises(ArtifactError, match="not readable"):
        overview(tmp_path)


def test_overview_without_reports_is_one_line(tmp_path, capsys):
    with pytest.raises(ArtifactError, match="no report in it"):
        overview(tmp_path)
    assert main(["results", "--reports", str(tmp_path)]) == 1
    caught = capsys.readouterr()
    assert (caught.out, caught.err.count("\n")) == ("", 1)
    assert caught.err.startswith("error: ")
    assert not list(tmp_path.iterdir())


def test_read_json(tmp_path):
    path = tmp_path / "learned.json"
    with pytest.raises(ArtifactError, match="no such file; run `dvc repro fuse`"):
        read_json(path, "fuse")
    path.write_text("{")
    with pytest.raises(ArtifactError, match="not readable"):
        read_json(path, "fuse")
    path.write_text('{"a": {"fold-00": {"d": 0.5}}}')
    assert read_json(path, "fuse") == {"a": {"fold-00": {"d": 0.5}}}


def test_read_feedback(tmp_path):
    assert read_feedback(tmp_path, SYSTEM) is None
    with pytest.raises(ArtifactError, match=r"feedback\.csv: no such file; run `dvc repro fuse`"):
        read_feedback(tmp_path, SMALL_OUYANG)
    (tmp_path / "feedback.csv").write_text("")
    with pytest.raises(ArtifactError, match=r"feedback\.csv: not readable"):
        read_feedback(tmp_path, SMALL_OUYANG)
    (tmp_path / "feedback.csv").write_text("fold,step,kept,distance,changed\nfold-00,1,yes,0.500000,\n")
    with pytest.raises(ArtifactError, match=r"feedback\.json: no such file"):
        read_feedback(tmp_path, SMALL_OUYANG)
    (tmp_path / "feedback.json").write_text('{"folds": {}}')
    assert read_feedback(tmp_path, SYSTEM) is None, "left by a system that had a loop"
    found = read_feedback(tmp_path, SMALL_OUYANG)
    assert found.runs == {"folds": {}}
    assert found.steps.to_dict("records") == [
        {"fold": "fold-00", "step": 1, "kept": "yes", "distance": 0.5, "changed": ""}
    ]


def test_the_overview_shows_robustness_once_there_is_any(tmp_path):
    write_report(report(), tmp_path / "demo" / "huang2017")
    overview(tmp_path)
    own = tmp_path / "demo" / "huang2017.html"
    assert "robustness" not in own.read_text(encoding="utf-8")
    (tmp_path / "demo" / "huang2017" / "robustness").mkdir()
    (tmp_path / "demo" / "huang2017" / "robustness" / "section.html").write_text(
        '<details id="demo-huang2017-robustness">curves</details>'
    )
    overview(tmp_path)
    page = own.read_text(encoding="utf-8")
    assert page.index('href="#demo-huang2017-robustness"') < page.index(
        '<details id="demo-huang2017-robustness">curves</details>'
    )
