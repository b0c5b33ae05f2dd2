"""Refit: once settings and epochs are chosen on validation, a model learns anew from training and validation clips.

What was learned anew lies beside what it was chosen by: `fold-00-refit` beside `fold-00`. In the fold of that name the
validation clips are training clips, so that the leakage guard refuses to validate on them. Posteriors of validation
clips, and what is fitted on them (temperatures, fusions), are those of the model before the refit.
"""

from __future__ import annotations

from collections.abc import Collection

from pipeline.protocols.splits import Fold

_SUFFIX = "-refit"


def refit_of(name: str, fold: Fold) -> tuple[str, Fold]:
    """Return name and parts of a fold in which its validation clips are trained on.

    >>> refit_of("fold-00", {"a": "train", "b": "val", "c": "test"})
    ('fold-00-refit', {'a': 'train', 'b': 'train', 'c': 'test'})
    """
    return name + _SUFFIX, {clip_id: "train" if part == "val" else part for clip_id, part in fold.items()}


def is_refit(names: Collection[str]) -> bool:
    """Return whether one of these folds of a feature was learned anew."""
    return any(name.endswith(_SUFFIX) for name in names)


def of_them_refit(names: Collection[str]) -> tuple[list[str], list[str]]:
    """Return the folds among the levels of a feature file, and the levels beside them that were learned anew.

    >>> of_them_refit(["fold-00", "fold-00-refit", "fold-01"])
    (['fold-00', 'fold-01'], ['fold-00-refit'])
    """
    again = [name for name in names if name.endswith(_SUFFIX)]
    return [name for name in names if name not in again], again


def level_of(name: str, levels: Collection[str]) -> str:
    """Return the level of a feature file that a fold reads: of a refit that of the fold itself, where the feature was
    not learned anew; "" where it was not learned per fold.
    """
    if not levels:
        return ""
    return name if name in levels else name.removesuffix(_SUFFIX)


def noted(part: str, name: str, level: str) -> str:
    """Return the note of a clip's part on `level` as a fold reads it: a refit may train on what was validated on."""
    return part if level == name else part.replace("val", "train")
