"""The table that `make repro` prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pipeline.reporting.overview.page import write_index
from pipeline.reporting.overview.places import Places
from pipeline.reporting.overview.reports import COLUMNS, Report, read_reports
from pipeline.reporting.overview.systems_compared import COLUMNS as COMPARED
from pipeline.reporting.overview.systems_compared import as_text, systems_compared

Compared = Mapping[str, list[list[str]]]


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
    blocks += [
        "\n".join(
            [
                f"\nOne system against another on {corpus}: points of accuracy, tests paired by clip",
                *_aligned([COMPARED, *rows], 2),
            ]
        )
        for corpus, rows in compared.items()
    ]
    return "\n".join([*blocks, f"The page over all reports: {page}"])


def _compared(places: Places, reports: Sequence[Report]) -> Compared:
    """Return corpus -> rows of the comparison of its systems, of corpora with several."""
    best: dict[str, dict[str, str]] = {}
    for report in reports:
        best.setdefault(report.corpus, {})[report.system] = report.best
    return {
        corpus: as_text(systems_compared(places.reports / corpus, names))
        for corpus, names in best.items()
        if len(names) > 1
    }


def _text(report: Report) -> str:
    left_out = len(report.scores) - len(report.shown)
    notes = [f"  best of each method, among {report.fusions} fusions, on the test clips"] if left_out else []
    body = _aligned([COLUMNS, *report.rows.values()], 1)
    return "\n".join(
        [f"\n{report.system} on {report.corpus}: {report.setup['protocol']}", *body, *notes, f"  page: {report.page}"]
    )


def _best_of_each(reports: Sequence[Report]) -> str:
    rows = [(report.corpus, report.setup["protocol"], report.system, *report.rows[report.best]) for report in reports]
    lines = _aligned([("corpus", "protocol", "system", *COLUMNS), *rows], 4)
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
