"""The tables and Fig. 6 of Huang et al. 2017 in the paper's own rows and columns, ours beside the paper's figure.

The paper's figures are for CHEAVD with networks trained on 500 h of speech and 110,000 faces: another corpus, other
weights. They stand beside ours for orientation, not for comparison.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from pipeline.core.clip import EMOTIONS
from pipeline.core.decimals import decimal
from pipeline.evaluation.metrics import percentages
from pipeline.reporting.html.page import Matrix, heat
from pipeline.reporting.papers.cells import Cell, Table
from pipeline.reporting.papers.huang2017_counts import table_1
from pipeline.reporting.papers.paper import Asked, Figure, Paper, Results
from pipeline.systems.ids import FusionId, ModelId, PairId
from pipeline.systems.params import LEARNED

CLASSIFIER = "lstm"
NOTE = "Paper: CHEAVD, another corpus, with other weights."
OWN_NOTE = "Paper: CHEAVD, with other weights, and clips that the challenges' copies are not."
FIGURE_6_NOTE = (
    "Rows: the truth; columns: the decision; % of the row, and clips. "
    "Last column: what of the paper's diagonal is known."
)
LAST = "paper, %"
FIGURE_6_LACKS = "Fig. 6 shows the best fusion of Table 5, and none was run:"
_COLUMNS = {"audio": "Audio", "video": "Video", "audio+video": "Audio+Video"}

TABLE_2 = {"lld147": 0.31, "a60": 0.40, "a1024": 0.36, "v1024": 0.45, "v2048": 0.46}
"""Feature -> accuracy of the LSTM in Table 2, from 0 to 1 as in all of these."""
TABLE_3 = {
    ("a60", "v1024"): (0.48, 0.49),
    ("a60", "v2048"): (0.49, 0.49),
    ("a1024", "v1024"): (0.47, 0.47),
    ("a1024", "v2048"): (0.47, 0.48),
}
"""(audio, video) -> (logistic regression, ensemble) in Table 3."""
TABLE_4 = {
    ("a60", "v1024"): {"audio": 0.51, "video": 0.47, "audio+video": 0.51},
    ("a60", "v2048"): {"audio": 0.51, "video": 0.46, "audio+video": 0.49},
    ("a1024", "v1024"): {"audio": 0.47, "video": 0.48, "audio+video": 0.48},
    ("a1024", "v2048"): {"audio": 0.49, "video": 0.45, "audio+video": 0.46},
}
"""(audio, video) -> with whom the regression's result is fused -> accuracy in Table 4."""
TABLE_5 = {
    ("a60", "v1024"): {"audio": (0.52, 0.086), "video": (0.48, 0.032)},
    ("a60", "v2048"): {"audio": (0.51, 0.095), "video": (0.49, 0.032)},
    ("a1024", "v1024"): {"audio": (0.48, 0.113), "video": (0.48, 0.023)},
    ("a1024", "v2048"): {"audio": (0.51, 0.111), "video": (0.47, 0.011)},
}
"""(audio, video) -> with whom the regression's result is fused -> (accuracy, d) in Table 5."""
FIGURE_6 = {"anger": 54.90, "happy": 67.00, "sad": 51.69}
"""Emotion -> share of right decisions in %, from the abstract; Fig. 6 itself is an image."""


