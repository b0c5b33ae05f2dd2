"""One model of one fold, as its training left it, on features of new clips."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.core.store import ClipFeatures
from pipeline.training.datasets import Dataset, sequence_of


@dataclass(frozen=True)
class Judged:
    """What one model says in one fold."""

    posteriors: np.ndarray  # (N, C); a row of NaN where it cannot judge
    scores: np.ndarray | None  # class scores (N, C), where the classifier has any


@dataclass(frozen=True)
class FoldModel:
    """One model of one fold."""

    classifier: Any  # of pipeline/classification/classifiers, or `EndToEnd`
    end_to_end: bool  # whether it takes aligned faces themselves
    classes: int
    step_s: float  # see `pipeline.training.datasets.pooled`
    widths: tuple[int, ...]  # columns of each network layer of the feature

    def __call__(self, clips: Sequence[ClipFeatures | None]) -> Judged:
        """Return what it says of clips, or of windows of them; None and a clip without an observed row are not
        judged.
        """
        observed = {number: clip for number, clip in enumerate(clips) if clip is not None and clip.mask.any()}
        data = self._data(list(observed.values()))

        def placed(rows: np.ndarray) -> np.ndarray:
            found = np.full((len(clips), self.classes), np.nan)
            # as the tables of the stages hold them, from which the fusions have learned
            found[list(observed)] = np.round(rows, 6)
            return found

        scores = placed(self.classifier.scores(data)) if hasattr(self.classifier, "scores") else None
        return Judged(placed(self.classifier.predict(data)), scores)

    def _data(self, clips: Sequence[ClipFeatures]) -> Any:
        if self.end_to_end:
            from pipeline.prediction.networks import ClipFaces  # PyTorch, a second and a half

            return ClipFaces(clips)
        timed = getattr(self.classifier, "timed", False)
        sequences, times = [sequence_of(clip, self.step_s, timed) for clip in clips], []
        if timed:
            sequences, times = [one[:, 1:] for one in sequences], [one[:, 0] for one in sequences]
        names, labels = [str(number) for number in range(len(clips))], np.zeros(len(clips), np.int64)
        return Dataset(names, sequences, labels, "test", self.widths, times=times)
