"""What the page of one system shows of its statistics, as plain values for `templates/system.html`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd

from pipeline.core.decimals import decimal, p_value, percent, points
from pipeline.evaluation.choice import CHOSEN
from pipeline.evaluation.groups import Gap
from pipeline.evaluation.metrics import Score
from pipeline.evaluation.significance import least_p
from pipeline.reporting.html.page import Listing
from pipeline.reporting.system.statistics import Statistics
from pipeline.reporting.system.statistics_calibration import reliability_chart, selective_chart
from pipeline.reporting.system.system_report import SystemReport
from pipeline.reporting.system.tables import best_of_each
from pipeline.systems.params import methods

SPEAKER_DEPENDENT = (
    "SPEAKER-DEPENDENT: training and test speakers are the same people; "
    "figures of such splits lie far above those on unknown people."
)
FEW_SPEAKERS = 6
"""With fewer, the page says that an interval over them tells little."""
Column = tuple[str, str, Callable[[Any], str]]
"""Heading, column of the table, and how its values are told."""
MOST_LISTED = 20
"""As many speakers are listed, the worst first; the others are in the table."""


MODEL: Column = ("Model", "model", str)
COMPARED: Sequence[Column] = (
    ("Clips", "clips", str),
    ("Points", "difference", points),
    ("McNemar p", "mcnemar_p", p_value),
    ("Holm", "mcnemar_p_holm", p_value),
    ("By speaker p", "permutation_p", p_value),
    ("Holm", "permutation_p_holm", p_value),
)
EMOTIONS: Sequence[Column] = (
    ("Emotion", "emotion", str),
    ("Precision", "precision", percent),
    ("Recall", "recall", percent),
    ("F1", "f1", percent),
    ("Clips", "clips", str),
    ("Decisions", "decisions", str),
)
CHOICE: Sequence[Column] = (
    ("Fold", "fold", str),
    ("Validation clips", "clips", str),
    ("Chosen", "chosen", str),
    ("Models in it", "models", str),
    ("Validation UAR", "uar", percent),
    ("Next best", "next", lambda name: name or "-"),
    ("Validation UAR", "next_uar", percent),
)
FIGURES: Sequence[Column] = (("Clips", "clips", str), ("Accuracy", "accuracy", percent), ("UAR", "uar", percent))
"""Columns of tables on a page."""


def warnings(report: SystemReport) -> list[dict[str, Any]]:
    """Return what a reader must know beside the headline: text, and whether it is an alarm."""
    found = [{"text": SPEAKER_DEPENDENT, "alarm": True}] * report.speaker_dependent
    speakers = len({clip.speaker for clip in report.tested})
    if report.params.bootstrap == "speakers" and speakers < FEW_SPEAKERS:
        rough = f"Only {speakers} speakers are tested: an interval over so few says little about anybody else."
        alone = "One speaker is tested, and a bootstrap over one speaker has no interval."
        found.append({"text": rough if speakers > 1 else alone, "alarm": False})
    return found


def statistics_values(report: SystemReport, found: Statistics, scores: Mapping[str, Score]) -> dict[str, Any]:
    """Return the values of the template for a report, from its statistics and the figures of every model or fusion."""
    name, sure = CHOSEN, found.calibrations[CHOSEN]
    shown = best_of_each({name: score.accuracy for name, score in scores.items()}, methods(report.settings))
    swapped = int((found.by_speaker["model"] == found.reference).sum())  # by the permutation test
    return {
        "headline": name,
        "reference": found.reference,
        "chosen": report.system not in report.params.reference,
        "compared": len(found.comparisons),
        "least": {"speakers": swapped, "p": p_value(least_p(max(swapped, 1), report.params.draws))},
        # of the fusions of pairs only the best of each method
        "comparisons": listing(found.comparisons[found.comparisons["model"].isin(shown)], [MODEL, *COMPARED]),
        "emotions": listing(found.per_class[found.per_class["model"] == name], EMOTIONS),
        "sure": {
            "before": _sureness(sure.before),
            "after": _sureness(sure.after),
            "temperature": decimal(sure.temperature, 2),
            "aurc": decimal(sure.aurc, 4),
            "fitted": sure.fitted,
            "folds": sure.folds,
        },
        "bins": report.params.bins,
        "charts": [reliability_chart(sure.reliability, name), selective_chart(sure.selective, name)],
        "genders": _genders(found.by_gender[found.by_gender["model"] == name]),
        "gap": None if found.gap is None else _gap(found.gap),
        "speakers": _speakers(found.by_speaker[found.by_speaker["model"] == name]),
    }


def listing(table: pd.DataFrame, columns: Sequence[Column], note: str = "") -> Listing:
    """Return a table as text, a column for each of `columns`."""
    rows = [[text(row[key]) for _, key, text in columns] for row in table.to_dict("records")]
    return Listing("", [head for head, _, _ in columns], rows, note=note)


def _gap(gap: Gap) -> dict[str, str]:
    return {"points": decimal(gap.accuracy, 1, power=2), "p": p_value(gap.p)}


def _sureness(found: Mapping[str, float]) -> list[str]:
    return [percent(found["ece"]), decimal(found["nll"], 2), decimal(found["brier"], 2)]


def _genders(table: pd.DataFrame) -> Listing:
    recalls = [name for name in table.columns if name.startswith("recall_")]
    emotions = [(name.removeprefix("recall_"), name, percent) for name in recalls]
    return listing(table, [("Gender", "gender", str), *FIGURES, *emotions])


def _speakers(table: pd.DataFrame) -> Listing:
    """Return the speakers whose clips are recognised worst, the worst first; equals in their order."""
    worst = table.sort_values("accuracy", kind="stable")[:MOST_LISTED]
    note = f"The {MOST_LISTED} of {len(table)} speakers with the lowest accuracy." if len(table) > len(worst) else ""
    return listing(worst, [("Speaker", "speaker", str), *FIGURES], note)
