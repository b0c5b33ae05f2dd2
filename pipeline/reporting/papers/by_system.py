"""Which systems are a paper's: a further paper is a module with a class like these, and a line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pipeline.reporting.papers import huang2017, ouyang2017, zhang2017
from pipeline.reporting.papers.paper import Paper, Results

PAPERS: Mapping[str, Callable[[Results], Paper]] = {
    huang2017.SYSTEM: huang2017.Huang2017,
    zhang2017.SYSTEM: zhang2017.Zhang2017,
    ouyang2017.SYSTEM: ouyang2017.Ouyang2017,
}
"""Name of the system in params.yaml -> what makes its paper's report."""


def paper_of(system: str, results: Results) -> Paper | None:
    """Return the report of a system's paper; None for a system without one."""
    return PAPERS[system](results) if system in PAPERS else None
