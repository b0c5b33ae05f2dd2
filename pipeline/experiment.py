"""Train and test one classifier on one feature over all folds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline import posteriors
from pipeline.core import plugins
from pipeline.core.clip import Clip, class_names
from pipeline.core.errors import PipelineError
from pipeline.core.ledger import Entry
from pipeline.core.parallel import ordered_map, workers_for
from pipeline.datasets import Dataset, load_dataset
from pipeline.protocols import Fold


@dataclass(frozen=True)
class _FoldJob:
    model: str
    classifier: str
    params: Mapping[str, Any]
    feature: Path
    clips: Sequence[Clip]
    out: Path

    def __call__(self, item: tuple[str, Fold]) -> tuple[pd.DataFrame, pd.DataFrame]:
        name, fold = item
        plugin = plugins.load("classifiers", self.classifier)
        params = plugin.Params.model_validate(dict(self.params))
        classes = class_names(self.clips)
        step_s = getattr(params, "step_s", 0.0)
        data = {p: load_dataset(self.feature, self.clips, name, fold, p, classes, step_s) for p in ("train", "val")}
        self._check(name, data)
        classifier = plugin.Classifier(params, len(classes))
        history = pd.DataFrame(classifier.fit(data["train"], data["val"]))
        classifier.save(self.out / name)
        # read when nothing is left to learn, so that nothing can be learned from it
        data["test"] = load_dataset(self.feature, self.clips, name, fold, "test", classes, step_s)
        tables = [self._table(name, part, data[part], classifier, classes) for part in ("val", "test")]
        history.insert(0, "fold", name)
        return pd.concat(tables, ignore_index=True), history

    def _check(self, name: str, data: Mapping[str, Dataset]) -> None:
        for part in ("train", "val"):
            if not len(data[part]):
                raise PipelineError(
                    f"{self.feature}: {name} has no clip to {'train' if part == 'train' else 'validate'} on; see its ledger"
                )
        if len(set(data["train"].labels)) < 2:
            raise PipelineError(f"{self.feature}: {name} has a single emotion to train on; choose another protocol")

    def _table(self, fold: str, part: str, data: Dataset, classifier: Any, classes: Sequence[str]) -> pd.DataFrame:
        by_id = {clip.clip_id: clip for clip in self.clips}
        clips, scores = [by_id[i] for i in data.ids], getattr(classifier, "scores", None)
        predicted, own = classifier.predict(data), scores(data) if scores else None
        return posteriors.table(self.model, fold, part, clips, predicted, classes, own)


def cross_validate(
    model: str,
    classifier: str,
    params: Mapping[str, Any],
    feature: Path,
    clips: Sequence[Clip],
    folds: Mapping[str, Fold],
    out: Path,
    workers: int,
) -> pd.DataFrame:
    """Train on every fold and write posteriors, histories and models.

    Args:
        model: name in every table, such as `a60-lstm`
        classifier: plugin in pipeline/classifiers
        params: its settings
        feature: feature file
        clips: all clips of the corpus
        folds: fold name -> fold
        out: folder; gets `posteriors.csv` (val and test), `history.csv` and a file per fold
        workers: processes

    Returns:
        the posteriors
    """
    job = _FoldJob(model, classifier, params, feature, clips, out)
    if plugins.load("classifiers", classifier).LIGHT:
        workers = workers_for(workers, feature)
    results = list(ordered_map(job, list(folds.items()), workers, model, "fold"))
    frame = pd.concat([table for table, _ in results], ignore_index=True)
    posteriors.write_table(out / "posteriors.csv", frame)
    posteriors.write_table(out / "history.csv", pd.concat([history for _, history in results], ignore_index=True))
    return frame


def ledger_entries(model: str, frame: pd.DataFrame, folds: Mapping[str, Fold], upstream: Sequence[Entry]) -> list[Entry]:
    """Return one entry per clip of the protocol: ok where it was tested, otherwise failed with the reason upstream."""
    tested = set(frame.loc[frame["part"] == "test", "clip_id"])
    reasons = {entry.clip_id: entry for entry in upstream if entry.status == "failed"}
    entries = []
    for clip_id in sorted({clip_id for fold in folds.values() for clip_id, part in fold.items() if part == "test"}):
        cause = reasons.get(clip_id)
        if clip_id in tested:
            entries.append(Entry(clip_id, f"train:{model}"))
        elif cause is not None:
            entries.append(Entry(clip_id, f"train:{model}", "failed", cause.reason, f"after {cause.stage}"))
        else:
            entries.append(Entry(clip_id, f"train:{model}", "failed", "no_input", "no observed frame"))
    return entries
