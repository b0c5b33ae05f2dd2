"""Zhang et al. 2017: its tables and figures, ours in them or beside them, and a reason for every field without ours."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pipeline.evaluation.metrics import Score
from pipeline.reporting.papers import zhang2017_printed as printed
from pipeline.reporting.papers.by_system import PAPERS, paper_of
from pipeline.reporting.papers.paper import Results
from pipeline.reporting.papers.zhang2017 import Zhang2017
from pipeline.reporting.system.tables import NOT_JUDGED
from pipeline.systems.params import SystemParams, fusions

FULL = SystemParams(
    features={
        "alexaudio": "audio", "anet": "audio", "anet15": "audio", "c3dvisual": "video", "vnet": "video",
        "feature_level": "joint", "dbn1": "joint", "dbn2": "joint", "dbn3": "joint", "fc1": "joint", "fc2": "joint",
        "fc3": "joint",
    },
    classifiers=("linear_svm",),
    also={"dbn2-linear_svm_max": "joint"},
    pairs=(("anet", "vnet"),),
    fusions=("score_level", "vote", "maximum", "sum", "minimum", "average", "product"),
)  # fmt: skip
SEVEN = ["anger", "disgust", "fear", "happy", "sad", "surprise", "neutral"]
BEST = "dbn2-linear_svm"
DATA_SETS = ["RML", "eNTERFACE05", "BAUM-1s"]
COUNTS = np.diag([7, 6, 5, 4, 3, 2, 1]) + np.eye(7, k=1, dtype=int)
"""Rows: anger 7 right of 8, ..., neutral 1 of 1; each but neutral once taken for the next."""


def score(accuracy: float) -> Score:
    """Its folds' mean is `accuracy`, and the share of all clips another."""
    return Score(accuracy + 0.05, accuracy, accuracy, accuracy - 0.1, accuracy + 0.1, 90, 0.9, fold_accuracy=accuracy)


def everything(settings: SystemParams) -> dict[str, Score]:
    """Return a different accuracy for every model and fusion."""
    names = [*settings.models(), *(fusion.name for fusion in fusions(settings))]
    return {name: score(0.2 + 0.01 * number) for number, name in enumerate(names)}


def paper(adapter="demo", settings=FULL, classes=SEVEN, counts=COUNTS, scores=None, corpus="mine") -> Zhang2017:
    figures = everything(settings) if scores is None else scores
    confusions = {name: counts[: len(classes), : len(classes)] for name in figures}
    return Zhang2017(Results(corpus, adapter, settings, classes, figures, confusions))


def tables(*args, **values):
    return {table.stem: table for table in paper(*args, **values).tables()}


def changed(**change) -> SystemParams:
    return SystemParams(**{**FULL.model_dump(), **change})


def without(*features: str, **change) -> SystemParams:
    kept = {name: kind for name, kind in FULL.features.items() if name not in features}
    return changed(features=kept, **change)


ROWS = {
    "table_I": ["AlexAudio", "Anet", "C3DVisual", "Vnet"],
    "table_II": [*printed.TABLE_II],
    "table_III": [*printed.TABLE_III],
    "table_IV": ["64 × 15 × 3", "64 × 64 × 3"],
    "table_V": ["Majority vote", "Max", "Sum", "Min", "Average", "Product"],
    "table_VI": ["Feature-level", "Product", "Score-level", "FC", "DBN"],
    "table_X": ["FC-1", "FC-2", "FC-3", "DBN-1", "DBN-2", "DBN-3"],
    "table_XI": [*printed.TABLE_XI],
    "section_III.C": ["Average-pooling", "Max-pooling"],
}
OWN = {"table_I", "table_IV", "table_V", "table_VI", "table_X"}
"""Tables of accuracies without a row of other authors and without a figure that the paper lacks."""
CORNERS = {
    "table_I": "Features",
    "table_II": "Audio features",
    "table_III": "Visual features",
    "table_XI": "Refs.",
    "section_III.C": "Pooling",
    "table_IV": "Mel-spectrogram",
    "table_V": "Decision-level",
    "table_VI": "Fusion method",
}
MEASURES = ["Precision", "Recall", "F-score"]
OURS = [f"ours: {measure}" for measure in MEASURES]
EMOTIONS = ["Anger", "Disgust", "Fear", "Joy", "Sadness", "Surprise", "Neutral"]


