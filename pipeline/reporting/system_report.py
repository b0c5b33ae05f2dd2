"""Everything that `reports/<corpus>/<system>/` holds, from the predictions of one system on one corpus."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipeline.core.clip import Clip, class_names
from pipeline.core.errors import ArtifactError
from pipeline.core.files import write_json
from pipeline.core.ledger import Entry, write_ledger
from pipeline.evaluation import ReportParams, Score, confusion, score
from pipeline.posteriors import write_table
from pipeline.protocols import Fold
from pipeline.reporting import paper_huang2017
from pipeline.reporting.page import heat, render
from pipeline.reporting.system_page import page_values
from pipeline.reporting.tables import Table, score_table
from pipeline.system import SystemParams, fusions


@dataclass(frozen=True)
class SystemReport:
    """What a report is made from.

    Attributes:
        corpus: name in params.yaml
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
    """

    corpus: str
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
        """Write metrics.json, predictions.csv, ledger.csv, tables/, confusion/ and index.html; return the scores."""
        scores, confusions = self.scores(), self._confusions()
        write_json(folder / "metrics.json", {name: found.rounded() for name, found in scores.items()})
        write_table(folder / "predictions.csv", self.predictions)
        write_ledger(folder / "ledger.csv", self.ledger)
        write_table(folder / "tables" / "scores.csv", score_table(scores))
        for name, counts in confusions.items():
            frame = pd.DataFrame(counts, index=pd.Index(self.classes, name="truth"), columns=self.classes)
            write_table(folder / "confusion" / f"{name}.csv", frame.reset_index())
        paper = self._paper(folder / "tables", scores, confusions)
        render("system.html", folder / "index.html", **page_values(self, scores, confusions), **paper)
        return scores

    def _confusions(self) -> dict[str, np.ndarray]:
        rows = self.rows().items()
        judged = {name: frame[frame["predicted"] != ""] for name, frame in rows}
        return {n: confusion(f["emotion"].tolist(), f["predicted"].tolist(), self.classes) for n, f in judged.items()}

    def _paper(self, folder: Path, scores: Mapping[str, Score], confusions: Mapping[str, np.ndarray]) -> dict[str, Any]:
        """Write the paper's tables and Fig. 6, and return them for the page; a system without a paper has none."""
        if self.system != paper_huang2017.SYSTEM:
            return {"tables": [], "figure_6": None}
        paper = paper_huang2017.PaperTables(self.settings, scores, self.micro_f1_differences())
        tables = paper.tables()
        for table in tables:
            write_table(folder / f"{table.stem}.csv", table.frame())
            write_table(folder / f"{table.stem}_details.csv", table.details())
        return {"tables": tables, "figure_6": self._figure_6(folder / "figure_6.csv", tables[-1], confusions)}

    def _figure_6(self, path: Path, table_5: Table, confusions: Mapping[str, np.ndarray]) -> dict[str, Any]:
        cell = paper_huang2017.best_of(table_5)
        if cell is None:
            reason = f"{paper_huang2017.FIGURE_6_LACKS} {table_5.cells[0].reason}"
            write_table(path, pd.DataFrame({"reason": [reason]}))
            return {"caption": reason, "rows": []}
        counts = confusions[cell.model]
        frame = paper_huang2017.figure_6(counts, self.classes)
        write_table(path, frame)
        rows = [{**row, "paper": paper} for row, paper in zip(heat(counts, self.classes), frame["paper"], strict=True)]
        return {"caption": paper_huang2017.figure_6_caption(table_5, cell, self.classes), "rows": rows}


def read_about(models: Path, names: Sequence[str]) -> list[dict[str, Any]]:
    """Return `about.json` of the named models."""
    return [json.loads((models / name / "about.json").read_text(encoding="utf-8")) for name in names]


def read_learned(fusion: Path) -> dict[str, Any]:
    """Return fusion -> fold -> what it learned.

    Raises:
        ArtifactError: absent or damaged
    """
    path = fusion / "learned.json"
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ArtifactError(f"{path}: no such file; run `dvc repro fuse`") from error
    except ValueError as error:
        raise ArtifactError(f"{path}: not readable ({error}); run `dvc repro -f fuse`") from error
