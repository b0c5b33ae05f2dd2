"""Statistics of a report: what is written, against scikit-learn and by hand, and what the page says of it."""

from __future__ import annotations

import dataclasses
import json
import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pandas as pd
import pytest
from scipy.special import softmax
from sklearn import metrics

from pipeline.core.clip import Clip
from pipeline.core.decimals import p_value
from pipeline.core.errors import ArtifactError, SettingsError
from pipeline.core.ledger import Entry
from pipeline.core.posteriors import probabilities, table, without_scores, write_table
from pipeline.evaluation.calibration import brier, fit_temperature, nll, reliability, scaled, selective
from pipeline.evaluation.choice import CHOSEN
from pipeline.evaluation.metrics import ReportParams, rounded
from pipeline.evaluation.significance import holm
from pipeline.manifest.corpus_json import Source, describe
from pipeline.protocols.settings import ProtocolParams
from pipeline.reporting.html.charts import HEIGHT, WIDTH
from pipeline.reporting.html.page import render
from pipeline.reporting.system.statistics import best_on_test, candidates
from pipeline.reporting.system.statistics_calibration import (
    calibration_table,
    calibrations,
    reliability_chart,
    selective_chart,
)
from pipeline.reporting.system.statistics_page import MOST_LISTED
from pipeline.reporting.system.system_report import SystemReport, read_validation
from pipeline.reporting.system.write import write_report
from pipeline.systems.params import SystemParams, fusions

CLASSES = ["anger", "fear", "sad"]
SYSTEM = SystemParams(
    features={"a60": "audio", "v1024": "video", "v2048": "video", "both": "joint"},
    classifiers=("svm",),
    fusions=("average", "vote"),
)
NAMES = [*SYSTEM.models(), *(fusion.name for fusion in fusions(SYSTEM))]


def posteriors(clips, model: str, part: str) -> np.ndarray:
    """Return posteriors (N, 3) with six decimals that lean to the truth, more so for later models, the same at each
    call.
    """
    rng = np.random.default_rng([NAMES.index(model), len(part)])
    truth = np.eye(3)[[CLASSES.index(clip.emotion) for clip in clips]]
    return np.round(softmax(0.3 * NAMES.index(model) * truth + rng.normal(size=(len(clips), 3)), axis=1), 6)


