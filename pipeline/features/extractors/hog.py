"""hog: gradient histograms of the aligned face at apex and their change since onset, Dalal, Triggs 2005, section 6.

None of the three papers has it. Of crops registered by the eyes: luma, gradients by central differences, 8 orientations
over all 360 degrees (signed: light above dark is another edge than dark above light; scikit-image's
`hog` folds the two), votes shared between neighbouring orientations, cells of 6 by 5 over the crop, 2 by 2 cells
normalised together by L2-Hys. Onset and apex by the energy of motion (`pipeline/features/apex.py`). Weights: none.
Output: (T, 1280) float32, one row per clip, without unit: 640 at the apex, then their change since the onset. All of a
clip's descriptors are held in memory, 64 KB a second.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from pipeline.core.store import ClipFeatures, ClipReader, FeatureMeta
from pipeline.features.apex import ApexParams, at_apex
from pipeline.features.extractors._faces import observed_crops

INPUT = "eyes55"
CELLS = (6, 5)
"""Down and across: of crops of 150 by 110 px, cells of 25 by 22."""
BINS = 8
CLIP = 0.2
"""Largest share of one orientation of one cell in its block, before it is normalised again (Dalal and Triggs)."""
BLOCKS = [(down, across) for down in range(CELLS[0] - 1) for across in range(CELLS[1] - 1)]
COLUMNS = tuple(
    f"block_{down}_{across}_cell_{cell}_towards_{360 * turn // BINS}_deg"
    for down, across in BLOCKS
    for cell in ("00", "01", "10", "11")
    for turn in range(BINS)
)


class Params(ApexParams):
    """Cells, orientations and blocks are fixed, so that a column is one place of the face."""


def histograms(luma: np.ndarray) -> np.ndarray:
    """Return (6, 5, 8) float32, the mean gradient per pixel by orientation of each cell, luma steps per px, of an image
    (H, W) uint8 or float32; the last cells take the rest where sides do not divide.
    """
    image = luma.astype(np.float32)
    down, across = (cv2.Sobel(image, cv2.CV_32F, *way, ksize=1) / 2 for way in ((0, 1), (1, 0)))
    turn = (np.arctan2(down, across) % (2 * np.pi)) * np.float32(BINS / (2 * np.pi))
    lower = turn.astype(np.int64)
    size, share = np.hypot(down, across), turn - lower
    votes = np.zeros((*image.shape, BINS), np.float32)
    for orientation, part in ((lower % BINS, size * (1 - share)), ((lower + 1) % BINS, size * share)):
        np.put_along_axis(votes, orientation[..., None], part[..., None], axis=2)
    edges = [np.arange(cells) * side // cells for cells, side in zip(CELLS, image.shape, strict=True)]
    sums = np.add.reduceat(np.add.reduceat(votes, edges[0], axis=0), edges[1], axis=1)
    areas = [np.diff([*edge, side]) for edge, side in zip(edges, image.shape, strict=True)]
    return sums / np.outer(*areas)[..., None].astype(np.float32)


def descriptor(crop: np.ndarray) -> np.ndarray:
    """Return (640,) float32 of a crop (H, W, 3) uint8 RGB, H and W at least 16; see above."""
    cells = histograms(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY))
    blocks = np.concatenate([cells[:-1, :-1], cells[:-1, 1:], cells[1:, :-1], cells[1:, 1:]], axis=-1)
    once = np.minimum(blocks / np.sqrt((blocks**2).sum(axis=-1, keepdims=True) + 1), CLIP)
    return (once / np.sqrt((once**2).sum(axis=-1, keepdims=True) + 1e-3)).ravel()


class Extractor:
    """Histograms of oriented gradients by numpy."""

    def __init__(self, params: Params, weights: Path | None = None) -> None:  # noqa: ARG002
        self.params = params
        columns = tuple(f"{part}_{name}" for part in params.parts for name in COLUMNS)
        self.meta = FeatureMeta("hog", len(columns), "float32", columns=columns, params=params.model_dump())

    def __call__(self, faces: ClipFeatures | ClipReader) -> Iterator[ClipFeatures]:
        """Yield (1, 1280) for aligned crops, which are read block by block."""
        return at_apex(map(descriptor, observed_crops(faces)), faces.times[faces.mask], self.params)
