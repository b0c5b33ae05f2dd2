"""A system: which features, classifiers and fusion rules make one paper's recognition; its lines in the ledger."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import pandas as pd
from pydantic import Field, ValidationInfo, field_validator

from pipeline.core.errors import did_you_mean
from pipeline.core.ledger import Entry
from pipeline.core.settings import Settings
from pipeline.protocols.splits import Fold
from pipeline.systems.combined import Combined, FeedbackParams, Name, check_feedback, check_parts
from pipeline.systems.ids import FusionId, ModelId, PairId

Modality = Literal["audio", "video", "joint"]
"""What a feature is made of; a joint one of both (Zhang et al. 2017, section III.B)."""
Partners = Literal["audio", "video", "audio+video"]

LEARNED = "logistic_regression"
"""The rule whose result is fused again (Huang et al. 2017, section 4.2 and Fig. 5)."""


class SystemParams(Settings):
    """`systems.<name>`."""

    features: Mapping[Name, Modality] = Field(min_length=1, description="feature -> modality")
    classifiers: tuple[Name, ...] = Field(
        min_length=1, description="pipeline/classification/classifiers, for every feature"
    )
    also: Mapping[ModelId, Modality] = Field(
        default={}, description="further models, `<feature>-<classifier>`, and their modality"
    )
    fused: tuple[Name, ...] | None = Field(default=None, description="classifiers that are fused; default: all")
    pairs: tuple[tuple[Name, Name], ...] | None = Field(
        default=None, description="pairs [audio feature, video feature] that are fused; default: each with each"
    )
    fusions: tuple[Name, ...] = Field(description="pipeline/fusion/rules, for every pair")
    stacked: Mapping[Name, tuple[Partners, ...]] = Field(
        default={}, description="rule -> the results of which modalities it fuses with those of logistic_regression"
    )
    combined: Mapping[Name, Combined] = Field(
        default={}, description="name -> rule, and of what: models, whatever their modality, or earlier names"
    )
    feedback: FeedbackParams | None = Field(default=None, description="the feedback loop over a combined fusion")

    @field_validator("also")
    @classmethod
    def _each_model_once(cls, also: Mapping[ModelId, Modality], info: ValidationInfo) -> Mapping[ModelId, Modality]:
        known = _crossed(info.data.get("features", {}), info.data.get("classifiers", ()))
        for name in also:
            if name in known:
                raise ValueError(f"'{name}' is a model of the system already; remove it here")
        return also

    @field_validator("fused")
    @classmethod
    def _fused_is_trained(cls, fused: tuple[str, ...] | None, info: ValidationInfo) -> tuple[str, ...] | None:
        known = info.data.get("classifiers", ())
        for name in fused or ():
            if name not in known:
                raise ValueError(f"'{name}' is none of the system's classifiers{did_you_mean(name, known)}")
        return fused

    @field_validator("pairs")
    @classmethod
    def _pairs_are_features(
        cls, pairs: tuple[tuple[str, str], ...] | None, info: ValidationInfo
    ) -> tuple[tuple[str, str], ...] | None:
        features = info.data.get("features", {})
        for pair in pairs or ():
            for name, modality in zip(pair, ("audio", "video"), strict=True):
                if features.get(name) != modality:
                    known = [feature for feature, kind in features.items() if kind == modality]
                    raise ValueError(f"'{name}' is none of the system's {modality} features{did_you_mean(name, known)}")
        return pairs

    @field_validator("stacked")
    @classmethod
    def _something_to_stack_on(
        cls, stacked: Mapping[str, tuple[Partners, ...]], info: ValidationInfo
    ) -> Mapping[str, tuple[Partners, ...]]:
        if stacked and LEARNED not in info.data.get("fusions", (LEARNED,)):
            raise ValueError(f"it fuses the results of {LEARNED}; add that to the system's fusions")
        return stacked

    @field_validator("combined")
    @classmethod
    def _parts_are_there(cls, combined: Mapping[str, Combined], info: ValidationInfo) -> Mapping[str, Combined]:
        if {"features", "classifiers", "also"} <= info.data.keys():
            check_parts(combined, [*_crossed(info.data["features"], info.data["classifiers"]), *info.data["also"]])
        return combined

    @field_validator("feedback")
    @classmethod
    def _feedback_has_weights(cls, feedback: FeedbackParams | None, info: ValidationInfo) -> FeedbackParams | None:
        if feedback is not None and "combined" in info.data:
            check_feedback(feedback, info.data["combined"])
        return feedback

    def crossed(self) -> list[ModelId]:
        """Return the models of every feature with every classifier."""
        return _crossed(self.features, self.classifiers)

    def models(self) -> list[ModelId]:
        """Return all models of one feature: every feature with every classifier, then the further ones."""
        return [*self.crossed(), *self.also]

    def modality(self, model: ModelId) -> Modality:
        """Return what a model's feature is made of."""
        return self.also[model] if model in self.also else self.features[model.feature]

    def of(self, modality: Modality) -> list[str]:
        """Return the features of one modality."""
        return [feature for feature, kind in self.features.items() if kind == modality]

    def fused_pairs(self) -> list[tuple[str, str]]:
        """Return the pairs (audio feature, video feature) that are fused."""
        if self.pairs is not None:
            return list(self.pairs)
        return [(audio, video) for audio in self.of("audio") for video in self.of("video")]

    def fused_classifiers(self) -> tuple[str, ...]:
        """Return the classifiers whose results are fused."""
        return self.classifiers if self.fused is None else self.fused


