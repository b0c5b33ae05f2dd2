"""The portrait behind every generated face: image, landmark positions, region masks.

The image is ``skimage.data.astronaut()`` (NASA, public domain), which ships inside scikit-image; ``portrait.json``
beside this module holds positions in it as numbers.
"""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from scipy.spatial import Delaunay
from skimage.data import astronaut

Points = npt.NDArray[np.float64]
Image = npt.NDArray[np.float32]

LANDMARKS = 68
_MOUTH = slice(48, 68)
_INNER_MOUTH = slice(60, 68)
_BROWS = (slice(17, 22), slice(22, 27))


@dataclass(frozen=True)
class Portrait:
    """Image and mesh. Positions in pixels of the 320 x 240 frame, x right and y down."""

    texture: Image  # (h, w, 3) RGB 0-1
    origin: Points  # frame position of its top left pixel
    source: Points  # (n, 2) vertices as photographed, the first 68 are the landmarks
    neutral: Points  # (n, 2) the same with the smile closed
    triangles: npt.NDArray[np.intp]  # (t, 3), those of the mouth opening last
    head: Points  # (n,) share of the head's motion, 0 (body) to 1
    depth: Points  # (n,) towards the viewer, pixels
    masks: dict[str, Image]  # soft regions of the texture, each (h, w) 0-1


def _mask(outline: Points, shape: tuple[int, int], soft: float) -> Image:
    """Filled outline (texture pixels) with edges blurred by ``soft`` pixels."""
    canvas = np.zeros(shape, np.float32)
    cv2.fillPoly(canvas, [np.round(outline * 16).astype(np.int32)], 1.0, cv2.LINE_AA, 4)
    return np.asarray(cv2.GaussianBlur(canvas, (0, 0), soft), dtype=np.float32)


def _brow_outline(brow: Points) -> Points:
    """A closed strip (10, 2) around a brow's five landmarks, thicker towards the nose."""
    half = np.array([[0.0, 0.8], [0.0, 1.8], [0.0, 2.2], [0.0, 2.4], [0.0, 2.0]])
    ordered = brow if brow[0, 0] < 160 else brow[::-1]
    return np.concatenate([ordered - half, (ordered + half)[::-1]])


def _depth(points: Points) -> Points:
    """Depth of the vertices: half an ellipsoid plus the nose; sizes judged by eye, pixels."""
    centre = points[[0, 16, 8, 27]].mean(axis=0)
    unit = (points - centre) / np.array([85.0, 110.0])
    depth = 70.0 * np.sqrt(np.clip(1.0 - np.sum(unit**2, axis=1), 0.0, None))
    depth[[28, 29, 30, 31, 32, 33, 34, 35]] += [5.0, 11.0, 18.0, 6.0, 9.0, 12.0, 9.0, 6.0]
    return np.asarray(depth)


def _triangles(points: Points) -> npt.NDArray[np.intp]:
    """Delaunay triangles, those inside the mouth opening at the end so they are drawn last."""
    simplices = Delaunay(points).simplices
    inner = np.all((simplices >= _INNER_MOUTH.start) & (simplices < _INNER_MOUTH.stop), axis=1)
    return np.concatenate([simplices[~inner], simplices[inner]]).astype(np.intp)


def _darken_mouth(texture: Image, inner: Points) -> Image:
    """Teeth kept at the top of the mouth opening, shade below them: stretched by an open mouth, the photographed narrow
    row of teeth would fill it.
    """
    rows = np.arange(texture.shape[0], dtype=np.float32)[:, None]
    top, bottom = float(inner[:, 1].min()), float(inner[:, 1].max())
    shade = np.clip((rows - top) / (bottom - top), 0.0, 1.0) ** 0.7
    weight = _mask(inner, texture.shape[:2], 0.8) * (0.3 + 0.65 * shade)
    return np.asarray(texture * (1 - weight[..., None] * np.array([0.85, 0.93, 0.93])), np.float32)


def _vertices(data: dict[str, Any]) -> tuple[Points, Points]:
    """All mesh vertices in portrait pixels, (n, 2), and their share of the head's motion (n,)."""
    x0, y0, x1, y1 = data["texture_box"]
    frame = [(x, y) for x in np.linspace(x0, x1, 4) for y in (y0, y1)] + [(x0, 110), (x1, 110)]
    shares = {"landmarks": 1.0, "hair_points": 1.0, "forehead_points": 1.0, "neck_points": 0.45, "body_points": 0.1}
    groups = [*((data[name], share) for name, share in shares.items()), (frame, 0.0)]
    points = np.concatenate([np.asarray(group, dtype=np.float64) for group, _ in groups])
    return points, np.concatenate([np.full(len(group), share) for group, share in groups])


@cache
def load_portrait() -> Portrait:
    """The portrait, read once per process."""
    data = json.loads(Path(__file__).with_name("portrait.json").read_text("utf-8"))
    scale, origin = float(data["picture_scale"]), np.array(data["picture_origin"], float)
    x0, y0, x1, y1 = data["texture_box"]
    crop = astronaut()[y0:y1, x0:x1].astype(np.float32) / 255
    # Plain scaling about pixel centres; the shift of (scale - 1) / 2 is below half a pixel.
    texture = np.clip(cv2.resize(crop, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC), 0, 1)
    texture = texture.astype(np.float32)
    portrait_px, head = _vertices(data)
    source = (portrait_px - origin) * scale
    neutral = source.copy()
    neutral[_MOUTH] = (np.asarray(data["neutral_mouth"], float) - origin) * scale
    corner = (np.array([x0, y0], float) - origin) * scale
    on_texture = source - corner
    shape = texture.shape[:2]
    masks = {
        name: _mask((np.asarray(data[name], float) - [x0, y0]) * scale, shape, soft)
        for name, soft in (("silhouette", 0.9), ("hair", 2.0), ("clothes", 1.2), ("beard", 5.0))
    }
    masks["beard"] *= 1 - _mask(on_texture[48:60], shape, 1.0)  # without the lips
    masks["brows"] = np.maximum(*(_mask(_brow_outline(on_texture[brow]), shape, 0.9) for brow in _BROWS))
    texture = _darken_mouth(texture, on_texture[_INNER_MOUTH])
    return Portrait(texture, corner, source, neutral, _triangles(source), head, _depth(neutral), masks)