def report(speakers=8, genders=("female", "male"), params=None, protocol="kfold", settings=SYSTEM) -> SystemReport:
    """Return a report on six clips per speaker, the first half of the speakers tested in one fold, the others in the
    next.
    """
    clips = [
        Clip(f"c{s:02d}{n}", f"{s}-{n}.mp4", f"s{s:02d}", CLASSES[n % 3], gender=genders[s % 2])
        for s in range(speakers)
        for n in range(6)
    ]
    halves = [clips[: len(clips) // 2], clips[len(clips) // 2 :]]
    folds = {
        f"fold-0{n}": {
            **{clip.clip_id: "test" for clip in halves[n]},
            **{clip.clip_id: "val" for clip in halves[1 - n]},
        }
        for n in (0, 1)
    }
    rows = [
        table(name, fold, part, chosen, posteriors(chosen, name, part), CLASSES)
        for name in NAMES
        for n, fold in enumerate(folds)
        for part, chosen in (("test", halves[n]), ("val", halves[1 - n]))
    ]
    every = pd.concat(rows, ignore_index=True)
    tested = every[every["part"] == "test"].drop(columns="part")
    about = [{"feature": "a60", "dimension": 60, "weights": "", "origin": ""}]
    found = describe(
        Source("demo", "demo", "free", "us"), ProtocolParams(name=protocol), clips, list(folds.values()), {}
    )
    return SystemReport(
        "demo", found, "mine", settings, clips, folds, tested, every[every["part"] == "val"], {},
        [Entry("c000", "prepare")],
        about, False, params or ReportParams(draws=300),
    )  # fmt: skip


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    write_report(report(), folder)
    return folder


def page_of(folder) -> str:
    return (folder / "index.html").read_text(encoding="utf-8")


def rows_of(whole: SystemReport, model: str) -> pd.DataFrame:
    rows = whole.with_chosen(whole.predictions)
    return rows[rows["model"] == model]


def best_of(whole: SystemReport) -> str:
    return best_on_test(whole.settings, whole.scores())


def test_precision_recall_and_f1_of_every_model_are_scikit_learns(written):
    found = pd.read_csv(written / "tables" / "per_class.csv")
    assert found["model"].unique().tolist() == [*NAMES, CHOSEN]
    for model, mine in found.groupby("model"):
        rows = rows_of(report(), model)
        their = metrics.precision_recall_fscore_support(
            rows["emotion"], rows["predicted"], labels=CLASSES, zero_division=np.nan
        )
        np.testing.assert_allclose(mine[["precision", "recall", "f1", "clips"]].to_numpy().T, their, atol=1e-6)
        assert mine["emotion"].tolist() == CLASSES
        assert mine["decisions"].tolist() == [(rows["predicted"] == name).sum() for name in CLASSES]


def test_everything_is_compared_with_the_headline(written):
    whole = report()
    found = pd.read_csv(written / "tables" / "comparisons.csv")
    assert set(found["reference"]) == {CHOSEN}
    assert found["model"].tolist() == NAMES
    scores = whole.scores()
    expected = [scores[name].accuracy - scores[CHOSEN].accuracy for name in found["model"]]
    np.testing.assert_allclose(found["difference"], expected, atol=1e-6)
    for key in ("mcnemar_p", "permutation_p"):
        np.testing.assert_allclose(found[f"{key}_holm"], holm(found[key]), atol=1e-4)
    assert found["permutation_p"].min() >= 2 / 2**8, "no better model is more certain than that"


def test_a_reference_that_the_settings_name(tmp_path):
    write_report(report(params=ReportParams(draws=300, reference={"mine": "a60-svm"})), tmp_path)
    found = pd.read_csv(tmp_path / "tables" / "comparisons.csv")
    assert set(found["reference"]) == {"a60-svm"}
    assert found["difference"].max() > 0
    assert "<h2>Against a60-svm</h2>" in page_of(tmp_path)
    assert "chosen on these same clips" not in page_of(tmp_path)


def test_a_reference_that_there_is_not_is_told_before_anything_is_written(tmp_path):
    with pytest.raises(
        SettingsError, match=r"^params\.yaml: report\.reference\.mine: 'a6-svm' is no .* \(did you mean 'a60-svm'\?\)$"
    ):
        write_report(report(params=ReportParams(reference={"mine": "a6-svm", "zhang2017": "anet"})), tmp_path)
    assert not list(tmp_path.iterdir())


def test_only_clips_that_both_judged_are_compared(tmp_path):
    whole = report()
    lost = (whole.predictions["model"] == "a60-svm") & (whole.predictions["speaker"] == "s00")
    write_report(dataclasses.replace(whole, predictions=whole.predictions[~lost]), tmp_path)
    found = pd.read_csv(tmp_path / "tables" / "comparisons.csv", index_col="model")["clips"]
    assert (found["a60-svm"], set(found.drop("a60-svm"))) == (42, {48})


def test_equal_models_are_not_told_apart(tmp_path):
    whole = report()
    same = pd.concat([rows_of(whole, NAMES[-1]).assign(model=name) for name in NAMES])
    write_report(dataclasses.replace(whole, predictions=same), tmp_path)
    found = pd.read_csv(tmp_path / "tables" / "comparisons.csv")
    assert set(found["difference"]) == {0}
    assert (found[["mcnemar_p", "permutation_p", "mcnemar_p_holm", "permutation_p_holm"]] == 1).all(axis=None)


def test_each_fold_has_the_temperature_of_its_validation_clips(written):
    whole = report()
    found = pd.read_csv(written / "tables" / "calibration.csv", index_col="model")
    for model in NAMES:
        rows, temperatures, calm = rows_of(whole, model), [], []
        for fold in ("fold-00", "fold-01"):
            known = whole.validation[(whole.validation["model"] == model) & (whole.validation["fold"] == fold)]
            temperatures.append(fit_temperature(probabilities(known, CLASSES), labels(known)))
            calm.append(scaled(probabilities(rows[rows["fold"] == fold], CLASSES), temperatures[-1]))
        assert found.loc[model, "temperature"] == pytest.approx(np.mean(temperatures), abs=1e-5)
        assert found.loc[model, ["folds_fitted", "folds"]].tolist() == [2, 2]
        before = probabilities(rows, CLASSES)
        for key, measure in (("nll", nll), ("brier", brier)):
            assert found.loc[model, key] == pytest.approx(measure(before, labels(rows)), abs=1e-5)
            assert found.loc[model, f"{key}_scaled"] == pytest.approx(
                measure(np.concatenate(calm), labels(rows)), abs=1e-5
            )
        assert found.loc[model, "nll"] == pytest.approx(
            metrics.log_loss(labels(rows), before / before.sum(1, keepdims=True)), abs=1e-5
        )


def labels(rows: pd.DataFrame) -> np.ndarray:
    return np.array([CLASSES.index(emotion) for emotion in rows["emotion"]])


def calibration_of(validation: pd.DataFrame):
    rows = rows_of(report(), "a60-svm")
    return rows, calibrations({"a60-svm": rows}, validation, CLASSES, 15)["a60-svm"]


def test_a_fold_that_cannot_be_fitted_keeps_its_posteriors():
    """One fold has no validation clip of the model, or of one emotion only, or none that it judged: T = 1 there."""
    every = report().validation
    mine, second = every["model"] == "a60-svm", every["fold"] == "fold-01"
    for validation in (
        every[~(mine & second)],
        every[~(mine & second) | (every["emotion"] == "sad")],
        every.assign(predicted=every["predicted"].mask(second, "")),
    ):
        rows, found = calibration_of(validation)
        assert (found.fitted, found.folds) == (1, 2)
        first = every[mine & ~second]
        temperature = fit_temperature(probabilities(first, CLASSES), labels(first))
        assert found.temperature == pytest.approx((temperature + 1) / 2)
        per_clip = np.where(rows["fold"] == "fold-00", temperature, 1.0)
        assert found.after["nll"] == pytest.approx(nll(scaled(probabilities(rows, CLASSES), per_clip), labels(rows)))


def test_without_validation_clips_nothing_changes():
    _, found = calibration_of(report().validation.iloc[:0])
    assert (found.fitted, found.temperature) == (0, 1)
    assert found.after == pytest.approx(found.before, abs=1e-5)


def test_the_order_of_the_tables_is_of_no_matter_for_calibration():
    whole = report()
    tables = []
    for seed in (None, 0):
        rows = {name: rows_of(whole, name) for name in NAMES}
        validation = whole.validation
        if seed is not None:
            rows, validation = (
                {n: f.sample(frac=1, random_state=seed) for n, f in rows.items()},
                validation.sample(frac=1, random_state=seed),
            )
        tables.append(calibration_table(calibrations(rows, validation, CLASSES, 15)))
    pd.testing.assert_frame_equal(*tables)


def test_by_speaker_and_by_gender(written):
    whole = report()
    by_speaker = pd.read_csv(written / "tables" / "by_speaker.csv")
    assert by_speaker["model"].unique().tolist() == [*NAMES, CHOSEN]
    for row in by_speaker.to_dict("records"):
        rows = rows_of(whole, row["model"])
        mine = rows[rows["speaker"] == row["speaker"]]
        assert row["clips"] == len(mine) == 6
        assert row["accuracy"] == pytest.approx(metrics.accuracy_score(mine["emotion"], mine["predicted"]), abs=1e-6)
        assert row["uar"] == pytest.approx(
            metrics.balanced_accuracy_score(mine["emotion"], mine["predicted"]), abs=1e-6
        )
    by_gender = pd.read_csv(written / "tables" / "by_gender.csv")
    gender = {clip.clip_id: clip.gender for clip in whole.clips}
    assert by_gender[["model", "gender"]].to_numpy().tolist() == [
        [name, kind] for name in (*NAMES, CHOSEN) for kind in ("female", "male")
    ]
    for row in by_gender.to_dict("records"):
        rows = rows_of(whole, row["model"])
        mine = rows[rows["clip_id"].map(gender) == row["gender"]]
        recalls = metrics.recall_score(mine["emotion"], mine["predicted"], labels=CLASSES, average=None)
        assert [row[f"recall_{name}"] for name in CLASSES] == pytest.approx(list(recalls), abs=1e-6)


def test_a_corpus_that_names_no_gender_has_no_section_of_them(tmp_path):
    write_report(report(genders=("", "")), tmp_path)
    assert not (tmp_path / "tables" / "by_gender.csv").exists()
    assert "By gender" not in page_of(tmp_path)
    assert "by_gender.csv" not in page_of(tmp_path)
    assert "Accuracy by speaker and gender" in page_of(tmp_path)


def test_a_corpus_of_one_gender_has_no_gap(tmp_path):
    write_report(report(genders=("female", "female")), tmp_path)
    assert pd.read_csv(tmp_path / "tables" / "by_gender.csv")["gender"].unique().tolist() == ["female"]
    assert "By gender" in page_of(tmp_path)
    assert "points apart" not in page_of(tmp_path)


def test_plots_are_of_the_headline(written):
    whole = report()
    rows = rows_of(whole, CHOSEN)
    pairs = pd.read_csv(written / "plots" / "confusion.csv")
    assert list(pairs.columns) == ["actual", "predicted"]
    counts = pd.read_csv(written / "confusion" / f"{CHOSEN}.csv", index_col="truth")
    np.testing.assert_array_equal(metrics.confusion_matrix(pairs["actual"], pairs["predicted"], labels=CLASSES), counts)
    bins = pd.read_csv(written / "plots" / "reliability.csv")
    assert list(bins.columns) == ["confidence", "accuracy", "clips"]
    assert bins["clips"].min() > 0
    assert bins["clips"].sum() == len(rows)
    assert (bins["accuracy"] * bins["clips"]).sum() / len(rows) == pytest.approx(
        whole.scores()[CHOSEN].accuracy, abs=1e-5
    )
    curve = pd.read_csv(written / "plots" / "selective.csv")
    assert curve.iloc[-1].tolist() == pytest.approx([1, whole.scores()[CHOSEN].accuracy], abs=1e-5)


def test_the_headline_is_what_each_fold_chose_and_the_best_on_test_stands_below(written):
    whole = report()
    assert candidates(SYSTEM) == ["both-svm", *(fusion.name for fusion in fusions(SYSTEM))]
    uars = {
        (fold, name): metrics.balanced_accuracy_score(rows["emotion"], rows["predicted"])
        for (fold, name), rows in whole.validation.groupby(["fold", "model"])
    }
    for fold, name in whole.choice.items():
        assert uars[fold, name] == max(uars[fold, other] for other in NAMES)
        rows = rows_of(whole, CHOSEN)
        theirs = rows_of(whole, name).query("fold == @fold").drop(columns="model")
        pd.testing.assert_frame_equal(
            rows[rows["fold"] == fold].drop(columns="model").reset_index(drop=True), theirs.reset_index(drop=True)
        )
    assert pd.read_csv(written / "tables" / "choice.csv")["chosen"].tolist() == [*whole.choice.values()]
    assert json.loads((written / "setup.json").read_text())["choice"] == whole.choice
    page = page_of(written)
    assert best_of(whole) == max(NAMES, key=lambda name: whole.scores()[name].accuracy)
    assert page.index("Chosen on validation clips") < page.index(f"Best on the test clips: {best_of(whole)}, accuracy")
    alone = SystemParams(features={"a60": "audio", "v1024": "video"}, classifiers=("svm",), fusions=())
    assert best_on_test(alone, {name: whole.scores()[name] for name in alone.models()}) in alone.models()


def test_scores_have_the_new_figures_not_rounded(written):
    found, whole = json.loads((written / "scores.json").read_text()), report()
    assert list(found) == [*NAMES, CHOSEN]
    for name, figures in found.items():
        rows = rows_of(whole, name)
        assert set(figures) == {
            "accuracy", "uar", "micro_f1", "macro_f1", "low", "high", "uar_low", "uar_high", "n", "coverage", "ece",
            "nll", "brier", "aurc", "macro_precision", "folds", "fold_accuracy", "fold_accuracy_sd", "fold_uar",
            "fold_uar_sd",
        }  # fmt: skip
        assert figures["macro_f1"] == round(metrics.f1_score(rows["emotion"], rows["predicted"], average="macro"), 12)
        assert figures["brier"] == round(brier(probabilities(rows, CLASSES), labels(rows)), 12)


def test_the_page_has_its_sections_in_order(written):
    page = page_of(written)
    places = [
        page.index(f"<h2>{title}")
        for title in (
            "Confusions",
            "Precision and recall by emotion",
            "Training",
            "Calibration",
            "Accuracy by speaker and gender",
            "Against the headline",
        )
    ]
    assert places == sorted(places)
    section = page[places[-1] :].split("</details>")[0]
    shown = re.findall(r"<tr><td>([^<]+)</td>", section)
    best_votes = max((n for n in NAMES if n.startswith("vote")), key=lambda name: report().scores()[name].accuracy)
    assert shown[:4] == SYSTEM.models()
    assert best_votes in shown
    assert len(shown) < len(NAMES), "the best of each method, not all"
    assert "adjusted for all 8 comparisons" in section
    assert "with 8 of them its p is never below 0.008" in section
    assert "in 2 of 2 folds" in page
    assert "nan" not in page.split("</style>")[1]


def test_the_worst_speaker_stands_first_and_only_so_many_are_listed(tmp_path):
    whole = report(speakers=24)
    write_report(whole, tmp_path)
    found = pd.read_csv(tmp_path / "tables" / "by_speaker.csv")
    worst = found[found["model"] == CHOSEN].sort_values("accuracy", kind="stable")["speaker"].tolist()
    section = page_of(tmp_path).split("<h3>By speaker</h3>")[1].split("<h2>")[0]
    assert re.findall(r"<tr><td>(s\d\d)</td>", section) == worst[:MOST_LISTED]
    assert f"The {MOST_LISTED} of 24 speakers with the lowest accuracy." in page_of(tmp_path)


@pytest.mark.parametrize(
    ("speakers", "bootstrap", "said"),
    [
        (8, "speakers", ""),
        (6, "speakers", ""),
        (4, "speakers", "Only 4 speakers are tested"),
        (4, "clips", ""),
        (1, "speakers", "One speaker is tested"),
    ],
)
def test_an_interval_over_few_speakers_is_called_rough(tmp_path, speakers, bootstrap, said):
    write_report(report(speakers=speakers, params=ReportParams(draws=100, bootstrap=bootstrap)), tmp_path)
    page = page_of(tmp_path)
    notes = re.findall(r'<p class="note">([^<]*)</p>', page.split('class="headline"')[1])
    assert len(notes) == bool(said)
    assert all(note.startswith(said) for note in notes)
    drawn = "(bootstrap over speakers, or over clips where that is wider)"
    assert (drawn in page, "(bootstrap over clips)" in page) == (
        bootstrap == "speakers" and speakers > 1,
        bootstrap == "clips",
    )
    if speakers == 1:
        assert "95 % interval - to -" not in page
        assert "nan" not in page.split("</style>")[1]
        figures = json.loads((tmp_path / "scores.json").read_text())["a60-svm"]
        assert [figures[key] for key in ("low", "high", "uar_low", "uar_high")] == [None] * 4
        assert pd.read_csv(tmp_path / "tables" / "comparisons.csv")["permutation_p"].tolist() == [1.0] * 8


def test_nothing_judged_at_all(tmp_path):
    whole = report()
    write_report(dataclasses.replace(whole, predictions=whole.predictions.assign(predicted="")), tmp_path)
    page = page_of(tmp_path)
    assert "nan" not in page.split("</style>")[1]
    assert "95 % interval" not in page.split('class="headline"')[1].split("</div>")[0]
    figures = json.loads((tmp_path / "scores.json").read_text())["a60-svm"]
    assert {key for key, value in figures.items() if value is not None} == {"n", "coverage", "folds"}
    assert len(pd.read_csv(tmp_path / "plots" / "confusion.csv")) == 0
    found = pd.read_csv(tmp_path / "tables" / "comparisons.csv")
    assert found[["difference", "mcnemar_p", "permutation_p", "mcnemar_p_holm"]].isna().all(axis=None)
    assert (
        pd.read_csv(tmp_path / "tables" / "calibration.csv")[["ece", "nll", "temperature", "aurc"]]
        .isna()
        .all(axis=None)
    )


def test_a_model_without_rows_keeps_its_place_in_every_table(tmp_path):
    whole = report()
    rows = whole.predictions
    write_report(dataclasses.replace(whole, predictions=rows[rows["model"] != "a60-svm"]), tmp_path)
    for name in ("per_class", "comparisons", "calibration"):
        found = pd.read_csv(tmp_path / "tables" / f"{name}.csv").set_index("model")
        assert "a60-svm" in found.index, name
    assert pd.read_csv(tmp_path / "tables" / "comparisons.csv", index_col="model").loc["a60-svm", "clips"] == 0
    assert "nan" not in page_of(tmp_path).split("</style>")[1]


SVG = re.compile(r"<svg.*?</svg>", re.DOTALL)


def test_charts_are_whole_and_say_in_words_what_they_show(written):
    drawings = [ElementTree.fromstring(text) for text in SVG.findall(page_of(written).split("Calibration</h2>")[1])]
    assert len(drawings) == 2
    for drawing in drawings:
        named = drawing.get("aria-labelledby").split()
        assert [(drawing.find("title").get("id"), drawing.find("desc").get("id"))] == [tuple(named)]
        assert len(drawing.find("desc").text) > 40
        words = [text.text for text in drawing.findall("text")]
        assert words[-2:] in (["confidence, %", "accuracy, %"], ["coverage, % of the judged clips", "accuracy, %"])
        assert drawing.get("viewBox") == f"0 0 {WIDTH} {HEIGHT}"
    bars = pd.read_csv(written / "plots" / "reliability.csv")
    assert len(drawings[0].findall("rect")) == len(bars)
    assert [len(drawing.findall("polyline")) for drawing in drawings] == [1, 2]


def drawn(chart, folder) -> ElementTree.Element:
    """Return a chart as the pages draw it."""
    (folder / "one.html").write_text(
        '{% from "chart.html" import drawing %}{{ drawing(chart, "a") }}', encoding="utf-8"
    )
    render("one.html", folder / "page.html", (folder,), chart=chart)
    return ElementTree.fromstring(SVG.search((folder / "page.html").read_text(encoding="utf-8"))[0])


def points(line: ElementTree.Element) -> list[tuple[float, ...]]:
    return [tuple(map(float, point.split(","))) for point in line.get("points").split()]


def numbers(bar: ElementTree.Element) -> list[float]:
    return [float(bar.get(key)) for key in ("x", "y", "width", "height")]


def test_bars_stand_where_their_figures_are(tmp_path):
    bins = reliability(np.array([0.3, 0.4, 0.9, 0.9]), np.array([True, False, True, True]), 2)
    chart = reliability_chart(bins, "m")
    image = drawn(chart, tmp_path)
    wide, high = chart.right - chart.left, chart.bottom - chart.top
    low, sure = image.findall("rect")
    assert numbers(low) == [chart.left, chart.top + high / 2, wide / 2, high / 2]
    assert numbers(sure) == [chart.left + wide / 2, chart.top, wide / 2, high]
    assert low.find("title").text == "0 % to 50 %: 2 clips, confidence 35.0 %, accuracy 50.0 %"
    assert points(image.find("polyline")) == [(chart.left, chart.bottom), (chart.right, chart.top)]


def test_a_curve_goes_through_its_points(tmp_path):
    chart = selective_chart(selective(np.array([0.9, 0.5]), np.array([True, False])), "m")
    middle = (chart.left + chart.right) / 2, (chart.top + chart.bottom) / 2
    level, curve = map(points, drawn(chart, tmp_path).findall("polyline"))
    assert curve == [(middle[0], chart.top), (chart.right, middle[1])]
    assert level == [(chart.left, middle[1]), (chart.right, middle[1])]
    assert "25 % of the clips: 100.0 %" in chart.described
    assert "100 % of the clips: 50.0 %" in chart.described


def test_charts_of_nothing_are_empty():
    nothing = np.zeros(0)
    chart = selective_chart(selective(nothing, nothing.astype(bool)), "m")
    assert (list(chart.lines), list(chart.bars)) == ([], [])
    assert reliability_chart(reliability(nothing, nothing.astype(bool), 15), "m").bars == []


@pytest.mark.parametrize(
    ("p", "text"), [(0.0312, "0.031"), (0.0004, "< 0.001"), (0.0005, "0.001"), (1.0, "1.000"), (float("nan"), "-")]
)
def test_a_p_value_in_words(p, text):
    assert p_value(p) == text


def folders(tmp_path):
    whole = report()
    val, test = whole.validation, whole.predictions.assign(part="test")[whole.validation.columns]
    for name in SYSTEM.models():
        mine = pd.concat([val[val["model"] == name], test[test["model"] == name]])
        (tmp_path / "models" / name).mkdir(parents=True)
        write_table(
            tmp_path / "models" / name / "posteriors.csv", mine.assign(**{f"s_{emotion}": 1.0 for emotion in CLASSES})
        )
    (tmp_path / "fusion").mkdir()
    write_table(tmp_path / "fusion" / "validation.csv", val[~val["model"].isin(SYSTEM.models())])
    return whole, tmp_path / "models", tmp_path / "fusion"


def test_validation_rows_of_models_and_fusions_are_read(tmp_path):
    whole, models, fusion = folders(tmp_path)
    found = read_validation(models, fusion, SYSTEM.models())
    assert list(found["model"].unique()) == NAMES
    assert set(found["part"]) == {"val"}
    pd.testing.assert_frame_equal(found.reset_index(drop=True), without_scores(whole.validation).reset_index(drop=True))


def test_a_model_that_stands_in_the_table_of_fusions_too_is_counted_once(tmp_path):
    whole, models, fusion = folders(tmp_path)
    write_table(fusion / "validation.csv", whole.validation)
    assert len(read_validation(models, fusion, SYSTEM.models())) == len(whole.validation)


def test_a_system_without_fusions_has_a_table_of_no_rows(tmp_path):
    whole, models, fusion = folders(tmp_path)
    write_table(fusion / "validation.csv", whole.validation.iloc[:0])
    found = read_validation(models, fusion, SYSTEM.models())
    assert list(found["model"].unique()) == SYSTEM.models()
    rows = rows_of(whole, "a60-svm")
    assert calibrations({"a60-svm": rows}, found, CLASSES, 15)["a60-svm"].fitted == 2


@pytest.mark.parametrize("lost", ["fusion/validation.csv", "models/a60-svm/posteriors.csv"])
def test_a_table_that_there_is_not_is_an_artifact_error(tmp_path, lost):
    _, models, fusion = folders(tmp_path)
    (tmp_path / lost).unlink()
    with pytest.raises(ArtifactError, match=r"no such table; run `dvc repro`"):
        read_validation(models, fusion, SYSTEM.models())


def test_the_metrics_for_two_runs_are_the_best_of_each_modality_and_few(tmp_path):
    write_report(report(), tmp_path)
    metrics, every = (json.loads((tmp_path / name).read_text()) for name in ("metrics.json", "scores.json"))
    single = metrics.pop("models")
    shown = {name: rounded(figures) for name, figures in every.items()}
    assert single == {name: {key: shown[name][key] for key in ("accuracy", "uar")} for name in SYSTEM.models()}
    assert metrics["headline"]["model"] == CHOSEN
    assert metrics["fused"]["model"] == max(candidates(SYSTEM), key=lambda name: every[name]["accuracy"])
    for figures in metrics.values():
        assert set(figures) == {"model", "accuracy", "uar", "macro_f1", "macro_precision", "ece"}
        assert {key: value for key, value in figures.items() if key != "model"}.items() <= shown[
            figures["model"]
        ].items()
    assert metrics["audio"]["accuracy"] == max(shown[name]["accuracy"] for name in every if name.startswith("a60"))


def test_labels_of_test_clips_change_neither_the_choice_nor_a_prediction_of_the_headline():
    whole, rng = report(), np.random.default_rng(3)
    permuted = whole.predictions.assign(emotion=rng.permutation(whole.predictions["emotion"]))
    other = dataclasses.replace(whole, predictions=permuted)
    assert other.choice == whole.choice
    columns = ["fold", "clip_id", "predicted", *(f"p_{name}" for name in CLASSES)]
    pd.testing.assert_frame_equal(rows_of(other, CHOSEN)[columns], rows_of(whole, CHOSEN)[columns])
    assert best_of(other) != best_of(whole) or other.scores()[CHOSEN] != whole.scores()[CHOSEN], "the figures do change"
    turned = whole.validation.assign(emotion=np.roll(whole.validation["emotion"], 1))
    assert dataclasses.replace(whole, validation=turned).choice != whole.choice, "and validation labels do choose"


def test_a_system_may_name_what_its_headline_is_chosen_among(tmp_path):
    whole = report(settings=SYSTEM.model_copy(update={"headline": ("a60-svm",)}))
    write_report(whole, tmp_path)
    assert set(whole.choice.values()) == {"a60-svm"}
    assert whole.scores()[CHOSEN] == whole.scores()["a60-svm"]
    page = page_of(tmp_path)
    assert "The only model or fusion to choose from, a60-svm" in page
    assert "among 1" not in page
    assert "flattered by the choice" not in page, "nothing was chosen"
