"""A fixed number of aligned faces of a clip, Ouyang et al. 2017, sections 3.1 and 6.2.1.

The paper: "we resampled videos to a fixed length of sixteen frames", and "by presuming each video contains only one
person's face, the candidate regions of video frames with highest confidence are taken as detected faces". How the
sixteen are chosen is left open; here they are the frames at the middles of sixteen equal parts of the clip.

Crops are squares of 128 units in which the five landmarks lie where the face network's authors have them (Wen et al.
2016): in the middle of the square lies their picture, 112 units high and 96 wide.
"""

from array import array
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import NamedTuple

import numpy as np
from pydantic import Field

from pipeline.core.errors import ClipError
from pipeline.core.settings import Settings
from pipeline.core.store import ClipFeatures
from pipeline.faces.boxes import Detection, FaceDetector, drawn, eye_centres, side, similarity
from pipeline.faces.small import finder_of_small
from pipeline.media.frame import same_frames

UNITS = 128
"""Height and width of the aligned square, in the units of TEMPLATE."""
_WEN = [(30.2946, 51.6963), (65.5318, 51.5014), (48.0252, 71.7366), (33.5493, 92.3655), (62.7299, 92.2041)]
TEMPLATE = np.array(_WEN) + np.array([16, 8])
"""(5, 2): where the eyes, the nose and the corners of the mouth lie. The numbers are Wen's, in 96 x 112."""

_TRIED = 4
"""Frames in which small faces are looked for, which takes long, before it is given up."""
_LARGEST = 4.0
"""Aligned square over the longer side of the frame, beyond which points are no face's."""


class AlignParams(Settings):
    """`align_faces`, without the detector's own settings; the defaults are the paper's where it says."""

    detector: str = Field("mtcnn", min_length=1, description="plugin in pipeline/faces/detection {Ouyang 3.1: mtcnn}")
    frames: int = Field(16, ge=1, le=256, description="frames taken of every clip {Ouyang 6.2.1: 16}")
    px: int = Field(
        256,
        ge=16,
        le=1024,
        description="side of the aligned crops, px; networks see 7/8 of it, so 256 for those of full size",
    )
    min_coverage: float = Field(
        0.5, ge=0, le=1, description="share of frames with a face below which a clip is degraded"
    )


class _Face(NamedTuple):
    """The face of one frame: its points (5, 2) px, NaN where there is none; its crop; whether another is as sure."""

    found: Detection
    points: np.ndarray
    crop: np.ndarray
    tied: bool


def align(
    open_frames: Callable[[], Iterable[tuple[float, np.ndarray]]], detector: FaceDetector, params: AlignParams
) -> tuple[ClipFeatures, list[str]]:
    """Take the most confident face of each of a fixed number of frames; the detector is asked once per frame taken.

    `open_frames` begins a reading of the clip: (time s, (H, W, 3) uint8 RGB) in order, the same each time; it is called
    twice, once to count, so that memory does not grow with the clip, and again where no frame has a face, to look for
    one that is too small for the detector (`pipeline.faces.small`).

    Returns:
        `values` (N, 4) float32 px, the detector's box, NaN where `mask` is false; times (N,) s of the frames taken;
        further arrays: `landmarks` (N, 5, 2) float32 px of the frame, of detectors without landmarks the two eyes
        alone, where their boxes have them on average, NaN where there is none; `score` (N,) float32, the detector's;
        `crops` (N, px, px, 3) uint8, black where `mask` is false. N is `frames`; a shorter clip's frames are repeated.
        And what degrades the result, most important first: too_short, few_faces, equal_faces

    Raises:
        ClipError: no_video, there is no frame; no_face, none of those taken has a face; decode_error, the second
            reading gave other frames than the first
    """
    times = np.array(array("d", (time for time, _ in open_frames())))
    if not len(times):
        raise ClipError("no_video", "no frame")
    taken = evenly(len(times), params.frames)
    faces = dict(_faces(open_frames, times, taken, detector, detector, params.px))
    if not any(faces.values()):
        small = _faces(open_frames, times, taken, finder_of_small(detector), detector, params.px)
        first = dict(islice(small, _TRIED))
        faces |= {**first, **dict(small)} if any(first.values()) else first
    rows = [faces[frame] for frame in taken.tolist()]
    if not any(rows):
        raise ClipError("no_face", f"in none of {params.frames} frames")
    return _packed(rows, times[taken], params.px), _notes(rows, len(times), params)


