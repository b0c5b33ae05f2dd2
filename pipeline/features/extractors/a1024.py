"""a1024: last hidden layer of a speech DNN trained on phones, Huang et al. 2017, section 3.1 and Fig. 3a.

Paper: six hidden layers of 1024 nodes. Weights: `pretrain@a1024`, trained in this pipeline on phone alignments.
Output: (T, 1024) float32 at the rate of mfcc39, without unit, 0 and above (behind the last ReLU).
"""

from __future__ import annotations

from pathlib import Path

from pipeline.features.extractors._speech import SpeechExtractor, SpeechParams

INPUT = "mfcc39"


class Params(SpeechParams):
    """Everything that matters is in the weights."""


class Extractor(SpeechExtractor):
    """The plain network up to its last hidden layer."""

    def __init__(self, params: Params, weights: Path | None) -> None:
        super().__init__("a1024", 1024, params, weights)
