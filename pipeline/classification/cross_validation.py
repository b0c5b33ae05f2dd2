"""Train and test one model over all folds: posteriors, histories, what is kept, ledger, where its weights come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd

from pipeline.classification.candidates import combinations
from pipeline.classification.fold_job import FoldJob, FoldResult
from pipeline.classification.model_spec import Recipe
from pipeline.core import posteriors
from pipeline.core.clip import Clip, class_names
from pipeline.core.errors import SettingsError
from pipeline.core.files import write_json
from pipeline.core.ledger import Entry, absent_ids, lost, lost_by_id, write_ledger
from pipeline.core.store import FeatureFile
from pipeline.core.weights_file import load_any
from pipeline.engine.parallel import ordered_map
from pipeline.protocols.refit import is_refit
from pipeline.protocols.splits import Fold, check_source
from pipeline.training.learning import learned, said


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

    The folder `out` gets `posteriors.csv` (val and test), `history.csv`, `about.json` (with the values
    that were chosen of candidates), `ledger.csv`, of a model of several seeds `seeds.csv`, of one on features
    of both modalities side by side `missing.csv`, and what the model keeps of each fold; `upstream` is what happened to
    the clips so far.

    Raises:
        LeakageError: the model's pre-trained weights have met a speaker of the corpus
        SettingsError: a feature that was learned anew (refit) under a model that is not, or a model that needs
            validation clips where there are none
        PipelineError: a fold has no clip to train or to validate on, or a single emotion, although no clip lacks the
            sound or the picture; where one does, the fold is left out
    """
    if recipe.weights:
        check_source(load_any(recipe.weights).config, clips, recipe.weights.name)
    with FeatureFile(recipe.source) as file:
        if is_refit(file.folds) and not getattr(recipe.params, "refit", False):
            was = "was learned anew from training and validation clips (refit)"
            raise SettingsError(f"params.yaml: {model}: {recipe.source.stem} {was}; set refit: true for it, too")
    out.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=out, prefix=".read-") as folder:
        material = recipe.material(clips, class_names(clips), Path(folder))
        job = FoldJob(model, recipe, clips, absent_ids(upstream), out, material)
        results = list(ordered_map(job, list(folds.items()), recipe.workers(workers), model, "fold"))
    frame, own = _written(out, model, recipe, folds, results)
    write_ledger(out / "ledger.csv", [*upstream, *ledger_entries(model, frame, folds, upstream)])
    test = frame[frame["part"] == "test"]
    if test.empty:
        why = "no fold has clips with the feature to train and to validate on"
        return f"train {model}: nothing to learn from, since {why}"
    count = len(combinations(recipe.params))
    tries = f", the best of {count} candidates in each fold" if count > 1 else ""
    right = (test["emotion"] == test["predicted"]).mean()
    line = f"train {model}: accuracy {right:.3f} on {len(test)} test clips{tries}"
    return "; ".join([line, *filter(None, map(said, own))])


def _written(
    out: Path, model: str, recipe: Recipe, folds: Mapping[str, Fold], results: Sequence[FoldResult]
) -> tuple[pd.DataFrame, Sequence[Mapping[str, Any]]]:
    """Write what the folds gave, but for the ledger; return the posteriors, and what says whether it learned."""
    frame = pd.concat([result.table for result in results], ignore_index=True)
    posteriors.write_table(out / "posteriors.csv", frame)
    rows = [result.history.assign(fold=name) for name, result in zip(folds, results, strict=True)]
    history = pd.concat(rows, ignore_index=True)
    posteriors.write_table(out / "history.csv", history[["fold", *history.columns.drop("fold")]])
    chosen = {name: dict(result.chosen) for name, result in zip(folds, results, strict=True) if result.chosen}
    about, own = recipe.about(), learned(model, history)
    about |= {"learned": [*about.get("learned", ()), *own], **({"chosen": chosen} if chosen else {})}
    write_json(out / "about.json", {"model": model, **about})
    if len(by_seed := pd.concat([result.by_seed for result in results], ignore_index=True)):
        posteriors.write_table(out / posteriors.SEEDS, by_seed)
    if len(without := pd.concat([result.without for result in results], ignore_index=True)):
        posteriors.write_table(out / posteriors.WITHOUT, without)
    return frame, own


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
