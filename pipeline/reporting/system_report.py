"""Everything that `reports/<corpus>/<system>/` holds, from the predictions of one system on one corpus."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipeline.about import About
from pipeline.core.clip import Clip, class_names
from pipeline.core.errors import ArtifactError
from pipeline.core.files import write_json
from pipeline.core.ledger import Entry, write_ledger
from pipeline.evaluation import ReportParams, Score, confusion, score
from pipeline.posteriors import write_table
from pipeline.protocols import Fold
from pipeline.reporting.page import render
from pipeline.reporting.paper import FeedbackRuns, Paper, Results
from pipeline.reporting.papers import paper_of
from pipeline.reporting.system_page import page_values, paper_values
from pipeline.reporting.tables import score_table
from pipeline.system import SystemParams, fusions


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
        learned: fusion -> fold -> what it learned
        ledger: all entries
        about: `about.json` of every unimodal model
        generated: the corpus is generated
        params: how intervals are found
        feedback: what the feedback loop learned; None where the system has none
    """

    corpus: str
    described: About
    system: str
    settings: SystemParams
    clips: Sequence[Clip]
    folds: Mapping[str, Fold]
    predictions: pd.DataFrame
    learned: Mapping[str, Mapping[str, Any]]
    ledger: Sequence[Entry]
    about: Sequence[Mapping[str, Any]]
    generated: bool
    params: ReportParams
    feedback: FeedbackRuns | None = None

    @property
    def protocol(self) -> str:
        """Who was learned from and who tested, in words."""
        return self.described.protocol.described(len(self.described.folds))

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

    def write(self, folder: Path) -> dict[str, Score]:
        """Write metrics.json, setup.json, predictions.csv, ledger.csv, tables/, confusion/ and index.html; return the scores."""
        scores, confusions = self.scores(), self._confusions()
        write_json(folder / "metrics.json", {name: found.rounded() for name, found in scores.items()})
        write_json(folder / "setup.json", {"protocol": self.protocol})
        write_table(folder / "predictions.csv", self.predictions)
        write_ledger(folder / "ledger.csv", self.ledger)
        write_table(folder / "tables" / "scores.csv", score_table(scores))
        for name, counts in confusions.items():
            frame = pd.DataFrame(counts, index=pd.Index(self.classes, name="truth"), columns=self.classes)
            write_table(folder / "confusion" / f"{name}.csv", frame.reset_index())
        paper = paper_of(self.system, self._results(scores, confusions))
        if paper is not None:
            _write_paper(folder / "tables", paper)
        values = {**page_values(self, scores, confusions), "paper": paper_values(paper)}
        render("system.html", folder / "index.html", **values)
        return scores

    def _results(self, scores: Mapping[str, Score], confusions: Mapping[str, np.ndarray]) -> Results:
        tested = {clip_id for fold in self.folds.values() for clip_id, part in fold.items() if part == "test"}
        return Results(
            corpus=self.corpus,
            adapter=self.described.source.adapter,
            settings=self.settings,
            classes=self.classes,
            scores=scores,
            confusions=confusions,
            differences=self.micro_f1_differences(),
            learned=self.learned,
            feedback=self.feedback,
            sides=frozenset(clip.split for clip in self.clips if clip.clip_id in tested),
        )

    def _confusions(self) -> dict[str, np.ndarray]:
        rows = self.rows().items()
        judged = {name: frame[frame["predicted"] != ""] for name, frame in rows}
        return {n: confusion(f["emotion"].tolist(), f["predicted"].tolist(), self.classes) for n, f in judged.items()}


def _write_paper(folder: Path, paper: Paper) -> None:
    for table in paper.tables():
        write_table(folder / f"{table.stem}.csv", table.frame())
        write_table(folder / f"{table.stem}_details.csv", table.details())
    for figure in paper.figures():
        for stem, frame in figure.frames.items():
            write_table(folder / f"{stem}.csv", frame)


def read_about(models: Path, names: Sequence[str]) -> list[dict[str, Any]]:
    """Return `about.json` of the named models."""
    return [json.loads((models / name / "about.json").read_text(encoding="utf-8")) for name in names]


def read_learned(fusion: Path) -> dict[str, Any]:
    """Return fusion -> fold -> what it learned.

    Raises:
        ArtifactError: absent or damaged
    """
    return _read_json(fusion / "learned.json")


def read_feedback(fusion: Path, settings: SystemParams) -> FeedbackRuns | None:
    """Return what the feedback loop learned; None for a system without one.

    Raises:
        ArtifactError: absent or damaged
    """
    if settings.feedback is None:
        return None
    path = fusion / "feedback.csv"
    try:
        steps = pd.read_csv(path, dtype={"fold": str, "changed": str}, keep_default_na=False)
    except FileNotFoundError as error:
        raise ArtifactError(f"{path}: no such file; run `dvc repro fuse`") from error
    except (pd.errors.EmptyDataError, pd.errors.ParserError, UnicodeDecodeError) as error:
        raise ArtifactError(f"{path}: not readable ({error}); run `dvc repro -f fuse`") from error
    return FeedbackRuns(_read_json(fusion / "feedback.json"), steps)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ArtifactError(f"{path}: no such file; run `dvc repro fuse`") from error
    except ValueError as error:
        raise ArtifactError(f"{path}: not readable ({error}); run `dvc repro -f fuse`") from error
