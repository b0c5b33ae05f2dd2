"""The overview: `reports/index.html` and the pages that it leads to, and the table that `make repro` prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby

from pipeline.evaluation.choice import CHOSEN
from pipeline.reporting.html.page import Listing
from pipeline.reporting.overview.freshness import Project, outdated
from pipeline.reporting.overview.pages import write_index, write_run, write_system
from pipeline.reporting.overview.reports import COLUMNS, Places, Report, read_reports
from pipeline.reporting.overview.systems_compared import COLUMNS as COMPARED
from pipeline.reporting.overview.systems_compared import systems_compared
from pipeline.reporting.system.statistics_page import listing
from pipeline.runner.layout import table, text_of

_SAID = 3
"""As many reasons are printed why a report is out of date."""


def overview(places: Places) -> str:
    """Return the results of every system on every corpus as text, and write the pages: `index.html`, the page of each
    system, and that of the run.

    Of the fusions of pairs only the best of each method is shown; a system has dozens. An ArtifactError says that there
    is no report yet, or one that is not readable.
    """
    reports, project = read_reports(places.reports), Project(places.params)
    old = {report.name: reasons for report in reports if (reasons := outdated(report, project))}
    compared = _compared(places, reports)
    write_index(places, reports, compared, old)
    for report in reports:
        write_system(places, report, project, old.get(report.name, []))
    write_run(places, reports, project, list(old))
    blocks = [*_old(old), _unlearned(reports), *map(_text, reports)]
    if len(reports) > 1:
        blocks += ["\nThe headline of each, chosen on validation clips in every fold", _of_each(reports, CHOSEN)]
        picked = [report for report in reports if report.setup["contenders"] > 1]
        if picked:
            blocks.append(
                "\nThe best on the test clips among what each headline is chosen from, flattered by that choice"
            )
            blocks.append(_of_each(picked))
    for corpus, found in compared.items():
        blocks.append(f"\nSystems compared on {corpus}: points of accuracy, tests paired by clip")
        blocks.append(text_of([table(found.columns, found.rows, (0, 1))]))
    return "\n".join([*blocks, f"The page over all reports: {places.reports / 'index.html'}"])


def _of_each(reports: Sequence[Report], name: str = "") -> str:
    """Return the figures of one model of each report; if none is named, of that which is best on the test clips, and
    its name.
    """
    first = 1 if name else 0
    rows = [
        (each.corpus, each.setup["protocol"], each.system, *each.row(name or each.setup["on_test"])[first:])
        for each in reports
    ]
    return text_of([table(("Corpus", "Protocol", "System", *COLUMNS[first:]), rows, range(4 - first))])


def _compared(places: Places, reports: Sequence[Report]) -> Mapping[str, Listing]:
    """Return corpus -> the comparison of its systems, of corpora with several."""
    found = {}
    for corpus, own in groupby(reports, key=lambda report: report.corpus):
        headlines = {report.system: CHOSEN for report in own}
        if len(headlines) > 1:
            found[corpus] = listing(systems_compared(places.reports / corpus, headlines), COMPARED)
    return found


def _old(old: Mapping[str, Sequence[str]]) -> list[str]:
    lines = []
    for name, reasons in old.items():
        lines += [f"  {name}: {reason}" for reason in reasons[:_SAID]]
        lines += [f"  {name}: {len(reasons) - _SAID} more, on its page"] * (len(reasons) > _SAID)
    return ["Out of date, run `make repro`:", *lines, ""] if lines else []


def _unlearned(reports: Sequence[Report]) -> str:
    lines = [f"  {report.name}: {line}" for report in reports for line in report.setup["unlearned"]]
    return "\n".join(["Networks that did not learn:", *lines] if lines else ["Every network learned."])


def _text(report: Report) -> str:
    lines = [f"\n{report.name}: {report.setup['protocol']}", text_of([table(COLUMNS, report.rows.values())])]
    lines.append(f"  {CHOSEN}: {report.chosen}")
    if count := report.chosen_among:
        lines.append(f"  best of each method, among {count} fusions, on the test clips")
    return "\n".join([*lines, f"  page: {report.page}"])