class Huang2017(Paper):
    """Makes the paper's tables and Fig. 6 from what a system found."""

    system = "huang2017"
    note = "The paper's figures are for orientation, not for comparison."

    def tables(self) -> list[Table]:
        """Return Tables 1 to 5: clips of each emotion; each feature with the LSTM; logistic regression and the ensemble
        method of eq. (3); the regression's result fused again by eq. (3); and by eq. (5).
        """
        labels = {"lld147": "Handcrafted audio features (147)"}
        alone = [
            self._cell(labels.get(feature, feature), "Accuracy", ModelId(feature, CLASSIFIER), paper)
            for feature, paper in TABLE_2.items()
        ]
        pairs = [
            self._cell(audio, f"{video} {label}", FusionId.of_pair(rule, _pair(audio, video)), paper)
            for (audio, video), papers in TABLE_3.items()
            for (label, rule), paper in zip((("LR", LEARNED), ("Ensemble", "confidence")), papers, strict=True)
        ]
        stacked = {pair: {k: (figure, None) for k, figure in row.items()} for pair, row in TABLE_4.items()}
        captions = {
            "Table 2": "Recognition accuracy for audio and video modalities (LSTM).",
            "Table 3": "Recognition accuracies for multimodal decision level fusion (LR and the ensemble method).",
            "Table 4": "Fusion of the results of LR with those of audio and video using the ensemble method.",
            "Table 5": "The ensemble method with prior knowledge; d: micro-F1 of LR less the other's in validation, "
            "mean over folds (the paper prints it without a sign).",
        }
        cells = [alone, pairs, self._stacked("confidence", stacked), self._stacked("prior_knowledge", TABLE_5)]
        corners = ("Features", "Accuracy", "Accuracy", "Accuracy")
        found = zip(captions.items(), corners, cells, strict=True)
        rest = [Table(name, f"{caption} {self._note}", corner, part) for (name, caption), corner, part in found]
        return [table_1(self.results), *rest]

    def figures(self) -> list[Figure]:
        """Return Fig. 6, the best fusion of Table 5; why it is empty where none was run."""
        return [figure_6(self.tables()[4], self.results, self._note)]

    @property
    def _note(self) -> str:
        return OWN_NOTE if self.results.adapter == "cheavd" else NOTE

    def _stacked(
        self, rule: str, papers: Mapping[tuple[str, str], Mapping[str, tuple[float, float | None]]]
    ) -> list[Cell]:
        cells = []
        for (audio, video), row in papers.items():
            for partners, figures in row.items():
                asked = FusionId.stacked(rule, LEARNED, partners, _pair(audio, video))
                cells.append(self._cell(f"LR ({audio}_{video})", _COLUMNS[partners], asked, *figures))
        return cells

    def _cell(self, row: str, column: str, asked: Asked, paper: float, paper_d: float | None = None) -> Cell:
        d = None if self.why_not(asked) else self.results.differences.get(asked), paper_d
        return self.accuracy(asked, paper=paper, d=d, row=row, column=column)


def _pair(audio: str, video: str) -> PairId:
    return PairId(ModelId(audio, CLASSIFIER), ModelId(video, CLASSIFIER))


def best_of(table: Table) -> Cell | None:
    """Return the cell with the highest figure of ours, the first of equals; None where nothing was run."""
    run = [cell for cell in table.cells if cell.figure is not None]
    return max(run, key=lambda cell: cell.figure or 0.0, default=None)


def figure_6(table_5: Table, results: Results, note: str = NOTE) -> Figure:
    """Return Fig. 6, the confusion matrix of the best fusion of Table 5."""
    cell = best_of(table_5)
    if cell is None:
        reason = f"{FIGURE_6_LACKS} {table_5.cells[0].reason}"
        return Figure("Fig. 6", reason, {"figure_6": pd.DataFrame({"reason": [reason]})})
    counts, classes = results.confusions[cell.model], results.classes
    frame = figure_6_frame(counts, classes)
    rows = [{**row, LAST: paper} for row, paper in zip(heat(counts, classes), frame["paper"], strict=True)]
    caption = figure_6_caption(table_5, cell, classes, note)
    return Figure("Fig. 6", caption, {"figure_6": frame}, [Matrix("", classes, rows, LAST)], FIGURE_6_NOTE)


def figure_6_frame(counts: np.ndarray, classes: Sequence[str]) -> pd.DataFrame:
    """Return Fig. 6: a confusion matrix (C, C), rows are the truth, in % of the rows; the classes in the paper's order,
    the corpus's further ones after them.

    Columns: truth, one per class, clips, and `paper`: the paper's diagonal.
    """
    shares = [["no clip" if np.isnan(share) else decimal(share, 2) for share in row] for row in percentages(counts)]
    frame = pd.DataFrame(shares, columns=list(classes))
    frame.insert(0, "truth", list(classes))
    frame["clips"] = counts.sum(axis=1)
    known = dict.fromkeys(EMOTIONS, "in a picture only") | {name: decimal(share, 2) for name, share in FIGURE_6.items()}
    frame["paper"] = [known.get(name, "not in the paper") for name in classes]
    return frame


def figure_6_caption(table_5: Table, cell: Cell, classes: Sequence[str], note: str = NOTE) -> str:
    """Return what Fig. 6 shows, how it was chosen, and which of the paper's classes the corpus lacks."""
    run = sum(other.figure is not None for other in table_5.cells)
    absent = [name for name in EMOTIONS if name not in classes]
    left_out = f" Left out since no clip has them: {', '.join(absent)}." if absent else ""
    told = f"the only fusion of Table 5 here, {cell.model}."
    if run > 1:
        told = f"the best fusion of Table 5, {cell.model}. It is the best of {run} on the test clips, as in the paper, "
        told += "and flattered by that choice."
    return f"Confusion matrix (%) of {told}{left_out} {note}"
