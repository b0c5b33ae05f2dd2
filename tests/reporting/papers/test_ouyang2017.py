"""Ouyang et al. 2017: its tables, ours beside the paper's, the feedback loop, and a reason for every field without
ours.
"""

from __future__ import annotations

import math
import re

import numpy as np
import pandas as pd
import pytest

from pipeline.evaluation.metrics import Score
from pipeline.reporting.papers import ouyang2017_printed as printed
from pipeline.reporting.papers.by_system import paper_of
from pipeline.reporting.papers.ouyang2017 import Ouyang2017
from pipeline.reporting.papers.ouyang2017_feedback import MEAN, fit_frame
from pipeline.reporting.papers.ouyang2017_weights import proof
from pipeline.reporting.papers.paper import FeedbackRuns, Results
from pipeline.reporting.system.tables import NOT_JUDGED
from pipeline.systems.params import SystemParams, fusions

FULL = SystemParams(
    features={"vggface": "video", "pyramid": "video"},
    classifiers=("temporal", "image_set"),
    also={
        "c3d-temporal": "video",
        "vggface-end_to_end": "video",
        "pyramid-end_to_end": "video",
        "c3d-end_to_end": "video",
        "egemaps-transfer": "audio",
    },
    fusions=(),
    combined={
        "end_to_end": {"rule": "average", "of": ["vggface-end_to_end", "pyramid-end_to_end", "c3d-end_to_end"]},
        "cached": {"rule": "average", "of": ["vggface-temporal", "pyramid-temporal", "c3d-temporal"]},
        "visual": {"rule": "average", "of": ["end_to_end", "vggface-image_set"]},
        "audio_visual": {"rule": "weighted", "of": ["vggface-image_set", "end_to_end", "egemaps-transfer"]},
        "image_set_audio": {"rule": "weighted", "of": ["vggface-image_set", "egemaps-transfer"]},
    },
    feedback={"fusion": "audio_visual"},
)
SEVEN = ["anger", "disgust", "fear", "happy", "sad", "surprise", "neutral"]
SHORT = ["An", "Di", "Fe", "Ha", "Ne", "Sa", "Su"]
LONGER = ["Ang", "Dis", "Fea", "Hap", "Neu", "Sad", "Sur"]
BEST = "combined-audio_visual-weighted"
COUNTS = np.diag([7, 6, 5, 4, 3, 2, 1]) + np.eye(7, k=1, dtype=int)
"""Rows: anger 7 right of 8, ..., neutral 1 of 1; each but neutral once taken for the next."""


def state(weights, **change):
    return {"weights": weights, "clips": 20, "right": 15, "bound": 15, "gap": 0, "exact": True, "nodes": 9, **change}


WEIGHTS = np.linspace(0, 1, 21).reshape(3, 7).tolist()
LEARNED = {BEST: {"fold-00": state(WEIGHTS), "fold-01": state(np.ones((3, 7)).tolist(), exact=False, gap=2)}}


def score(accuracy: float) -> Score:
    return Score(accuracy, accuracy, accuracy, accuracy - 0.1, accuracy + 0.1, 90, 0.9)


def everything(settings: SystemParams) -> dict[str, Score]:
    """Return a different accuracy for every model and fusion."""
    names = [*settings.models(), *(fusion.name for fusion in fusions(settings))]
    return {name: score(0.2 + 0.01 * number) for number, name in enumerate(names)}


def paper(
    adapter="demo", settings=FULL, classes=SEVEN, scores=None, learned=LEARNED, sides=frozenset({""}), feedback=None
) -> Ouyang2017:
    figures = everything(settings) if scores is None else scores
    confusions = {name: COUNTS[: len(classes), : len(classes)].copy() for name in figures}
    return Ouyang2017(Results("mine", adapter, settings, classes, figures, confusions, {}, learned, feedback, sides))


def tables(*args, **values):
    return {table.stem: table for table in paper(*args, **values).tables()}


def changed(**change) -> SystemParams:
    return SystemParams(**{**FULL.model_dump(), **change})


def without(*combined: str, **change) -> SystemParams:
    kept = {name: each for name, each in FULL.model_dump()["combined"].items() if name not in combined}
    return changed(**{"combined": kept, "feedback": None, **change})


def field(table, row, column):
    return next(cell for cell in table.cells if (cell.row, cell.column) == (row, column))


