"""The models of one fold, from what their stages kept, on features of new clips."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from pipeline.core import plugins
from pipeline.core.errors import ArtifactError
from pipeline.core.settings import Runtime, parse
from pipeline.core.store import ClipFeatures
from pipeline.datasets import Dataset, pooled
from pipeline.faces.cut import filled
from pipeline.jobs.clip_features import ClipModel
from pipeline.jobs.end_to_end import EndToEndParams
from pipeline.jobs.end_to_end_loop import EndToEnd, Training
from pipeline.posteriors import read_table
from pipeline.prediction.steps import Step
from pipeline.weights.files import FILE

END_TO_END = "end_to_end"
_NO_RUN = "run `dvc repro` for the stage that trains it"


@dataclass(frozen=True)
class Judged:
    """What one model says in one fold.

    Attributes:
        posteriors: (N, C); a row of NaN where it cannot judge
        scores: class scores (N, C), where the classifier has any
    """

    posteriors: np.ndarray
    scores: np.ndarray | None


@dataclass(frozen=True)
class TrainedModel:
    """One model of a system, in all folds.

    Attributes:
        name: in every table, such as `a60-lstm`
        step: the stage instance that trained it
        project: the project's folder
    """

    name: str
    step: Step
    project: Path

    @property
    def source(self) -> str:
        """Path of its feature file, as dvc.yaml has it."""
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
            raise ArtifactError(f"{path}: not what a model says of itself ({type(error).__name__}); {_NO_RUN} (`dvc repro {self.step.name}`)") from error

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
        """Return its accuracy on the validation clips of all folds, which is not what a test would say; NaN where there are none."""
        rows = self._table[self._table["part"] == "val"]
        return float((rows["emotion"] == rows["predicted"]).mean())

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
            network, params = self.step.args["network"], parse(EndToEndParams, self.about["params"], f"{self.folder}/about.json: params")
            body = ClipModel.of(network, params.settings, self.project / self.step.args["weights"], f"{END_TO_END}.{network}")
            classifier: Any = EndToEnd(Training(body, params, "", Path(), parse(Runtime, {}, "runtime")), self.classes)
        else:
            plugin = plugins.load("classifiers", self.step.args["classifier"])
            params = parse(plugin.Params, self.about["params"], f"{self.folder}/about.json: params")
            weights = [self.project / self.step.args["weights"]] if "weights" in self.step.args else []
            classifier = plugin.Classifier(params, len(self.classes), *weights)
        classifier.load(self.folder / fold)
        return FoldModel(classifier, self.end_to_end, len(self.classes), getattr(params, "step_s", 0.0), widths)


@dataclass(frozen=True)
class FoldModel:
    """One model of one fold.

    Attributes:
        classifier: of pipeline/classifiers, or `EndToEnd`
        end_to_end: whether it takes aligned faces themselves
        classes: C
        step_s: see `pipeline.datasets.pooled`
        widths: columns of each network layer of the feature
    """

    classifier: Any
    end_to_end: bool
    classes: int
    step_s: float
    widths: tuple[int, ...]

    def __call__(self, clips: Sequence[ClipFeatures | None]) -> Judged:
        """Return what it says of clips, or of windows of them; None and a clip without an observed row are not judged."""
        observed = [(number, clip) for number, clip in enumerate(clips) if clip is not None and clip.mask.any()]
        numbers, data = [number for number, _ in observed], self._data([clip for _, clip in observed])
        scores = self._placed(self.classifier.scores(data), numbers, len(clips)) if hasattr(self.classifier, "scores") else None
        return Judged(self._placed(self.classifier.predict(data), numbers, len(clips)), scores)

    def _data(self, clips: Sequence[ClipFeatures]) -> Any:
        if self.end_to_end:
            return _Faces(clips)
        sequences = [pooled(clip.values, clip.times, clip.mask, self.step_s) for clip in clips]
        return Dataset([str(number) for number in range(len(clips))], sequences, np.zeros(len(clips), np.int64), "test", self.widths)

    def _placed(self, rows: np.ndarray, numbers: Sequence[int], count: int) -> np.ndarray:
        found = np.full((count, self.classes), np.nan)
        # as the tables of the stages hold them, from which the fusions have learned
        found[numbers] = np.round(rows, 6)
        return found


class _Faces:
    """Aligned faces of some clips in memory; see `pipeline.jobs.end_to_end.Faces`."""

    def __init__(self, clips: Sequence[ClipFeatures]) -> None:
        self._clips = clips

    def __len__(self) -> int:
        return len(self._clips)

    def faces(self, numbers: Sequence[int]) -> Iterator[torch.Tensor]:
        for number in numbers:
            clip = self._clips[number]
            yield torch.from_numpy(clip.extra["crops"][filled(clip.mask)])
