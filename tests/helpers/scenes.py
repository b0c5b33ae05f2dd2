"""Scenes with generated people whose faces are where they were put."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache

import cv2
import numpy as np

from helpers.media import drawn
from pipeline.core.store import ClipFeatures
from pipeline.faces.boxes import iou
from pipeline.faces.detection import dlib_hog
from pipeline.faces.tracking.settings import TrackParams
from pipeline.faces.tracking.tracker import track
from pipeline.synthetic.expression import UNITS, unit_basis
from pipeline.synthetic.face import FaceRenderer, Pose, face_box
from pipeline.synthetic.identity import draw_identity
from pipeline.synthetic.portrait import LANDMARKS, load_portrait

SIZE = (360, 480)
FPS = 25
GRAINS = 25
"""Pictures after which the noise repeats: each costs more than all the rest of a picture."""


@dataclass(frozen=True)
class At:
    """Where a face is in one frame: the centre and side of its box, px, and its turn clockwise, degrees."""

    x: float
    y: float
    side: float = 110.0
    turn: float = 0.0

    @property
    def box(self) -> tuple[float, float, float, float]:
        return self.x - self.side / 2, self.y - self.side / 2, self.x + self.side / 2, self.y + self.side / 2

    @property
    def inside(self) -> bool:
        """Whether the whole face is in the picture."""
        reach = 0.75 * self.side
        return reach <= self.x <= SIZE[1] - reach and reach <= self.y <= SIZE[0] - reach


@cache
def person(seed: int, mouth: float = 0.0) -> tuple[np.ndarray, tuple[float, float, float]]:
    """Return a person's picture (240, 320, 4), RGB and opacity, and (left, top, side) of the face in it."""
    rng = np.random.default_rng(seed)
    portrait = load_portrait()
    identity = draw_identity(portrait, "female" if seed % 2 else "male", rng)
    units = np.zeros(len(unit_basis()))
    units[UNITS.index("AU26")] = mouth
    plain = [
        FaceRenderer(portrait, replace(identity, background=np.full_like(identity.background, level))).render(
            units, Pose()
        )
        for level in (0, 255)
    ]
    opacity = 255 - (plain[1].astype(int) - plain[0]).mean(axis=2)
    vertices = FaceRenderer(portrait, identity).vertices(units, Pose())
    return np.dstack([plain[0], opacity.clip(0, 255).astype(np.uint8)]), face_box(vertices[:LANDMARKS])


@cache
def detector() -> dlib_hog.Detector:
    """Return dlib's detector, which takes longer to make than to ask, and keeps nothing of what it was asked."""
    return dlib_hog.Detector(dlib_hog.Params())


@cache
def grain(number: int) -> np.ndarray:
    """Return the noise of a camera for one picture."""
    return np.random.default_rng(number).normal(0, 2, (*SIZE, 3)).round().astype(np.int16)


@cache
def wall(seed: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    """Return a background with large and small things in it."""
    rng = np.random.default_rng(1000 + seed)
    coarse = cv2.resize(rng.uniform(40, 200, (6, 8, 3)), size[::-1], interpolation=cv2.INTER_CUBIC)
    fine = cv2.resize(rng.normal(0, 12, (60, 80, 3)), size[::-1], interpolation=cv2.INTER_LINEAR)
    return np.clip(coarse + fine, 0, 255).astype(np.uint8)


def paint(canvas: np.ndarray, seed: int, at: At, mouth: float = 0.0) -> None:
    """Draw a person into a picture."""
    rgba, (left, top, side) = person(seed, mouth)[0], person(seed)[1]
    matrix = cv2.getRotationMatrix2D((left + side / 2, top + side / 2), -at.turn, at.side / side)
    matrix[:, 2] += (at.x - left - side / 2, at.y - top - side / 2)
    drawn = cv2.warpAffine(
        rgba, matrix, canvas.shape[1::-1], flags=cv2.INTER_AREA if at.side < side else cv2.INTER_LINEAR
    )
    behind = cv2.merge([255 - drawn[..., 3]] * 3)
    # black beyond the person, so already multiplied
    canvas[:] = cv2.add(drawn[..., :3].copy(), cv2.multiply(canvas, behind, scale=1 / 255))


Course = Callable[[int], At | None]


@dataclass
class Scene:
    """People on their courses: `courses[seed]` tells where a person's face is in a frame, None = not in the picture."""

    frames: int
    courses: dict[int, Course]
    over: Callable[[np.ndarray, int], None] | None = None
    background: Callable[[int], int] = lambda _: 0

    def picture(self, index: int) -> np.ndarray:
        canvas = wall(self.background(index)).copy()
        for seed, course in self.courses.items():
            if (at := course(index)) is not None:
                paint(canvas, seed, at)
        if self.over is not None:
            self.over(canvas, index)
        return cv2.add(canvas, grain(index % GRAINS), dtype=cv2.CV_8U)

    def pictures(self) -> list[np.ndarray]:
        return [self.picture(index) for index in range(self.frames)]

    def track(self, params: TrackParams | None = None, notes: list[str] | None = None) -> ClipFeatures:
        frames = ((index / FPS, drawn(self.picture(index))) for index in range(self.frames))
        return track(frames, detector(), params or TrackParams(), [] if notes is None else notes)

    def check(
        self, found: ClipFeatures, hidden: Callable[[int, int], bool] = lambda _, __: False, coverage: float = 0.95
    ) -> None:
        """Assert that each person has one id of their own, is followed while they can be seen, and is where they are.

        Args:
            found: by the tracker
            hidden: (person, frame) -> whether something hides the face
            coverage: least share of the frames in which a face can be seen as a whole
        """
        tracks = found.extra["tracks"]
        assert tracks.shape[:2] == (self.frames, tracks.shape[1])
        owners: dict[int, int] = {}
        for seed, course in self.courses.items():
            seen = [
                frame
                for frame in range(self.frames)
                if (at := course(frame)) is not None and at.inside and not hidden(seed, frame)
            ]
            overlaps = np.array(
                [
                    [_overlap(tracks[frame, number], course(frame).box) for number in range(tracks.shape[1])]
                    for frame in seen
                ]
            )
            followed = overlaps.max(axis=1) > 0.5
            ids = set(overlaps[followed].argmax(axis=1).tolist())
            assert len(ids) == 1, f"person {seed} has the ids {ids}"
            owners[seed] = ids.pop()
            assert followed.mean() >= coverage, f"person {seed} is followed in {followed.mean():.2f} of the frames"
            assert overlaps[followed].max(axis=1).mean() >= 0.7
        assert len(set(owners.values())) == len(owners), f"one id for two: {owners}"


def _overlap(box: np.ndarray, truth: Sequence[float]) -> float:
    return 0.0 if np.isnan(box[0]) else iou(tuple(map(float, box)), tuple(truth))
