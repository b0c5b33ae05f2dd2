"""The tables and Fig. 6 of Huang et al. 2017 in the paper's own rows and columns, ours beside the paper's figure.

The paper's figures are for CHEAVD with networks trained on 500 h of speech and 110,000 faces: another corpus, other
weights. They stand beside ours for orientation, not for comparison.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from pipeline.core.clip import EMOTIONS
from pipeline.evaluation import Score
from pipeline.reporting.tables import NOT_JUDGED, Cell, Table, percentages
from pipeline.system import LEARNED, SystemParams

SYSTEM = "huang2017"
CLASSIFIER = "lstm"
NOTE = "Paper: CHEAVD, another corpus, with other weights."

TABLE_2 = {"lld147": 0.31, "a60": 0.40, "a1024": 0.36, "v1024": 0.45, "v2048": 0.46}
"""Feature -> accuracy of the LSTM in Table 2."""

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
"""Emotion -> share of right decisions in %, from the abstract; Fig. 6 itself is a picture."""

FIGURE_6_LACKS = "Fig. 6 shows the best fusion of Table 5, and none was run:"

_COLUMNS = {"audio": "Audio", "video": "Video", "audio+video": "Audio+Video"}


class PaperTables:
    """Makes the paper's tables from what a system scored.

    Args:
        settings: of the system
        scores: model or fusion -> figures
        d: fusion -> difference of micro-F1 on validation, mean over folds
    """

    def __init__(self, settings: SystemParams, scores: Mapping[str, Score], d: Mapping[str, float]) -> None:
        self.settings, self.scores, self.d = settings, scores, d

    def tables(self) -> list[Table]:
        """Return Tables 2 to 5."""
        return [self.table_2(), self.table_3(), self.table_4(), self.table_5()]

    def table_2(self) -> Table:
        """Return Table 2, each feature with the LSTM."""
        labels = {"lld147": "Handcrafted audio features (147)"}
        cells = []
        for feature, paper in TABLE_2.items():
            row, lacking = labels.get(feature, feature), self._lacking((feature,))
            cells.append(self._cell(row, "Accuracy", f"{feature}-{CLASSIFIER}", (paper, None), lacking))
        caption = f"Table 2. Recognition accuracy for audio and video modalities (LSTM). {NOTE}"
        return Table("table_2", caption, "Features", cells)

    def table_3(self) -> Table:
        """Return Table 3, logistic regression and the ensemble method of eq. (3)."""
        cells = []
        for (audio, video), papers in TABLE_3.items():
            for label, rule, paper in zip(("LR", "Ensemble"), (LEARNED, "confidence"), papers, strict=True):
                name, lacking = f"{rule}-{audio}+{video}-{CLASSIFIER}", self._lacking((audio, video), rule)
                cells.append(self._cell(audio, f"{video} {label}", name, (paper, None), lacking))
        caption = "Table 3. Recognition accuracies for multimodal decision level fusion (LR and the ensemble method)."
        return Table("table_3", f"{caption} {NOTE}", "Accuracy", cells)

    def table_4(self) -> Table:
        """Return Table 4, the regression's result fused again by eq. (3)."""
        papers = {pair: {k: (accuracy, None) for k, accuracy in row.items()} for pair, row in TABLE_4.items()}
        caption = "Table 4. Fusion of the results of LR with those of audio and video using the ensemble method."
        return Table("table_4", f"{caption} {NOTE}", "Accuracy", self._stacked("confidence", papers))

    def table_5(self) -> Table:
        """Return Table 5, the regression's result fused again by eq. (5)."""
        caption = "Table 5. The ensemble method with prior knowledge; d: difference of micro-F1 in validation (mean)."
        return Table("table_5", f"{caption} {NOTE}", "Accuracy", self._stacked("prior_knowledge", TABLE_5))

    def _stacked(
        self, rule: str, papers: Mapping[tuple[str, str], Mapping[str, tuple[float, float | None]]]
    ) -> list[Cell]:
        cells = []
        for (audio, video), row in papers.items():
            for partners, figures in row.items():
                name = f"{rule}-{LEARNED}+{partners}-{audio}+{video}-{CLASSIFIER}"
                lacking = self._lacking((audio, video), LEARNED) or self._lacking_stack(rule, partners)
                cells.append(self._cell(f"LR ({audio}_{video})", _COLUMNS[partners], name, figures, lacking))
        return cells

    def _cell(self, row: str, column: str, name: str, paper: tuple[float, float | None], lacking: str) -> Cell:
        score = self.scores.get(name)
        if score is None:
            reason = f"not run: {lacking or f'see systems.{SYSTEM} in params.yaml'}"
        else:
            reason = "" if score.n else NOT_JUDGED
        return Cell(row, column, name, *paper, score, None if reason else self.d.get(name), reason)

    def _lacking(self, features: Sequence[str], rule: str = "") -> str:
        """Return what to add to the settings so that a model, or the fusion of a pair, is run; "" for nothing."""
        asked = self.settings
        absent = [feature for feature in features if feature not in asked.features]
        if absent:
            return f"add {' and '.join(absent)} to systems.{SYSTEM}.features"
        if CLASSIFIER not in asked.classifiers:
            return f"add {CLASSIFIER} to systems.{SYSTEM}.classifiers"
        if rule and CLASSIFIER not in asked.fused_classifiers():
            return f"add {CLASSIFIER} to systems.{SYSTEM}.fused"
        return f"add {rule} to systems.{SYSTEM}.fusions" if rule and rule not in asked.fusions else ""

    def _lacking_stack(self, rule: str, partners: str) -> str:
        there = partners in self.settings.stacked.get(rule, ())
        return "" if there else f"add {partners} to systems.{SYSTEM}.stacked.{rule}"


def best_of(table: Table) -> Cell | None:
    """Return the cell with the highest accuracy of ours, the first of equals; None where nothing was run."""
    run = [cell for cell in table.cells if cell.accuracy is not None]
    return max(run, key=lambda cell: cell.accuracy or 0.0, default=None)


def figure_6(counts: np.ndarray, classes: Sequence[str]) -> pd.DataFrame:
    """Return Fig. 6: a confusion matrix in % of the rows.

    Args:
        counts: (C, C), rows are the truth
        classes: in the paper's order, the corpus's further ones after them

    Returns:
        truth, one column per class, clips, and `paper`: the paper's diagonal
    """
    shares = [["no clip" if np.isnan(share) else f"{share:.2f}" for share in row] for row in percentages(counts)]
    frame = pd.DataFrame(shares, columns=list(classes))
    frame.insert(0, "truth", list(classes))
    frame["clips"] = counts.sum(axis=1)
    frame["paper"] = [
        f"{FIGURE_6[name]:.2f}" if name in FIGURE_6 else "in a picture only" if name in EMOTIONS else "not in the paper"
        for name in classes
    ]
    return frame


def figure_6_caption(table_5: Table, cell: Cell, classes: Sequence[str]) -> str:
    """Return what Fig. 6 shows, how it was chosen, and which of the paper's classes the corpus lacks."""
    run = sum(other.accuracy is not None for other in table_5.cells)
    absent = [name for name in EMOTIONS if name not in classes]
    lacking = f" Left out since no clip has them: {', '.join(absent)}." if absent else ""
    return (
        f"Fig. 6. Confusion matrix (%) of the best fusion of Table 5, {cell.model}. It is the best "
        f"of {run} on the test clips, as in the paper, and flattered by that choice.{lacking} {NOTE}"
    )