def test_rows_and_columns_are_the_papers():
    found = tables()
    assert list(found) == [
        "table_I",
        "table_II",
        "table_III",
        "table_IV",
        "table_V",
        "table_VI",
        "table_VII",
        "table_VIII",
        "table_IX",
        "table_X",
        "table_XI",
        "section_III.C",
    ]
    for stem, rows in ROWS.items():
        assert list(found[stem].rows()) == rows
        assert found[stem].columns == [*DATA_SETS, "ours: mine"]
        assert found[stem].corner == CORNERS.get(stem, "Fusion method")
    for stem in ("table_VII", "table_VIII", "table_IX"):
        assert (found[stem].corner, found[stem].columns) == ("Emotion", MEASURES + OURS)
    assert list(found["table_VII"].rows()) == list(found["table_VIII"].rows()) == EMOTIONS
    assert list(found["table_IX"].rows()) == ["Anger", "Joy", "Sadness", "Fear", "Disgust", "Surprise", "Neutral"]
    frame = found["table_I"].frame()
    assert list(frame.columns) == ["Unimodality", "Features", *DATA_SETS, "ours: mine"]
    assert frame["Unimodality"].tolist() == ["Audio", "Audio", "Visual", "Visual"]


@pytest.mark.parametrize(
    ("adapter", "column", "table", "figure"),
    [
        ("rml", "RML", "table_VII", "Fig. 6"),
        ("enterface05", "eNTERFACE05", "table_VIII", "Fig. 7"),
        ("baum1s", "BAUM-1s", "table_IX", "Fig. 8"),
    ],
)
def test_a_corpus_of_the_paper_stands_in_its_column(adapter, column, table, figure):
    made = paper(adapter, classes=SEVEN[:6])
    found = {one.stem: one for one in made.tables()}
    assert set(found) == {*ROWS, table}
    assert [one.name for one in made.figures()] == [figure]
    assert found[table].columns == MEASURES
    for stem in ROWS:
        assert found[stem].columns == DATA_SETS
        for cell in found[stem].cells:
            assert (cell.figure is not None) == (cell.column == column and cell.model != "")
            assert cell.paper is not None or stem not in OWN
    assert made.note.startswith(f"{column}: ours on mine, the paper's beside it")


def test_ours_beside_the_papers_in_percent():
    scores = {**everything(FULL), "anet-linear_svm": score(0.712)}
    own = tables("rml", scores=scores)["table_I"].frame().set_index("Features").loc["Anet"]
    assert own.tolist() == ["Audio", "71.20 (paper 66.17)", "paper 78.08", "paper 42.26"]
    other = tables(scores=scores)["table_I"].frame().set_index("Features").loc["Anet"]
    assert other.tolist() == ["Audio", "paper 66.17", "paper 78.08", "paper 42.26", "71.20"]


@pytest.mark.parametrize(
    ("stem", "row", "model"),
    [
        ("table_I", "AlexAudio", "alexaudio-linear_svm"),
        ("table_I", "Anet", "anet-linear_svm"),
        ("table_I", "C3DVisual", "c3dvisual-linear_svm"),
        ("table_I", "Vnet", "vnet-linear_svm"),
        ("table_IV", "64 × 15 × 3", "anet15-linear_svm"),
        ("table_IV", "64 × 64 × 3", "anet-linear_svm"),
        ("table_V", "Majority vote", "vote-anet+vnet-linear_svm"),
        ("table_V", "Max", "maximum-anet+vnet-linear_svm"),
        ("table_V", "Sum", "sum-anet+vnet-linear_svm"),
        ("table_V", "Min", "minimum-anet+vnet-linear_svm"),
        ("table_V", "Average", "average-anet+vnet-linear_svm"),
        ("table_V", "Product", "product-anet+vnet-linear_svm"),
        ("table_VI", "Feature-level", "feature_level-linear_svm"),
        ("table_VI", "Product", "product-anet+vnet-linear_svm"),
        ("table_VI", "Score-level", "score_level-anet+vnet-linear_svm"),
        ("table_VI", "FC", "fc1-linear_svm"),
        ("table_VI", "DBN", "dbn2-linear_svm"),
        ("table_X", "FC-1", "fc1-linear_svm"),
        ("table_X", "FC-3", "fc3-linear_svm"),
        ("table_X", "DBN-1", "dbn1-linear_svm"),
        ("table_X", "DBN-2", "dbn2-linear_svm"),
        ("table_II", "Anet", "anet-linear_svm"),
        ("table_III", "Vnet", "vnet-linear_svm"),
        ("table_XI", "Ours", "dbn2-linear_svm"),
        ("section_III.C", "Average-pooling", "dbn2-linear_svm"),
        ("section_III.C", "Max-pooling", "dbn2-linear_svm_max"),
    ],
)
def test_which_model_answers_a_row(stem, row, model):
    cell = next(cell for cell in tables()[stem].cells if cell.row == row and cell.model)
    assert (cell.model, cell.column) == (model, "ours: mine")
    assert cell.figure == everything(FULL)[model].fold_accuracy