def _crossed(features: Iterable[str], classifiers: Iterable[str]) -> list[ModelId]:
    return [ModelId(feature, classifier) for feature in features for classifier in classifiers]


@dataclass(frozen=True)
class Fusion:
    """One rule over models or other fusions.

    Attributes:
        name: in every table
        parts: what is fused. The first wins ties: the video model of a pair; when stacked, the regression
    """

    name: FusionId
    parts: tuple[ModelId | FusionId, ...]

    @property
    def rule(self) -> str:
        """Plugin in pipeline/fusion/rules."""
        return self.name.rule


def fusions(system: SystemParams) -> Iterator[Fusion]:
    """Yield every rule for every classifier and every pair of an audio and a video feature; the stacked; the
    combined.
    """
    for rule in system.fusions:
        for pair in _pairs(system):
            yield Fusion(FusionId.of_pair(rule, pair), (pair.video, pair.audio))
    for rule, choices in system.stacked.items():
        for partners in choices:
            for pair in _pairs(system):
                models = {"video": pair.video, "audio": pair.audio}
                chosen = [model for modality, model in models.items() if modality in partners.split("+")]
                below = FusionId.of_pair(LEARNED, pair)
                yield Fusion(FusionId.stacked(rule, LEARNED, partners, pair), (below, *chosen))
    named: dict[str, ModelId | FusionId] = {model: model for model in system.models()}
    for name, combined in system.combined.items():
        named[name] = whole = FusionId.combined(name, combined.rule)
        yield Fusion(whole, tuple(named[part] for part in combined.of))


def _pairs(system: SystemParams) -> Iterator[PairId]:
    for classifier in system.fused_classifiers():
        for audio, video in system.fused_pairs():
            yield PairId(ModelId(audio, classifier), ModelId(video, classifier))


def fusion_entries(
    system: SystemParams, frame: pd.DataFrame, folds: Mapping[str, Fold], upstream: Iterable[Entry]
) -> list[Entry]:
    """Return one ledger entry per fusion and test clip: ok, degraded (without a model below it), absent or failed
    (without all).
    """
    tested = sorted({clip_id for fold in folds.values() for clip_id, part in fold.items() if part == "test"})
    lost = {(entry.clip_id, entry.stage): entry for entry in upstream if entry.lost}
    judged = set(zip(frame["model"], frame["clip_id"], strict=True))
    by_name = named_fusions(system)
    entries = []
    for name in by_name:
        models = unimodal(name, by_name)
        for clip_id in tested:
            causes = {str(m): lost[clip_id, f"train:{m}"] for m in models if (clip_id, f"train:{m}") in lost}
            entries.append(_fused(clip_id, f"fuse:{name}", causes, (name, clip_id) in judged))
    return entries


def _fused(clip_id: str, stage: str, causes: Mapping[str, Entry], judged: bool) -> Entry:
    # a fault is told before what the clip never had
    first = next(iter(sorted(causes.values(), key=lambda cause: cause.status == "absent")), None)
    if first is None:
        return Entry(clip_id, stage) if judged else Entry(clip_id, stage, "failed", "no_input")
    status = "degraded" if judged else first.status
    return Entry(clip_id, stage, status, first.reason, f"without {', '.join(causes)}")


def named_fusions(system: SystemParams) -> dict[str, Fusion]:
    """Return the fusions of a system by name, every part before what it is part of."""
    return {fusion.name: fusion for fusion in fusions(system)}


def methods(system: SystemParams) -> dict[str, str]:
    """Return fusion -> its method, under which the best of each is shown."""
    return {fusion.name: fusion.name.method for fusion in fusions(system)}


def unimodal(name: str, by_name: Mapping[str, Fusion]) -> list[ModelId]:
    """Return the models that a model or fusion rests on, through all levels, each once.

    Args:
        name: of a model, which rests on itself, or of a fusion
        by_name: fusion by its name
    """
    if name not in by_name:
        return [ModelId.parse(name)]
    return list(dict.fromkeys(model for part in by_name[name].parts for model in unimodal(part, by_name)))
