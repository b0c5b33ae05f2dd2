"""The figures of a report that two runs are compared by: `metrics.json`, for `dvc metrics diff` and `dvc exp show`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.evaluation.metrics import Score, best
from pipeline.reporting.system.statistics_calibration import Calibration

_FIGURES = ("accuracy", "uar", "macro_f1")


def summary(
    groups: Mapping[str, Sequence[str]],
    models: Sequence[str],
    scores: Mapping[str, Score],
    calibrations: Mapping[str, Calibration],
) -> dict[str, dict[str, Any]]:
    """Return group -> the name of its best model, accuracy, UAR, macro-F1 and calibration error; and of every model of
    one
    feature, under `models`, accuracy and UAR, so that a change shows which is not the best one's. The rest is in
    `scores.json`.

    Args:
        groups: such as audio, video and fused -> names of models; empty ones are left out
        models: names of the models of one feature, and of whatever else is to be seen one by one
        scores: model or fusion -> figures
        calibrations: model or fusion -> its calibration
    """
    found: dict[str, dict[str, Any]] = {}
    for group, names in groups.items():
        if names:
            name = best({name: scores[name] for name in names})
            figures = {**scores[name].rounded(), **calibrations[name].rounded()}
            found[group] = {"model": name, **{key: figures[key] for key in (*_FIGURES, "ece")}}
    rounded = {name: scores[name].rounded() for name in models}
    return {
        **found,
        "models": {name: {key: each[key] for key in ("accuracy", "uar")} for name, each in rounded.items()},
    }