@pytest.mark.parametrize(
    ("stem", "row", "papers"),
    [
        ("table_II", "Anet", [66.17, 78.08, 42.26]),
        ("table_XI", "Ours", [80.36, 85.97, 54.57]),
        ("table_I", "AlexAudio", [59.46, 51.33, 36.10]),
        ("table_I", "Vnet", [68.09, 54.35, 50.11]),
        ("table_IV", "64 × 15 × 3", [50.06, 52.33, 33.64]),
        ("table_V", "Min", [72.91, 78.76, 50.08]),
        ("table_VI", "Score-level", [73.92, 80.85, 51.58]),
        ("table_VI", "DBN", [80.36, 85.97, 54.57]),
        ("table_X", "DBN-3", [80.10, 85.02, 53.38]),
        ("table_X", "FC-1", [78.84, 83.55, 52.35]),
        ("table_VII", "Joy", [65.53, 68.93, 67.19]),
        ("table_VIII", "Sadness", [86.73, 83.93, 85.31]),
        ("table_IX", "Surprise", [41.93, 64.71, 50.89]),
    ],
)
def test_the_papers_figures(stem, row, papers):
    table = tables()[stem]
    assert [100 * cell.paper for cell in table.rows()[row][:3]] == pytest.approx(papers)
    found = table.details().set_index(["row", "column"])
    key = "paper_accuracy" if stem in ROWS else "paper"
    assert (100 * found.loc[row, key].iloc[:3]).tolist() == pytest.approx(papers), "from 0 to 1 in the long form"


def test_recall_is_the_diagonal_of_the_confusion_matrix():
    """The paper prints it twice."""
    for adapter, rows in printed.CONFUSIONS.items():
        assert list(rows) == list(printed.PER_EMOTION[adapter])
        for number, (emotion, shares) in enumerate(rows.items()):
            assert shares[number] == printed.PER_EMOTION[adapter][emotion][1]
            assert sum(shares) == pytest.approx(100, abs=0.05)


def test_f_score_is_the_harmonic_mean():
    for rows in printed.PER_EMOTION.values():
        for precision, recall, f_score in rows.values():
            assert 2 * precision * recall / (precision + recall) == pytest.approx(f_score, abs=0.02)


def test_rows_of_other_authors_have_their_figures_alone():
    frame = tables("baum1s")["table_II"].frame().set_index("Audio features")
    assert frame.loc["Zhalehpour et al. [12]: MFCC, RASTA-PLP"].tolist() == [
        "no figure in the paper",
        "paper 72.95",
        "paper 29.41",
    ]
    assert frame.loc["Anet"].tolist()[:2] == ["paper 66.17", "paper 78.08"]
    assert frame.loc["Anet", "BAUM-1s"].endswith("(paper 42.26)")
    assert tables()["table_XI"].frame().set_index("Refs.").loc["Elmadany et al. [37]"].tolist() == [
        "paper 75.00",
        *["no figure in the paper"] * 2,
        "another system",
    ]


