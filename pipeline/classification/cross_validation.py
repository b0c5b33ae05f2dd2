"""Train and test one model over all folds: posteriors, histories, what is kept, ledger, where its weights come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd

from pipeline.classification.model_spec import Recipe
from pipeline.core import posteriors
from pipeline.core.clip import Clip, class_names
from pipeline.core.files import write_json
from pipeline.core.ledger import Entry, absent_ids, lost, lost_by_id, write_ledger
from pipeline.core.weights_file import load_weights
from pipeline.engine.parallel import ordered_map
from pipeline.protocols.splits import Fold, check_disjoint_source
from pipeline.protocols.trainable_folds import check_absent, trainable_folds
from pipeline.training.learning import learned, said


@dataclass(frozen=True)
class _FoldJob:
    model: str
    recipe: Recipe
    clips: Sequence[Clip]
    absent: frozenset[str]
    out: Path
    material: Any

    def __call__(self, item: tuple[str, Fold]) -> tuple[pd.DataFrame, pd.DataFrame]:
        name, fold = item
        classes = class_names(self.clips)
        data = {part: self.material.of_fold(name, fold, part) for part in ("train", "val")}
        model = self.recipe.model(classes)
        if not self._can_learn(name, fold, data):
            nothing = np.zeros((0, len(classes)))
            own = nothing if hasattr(model, "scores") else None
            return posteriors.table(self.model, name, "test", [], nothing, classes, own), pd.DataFrame({"fold": []})
        history = pd.DataFrame(model.fit(data["train"], data["val"]))
        model.save(self.out / name)
        # handed over when nothing is left to learn, so that nothing can be learned from it
        data["test"] = self.material.of_fold(name, fold, "test")
        tables = [self._table(name, part, data[part], model, classes) for part in ("val", "test")]
        history.insert(0, "fold", name)
        return pd.concat(tables, ignore_index=True), history

    def _can_learn(self, name: str, fold: Fold, data: Mapping[str, Any]) -> bool:
        """Return whether there is enough to learn from; if not, clips have to lack the sound or the picture."""
        present, source = {*data["train"].ids, *data["val"].ids}, self.recipe.source
        if not trainable_folds({name: fold}, present, self.absent, str(source)):
            return False
        if len(set(data["train"].labels)) >= 2:
            return True
        single = f"{source}: {name} has a single emotion to train on; choose another protocol"
        check_absent([clip_id for clip_id, part in fold.items() if part == "train"], self.absent, single)
        return False

    def _table(self, fold: str, part: str, data: Any, model: Any, classes: Sequence[str]) -> pd.DataFrame:
        by_id = {clip.clip_id: clip for clip in self.clips}
        own = model.scores(data) if hasattr(model, "scores") else None
        predicted = model.posteriors(own) if hasattr(model, "posteriors") else model.predict(data)
        return posteriors.table(self.model, fold, part, [by_id[i] for i in data.ids], predicted, classes, own)


def cross_validate(
    model: str,
    recipe: Recipe,
    clips: Sequence[Clip],
    folds: Mapping[str, Fold],
    upstream: Sequence[Entry],
    out: Path,
    workers: int,
) -> str:
    """Train and test on every fold, write what came of it, and return one line.

    The folder `out` gets `posteriors.csv` (val and test), `history.csv`, `about.json`, `ledger.csv` and what the model
    keeps of each fold; `upstream` is what happened to the clips so far.

    Raises:
        LeakageError: the model's pre-trained weights have met a speaker of the corpus
        PipelineError: a fold has no clip to train or to validate on, or a single emotion, although no clip lacks the
            sound or the picture; where one does, the fold is left out
    """
    if recipe.weights:
        met = load_weights(recipe.weights).config["speakers"]
        check_disjoint_source(met, (clip.speaker for clip in clips), recipe.weights.name)
    out.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=out, prefix=".read-") as folder:
        material = recipe.material(clips, class_names(clips), Path(folder))
        job = _FoldJob(model, recipe, clips, absent_ids(upstream), out, material)
        results = list(ordered_map(job, list(folds.items()), recipe.workers(workers), model, "fold"))
    frame = pd.concat([table for table, _ in results], ignore_index=True)
    posteriors.write_table(out / "posteriors.csv", frame)
    history = pd.concat([history for _, history in results], ignore_index=True)
    posteriors.write_table(out / "history.csv", history)
    about = recipe.about()
    own = learned(model, history)
    write_json(out / "about.json", {"model": model, **about, "learned": [*about.get("learned", ()), *own]})
    write_ledger(out / "ledger.csv", [*upstream, *ledger_entries(model, frame, folds, upstream)])
    test = frame[frame["part"] == "test"]
    if test.empty:
        why = "no fold has clips with the feature to train and to validate on"
        return f"train {model}: nothing to learn from, since {why}"
    line = f"train {model}: accuracy {(test['emotion'] == test['predicted']).mean():.3f} on {len(test)} test clips"
    return "; ".join([line, *filter(None, map(said, own))])


def ledger_entries(
    model: str, frame: pd.DataFrame, folds: Mapping[str, Fold], upstream: Sequence[Entry]
) -> list[Entry]:
    """Return one entry per clip of the protocol: ok where it was tested, otherwise lost with the reason upstream."""
    tested = set(frame.loc[frame["part"] == "test", "clip_id"])
    reasons, learned = lost_by_id(upstream), set(frame["fold"])
    tested_in = {clip_id: name for name, fold in folds.items() for clip_id, part in fold.items() if part == "test"}
    entries, stage = [], f"train:{model}"
    for clip_id, name in sorted(tested_in.items()):
        if clip_id in tested:
            entries.append(Entry(clip_id, stage))
        elif (cause := reasons.get(clip_id)) is not None:
            entries.append(cause.after(stage))
        elif name not in learned:
            entries.append(lost(clip_id, stage, "not_learned", f"{name} lacks clips with the feature to learn from"))
        else:
            entries.append(lost(clip_id, stage, "no_input", "no observed frame"))
    return entries