def test_rows_and_columns_are_the_papers():
    shape = {stem: (table.corner, list(table.rows()), table.columns) for stem, table in tables().items()}
    assert shape == {
        "table_2": ("truth", LONGER, LONGER),
        "table_3": ("Sub-system", ["ImageSet", "Visual LSTM", "Audio LSTM"], SHORT),
        "table_4": (
            "Deep models",
            ["VGG-LSTM", "Resnet-LSTM", "C3D", "End to End Module", "CNN+ImageSet Model", "Whole Visual Module"],
            ["Accuracy", "Cached features"],
        ),
        "table_5": ("truth", SHORT, SHORT),
        "table_6": ("truth", SHORT, SHORT),
    }


@pytest.mark.parametrize(
    ("row", "first", "cached"),
    [
        ("VGG-LSTM", "vggface-end_to_end", "vggface-temporal"),
        ("Resnet-LSTM", "pyramid-end_to_end", "pyramid-temporal"),
        ("C3D", "c3d-end_to_end", "c3d-temporal"),
        ("End to End Module", "combined-end_to_end-average", "combined-cached-average"),
        ("CNN+ImageSet Model", "vggface-image_set", ""),
        ("Whole Visual Module", "combined-visual-average", ""),
    ],
)
def test_which_model_answers_a_row_of_table_4(row, first, cached):
    table, figures = tables()["table_4"], everything(FULL)
    own, kept = field(table, row, "Accuracy"), field(table, row, "Cached features")
    assert (own.model, own.figure, own.paper) == (first, figures[first].accuracy, printed.TABLE_4[row] / 100)
    assert (kept.model, kept.paper) == (cached, None)
    assert kept.text() == (f"{100 * figures[cached].accuracy:.1f}" if cached else "one form only")


@pytest.mark.parametrize(
    ("number", "model"), [(2, "egemaps-transfer"), (5, BEST), (6, "combined-image_set_audio-weighted")]
)
def test_which_model_answers_a_confusion_matrix(number, model):
    table = tables()[f"table_{number}"]
    assert {cell.model for cell in table.cells} == {model}
    assert f"Ours: {model} on mine, accuracy {100 * everything(FULL)[model].accuracy:.1f} %" in table.caption


def test_every_field_of_the_full_system_is_filled():
    cells = [cell for table in tables().values() for cell in table.cells]
    assert len(cells) == 49 + 21 + 12 + 49 + 49
    assert all(cell.figure is not None or not cell.model for cell in cells)


def test_table_2_counts_clips():
    table = tables()["table_2"]
    assert field(table, "Ang", "Ang").text() == "7 (paper 40)"
    assert field(table, "Ang", "Dis").text() == "1 (paper 0)"
    assert field(table, "Neu", "Neu").text() == "1 (paper 34)", (
        "neutral is the last of ours and the fifth of the paper's"
    )
    assert field(table, "Sur", "Neu").text() == "1 (paper 13)"
    assert field(table, "Ang", "Ang").details() == {
        "row": "Ang", "column": "Ang", "model": "egemaps-transfer", "count": 7, "clips": 8, "paper": 40, "reason": "",
    }  # fmt: skip
    ours, theirs = table.matrices
    assert list(ours.classes) == list(theirs.classes) == LONGER
    assert [cell["text"] for cell in ours.rows[4]["cells"]] == ["0", "0", "0", "0", "1", "0", "0"]
    assert [cell["text"] for cell in theirs.rows[4]["cells"]] == ["5", "0", "1", "18", "34", "5", "0"]
    assert [row["total"] for row in theirs.rows] == [65, 40, 46, 63, 63, 61, 46]


def test_tables_5_and_6_are_in_percent():
    found = tables()
    assert field(found["table_5"], "An", "An").text() == "87.50 (paper 67.35)"
    assert field(found["table_5"], "Su", "Ne").text() == "33.33 (paper 28.57)"
    assert field(found["table_6"], "An", "An").text() == "87.50 (paper 77.11)"
    ours, theirs = found["table_6"].matrices
    assert ours.rows[6]["cells"][4]["text"] == "33.33"
    assert [cell["text"] for cell in theirs.rows[1]["cells"]] == [
        "22.22",
        "2.78",
        "5.56",
        "25.00",
        "13.89",
        "27.78",
        "2.78",
    ]
    assert "Ding et al. 2016" in found["table_6"].caption


