"""All reports together: the table that `make repro` prints, and `reports/index.html`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.core.errors import ArtifactError
from pipeline.reporting.page import render

_COLUMNS = ("model", "accuracy", "95 % interval", "UAR", "clips", "coverage")


def overview(folder: Path) -> str:
    """Return the results of every system on every corpus as text, and write `index.html` beside them.

    Raises:
        ArtifactError: there is no report yet
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
    metrics = json.loads(path.read_text(encoding="utf-8"))
    rows = [_row(name, figures) for name, figures in metrics.items()]
    link = (path.parent / "index.html").relative_to(folder).as_posix()
    return {"corpus": corpus, "system": system, "link": link, "page": str(path.parent / "index.html"), "columns": _COLUMNS, "rows": rows}


def _row(name: str, figures: Mapping[str, Any]) -> Sequence[str]:
    if figures["accuracy"] is None:
        return (name, "-", "-", "-", "0", "0%")
    interval = f"{figures['low']:.3f} to {figures['high']:.3f}"
    share = f"{figures['coverage']:.0%}"
    return (name, f"{figures['accuracy']:.3f}", interval, f"{figures['uar']:.3f}", f"{figures['n']:.0f}", share)


def _text(report: Mapping[str, Any]) -> str:
    lines = [tuple(report["columns"]), *report["rows"]]
    widths = [max(len(line[i]) for line in lines) for i in range(len(_COLUMNS))]
    body = ["  ".join(c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(line, widths, strict=True))) for line in lines]
    return "\n".join([f"\n{report['system']} on {report['corpus']}", *body, f"  page: {report['page']}"])
