"""A system: which features, classifiers and fusion rules make one paper's recognition."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from pipeline.core.settings import Settings
from pipeline.systems.combined import Combined, FeedbackParams, Name, Part, check_feedback, check_known, check_parts
from pipeline.systems.ids import FusionId, ModelId, PairId

Modality = Literal["audio", "video", "joint"]
"""What a feature is made of; a joint one of both (Zhang et al. 2017, section III.B)."""
MODALITIES: Mapping[Modality, str] = {"audio": "audio", "video": "video", "joint": "audio+video"}
"""Modality -> how pages and tables name it."""
_Pairs = tuple[tuple[Name, Name], ...]
_Stacked = Mapping[Name, tuple[Literal["audio", "video", "audio+video"], ...]]

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
    baselines: Mapping[ModelId, tuple[ModelId, ...]] = Field(
        default={},
        description="model of `also` on the input of networks -> the models on what these learned, which the report "
        "compares with it",
    )
    fused: tuple[Name, ...] | None = Field(default=None, description="classifiers that are fused; default: all")
    pairs: _Pairs | None = Field(
        default=None, description="pairs [audio feature, video feature] that are fused; default: each with each"
    )
    fusions: tuple[Name, ...] = Field(description="pipeline/fusion/rules, for every pair")
    stacked: _Stacked = Field(
        default={}, description="rule -> the results of which modalities it fuses with those of logistic_regression"
    )
    combined: Mapping[Name, Combined] = Field(
        default={}, description="name -> rule, and of what: models, whatever their modality, or earlier names"
    )
    feedback: FeedbackParams | None = Field(default=None, description="the feedback loop over a combined fusion")
    headline: Annotated[tuple[Part, ...], Field(min_length=1)] | None = Field(
        default=None, description="models or names of `combined` among which validation clips choose it; default: all"
    )

    @field_validator("also")
    @classmethod
    def _each_model_once(cls, also: Mapping[ModelId, Modality], info: ValidationInfo) -> Mapping[ModelId, Modality]:
        known = _crossed(info.data.get("features", {}), info.data.get("classifiers", ()))
        if twice := [name for name in also if name in known]:
            raise ValueError(f"'{twice[0]}' is a model of the system already; remove it here")
        return also

    @field_validator("baselines")
    @classmethod
    def _baselines_are_models(cls, baselines: Any, info: ValidationInfo) -> Any:
        check_known(baselines, info.data.get("also", {}), "none of `also` of the system")
        for models in baselines.values():
            check_known(models, _models(info.data), "none of the models of the system")
        return baselines

    @field_validator("fused")
    @classmethod
    def _fused_is_trained(cls, fused: tuple[str, ...] | None, info: ValidationInfo) -> tuple[str, ...] | None:
        check_known(fused or (), info.data.get("classifiers", ()), "none of the system's classifiers")
        return fused

    @field_validator("pairs")
    @classmethod
    def _pairs_are_features(cls, pairs: _Pairs | None, info: ValidationInfo) -> _Pairs | None:
        features = info.data.get("features", {})
        for pair in pairs or ():
            for name, modality in zip(pair, ("audio", "video"), strict=True):
                known = [feature for feature, kind in features.items() if kind == modality]
                check_known([name], known, f"none of the system's {modality} features")
        return pairs

    @field_validator("stacked")
    @classmethod
    def _something_to_stack_on(cls, stacked: _Stacked, info: ValidationInfo) -> _Stacked:
        if stacked and LEARNED not in info.data.get("fusions", (LEARNED,)):
            raise ValueError(f"it fuses the results of {LEARNED}; add that to the system's fusions")
        return stacked

    @field_validator("combined")
    @classmethod
    def _parts_are_there(cls, combined: Mapping[str, Combined], info: ValidationInfo) -> Mapping[str, Combined]:
        if {"features", "classifiers", "also"} <= info.data.keys():
            check_parts(combined, _models(info.data))
        return combined

    @field_validator("feedback")
    @classmethod
    def _feedback_has_weights(cls, feedback: FeedbackParams | None, info: ValidationInfo) -> FeedbackParams | None:
        if feedback is not None and "combined" in info.data:
            check_feedback(feedback, info.data["combined"])
        return feedback

    @field_validator("headline")
    @classmethod
    def _headline_is_there(cls, headline: tuple[str, ...] | None, info: ValidationInfo) -> tuple[str, ...] | None:
        known = [*_models(info.data), *info.data.get("combined", {})]
        check_known(headline or (), known, "neither a model nor a name of `combined`")
        return headline

    def crossed(self) -> list[ModelId]:
        """Return the models of every feature with every classifier."""
        return _crossed(self.features, self.classifiers)

    def models(self) -> list[ModelId]:
        """Return all models of one feature: every feature with every classifier, then the further ones."""
        return [*self.crossed(), *self.also]

    def own(self) -> list[ModelId]:
        """Return the models that the system is for: all but the baselines."""
        return [model for model in self.models() if model not in self.baselines]

    def modality(self, model: ModelId) -> Modality:
        """Return what a model's feature is made of."""
        return self.also[model] if model in self.also else self.features[model.feature]

    def of(self, modality: Modality) -> list[str]:
        """Return the features of one modality."""
        return [feature for feature, kind in self.features.items() if kind == modality]

    def fused_classifiers(self) -> tuple[str, ...]:
        """Return the classifiers whose results are fused."""
        return self.classifiers if self.fused is None else self.fused


