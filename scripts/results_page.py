"""Writes the results of the demo into README.md and docs/demo-results.md: `python scripts/results_page.py` after `make
repro`. It refuses reports that are out of date. Tests compare both documents with each other, with dvc.lock, and with
the reports where there are any.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from pipeline.core.errors import PipelineError  # noqa: E402
from pipeline.reporting.overview.documents import digests, headline_table, printed, put  # noqa: E402
from pipeline.reporting.overview.freshness import Project, outdated  # noqa: E402
from pipeline.reporting.overview.page import overview  # noqa: E402
from pipeline.reporting.overview.reports import Places, read_reports  # noqa: E402


def main(folder: Path) -> None:
    """Write both documents, of the reports on the corpus `demo` in a project's folder."""
    found = Places(Path("reports"))
    reports = [report for report in read_reports(found.reports) if report.corpus == "demo"]
    old = [f"{report.name}: {reason}" for report in reports for reason in outdated(report, Project(found.params))[:1]]
    if old:
        raise PipelineError(f"out of date: {'; '.join(old)}; run `make repro` first")
    blocks = {
        "README.md": headline_table(reports),
        "docs/demo-results.md": f"{digests(reports)}\n\n{printed(overview(found))}",
    }
    for name, content in blocks.items():
        path = folder / name
        path.write_text(put(path.read_text(encoding="utf-8"), content), encoding="utf-8")
        print(f"{path}: renewed")


if __name__ == "__main__":
    try:
        main(Path())
    except (PipelineError, OSError) as error:
        sys.exit(f"error: {error}")
