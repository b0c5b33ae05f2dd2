"""The page on missing modalities of one system on one corpus: accuracy by the share of test clips that lost one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.core.posteriors import write_table
from pipeline.fusion.missing_modality import MISSING
from pipeline.manifest.corpus_json import CorpusSummary
from pipeline.reporting.html.page import SECTION, page_base, page_key, percent, render
from pipeline.reporting.system.statistics_charts import Chart
from pipeline.reporting.system.statistics_page import SPEAKER_DEPENDENT
from pipeline.reporting.system.system_page import GENERATED
from pipeline.systems.params import Fusion

KINDS = ("sound", "picture", "joint", "fusion")
"""Of models by what they need, and fusions; one of each is shown."""
_DRAWN = ("sound", "picture", "fusion")


def chosen(figures: pd.DataFrame, needs: Mapping[str, frozenset[str]], wanted: Iterable[Fusion]) -> dict[str, str]:
    """Return kind -> the model or fusion of that kind with the highest accuracy of all clips, the first of equals.

    Args:
        figures: as `pipeline.fusion.missing_modality.robustness` returns them; the lowest share counts
        needs: model -> what it needs of a clip
        wanted: fusions, every part before what it is part of; those of both modalities count, or all where none is
    """
    rests = dict(needs)
    for fusion in wanted:
        rests[fusion.name] = frozenset().union(*(rests[part] for part in fusion.parts))
    fused = [name for name in rests if name not in needs]
    of_both = [name for name in fused if len(rests[name]) == len(MISSING)]
    groups = {kind: [name for name in needs if _kind(needs[name]) == kind] for kind in KINDS} | {
        "fusion": of_both or fused
    }
    whole = figures[figures["share"] == figures["share"].min()].groupby("model", sort=False)["accuracy_of_all"].mean()
    return {kind: max(names, key=whole.to_dict().__getitem__) for kind, names in groups.items() if names}


def _kind(needed: frozenset[str]) -> str:
    return next(iter(needed)) if len(needed) == 1 else "joint"


def write_robustness(
    folder: Path, described: CorpusSummary, system: str, figures: pd.DataFrame, best: Mapping[str, str], generated: bool
) -> str:
    """Write missing.csv, a table per curve in plots/, index.html and section.html; return one line on the best fusion,
    or the last model where there is none.

    Args:
        folder: gets the files
        described: what `prepare` found in the corpus, and by which protocol it is tested
        system: name in params.yaml
        figures: as `pipeline.fusion.missing_modality.robustness` returns them
        best: which models and fusions are shown, as `chosen` returns them
        generated: the corpus is generated
    """
    shown = [(kind, missing, _curve(figures, name, missing)) for missing in MISSING for kind, name in best.items()]
    write_table(folder / "missing.csv", figures)
    for stale in (folder / "plots").glob("*.csv"):
        stale.unlink()
    for kind, missing, curve in shown:  # a file for each, as DVC draws one curve of a file, named alike in every run
        if kind in _DRAWN:
            write_table(folder / "plots" / f"best_{kind}_without_{missing}.csv", curve[["share", "accuracy_of_all"]])
    corpus = described.source.corpus
    values = {
        "corpus": corpus,
        "protocol": described.protocol.described(len(described.folds)),
        "alarm": SPEAKER_DEPENDENT if "test" in described.protocol.shared else "",
        "notice": GENERATED if generated else "",
        "system": system,
        "clips": int(figures["clips"].iloc[0]),
        "folds": len(described.folds),
        "best": best,
        "shares": [percent(share, 0) for share in figures["share"].unique()],
        "charts": [
            _chart(missing, [(kind, curve) for kind, taken, curve in shown if taken == missing]) for missing in MISSING
        ],
        "rows": [_row(kind, best[kind], missing, curve) for kind, missing, curve in shown],
        "key": page_key(corpus, system),
    }
    render("robustness.html", folder / "index.html", **values, base="../")
    render("robustness_section.html", folder / SECTION, **values, base=page_base(corpus, system))
    name = list(best.values())[-1]
    ends = ", ".join(
        f"{percent(_curve(figures, name, missing)['accuracy_of_all'].iloc[-1])} without {missing}"
        for missing in MISSING
    )
    return f"{name}: accuracy of all clips {ends}"


def _curve(figures: pd.DataFrame, name: str, missing: str) -> pd.DataFrame:
    return figures[(figures["model"] == name) & (figures["missing"] == missing)]


def _chart(missing: str, curves: Sequence[tuple[str, pd.DataFrame]]) -> Chart:
    """Return the chart of what happens when one modality is taken away."""
    drawn = [(kind, curve) for kind, curve in curves if kind in _DRAWN]
    said = "; ".join(f"{kind}: {', '.join(map(percent, curve['accuracy_of_all']))}" for kind, curve in drawn)
    shares = ", ".join(percent(share, 0) for share in drawn[0][1]["share"])
    title, text = (
        f"{missing.capitalize()} taken away",
        f"Accuracy of all test clips when {shares} of them have no {missing}. {said}",
    )
    chart = Chart(title, text, f"test clips without {missing}, %", "accuracy of all test clips, %", [], [])
    chart.lines.extend(_line(chart, kind, curve) for kind, curve in drawn)
    return chart


def _line(chart: Chart, kind: str, curve: pd.DataFrame) -> dict[str, Any]:
    """Return where a curve lies in a chart: `points` of a polyline, `marks` at every share, and its class."""
    frame = chart.frame
    marks = [
        {
            "x": round(frame["left"] + share * (frame["right"] - frame["left"]), 1),
            "y": round(frame["bottom"] - accuracy * (frame["bottom"] - frame["top"]), 1),
            "text": f"{percent(share, 0)}: {percent(accuracy)}",
        }
        for share, accuracy in zip(curve["share"], curve["accuracy_of_all"], strict=True)
    ]
    return {"points": " ".join(f"{mark['x']},{mark['y']}" for mark in marks), "marks": marks, "kind": kind}


def _row(kind: str, name: str, missing: str, curve: pd.DataFrame) -> dict[str, Any]:
    """Return a line of the table: accuracy of all clips, below it that of the judged and how many these are."""
    cells = [
        {"all": percent(row["accuracy_of_all"]), "judged": f"{percent(row['accuracy'])} of {row['judged']}"}
        for row in curve.to_dict("records")
    ]
    return {"kind": kind, "name": name, "missing": missing, "cells": cells}
