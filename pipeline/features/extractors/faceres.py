"""faceres: MobileNet of HSE-FaceRes on the tracked face, Howard et al. 2017, section 3; it learned to tell people, and
then their age and gender, Savchenko 2019 (PeerJ Computer Science 5:e197).

None of the three papers has it: as `dlib128`, it is a face network that anyone can have. Weights:
`fetch_weights@faceres` (faceres_deep; its layers of age and gender are left out). Output: (T, 1024) float32, one row
per taken video frame, without unit, 0 to 6: the averages of the last convolution. Rows without a face are NaN and
masked. Input as in `src/face/faceres.ts` of Human 3.0.4: the crop at 224 px, red, green, blue of 0 to 255.
"""

from pathlib import Path

from pipeline.features.extractors._graph import FaceGraph, GraphParams

INPUT = "square100"
COLUMNS = 1024


class Params(GraphParams):
    """How many frames go through the network."""


class Extractor(FaceGraph):
    """The network up to its descriptor."""

    def __init__(self, params: Params, weights: Path | None) -> None:
        super().__init__("faceres", COLUMNS, params, weights)
