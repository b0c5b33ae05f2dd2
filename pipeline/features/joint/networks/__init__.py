"""One file per way to make one feature of two, segment by segment. A plugin has

    Params      its settings
    fit         `fit(params, train, val, classes, device="cpu") -> (joint, history)`: `train` and `val` are `Segments`,
                whose inputs are the features side by side; the history has the keys of `ROW`. The joint gives the
                feature (S, dimension) float32 of inputs (S, D) float32 when called; its `dimension` are the columns,
                `state()` everything that was learned, tensors by name, on the CPU
    chosen      `chosen(params, history) -> params`: the settings by which `fit`, without `val`, trains for as many
                epochs as it had kept
    load        `load(params, state, columns, classes) -> joint`: the joint of a kept `state()`, for inputs of so many
                columns

Everything that is learned (scaling included) is learned from `train`; `val` only decides when to stop, and may be
empty. A class that `train` lacks is no error. The same segments and settings give the same bytes on one CPU thread.
"""

from dataclasses import dataclass

import numpy as np

ROW = ("phase", "epoch", "loss", "val_loss", "val_accuracy")
"""Keys of every row of a history: phase `rbm1`, `rbm2`, ... or `tune`; epoch from 0; the mean loss over the training
segments (reconstruction error or cross-entropy); None where a value does not apply."""

Row = dict[str, str | int | float | None]


@dataclass(frozen=True)
class Segments:
    """Segments of clips: the features to fuse side by side, (S, D) float32, and the class indices of their clips, (S,).

    `part` is train, val or test; what is fitted on other clips than train is refused.
    """

    inputs: np.ndarray
    labels: np.ndarray
    part: str = "train"

    def __len__(self) -> int:
        return len(self.labels)
