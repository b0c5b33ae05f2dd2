"""Which systems are a paper's: a further paper is a module with a class like these, and a line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pipeline.reporting.papers import (
    huang2017 as paper_huang2017,
)
from pipeline.reporting.papers import (
    ouyang2017 as paper_ouyang2017,
)
from pipeline.reporting.papers import (
    zhang2017 as paper_zhang2017,
)
from pipeline.reporting.papers.paper import Paper, Results

PAPERS: Mapping[str, Callable[[Results], Paper]] = {
    paper_huang2017.SYSTEM: paper_huang2017.Huang2017,
    paper_zhang2017.SYSTEM: paper_zhang2017.Zhang2017,
    paper_ouyang2017.SYSTEM: paper_ouyang2017.Ouyang2017,
}
"""Name of the system in params.yaml -> what makes its paper's report."""


def paper_of(system: str, results: Results) -> Paper | None:
    """Return the report of a system's paper; None for a system without one."""
    make = PAPERS.get(system)
    return None if make is None else make(results)
