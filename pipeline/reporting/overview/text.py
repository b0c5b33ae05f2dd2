"""The table that `make repro` prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby

from pipeline.reporting.html.blocks import Listing
from pipeline.reporting.overview.page import write_index
from pipeline.reporting.overview.places import Places
from pipeline.reporting.overview.reports import COLUMNS, Report, read_reports
from pipeline.reporting.overview.systems_compared import COLUMNS as COMPARED
from pipeline.reporting.overview.systems_compared import systems_compared
from pipeline.reporting.system.statistics_page import listing
from pipeline.runner.layout import table, text_of


def overview(places: Places) -> str:
    """Return the results of every system on every corpus as text, and write `index.html` beside them.

    Of the fusions of pairs only the best of each method is shown; a system has dozens.

    Raises:
        ArtifactError: there is no report yet, or one that is not readable
    """
    reports = read_reports(places.reports)
    compared = _compared(places, reports)
    page = write_index(places, reports, compared)
    blocks = [_text(report) for report in reports]
    if len(reports) > 1:
        blocks.append(_best_of_each(reports))
    for corpus, found in compared.items():
        title = f"\nSystems compared on {corpus}: points of accuracy, tests paired by clip"
        blocks.append("\n".join([title, text_of([table(found.columns, found.rows, (0, 1))])]))
    return "\n".join([*blocks, f"The page over all reports: {page}"])


def _compared(places: Places, reports: Sequence[Report]) -> Mapping[str, Listing]:
    """Return corpus -> the comparison of its systems, of corpora with several."""
    by_corpus = groupby(reports, key=lambda report: report.corpus)
    best = {corpus: {report.system: report.best for report in own} for corpus, own in by_corpus}
    return {
        corpus: listing(systems_compared(places.reports / corpus, names), COMPARED)
        for corpus, names in best.items()
        if len(names) > 1
    }


def _text(report: Report) -> str:
    left_out = len(report.scores) - len(report.shown)
    notes = [f"  best of each method, among {report.fusions} fusions, on the test clips"] if left_out else []
    body = text_of([table(COLUMNS, report.rows.values())])
    return "\n".join(
        [f"\n{report.system} on {report.corpus}: {report.setup['protocol']}", body, *notes, f"  page: {report.page}"]
    )


def _best_of_each(reports: Sequence[Report]) -> str:
    rows = [(report.corpus, report.setup["protocol"], report.system, *report.rows[report.best]) for report in reports]
    lines = text_of([table(("Corpus", "Protocol", "System", *COLUMNS), rows, range(4))])
    return f"\nThe best of each, chosen on the test clips\n{lines}"
