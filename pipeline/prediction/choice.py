"""Which models and fusions are asked: one by its name, or what the system's validation clips choose, as a headline is
chosen; of all folds together, since none of them has met a new clip.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.core.errors import ArtifactError, SettingsError, did_you_mean
from pipeline.core.posteriors import read_table
from pipeline.core.settings import parse, section
from pipeline.evaluation.choice import chosen, recalls
from pipeline.prediction.models import TrainedModel
from pipeline.prediction.steps import Steps
from pipeline.systems.contenders import contenders
from pipeline.systems.params import Fusion, SystemParams, named_fusions

DEFAULTS = ("reference", "huang2017")
"""Systems that are asked where none is named, the first that params.yaml has."""


@dataclass(frozen=True)
class Choice:
    """What is asked."""

    name: str  # the model or fusion that decides
    models: Mapping[str, TrainedModel]  # those that it depends on and that were trained in some fold, by name
    fusions: Sequence[Fusion]  # those that it is made of, itself last, each behind its parts; () for a model
    best: Mapping[str, str]  # modality -> its model that was best on validation clips
    validated: float  # UAR of `name` on validation clips
    asked_for: bool  # whether `name` was given, and not chosen here
    untrained: Sequence[str] = ()
    """Models that it depends on and that had nothing to learn from, such as video models on a corpus of sounds."""
    video: Sequence[str] = ()
    """Those of `models` that see the video alone."""

    @property
    def names(self) -> list[str]:
        """Everything that gives posteriors, `name` last."""
        return [*self.models, *(fusion.name for fusion in self.fusions)]

    @property
    def classes(self) -> list[str]:
        """Emotions in the order of the posteriors."""
        return next(iter(self.models.values())).classes


def corpus_of(params: Mapping[str, Any], name: str) -> str:
    """Return the corpus whose models are asked: the only one, where none is named; or raise a SettingsError."""
    return _only(list(section(params, "corpora")), name, "corpus", "corpora")


def system_of(params: Mapping[str, Any], name: str) -> str:
    """Return the system that is asked: the first of `DEFAULTS` or the only one, where none is named; or raise a
    SettingsError.
    """
    known = list(section(params, "systems"))
    return _only(known, name or next((each for each in DEFAULTS if each in known), ""), "system", "systems")


def _only(known: Sequence[str], name: str, option: str, place: str) -> str:
    if name and name not in known:
        raise SettingsError(f"--{option} {name}: not under {place} in params.yaml{did_you_mean(name, known)}")
    if not name and len(known) != 1:
        raise SettingsError(f"params.yaml: {place} has {', '.join(known) or 'none'}; say which with --{option}")
    return name or known[0]


def choose(params: Mapping[str, Any], steps: Steps, project: Path, corpus: str, system: str, name: str) -> Choice:
    """Return what is asked: the model or fusion `name`; for "" that of the highest UAR on the validation clips of all
    folds, as `pipeline.evaluation.choice` has it.

    Raises:
        SettingsError: the system has none of this name
        ArtifactError: it has not been trained, or not fused, or had nothing to learn from
    """
    settings = parse(SystemParams, section(params, f"systems.{system}"), f"params.yaml: systems.{system}")
    fuse, by_name = steps.fusion(corpus, system), named_fusions(settings)
    models = {str(model): TrainedModel(model, steps.model(fuse, model), project) for model in settings.own()}
    if name and name not in by_name and name not in models:
        near = did_you_mean(name, [*by_name, *models])
        raise SettingsError(f"--model {name}: {system} has no such model or fusion{near}")
    said = [model.validation for model in models.values()]
    validation = pd.concat([*said, read_table(project / fuse.out / "validation.csv")] if by_name else said)
    asked = name or chosen(validation, contenders(settings))
    names = [asked]
    for each in names:  # grows while it is walked
        names += [part for part in (by_name[each].parts if each in by_name else ()) if part not in names]
    used = {model: models[model] for model in names if model in models}
    for model in used.values():
        _ = model.about  # not run: told before anything is computed
    trained = {model: each for model, each in used.items() if each.folds}
    if not trained:
        why = "it was trained in no fold, as the corpus has nothing to learn it from"
        raise ArtifactError(f"{asked}: {why}; choose another with --model")
    needed = [fusion for fusion in by_name.values() if fusion.name in names]
    best, video = {}, [each for each, model in trained.items() if settings.modality(model.name) == "video"]
    for modality in ("audio", "video", "joint"):
        if own := {each: model for each, model in trained.items() if settings.modality(model.name) == modality}:
            best[modality] = chosen(validation, dict.fromkeys(own, 1))
    untrained = [model for model in used if model not in trained]
    validated = recalls(validation, [*models, *by_name])[asked]
    return Choice(asked, trained, needed, best, validated, bool(name), untrained, video)
