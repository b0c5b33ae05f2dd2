"""The results as the documentation shows them: a table for the README, and what `make repro` prints at its end."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

from pipeline.core.errors import ArtifactError
from pipeline.evaluation.choice import CHOSEN
from pipeline.reporting.overview.reports import Report

COMMAND = "python scripts/results_page.py"
_HEAD = ("system", "accuracy", "95 % interval", "UAR", "chosen on validation clips")


def headline_table(reports: Sequence[Report]) -> str:
    """Return the headline of each report as a table in Markdown."""
    rows = []
    for report in reports:
        _, accuracy, interval, uar, *_ = report.row(CHOSEN)
        rows.append((report.system, accuracy, interval, uar, report.chosen))
    return "\n".join(f"| {' | '.join(row)} |" for row in (_HEAD, ["---"] * len(_HEAD), *rows))


def printed(text: str) -> str:
    """Return what the documentation shows of the text that `overview` returns: all figures, no comparisons."""
    return f"```\n{text.partition(chr(10) + 'Systems compared on')[0].strip()}\n```"


def digests(reports: Sequence[Report]) -> str:
    """Return the MD5 of every `scores.json`, by which a test compares the documentation with dvc.lock."""
    found = {report.name: hashlib.md5((report.folder / "scores.json").read_bytes()).hexdigest() for report in reports}
    return f"<!-- scores.json of {', '.join(f'{name} {md5}' for name, md5 in found.items())} -->"


def put(document: str, content: str) -> str:
    """Return a document with its block of results replaced; an ArtifactError says that it has none."""
    begin, end = f"<!-- results, made by {COMMAND} -->", "<!-- end of results -->"
    pattern = re.compile(f"{re.escape(begin)}\n.*?{re.escape(end)}", re.DOTALL)
    if len(pattern.findall(document)) != 1:
        raise ArtifactError(f"not one block from '{begin}' to '{end}'; restore both lines")
    return pattern.sub(lambda _: f"{begin}\n{content}\n{end}", document)
