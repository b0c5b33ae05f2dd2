"""Follow the faces of a clip: detect at times, follow between, tell who is who, choose the subject, fill gaps, smooth.

The clip is read once. Who the subject is is known only at the end, when the frames are gone: numbers are kept, some 100
bytes a frame and face, and of a short clip the faces' own pixels (`pipeline.faces.tracking.face_pixels`), from which
`track_faces` cuts the crops that params.yaml asks for. Others are cut by another reading (`crop_faces`), without
looking for the face again.
"""

from collections.abc import Callable, Iterable
from itertools import pairwise

import numpy as np

from pipeline.core.errors import ClipError
from pipeline.core.store import ClipFeatures
from pipeline.faces.boxes import FaceDetector, smooth
from pipeline.faces.tracking.detection import EyeFinder, Look
from pipeline.faces.tracking.face_pixels import Kept
from pipeline.faces.tracking.identity import Track, join, ranked
from pipeline.faces.tracking.scan import Scan
from pipeline.faces.tracking.settings import TrackParams
from pipeline.media.frame import VideoFrame

DETECTED, FOLLOWED, INTERPOLATED = 1, 2, 3
"""How a box came about, in `how`; 0 where there is none."""
_EPSILON_S = 1e-6  # timestamps are decimal fractions; a gap of exactly `max_gap_s` is still short


def track(
    pictures: Iterable[tuple[float, VideoFrame]],
    detector: FaceDetector,
    params: TrackParams,
    notes: list[str],
    eyes: EyeFinder | None = None,
    kept: Kept | None = None,
    loudness: Callable[[np.ndarray], np.ndarray | None] | None = None,
) -> ClipFeatures:
    """Follow all faces of a clip, (time s, picture) in order, and choose its subject, by `params.subject`.

    Args:
        notes: gets `few_faces` where a smaller share of the frames than `min_coverage` has the face; `several_faces`
            where another face comes close to the subject's weight
        eyes: finds the eyes of a detected face; None = they are where the detector sees them, or where its boxes have
            them on average, turned as the face turns
        kept: gets the pixels of the faces
        loudness: times (T,) s -> loudness of the sound (T,), or None where there is none; asked only where mouths count

    Returns:
        `values` = `boxes`, (T, 4) float32 px, NaN where `mask` is false; T frames with their times; further arrays:
        `landmarks` (T, 2, 2) float32 px, the centres of the two eyes, the left one in the picture first, NaN where
        `mask` is false; `score` (T,) float32, the detector's, 0 where it was not asked or did not see the face, NaN
        where `mask` is false; `how` (T,) uint8, DETECTED, FOLLOWED, INTERPOLATED or 0; `tracks` (T, K, 4) float32 px,
        the boxes of all K faces, a face's number being its id, the subject's 0, NaN where it is not seen

    Raises:
        ClipError: no_video, there is no frame; no_face, no frame has a face
    """
    scan = Scan(Look(detector, eyes), params, kept)
    scan.run(pictures)
    times = np.array(scan.times, np.float64)
    if not len(times):
        raise ClipError("no_video", "no frame")
    if not scan.done:
        raise ClipError("no_face", f"in none of {len(times)} frames")
    heard = loudness(times) if loudness is not None and "mouth" in params.subject else None
    faces, weights = ranked(join(scan.done, times, np.array(scan.shots), params.same_from), params.subject, heard)
    found = [_course(face, times, params, detector) for face in faces]
    boxes, points, score, how = found[0]
    mask = how > 0
    if mask.mean() < params.min_coverage:
        notes.append("few_faces")
    if len(weights) > 1 and weights[1] >= params.close_from * weights[0]:
        notes.append(
            f"several_faces: face 1 has {weights[1] / weights[0]:.2f} times the weight of the subject "
            f"({' x '.join(params.subject)})"
        )
    tracks = np.stack([course[0] for course in found], axis=1)
    extra = {"boxes": boxes, "landmarks": points.reshape(-1, 2, 2), "score": score, "how": how, "tracks": tracks}
    return ClipFeatures(boxes, times, mask, extra)


def _course(
    face: Track, times: np.ndarray, params: TrackParams, detector: FaceDetector
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Spread one face over all frames: boxes (T, 4), eyes (T, 4), score (T,), how (T,); straight over short gaps."""
    course = np.full((len(times), 8), np.nan)
    score = np.zeros(len(times), np.float32)
    how = np.zeros(len(times), np.uint8)
    sigma = params.detect_every_s if params.search_every_s else 0.0
    for tracklet in face:
        rows = np.asarray(tracklet.frames)
        course[rows] = np.hstack(tracklet.course(times, sigma, detector.eyes))
        how[rows] = FOLLOWED
        how[tracklet.keys] = DETECTED
        score[tracklet.keys] = [one.score for one in tracklet.found]
    _bridge(course, how, times, params.max_gap_s)
    score[how == 0] = np.nan
    course = np.hstack([smooth(part, times, params.smooth_s) for part in np.hsplit(course, 2)]).astype(np.float32)
    return course[:, :4], course[:, 4:], score, how


def _bridge(course: np.ndarray, how: np.ndarray, times: np.ndarray, max_gap_s: float) -> None:
    """Draw straight lines over short gaps, in place."""
    for one, other in pairwise(np.flatnonzero(how)):
        if other - one > 1 and times[other] - times[one] <= max_gap_s + _EPSILON_S:
            share = (times[one + 1 : other] - times[one]) / (times[other] - times[one])
            course[one + 1 : other] = course[one] + share[:, None] * (course[other] - course[one])
            how[one + 1 : other] = INTERPOLATED
