"""How the models of an experiment are made: what `cross_validation` asks for, and the classifiers on feature files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from pipeline.core.clip import Clip
from pipeline.core.errors import SettingsError
from pipeline.core.store import FeatureFile
from pipeline.core.weights_file import load_any
from pipeline.engine.parallel import workers_for
from pipeline.training.material import Material
from pipeline.training.place import CPU, Place


class Recipe(Protocol):
    """How the models of all folds are made; travels to worker processes."""

    @property
    def source(self) -> Path:
        """The feature file behind the model."""

    @property
    def weights(self) -> Path | None:
        """The folder of the model's pre-trained weights; None where it begins at random ones."""

    @property
    def params(self) -> Any:
        """The model's settings, some with several candidates; of these `refit`, `seed` and `seeds` are read."""

    def having(self, params: Any) -> Recipe:
        """Return the recipe with these settings, of which none has several candidates."""

    def workers(self, wanted: int) -> int:
        """Return how many processes to use where the user wants `wanted`."""

    def about(self) -> dict[str, Any]:
        """Return feature, dimension, weights (SHA-256), origin (of the weights, in words), params, and learned: what
        the training of the networks behind it came to.
        """

    def material(self, clips: Sequence[Clip], classes: Sequence[str], folder: Path) -> Any:
        """Return what travels to the processes that work on folds: its `of_fold(name, fold, part)` returns `ids`,
        `labels`, `len(data)`, and what the model takes. Files in `folder` are there as long as the folds are at work.
        """

    def model(self, classes: Sequence[str]) -> Any:
        """Return a new model, with the methods of those in pipeline/classification/classifiers."""


@dataclass(frozen=True)
class FeatureRecipe:
    """A plugin of pipeline/classification/classifiers on a feature file, and the folder of the pre-trained weights that
    it begins with, if any; see `Recipe`.
    """

    plugin: Any
    params: Any
    source: Path
    weights: Path | None = None
    runs: Place = CPU

    @classmethod
    def of(
        cls,
        plugin: Any,
        params: Any,
        source: Path,
        weights: Path | None,
        place: str,
        runs: Place = CPU,
    ) -> FeatureRecipe:
        """Return the recipe of a plugin, whose key of params.yaml is `place`; a network is trained where `runs` says.

        A SettingsError says that it takes no weights, or needs some, or that these or the settings do not suit the
        feature.
        """
        takes = getattr(plugin, "WEIGHTS", False)
        if takes != (weights is not None):
            remedy = "needs pre-trained weights; add" if takes else "takes no pre-trained weights; drop"
            raise SettingsError(f"{place}: this classifier {remedy} --weights")
        with FeatureFile(source) as file:
            if weights is not None:
                plugin.check_input(file.meta, weights)
                if hasattr(plugin, "check_layer"):
                    plugin.check_layer(file.meta, weights, params)
            if file.meta.modalities and not getattr(plugin, "JOINED", False):
                raise SettingsError(
                    f"{place}: {file.meta.feature} is several features side by side (join), which this classifier "
                    "cannot take; take selected or attention"
                )
            if hasattr(plugin, "check_feature"):
                plugin.check_feature(file.meta, params, place)
        return cls(plugin, params, source, weights, runs if hasattr(plugin.Classifier, "place") else CPU)

    def having(self, params: Any) -> FeatureRecipe:
        return replace(self, params=params)

    def workers(self, wanted: int) -> int:
        return workers_for(wanted, self.source) if self.plugin.LIGHT else self.runs.workers(wanted)

    def about(self) -> dict[str, Any]:
        with FeatureFile(self.source) as file:
            meta = file.meta
        rests, learned = [(meta.feature, meta.weights, meta.origin)], list(meta.learned)
        if self.weights:
            own = load_any(self.weights)
            rests.append((self.weights.name, own.sha256, own.origin))
            learned += own.told["learned"]
        head = {"feature": meta.feature, "dimension": meta.dimension}
        return {**head, **joined(rests), "learned": learned, "params": self.params.model_dump()}

    def material(self, clips: Sequence[Clip], classes: Sequence[str], folder: Path) -> Material:
        row = partial(self.plugin.row, self.params) if hasattr(self.plugin, "row") else None
        step_s, timed = getattr(self.params, "step_s", 0.0), getattr(self.plugin.Classifier, "timed", False)
        return Material(self.source, clips, classes, step_s, row, timed).once(folder)

    def model(self, classes: Sequence[str]) -> Any:
        made = self.plugin.Classifier(self.params, len(classes), *([self.weights] if self.weights else []))
        if self.runs != CPU:
            made.place = self.runs
        return made


def joined(rests: Sequence[tuple[str, str, str]]) -> dict[str, str]:
    """Return weights and origin of a model that rests on several networks.

    `rests` are (name, SHA-256 of the weights, origin) of each; what is no network has none and is left out.
    """
    networks = [one for one in rests if one[1] or one[2]]
    origin = networks[0][2] if len(networks) == 1 else "; ".join(f"{name}: {origin}" for name, _, origin in networks)
    return {"weights": " ".join(digest for _, digest, _ in networks), "origin": origin}
