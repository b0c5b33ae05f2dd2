"""The feedback loop of Ouyang et al. 2017, section 5 and Fig. 7: what every step learned, and whom it fits."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd

from pipeline.core.decimals import decimal, percent, points
from pipeline.reporting.html.page import Listing
from pipeline.reporting.papers.paper import Figure, Results

NAME = "Feedback (section 5, Fig. 7)"
LOOP = (
    "The loop of Fig. 7, run offline. In every fold half of the test clips go to an organiser, who alone knows their "
    "labels. Predictions for these clips are submitted; what comes back is the share of each emotion among the "
    "predictions and among the labels. The weights W of eq. (2) grow for the emotions that are off; then the weights "
    "of the sub-systems are changed, emotion by emotion, as long as that lowers L = W D - C, where D are the "
    "differences of the shares and C is the accuracy on validation clips. Of all steps that with the smallest distance "
    "is kept. The paper set W by hand and prints no step. No other figure on this page depends on the loop."
)
FIT = (
    "The weights that are kept fit the clips that gave the feedback. On the other half of the test clips nothing was "
    "ever returned: what is gained on the first half beyond the gain on the second is excess, fitted to the feedback "
    "and not learned for other clips. Distance: share of the submitted clips that would have to move to another "
    "emotion to make both distributions equal; accuracy can fall while it does, since a share says nothing of single "
    "clips."
)
ENDS = {
    "steps": "all steps were used",
    "equal": "the distributions were equal",
    "repeated": "it came back to weights that it had submitted before",
}
"""When a loop ended."""
OPEN = 1
"""Folds whose steps a reader need not open."""
MEAN = "mean"


def feedback_figure(results: Results, system: str) -> Figure:
    """Return the loop step by step and the fit to the feedback, or why there is none."""
    feedback = results.feedback
    if feedback is None:
        reason = f"not run: add feedback to systems.{system}"
        return Figure(NAME, f"{LOOP} {reason}.", {"feedback": pd.DataFrame({"reason": [reason]})})
    runs, fit = feedback.runs, fit_frame(feedback.runs)
    listings = [_fit(fit)]
    for number, (fold, frame) in enumerate(feedback.steps.groupby("fold", sort=False)):
        count = f"{len(frame)} step{'s' * (len(frame) != 1)}"
        listings.append(
            _steps(f"{fold}: {count}, ended when {ENDS[runs['folds'][fold]['end']]}", frame, number >= OPEN)
        )
    frames = {"feedback": feedback.steps, "feedback_fit": fit}
    return Figure(NAME, f"{LOOP} Weights changed here: those of {runs['fusion']}.", frames, listings=listings)


def fit_frame(runs: Mapping[str, Any]) -> pd.DataFrame:
    """Return one row per fold and their mean: steps, distance and accuracies at step 1 and with the kept weights.

    The mean is over the folds that have clips on both sides.
    """
    rows = pd.DataFrame([_fit_row(fold, run) for fold, run in runs["folds"].items()])
    both = rows[(rows["clips_with_feedback"] > 0) & (rows["clips_without_feedback"] > 0)]
    figures = [name for name in rows.columns if name.startswith(("distance", "with_", "without_", "excess"))]
    mean = {"fold": MEAN, **both[figures].mean().to_dict()}
    rounded = [rows.round(6).astype(object), pd.DataFrame([mean]).round(6)]
    return pd.concat(rounded, ignore_index=True).fillna("")


def _fit_row(fold: str, run: Mapping[str, Any]) -> dict[str, Any]:
    steps, kept = run["steps"], run["kept"]
    figures = {"distance": (steps[0]["distance"], steps[kept - 1]["distance"])}
    figures |= {name: run[name] for name in ("with_feedback", "without_feedback")}
    return {
        "fold": fold,
        **{name: run[name] for name in ("clips_with_feedback", "clips_without_feedback")},
        "steps": len(steps),
        "kept": kept,
        "end": run["end"],
        **{f"{name}_{at}": pair[n] for name, pair in figures.items() for n, at in enumerate(("first", "kept"))},
        "excess": run["excess"],
    }


def _fit(frame: pd.DataFrame) -> Listing:
    columns = ("Fold", "Kept", "Distance", "Accuracy with feedback", "Accuracy without", "Excess")
    rows = [
        (
            row["fold"],
            f"{row['kept']} of {row['steps']}" if row["fold"] != MEAN else "",
            _change(row, "distance", decimal),
            _change(row, "with_feedback", percent),
            _change(row, "without_feedback", percent),
            "-" if row["excess"] == "" else f"{points(row['excess'])} points",
        )
        for row in frame.to_dict("records")
    ]
    return Listing("Step 1 against the kept step", columns, rows, marked=[len(rows) - 1], note=FIT)


def _change(row: Mapping[str, Any], name: str, text: Callable[[float], str]) -> str:
    first, kept = row[f"{name}_first"], row[f"{name}_kept"]
    return "-" if first == "" else f"{text(first)} to {text(kept)}"


def _steps(title: str, frame: pd.DataFrame, closed: bool) -> Listing:
    rows: list[Sequence[str]] = [
        (
            f"{row['step']}{', kept' if row['kept'] == 'yes' else ''}",
            decimal(row["distance"]),
            decimal(row["loss"]),
            percent(row["validation_accuracy"]),
            row["changed"].replace("; ", "\n") or "as searched on validation clips",
        )
        for row in frame.to_dict("records")
    ]
    marked = [number for number, kept in enumerate(frame["kept"]) if kept == "yes"]
    columns = ("Step", "Distance", "L", "Accuracy on validation", "Weights changed")
    return Listing(title, columns, rows, marked, closed)
