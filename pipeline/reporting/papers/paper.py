"""What a paper's report is made from and what it gives, whichever paper it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from pipeline.core.clip import Clip
from pipeline.evaluation.metrics import Score
from pipeline.protocols.splits import Fold
from pipeline.reporting.html.page import Listing, Matrix
from pipeline.reporting.papers.cells import Cell, Table, accuracy
from pipeline.reporting.system.tables import NOT_JUDGED
from pipeline.systems.ids import FusionId, ModelId
from pipeline.systems.params import SystemParams

Asked = ModelId | FusionId
"""What of ours answers a field of a paper."""


@dataclass(frozen=True)
class FeedbackRuns:
    """What `pipeline.fusion.weights.run_feedback` wrote."""

    runs: Mapping[str, Any]  # feedback.json
    steps: pd.DataFrame  # feedback.csv, one row per fold and step


@dataclass(frozen=True)
class Results:
    """What one system found on one corpus."""

    corpus: str  # name in params.yaml
    adapter: str  # plugin in pipeline/corpora that reads it, which tells the corpora of a paper; "" for none
    settings: SystemParams
    classes: Sequence[str]  # emotions that occur in the corpus
    scores: Mapping[str, Score]  # model or fusion -> figures
    confusions: Mapping[str, np.ndarray]  # model or fusion -> counts (C, C), rows are the truth
    differences: Mapping[str, float] = field(default_factory=dict)
    """Fusion -> d of Huang et al. 2017, eq. (5), mean over folds."""
    learned: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # fusion -> fold -> what it learned
    feedback: FeedbackRuns | None = None  # what the feedback loop learned
    sides: frozenset[str] = frozenset()
    """Parts of the official split that the tested clips are of; "" for a clip without one."""
    clips: Sequence[Clip] = ()  # all of the corpus
    folds: Mapping[str, Fold] = field(default_factory=dict)  # by name


@dataclass(frozen=True)
class Figure:
    """A figure of a paper that is a confusion matrix, or what else is shown as matrices and lists."""

    name: str  # `Fig. 6`
    caption: str
    frames: Mapping[str, pd.DataFrame]  # stem of a file -> its content
    matrices: Sequence[Matrix] = ()  # for the page, side by side
    note: str = ""  # how to read them
    listings: Sequence[Listing] = ()  # for the page, one below the other


class Paper:
    """A paper's report, made from `Results`: for each paper a class with its tables, figures and a note."""

    system = ""
    """Its name in params.yaml."""
    further: Sequence[str] = ()
    """Classifiers that a system lists under `also`; all others it has for every feature."""

    def __init__(self, results: Results) -> None:
        self.results, self.settings = results, results.settings

    @property
    def note(self) -> str:
        """What a reader of the tables must know."""
        raise NotImplementedError

    def tables(self) -> list[Table]:
        """Return the paper's tables."""
        raise NotImplementedError

    def figures(self) -> list[Figure]:
        """Return the paper's figures: confusion matrices, and what was learned."""
        raise NotImplementedError

    def accuracy(self, asked: Asked, **place: Any) -> Cell:
        """Return the field with the accuracy of a model or fusion, or why it has none; see `cells.accuracy`."""
        return accuracy(self.results.scores.get(asked), reason=self.why_not(asked), model=asked, **place)

    def why_not(self, asked: Asked) -> str:
        """Return why a model or fusion has no figure; "" where it has one."""
        score = self.results.scores.get(asked)
        if score is not None:
            return "" if score.n else NOT_JUDGED
        combined = isinstance(asked, FusionId) and asked.pair is None
        lacks = self._lacking_combined(asked) if combined else self._lacking(asked)
        return f"not run: {lacks or f'see systems.{self.system} in params.yaml'}"

    def _lacking(self, asked: Asked) -> str:
        """Return what to add to the settings for a model, a fusion of a pair, or one stacked on it; "" for nothing."""
        settings, at = self.settings, f"systems.{self.system}"
        pair = asked.pair if isinstance(asked, FusionId) else None
        models = [pair.audio, pair.video] if pair else [ModelId.parse(asked)]
        features, classifier = [model.feature for model in models], models[0].classifier
        if asked in settings.models():
            return ""
        if classifier in self.further:
            return f"add {asked} to {at}.also"
        absent = [feature for feature in features if feature not in settings.features]
        steps = {
            f"{' and '.join(absent)} to {at}.features": not absent,
            f"{classifier} to {at}.classifiers": classifier in settings.classifiers,
        }
        if isinstance(asked, FusionId):
            (rule, *partners), paired = asked.over or (asked.rule,), settings.pairs
            over = "+".join(partners)
            steps |= {
                f"{classifier} to {at}.fused": classifier in settings.fused_classifiers(),
                f"[{', '.join(features)}] to {at}.pairs": paired is None or tuple(features) in paired,
                f"{rule} to {at}.fusions": rule in settings.fusions,
                f"{over} to {at}.stacked.{asked.rule}": not over or over in settings.stacked.get(asked.rule, ()),
            }
        return next((f"add {what}" for what, there in steps.items() if not there), "")

    def _lacking_combined(self, asked: Asked) -> str:
        """Return what to change in the settings so that a combined fusion is run by its rule; "" for nothing."""
        _, name, rule = asked.split("-")
        found = self.settings.combined.get(name)
        if found is None:
            return f"add {name} to systems.{self.system}.combined"
        return "" if found.rule == rule else f"{FusionId.combined(name, found.rule)} has another rule than {rule}"
