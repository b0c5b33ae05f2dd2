"""Self-contained HTML pages; every text of a corpus is escaped."""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import isnan
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from pipeline.core.files import atomic_path

SECTION = "section.html"
"""A page as a part of the page over all reports; its addresses begin at the folder of all reports."""
CONTENTS, FURTHER = Markup("<!-- contents -->"), Markup("<!-- further parts -->")
"""Where the page over all reports puts a list of the parts of a section, and further parts."""


def page_key(corpus: str, system: str) -> str:
    """Return what ids of one report begin with on a page with several."""
    return re.sub(r"[^a-z0-9]+", "-", f"{corpus}-{system}".lower())


def page_base(corpus: str, system: str) -> str:
    """Return how addresses of a report's files begin, seen from the folder of all reports."""
    return "/".join(map(quote, (corpus, system, "")))


def render(template: str, path: Path, further: Sequence[Path] = (), /, **values: Any) -> None:
    """Fill a template and write it.

    Args:
        template: its file name
        path: what is written
        further: folders of templates that are looked into before `templates/`
        values: of the template

    Raises:
        jinja2.UndefinedError: a value that the template uses is not given
    """
    loader = FileSystemLoader([*further, Path(__file__).parent / "templates"])
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["percent"] = percent
    text = environment.get_template(template).render(**values)
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def percent(share: float, decimals: int = 1) -> str:
    """Return a share as `52.3 %`, `-` for NaN."""
    return "-" if isnan(share) else f"{100 * share:.{decimals}f} %"


def points(difference: float) -> str:
    """Return a difference in accuracy in points of a hundred, with its sign; `-` for NaN."""
    return "-" if isnan(difference) else f"{100 * difference:+.1f}"


def warmth(values: Sequence[float]) -> list[int]:
    """Return how strongly to colour each value, 0 (the lowest, or NaN) to 100 (the highest)."""
    known = [value for value in values if not isnan(value)]
    low, high = (min(known), max(known)) if known else (0.0, 0.0)
    return [0 if isnan(v) or high == low else round(100 * (v - low) / (high - low)) for v in values]
