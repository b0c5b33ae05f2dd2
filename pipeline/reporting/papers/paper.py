"""What a paper's report is made from and what it gives, whichever paper it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import pandas as pd

from pipeline.evaluation.metrics import Score
from pipeline.reporting.html.blocks import Listing, Matrix
from pipeline.reporting.papers.cells import Table
from pipeline.reporting.system.tables import NOT_JUDGED
from pipeline.systems.ids import FusionId, ModelId
from pipeline.systems.params import SystemParams


@dataclass(frozen=True)
class FeedbackRuns:
    """What `pipeline.fusion.weights.run_feedback` wrote.

    Attributes:
        runs: feedback.json
        steps: feedback.csv, one row per fold and step
    """

    runs: Mapping[str, Any]
    steps: pd.DataFrame


@dataclass(frozen=True)
class Results:
    """What one system found on one corpus.

    Attributes:
        corpus: name in params.yaml
        adapter: plugin in pipeline/corpora that reads it, which tells the corpora of a paper; "" for none
        settings: of the system
        classes: emotions that occur in the corpus
        scores: model or fusion -> figures
        confusions: model or fusion -> counts (C, C), rows are the truth
        differences: fusion -> d of Huang et al. 2017, eq. (5), mean over folds
        learned: fusion -> fold -> what it learned
        feedback: what the feedback loop learned; None where there was none
        sides: parts of the official split that the tested clips are of; "" for a clip without one
    """

    corpus: str
    adapter: str
    settings: SystemParams
    classes: Sequence[str]
    scores: Mapping[str, Score]
    confusions: Mapping[str, np.ndarray]
    differences: Mapping[str, float] = field(default_factory=dict)
    learned: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    feedback: FeedbackRuns | None = None
    sides: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Figure:
    """A figure of a paper that is a confusion matrix, or what else is shown as matrices and lists.

    Attributes:
        name: `Fig. 6`
        caption: what it shows
        frames: stem of a file -> its content
        matrices: for the page, side by side
        note: how to read them
        listings: for the page, one below the other
    """

    name: str
    caption: str
    frames: Mapping[str, pd.DataFrame]
    matrices: Sequence[Matrix]
    note: str
    listings: Sequence[Listing] = ()


class Paper(Protocol):
    """A paper's report, made from `Results`."""

    @property
    def note(self) -> str:
        """What a reader of the tables must know."""

    def tables(self) -> list[Table]:
        """Return the paper's tables."""

    def figures(self) -> list[Figure]:
        """Return the paper's figures: confusion matrices, and what was learned."""


def why_not(results: Results, model: str, add: str, system: str) -> str:
    """Return why a model or fusion has no figure; "" where it has one.

    Args:
        results: what was run
        model: name of the model or fusion
        add: what `lacking` says of it
        system: name in params.yaml
    """
    score = results.scores.get(model)
    if score is None:
        return f"not run: {add or f'see systems.{system} in params.yaml'}"
    return "" if score.n else NOT_JUDGED


def lacking(settings: SystemParams, system: str, asked: ModelId | FusionId) -> str:
    """Return what to add to the settings so that a model, or the fusion of a pair, is run; "" for nothing.

    Args:
        settings: of the system
        system: name in params.yaml
        asked: a model of every feature with every classifier, a fusion of a pair, or one stacked on it
    """
    pair = asked.pair if isinstance(asked, FusionId) else None
    models = [pair.audio, pair.video] if pair else [ModelId.parse(asked)]
    features, classifier = [model.feature for model in models], models[0].classifier
    absent = [feature for feature in features if feature not in settings.features]
    if absent:
        return f"add {' and '.join(absent)} to systems.{system}.features"
    if classifier not in settings.classifiers:
        return f"add {classifier} to systems.{system}.classifiers"
    if not isinstance(asked, FusionId):
        return ""
    if classifier not in settings.fused_classifiers():
        return f"add {classifier} to systems.{system}.fused"
    if settings.pairs is not None and tuple(features) not in settings.pairs:
        return f"add [{', '.join(features)}] to systems.{system}.pairs"
    rule, *partners = asked.over or (asked.rule,)
    if rule not in settings.fusions:
        return f"add {rule} to systems.{system}.fusions"
    over = "+".join(partners)
    there = not over or over in settings.stacked.get(asked.rule, ())
    return "" if there else f"add {over} to systems.{system}.stacked.{asked.rule}"


def lacking_model(settings: SystemParams, system: str, model: str) -> str:
    """Return what to add to the settings so that a further model `<feature>-<classifier>` is run; "" for nothing."""
    return "" if model in settings.models() else f"add {model} to systems.{system}.also"


def lacking_combined(settings: SystemParams, system: str, name: str, rule: str) -> str:
    """Return what to change in the settings so that a combined fusion is run by a rule; "" for nothing."""
    found = settings.combined.get(name)
    if found is None:
        return f"add {name} to systems.{system}.combined"
    return "" if found.rule == rule else f"{FusionId.combined(name, found.rule)} has another rule than {rule}"
