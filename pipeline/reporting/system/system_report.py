"""What a report of one system on one corpus is made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from pipeline.core.clip import Clip, class_names
from pipeline.core.ledger import Entry
from pipeline.evaluation.metrics import ReportParams, Score, score
from pipeline.manifest.corpus_json import CorpusSummary
from pipeline.protocols.splits import Fold
from pipeline.reporting.papers.paper import FeedbackRuns
from pipeline.systems.params import SystemParams, fusions


@dataclass(frozen=True)
class SystemReport:
    """What a report is made from.

    Attributes:
        corpus: name in params.yaml
        described: what `prepare` found in it
        system: name in params.yaml
        settings: of the system
        clips: all clips of the corpus
        folds: fold name -> fold
        predictions: one row per model or fusion and judged test clip
        validation: one row per model or fusion and judged validation clip
        learned: fusion -> fold -> what it learned
        ledger: all entries
        about: `about.json` of every unimodal model
        generated: the corpus is generated
        params: how intervals are found, and what is compared with what
        feedback: what the feedback loop learned; None where the system has none
        curves: model -> its training curve, of those that are trained step by step
    """

    corpus: str
    described: CorpusSummary
    system: str
    settings: SystemParams
    clips: Sequence[Clip]
    folds: Mapping[str, Fold]
    predictions: pd.DataFrame
    validation: pd.DataFrame
    learned: Mapping[str, Mapping[str, Any]]
    ledger: Sequence[Entry]
    about: Sequence[Mapping[str, Any]]
    generated: bool
    params: ReportParams
    feedback: FeedbackRuns | None = None
    curves: Mapping[str, pd.DataFrame] = field(default_factory=dict)

    @property
    def protocol(self) -> str:
        """The protocol in words."""
        return self.described.protocol.described(len(self.described.folds))

    @property
    def speaker_dependent(self) -> bool:
        """Whether training and test speakers may be the same people."""
        return "test" in self.described.protocol.shared

    @property
    def classes(self) -> list[str]:
        """Emotions that occur in the corpus."""
        return class_names(self.clips)

    def rows(self) -> dict[str, pd.DataFrame]:
        """Return model or fusion -> its rows of test clips, unimodal models first."""
        names = [*self.settings.models(), *(fusion.name for fusion in fusions(self.settings))]
        found = {str(name): frame for name, frame in self.predictions.groupby("model", sort=False)}
        return {name: found.get(name, self.predictions.iloc[:0]) for name in names}

    def scores(self) -> dict[str, Score]:
        """Return model or fusion -> figures."""
        tested = sum(part == "test" for fold in self.folds.values() for part in fold.values())
        return {name: score(frame, self.classes, tested, self.params) for name, frame in self.rows().items()}

    def micro_f1_differences(self) -> dict[str, float]:
        """Return fusion -> d of Huang et al. 2017, eq. (5), mean over folds; only for rules that learn it."""
        found = {
            name: [state["d"] for state in by_fold.values() if "d" in state] for name, by_fold in self.learned.items()
        }
        return {name: float(np.mean(values)) for name, values in found.items() if values}