def test_average_and_maximum_stand_side_by_side():
    frame = tables("rml")["section_III.C"].frame().set_index("Pooling")
    average, maximum = (
        100 * everything(FULL)[f"dbn2-{name}"].fold_accuracy for name in ("linear_svm", "linear_svm_max")
    )
    assert frame.loc["Average-pooling", "RML"] == f"{average:.2f} (paper 80.36)"
    assert frame.loc["Max-pooling", "RML"] == f"{maximum:.2f} (no figure in the paper)"
    table = tables(settings=changed(also={}))["section_III.C"]
    assert table.rows()["Max-pooling"][-1].reason == "not run: add dbn2-linear_svm_max to systems.zhang2017.also"


def test_every_field_of_the_full_system_is_filled():
    for adapter in ("demo", "rml", "enterface05", "baum1s"):
        for table in tables(adapter).values():
            assert (table.frame() != "").all(axis=None)
            assert all(cell.figure is not None for cell in table.cells if cell.model)


@pytest.mark.parametrize(
    ("settings", "stem", "model", "reason"),
    [
        (without("anet15"), "table_IV", "anet15-linear_svm", "add anet15 to systems.zhang2017.features"),
        (without("fc1"), "table_VI", "fc1-linear_svm", "add fc1 to systems.zhang2017.features"),
        (
            without("anet", "vnet", pairs=None),
            "table_V",
            "vote-anet+vnet-linear_svm",
            "add anet and vnet to systems.zhang2017.features",
        ),
        (
            changed(classifiers=("svm",)),
            "table_I",
            "anet-linear_svm",
            "add linear_svm to systems.zhang2017.classifiers",
        ),
        (
            changed(classifiers=("linear_svm", "svm"), fused=("svm",)),
            "table_V",
            "sum-anet+vnet-linear_svm",
            "add linear_svm to systems.zhang2017.fused",
        ),
        (
            changed(pairs=(("anet15", "vnet"),)),
            "table_V",
            "sum-anet+vnet-linear_svm",
            "add [anet, vnet] to systems.zhang2017.pairs",
        ),
        (
            changed(fusions=("product",)),
            "table_V",
            "vote-anet+vnet-linear_svm",
            "add vote to systems.zhang2017.fusions",
        ),
        (
            changed(fusions=("product",)),
            "table_VI",
            "score_level-anet+vnet-linear_svm",
            "add score_level to systems.zhang2017.fusions",
        ),
        (without("dbn2"), "table_VII", "dbn2-linear_svm", "add dbn2 to systems.zhang2017.features"),
    ],
)
def test_why_a_field_was_not_run(settings, stem, model, reason):
    table = tables(settings=settings)[stem]
    cell = next(cell for cell in table.cells if cell.model == model)
    assert (cell.figure, cell.reason, cell.text()) == (None, f"not run: {reason}", f"not run: {reason}")
    assert (table.frame() != "").all(axis=None), "never empty"
    beside = tables("rml", settings=settings)[stem]
    cell = next(cell for cell in beside.cells if cell.model == model)
    assert cell.text() == f"not run: {reason} (paper {100 * cell.paper:.2f})"


def test_every_pair_is_fused_where_none_is_named():
    assert tables(settings=changed(pairs=None))["table_V"].rows()["Product"][-1].figure is not None


def test_a_model_that_judged_nothing_says_so():
    nothing = Score(*[math.nan] * 5, 0, 0.0)
    made = paper(scores={**everything(FULL), BEST: nothing})
    found = {table.stem: table for table in made.tables()}
    assert found["table_X"].rows()["DBN-2"][-1].text() == NOT_JUDGED
    assert found["table_VII"].rows()["Anger"][-1].text() == NOT_JUDGED
    assert made.figures()[0].matrices[0].reason == NOT_JUDGED


def by_emotion(stem="table_VII", **values):
    return tables(**values)[stem].frame().set_index("Emotion")


