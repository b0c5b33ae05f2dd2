"""Which systems are a paper's: a further paper is a module with a class like these, and a name here."""

from __future__ import annotations

from pipeline.reporting.papers.huang2017 import Huang2017
from pipeline.reporting.papers.ouyang2017 import Ouyang2017
from pipeline.reporting.papers.paper import Paper, Results
from pipeline.reporting.papers.zhang2017 import Zhang2017

PAPERS: dict[str, type[Paper]] = {paper.system: paper for paper in (Huang2017, Zhang2017, Ouyang2017)}


def paper_of(system: str, results: Results) -> Paper | None:
    """Return the report of a system's paper; None for a system without one."""
    return PAPERS[system](results) if system in PAPERS else None
