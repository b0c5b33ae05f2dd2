"""The trained models of a system: where they lie, what they say of themselves, and loading one fold's."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.classification.end_to_end.loop import EndToEnd, Training
from pipeline.classification.end_to_end.network import EndToEndParams
from pipeline.core import plugins
from pipeline.core.errors import ArtifactError
from pipeline.core.posteriors import read_table
from pipeline.core.settings import Runtime, parse
from pipeline.core.store import FeatureMeta
from pipeline.core.weights_file import FILE
from pipeline.features.aligned.job import ClipModel
from pipeline.prediction.fold_model import FoldModel
from pipeline.prediction.steps import Step
from pipeline.systems.ids import ModelId

END_TO_END = "end_to_end"
_NO_RUN = "run `dvc repro` for the stage that trains it"


@dataclass(frozen=True)
class TrainedModel:
    """One model of a system, in all folds.

    Attributes:
        name: in every table, such as `a60-lstm`
        step: the stage instance that trained it
        project: the project's folder
    """

    name: ModelId
    step: Step
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

    @cached_property
    def about(self) -> dict[str, Any]:
        """Feature, dimension, weights, origin and params, as its stage wrote them.

        Raises:
            ArtifactError: absent or damaged
        """
        path = self.folder / "about.json"
        try:
            return dict(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError) as error:
            raise ArtifactError(
                f"{path}: not what a model says of itself ({type(error).__name__}); {_NO_RUN} (`dvc repro "
                f"{self.step.name}`)"
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

    def validated(self) -> float:
        """Return its accuracy on the validation clips of all folds, which is not what a test would say; NaN where there
        are none.
        """
        rows = self._table[self._table["part"] == "val"]
        return float((rows["emotion"] == rows["predicted"]).mean())

    def check_source(self, meta: FeatureMeta) -> None:
        """Refuse a feature of other weights than the model was trained on.

        Raises:
            ArtifactError: naming both
        """
        if not set(meta.weights.split()) <= set(self.about["weights"].split()):
            raise ArtifactError(
                f"{self.step.out}: was trained on a {meta.feature} of other weights than it has now; run "
                f"`dvc repro {self.step.name}`"
            )

    def lacks(self, fold: str) -> str:
        """Return why it cannot be had in a fold; "" where it can."""
        if self.file(fold).is_file():
            return ""
        rerun = f"run `dvc repro {self.step.name}`"
        if self.end_to_end:
            place = f"{END_TO_END}.{self.step.args['network']}.keep"
            return f"the weights of {self.name} in {fold} were not kept; set {place}: all in params.yaml and {rerun}"
        return f"{self.step.out} has no model of {fold} that can be loaded; {rerun}"

    def file(self, fold: str) -> Path:
        """Return where the model of a fold lies."""
        if self.end_to_end:
            return self.folder / fold / FILE
        arrays = self.folder / f"{fold}.npz"
        return arrays if arrays.is_file() else arrays.with_suffix(".pt")

    def of_fold(self, fold: str, widths: tuple[int, ...]) -> FoldModel:
        """Return it as one fold's training left it.

        Args:
            fold: name of the fold
            widths: columns of each network layer of its feature; () = one layer

        Raises:
            ArtifactError, WeightsError: absent or damaged
        """
        if self.end_to_end:
            network, params = (
                self.step.args["network"],
                parse(EndToEndParams, self.about["params"], f"{self.folder}/about.json: params"),
            )
            body = ClipModel.of(
                network, params.settings, self.project / self.step.args["weights"], f"{END_TO_END}.{network}"
            )
            classifier: Any = EndToEnd(Training(body, params, "", Path(), parse(Runtime, {}, "runtime")), self.classes)
        else:
            plugin = plugins.load("classifiers", self.step.args["classifier"])
            params = parse(plugin.Params, self.about["params"], f"{self.folder}/about.json: params")
            weights = [self.project / self.step.args["weights"]] if "weights" in self.step.args else []
            classifier = plugin.Classifier(params, len(self.classes), *weights)
        classifier.load(self.folder / fold)
        return FoldModel(classifier, self.end_to_end, len(self.classes), getattr(params, "step_s", 0.0), widths)
