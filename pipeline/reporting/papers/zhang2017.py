"""The tables and Figs. 6 to 8 of Zhang et al. 2017 in the paper's own rows and columns, ours beside the paper's figure.

The paper has three data sets. On a corpus that is one of them our figure stands in its column; on any other it stands
in a column of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pipeline.reporting.papers import zhang2017_printed as printed
from pipeline.reporting.papers.cells import PERCENT, Cell, Table, accuracy
from pipeline.reporting.papers.paper import Asked, Figure, Paper, Results
from pipeline.reporting.papers.zhang2017_by_emotion import ELSEWHERE, ByEmotion
from pipeline.systems.ids import FusionId, ModelId, PairId

CLASSIFIER, MAXIMUM = "linear_svm", "linear_svm_max"
OTHERS = "another system"
"""Why a row of other authors has no figure of ours."""
NOT_PRINTED = "no figure in the paper"

NOTE = (
    "Accuracy here is the mean over the folds, each counted once, as in the paper (the average of its test-runs, LOSO "
    "on RML and eNTERFACE05, LOGSO with five groups on BAUM-1s); below it stand the deviation over the folds and the "
    "share of right decisions among all clips. The paper's networks began as AlexNet trained on ImageNet and C3D "
    "trained on Sports-1M; how those here began, the table of weights says. Other authors' figures in Tables II, III "
    "and XI are as the paper quotes them. The paper's joy and sadness are happy and sad elsewhere on this page."
)


def _model(feature: str, classifier: str = CLASSIFIER) -> ModelId:
    return ModelId(feature, classifier)


def _fused(rule: str) -> FusionId:
    return FusionId.of_pair(rule, PairId(*map(_model, ("anet", "vnet"))))


@dataclass(frozen=True)
class Printed:
    """A table of accuracies."""

    number: str  # as in the paper
    caption: str
    corner: str  # heading of the rows
    rows: printed.Accuracies
    asked: Mapping[str, Asked]  # row -> what of ours answers it; rows of other authors are not in it
    groups: Mapping[str, str] = field(default_factory=dict)  # row -> the paper's first column
    group_corner: str = ""  # heading of that column


NETWORKS: Mapping[str, Asked] = {
    f"{kind}-{n}": _model(f"{kind.lower()}{n}") for kind in ("FC", "DBN") for n in (1, 2, 3)
}
RULES = {"Majority vote": "vote", "Max": "maximum", "Min": "minimum"} | {
    name: name.lower() for name in ("Sum", "Average", "Product")
}
FUSIONS: Mapping[str, Asked] = {
    "Feature-level": _model("feature_level"),
    "Product": _fused("product"),
    "Score-level": _fused("score_level"),
    "FC": NETWORKS["FC-1"],
    "DBN": NETWORKS["DBN-2"],
}
BEST = NETWORKS["DBN-2"]
"""The model of Tables VII to IX and Figs. 6 to 8."""

BEFORE = (
    Printed(
        "I",
        "Unimodality recognition accuracy (%). AlexAudio and C3DVisual: features of the pre-trained AlexNet and C3D; "
        "Anet and Vnet: of the same networks, fine-tuned.",
        "Features",
        printed.TABLE_I,
        {row: _model(row.lower()) for row in printed.TABLE_I},
        {"AlexAudio": "Audio", "Anet": "Audio", "C3DVisual": "Visual", "Vnet": "Visual"},
        "Unimodality",
    ),
    Printed(
        "II",
        "Audio recognition accuracy (%) beside that of hand-crafted features.",
        "Audio features",
        printed.TABLE_II,
        {"Anet": _model("anet")},
    ),
    Printed(
        "III",
        "Visual recognition accuracy (%) beside that of hand-crafted features.",
        "Visual features",
        printed.TABLE_III,
        {"Vnet": _model("vnet")},
    ),
    Printed(
        "IV",
        "Audio recognition accuracy (%) by the size of the mel-spectrogram segments.",
        "Mel-spectrogram",
        printed.TABLE_IV,
        {"64 × 15 × 3": _model("anet15"), "64 × 64 × 3": _model("anet")},
    ),
    Printed(
        "V",
        "Accuracy (%) of decision-level fusion of Anet and Vnet.",
        "Decision-level",
        printed.TABLE_V,
        {row: _fused(rule) for row, rule in RULES.items()},
    ),
    Printed(
        "VI",
        "Accuracy (%) of the ways to fuse Anet and Vnet. The paper's FC and DBN are FC-1 and DBN-2 of Table X.",
        "Fusion method",
        printed.TABLE_VI,
        FUSIONS,
    ),
)
AFTER = (
    Printed(
        "X",
        "Accuracy (%) of fusion networks with one, two and three hidden layers (8192-4096[-2048[-1024]] in the paper).",
        "Fusion method",
        printed.TABLE_X,
        NETWORKS,
    ),
    Printed(
        "XI",
        "Accuracy (%) beside that of other systems. Ours: DBN-2.",
        "Refs.",
        printed.TABLE_XI,
        {"Ours": BEST},
    ),
    Printed(
        "III.C",
        "Accuracy (%) of the linear SVM with DBN-2 by how the segments of a clip are pooled. The paper says that the "
        "average did better, and prints no figure of the maximum.",
        "Pooling",
        printed.POOLING,
        {"Average-pooling": BEST, "Max-pooling": _model("dbn2", MAXIMUM)},
    ),
)
"""Tables before and after those by emotion."""


class Zhang2017(Paper):
    """Makes the paper's tables and figures from what a system found."""

    system = "zhang2017"
    further = (MAXIMUM,)

    def __init__(self, results: Results) -> None:
        super().__init__(results)
        self.own = results.adapter if results.adapter in printed.DATA_SETS else ""
        adapters = [self.own] if self.own else printed.DATA_SETS
        self._by_emotion = [ByEmotion(results, adapter, BEST, self.why_not(BEST)) for adapter in adapters]

    @property
    def note(self) -> str:
        """Where ours stands, how it is counted, and what is left out."""
        corpus = self.results.corpus
        if self.own:
            name = printed.DATA_SETS[self.own]
            return f"{name}: ours on {corpus}, the paper's beside it; the other columns are the paper's alone. {NOTE}"
        names = ", ".join(printed.DATA_SETS.values())
        return f"{names}: the paper's figures, for orientation, not for comparison; ours are on {corpus}. {NOTE}"

    def tables(self) -> list[Table]:
        """Return Tables I to XI and the pooling of section III.C; of VII to IX that of the corpus, or all where it is
        none of the paper's.
        """
        before, after = ([self._table(table) for table in part] for part in (BEFORE, AFTER))
        return [*before, *(part.table() for part in self._by_emotion), *after]

    def figures(self) -> list[Figure]:
        """Return the one of Figs. 6 to 8 that is of the corpus, or all where it is none of the paper's."""
        return [part.figure() for part in self._by_emotion]

    def _table(self, table: Printed) -> Table:
        cells = [cell for row in table.rows for cell in self._row(table, row)]
        kind = "Section" if "." in table.number else "Table"
        return Table(f"{kind} {table.number}", table.caption, table.corner, cells, table.group_corner)

    def _row(self, table: Printed, row: str) -> list[Cell]:
        asked = table.asked.get(row)
        place: dict[str, Any] = {"row": row, "unit": PERCENT, "group": table.groups.get(row, "")}
        cells: list[Cell] = []
        for (adapter, column), percents in zip(printed.DATA_SETS.items(), table.rows[row], strict=True):
            paper, lacks = (None, NOT_PRINTED) if percents is None else (percents / 100, "")
            here = {"column": column, "paper": paper, "paper_lacks": lacks, **place}
            if asked and adapter == self.own:
                cells.append(self.accuracy(asked, by_fold=True, **here))
            else:
                cells.append(accuracy(reason=ELSEWHERE if asked else OTHERS, model="", **here))
        if not self.own:
            here = {"column": f"ours: {self.results.corpus}", **place}
            nobodys = accuracy(reason=OTHERS, model="", paper_lacks=OTHERS, **here)
            cells.append(self.accuracy(asked, by_fold=True, **here) if asked else nobodys)
        return cells
