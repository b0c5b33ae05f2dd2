"""Which networks did not learn: by their training loss, and by the mean and deviation of their own input.

A network did not learn where its losses stay near the entropy of the labels (`pipeline.training.learning`), or
where the linear SVM on what it learned is worse than the one on the mean and deviation over time of the network's own
input (`systems.<name>.baselines`). Worse: right on fewer clips, with McNemar's exact p below 0.05, on the clips of
validation or on those of the test; on fewer clips alone would be chance in half of all equals.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from pipeline.core.decimals import decimal, p_value, points
from pipeline.evaluation.significance import mcnemar, paired
from pipeline.reporting.html.page import Listing
from pipeline.reporting.system.system_report import SystemReport
from pipeline.training.learning import Learned, said

LEAST_P = 0.05
"""Below it a difference is no chance."""
_PARTS = {"val": "validation", "test": "test"}
_LOSSES = ("first_loss", "loss", "prior_loss", "val_loss", "val_prior_loss")
_TRAINING = ("network", "trainings", "steps", *_LOSSES, "val_accuracy", "val_prior_accuracy", "unlearned")
_BASELINE = (
    "model",
    "baseline",
    *(f"{part}_{key}" for part in _PARTS for key in ("clips", "difference", "p")),
    "worse",
)


@dataclass(frozen=True)
class Learning:
    """What the trainings behind a system's models came to, one row per network; and one row per model with a baseline:
    clips that both judged, difference in accuracy and p on validation and test clips, and where it is worse.
    """

    trainings: pd.DataFrame
    baselines: pd.DataFrame
    unlearned: Sequence[str]  # sentences, one for each network or model that did not learn; none where all did

    def values(self) -> dict[str, Any]:
        """Return the values of the template."""
        texts = [_training(row) for row in self.trainings.to_dict("records")]
        head = [
            "Network",
            "Trainings",
            "Steps",
            "First loss",
            "Kept loss",
            "Labels alone",
            "Validation loss",
            "Labels alone",
        ]
        against = [_against(row) for row in self.baselines.to_dict("records")]
        beside = ["Model", "Against", "Validation, points", "p", "Test, points", "p", "Worse on"]
        return {"trainings": Listing("", head, texts), "baselines": Listing("", beside, against)}


def learning(report: SystemReport) -> Learning:
    """Return whether the networks behind a report's models learned."""
    found: dict[str, Learned] = {row["network"]: row for about in report.about for row in about.get("learned", ())}
    rows = [{**row, "unlearned": " ".join(row["unlearned"])} for row in found.values()]
    compared = [
        _compared(report, model, baseline) for baseline, models in report.settings.baselines.items() for model in models
    ]
    worse = [_worse(row) for row in compared if row["worse"]]
    return Learning(
        pd.DataFrame(rows, columns=[*_TRAINING]),
        pd.DataFrame(compared, columns=[*_BASELINE]),
        [*filter(None, map(said, found.values())), *worse],
    )


def _compared(report: SystemReport, model: str, baseline: str) -> dict[str, Any]:
    row: dict[str, Any] = {"model": str(model), "baseline": str(baseline)}
    worse = []
    for part, frame in (("val", report.validation), ("test", report.predictions)):
        both = paired(*(frame[frame["model"] == name] for name in (model, baseline)))
        one, other = both["one"].to_numpy(bool), both["other"].to_numpy(bool)
        difference, p = (float(one.mean() - other.mean()) if len(both) else float("nan")), mcnemar(one, other)
        row |= {f"{part}_clips": len(both), f"{part}_difference": difference, f"{part}_p": p}
        worse += [_PARTS[part]] * bool(difference < 0 and p < LEAST_P)
    return {**row, "worse": " ".join(worse)}


def _worse(row: Mapping[str, Any]) -> str:
    by = {name: f"{decimal(-row[f'{part}_difference'], 0, power=2)} points" for part, name in _PARTS.items()}
    told = " and ".join(f"{by[name]} on {name} clips" for name in row["worse"].split())
    return f"{row['model']} is worse than {row['baseline']}, the mean and deviation of its own input, by {told}"


def _training(row: Mapping[str, Any]) -> list[str]:
    numbers = [decimal(row[name]) for name in _LOSSES]
    return [row["network"], str(row["trainings"]), decimal(row["steps"], 0), *numbers]


def _against(row: Mapping[str, Any]) -> list[str]:
    figures = [text for part in _PARTS for text in (points(row[f"{part}_difference"]), p_value(row[f"{part}_p"]))]
    return [row["model"], row["baseline"], *figures, ", ".join(row["worse"].split()) or "-"]
