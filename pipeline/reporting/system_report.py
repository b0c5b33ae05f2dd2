"""Everything that `reports/<corpus>/<system>/` holds, from the predictions of one system on one corpus."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipeline.about import About
from pipeline.combined import full_name
from pipeline.core.clip import Clip, class_names
from pipeline.core.files import write_json
from pipeline.core.ledger import Entry, write_ledger
from pipeline.evaluation import ReportParams, Score, confusion, score
from pipeline.posteriors import write_table
from pipeline.protocols import Fold
from pipeline.reporting.modalities import chosen_models, parts_of
from pipeline.reporting.page import CONTENTS, FURTHER, SECTION, page_base, render
from pipeline.reporting.paper import FeedbackRuns, Paper, Results
from pipeline.reporting.papers import paper_of
from pipeline.reporting.statistics import Statistics, candidates, statistics_of
from pipeline.reporting.summary import summary
from pipeline.reporting.system_page import FURTHER as FURTHER_MODELS
from pipeline.reporting.system_page import by_modality, graver_notices, made_here, page_values, paper_values
from pipeline.reporting.tables import score_table
from pipeline.reporting.training_curves import write_curves
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
        validation: one row per model or fusion and judged validation clip
        learned: fusion -> fold -> what it learned
        ledger: all entries
        about: `about.json` of every unimodal model
        generated: the corpus is generated
        params: how intervals are found, and what is compared with what
        feedback: what the feedback loop learned; None where the system has none
        curves: model -> how it learned, of those that learn step by step
        also: modality of features that only the system's further models have
    """

    corpus: str
    described: About
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
    also: Mapping[str, str] = field(default_factory=dict)

    @property
    def protocol(self) -> str:
        """Who was learned from and who tested, in words."""
        return self.described.protocol.described(len(self.described.folds))

    @property
    def speaker_dependent(self) -> bool:
        """Whether the same people may be learned from and tested."""
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

    def write(self, folder: Path) -> dict[str, Score]:
        """Write scores, metrics (the best of them), setup, predictions, ledger, tables/, confusion/, plots/, index.html and section.html; return the scores.

        Raises:
            SettingsError: `report.reference` names nothing of the system
        """
        scores, confusions = self.scores(), self._confusions()
        statistics = statistics_of(self, scores)
        write_json(folder / "scores.json", _figures(scores, statistics))
        write_json(folder / "metrics.json", summary(self._groups(), self._single(), scores, statistics.calibrations))
        write_json(folder / "setup.json", self._setup(statistics.headline, scores))
        write_table(folder / "predictions.csv", self.predictions)
        write_ledger(folder / "ledger.csv", self.ledger)
        write_table(folder / "tables" / "scores.csv", score_table(scores))
        statistics.write(folder)
        write_curves(folder / "plots" / "training", self.curves)
        for name, counts in confusions.items():
            frame = pd.DataFrame(counts, index=pd.Index(self.classes, name="truth"), columns=self.classes)
            write_table(folder / "confusion" / f"{name}.csv", frame.reset_index())
        paper = paper_of(self.system, self._results(scores, confusions))
        if paper is not None:
            _write_paper(folder / "tables", paper)
        values = {**page_values(self, scores, confusions, statistics), "paper": paper_values(paper)}
        render("system.html", folder / "index.html", **values, level=1, base="", contents="", further="")
        render("system_body.html", folder / SECTION, **values, level=2, base=page_base(self.corpus, self.system), contents=CONTENTS, further=FURTHER)
        return scores

    def _setup(self, headline: str, scores: Mapping[str, Score]) -> dict[str, Any]:
        """Return what the page over all reports must know of this one beside its figures."""
        largest = Counter(clip.emotion for clip in self.clips).most_common(1)[0][1]
        return {
            "protocol": self.protocol,
            "speaker_dependent": self.speaker_dependent,
            "notices": graver_notices(self.about, self.generated),
            "made_here": made_here(self.about),
            "classes": self.classes,
            "largest": largest / len(self.clips),
            "chosen": chosen_models(self.settings, self.also, headline, scores),
            "parts": parts_of(self.settings, self.also, headline, scores),
        }

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

    def _groups(self) -> dict[str, list[str]]:
        """Return modality -> its models, the further ones under `further`, and all that joins modalities under `fused`."""
        found = by_modality(self)
        groups = {name: found.get(words, []) for name, words in (("audio", "audio"), ("video", "video"), ("further", FURTHER_MODELS))}
        return {**groups, "fused": candidates(self.settings)}

    def _single(self) -> list[str]:
        combined = [full_name(name, each.rule) for name, each in self.settings.combined.items()]
        return [*self.settings.models(), *combined]

    def _confusions(self) -> dict[str, np.ndarray]:
        rows = self.rows().items()
        judged = {name: frame[frame["predicted"] != ""] for name, frame in rows}
        return {n: confusion(f["emotion"].tolist(), f["predicted"].tolist(), self.classes) for n, f in judged.items()}


def _figures(scores: Mapping[str, Score], statistics: Statistics) -> dict[str, dict[str, float | None]]:
    return {name: {**found.rounded(), **statistics.calibrations[name].rounded()} for name, found in scores.items()}


def _write_paper(folder: Path, paper: Paper) -> None:
    for table in paper.tables():
        write_table(folder / f"{table.stem}.csv", table.frame())
        write_table(folder / f"{table.stem}_details.csv", table.details())
    for figure in paper.figures():
        for stem, frame in figure.frames.items():
            write_table(folder / f"{stem}.csv", frame)
