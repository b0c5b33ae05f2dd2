"""Follow one face through a clip: detect, link, choose the subject, fill short gaps, smooth.

The clip is read once. Who the subject is, and where its box lies in a frame without a detection, is known only at the
end, when the frames are gone: numbers are kept, some 100 bytes a frame. Pictures of the face are cut by a second reading
(`crop_faces`), as many kinds of them as networks ask for, without looking for the face again.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from pipeline.core.errors import ClipError
from pipeline.core.store import ClipFeatures
from pipeline.faces.geometry import Box, Detection, FaceDetector, eye_centres, iou, side, smooth

_EPSILON_S = 1e-6  # timestamps are decimal fractions; a gap of exactly `max_gap_s` is still short


class TrackParams(BaseModel):
    """Settings of the tracker."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    detector: str = Field("dlib_hog", min_length=1, description="plugin in pipeline/faces/detectors")
    detect_every: int = Field(1, ge=1, le=100, description="detect in every n-th frame and interpolate between, frames")
    max_gap_s: float = Field(0.2, ge=0, le=10, description="longest time between two detections to interpolate over, s")
    smooth_s: float = Field(0.05, ge=0, le=2, description="standard deviation of the smoothing in time, s; 0 = none")
    min_iou: float = Field(0.3, gt=0, lt=1, description="overlap with a track's last box from which a face continues it")
    min_coverage: float = Field(0.5, ge=0, le=1, description="share of frames with a face below which a clip is degraded")


@dataclass
class _Track:
    """One face over time: where it was last, in which frames it was detected, where (four edges each), and how surely."""

    last: Box = (0.0, 0.0, 0.0, 0.0)
    frames: array[int] = field(default_factory=lambda: array("q"))
    edges: array[float] = field(default_factory=lambda: array("d"))
    scores: array[float] = field(default_factory=lambda: array("d"))

    def add(self, frame: int, found: Detection) -> None:
        self.last = found.box
        self.frames.append(frame)
        self.edges.extend(found.box)
        self.scores.append(found.score)

    @property
    def weight(self) -> float:
        """How much of the clip's subject this is: the sum of size x score, px."""
        edge = iter(self.edges)
        found = zip(edge, edge, edge, edge, self.scores, strict=True)
        return sum(side((left, top, right, bottom)) * max(0.0, score) for left, top, right, bottom, score in found)


def track(
    frames: Iterable[tuple[float, np.ndarray]], detector: FaceDetector, params: TrackParams, notes: list[str]
) -> ClipFeatures:
    """Find the subject of a clip, the face with the largest sum of size x score.

    Args:
        frames: (time s, (H, W, 3) uint8 RGB) in order
        detector: finds the faces of one picture
        params: settings
        notes: gets `few_faces` where a smaller share of the frames than `min_coverage` has a face

    Returns:
        `values` = `boxes`, (T, 4) float32 px, NaN where `mask` is false; T frames with their times; further arrays:
        `landmarks` (T, 2, 2) float32 px, the centres of the two eyes, the left one in the picture first: where the
        detector's boxes have them on average, not where they were seen; NaN where `mask` is false;
        `score` (T,) float32, the detector's, 0 where the box was interpolated, NaN where `mask` is false

    Raises:
        ClipError: no_video, there is no frame; no_face, no frame has a face
    """
    times, tracks = _scan(frames, detector, params)
    if not len(times):
        raise ClipError("no_video", "no frame")
    if not tracks:
        raise ClipError("no_face", f"in none of {len(times)} frames")
    subject = max(tracks, key=lambda t: (t.weight, len(t.frames)))
    edges, score = _fill(subject, times, params)
    boxes = smooth(edges, times, params.smooth_s).astype(np.float32)
    mask = ~np.isnan(boxes[:, 0])
    if mask.mean() < params.min_coverage:
        notes.append("few_faces")
    return ClipFeatures(boxes, times, mask, {"boxes": boxes, "landmarks": eye_centres(boxes, detector.eyes), "score": score})


def _scan(
    frames: Iterable[tuple[float, np.ndarray]], detector: FaceDetector, params: TrackParams
) -> tuple[np.ndarray, list[_Track]]:
    """Detect in every n-th frame and in the last one, so that nothing is left open at the end."""
    times = array("d")
    tracks: list[_Track] = []
    unseen: np.ndarray | None = None
    for index, (time, rgb) in enumerate(frames):
        times.append(time)
        unseen = rgb if index % params.detect_every else None
        if unseen is None:
            _link(tracks, index, detector(rgb), params.min_iou)
    if unseen is not None:
        _link(tracks, len(times) - 1, detector(unseen), params.min_iou)
    return np.array(times, np.float64), tracks


def _link(tracks: list[_Track], frame: int, found: list[Detection], min_iou: float) -> None:
    """Continue the tracks with the detections of one frame, largest overlap first; the others begin new tracks."""
    pairs = [(iou(t.last, d.box), i, j) for i, t in enumerate(tracks) for j, d in enumerate(found)]
    continued: set[int] = set()
    used: set[int] = set()
    for overlap, i, j in sorted(pairs, key=lambda p: (-p[0], p[1], p[2])):
        if overlap >= min_iou and i not in continued and j not in used:
            tracks[i].add(frame, found[j])
            continued.add(i)
            used.add(j)
    for j, detection in enumerate(found):
        if j not in used:
            tracks.append(_Track())
            tracks[-1].add(frame, detection)


def _fill(subject: _Track, times: np.ndarray, params: TrackParams) -> tuple[np.ndarray, np.ndarray]:
    """Spread a track over all frames, with straight lines over short gaps: boxes (T, 4) and score (T,)."""
    boxes = np.full((len(times), 4), np.nan)
    score = np.full(len(times), np.nan, np.float32)
    found = np.reshape(subject.edges, (-1, 4))
    for (one, other), (before, after) in zip(pairwise(subject.frames), pairwise(found), strict=True):
        not_looked_at = other - one <= params.detect_every
        if not_looked_at or times[other] - times[one] <= params.max_gap_s + _EPSILON_S:
            share = (times[one:other] - times[one]) / (times[other] - times[one])
            boxes[one:other] = before + share[:, None] * (after - before)
            score[one:other] = 0
    boxes[subject.frames], score[subject.frames] = found, subject.scores
    return boxes, score
