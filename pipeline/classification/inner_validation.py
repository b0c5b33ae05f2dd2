"""Choice without validation clips: cross-validation over a fold's training speakers, in five parts at most."""

from __future__ import annotations

import warnings

import numpy as np

from pipeline.training.datasets import Dataset

_PARTS = 5


def inner_parts(train: Dataset) -> list[tuple[Dataset, Dataset]]:
    """Return pairs of clips to learn from and clips to judge: every training clip is judged once, by what has not met
    its speaker (by clip, where speakers are unknown), emotions in proportion; [] cannot be: (train, none) then.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    speakers = np.array(train.speakers or train.ids)
    count = min(_PARTS, len(set(speakers)), np.bincount(train.labels).max())
    if count < 2:
        return [(train, train.some(()))]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The least populated class")  # it is then not judged in every part
        folds = StratifiedGroupKFold(count, shuffle=True, random_state=0)
        cut = list(folds.split(train.labels, train.labels, speakers))
    pairs = [(train.some(learned), train.some(judged)) for learned, judged in cut]
    return [pair for pair in pairs if len(set(pair[0].labels)) > 1] or [(train, train.some(()))]