def test_table_3_is_the_mean_over_folds_in_the_papers_order():
    table = tables()["table_3"]
    assert field(table, "ImageSet", "An").text() == "0.50 (paper 0)"
    assert field(table, "Visual LSTM", "Ne").figure == pytest.approx((13 / 20 + 1) / 2), "neutral is the last of ours"
    assert field(table, "Visual LSTM", "Su").text() == f"{(12 / 20 + 1) / 2:.2f} (paper 0.5)"
    assert field(table, "Audio LSTM", "An").notes == ["0.7 to 1"]
    assert field(table, "ImageSet", "Di").details()["folds"] == "fold-00 0.05; fold-01 1"
    ours, theirs = table.matrices
    assert ours.rows[0]["cells"][0] == {"share": 50.0, "text": "0.50", "count": "0 to 1"}
    assert [cell["text"] for cell in theirs.rows[1]["cells"]] == ["0.5", "0", "0", "1", "0.5", "1", "0.5"]


def test_table_3_goes_by_the_names_of_the_parts():
    turned = without("image_set_audio")
    combined = {
        **turned.model_dump()["combined"],
        "audio_visual": {"rule": "weighted", "of": ["egemaps-transfer", "pyramid-temporal", "vggface-image_set"]},
    }
    table = tables(settings=changed(combined=combined))["table_3"]
    assert list(table.rows()) == ["ImageSet", "Visual LSTM", "Audio LSTM", "pyramid-temporal"]
    assert field(table, "ImageSet", "An").long["folds"] == "fold-00 0.7; fold-01 1"
    assert field(table, "Audio LSTM", "An").long["folds"] == "fold-00 0; fold-01 1"
    assert field(table, "pyramid-temporal", "An").text().endswith("(not in the paper)")
    assert field(table, "Visual LSTM", "An").reason == f"not run: {BEST} is made without end_to_end"
    assert f"No row Visual LSTM in ours: {BEST} is made without end_to_end." in table.note
    assert [row["name"] for row in table.matrices[0].rows] == ["ImageSet", "Audio LSTM", "pyramid-temporal"]


@pytest.mark.parametrize(
    ("states", "words"),
    [
        ({"a": state([]), "b": state([])}, "in 2 of 2 folds: no weights are better."),
        (
            {"a": state([]), "b": state([], exact=False, gap=3)},
            (
                "in 1 of 2 folds; elsewhere its limit stopped it (b: 15 of 20 validation clips right, at most 3 "
                "more possible)."
            ),
        ),
        ({}, ""),
    ],
)
def test_how_far_the_search_is_proven_is_said(states, words):
    assert proof(states).endswith(words)
    assert "fold-01: 15 of 20 validation clips right, at most 2 more possible" in tables()["table_3"].caption


@pytest.mark.parametrize(
    ("settings", "stem", "row", "column", "reason"),
    [
        (without("audio_visual"), "table_3", "ImageSet", "An", "add audio_visual to systems.ouyang2017.combined"),
        (without("audio_visual"), "table_5", "An", "Di", "add audio_visual to systems.ouyang2017.combined"),
        (without("image_set_audio"), "table_6", "An", "An", "add image_set_audio to systems.ouyang2017.combined"),
        (without("visual"), "table_4", "Whole Visual Module", "Accuracy", "add visual to systems.ouyang2017.combined"),
        (without("cached"), "table_4", "End to End Module", "Cached features",
         "add cached to systems.ouyang2017.combined"),
        (changed(also={}, combined={}, feedback=None), "table_4", "C3D", "Accuracy",
         "add c3d-end_to_end to systems.ouyang2017.also"),
        (changed(also={}, combined={}, feedback=None), "table_2", "Ang", "Sur",
         "add egemaps-transfer to systems.ouyang2017.also"),
        (changed(also={}, combined={}, feedback=None), "table_4", "C3D", "Cached features",
         "add c3d to systems.ouyang2017.features"),
        (
            changed(classifiers=("temporal",), combined={}, feedback=None),
            "table_4", "CNN+ImageSet Model", "Accuracy", "add image_set to systems.ouyang2017.classifiers",
        ),
        (
            changed(combined={"audio_visual": {"rule": "average", "of": ["vggface-image_set", "egemaps-transfer"]}},
                    feedback=None),
            "table_5", "An", "An", "combined-audio_visual-average has another rule than weighted",
        ),
    ],
)  # fmt: skip
def test_why_a_field_was_not_run(settings, stem, row, column, reason):
    table = tables(settings=settings)[stem]
    cell = field(table, row, column)
    assert (cell.figure, cell.reason) == (None, f"not run: {reason}")
    assert (table.frame() != "").all(axis=None), "never empty"
    assert table.details()["reason"].str.startswith("not run: ").any()
    if table.matrices:
        assert table.matrices[0].reason == f"not run: {reason}"
        assert table.matrices[1].rows