def test_figures_by_emotion():
    """Anger: 7 right of 8 clips and 7 decisions; fear: 5 of 6 clips, 6 decisions; neutral: 1 of 1, 2 decisions."""
    frame = by_emotion()
    assert frame.loc["Anger"].tolist() == ["paper 85.33", "paper 88.70", "paper 86.98", "100.00", "87.50", "93.33"]
    assert frame.loc["Fear", OURS].tolist() == ["83.33", "83.33", "83.33"]
    assert frame.loc["Neutral"].tolist() == [*["not in the paper"] * 3, "50.00", "100.00", "66.67"]
    details = tables()["table_VII"].details().set_index(["row", "column"]).loc[("Anger", "ours: Recall")]
    assert details[["model", "value", "right", "clips", "decisions"]].tolist() == [BEST, 0.875, 7, 8, 7]
    own = by_emotion(adapter="rml")
    assert own.loc["Anger"].tolist() == ["100.00 (paper 85.33)", "87.50 (paper 88.70)", "93.33 (paper 86.98)"]
    assert own.loc["Neutral", "Recall"] == "100.00 (not in the paper)"


def test_what_has_no_precision_no_recall_or_no_clip_says_so():
    counts = np.array([[2, 0, 0], [3, 0, 0], [0, 0, 0]])
    frame = by_emotion(classes=["anger", "fear", "neutral"], counts=counts)
    assert frame.loc["Fear", OURS].tolist() == ["no such prediction", "0.00", "0.00"]
    assert frame.loc["Neutral", OURS].tolist() == [
        "no such prediction",
        "no clip of it judged",
        "no clip of it judged, no such prediction",
    ]
    assert frame.loc["Joy"].tolist() == ["paper 65.53", "paper 68.93", "paper 67.19", *["no clip of joy in mine"] * 3]
    assert (
        (by_emotion(classes=["anger", "fear", "neutral"], counts=counts, adapter="rml").loc["Joy", "Recall"])
        == "no clip of joy in mine (paper 68.93)"
    )


def test_figure_8_has_the_papers_order_and_ours_beside_it():
    """Ours are in the order of the corpus: sad, the fifth, was taken for surprise once and recognised 3 times."""
    figure = paper().figures()[2]
    frame = figure.frames["figure_8"].set_index("truth")
    assert figure.name == "Fig. 8"
    assert (
        list(frame.columns)
        == list(frame.index)
        == ["anger", "joy", "sadness", "fear", "disgust", "surprise", "neutral"]
    )
    assert frame.loc["sadness"].tolist() == [
        "0.00 (paper 10.98)",
        "0.00 (paper 1.83)",
        "75.00 (paper 53.05)",
        "0.00 (paper 14.02)",
        "0.00 (paper 12.20)",
        "25.00 (paper 7.93)",
        "0.00 (not in the paper)",
    ]
    details = figure.frames["figure_8_details"].set_index(["row", "column"])
    assert details.loc[("sadness", "surprise"), ["model", "share", "count", "clips", "paper"]].tolist() == [
        BEST,
        0.25,
        1,
        4,
        0.0793,
    ]
    ours, papers = figure.matrices
    assert ours.classes == ["anger", "joy", "sadness", "fear", "disgust", "surprise", "neutral"]
    assert [cell["text"] for cell in ours.rows[2]["cells"]] == [
        "0.00",
        "0.00",
        "75.00",
        "0.00",
        "0.00",
        "25.00",
        "0.00",
    ]
    assert (ours.rows[2]["total"], ours.title, papers.title) == (4, "Ours, mine", "The paper, BAUM-1s")
    assert (
        [row["name"] for row in papers.rows]
        == papers.classes
        == ["anger", "joy", "sadness", "fear", "disgust", "surprise"]
    )
    assert [cell["text"] for cell in papers.rows[3]["cells"]] == ["0.00", "0.00", "25.00", "25.00", "25.00", "25.00"]


@pytest.mark.parametrize(
    ("number", "row", "shares"),
    [
        (0, "joy", [1.94, 0.97, 15.53, 68.93, 2.91, 9.71]),
        (1, "surprise", [4.61, 1.84, 8.29, 2.30, 3.23, 79.72]),
        (2, "disgust", [15.38, 20.00, 27.69, 7.69, 26.15, 3.08]),
    ],
)
def test_the_papers_confusions(number, row, shares):
    matrix = paper().figures()[number].matrices[1]
    cells = next(one["cells"] for one in matrix.rows if one["name"] == row)
    assert [cell["share"] for cell in cells] == pytest.approx(shares)


