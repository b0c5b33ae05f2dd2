"""The few figures of a report that two runs are compared by: `metrics.json`, for `dvc metrics diff` and `dvc exp show`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pipeline.evaluation import Score, best
from pipeline.reporting.statistics_calibration import Calibration

_FIGURES = ("accuracy", "uar", "macro_f1")


def summary(
    groups: Mapping[str, Sequence[str]], scores: Mapping[str, Score], calibrations: Mapping[str, Calibration]
) -> dict[str, dict[str, float | str | None]]:
    """Return group -> the name of its best model, accuracy, UAR, macro-F1 and calibration error; all others are in `scores.json`.

    Args:
        groups: such as audio, video and fused -> names of models; empty ones are left out
        scores: model or fusion -> figures
        calibrations: model or fusion -> how sure it is of itself
    """
    found: dict[str, dict[str, float | str | None]] = {}
    for group, names in groups.items():
        if names:
            name = best({name: scores[name] for name in names})
            figures = {**scores[name].rounded(), **calibrations[name].rounded()}
            found[group] = {"model": name, **{key: figures[key] for key in (*_FIGURES, "ece")}}
    return found