def _faces(
    open_frames: Callable[[], Iterable[tuple[float, np.ndarray]]],
    times: np.ndarray,
    taken: np.ndarray,
    find: Callable[[np.ndarray], list[Detection]],
    detector: FaceDetector,
    px: int,
) -> Iterator[tuple[int, _Face | None]]:
    """Yield the number of each frame taken, once, and its face as `find` sees it; the rest of a clip is not read."""
    wanted = set(taken.tolist())
    pictures = ((index, rgb) for index, rgb in same_frames(open_frames(), times) if index in wanted)
    for index, rgb in islice(pictures, len(wanted)):
        yield index, _aligned(rgb, find(rgb), detector, px)


def evenly(available: int, count: int) -> np.ndarray:
    """Return which frames lie at the middles of `count` equal parts, (count,) int64 in [0, available), not decreasing;
    with fewer frames than parts some are taken repeatedly, as evenly as can be.
    """
    return (2 * np.arange(count) + 1) * available // (2 * count)


def best_face(found: list[Detection]) -> tuple[Detection, bool]:
    """Return the most confident of some faces, and whether another is as confident; of equally confident ones the
    larger counts, of equally large ones the one further left.
    """
    best = max(found, key=lambda d: (d.score, side(d.box), -d.box[0]))
    return best, sum(d.score == best.score for d in found) > 1


def draw(rgb: np.ndarray, matrix: np.ndarray, px: int) -> np.ndarray:
    """Draw the aligned square of a picture, (px, px, 3) uint8; the matrix (2, 3) leads from px of the picture, counted
    from its edge, to UNITS.
    """
    matrix = matrix * (px / UNITS)

    def enlarged(fold: int) -> np.ndarray:
        turn, shift = fold * matrix[:, :2], fold * matrix[:, 2]
        # OpenCV counts from the centre of the first pixel
        return np.column_stack([turn, shift + turn @ (0.5, 0.5) - 0.5])

    return drawn(rgb, enlarged, (px, px), 1 / _scale(matrix))


def _scale(matrix: np.ndarray) -> float:
    return float(np.hypot(matrix[0, 0], matrix[1, 0]))


def _aligned(rgb: np.ndarray, found: list[Detection], detector: FaceDetector, px: int) -> _Face | None:
    if not found:
        return None
    best, tied = best_face(found)
    points = points_of(best, detector)
    crop = aligned(rgb, points, px)
    return _Face(best, points, crop, tied) if crop is not None else None


def points_of(found: Detection, detector: FaceDetector) -> np.ndarray:
    """Return the points of a detected face that are to be aligned, (5, 2) float64 px; of a detector without landmarks
    the two eyes alone, where its boxes have them on average, and NaN.
    """
    points = np.full(TEMPLATE.shape, np.nan)
    if found.landmarks is not None:
        points[:] = found.landmarks
    else:
        points[:2] = eye_centres(np.array([found.box]), detector.eyes)[0]
    return points


def aligned(rgb: np.ndarray, points: np.ndarray, px: int) -> np.ndarray | None:
    """Return a face with its points (5, 2) px, as far as they are no NaN, nearest to TEMPLATE, (px, px, 3) uint8; None
    where they lie all in one place, or in no order of a face's.
    """
    seen = ~np.isnan(points[:, 0])
    if not np.ptp(points[seen], axis=0).any():
        return None
    matrix = similarity(points[seen], TEMPLATE[seen])
    return draw(rgb, matrix, px) if _scale(matrix) * _LARGEST * max(rgb.shape) >= UNITS else None


def _packed(rows: list[_Face | None], times: np.ndarray, px: int) -> ClipFeatures:
    shapes: list[tuple[int, ...]] = [(4,), TEMPLATE.shape, ()]
    boxes, landmarks, score = (np.full((len(rows), *shape), np.nan, np.float32) for shape in shapes)
    crops = np.zeros((len(rows), px, px, 3), np.uint8)
    for index, face in enumerate(rows):
        if face is not None:
            boxes[index], score[index] = face.found.box, face.found.score
            landmarks[index], crops[index] = face.points, face.crop
    mask = np.array([face is not None for face in rows])
    return ClipFeatures(boxes, times, mask, {"landmarks": landmarks, "score": score, "crops": crops})


def _notes(rows: list[_Face | None], available: int, params: AlignParams) -> list[str]:
    faces = [face for face in rows if face is not None]
    notes = []
    if available < params.frames:
        notes.append(f"too_short: {available} frames, of which {params.frames} are taken")
    if len(faces) < params.min_coverage * params.frames:
        notes.append(f"few_faces: in {len(faces)} of {params.frames} frames")
    if tied := sum(face.tied for face in faces):
        notes.append(f"equal_faces: in {tied} of {params.frames} frames")
    return notes
