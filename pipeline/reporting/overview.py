"""All reports together: the table that `make repro` prints, and `reports/index.html`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.core.errors import ArtifactError
from pipeline.reporting.page import render
from pipeline.system import method_of

_COLUMNS = ("model", "accuracy", "95 % interval", "UAR", "clips", "coverage")
_Figures = Mapping[str, Any]


def overview(folder: Path) -> str:
    """Return the results of every system on every corpus as text, and write `index.html` beside them.

    Of the fusions only the best of each method is shown; a system has dozens.

    Raises:
        ArtifactError: there is no report yet, or one that is not readable
    """
    found = sorted(folder.glob("*/*/metrics.json"))
    if not found:
        raise ArtifactError(f"{folder}: no report in it; run `make repro` (or `dvc repro`) first")
    reports = [_report(path, folder) for path in found]
    render("overview.html", folder / "index.html", reports=reports)
    blocks = [_text(report) for report in reports]
    return "\n".join([*blocks, f"The page over all reports: {folder / 'index.html'}"])


def _report(path: Path, folder: Path) -> dict[str, Any]:
    corpus, system = path.parts[-3:-1]
    metrics = _read(path)
    shown = _shown(metrics)
    page = path.parent / "index.html"
    return {
        "corpus": corpus,
        "system": system,
        "link": page.relative_to(folder).as_posix(),
        "page": str(page),
        "columns": _COLUMNS,
        "rows": [_row(name, metrics[name]) for name in shown],
        "best": max(shown, key=lambda name: _accuracy(metrics[name])),
        "fusions": sum(bool(method_of(name)) for name in metrics),
    }


def _read(path: Path) -> dict[str, _Figures]:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ArtifactError(f"{path}: not readable ({error}); run `dvc repro -f report`") from error


def _accuracy(figures: _Figures) -> float:
    return -1.0 if figures["accuracy"] is None else figures["accuracy"]


def _shown(metrics: Mapping[str, _Figures]) -> list[str]:
    """Return all unimodal models, and the best fusion of each method, in the order they were run."""
    best: dict[str, str] = {}
    for name, figures in metrics.items():
        key = method_of(name) or name
        if key not in best or _accuracy(figures) > _accuracy(metrics[best[key]]):
            best[key] = name
    return list(best.values())


def _row(name: str, figures: _Figures) -> Sequence[str]:
    if figures["accuracy"] is None:
        return (name, "-", "-", "-", "0", "0%")
    interval = f"{figures['low']:.3f} to {figures['high']:.3f}"
    share = f"{figures['coverage']:.0%}"
    return (name, f"{figures['accuracy']:.3f}", interval, f"{figures['uar']:.3f}", f"{figures['n']:.0f}", share)


def _text(report: Mapping[str, Any]) -> str:
    lines = [tuple(report["columns"]), *report["rows"]]
    widths = [max(len(line[i]) for line in lines) for i in range(len(_COLUMNS))]
    body = [
        "  ".join([line[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(line[1:], widths[1:], strict=True))])
        for line in lines
    ]
    count = report["fusions"]
    notes = [f"  best of each method, among {count} fusions, on the test clips"] if count else []
    return "\n".join([f"\n{report['system']} on {report['corpus']}", *body, *notes, f"  page: {report['page']}"])
