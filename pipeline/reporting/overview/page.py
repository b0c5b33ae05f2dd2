"""`reports/index.html`: one self-contained page over all reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from pipeline.reporting.html.blocks import Listing
from pipeline.reporting.html.page import CONTENTS, FURTHER, render
from pipeline.reporting.overview.gallery import gallery
from pipeline.reporting.overview.glance import glance
from pipeline.reporting.overview.learning import network_charts
from pipeline.reporting.overview.places import Places
from pipeline.reporting.overview.reports import COLUMNS, Report
from pipeline.reporting.overview.run_facts import settings_values, software
from pipeline.reporting.overview.stage_times import by_kind, duration, stage_rows

TEMPLATES = Path(__file__).parent / "templates"
_PARTS = {
    "models": "models",
    "paper": "the paper's tables",
    "confusions": "confusions",
    "modalities": "modalities",
    "training": "training curves",
    "calibration": "calibration",
    "people": "speakers and gender",
    "wrong": "error analysis",
    "robustness": "modality ablation",
    "weights": "weights",
    "ledger": "ledger",
}
"""End of a part's id -> how the contents of a section name it."""


def write_index(places: Places, reports: Sequence[Report], compared: Mapping[str, Listing]) -> Path:
    """Write the page and return where it is.

    Args:
        places: where to look for what it shows beside the reports
        reports: all of them
        compared: corpus -> the comparison of its systems
    """
    path, stages = places.reports / "index.html", stage_rows(places)
    render(
        "index.html",
        path,
        (TEMPLATES,),
        notices=_notices(reports),
        made={_name(report): report.setup["made_here"] for report in reports if report.setup["made_here"]},
        reports=[_values(report, places) for report in reports],
        columns=COLUMNS,
        charts=glance(reports),
        compared=compared,
        networks=network_charts(places.models),
        stages=stages,
        kinds=by_kind(stages),
        took=duration(sum(row.seconds or 0.0 for row in stages)),
        settings=settings_values(places),
        software=software(places.params.parent),
    )
    return path


def _notices(reports: Sequence[Report]) -> dict[str, list[str]]:
    """Return what must be known before any figure -> of which reports it is true."""
    found: dict[str, list[str]] = {}
    for report in reports:
        for notice in report.setup["notices"]:
            found.setdefault(notice, []).append(_name(report))
    return found


def _name(report: Report) -> str:
    return f"{report.system} on {report.corpus}"


def _values(report: Report, places: Places) -> dict[str, Any]:
    """Return what the page shows of one report: what its stages wrote, cut where the page puts parts of its own."""
    before, _, after = report.section().partition(FURTHER)
    top, _, middle = before.partition(CONTENTS)
    parts = {"top": top, "middle": middle, "robustness": report.section("robustness"), "after": after}
    whole = "".join(parts.values())
    wanted = {name: words for name, words in _PARTS.items() if name == "wrong" or f'id="{report.key}-{name}"' in whole}
    return {
        "corpus": report.corpus,
        "system": report.system,
        "key": report.key,
        "protocol": report.setup["protocol"],
        "speaker_dependent": report.setup["speaker_dependent"],
        "best": report.rows[report.best],
        "link": report.page.relative_to(places.reports).as_posix(),
        "contents": wanted,
        **{name: Markup(part) for name, part in parts.items()},  # made by our templates, which have escaped all text
        "gallery": gallery(report, places),
    }
