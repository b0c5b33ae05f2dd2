"""Renders a generated face: the portrait warped piecewise-affinely, over a background.

For every frame the mesh is moved, every triangle is painted as its number, and the frame is fetched back through the
affine map of each pixel's triangle (one ``cv2.remap``). The map is continuous, so triangles cannot tear; the background
is a layer of its own, so no border shows.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from pipeline.synthetic.expression import unit_basis
from pipeline.synthetic.identity import HEIGHT, WIDTH, Identity
from pipeline.synthetic.portrait import LANDMARKS, Image, Points, Portrait

Frame = npt.NDArray[np.uint8]

# Upper and lower lid or lip that must not cross, and the least gap in pixels.
_LIDS = ((37, 41), (38, 40), (43, 47), (44, 46))
_LIPS = ((61, 67), (62, 66), (63, 65))
_SHIFT = 4  # sub-pixel bits of cv2.fillConvexPoly
_GRID = np.meshgrid(np.arange(WIDTH, dtype=np.float32), np.arange(HEIGHT, dtype=np.float32))


@dataclass(frozen=True)
class Pose:
    """Head motion: turns in radians, ``scale`` about the neck, shift in pixels (x, y)."""

    roll: float = 0.0
    yaw: float = 0.0
    pitch: float = 0.0
    scale: float = 1.0
    shift: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True)
class Light:
    """Constant gain and a ramp of brightness across the frame, as fractions."""

    gain: float = 1.0
    across: float = 0.0
    down: float = 0.0


def _keep_order(points: Points) -> Points:
    """Lids and lips (n, 2) kept from passing through each other."""
    for pairs, gap in ((_LIDS, 0.4), (_LIPS, 0.5)):
        upper, lower = (list(side) for side in zip(*pairs, strict=True))
        excess = np.clip(points[upper, 1] + gap - points[lower, 1], 0.0, None) / 2
        points[upper, 1] -= excess
        points[lower, 1] += excess
    return points


def _turn(points: Points, depth: Points, head: Points, pose: Pose) -> Points:
    """Vertices (n, 2) after the head has turned, tilted and moved (orthographic)."""
    pivot = points[[2, 14]].mean(axis=0)
    rel = points - pivot
    z = depth - 20.0  # axis of the turn, somewhat behind the cheeks
    x = rel[:, 0] * np.cos(pose.yaw) + z * np.sin(pose.yaw)
    y = rel[:, 1] * np.cos(pose.pitch) + z * np.sin(pose.pitch)
    c, s = pose.scale * np.cos(pose.roll), pose.scale * np.sin(pose.roll)
    moved = np.stack([c * x - s * y, s * x + c * y], axis=1) + pivot + np.array(pose.shift)
    return np.asarray(points + head[:, None] * (moved - points))


def _double_area(corners: Points) -> Points:
    """Twice the signed area of triangles (t, 3, 2), shape (t,)."""
    edges = corners[:, 1:] - corners[:, :1]
    return np.asarray(edges[:, 0, 0] * edges[:, 1, 1] - edges[:, 0, 1] * edges[:, 1, 0])


def _shade(light: Light, shape: tuple[int, ...], origin: Points) -> Image:
    """Brightness factors (h, w, 1) of an image whose top left pixel lies at ``origin``."""
    y, x = np.mgrid[0 : shape[0], 0 : shape[1]].astype(np.float32)
    across, down = (x + origin[0]) / WIDTH - 0.5, (y + origin[1]) / HEIGHT - 0.5
    ramp = 1 + light.across * across + light.down * down
    return np.asarray(light.gain * ramp[..., None], dtype=np.float32)


class FaceRenderer:
    """Images of one identity under one light."""

    def __init__(self, portrait: Portrait, identity: Identity, light: Light | None = None) -> None:
        self._portrait, self._identity = portrait, identity
        self._basis, light = unit_basis(), light or Light()
        shaded = identity.background * _shade(light, (HEIGHT, WIDTH), np.zeros(2))
        self._background = np.clip(shaded, 0, 255).astype(np.uint8)
        texture = identity.texture.copy()
        texture[..., :3] *= _shade(light, texture.shape[:2], portrait.origin)
        self._texture = np.clip(texture, 0, 255).astype(np.uint8)
        corners = (portrait.source - portrait.origin)[portrait.triangles]
        self._source = corners.transpose(0, 2, 1)
        self._turns = np.sign(_double_area(corners))

    def vertices(self, units: Points, pose: Pose) -> Points:
        """Mesh (n, 2) in frame pixels for action units (units,) and a pose; 68 landmarks first."""
        points = self._identity.shape.copy()
        points[:LANDMARKS] += np.tensordot(units, self._basis, axes=1)
        return _turn(_keep_order(points), self._portrait.depth, self._portrait.head, pose)

    def _map(self, points: Points) -> tuple[Image, Image]:
        """Texture position of every frame pixel, two (240, 320) arrays."""
        corners = points[self._portrait.triangles]
        area = _double_area(corners)
        flat = np.abs(area) < 0.05
        # Where the skin folds over itself a triangle is turned round: the others cover it.
        order = np.argsort(area * self._turns > 0, kind="stable")
        target = np.concatenate([corners, np.ones_like(corners[..., :1])], axis=2)
        target[flat] = np.eye(3)
        affine = (self._source @ np.linalg.inv(target.transpose(0, 2, 1))).astype(np.float32)
        # Under 256 triangles, so that their numbers fit cv2.LUT, the quickest way to look up.
        index = np.zeros((HEIGHT, WIDTH), np.uint8)
        fixed = np.round(corners * (1 << _SHIFT)).astype(np.int32)
        for k in order[~flat[order]]:
            cv2.fillConvexPoly(index, fixed[k], int(k), cv2.LINE_8, _SHIFT)
        table = np.zeros((6, 256), np.float32)
        table[:, : len(affine)] = affine.reshape(-1, 6).T
        terms = [cv2.LUT(index, row) for row in table]
        for across, down, offset in (terms[:3], terms[3:]):
            across *= _GRID[0]
            across += np.multiply(down, _GRID[1], out=down)
            across += offset
        return terms[0], terms[3]

    def render(self, units: Points, pose: Pose) -> Frame:
        """One frame, (240, 320, 3) RGB uint8."""
        map_x, map_y = self._map(self.vertices(units, pose))
        layer = cv2.remap(self._texture, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        alpha = cv2.extractChannel(layer, 3).astype(np.float32) * np.float32(1 / 255)
        colour = cv2.cvtColor(layer, cv2.COLOR_RGBA2RGB)
        return np.asarray(cv2.blendLinear(colour, self._background, alpha, 1 - alpha))


def face_box(landmarks: Points) -> tuple[float, float, float]:
    """Square around a face as dlib's HOG detector draws it: left, top, side in frame pixels.

    ``landmarks``: (68, 2). The two ratios are the means over 240 frames of this renderer on which the detector was
    run; its boxes come in fixed sizes (104 and 125 pixels here).
    """
    centre = landmarks.min(axis=0) / 2 + landmarks.max(axis=0) / 2
    height = float(np.ptp(landmarks[:, 1]))
    side, middle = 1.02 * height, float(centre[1]) - 0.085 * height
    return float(centre[0]) - side / 2, middle - side / 2, side