def _models(data: Mapping[str, Any]) -> list[str]:
    return [*_crossed(data.get("features", {}), data.get("classifiers", ())), *data.get("also", {})]


def _crossed(features: Iterable[str], classifiers: Iterable[str]) -> list[ModelId]:
    return [ModelId(feature, classifier) for feature in features for classifier in classifiers]


@dataclass(frozen=True)
class Fusion:
    """One rule over models or other fusions."""

    name: FusionId  # in every table
    parts: tuple[ModelId | FusionId, ...]
    """What is fused. The first wins ties: the video model of a pair; when stacked, the regression."""

    @property
    def rule(self) -> str:
        """Plugin in pipeline/fusion/rules."""
        return self.name.rule


def fusions(system: SystemParams) -> Iterator[Fusion]:
    """Yield every rule for every classifier and pair of an audio and a video feature; the stacked; the combined."""
    features = system.pairs
    if features is None:
        features = tuple((audio, video) for audio in system.of("audio") for video in system.of("video"))
    pairs = [PairId(ModelId(a, kind), ModelId(v, kind)) for kind in system.fused_classifiers() for a, v in features]
    for rule in system.fusions:
        for pair in pairs:
            yield Fusion(FusionId.of_pair(rule, pair), (pair.video, pair.audio))
    for rule, choices in system.stacked.items():
        for partners in choices:
            for pair in pairs:
                models = {"video": pair.video, "audio": pair.audio}
                own = [model for modality, model in models.items() if modality in partners.split("+")]
                yield Fusion(FusionId.stacked(rule, LEARNED, partners, pair), (FusionId.of_pair(LEARNED, pair), *own))
    named: dict[str, ModelId | FusionId] = {model: model for model in system.models()}
    for name, combined in system.combined.items():
        named[name] = whole = FusionId.combined(name, combined.rule)
        yield Fusion(whole, tuple(named[part] for part in combined.of))


def named_fusions(system: SystemParams) -> dict[str, Fusion]:
    """Return the fusions of a system by name, every part before what it is part of."""
    return {fusion.name: fusion for fusion in fusions(system)}


def methods(system: SystemParams) -> dict[str, str]:
    """Return fusion -> its method, under which the best of each is shown."""
    return {fusion.name: fusion.name.method for fusion in fusions(system)}


def unimodal(name: str, by_name: Mapping[str, Fusion]) -> list[ModelId]:
    """Return the models that a fusion rests on, through all levels, each once; a model rests on itself."""
    if name not in by_name:
        return [ModelId.parse(name)]
    return list(dict.fromkeys(model for part in by_name[name].parts for model in unimodal(part, by_name)))
