"""Networks on segments: a clip is cut into windows, each window goes through a pre-trained network, Zhang et al. 2017,
section III.A and III.B.1. A plugin has

    Params      its settings; `windows` among them is a `pipeline.features.segments.windows.WindowParams`
    Segments    `Segments(params)`; called with a clip of its source, `ClipFeatures` or `ClipReader`, it returns
                `Windows`; raises `ClipError` for bad input, before anything but times and mask is read. `shape` and
                `dtype` of one input; `check_source(meta)` refuses a source that does not suit
    prepare     `prepare(inputs) -> tensor` that the network takes, for inputs (B, *shape); no randomness
    network     `network(params, config, classes) -> module` for the `network` block of the weights' configuration, with
                `features(x) -> (B, D)` and logits from `forward`; `renewed` as in `pipeline.features.pretrained`;
                optional: `fit_inputs(batches)`, which learns from the prepared training windows of a fold what inputs
                become, before fine-tuning begins
    LAST        name of the network's last layer, which is new for every corpus

Plugins are leaves: none imports another.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Windows:
    """What a clip is cut into.

    Attributes:
        inputs: one array per window that was observed, in order; each is made when it is asked for, from rows that are
            read then, so that a long clip is never in memory as a whole
        times: (S,), middle of each window, s
        mask: (S,) bool, false where too little of the window was observed
        short: what the clip lacks for one whole window, in words; "" for nothing
    """

    inputs: Iterator[np.ndarray]
    times: np.ndarray
    mask: np.ndarray
    short: str = ""
