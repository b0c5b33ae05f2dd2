"""Pictures of a face with the eyes at fixed places, Zhang et al. 2017, section III.A.2.

The paper scales every face to an eye distance of 55 px and crops 150x110 px, since a face is "roughly three times" as
high and "roughly twice" as wide as that distance. In which row the eyes lie it does not say. Row 45 is ours: measured
on 790 real faces of four kinds (dlib's 68 points), the brows reach 0.35 and the chin 1.7 to 1.9 eye distances away from
the eyes (medians of the kinds), so that both are in the picture, with some 25 px above the brows. With the eyes one eye
distance below the upper edge, row 55, most chins would be cut off.
"""

import math

import numpy as np
from pydantic import Field, ValidationInfo, field_validator

from pipeline.core.settings import Settings
from pipeline.faces.boxes import drawn

ARRAY = "landmarks"
COLUMNS = ("left_eye_x_px", "left_eye_y_px", "right_eye_x_px", "right_eye_y_px")


class Params(Settings):
    """`crop_faces.<name>` with `kind: eyes`; the defaults are the paper's, but for `eye_row`."""

    height: int = Field(150, ge=16, le=1024, description="of the picture, px {Zhang III.A.2: 150}")
    width: int = Field(
        110,
        ge=16,
        le=1024,
        description="of the picture, px; the eyes lie symmetrically about its middle {Zhang III.A.2: 110}",
    )
    eye_distance_px: float = Field(
        55.0, ge=4, le=1024, description="between the centres of the eyes, px {Zhang III.A.2: 55}"
    )
    eye_row: float = Field(45.0, ge=0, description="where the eyes lie below the upper edge, px")

    @field_validator("eye_distance_px", "eye_row")
    @classmethod
    def _within_the_picture(cls, value: float, info: ValidationInfo) -> float:
        side = "height" if info.field_name == "eye_row" else "width"
        if value > info.data.get(side, value):
            raise ValueError(f"larger than {side}, so that the eyes lie outside the picture")
        return value

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width, px."""
        return self.height, self.width


def cut(rgb: np.ndarray, place: np.ndarray, params: Params) -> np.ndarray:
    """Turn, scale and shift a picture (H, W, 3) uint8 so that the eyes lie where the settings say, see `drawn`; nothing
    is stretched. The place is (x, y) px of the left and right eye in the picture, edges as in `boxes.Box`, anywhere;
    raises ValueError where both are in one place, or not finite.
    """
    eyes, distance = _eyes(place)
    shrinks = distance / params.eye_distance_px
    return drawn(rgb, lambda fold: _matrix(eyes, distance, params, fold), params.shape[::-1], shrinks)


def reach(place: np.ndarray, params: Params) -> tuple[float, float, float, float]:
    """Return (left, top, right, bottom) px of the upright rectangle around what the crop shows; see `cut`."""
    matrix = _matrix(*_eyes(place), params, 1)
    corners = np.array([(-1, -1), (params.width, -1), (-1, params.height), (params.width, params.height)])
    found = np.linalg.solve(matrix[:, :2], (corners - matrix[:, 2]).T)
    return (*found.min(axis=1).tolist(), *(found.max(axis=1) + 1).tolist())


def _eyes(place: np.ndarray) -> tuple[np.ndarray, float]:
    eyes = np.asarray(place, np.float64)
    distance = float(np.hypot(*(eyes[1] - eyes[0])))
    if not 0 < distance < math.inf:
        raise ValueError(f"no two eyes: {eyes.tolist()}")
    return eyes, distance


def _matrix(eyes: np.ndarray, distance: float, params: Params, fold: int) -> np.ndarray:
    """Return OpenCV's (2, 3) matrix from the picture to the crop drawn `fold` times as large."""
    along_x, along_y = (eyes[1] - eyes[0]) / distance
    turn = np.array([[along_x, along_y], [-along_y, along_x]]) * (fold * params.eye_distance_px / distance)
    target = fold * np.array([params.width / 2, params.eye_row])
    # OpenCV counts from the centre of the first pixel, boxes from its edge
    shift = target - 0.5 - turn @ (eyes.mean(axis=0) - 0.5)
    return np.column_stack([turn, shift])