def test_a_figure_of_a_corpus_with_other_emotions():
    made = paper(classes=["anger", "happy", "calm"], counts=np.array([[2, 2, 0], [0, 3, 0], [0, 0, 0]])).figures()[0]
    frame = made.frames["figure_6"].set_index("truth")
    assert list(frame.columns) == ["anger", "disgust", "fear", "joy", "sadness", "surprise", "calm"]
    assert frame.loc["anger", ["anger", "joy", "disgust", "calm"]].tolist() == [
        "50.00 (paper 88.70)",
        "50.00 (paper 1.74)",
        "no clip of disgust in mine (paper 2.61)",
        "0.00 (not in the paper)",
    ]
    assert frame.loc["disgust", "disgust"] == "no clip of disgust in mine (paper 95.50)"
    assert frame.loc["calm", "anger"] == "no clip of it judged (not in the paper)"
    ours = made.matrices[0]
    assert ours.classes == ["anger", "joy", "calm"]
    assert [cell["text"] for cell in ours.rows[2]["cells"]] == ["-", "-", "-"]


def test_a_figure_that_was_not_run_has_the_papers_matrix_and_the_reason():
    figure = paper(settings=without("dbn2")).figures()[0]
    ours, papers = figure.matrices
    assert (list(ours.rows), ours.reason) == ([], "not run: add dbn2 to systems.zhang2017.features")
    assert len(papers.rows) == 6
    assert figure.frames["figure_6"].set_index("truth").loc["joy", "joy"] == f"{ours.reason} (paper 68.93)"
    assert "Ours" not in figure.caption


def test_captions_say_whose_figures_they_are():
    made = paper()
    table = next(table for table in made.tables() if table.stem == "table_VIII")
    assert "The paper: eNTERFACE05, where its accuracy is 85.97 %" in table.caption
    assert "Ours: dbn2-linear_svm on mine, accuracy 32.00 %, UAR 27.00 %, coverage 90 %" in table.caption
    for words in (
        "RML, eNTERFACE05, BAUM-1s: the paper's figures",
        "ours are on mine",
        "the average of its test-runs",
        "Tables II, III and XI",
    ):
        assert words in made.note, words


def test_papers_are_found_by_the_name_of_the_system():
    results = Results("mine", "", FULL, SEVEN, everything(FULL), {})
    assert set(PAPERS) == {"huang2017", "zhang2017", "ouyang2017"}
    assert isinstance(paper_of("zhang2017", results), Zhang2017)
    assert paper_of("mine", results) is None


def papers_lines(pytestconfig) -> list[list[str]]:
    path = pytestconfig.rootpath.parent / "shared" / "papers" / "zhang2017_hybrid_deep_model.md"
    if not path.is_file():
        pytest.skip("../shared/papers is absent")
    text = path.read_text(encoding="utf-8")
    for mark in ("<b>", "</b>", "<i>", "</i>", "*", "$"):
        text = text.replace(mark, "")
    return [[cell.strip() for cell in line.split("\t")] for line in text.replace("\\times", "×").splitlines()]


def test_the_papers_figures_are_the_papers(pytestconfig):
    """Line by line as the tables of the paper have them."""
    lines = papers_lines(pytestconfig)
    names = {"happy": "joy", "sad": "sadness"}
    wanted = [
        (row, figures)
        for table in (printed.TABLE_I, printed.TABLE_IV, printed.TABLE_V, printed.TABLE_VI, printed.TABLE_X)
        for row, figures in table.items()
    ]
    wanted += [
        (names.get(emotion, emotion).capitalize(), figures)
        for rows in printed.PER_EMOTION.values()
        for emotion, figures in rows.items()
    ]
    wanted += [
        (names.get(emotion, emotion), figures)
        for rows in printed.CONFUSIONS.values()
        for emotion, figures in rows.items()
    ]
    assert len(wanted) == 4 + 2 + 6 + 5 + 6 + 18 + 18
    for row, figures in wanted:
        cells = [row, *(f"{figure:.2f}" for figure in figures)]
        assert any(line[-len(cells) :] == cells for line in lines), cells
