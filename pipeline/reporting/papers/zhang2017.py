"""The tables and Figs. 6 to 8 of Zhang et al. 2017 in the paper's own rows and columns, ours beside the paper's figure.

The paper has three data sets. On a corpus that is one of them our figure stands in its column; on any other it stands
in a column of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pipeline.reporting.papers import zhang2017_printed as printed
from pipeline.reporting.papers.cell_kinds import accuracy
from pipeline.reporting.papers.cells import PERCENT, Cell, Table
from pipeline.reporting.papers.paper import Figure, Results, lacking, why_not
from pipeline.reporting.papers.zhang2017_by_emotion import ELSEWHERE, ByEmotion
from pipeline.systems.ids import FusionId, ModelId, PairId

SYSTEM = "zhang2017"
CLASSIFIER = "linear_svm"

NOTE = (
    "Accuracy here is the share of right decisions over the test clips of all folds; the paper's is the average of its "
    "test-runs, LOSO on RML and eNTERFACE05, LOGSO with five groups on BAUM-1s. The paper's networks began as AlexNet "
    "trained on ImageNet and C3D trained on Sports-1M; how those here began, the table of weights says. Tables II, III "
    "and XI set other authors' figures beside those of Tables I and VI; they are left out. The paper's joy and sadness "
    "are happy and sad elsewhere on this page."
)


Asked = ModelId | FusionId
"""What of ours answers a row."""


def _model(feature: str) -> ModelId:
    return ModelId(feature, CLASSIFIER)


def _fused(rule: str) -> FusionId:
    return FusionId.of_pair(rule, PairId(*map(_model, ("anet", "vnet"))))


@dataclass(frozen=True)
class Printed:
    """A table of accuracies.

    Attributes:
        number: as in the paper
        caption: what it holds
        corner: heading of the rows
        rows: the paper's figures, %
        asked: row -> what of ours answers it
        groups: row -> the paper's first column; none where it has none
        group_corner: heading of that column
    """

    number: str
    caption: str
    corner: str
    rows: printed.Accuracies
    asked: Mapping[str, Asked]
    groups: Mapping[str, str] = field(default_factory=dict)
    group_corner: str = ""


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
AFTER = Printed(
    "X",
    "Accuracy (%) of fusion networks with one, two and three hidden layers (8192-4096[-2048[-1024]] in the paper).",
    "Fusion method",
    printed.TABLE_X,
    NETWORKS,
)
"""Tables before and after those by emotion."""


class Zhang2017:
    """Makes the paper's tables and figures from what a system found."""

    def __init__(self, results: Results) -> None:
        self.results = results
        self.own = results.adapter if results.adapter in printed.DATA_SETS else ""
        reason = self._why_not(BEST)
        self._by_emotion = [
            ByEmotion(results, adapter, BEST, reason) for adapter in ([self.own] if self.own else printed.DATA_SETS)
        ]

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
        """Return Tables I and IV to X; of VII to IX that of the corpus, or all where it is none of the paper's."""
        before = [self._table(table) for table in BEFORE]
        return [*before, *(part.table() for part in self._by_emotion), self._table(AFTER)]

    def figures(self) -> list[Figure]:
        """Return the one of Figs. 6 to 8 that is of the corpus, or all where it is none of the paper's."""
        return [part.figure() for part in self._by_emotion]

    def _table(self, table: Printed) -> Table:
        cells = [cell for row in table.rows for cell in self._row(table, row)]
        return Table(f"Table {table.number}", table.caption, table.corner, cells, table.group_corner)

    def _row(self, table: Printed, row: str) -> list[Cell]:
        asked, group = table.asked[row], table.groups.get(row, "")
        cells: list[Cell] = []
        for (adapter, column), paper in zip(printed.DATA_SETS.items(), table.rows[row], strict=True):
            ours = self._ours(asked) if adapter == self.own else {"model": "", "reason": ELSEWHERE}
            cells.append(accuracy(row=row, column=column, paper=paper / 100, unit=PERCENT, group=group, **ours))
        if not self.own:
            column = f"ours: {self.results.corpus}"
            cells.append(accuracy(row=row, column=column, unit=PERCENT, group=group, **self._ours(asked)))
        return cells

    def _ours(self, asked: Asked) -> dict[str, Any]:
        return {"model": asked, "score": self.results.scores.get(asked), "reason": self._why_not(asked)}

    def _why_not(self, asked: Asked) -> str:
        return why_not(self.results, asked, lacking(self.results.settings, SYSTEM, asked), SYSTEM)
