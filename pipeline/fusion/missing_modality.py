"""Modality ablation: a system whose test clips have lost their audio or their video.

Models and fusions stay as they were trained. A clip without a modality has no posteriors from the models of that
modality; one on features of both side by side has judged it by the others (`missing.csv` of `train`). Every fusion is
applied to the remaining ones, with the state that it learned on complete validation clips. Every rule fuses a clip by
itself (`tests/fusion/rules/test_fusion_contract.py`), so each fold is decided three times, complete, without audio and
without video, and a share of clips picks from these.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import nan
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
from pydantic import Field, field_validator

from pipeline.core.clip import Clip
from pipeline.core.errors import ArtifactError
from pipeline.core.settings import Settings
from pipeline.engine.parallel import ordered_map
from pipeline.evaluation.metrics import confusion, uar
from pipeline.fusion.per_fold import Said, clips_of, plugin_of
from pipeline.protocols.splits import Fold
from pipeline.systems.params import Fusion, SystemParams

MISSING = ("sound", "picture")
"""What a clip can lose."""
_NEEDS = {"audio": frozenset({"sound"}), "video": frozenset({"picture"}), "joint": frozenset(MISSING)}
_COMPLETE = "complete"


class RobustnessParams(Settings):
    """`robustness`."""

    shares: tuple[Annotated[float, Field(ge=0, le=1)], ...] = Field(
        min_length=2, description="shares of the test clips of a fold that lose a modality, ascending"
    )
    seed: int = Field(0, ge=0, description="of which clips lose it")

    @field_validator("shares")
    @classmethod
    def _ascending(cls, shares: tuple[float, ...]) -> tuple[float, ...]:
        if list(shares) != sorted(set(shares)):
            raise ValueError("list the shares in ascending order, each once")
        return shares


def needs_of(system: SystemParams) -> dict[str, frozenset[str]]:
    """Return model -> what it needs of a clip, of `MISSING`."""
    return {model: _NEEDS[system.modality(model)] for model in system.models()}


def places(clip_ids: Iterable[str], missing: str, fold: str, seed: int) -> dict[str, int]:
    """Return clip id -> place in the order in which test clips of a fold lose a modality.

    It depends on the ids alone, not on their order here, so shares are nested.
    """
    drawn = sorted(clip_ids, key=lambda clip_id: hashlib.sha256(f"{seed}|{fold}|{missing}|{clip_id}".encode()).digest())
    return {clip_id: place for place, clip_id in enumerate(drawn)}


def read_learned(path: Path, wanted: Iterable[Fusion], folds: Collection[str]) -> dict[str, dict[str, Any]]:
    """Return fusion -> fold -> what it learned; an ArtifactError names a file that is absent, no JSON, or lacks one."""
    try:
        learned = json.loads(path.read_text(encoding="utf-8"))
        lacking = [fusion.name for fusion in wanted if not set(folds) <= learned.get(fusion.name, {}).keys()]
    except (FileNotFoundError, ValueError, AttributeError) as error:
        why = type(error).__name__
        raise ArtifactError(f"{path}: not what `fuse` learned ({why}); run `dvc repro -f fuse`") from error
    if lacking:
        raise ArtifactError(f"{path}: nothing, or not of every fold, for {lacking[0]}; run `dvc repro -f fuse`")
    return learned


@dataclass(frozen=True)
class FoldDecisions:
    """What every model and fusion decides on the test clips of one fold: complete, without sound, without picture.

    Of the fusions `wanted` every part comes before what it is part of; `learned` is fusion -> fold -> state, from
    complete validation clips, `tables` model -> its posteriors, `needs` model -> what it needs of a clip; `without` has
    the posteriors of models that do with one modality, column `missing`.
    """

    wanted: Sequence[Fusion]
    learned: Mapping[str, Mapping[str, Any]]
    tables: Mapping[str, pd.DataFrame]
    needs: Mapping[str, frozenset[str]]
    clips: Sequence[Clip]
    classes: Sequence[str]
    seed: int
    without: Mapping[str, pd.DataFrame] = field(default_factory=dict)

    def __call__(self, item: tuple[str, Fold]) -> pd.DataFrame:
        """Return one row per model or fusion and test clip of a fold, with its name.

        Columns: model, clip_id, emotion; complete, sound, picture: the decision with nothing, or this, removed, "" =
        not judged; place_sound, place_picture: see `places`; tested: test clips of the fold.
        """
        name, fold = item
        test = clips_of(self.clips, fold, "test")
        found = {missing: self._decided(name, test, missing) for missing in (_COMPLETE, *MISSING)}
        ids, emotions = [clip.clip_id for clip in test], [clip.emotion for clip in test]
        common = pd.DataFrame({"clip_id": ids, "emotion": emotions, "tested": len(test)})
        for missing in MISSING:
            common[f"place_{missing}"] = common["clip_id"].map(places(ids, missing, name, self.seed))
        each = [common.assign(model=n, **{m: found[m][n] for m in found}) for n in found[_COMPLETE]]
        return pd.concat(each, ignore_index=True)

    def _decided(self, fold: str, test: Sequence[Clip], missing: str) -> dict[str, list[str]]:
        """Return model or fusion -> its decision on each test clip."""
        left, decided = {}, {}
        for model, frame in self.tables.items():
            left[model] = frame[(frame["fold"] == fold) & (frame["part"] == "test")]
            if missing in self.needs[model]:
                left[model] = self._rest(model, fold, missing, left[model])
            judged = dict(zip(left[model]["clip_id"], left[model]["predicted"], strict=True))
            decided[model] = [judged.get(clip.clip_id, "") for clip in test]
        said = Said(left, self.classes)
        for fusion in self.wanted:
            result = plugin_of(fusion.rule).fuse(said.inputs(fusion, test), self.learned[fusion.name][fold])
            said.put(fusion.name, test, result)
            decided[fusion.name] = ["" if np.isnan(row).any() else self.classes[row.argmax()] for row in result]
        return decided

    def _rest(self, model: str, fold: str, missing: str, whole: pd.DataFrame) -> pd.DataFrame:
        rest = self.without.get(model)
        return whole.iloc[:0] if rest is None else rest[(rest["fold"] == fold) & (rest["missing"] == missing)]


def robustness(
    decisions: FoldDecisions, folds: Mapping[str, Fold], shares: Sequence[float], workers: int = 1
) -> pd.DataFrame:
    """Return how well every model and fusion does when a share of the test clips of each fold, in whole clips, loses a
    modality.

    Columns: model, missing (sound or picture), share, clips (test clips), judged, accuracy (right / judged),
    accuracy_of_all (right / clips), uar (of the judged); NaN where nothing was judged.
    """
    decided = pd.concat(ordered_map(decisions, list(folds.items()), workers, "taking away", "fold"), ignore_index=True)
    return pd.DataFrame(_figures(decided, shares, decisions.classes))


def _figures(decided: pd.DataFrame, shares: Sequence[float], classes: Sequence[str]) -> Iterator[dict[str, Any]]:
    for model, frame in decided.groupby("model", sort=False):
        truth = frame["emotion"].to_numpy(object)
        for missing in MISSING:
            for share in shares:
                lost = frame[f"place_{missing}"] < (share * frame["tested"]).round()
                predicted = frame[missing].where(lost, frame[_COMPLETE]).to_numpy(object)
                judged = predicted != ""
                right, count = int((truth == predicted).sum()), int(judged.sum())
                row = {"model": model, "missing": missing, "share": share, "clips": len(truth), "judged": count}
                yield row | {
                    "accuracy": right / count if count else nan,
                    "accuracy_of_all": right / len(truth),
                    "uar": uar(confusion(truth[judged].tolist(), predicted[judged].tolist(), classes)),
                }
