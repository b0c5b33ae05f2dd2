"""The overview: `reports/index.html`, one page over all reports, and the table that `make repro` prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from markupsafe import Markup

from pipeline.evaluation.choice import CHOSEN
from pipeline.reporting.html.page import CONTENTS, FURTHER, Listing, render
from pipeline.reporting.overview.gallery import gallery
from pipeline.reporting.overview.reports import COLUMNS, Places, Report, read_reports
from pipeline.reporting.overview.run_facts import settings_values, software
from pipeline.reporting.overview.stage_times import by_kind, duration, stage_rows
from pipeline.reporting.overview.systems_compared import COLUMNS as COMPARED
from pipeline.reporting.overview.systems_compared import glance, systems_compared
from pipeline.reporting.system.statistics_page import listing
from pipeline.reporting.training_curves import network_charts
from pipeline.runner.layout import table, text_of

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


def overview(places: Places) -> str:
    """Return the results of every system on every corpus as text, and write `index.html` beside them.

    Of the fusions of pairs only the best of each method is shown; a system has dozens. An ArtifactError says that there
    is no report yet, or one that is not readable.
    """
    reports = read_reports(places.reports)
    compared = _compared(places, reports)
    page = places.reports / "index.html"
    render("index.html", page, (TEMPLATES,), **_page_values(places, reports, compared))
    blocks = [_unlearned(reports), *map(_text, reports)]
    if len(reports) > 1:
        blocks += ["\nThe headline of each, chosen on validation clips in every fold", _of_each(reports, CHOSEN)]
        blocks += [
            "\nThe best on the test clips among what each headline is chosen from, flattered by that choice",
            _of_each(reports),
        ]
    for corpus, found in compared.items():
        blocks.append(f"\nSystems compared on {corpus}: points of accuracy, tests paired by clip")
        blocks.append(text_of([table(found.columns, found.rows, (0, 1))]))
    return "\n".join([*blocks, f"The page over all reports: {page}"])


def _of_each(reports: Sequence[Report], name: str = "") -> str:
    """Return the figures of one model of each report; of that which is best on the test clips, if none is named."""
    rows = [
        (each.corpus, each.setup["protocol"], each.system, *each.row(name or each.setup["on_test"])) for each in reports
    ]
    return text_of([table(("Corpus", "Protocol", "System", *COLUMNS), rows, range(4))])


def _compared(places: Places, reports: Sequence[Report]) -> Mapping[str, Listing]:
    """Return corpus -> the comparison of its systems, of corpora with several."""
    found = {}
    for corpus, own in groupby(reports, key=lambda report: report.corpus):
        headlines = {report.system: CHOSEN for report in own}
        if len(headlines) > 1:
            found[corpus] = listing(systems_compared(places.reports / corpus, headlines), COMPARED)
    return found


def _unlearned(reports: Sequence[Report]) -> str:
    lines = [f"  {report.name}: {line}" for report in reports for line in report.setup["unlearned"]]
    return "\n".join(["Networks that did not learn:", *lines] if lines else ["Every network learned."])


def _text(report: Report) -> str:
    lines = [f"\n{report.name}: {report.setup['protocol']}", text_of([table(COLUMNS, report.rows.values())])]
    lines.append(f"  {CHOSEN}: {report.chosen}")
    if len(report.scores) > len(report.rows):
        fusions = len(report.setup["methods"])
        lines.append(f"  best of each method, among {fusions} fusions, on the test clips")
    return "\n".join([*lines, f"  page: {report.page}"])


def _page_values(places: Places, reports: Sequence[Report], compared: Mapping[str, Listing]) -> dict[str, Any]:
    stages, notices = stage_rows(places), dict[str, list[str]]()
    for report in reports:
        for notice in report.setup["notices"]:
            notices.setdefault(notice, []).append(report.name)
    return {
        "notices": notices,  # what must be known before any figure -> of which reports it is true
        "made": {report.name: report.setup["made_here"] for report in reports if report.setup["made_here"]},
        "reports": [_values(report, places) for report in reports],
        "columns": COLUMNS,
        "chosen": CHOSEN,
        "charts": glance(reports),
        "compared": compared,
        "networks": network_charts(places.models),
        "stages": stages,
        "kinds": by_kind(stages),
        "took": duration(sum(row.seconds or 0.0 for row in stages)),
        "settings": settings_values(places),
        "software": software(places.params.parent),
    }


def _values(report: Report, places: Places) -> dict[str, Any]:
    """Return what the page shows of one report: what its stages wrote, cut where the page puts parts of its own."""
    before, _, after = report.section().partition(FURTHER)
    top, _, middle = before.partition(CONTENTS)
    parts = {"top": top, "middle": middle, "robustness": report.section("robustness"), "after": after}
    whole = "".join(parts.values())
    wanted = {name: words for name, words in _PARTS.items() if name == "wrong" or f'id="{report.key}-{name}"' in whole}
    return {
        "of": report,
        "link": report.page.relative_to(places.reports).as_posix(),
        "contents": wanted,
        **{name: Markup(part) for name, part in parts.items()},  # made by our templates, which have escaped all text
        "gallery": gallery(report, places),
    }
