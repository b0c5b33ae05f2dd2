"""Faces and five points of each by a cascade of three networks: MTCNN.

Source: Zhang, Zhang, Li, Qiao, "Joint face detection and alignment using multitask cascaded convolutional networks",
IEEE SPL 23, 2016, section II; the detector of Ouyang et al. 2017, section 3.1. Weights: `fetch_weights@mtcnn`
(mtcnn_pnet, mtcnn_rnet, mtcnn_onet of facenet-pytorch, trained on WIDER FACE and CelebA).

P-Net looks at an image pyramid; what it proposes is looked at again by R-Net, and what is left by O-Net. After each the
boxes are corrected by what the network says, of overlapping ones the best stays, and squares around them go to the
next. What lies outside the video frame is black. The overlaps are those of the authors' program: 0.5 within one
size of the pyramid, otherwise 0.7, at the end 0.7 of the smaller box.

Output: one box per face, (left, top, right, bottom) px, the probability of a face, and five landmarks, px. Boxes are
some 0.9 times as wide and 1.2 times as high as dlib's.

`eyes`: medians of the landmarks over 551 real faces of three kinds (429, 97 and 25 faces): left (0.285, 0.396), right
(0.748, 0.388); made symmetric, as for a picture and its mirror image. From face to face the 10th and 90th percentile
lie 0.03 away on either side; on 114 generated faces the medians are (0.298, 0.342) and (0.767, 0.362).
"""

from pathlib import Path
from typing import Annotated, Any

import cv2
import numpy as np
import torch
from pydantic import Field

from pipeline.core.errors import WeightsError
from pipeline.core.settings import Settings
from pipeline.core.weights_file import load_state, load_weights
from pipeline.faces.boxes import Detection, Eyes, suppress
from pipeline.networks.mtcnn import MTCNN, O_PX, P_PX, R_PX, STRIDE, normalise

Share = Annotated[float, Field(ge=0, lt=1)]

_BATCH = 128  # squares that go through a network at once
_NOTHING = np.empty((0, 4)), np.empty(0, np.float32), np.empty((0, 4), np.float32)
"""Boxes, scores and corrections of P-Net where it proposes nothing."""


class Params(Settings):
    """Settings of the detector; the thresholds and the factor are those of the authors' program."""

    min_face_px: int = Field(
        20,
        ge=P_PX,
        le=4096,
        description="side of the smallest face that is seen in a picture as it is, px; where a clip shows none, its "
        "pictures are enlarged until one of 15 px is seen; 20 takes more than twice the time of 80",
    )
    factor: float = Field(0.709, ge=0.1, le=0.95, description="from one size of the image pyramid to the next")
    thresholds: tuple[Share, Share, Share] = Field(
        (0.6, 0.7, 0.7), description="probability of a face from which P-, R- and O-Net pass it on"
    )


