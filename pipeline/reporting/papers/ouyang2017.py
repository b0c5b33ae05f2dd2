"""Tables 2 to 6 of Ouyang et al. 2017 in the paper's own rows and columns, ours beside the paper's figure.

The paper's corpus is AFEW (EmotiW 2017). On any other corpus its figures stand beside ours for orientation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pipeline.reporting.papers import ouyang2017_printed as printed
from pipeline.reporting.papers.cells import Table, Unit, accuracy
from pipeline.reporting.papers.confusions import Printed, confusion_table, figures_in_words
from pipeline.reporting.papers.ouyang2017_feedback import feedback_figure
from pipeline.reporting.papers.ouyang2017_weights import BEST, Weights, image_set_of
from pipeline.reporting.papers.paper import Asked, Figure, Paper
from pipeline.systems.combined import SEARCHED
from pipeline.systems.ids import FusionId, ModelId

ADAPTER = "afew"
NOTE = (
    "Accuracy here is the share of right decisions over the test clips of all folds. The paper's networks began as "
    "VGG-Face (VGG-LSTM, image sets), as the face network of Wen et al. 2016 (Resnet-LSTM), as C3D trained on "
    "Sports-1M, and as a network that tells women from men on 1000 h of LibriSpeech (audio); how those here began, the "
    f"table of weights says. Table 1 lists other authors' networks and is left out. {printed.DISAGREE}"
)
WHERE = "Tables 2 and 4 of the paper are on AFEW's validation set, Tables 5 and 6 on its test set."
ELSEWHERE = "The paper's figures are on AFEW, for orientation, not for comparison; ours are on"
SIDES = {
    frozenset({"val"}): "compare Tables 2 and 4; Tables 5 and 6 are of other clips",
    frozenset({"test"}): "compare Tables 5 and 6; Tables 2 and 4 are of other clips",
}
"""Parts of the official split that are tested -> which tables may be compared."""
NEITHER = "neither its validation set nor its test set is tested alone, so the figures are for orientation"

TABLE_4 = (
    "Accuracy (%) of visual models. First column: as in the paper, networks trained end to end, and what is fused with "
    "them. Second: the same networks as they are, their features kept and given to LSTMs. The image sets are made of "
    "kept features as well and have one form only, as has what they are fused in."
)
END_TO_END, CACHED = "Accuracy", "Cached features"
ONE_FORM = "one form only"
PERCENT_1 = Unit(2, 1)
SEQUENCES = "temporal"
"""Classifier of the cached features: an LSTM."""
ROWS: Mapping[str, tuple[Asked | None, Asked | None]] = {
    "VGG-LSTM": (ModelId("vggface", "end_to_end"), ModelId("vggface", SEQUENCES)),
    "Resnet-LSTM": (ModelId("pyramid", "end_to_end"), ModelId("pyramid", SEQUENCES)),
    "C3D": (ModelId("c3d", "end_to_end"), ModelId("c3d", SEQUENCES)),
    "End to End Module": (FusionId.combined("end_to_end", "average"), FusionId.combined("cached", "average")),
    "CNN+ImageSet Model": (None, None),
    "Whole Visual Module": (FusionId.combined("visual", "average"), None),
}
"""Row of Table 4 -> what of ours answers both columns; the model of image sets is the one that the settings choose."""


def _printed(rows: Sequence[Sequence[float]], labels: Mapping[str, str], counted: bool = False) -> Printed:
    return Printed("The paper", dict(zip(printed.EMOTIONS, rows, strict=True)), labels, counted=counted)


CONFUSIONS: Mapping[str, tuple[Asked, str, Printed]] = {
    "2": (
        ModelId("egemaps", "transfer"),
        "the audio system; the paper's is on AFEW's validation set",
        _printed(printed.TABLE_2, printed.LONGER, counted=True),
    ),
    "5": (
        BEST,
        "the fusion of image sets, networks end to end and audio; the paper's is its best on AFEW's test set",
        _printed(printed.TABLE_5, printed.SHORT),
    ),
    "6": (
        FusionId.combined("image_set_audio", SEARCHED),
        "the fusion of image sets and audio, which stands for the authors' system of EmotiW 2016 (Ding et al. 2016); "
        "the paper's is that system's best on the test set of that year",
        _printed(printed.TABLE_6, printed.SHORT),
    ),
}
"""Number of a table that is a confusion matrix -> what of ours answers it, whose it is, and the paper's."""


class Ouyang2017(Paper):
    """Makes the paper's tables from what a system found."""

    system = "ouyang2017"
    further = ("end_to_end", "transfer")

    @property
    def note(self) -> str:
        """What may be compared, how it is counted, and what the paper itself leaves unclear."""
        if self.results.adapter != ADAPTER:
            return f"{ELSEWHERE} {self.results.corpus}. {WHERE} {NOTE}"
        return f"{self.results.corpus} is the paper's corpus: {SIDES.get(self.results.sides, NEITHER)}. {WHERE} {NOTE}"

    def tables(self) -> list[Table]:
        """Return Tables 2 to 6."""
        weights = Weights(self.results, self.why_not(BEST)).table()
        return [self._confusion("2"), weights, self._table_4(), self._confusion("5"), self._confusion("6")]

    def figures(self) -> list[Figure]:
        """Return the feedback loop."""
        return [feedback_figure(self.results, self.system)]

    def _table_4(self) -> Table:
        cells = []
        for row, (first, cached) in ROWS.items():
            asked, paper = first or image_set_of(self.settings), printed.TABLE_4[row] / 100
            cells.append(self.accuracy(asked, paper=paper, unit=PERCENT_1, row=row, column=END_TO_END))
            if cached:
                cells.append(self.accuracy(cached, unit=PERCENT_1, row=row, column=CACHED))
            else:
                cells.append(accuracy(row=row, column=CACHED, model="", paper_lacks=ONE_FORM, reason=ONE_FORM))
        return Table("Table 4", TABLE_4, "Deep models", cells)

    def _confusion(self, number: str) -> Table:
        model, what, paper = CONFUSIONS[number]
        reason, unit, of = self.why_not(model), "%", "% of the row"
        if paper.counted:
            unit, of = "clips", "clips, and coloured by their share of the row"
        ours = "" if reason else f" {figures_in_words(self.results, model)}"
        caption = f"Confusion matrix ({unit}) of {what}, accuracy {printed.ACCURACY[number]} %.{ours}"
        note = f"Rows: the truth; columns: the decision; {of}.{paper.left_out(self.results) if ours else ''}"
        return confusion_table(f"Table {number}", caption, self.results, paper, model, reason, note)