def test_emotions_that_the_corpus_lacks_and_further_ones():
    found = tables(
        classes=["anger", "happy", "sad", "calm"], learned={BEST: {"fold-00": state(np.ones((3, 4)).tolist())}}
    )
    for stem, absent in (("table_2", "Dis"), ("table_5", "Di"), ("table_3", "Di")):
        table = found[stem]
        assert table.columns[-1] == "calm"
        assert field(table, next(iter(table.rows())), absent).reason == "no clip of disgust in mine"
        assert "since no clip has them: disgust, fear, neutral, surprise." in table.note
        assert "calm" in table.matrices[0].classes
        assert "calm" not in table.matrices[1].classes
        assert absent not in table.matrices[0].classes
    assert field(found["table_2"], "Hap", "calm").text() == "0 (not in the paper)"
    assert field(found["table_5"], "calm", "calm").text() == "100.00 (not in the paper)"
    assert field(found["table_5"], "Sa", "calm").text() == "16.67 (not in the paper)"
    assert field(found["table_3"], "Audio LSTM", "calm").text() == "1.00 (not in the paper)"


def test_an_emotion_without_a_judged_clip():
    found = paper()
    found.results.confusions[BEST][3] = 0
    assert field(found.tables()[3], "Ha", "An").text() == "no clip of it judged (paper 4.17)"


def test_a_model_that_judged_nothing_says_so():
    scores = {**everything(FULL), "egemaps-transfer": Score(*[math.nan] * 5, 0, 0.0)}
    found = tables(scores=scores)
    assert field(found["table_2"], "Ang", "Ang").text() == f"{NOT_JUDGED} (paper 40)"


@pytest.mark.parametrize(
    ("adapter", "sides", "words"),
    [
        ("demo", {""}, "for orientation, not for comparison; ours are on mine"),
        ("afew", {"val"}, "compare Tables 2 and 4; Tables 5 and 6 are of other clips"),
        ("afew", {"test"}, "compare Tables 5 and 6; Tables 2 and 4 are of other clips"),
        ("afew", {"train", "val"}, "for orientation"),
    ],
)
def test_the_note_says_what_may_be_compared(adapter, sides, words):
    note = paper(adapter=adapter, sides=frozenset(sides)).note
    assert words in note
    for other in ("VGG-Face", "Sports-1M", "LibriSpeech", "57.2 %", "57.29 %", "384 clips", "373", "Audio LSTM"):
        assert other in note


def step(distance, **change):
    return {"distance": distance, "loss": -0.5, "validation_accuracy": 0.5, "changed": [], **change}


def run(distances, kept, fit, clips=(8, 7), end="steps"):
    return {
        "validation_clips": 9, "clips_with_feedback": clips[0], "clips_without_feedback": clips[1], "end": end,
        "kept": kept,
        "with_feedback": fit[:2], "without_feedback": fit[2:], "excess": round(fit[1] - fit[0] - fit[3] + fit[2], 9),
        "steps": [step(distance) for distance in distances],
    }  # fmt: skip


FOLDS = {
    "fold-00": run([0.4, 0.2, 0.1], 3, (0.5, 0.75, 0.5, 0.5)),
    "fold-01": run([0.3], 1, (0.25, 0.25, 0.5, 0.5), end="equal"),
    "fold-02": run([0.9], 1, (1.0, 1.0, 0.0, 0.0), clips=(1, 0)),
}
STEPS = pd.DataFrame(
    [
        (fold, number + 1, "yes" if number + 1 == found["kept"] else "no", made["distance"], -0.5, 0.5,
        "end_to_end sad: 1 to 0; x sad: 0 to 1" if number else "")
        for fold, found in FOLDS.items()
        for number, made in enumerate(found["steps"])
    ],
    columns=["fold", "step", "kept", "distance", "loss", "validation_accuracy", "changed"],
)  # fmt: skip
FEEDBACK = FeedbackRuns({"fusion": BEST, "parts": ["a", "b"], "classes": SEVEN, "folds": FOLDS}, STEPS)


def test_how_far_the_loop_fits_is_a_mean_over_folds_with_both_halves():
    frame = fit_frame(FEEDBACK.runs).set_index("fold")
    assert list(frame.index) == [*FOLDS, MEAN]
    assert frame.loc["fold-00", ["kept", "steps", "distance_first", "distance_kept", "excess"]].tolist() == [
        3,
        3,
        0.4,
        0.1,
        0.25,
    ]
    assert frame.loc[MEAN, ["distance_first", "distance_kept", "excess"]].tolist() == [0.35, 0.2, 0.125], (
        "without fold-02"
    )
    assert frame.loc[MEAN, ["with_feedback_first", "with_feedback_kept"]].tolist() == [0.375, 0.5]
    assert frame.loc[MEAN, "kept"] == ""


