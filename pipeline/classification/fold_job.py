"""One model in one fold: candidates are chosen on validation, then it may learn anew; test clips come last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipeline.classification.candidates import combinations, tried
from pipeline.classification.model_spec import Recipe
from pipeline.core import posteriors
from pipeline.core.clip import Clip, class_names
from pipeline.core.errors import SettingsError
from pipeline.protocols.refit import refit_of
from pipeline.protocols.splits import Fold
from pipeline.protocols.trainable_folds import check_absent, trainable_folds
from pipeline.training.held_out_windows import on_windows
from pipeline.training.judging import judged, mean_recall

LOST = {"sound": "audio", "picture": "video"}
"""What a clip can lose -> the modality of the features that it then lacks."""


@dataclass(frozen=True)
class FoldResult:
    """What one fold gave: posteriors of validation and test clips, the history of all candidates, the values that were
    chosen of candidates; where there are several seeds, the posteriors of test clips by each, column `seed`; of
    features of both modalities side by side, those of test clips that lost one, column `missing`, sound or picture.
    """

    table: pd.DataFrame
    history: pd.DataFrame
    chosen: Mapping[str, Any]
    by_seed: pd.DataFrame
    without: pd.DataFrame = field(default_factory=pd.DataFrame)


@dataclass(frozen=True)
class FoldJob:
    """What `cross_validate` does in each fold; travels to worker processes."""

    model: str
    recipe: Recipe
    clips: Sequence[Clip]
    absent: frozenset[str]
    out: Path
    material: Any

    def __call__(self, item: tuple[str, Fold]) -> FoldResult:
        name, fold = item
        data = {part: self.material.of_fold(name, fold, part) for part in ("train", "val")}
        if not self._can_learn(name, fold, data):
            return FoldResult(self._nothing(name), pd.DataFrame({"fold": []}), {}, pd.DataFrame())
        recipe, model, history = self._chosen(fold, data)
        val = pd.concat([self._out_of_fold(name, data["train"], model), self._table(name, "val", data["val"], model)])
        test, tested = self._tested(recipe, model, name, fold, self.out / name)
        chosen = {setting: getattr(recipe.params, setting) for setting in self._lists()}
        by_seed = [test.assign(seed=recipe.params.seed)] if getattr(recipe.params, "seeds", ()) else []
        for seed in getattr(recipe.params, "seeds", ()):
            other = recipe.having(recipe.params.model_copy(update={"seed": seed}))
            again = other.model(self._classes)
            again.fit(data["train"], data["val"])
            by_seed.append(self._tested(other, again, name, fold)[0].assign(seed=seed))
        seeds = pd.concat(by_seed, ignore_index=True) if by_seed else pd.DataFrame()
        without = self._without(name, tested, model)
        return FoldResult(pd.concat([val, test], ignore_index=True), history, chosen, seeds, without)

    @property
    def _classes(self) -> list[str]:
        return class_names(self.clips)

    def _lists(self) -> dict[str, tuple[Any, ...]]:
        return {name: values for name, values in tried(self.recipe.params).items() if len(values) > 1}

    def _chosen(self, fold: Fold, data: Mapping[str, Any]) -> tuple[Recipe, Any, pd.DataFrame]:
        """Return the best candidate on validation, with its model: by UAR where classes are weighed (`balanced`), else
        by accuracy; then by its loss, then its place.
        """
        found: list[tuple[tuple[float, float], Recipe, Any]] = []
        history, lists = [], self._lists()
        recipes = [self.recipe.having(params) for params in combinations(self.recipe.params)]
        known = np.unique(data["train"].labels)
        for recipe in recipes:
            model = recipe.model(self._classes)
            self._check_choice(model, fold, len(recipes))
            rows = pd.DataFrame(model.fit(data["train"], data["val"]))
            history.append(rows.assign(**{name: getattr(recipe.params, name) for name in lists}))
            score = (0.0, 0.0)
            if len(recipes) > 1:
                posteriors, labels = model.predict(data["val"]), data["val"].labels
                loss, accuracy = judged(posteriors, labels, known)
                by_class = getattr(recipe.params, "balanced", False)
                score = (mean_recall(posteriors.argmax(1), labels) if by_class else accuracy, -loss)
            if not found or score > found[0][0]:
                found = [(score, recipe, model)]
        return *found[0][1:], pd.concat(history, ignore_index=True)

    def _check_choice(self, model: Any, fold: Fold, candidates: int) -> None:
        if on_windows(fold) and (candidates > 1 or not getattr(model, "chooses_within", False)):
            raise SettingsError(
                f"params.yaml: protocol.validate_by: windows leaves {self.model} no clip to validate on; take a linear "
                "classifier without further candidates, or validate_by: speakers"
            )

    def _tested(
        self, recipe: Recipe, model: Any, name: str, fold: Fold, keep: Path | None = None
    ) -> tuple[pd.DataFrame, Any]:
        """Let a model learn anew where it shall, keep it, and return its posteriors of test clips, and these."""
        if getattr(recipe.params, "refit", False):
            name_there, fold = refit_of(name, fold)
            model.refit(self.material.of_fold(name_there, fold, "train"))
        else:
            name_there = name
        if keep:
            model.save(keep)
        # handed over when nothing is left to learn, so that nothing can be learned from it
        test = self.material.of_fold(name_there, fold, "test")
        return self._table(name, "test", test, model), test

    def _without(self, fold: str, test: Any, model: Any) -> pd.DataFrame:
        """Return what a model says of test clips once they have lost their audio, or their video."""
        if len(set(getattr(test, "modalities", ()))) < len(LOST):
            return pd.DataFrame()
        left = {missing: test.without(modality) for missing, modality in LOST.items()}
        tables = [self._table(fold, "test", some, model).assign(missing=missing) for missing, some in left.items()]
        return pd.concat(tables, ignore_index=True)

    def _can_learn(self, name: str, fold: Fold, data: Mapping[str, Any]) -> bool:
        """Return whether there is enough to learn from; if not, clips have to lack the sound or the picture."""
        present, source = {*data["train"].ids, *data["val"].ids}, self.recipe.source
        if not trainable_folds({name: fold}, present, self.absent, str(source)):
            return False
        if len(set(data["train"].labels)) >= 2:
            return True
        single = f"{source}: {name} has a single emotion to train on; choose another protocol"
        check_absent([clip_id for clip_id, part in fold.items() if part == "train"], self.absent, single)
        return False

    def _nothing(self, fold: str) -> pd.DataFrame:
        nothing = np.zeros((0, len(self._classes)))
        model = self.recipe.having(combinations(self.recipe.params)[0]).model(self._classes)
        own = nothing if hasattr(model, "scores") else None
        return posteriors.table(self.model, fold, "test", [], nothing, self._classes, own)

    def _out_of_fold(self, fold: str, train: Any, model: Any) -> pd.DataFrame:
        """Return a row per training clip that the model could judge without having met its speaker."""
        if not hasattr(model, "out_of_fold"):
            return pd.DataFrame()
        known = ~np.isnan(model.out_of_fold[0]).any(axis=1)
        found, own = (each[known] for each in model.out_of_fold)
        by_id = {clip.clip_id: clip for clip in self.clips}
        clips = [by_id[i] for i, is_known in zip(train.ids, known, strict=True) if is_known]
        return posteriors.table(self.model, fold, "train", clips, found, self._classes, own)

    def _table(self, fold: str, part: str, data: Any, model: Any) -> pd.DataFrame:
        by_id = {clip.clip_id: clip for clip in self.clips}
        if part == "val" and hasattr(model, "validated"):
            predicted, own = model.validated
        else:
            predicted, own = model.predict(data), model.scores(data) if hasattr(model, "scores") else None
        return posteriors.table(self.model, fold, part, [by_id[i] for i in data.ids], predicted, self._classes, own)
