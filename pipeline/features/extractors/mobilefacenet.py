"""mobilefacenet: MobileFaceNet on the tracked face, Chen et al. 2018, section 3 and Table 1.

None of the three papers has it. The published file hardly tells pictures apart: in TensorFlow.js, too, a face and noise
have rows with a cosine of 0.998. Weights: `fetch_weights@mobilefacenet`. Output: (T, 192) float32, one row per
taken video frame, without unit, of norm 1. Rows without a face are NaN and masked. Input as in
`src/face/mobilefacenet.ts` of Human 3.0.4: the crop at 112 px, red, green, blue of 0 to 1.
"""

from pathlib import Path

from pipeline.features.extractors._graph import FaceGraph, GraphParams

INPUT = "square100"
COLUMNS = 192


class Params(GraphParams):
    """How many frames go through the network."""


class Extractor(FaceGraph):
    """The network up to its normalised embedding."""

    def __init__(self, params: Params, weights: Path | None) -> None:
        super().__init__("mobilefacenet", COLUMNS, params, weights)
