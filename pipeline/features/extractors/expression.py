"""expression: posteriors of seven expressions of the tracked face, Arriaga et al. 2017, section III, "mini-Xception".

None of the three papers has it: a classifier trained on FER2013 as it is, whose seven posteriors are the feature.
Weights: `fetch_weights@expression` (face_expression). Output: (T, 7) float32, one row per taken video frame, 0 to 1, of
sum 1. Rows without a face are NaN and masked. Input and order of columns as in `src/gear/emotion.ts` of Human 3.0.4:
the crop at 64 px, grey of -1 to 1.
"""

from pathlib import Path

from pipeline.features.extractors._graph import FaceGraph, GraphParams

INPUT = "square100"
COLUMNS = tuple(f"p({name})" for name in ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral"))


class Params(GraphParams):
    """How many frames go through the network."""


class Extractor(FaceGraph):
    """The network with its softmax."""

    def __init__(self, params: Params, weights: Path | None) -> None:
        super().__init__("expression", COLUMNS, params, weights)
