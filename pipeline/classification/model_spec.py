"""How the models of an experiment are made: what `pipeline.classification.cross_validation` asks for, and the
classifiers on feature files.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from pipeline.core.clip import Clip
from pipeline.core.errors import SettingsError
from pipeline.core.store import FeatureFile
from pipeline.core.weights_file import load_weights
from pipeline.engine.parallel import workers_for
from pipeline.training.material import Material


class Recipe(Protocol):
    """How the models of all folds are made; travels to worker processes."""

    @property
    def source(self) -> Path:
        """Return the feature file behind the model."""

    @property
    def weights(self) -> Path | None:
        """Return the folder of the model's pre-trained weights; None where it begins at random ones."""

    def workers(self, wanted: int) -> int:
        """Return how many processes to use where the user wants `wanted`."""

    def about(self) -> dict[str, Any]:
        """Return feature, dimension, weights (SHA-256), origin (of the weights, in words) and params."""

    def material(self, clips: Sequence[Clip], classes: Sequence[str], folder: Path) -> Any:
        """Return what travels to the processes that work on folds: its `of_fold(name, fold, part)` returns `ids`,
        `labels`, `len(data)`, and what the model takes.

        Args:
            clips: all clips of the corpus
            classes: emotions in the order of the class indices
            folder: for files that are there as long as the folds are at work
        """

    def model(self, classes: Sequence[str]) -> Any:
        """Return a new model: `fit(train, val)`, `predict(data)`, `save(path)`, perhaps `scores(data)`; see
        pipeline/classification/classifiers.
        """


@dataclass(frozen=True)
class FeatureRecipe:
    """A plugin of pipeline/classification/classifiers on a feature file; see `Recipe`.

    Args:
        classifier: the plugin's `Classifier`
        params: its settings
        source: feature file
        light: the plugin's `LIGHT`
        weights: folder of pre-trained weights, for a plugin that takes them
        row: the plugin's `row`, where it has one
    """

    classifier: Callable[..., Any]
    params: Any
    source: Path
    light: bool
    weights: Path | None = None
    row: Callable[[Any, np.ndarray], np.ndarray] | None = None

    @classmethod
    def of(cls, plugin: Any, params: Any, source: Path, weights: Path | None, place: str) -> FeatureRecipe:
        """Return the recipe of a plugin; one that takes weights says whether they suit the feature.

        Args:
            plugin: of pipeline/classification/classifiers
            params: its settings
            source: feature file
            weights: folder of pre-trained weights
            place: key of params.yaml, for messages

        Raises:
            SettingsError: weights for a plugin that takes none, none for one that does, or they do not suit
            WeightsError: absent, or not sound
        """
        takes = getattr(plugin, "WEIGHTS", False)
        if takes != (weights is not None):
            remedy = (
                "needs pre-trained weights; add --weights" if takes else "takes no pre-trained weights; drop --weights"
            )
            raise SettingsError(f"{place}: this classifier {remedy}")
        if weights is not None:
            with FeatureFile(source) as file:
                plugin.check_input(file.meta, weights)
        return cls(plugin.Classifier, params, source, plugin.LIGHT, weights, getattr(plugin, "row", None))

    def workers(self, wanted: int) -> int:
        """See `Recipe`."""
        return workers_for(wanted, self.source) if self.light else wanted

    def about(self) -> dict[str, Any]:
        """See `Recipe`."""
        with FeatureFile(self.source) as file:
            meta = file.meta
        rests = [(meta.feature, meta.weights, meta.origin)]
        if self.weights:
            own = load_weights(self.weights)
            rests.append((self.weights.name, own.sha256, own.origin))
        return {
            "feature": meta.feature,
            "dimension": meta.dimension,
            **joined(rests),
            "params": self.params.model_dump(),
        }

    def material(self, clips: Sequence[Clip], classes: Sequence[str], folder: Path) -> Material:
        """See `Recipe`."""
        row = partial(self.row, self.params) if self.row else None
        return Material(self.source, clips, classes, getattr(self.params, "step_s", 0.0), row).once(folder)

    def model(self, classes: Sequence[str]) -> Any:
        """See `Recipe`."""
        return self.classifier(self.params, len(classes), *([self.weights] if self.weights else []))


def joined(rests: Sequence[tuple[str, str, str]]) -> dict[str, str]:
    """Return weights and origin of a model that rests on several networks.

    Args:
        rests: (name, SHA-256 of the weights, origin) of each; what is no network has none and is left out
    """
    networks = [one for one in rests if one[1] or one[2]]
    origin = networks[0][2] if len(networks) == 1 else "; ".join(f"{name}: {origin}" for name, _, origin in networks)
    return {"weights": " ".join(digest for _, digest, _ in networks), "origin": origin}
