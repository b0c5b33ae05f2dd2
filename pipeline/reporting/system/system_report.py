"""What a report of one system on one corpus is made from, and how it is read from the folders of models and fusions."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipeline.core.clip import Clip, class_names
from pipeline.core.errors import ArtifactError
from pipeline.core.ledger import Entry, read_ledger
from pipeline.core.posteriors import read_table, without_scores
from pipeline.evaluation.choice import CHOSEN, chosen_by_fold, chosen_rows
from pipeline.evaluation.metrics import ReportParams, Score, score
from pipeline.manifest.corpus_json import CorpusSummary
from pipeline.protocols.splits import Fold
from pipeline.reporting.papers.paper import FeedbackRuns
from pipeline.reporting.system.run_record import NOTHING
from pipeline.reporting.system.seeds import read_seeds
from pipeline.reporting.training_curves import training_curve
from pipeline.systems.contenders import contenders
from pipeline.systems.params import SystemParams, fusions


@dataclass(frozen=True)
class SystemReport:
    """What a report is made from."""

    corpus: str  # name in params.yaml
    described: CorpusSummary  # what `prepare` found in it
    system: str  # name in params.yaml
    settings: SystemParams
    clips: Sequence[Clip]  # all of the corpus
    folds: Mapping[str, Fold]  # by name
    predictions: pd.DataFrame  # one row per model or fusion and judged test clip
    validation: pd.DataFrame  # one row per model or fusion and judged validation clip
    learned: Mapping[str, Mapping[str, Any]]  # fusion -> fold -> what it learned
    ledger: Sequence[Entry]
    about: Sequence[Mapping[str, Any]]  # `about.json` of every unimodal model
    generated: bool  # the corpus is
    params: ReportParams
    feedback: FeedbackRuns | None = None  # what the feedback loop learned; None where the system has none
    curves: Mapping[str, pd.DataFrame] = field(default_factory=dict)  # of the models that are trained step by step
    seeds: Mapping[str, pd.DataFrame] = field(default_factory=dict)  # rows of the models with several seeds, by each
    run: Mapping[str, Any] = field(default_factory=lambda: NOTHING)  # settings and code, as `run_record` returns them

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

    @property
    def largest(self) -> tuple[str, float]:
        """The emotion with the most clips, and its share of them."""
        name, count = Counter(clip.emotion for clip in self.clips).most_common(1)[0]
        return name, count / len(self.clips)

    @property
    def tested(self) -> list[Clip]:
        """Clips that are tested in any fold."""
        ids = {clip_id for fold in self.folds.values() for clip_id, part in fold.items() if part == "test"}
        return [clip for clip in self.clips if clip.clip_id in ids]

    @cached_property
    def choice(self) -> dict[str, str]:
        """Fold -> the model or fusion that its validation clips choose; together they are the headline."""
        return chosen_by_fold(self.validation, contenders(self.settings), self.folds)

    def with_chosen(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return rows of models and fusions, and behind them those of the headline."""
        return pd.concat([rows, chosen_rows(rows, self.choice)], ignore_index=True)

    def rows(self) -> dict[str, pd.DataFrame]:
        """Return model or fusion -> its rows of test clips, unimodal models first, the headline last."""
        names = [*self.settings.models(), *(fusion.name for fusion in fusions(self.settings)), CHOSEN]
        found = {str(name): frame for name, frame in self.with_chosen(self.predictions).groupby("model", sort=False)}
        return {name: found.get(name, self.predictions.iloc[:0]) for name in names}

    def judged(self) -> dict[str, pd.DataFrame]:
        """Return the same without the clips that were not judged."""
        return {name: frame[frame["predicted"] != ""] for name, frame in self.rows().items()}

    def scores(self) -> dict[str, Score]:
        """Return model or fusion -> figures."""
        tested = sum(part == "test" for fold in self.folds.values() for part in fold.values())
        return {name: score(frame, self.classes, tested, self.params) for name, frame in self.rows().items()}

    def micro_f1_differences(self) -> dict[str, float]:
        """Return fusion -> signed d of Huang et al. 2017, eq. (5), mean over folds; only for rules that learn it."""
        found = {
            name: [state["d"] for state in by_fold.values() if "d" in state] for name, by_fold in self.learned.items()
        }
        return {name: float(np.mean(values)) for name, values in found.items() if values}


def read_results(models: Path, fusion: Path, settings: SystemParams) -> dict[str, Any]:
    """Return what the stages before a report have written into the folders of a system's models and fusions, by the
    attributes of `SystemReport`; an ArtifactError says what is absent, damaged or of another version.
    """
    names = settings.models()
    return {
        "predictions": read_table(fusion / "predictions.csv"),
        "validation": read_validation(models, fusion, names),
        "learned": read_json(fusion / "learned.json", "fuse"),
        "ledger": read_ledger(fusion / "ledger.csv"),
        "about": [read_json(models / name / "about.json", "train") for name in names],
        "feedback": read_feedback(fusion, settings),
        "curves": read_curves(models, names),
        "seeds": read_seeds(models, names),
    }


def read_json(path: Path, stage: str) -> dict[str, Any]:
    """Return what a stage wrote; an ArtifactError names the stage where it is absent or damaged."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _unreadable(path, stage, error) from error


def _unreadable(path: Path, stage: str, error: Exception) -> ArtifactError:
    if isinstance(error, FileNotFoundError):
        return ArtifactError(f"{path}: no such file; run `dvc repro {stage}`")
    return ArtifactError(f"{path}: not readable ({error}); run `dvc repro -f {stage}`")


def read_feedback(fusion: Path, settings: SystemParams) -> FeedbackRuns | None:
    """Return what the feedback loop learned; None for a system without one."""
    if settings.feedback is None:
        return None
    path = fusion / "feedback.csv"
    try:
        steps = pd.read_csv(path, dtype={"fold": str, "changed": str}, keep_default_na=False)
    except (FileNotFoundError, pd.errors.EmptyDataError, pd.errors.ParserError, UnicodeDecodeError) as error:
        raise _unreadable(path, "fuse", error) from error
    return FeedbackRuns(read_json(fusion / "feedback.json", "fuse"), steps)


def read_validation(models: Path, fusion: Path, names: Sequence[str]) -> pd.DataFrame:
    """Return the rows of validation clips of the named models and of all fusions, with posteriors alone."""
    tables = [read_table(models / name / "posteriors.csv") for name in names]
    fused = read_table(fusion / "validation.csv")
    every = pd.concat([*map(without_scores, tables), fused[~fused["model"].isin(names)]], ignore_index=True)
    return every[every["part"] == "val"]


def read_curves(models: Path, names: Sequence[str]) -> dict[str, pd.DataFrame]:
    """Return model -> its training curve, of those that are trained step by step; see `training_curve`."""
    found = {}
    for name in names:
        path = models / name / "history.csv"
        if not path.is_file():
            raise ArtifactError(f"{path}: no such history; run `dvc repro` for the stage that trains {name}")
        if (curve := training_curve(pd.read_csv(path))) is not None:
            found[name] = curve
    return found
