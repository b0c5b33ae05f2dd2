"""The trained models of a system: where they lie, what they say of themselves, and loading one fold's."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.classification.candidates import combinations
from pipeline.core import plugins
from pipeline.core.errors import ArtifactError
from pipeline.core.posteriors import read_table
from pipeline.core.settings import parse
from pipeline.core.store import FeatureMeta
from pipeline.core.weights_file import FILE
from pipeline.prediction.fold_model import FoldModel
from pipeline.prediction.steps import Step
from pipeline.systems.ids import ModelId
from pipeline.systems.plan import END_TO_END


@dataclass(frozen=True)
class TrainedModel:
    """One model of a system, in all folds."""

    name: ModelId  # in every table, such as `a60-lstm`
    step: Step  # the stage instance that trained it
    project: Path

    @property
    def source(self) -> str:
        """Path of its feature file, as dvc.lock has it."""
        return self.step.args["source"]

    @property
    def end_to_end(self) -> bool:
        """Whether it takes aligned faces themselves."""
        return self.step.stage == END_TO_END

    @property
    def arrays(self) -> tuple[str, ...]:
        """Further arrays that it needs of its feature file."""
        return ("crops",) if self.end_to_end else ()

    @property
    def folder(self) -> Path:
        """Where it lies."""
        return self.project / self.step.out

    @property
    def _rerun(self) -> str:
        return f"run `dvc repro {self.step.name}`"

    @cached_property
    def about(self) -> dict[str, Any]:
        """Feature, dimension, weights, origin and params, as its stage wrote them, or an ArtifactError."""
        path = self.folder / "about.json"
        try:
            return dict(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError) as error:
            raise ArtifactError(
                f"{path}: not what a model says of itself ({type(error).__name__}); run `dvc repro` for the stage that "
                f"trains it (`dvc repro {self.step.name}`)"
            ) from error

    @cached_property
    def classes(self) -> list[str]:
        """Emotions in the order of its posteriors."""
        return [name.removeprefix("p_") for name in self._table.columns if name.startswith("p_")]

    @property
    def folds(self) -> list[str]:
        """Folds in which it was trained."""
        return sorted(set(self._table["fold"]))

    @cached_property
    def _table(self) -> pd.DataFrame:
        return read_table(self.folder / "posteriors.csv")

    @property
    def validation(self) -> pd.DataFrame:
        """Its rows of the validation clips of all folds."""
        return self._table[self._table["part"] == "val"]

    def check_source(self, meta: FeatureMeta) -> None:
        """Refuse, by an ArtifactError, a feature of other weights than the model was trained on."""
        if not set(meta.weights.split()) <= set(self.about["weights"].split()):
            feature = f"a {meta.feature} of other weights than it has now"
            raise ArtifactError(f"{self.step.out}: was trained on {feature}; {self._rerun}")

    def lacks(self, fold: str) -> str:
        """Return why it cannot be had in a fold; "" where it can."""
        if self.file(fold).is_file():
            return ""
        if not self.end_to_end:
            return f"{self.step.out} has no model of {fold} that can be loaded; {self._rerun}"
        remedy = f"set {END_TO_END}.{self.step.args['network']}.keep: all in params.yaml and {self._rerun}"
        return f"the weights of {self.name} in {fold} were not kept; {remedy}"

    def file(self, fold: str) -> Path:
        """Return where the model of a fold lies."""
        if self.end_to_end:
            return self.folder / fold / FILE
        arrays = self.folder / f"{fold}.npz"
        return arrays if arrays.is_file() else arrays.with_suffix(".pt")

    def of_fold(self, fold: str, widths: tuple[int, ...]) -> FoldModel:
        """Return it as one fold's training left it, for features of network layers with so many columns each; () = one
        layer.

        Raises:
            ArtifactError, WeightsError: absent or damaged
        """
        args, place = self.step.args, f"{self.folder}/about.json: params"
        given = {**self.about["params"], **self.about.get("chosen", {}).get(fold, {})}
        if self.end_to_end:
            from pipeline.prediction.networks import end_to_end  # PyTorch, a second and a half

            weights, step_s = self.project / args["weights"], 0.0
            classifier: Any = end_to_end(args["network"], given, place, weights, self.classes)
        else:
            plugin = plugins.load("classifiers", args["classifier"])
            (params,) = combinations(parse(plugin.Params, given, place))
            more = [self.project / args["weights"]] if "weights" in args else []
            classifier, step_s = plugin.Classifier(params, len(self.classes), *more), getattr(params, "step_s", 0.0)
        classifier.load(self.folder / fold)
        return FoldModel(classifier, self.end_to_end, len(self.classes), step_s, widths)
