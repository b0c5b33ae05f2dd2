"""Huang et al. 2017: its tables, our figures in them, and a reason for every cell that was not run."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest

from pipeline.core.clip import Clip
from pipeline.evaluation.metrics import Score
from pipeline.reporting.papers import huang2017 as paper
from pipeline.reporting.papers.huang2017_counts import TABLE_1
from pipeline.reporting.papers.paper import Results
from pipeline.reporting.system.tables import NOT_JUDGED
from pipeline.systems.params import SystemParams, fusions

FULL = SystemParams(
    features={"lld147": "audio", "a60": "audio", "a1024": "audio", "v1024": "video", "v2048": "video"},
    classifiers=("lstm", "svm"),
    fusions=("logistic_regression", "confidence", "prior_knowledge"),
    stacked={"confidence": ("audio", "video", "audio+video"), "prior_knowledge": ("audio", "video")},
)


def score(accuracy: float) -> Score:
    return Score(accuracy, accuracy, accuracy, accuracy - 0.1, accuracy + 0.1, 90, 0.9)


def everything(settings: SystemParams) -> dict[str, Score]:
    """Return a different accuracy for every model and fusion."""
    names = [*settings.models(), *(fusion.name for fusion in fusions(settings))]
    return {name: score(0.2 + 0.005 * number) for number, name in enumerate(names)}


def changed(**change) -> SystemParams:
    return SystemParams(**{**FULL.model_dump(), **change})


def tables(settings=FULL, scores=None, d=None):
    figures = everything(settings) if scores is None else scores
    found = paper.Huang2017(Results("demo", "demo", settings, paper.EMOTIONS, figures, {}, d or {}))
    return {table.stem: table for table in found.tables() if table.stem != "table_1"}


def clip(number: int, emotion: str) -> Clip:
    return Clip(f"c{number}", f"{number}.avi", f"s{number}", emotion)


def table_1(emotions: Sequence[str], *folds: dict[str, Sequence[int]]):
    clips = [clip(number, emotion) for number, emotion in enumerate(emotions)]
    splits = {
        f"fold-0{n}": {f"c{number}": part for part, numbers in fold.items() for number in numbers}
        for n, fold in enumerate(folds)
    }
    found = Results("mine", "cheavd", FULL, list(dict.fromkeys(emotions)), {}, {}, clips=clips, folds=splits)
    return paper.Huang2017(found).tables()[0]


def test_table_1_counts_the_clips_of_each_emotion_and_part():
    emotions = ["anger", "anger", "fear", "happy", "calm"]
    table = table_1(emotions, {"train": [0, 2], "val": [3], "test": [1, 4]})
    frame = table.frame().set_index("Category")
    assert list(frame.columns) == [
        "Angry", "Disgust", "Fear", "Happy", "Sad", "Surprise", "Neutral", "Calm", "All",
    ]  # fmt: skip
    papers = [f"(paper {n})" for n in (462, 310, 56, 440, 460, 190, 300)]
    assert frame.loc["Number"].tolist() == [
        *(f"{ours} {theirs}" for ours, theirs in zip((2, 0, 1, 1, 0, 0, 0), papers, strict=True)),
        "1 (not in the paper)",
        "5 (paper 2218)",
    ]
    by_part = {part: [int(text.split()[0]) for text in frame.loc[part]] for part in ("training", "validation", "test")}
    assert by_part == {
        "training": [1, 0, 1, 0, 0, 0, 0, 0, 2],
        "validation": [0, 0, 0, 1, 0, 0, 0, 0, 1],
        "test": [1, 0, 0, 0, 0, 0, 0, 1, 2],
    }
    assert frame.loc["test", "Fear"] == "0 (not by part in the paper)"


def test_table_1_of_several_folds_has_their_mean():
    table = table_1(["anger", "anger", "sad"], {"train": [0, 1], "test": [2]}, {"train": [2], "test": [0, 1]})
    angry = {cell.row: cell for cell in table.cells if cell.column == "Angry"}
    assert (angry["training"].text(), angry["training"].notes) == ("1.0 (not by part in the paper)", ["0 to 2"])
    assert angry["validation"].details() | {"row": 0, "column": 0} == {
        "row": 0, "column": 0, "model": "manifest", "clips": 0.0, "least": 0, "most": 0, "folds": 2, "paper": None,
        "reason": "",
    }  # fmt: skip


def test_a_report_of_cheavd_does_not_call_it_another_corpus():
    captions = [
        table.caption
        for table in paper.Huang2017(Results("mine", "cheavd", FULL, paper.EMOTIONS, everything(FULL), {})).tables()[1:]
    ]
    assert not any("another corpus" in caption for caption in captions)
    assert all("CHEAVD" in caption and "other weights" in caption for caption in captions)


def test_rows_and_columns_are_the_papers():
    shape = {stem: (table.corner, list(table.rows()), table.columns) for stem, table in tables().items()}
    pairs = [f"LR ({audio}_{video})" for audio in ("a60", "a1024") for video in ("v1024", "v2048")]
    assert shape == {
        "table_2": ("Features", ["Handcrafted audio features (147)", "a60", "a1024", "v1024", "v2048"], ["Accuracy"]),
        "table_3": ("Accuracy", ["a60", "a1024"], ["v1024 LR", "v1024 Ensemble", "v2048 LR", "v2048 Ensemble"]),
        "table_4": ("Accuracy", pairs, ["Audio", "Video", "Audio+Video"]),
        "table_5": ("Accuracy", pairs, ["Audio", "Video"]),
    }


@pytest.mark.parametrize(
    ("stem", "row", "column", "model"),
    [
        ("table_2", "Handcrafted audio features (147)", "Accuracy", "lld147-lstm"),
        ("table_2", "v2048", "Accuracy", "v2048-lstm"),
        ("table_3", "a60", "v1024 LR", "logistic_regression-a60+v1024-lstm"),
        ("table_3", "a1024", "v2048 Ensemble", "confidence-a1024+v2048-lstm"),
        ("table_4", "LR (a60_v2048)", "Audio+Video", "confidence-logistic_regression+audio+video-a60+v2048-lstm"),
        ("table_5", "LR (a1024_v1024)", "Video", "prior_knowledge-logistic_regression+video-a1024+v1024-lstm"),
    ],
)
def test_which_model_answers_a_cell(stem, row, column, model):
    cell = next(cell for cell in tables()[stem].cells if (cell.row, cell.column) == (row, column))
    assert cell.model == model
    assert cell.figure == everything(FULL)[model].accuracy


def test_every_cell_of_the_full_system_is_filled():
    cells = [cell for table in tables().values() for cell in table.cells]
    assert len(cells) == 5 + 8 + 12 + 8
    assert all(cell.figure is not None and not cell.reason for cell in cells)


def test_table_5_has_d_beside_the_papers():
    name = "prior_knowledge-logistic_regression+audio-a60+v1024-lstm"
    frame = (
        tables(scores={**everything(FULL), name: score(0.5)}, d={name: 0.0412})["table_5"].frame().set_index("Accuracy")
    )
    assert frame.loc["LR (a60_v1024)", "Audio"] == "0.50 (d 0.041; paper 0.52, d 0.086)"


@pytest.mark.parametrize(
    ("change", "stem", "model", "reason"),
    [
        (
            {"features": {"a60": "audio", "v1024": "video"}},
            "table_2",
            "v2048-lstm",
            "add v2048 to systems.huang2017.features",
        ),
        (
            {"features": {"lld147": "audio", "v1024": "video"}},
            "table_3",
            "confidence-a1024+v2048-lstm",
            "add a1024 and v2048 to systems.huang2017.features",
        ),
        ({"classifiers": ("svm",)}, "table_2", "a60-lstm", "add lstm to systems.huang2017.classifiers"),
        ({"fused": ("svm",)}, "table_3", "confidence-a60+v1024-lstm", "add lstm to systems.huang2017.fused"),
        (
            {"fusions": ("logistic_regression",)},
            "table_3",
            "confidence-a60+v1024-lstm",
            "add confidence to systems.huang2017.fusions",
        ),
        (
            {"fusions": ("confidence",), "stacked": {}},
            "table_4",
            "confidence-logistic_regression+audio-a60+v1024-lstm",
            "add logistic_regression to systems.huang2017.fusions",
        ),
        (
            {"stacked": {"confidence": ("audio",)}},
            "table_4",
            "confidence-logistic_regression+audio+video-a60+v1024-lstm",
            "add audio+video to systems.huang2017.stacked.confidence",
        ),
        (
            {"stacked": {}},
            "table_5",
            "prior_knowledge-logistic_regression+video-a60+v1024-lstm",
            "add video to systems.huang2017.stacked.prior_knowledge",
        ),
        (
            {"features": {"a60": "video", "v1024": "audio"}},
            "table_3",
            "confidence-a60+v1024-lstm",
            "see systems.huang2017 in params.yaml",
        ),
    ],
)
def test_why_a_cell_was_not_run(change, stem, model, reason):
    table = tables(changed(**change))[stem]
    cell = next(cell for cell in table.cells if cell.model == model)
    assert (cell.figure, cell.side, cell.reason) == (None, "", f"not run: {reason}")
    assert (table.frame() != "").all(axis=None), "never empty"
    assert table.details()["reason"].str.startswith("not run: ").any()


def test_a_model_that_judged_nothing_says_so():
    scores = {**everything(FULL), "a60-lstm": Score(*[math.nan] * 5, 0, 0.0)}
    cell = next(cell for cell in tables(scores=scores)["table_2"].cells if cell.row == "a60")
    assert cell.text() == f"{NOT_JUDGED} (paper 0.40)"


def test_captions_say_whose_figures_they_are():
    assert all("CHEAVD" in table.caption and "other weights" in table.caption for table in tables().values())


def test_figure_6_is_the_best_of_table_5():
    names = [cell.model for cell in tables()["table_5"].cells]
    scores = {**everything(FULL), names[3]: score(0.9), names[5]: score(0.9)}
    table = tables(scores=scores)["table_5"]
    cell = paper.best_of(table)
    assert cell.model == names[3], "the first of equals"
    assert paper.best_of(tables(changed(stacked={}))["table_5"]) is None
    caption = paper.figure_6_caption(table, cell, ["anger", "sad"])
    for words in (
        names[3],
        "best of 8 on the test clips, as in the paper",
        "disgust, fear, happy, surprise, neutral",
        "CHEAVD",
    ):
        assert words in caption
    assert "Left out" not in paper.figure_6_caption(table, cell, [*paper.EMOTIONS, "calm"])


def test_figure_6_in_percent_of_the_truth():
    counts = np.array([[3, 1, 0, 0], [0, 2, 1, 0], [0, 0, 0, 0], [1, 1, 1, 1]])
    frame = paper.figure_6_frame(counts, ["anger", "happy", "neutral", "calm"]).set_index("truth")
    assert frame.loc["anger"].tolist() == ["75.00", "25.00", "0.00", "0.00", 4, "54.90"]
    assert frame.loc["happy"].tolist() == ["0.00", "66.67", "33.33", "0.00", 3, "67.00"]
    assert frame.loc["neutral"].tolist() == [*["no clip"] * 4, 0, "in a picture only"]
    assert frame.loc["calm", ["clips", "paper"]].tolist() == [4, "not in the paper"]


def papers_text(pytestconfig) -> str:
    path = pytestconfig.rootpath.parent / "shared" / "papers" / "huang2017_cheavd.md"
    if not path.is_file():
        pytest.skip("../shared/papers is absent")
    return path.read_text(encoding="utf-8")


def test_the_papers_figures_are_the_papers(pytestconfig):
    """Line by line as the tables of the paper have them."""
    text = papers_text(pytestconfig)
    labels = {"lld147": "Handcrafted audio features (147)"}
    lines = [f"{labels.get(feature, feature)}\t{figure:.2f}" for feature, figure in paper.TABLE_2.items()]
    for audio in ("a60", "a1024"):
        figures = [f for video in ("v1024", "v2048") for f in paper.TABLE_3[audio, video]]
        lines.append("\t".join([audio, *(f"{f:.2f}" for f in figures)]))
    for (audio, video), row in paper.TABLE_4.items():
        lines.append("\t".join([f"LR ({audio}_{video})", *(f"{f:.2f}" for f in row.values())]))
    for (audio, video), row in paper.TABLE_5.items():
        lines.append("\t".join([f"LR ({audio}_{video})", *(f"{f:.2f} ({d:.3f})" for f, d in row.values())]))
    plain = text.replace("| ", "").replace(" | ", "\t")
    for line in lines:
        cells = line.split("\t")
        found = any(
            all(cell in other for cell in cells) and other.strip("| ").startswith(cells[0])
            for other in plain.splitlines()
        )
        assert found, line
    for figure in paper.FIGURE_6.values():
        assert f"{figure:.2f}%" in text
    assert "\t".join(["Number", *(str(count) for count in TABLE_1.values())]) in text