def test_the_page_shows_every_step_and_the_fit():
    (figure,) = paper(feedback=FEEDBACK).figures()
    assert BEST in figure.caption
    assert list(figure.frames) == ["feedback", "feedback_fit"]
    fit, *folds = figure.listings
    assert fit.rows[0] == (
        "fold-00",
        "3 of 3",
        "0.400 to 0.100",
        "50.0 % to 75.0 %",
        "50.0 % to 50.0 %",
        "+25.0 points",
    )
    assert fit.rows[-1] == ("mean", "", "0.350 to 0.200", "37.5 % to 50.0 %", "50.0 % to 50.0 %", "+12.5 points")
    assert [(listing.title, listing.closed, list(listing.marked)) for listing in folds] == [
        ("fold-00: 3 steps, ended when all steps were used", False, [2]),
        ("fold-01: 1 step, ended when the distributions were equal", True, [0]),
        ("fold-02: 1 step, ended when all steps were used", True, [0]),
    ]
    assert folds[0].rows[0] == ("1", "0.400", "-0.500", "50.0 %", "as searched on validation clips")
    assert folds[0].rows[2] == ("3, kept", "0.100", "-0.500", "50.0 %", "end_to_end sad: 1 to 0\nx sad: 0 to 1")
    for listing in figure.listings:
        assert {len(row) for row in listing.rows} == {len(listing.columns)}


def test_folds_that_lack_a_half_have_no_mean():
    alone = FeedbackRuns({**FEEDBACK.runs, "folds": {"fold-02": FOLDS["fold-02"]}}, STEPS[STEPS["fold"] == "fold-02"])
    (figure,) = paper(feedback=alone).figures()
    assert figure.listings[0].rows[-1] == ("mean", "", "-", "-", "-", "-")


def test_without_a_loop_the_report_says_so():
    (figure,) = paper(settings=changed(feedback=None)).figures()
    assert figure.caption.endswith("not run: add feedback to systems.ouyang2017.")
    assert figure.frames["feedback"].to_dict("list") == {"reason": ["not run: add feedback to systems.ouyang2017"]}
    assert not figure.listings


def test_it_is_the_paper_of_its_system():
    assert isinstance(paper_of("ouyang2017", paper().results), Ouyang2017)


def papers_rows(pytestconfig) -> list[list[str]]:
    """Return the cells of every line of the paper's text that is a row of a table."""
    path = pytestconfig.rootpath.parent / "shared" / "papers" / "ouyang2017_emotiw.md"
    if not path.is_file():
        pytest.skip("../shared/papers is absent")
    return [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines() if "\t" in line]


def test_the_papers_figures_are_the_papers(pytestconfig):
    """Row by row as the tables of the paper have them, in their order."""
    rows = [
        [cells[0], *(float(cell) for cell in cells[1:])]
        for cells in papers_rows(pytestconfig)
        if all(re.fullmatch(r"[\d.]+", c) for c in cells[1:])
    ]
    expected = [[name, *row] for name, row in zip(LONGER, printed.TABLE_2, strict=True)]
    expected += [[name, *row] for name, row in printed.TABLE_3.items()]
    expected += [
        [name, *row] for table in (printed.TABLE_5, printed.TABLE_6) for name, row in zip(SHORT, table, strict=True)
    ]
    assert rows == expected
    percents = {
        cells[0]: float(cells[1].rstrip("%"))
        for cells in papers_rows(pytestconfig)
        if len(cells) == 2 and cells[1].endswith("%")
    }
    assert percents == printed.TABLE_4
    assert np.sum(printed.TABLE_2) == 384
    assert f"{100 * np.trace(np.array(printed.TABLE_2)) / 384:.1f}" == printed.ACCURACY["2"]


def test_the_model_of_image_sets_is_the_one_that_the_best_fusion_holds():
    """Whichever network gives its frames' feature: row "CNN+ImageSet Model" of Table 4, row "ImageSet" of Table 3."""
    combined = FULL.model_dump()["combined"]
    combined["audio_visual"] = {"rule": "weighted", "of": ["pyramid-image_set", "end_to_end", "egemaps-transfer"]}
    other = SystemParams.model_validate({**FULL.model_dump(), "combined": combined})
    assert field(tables(settings=other)["table_4"], "CNN+ImageSet Model", "Accuracy").model == "pyramid-image_set"
    rows = list(tables(settings=other)["table_3"].rows())
    assert rows[0] == "ImageSet"
    assert not any("image_set" in row for row in rows)