class Detector:
    """Build one per process; `weights` is the folder of the three networks, as `fetch_weights` writes it: without it,
    or with that of other networks, a WeightsError is raised.
    """

    eyes: Eyes = ((0.27, 0.39), (0.73, 0.39))

    def __init__(self, params: Params, weights: Path | None = None) -> None:
        if weights is None:
            raise WeightsError("the detector mtcnn needs the weights that `dvc repro fetch_weights@mtcnn` fetches")
        loaded = load_weights(weights)
        self.params = params
        self.least_px = params.min_face_px
        self.weights, self.origin = loaded.sha256, loaded.origin
        self._networks = load_state(MTCNN(), loaded, weights)

    def __call__(self, rgb: np.ndarray) -> list[Detection]:
        """Return the faces of a picture (H, W, 3) uint8, best first; boxes and points may reach beyond its borders."""
        with torch.inference_mode():
            squares = squares_of(self._propose(rgb), rgb.shape)
            squares = squares_of(self._refine(rgb, squares), rgb.shape)
            return self._output(rgb, squares)

    def _propose(self, rgb: np.ndarray) -> np.ndarray:
        """Return P-Net's boxes (N, 4), those of all sizes of the pyramid together."""
        sizes = scales(rgb.shape[0], rgb.shape[1], self.params.min_face_px, self.params.factor)
        found = [_NOTHING, *(self._at_scale(rgb, scale) for scale in sizes)]
        boxes, scores, offsets = (np.concatenate(arrays) for arrays in zip(*found, strict=True))
        kept = suppress(boxes, scores, 0.7)
        return corrected(boxes[kept], offsets[kept])

    def _at_scale(self, rgb: np.ndarray, scale: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        height, width = (max(P_PX, round(size * scale)) for size in rgb.shape[:2])
        picture = torch.from_numpy(_resized(rgb, width, height)[None])
        probabilities, corrections = (out[0].numpy() for out in self._networks.mtcnn_pnet(normalise(picture)))
        rows, columns = np.nonzero(probabilities >= self.params.thresholds[0])
        corners = STRIDE * np.column_stack([columns, rows])
        unit = np.array([rgb.shape[1] / width, rgb.shape[0] / height])
        boxes = np.hstack([corners * unit, (corners + P_PX) * unit])
        scores, offsets = probabilities[rows, columns], corrections[:, rows, columns].T
        kept = suppress(boxes, scores, 0.5)
        return boxes[kept], scores[kept], offsets[kept]

    def _refine(self, rgb: np.ndarray, squares: np.ndarray) -> np.ndarray:
        """Return R-Net's boxes (N, 4)."""
        scores, offsets = _through(self._networks.mtcnn_rnet, rgb, squares, R_PX, ((), (4,)))
        sure = np.flatnonzero(scores >= self.params.thresholds[1])
        kept = sure[suppress(squares[sure], scores[sure], 0.7)]
        return corrected(squares[kept], offsets[kept])

    def _output(self, rgb: np.ndarray, squares: np.ndarray) -> list[Detection]:
        """Return what O-Net makes of the squares."""
        scores, offsets, points = _through(self._networks.mtcnn_onet, rgb, squares, O_PX, ((), (4,), (5, 2)))
        boxes = corrected(squares, offsets)
        sure = np.flatnonzero((scores >= self.params.thresholds[2]) & _sound(boxes, rgb.shape))
        kept = sure[suppress(boxes[sure], scores[sure], 0.7, over="smaller")]
        landmarks = squares[:, None, :2] + points * (squares[:, None, 2:] - squares[:, None, :2])
        fives: Any = (tuple(map(tuple, five)) for five in landmarks[kept].tolist())
        found = list(map(Detection, map(tuple, boxes[kept].tolist()), scores[kept].tolist(), fives))
        return sorted(found, key=lambda d: (-d.score, d.box))


def scales(height: int, width: int, min_face_px: int, factor: float) -> list[float]:
    """Return the sizes of the image pyramid over the picture's own, largest first.

    In the first a face of `min_face_px` is as large as P-Net's square; in the last the picture's shorter side is no
    smaller than that. None where the picture is smaller than the smallest face.
    """
    found = [P_PX / min_face_px]
    while found[-1] * min(height, width) >= P_PX:
        found.append(found[-1] * factor)
    return found[:-1]


def corrected(boxes: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Return boxes (N, 4) px with `offsets` (N, 4), in widths and heights, added to left, top, right and bottom."""
    extent = boxes[:, 2:] - boxes[:, :2]
    return boxes + offsets * np.tile(extent, 2)


def squares_of(boxes: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return squares about the centres of boxes (N, 4), as large as the longer side, in whole px, (M, 4) float64.

    Boxes that are empty or lie outside the picture of this shape (H, W, ...) are left out.
    """
    boxes = boxes[_sound(boxes, shape)]
    extent = boxes[:, 2:] - boxes[:, :2]
    length = np.maximum(1, np.rint(extent.max(axis=1, keepdims=True)))
    corner = np.rint((boxes[:, :2] + boxes[:, 2:] - length) / 2)
    return np.hstack([corner, corner + length])


def cut_out(rgb: np.ndarray, square: np.ndarray, px: int) -> np.ndarray:
    """Return a square of whole px (4,) out of a picture, black beyond its borders, resized to (px, px, 3) uint8."""
    left, top, right, bottom = (int(edge) for edge in square)
    inner = rgb[max(0, top) : max(0, bottom), max(0, left) : max(0, right)]
    height, width = rgb.shape[:2]
    around = (max(0, -top), max(0, bottom - height), max(0, -left), max(0, right - width))
    return _resized(cv2.copyMakeBorder(inner, *around, cv2.BORDER_CONSTANT, value=(0, 0, 0)), px, px)


def _sound(boxes: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return which boxes are 1 px wide and high at least, and have as much of themselves in the picture."""
    extent = boxes[:, 2:] - boxes[:, :2]
    inside = np.minimum(boxes[:, 2:], [shape[1], shape[0]]) - np.maximum(boxes[:, :2], 0)
    return (np.minimum(extent, inside) >= 1).all(axis=1)


def _resized(rgb: np.ndarray, width: int, height: int) -> np.ndarray:
    shrinks = width < rgb.shape[1] or height < rgb.shape[0]
    return cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)


def _through(
    network: Any, rgb: np.ndarray, squares: np.ndarray, px: int, shapes: tuple[tuple[int, ...], ...]
) -> list[np.ndarray]:
    """Return what a network says of the squares, one array per output, (N, *shape) each."""
    found = [[np.empty((0, *shape), np.float32) for shape in shapes]]
    for first in range(0, len(squares), _BATCH):
        pictures = np.stack([cut_out(rgb, square, px) for square in squares[first : first + _BATCH]])
        found.append([out.numpy() for out in network(normalise(torch.from_numpy(pictures)))])
    return [np.concatenate(arrays) for arrays in zip(*found, strict=True)]
