"""Features learned anew in every fold: folds in parallel, finished ones kept until all are, one file at the end.

A fold writes into a folder of its own, named by a key over everything that it depends on. A run that was killed finds
the finished folds there and goes on with the others; when all are packed into the stage's feature file, the folders go.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal, Protocol

import pandas as pd

from pipeline.core.errors import SettingsError, did_you_mean
from pipeline.core.files import write_json
from pipeline.core.posteriors import write_table
from pipeline.core.store import ClipFeatures, FeatureFile, FeatureMeta
from pipeline.core.store_writer import write_features
from pipeline.core.weights_file import DIGEST, FILE
from pipeline.engine.parallel import ordered_map
from pipeline.protocols.leakage import part_keys
from pipeline.protocols.refit import refit_of
from pipeline.protocols.splits import Fold
from pipeline.runner.progress import progress
from pipeline.training.learning import learned, said

FEATURES, REFIT_FEATURES = "features.h5", "refit.h5"
_DONE = "history.json"
Keep = Literal["all", "first"] | tuple[str, ...]
KEEP = (
    "folds (fold-00, ...) whose weights are kept; first = fold-00, which is what `predict` needs; all = of every fold, "
    "whose mean `predict` then takes"
)
"""What `keep` says wherever there is one."""
_FIRST = "fold-00"


class FoldJob(Protocol):
    """How one fold is learned; travels to worker processes."""

    def key(self, name: str, fold: Fold) -> str:
        """Return a name for everything that the fold's result depends on."""

    def learn(self, name: str, fold: Fold, folder: Path) -> list[dict[str, Any]]:
        """Learn, write `folder`/features.h5 of all clips and, by `save_weights`, what is kept; return the history.

        Where a network is trained anew on training and validation clips, `folder`/refit.h5 has what it gives, and the
        weights are its own.
        """


def is_kept(keep: Keep, fold: str) -> bool:
    """Return whether the weights of a fold are kept."""
    return fold == _FIRST if keep == "first" else keep == "all" or fold in keep


def check_keep(keep: Keep, folds: Mapping[str, Fold], feature: str) -> None:
    """Refuse to keep the weights of a fold that there is not, by a SettingsError that names it."""
    for name in () if isinstance(keep, str) else keep:
        if name not in folds:
            raise SettingsError(f"params.yaml: {feature}.keep: no fold '{name}'{did_you_mean(name, folds)}")


def learn_folds(
    job: FoldJob, folds: Mapping[str, Fold], meta: FeatureMeta, out: Path, kept: Path, scratch: Path, workers: int
) -> str:
    """Learn a feature in every fold, write it, and say how many folds were taken from an earlier, unfinished run.

    Args:
        folds: fold name -> fold; none where no fold has anything to learn from
        meta: attributes of the feature file; its dimension is taken from the folds
        out: the feature file, `fold-00/<clip>`, each clip with the part that it had
        kept: folder; gets history.csv and, per fold, the weights that the job kept
        scratch: folder for unfinished runs; deleted at the end
    """
    names = sorted(folds)
    done = list(ordered_map(partial(_learned, job, scratch), sorted(folds.items()), workers, meta.feature, "fold"))
    present = sorted({clip_id for result in done for clip_id in result.clips})
    levels = dict(folds)
    for name, result in zip(names, done, strict=True):
        if (result.folder / REFIT_FEATURES).is_file():
            levels.update([refit_of(name, folds[name])])
    rows = [{"fold": name, **row} for name, result in zip(names, done, strict=True) for row in result.history]
    history = pd.DataFrame(rows, columns=None if done else ["fold"])
    write_table(kept / "history.csv", history)
    own = learned(meta.feature, history)
    if done:
        with FeatureFile(done[0].folder / FEATURES) as first:
            meta = first.meta
    meta = replace(meta, learned=(*meta.learned, *own))
    write_features(out, meta, _packed(names, done, meta.feature), part_keys(levels, present))
    for name, result in zip(names, done, strict=True):
        for file in filter(Path.is_file, (result.folder / FILE, result.folder / DIGEST)):
            (kept / name).mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, kept / name / file.name)
    if scratch.exists():
        shutil.rmtree(scratch)
    reused = sum(result.reused for result in done)
    kept_on = f", {reused} of them kept from an unfinished run" if reused else ""
    return "; ".join([f"{len(names)} folds{kept_on}", *filter(None, map(said, own))])


@dataclass(frozen=True)
class _Result:
    folder: Path
    history: list[dict[str, Any]]
    clips: list[str]
    reused: bool


def _learned(job: FoldJob, scratch: Path, item: tuple[str, Fold]) -> _Result:
    name, fold = item
    folder = scratch / job.key(name, fold)
    reused = (folder / _DONE).is_file()
    if not reused:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        write_json(folder / _DONE, job.learn(name, fold, folder))  # last: it says that the rest is whole
    with FeatureFile(folder / FEATURES) as file:
        clips = file.clip_ids()
    return _Result(folder, json.loads((folder / _DONE).read_text(encoding="utf-8")), clips, reused)


def _packed(names: Sequence[str], done: Sequence[_Result], label: str) -> Iterator[tuple[str, ClipFeatures]]:
    for name, result in progress(list(zip(names, done, strict=True)), len(names), f"{label}: packing", "fold"):
        # in the order of the names, in which they are written
        for level, features in ((refit_of(name, {})[0], REFIT_FEATURES), (name, FEATURES)):
            if (result.folder / features).is_file():
                with FeatureFile(result.folder / features) as file:
                    for clip_id in sorted(result.clips):
                        yield f"{level}/{clip_id}", file.read(clip_id)
