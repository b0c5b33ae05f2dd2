"""Table 1 of Huang et al. 2017: how many clips each emotion has, in the corpus and in each part of the split."""

from __future__ import annotations

from collections import Counter

import numpy as np

from pipeline.core.clip import EMOTIONS
from pipeline.reporting.papers.cells import COUNT, Cell, Table, Unit
from pipeline.reporting.papers.confusions import NOT_IN_PAPER
from pipeline.reporting.papers.paper import Results

TABLE_1 = dict(zip(EMOTIONS, (462, 310, 56, 440, 460, 190, 300), strict=True))
"""Emotion -> clips of CHEAVD, as the paper uses it."""
LABELS = {"anger": "Angry"}
"""Our name -> the paper's, where they differ in more than the capital."""
ALL = "All"
PARTS = {"training": "train", "validation": "val", "test": "test"}
"""Row -> part of a fold; the paper says of its split only that it is about 7:1:2."""
NOT_BY_PART = "not by part in the paper"


def table_1(results: Results) -> Table:
    """Return the table; of several folds the mean, and below it the lowest and the highest number."""
    further = [name for name in results.classes if name not in TABLE_1]
    columns = [*TABLE_1, *further, ALL]
    everyone, papers = [clip.emotion for clip in results.clips], TABLE_1 | {ALL: sum(TABLE_1.values())}
    cells = [_cell("Number", name, [_count(everyone, name)], papers) for name in columns]
    emotions = {clip.clip_id: clip.emotion for clip in results.clips}
    for row, part in PARTS.items():
        folds = [[emotions[clip] for clip, own in fold.items() if own == part] for fold in results.folds.values()]
        cells += [_cell(row, name, [_count(fold, name) for fold in folds], {}) for name in columns]
    caption = (
        f"Number of samples for emotional categories, in {results.corpus} and in each part of its split. The paper's "
        "2218 are of CHEAVD, divided about 7:1:2; which clips lie on which side it does not say."
    )
    return Table("Table 1", caption, "Category", cells)


def _count(emotions: list[str], name: str) -> int:
    return len(emotions) if name == ALL else Counter(emotions)[name]


def _cell(row: str, name: str, counts: list[int], papers: dict[str, int]) -> Cell:
    low, high, paper = min(counts, default=0), max(counts, default=0), papers.get(name)
    figure = float(np.mean(counts)) if counts else None
    return Cell(
        row=row, column=LABELS.get(name, name.capitalize()), model="manifest", figure=figure, paper=paper,
        unit=COUNT if low == high else Unit(0, 1), paper_unit=COUNT, reason="" if counts else "no fold",
        paper_lacks="" if paper is not None else NOT_IN_PAPER if papers else NOT_BY_PART,
        notes=[] if low == high else [f"{low} to {high}"],
        long={"clips": figure, "least": low, "most": high, "folds": len(counts), "paper": paper},
    )  # fmt: skip
