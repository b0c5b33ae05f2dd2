"""All reports together: the table that `make repro` prints, and `reports/index.html`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from math import nan
from pathlib import Path
from typing import Any

from pipeline.core.errors import ArtifactError
from pipeline.reporting.page import render
from pipeline.reporting.statistics_page import SPEAKER_DEPENDENT
from pipeline.reporting.systems_compared import COLUMNS, as_text, systems_compared
from pipeline.reporting.tables import best_of_each, ends
from pipeline.system import method_of

_COLUMNS = ("model", "accuracy", "95 % interval", "UAR", "clips", "coverage")
_Figures = Mapping[str, Any]


def overview(folder: Path) -> str:
    """Return the results of every system on every corpus as text, and write `index.html` beside them.

    Of the fusions of pairs only the best of each method is shown; a system has dozens.

    Raises:
        ArtifactError: there is no report yet, or one that is not readable
    """
    found = sorted(folder.glob("*/*/scores.json"))
    if not found:
        raise ArtifactError(f"{folder}: no report in it; run `make repro` (or `dvc repro`) first")
    reports = [_report(path, folder) for path in found]
    compared = _compared(folder, reports)
    render(
        "overview.html", folder / "index.html", reports=reports, speaker_dependent=SPEAKER_DEPENDENT, compared=compared, compared_columns=COLUMNS
    )
    blocks = [_text(report) for report in reports]
    if len(reports) > 1:
        blocks.append(_best_of_each(reports))
    blocks += [
        "\n".join([f"\nOne system against another on {corpus}: points of accuracy, tests paired by clip", *_aligned([COLUMNS, *rows], 2)])
        for corpus, rows in compared.items()
    ]
    return "\n".join([*blocks, f"The page over all reports: {folder / 'index.html'}"])


def _report(path: Path, folder: Path) -> dict[str, Any]:
    corpus, system = path.parts[-3:-1]
    metrics, setup = _read(path), _setup(path.with_name("setup.json"))
    shown = best_of_each({name: _number(figures, "accuracy") for name, figures in metrics.items()})
    page = path.parent / "index.html"
    rows = {name: _row(name, metrics[name]) for name in shown}
    best = max(shown, key=lambda name: _accuracy(metrics[name]))
    return {
        "corpus": corpus,
        "system": system,
        "protocol": setup["protocol"],
        "speaker_dependent": setup["speaker_dependent"],
        "link": page.relative_to(folder).as_posix(),
        "page": str(page),
        "robustness": _link(path.parent / "robustness" / "index.html", folder),
        "columns": _COLUMNS,
        "rows": list(rows.values()),
        "best": rows[best],
        "fusions": sum(bool(method_of(name)) for name in metrics),
        "left_out": len(metrics) - len(shown),
    }


def _compared(folder: Path, reports: Sequence[Mapping[str, Any]]) -> dict[str, list[list[str]]]:
    """Return corpus -> rows of the comparison of its systems, of corpora with several."""
    best: dict[str, dict[str, str]] = {}
    for report in reports:
        best.setdefault(report["corpus"], {})[report["system"]] = report["best"][0]
    return {corpus: as_text(systems_compared(folder / corpus, names)) for corpus, names in best.items() if len(names) > 1}


def _link(page: Path, folder: Path) -> str:
    """Return the address of a page that another stage makes; "" before it has."""
    return page.relative_to(folder).as_posix() if page.is_file() else ""


def _read(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ArtifactError(f"{path}: not readable ({error}); run `dvc repro -f report`") from error


def _setup(path: Path) -> dict[str, Any]:
    found = _read(path)
    if not {"protocol", "speaker_dependent"} <= found.keys():
        raise ArtifactError(f"{path}: not of this version; run `dvc repro -f report`")
    return found


def _number(figures: _Figures, key: str) -> float:
    return nan if figures[key] is None else figures[key]


def _accuracy(figures: _Figures) -> float:
    return -1.0 if figures["accuracy"] is None else figures["accuracy"]


def _row(name: str, figures: _Figures) -> Sequence[str]:
    if figures["accuracy"] is None:
        return (name, "-", "-", "-", "0", "0%")
    interval = ends(_number(figures, "low"), _number(figures, "high"))
    share = f"{figures['coverage']:.0%}"
    return (name, f"{figures['accuracy']:.3f}", interval, f"{figures['uar']:.3f}", f"{figures['n']:.0f}", share)


def _text(report: Mapping[str, Any]) -> str:
    count, left_out = report["fusions"], report["left_out"]
    notes = [f"  best of each method, among {count} fusions, on the test clips"] if left_out else []
    body = _aligned([report["columns"], *report["rows"]], 1)
    return "\n".join([f"\n{report['system']} on {report['corpus']}: {report['protocol']}", *body, *notes, f"  page: {report['page']}"])


def _best_of_each(reports: Sequence[Mapping[str, Any]]) -> str:
    rows = [(report["corpus"], report["protocol"], report["system"], *report["best"]) for report in reports]
    lines = _aligned([("corpus", "protocol", "system", *_COLUMNS), *rows], 4)
    return "\n".join(["\nThe best of each, chosen on the test clips", *lines])


def _aligned(lines: Sequence[Sequence[str]], left: int) -> list[str]:
    """Return lines of a table, the first `left` columns flush left, the others flush right."""
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    return [
        "  ".join(
            cell.ljust(width) if number < left else cell.rjust(width)
            for number, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in lines
    ]
