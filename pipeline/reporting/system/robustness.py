"""The page on missing modalities of one system on one corpus: accuracy by the share of test clips that lost one."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.core.decimals import percent
from pipeline.core.posteriors import write_table
from pipeline.fusion.missing_modality import MISSING
from pipeline.manifest.corpus_json import CorpusSummary
from pipeline.reporting.html.charts import Chart, Line
from pipeline.reporting.html.page import SECTION, page_base, page_key, render
from pipeline.reporting.system.notices import GENERATED
from pipeline.reporting.system.statistics_page import SPEAKER_DEPENDENT
from pipeline.reporting.training_curves import write_curves
from pipeline.systems.params import Fusion

KINDS = ("sound", "picture", "joint", "fusion")
"""Of models by what they need, and fusions; one of each is shown."""
_DRAWN = ("sound", "picture", "fusion")
_WORDS = {"sound": "audio", "picture": "video", "joint": "audio and video", "fusion": "fusion"}
"""Kind, or what is missing -> how the page names it; the kinds are those of the files."""


def chosen(
    figures: pd.DataFrame,
    needs: Mapping[str, frozenset[str]],
    wanted: Iterable[Fusion],
    baselines: Container[str] = (),
) -> dict[str, str]:
    """Return kind -> the model or fusion of that kind with the highest accuracy of all clips, the first of equals.

    `figures` are those of `pipeline.fusion.missing_modality.robustness`, of which the lowest share counts; `needs` says
    what every model needs of a clip; `wanted` has every part before what it is part of, and of the fusions those of
    both modalities count, or all where none is. `baselines` are never the best, as in the rest of the report.
    """
    rests = dict(needs)
    for fusion in wanted:
        rests[fusion.name] = frozenset().union(*(rests[part] for part in fusion.parts))
    fused = [name for name in rests if name not in needs]
    of_both = [name for name in fused if len(rests[name]) == len(MISSING)]
    kinds = {name: next(iter(needed)) if len(needed) == 1 else "joint" for name, needed in needs.items()}
    own = [name for name in needs if name not in baselines]
    groups = {kind: [name for name in own if kinds[name] == kind] for kind in KINDS} | {"fusion": of_both or fused}
    whole = figures[figures["share"] == figures["share"].min()].groupby("model", sort=False)["accuracy_of_all"].mean()
    return {kind: max(names, key=whole.to_dict().__getitem__) for kind, names in groups.items() if names}


def write_robustness(
    folder: Path, described: CorpusSummary, system: str, figures: pd.DataFrame, best: Mapping[str, str], generated: bool
) -> str:
    """Write missing.csv, plots/, index.html and section.html; return a line on the best fusion, or the last model.

    `figures` are those of `pipeline.fusion.missing_modality.robustness`; `best` is what `chosen` returns.
    """
    curves: dict[str, dict[str, pd.DataFrame]] = {}
    for missing in MISSING:
        lost = figures[figures["missing"] == missing]
        curves[missing] = {kind: lost[lost["model"] == name] for kind, name in best.items()}
    write_table(folder / "missing.csv", figures)
    drawn = {
        f"best_{kind}_without_{missing}": curve[["share", "accuracy_of_all"]]
        for missing, by_kind in curves.items()
        for kind, curve in by_kind.items()
        if kind in _DRAWN
    }
    write_curves(folder / "plots", drawn)
    corpus = described.source.corpus
    values = {
        "corpus": corpus,
        "protocol": described.protocol.described(len(described.folds)),
        "alarm": SPEAKER_DEPENDENT if "test" in described.protocol.shared else "",
        "notice": GENERATED if generated else "",
        "system": system,
        "clips": int(figures["clips"].iloc[0]),
        "folds": len(described.folds),
        "choice": figures["model"].nunique() > len(best),
        "best": {_WORDS[kind]: name for kind, name in best.items() if kind in _DRAWN},
        "shares": [percent(share, 0) for share in figures["share"].unique()],
        "charts": [_chart(missing, by_kind) for missing, by_kind in curves.items()],
        "groups": {
            _WORDS[missing]: [_row(kind, best[kind], curve) for kind, curve in by_kind.items()]
            for missing, by_kind in curves.items()
        },
        "key": page_key(corpus, system),
    }
    render("robustness.html", folder / "index.html", **values, base="../")
    render("robustness_section.html", folder / SECTION, **values, base=page_base(system))
    last = list(best)[-1]
    ends = ", ".join(
        f"{percent(by_kind[last]['accuracy_of_all'].iloc[-1])} without {_WORDS[missing]}"
        for missing, by_kind in curves.items()
    )
    return f"{best[last]}: accuracy of all clips {ends}"


def _chart(missing: str, curves: Mapping[str, pd.DataFrame]) -> Chart:
    """Return the chart of a modality ablation."""
    word, lines, said = _WORDS[missing], [], []
    for kind in (kind for kind in _DRAWN if kind in curves):
        points = list(zip(curves[kind]["share"], curves[kind]["accuracy_of_all"], strict=True))
        texts = [f"{percent(share, 0)}: {percent(accuracy)}" for share, accuracy in points]
        lines.append(Line(points, _WORDS[kind], texts))
        said.append(f"{_WORDS[kind]}: {', '.join(percent(accuracy) for _, accuracy in points)}")
    shares = ", ".join(percent(share, 0) for share, _ in lines[0].points)
    text = f"Accuracy of all test clips when {shares} of them have no {word}. {'; '.join(said)}"
    labels = f"test clips without {word}, %", "accuracy of all test clips, %"
    return Chart(f"{word.capitalize()} removed", text, *labels, lines=lines)


def _row(kind: str, name: str, curve: pd.DataFrame) -> dict[str, Any]:
    """Return a line of the table: accuracy of all clips, below it that of the judged and how many these are."""
    cells = [
        {"all": percent(row["accuracy_of_all"]), "judged": f"{percent(row['accuracy'])} of {row['judged']}"}
        for row in curve.to_dict("records")
    ]
    return {"kind": _WORDS[kind], "name": name, "cells": cells}
