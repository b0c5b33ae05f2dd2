"""`pipeline.faces.alignment.align` and its job: sixteen frames, the most confident face of each, its landmarks at their
places.
"""

from __future__ import annotations

import math
import weakref
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from helpers.media import write_media
from helpers.published import published
from pipeline.core.clip import Clip
from pipeline.core.errors import ClipError, SettingsError
from pipeline.core.ledger import read_ledger
from pipeline.core.settings import Runtime, parse
from pipeline.core.store import FeatureFile
from pipeline.core.weights_file import save_weights
from pipeline.engine.clip_cache import cache_key
from pipeline.engine.run import run
from pipeline.faces.alignment.align import TEMPLATE, UNITS, AlignParams, align, best_face, draw, evenly
from pipeline.faces.alignment.job import AlignJob
from pipeline.faces.boxes import Detection, similarity
from pipeline.faces.detection import dlib_hog, mtcnn
from pipeline.media.decode import read_frames
from pipeline.networks.mtcnn import MTCNN

SMALL = AlignParams(px=32)
DATA = Path(__file__).resolve().parents[3] / "../shared/data"


@pytest.mark.parametrize(
    ("available", "count", "expected"),
    [
        (16, 16, list(range(16))),
        (32, 16, [2 * i + 1 for i in range(16)]),
        (48, 16, [3 * i + 1 for i in range(16)]),
        (8, 16, [i // 2 for i in range(16)]),
        (1, 16, [0] * 16),
        (3, 4, [0, 1, 1, 2]),
        (10, 4, [1, 3, 6, 8]),
        (5, 1, [2]),
    ],
)
def test_frames_at_the_middles_of_equal_parts(available, count, expected):
    assert evenly(available, count).tolist() == expected


@given(st.integers(1, 10_000), st.integers(1, 256))
def test_frames_are_spread_evenly(available, count):
    taken = evenly(available, count).tolist()
    assert taken == [math.floor((i + 0.5) * available / count) for i in range(count)]
    assert 0 <= taken[0] <= taken[-1] < available
    steps = [after - before for before, after in pairwise(taken)]
    assert all(math.floor(available / count) <= step <= math.ceil(available / count) for step in steps)
    assert len(set(taken)) == min(available, count)


numbers = st.floats(-100, 100)


@given(st.floats(0.05, 20), st.floats(-math.pi, math.pi), numbers, numbers, st.integers(2, 6), st.integers(0, 1000))
def test_a_similarity_is_found_again(scale, angle, right, down, count, seed):
    points = np.random.default_rng(seed).normal(0, 30, (count, 2))
    turn = scale * np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    found = similarity(points, points @ turn.T + (right, down))
    assert np.allclose(found, np.column_stack([turn, (right, down)]), atol=1e-8 * max(1, scale) * 100)


@given(st.integers(3, 8), st.integers(0, 1000), st.booleans())
def test_the_similarity_is_the_best_one_and_never_reflects(count, seed, mirrored):
    rng = np.random.default_rng(seed)
    points = rng.normal(0, 10, (count, 2))
    targets = points * ([-1, 1] if mirrored else [1, 1]) + rng.normal(0, 1, (count, 2))
    found = similarity(points, targets)
    assert np.linalg.det(found[:, :2]) >= 0
    assert found[0, 0] == found[1, 1]
    assert found[0, 1] == -found[1, 0]

    def error(matrix: np.ndarray) -> float:
        return float(((points @ matrix[:, :2].T + matrix[:, 2] - targets) ** 2).sum())

    for change in rng.normal(0, 0.01, (20, 4)):
        a, b, c, d = change
        assert error(found) <= error(found + np.array([[a, -b, c], [b, a, d]])) + 1e-9


def face(left: float = 20.0, score: float = 1.0, size: float = 40.0, landmarks=None) -> Detection:
    return Detection((left, 30.0, left + size, 30.0 + size), score, landmarks)


def test_the_most_confident_face():
    assert best_face([face(10, 0.8, 60.0), face(50, 0.9)]) == (face(50, 0.9), False)
    assert best_face([face(10)]) == (face(10), False)


def test_of_equally_confident_faces_the_larger_then_the_one_further_left():
    assert best_face([face(10, size=20.0), face(50)]) == (face(50), True)
    assert best_face([face(50), face(10), face(30)]) == (face(10), True)
    assert best_face([face(10, 0.5), face(50, 0.5), face(90, 0.7)]) == (face(90, 0.7), False)


class Film:
    """Frames at 25 fps whose first pixel is their number, and itself a detector with an answer for each."""

    eyes = ((0.25, 0.3), (0.75, 0.3))

    def __init__(self, answers):
        self.answers = answers
        self.looked_at = []

    def frames(self):
        for index in range(len(self.answers)):
            rgb = np.full((120, 160, 3), 50 + index, np.uint8)
            rgb[0, 0] = index
            yield index * 0.04, rgb

    def __call__(self, rgb):
        index = int(rgb[0, 0, 0])
        self.looked_at.append(index)
        return self.answers[index]

    def align(self, params=SMALL):
        return align(self.frames, self, params)


def test_sixteen_frames_of_many():
    film = Film([[face(20 + i)] for i in range(80)])
    found, notes = film.align()
    assert notes == []
    assert film.looked_at == [5 * i + 2 for i in range(16)]
    assert found.times.tolist() == [index * 0.04 for index in film.looked_at]
    assert found.values[:, 0].tolist() == [20 + index for index in film.looked_at]
    assert [crop[16, 16, 0] for crop in found.extra["crops"]] == [50 + index for index in film.looked_at]
    assert found.mask.all()


def test_dtypes_and_shapes():
    found, _ = Film([[face()]] * 20).align()
    assert (found.values.dtype, found.values.shape) == (np.float32, (16, 4))
    assert (found.times.dtype, found.mask.dtype) == (np.float64, bool)
    kinds = {name: (array.dtype, array.shape) for name, array in found.extra.items()}
    assert kinds == {
        "landmarks": (np.float32, (16, 5, 2)),
        "score": (np.float32, (16,)),
        "crops": (np.uint8, (16, 32, 32, 3)),
    }


def test_fewer_frames_than_sixteen_are_repeated_and_looked_at_once():
    film = Film([[face(20 + i)] for i in range(5)])
    found, notes = film.align()
    assert film.looked_at == [0, 1, 2, 3, 4]
    assert found.values[:, 0].tolist() == [20, 20, 20, 21, 21, 21, 22, 22, 22, 22, 23, 23, 23, 24, 24, 24]
    assert notes == ["too_short: 5 frames, of which 16 are taken"]


def test_frames_without_a_face_are_masked():
    answers = [[face()] if index % 2 else [] for index in range(16)]
    found, notes = Film(answers).align()
    assert found.mask.tolist() == [False, True] * 8
    assert np.isnan(found.values[~found.mask]).all()
    assert np.isnan(found.extra["landmarks"][~found.mask]).all()
    assert np.isnan(found.extra["score"][~found.mask]).all()
    assert not found.extra["crops"][~found.mask].any()
    assert found.extra["crops"][found.mask].any(axis=(1, 2, 3)).all()
    assert notes == []
    answers[1] = []
    assert Film(answers).align()[1] == ["few_faces: in 7 of 16 frames"]


def test_equal_faces_are_noted_with_their_number():
    answers = [[face(80), face(20)] if index in (3, 4, 9) else [face(80)] for index in range(16)]
    found, notes = Film(answers).align()
    assert notes == ["equal_faces: in 3 of 16 frames"]
    assert found.values[:, 0].tolist() == [20 if index in (3, 4, 9) else 80 for index in range(16)]


def test_the_most_important_note_comes_first():
    found, notes = Film([[face(80), face(20)], [], []]).align()
    assert [note.split(":")[0] for note in notes] == ["too_short", "few_faces", "equal_faces"]
    assert found.mask.sum() == 5


def reason(call) -> str:
    with pytest.raises(ClipError) as caught:
        call()
    return caught.value.reason


def test_no_face_and_no_frame():
    assert reason(Film([[]] * 20).align) == "no_face"
    assert reason(Film([]).align) == "no_video"


def test_a_file_that_changes_between_the_readings():
    film = Film([[face()]] * 20)
    readings = iter([20, 15, 20])
    assert reason(lambda: align(lambda: list(film.frames())[: next(readings)], film, SMALL)) == "decode_error"
    shifts = iter([0, 0.5])

    def shifted():
        shift = next(shifts)
        return ((time + shift, rgb) for time, rgb in film.frames())

    assert reason(lambda: align(shifted, film, SMALL)) == "decode_error"


def test_full_frames_are_not_kept():
    alive: list[weakref.ref] = []

    def frames():
        for index in range(200):
            rgb = np.full((60, 80, 3), 50, np.uint8)
            alive.append(weakref.ref(rgb))
            yield index * 0.04, rgb
            assert sum(ref() is not None for ref in alive) <= 3

    align(frames, Film([[face(10)]] * 256), SMALL)
    assert len(alive) == 200 + 194  # the second reading ends with the last frame that is taken


def template_px(px: int) -> np.ndarray:
    return TEMPLATE * px / UNITS


def dotted(height: int, width: int, points: np.ndarray, sigma: float) -> np.ndarray:
    y, x = np.mgrid[:height, :width] + 0.5
    dots = [np.exp(-((x - across) ** 2 + (y - down) ** 2) / (2 * sigma**2)) for across, down in points]
    return np.repeat((255 * np.max(dots, axis=0)).round().astype(np.uint8)[..., None], 3, axis=2)


def centre_of(picture: np.ndarray, place: np.ndarray, reach: float) -> np.ndarray:
    """Centre of gravity of what is bright about a place, px from the edge."""
    y, x = np.mgrid[: picture.shape[0], : picture.shape[1]] + 0.5
    near = np.hypot(x - place[0], y - place[1]) < reach
    weights = np.where(near & (picture > 40), picture, 0).astype(float)
    return np.array([(weights * x).sum(), (weights * y).sum()]) / weights.sum()


@pytest.mark.parametrize("px", [64, 72, 256])
@pytest.mark.parametrize("scale", [0.6, 1.0, 2.3, 4.0])
@pytest.mark.parametrize("degrees", [0, 20, -35])
def test_landmarks_end_up_at_their_places(px, scale, degrees):
    """A face `scale` times as large as in the template, turned, somewhere in a picture."""
    angle = math.radians(degrees)
    turn = scale * np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    points = (TEMPLATE - TEMPLATE.mean(axis=0)) @ turn.T + (310.4, 251.7)
    rgb = dotted(500, 620, points, max(1.2, 2.2 * scale))
    landmarks = tuple(map(tuple, points.tolist()))
    params = AlignParams(px=px, frames=1)
    found, _ = align(lambda: [(0.0, rgb)], lambda _: [Detection((250, 200, 350, 300), 1.0, landmarks)], params)
    crop = found.extra["crops"][0, ..., 0]
    for place in template_px(px):
        assert np.abs(centre_of(crop, place, 8 * px / UNITS) - place).max() < 0.5
    assert np.allclose(found.extra["landmarks"][0], points, atol=1e-4)


def test_points_at_their_places_leave_the_picture_as_it_is():
    rgb = np.random.default_rng(0).integers(0, 256, (UNITS, UNITS, 3), np.uint8)
    assert np.array_equal(draw(rgb, similarity(TEMPLATE, TEMPLATE), UNITS), rgb)
    shifted = np.pad(rgb, ((7, 0), (5, 0), (0, 0)))
    assert np.array_equal(draw(shifted, similarity(TEMPLATE + np.array([5, 7]), TEMPLATE), UNITS), rgb)


@pytest.mark.parametrize("scale", [2.0, 3.5, 8.0])
def test_shrinking_takes_means_instead_of_skipping_pixels(scale):
    board = (np.indices((1100, 1100)).sum(axis=0) % 2 * 255).astype(np.uint8)
    points = (TEMPLATE - TEMPLATE.mean(axis=0)) * scale * 128 / UNITS + 550
    crop = draw(np.repeat(board[..., None], 3, axis=2), similarity(points, TEMPLATE), UNITS)
    assert crop.mean() == pytest.approx(127.5, abs=2)
    assert crop.std() < 26


def test_beyond_the_border_is_the_pictures_reflection():
    rgb = np.full((20, 30, 3), (7, 99, 201), np.uint8)
    assert (draw(rgb, similarity(TEMPLATE / 2 - 30, TEMPLATE), 64) == (7, 99, 201)).all()


def test_a_detector_without_landmarks_puts_the_eyes_at_their_places():
    film = Film([[face()]] * 16)  # eyes at (30, 42) and (50, 42)
    found, _ = film.align()
    assert found.extra["landmarks"][0, :2].tolist() == [[30, 42], [50, 42]]
    assert np.isnan(found.extra["landmarks"][:, 2:]).all()
    eyes = np.array([[30.0, 42], [50, 42]])
    rgb = dotted(120, 160, eyes, 2.0)
    crop = align(lambda: [(0.0, rgb)], Always(), AlignParams(px=128, frames=1))[0].extra["crops"][0, ..., 0]
    for place in TEMPLATE[:2]:
        assert np.abs(centre_of(crop, place, 10) - place).max() < 0.5


class Always:
    """One face, wherever one looks."""

    eyes = Film.eyes

    def __call__(self, rgb):
        return [face()]


def orderless() -> np.ndarray:
    """Five points that no turn and scale brings nearer to the template than all of them in one place."""
    w = (TEMPLATE - TEMPLATE.mean(axis=0)) @ [1, 1j]
    z = w.conj() - (w**2).sum().conj() / (np.abs(w) ** 2).sum() * w
    return np.column_stack([z.real, z.imag]) + 60


@pytest.mark.parametrize("points", [np.full((5, 2), 40.0), orderless()], ids=["in one place", "in no order"])
def test_points_of_no_face_are_no_face(points):
    assert reason(Film([[face(landmarks=tuple(map(tuple, points.tolist())))]] * 16).align) == "no_face"


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"frames": 0}, "align_faces.frames"),
        ({"px": 8}, "align_faces.px"),
        ({"min_coverage": 2}, "align_faces.min_coverage"),
        ({"detektor": "mtcnn"}, "did you mean 'detector'"),
    ],
)
def test_settings_are_checked(changed, words):
    with pytest.raises(SettingsError, match=words):
        parse(AlignParams, changed, "params.yaml: align_faces")


def film_of(path: Path, pictures: list[np.ndarray]) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "10", "preset": "ultrafast"})
        stream.height, stream.width, stream.pix_fmt = *pictures[0].shape[:2], "yuv420p"
        for rgb in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(rgb, format="rgb24")))
        container.mux(stream.encode(None))
    return path


@pytest.fixture(scope="module")
def pictures():
    """Twenty frames in which scikit-image's portrait moves."""
    astronaut = cv2.resize(pytest.importorskip("skimage.data").astronaut(), (320, 320), interpolation=cv2.INTER_AREA)
    return [np.ascontiguousarray(np.roll(astronaut, 2 * index, axis=1)) for index in range(20)]


def clip(name: str) -> Clip:
    return Clip(name, f"{name}.mp4", "s", "anger", digest=name)


@pytest.fixture
def job(tmp_path, pictures):
    """dlib on a clip with a face throughout, one of five frames, and one without any."""
    film_of(tmp_path / "a.mp4", pictures)
    film_of(tmp_path / "b.mp4", pictures[:5])
    write_media(tmp_path / "c.mp4", times_ms=[40 * index for index in range(20)])
    return AlignJob(tmp_path, AlignParams(detector="dlib_hog", px=48), dlib_hog.Params().model_dump())


def test_the_job_fills_file_and_ledger(job, tmp_path):
    runtime = Runtime(workers=1, clip_cache=str(tmp_path / "cache"), max_failed_fraction=1)
    clips = [clip(name) for name in "abc"]
    line = run(job, clips, [], job.meta(), tmp_path / "x.h5", tmp_path / "x.csv", runtime)
    assert line == "align_faces: 1 ok, 1 degraded (too_short), 1 failed (no_face); 0 of 3 clips from the clip cache"
    details = [(e.clip_id, e.reason, e.detail) for e in read_ledger(tmp_path / "x.csv")]
    assert details == [
        ("a", "", ""),
        ("b", "too_short", "5 frames, of which 16 are taken"),
        ("c", "no_face", "in none of 16 frames"),
    ]
    with FeatureFile(tmp_path / "x.h5") as file:
        found, meta = file.read("a"), file.meta
    assert found.mask.all()
    assert found.values.shape == (16, 4)
    assert found.times.tolist() == pytest.approx([0.04 * index for index in evenly(20, 16)])
    assert found.extra["crops"].shape == (16, 48, 48, 3)
    assert meta.feature == "aligned"
    assert meta.params["detector_settings"] == {"upsample": 0, "threshold": 0.0}
    assert (meta.weights, meta.origin) == ("", "")
    again = run(job, clips, [], job.meta(), tmp_path / "y.h5", tmp_path / "y.csv", runtime)
    assert again.endswith("3 of 3 clips from the clip cache")
    assert (tmp_path / "x.h5").read_bytes() == (tmp_path / "y.h5").read_bytes()


def test_the_key_follows_clip_settings_detector_and_weights(job, tmp_path):
    folders = []
    for seed in range(2):
        torch.manual_seed(seed)
        save_weights(tmp_path / str(seed), MTCNN().state_dict(), {}, "random, for a test")
        folders.append(tmp_path / str(seed))
    with_networks = AlignJob(tmp_path, AlignParams(), mtcnn.Params().model_dump(), folders[0])
    others = [
        with_networks,
        replace(with_networks, weights=folders[1]),
        replace(job, params=AlignParams(detector="dlib_hog", px=64)),
        replace(job, detector=dlib_hog.Params(upsample=1).model_dump()),
    ]
    keys = {cache_key(**made.parts(clip("a"))) for made in (job, *others)} | {cache_key(**job.parts(clip("b")))}
    assert len(keys) == 6
    assert replace(job, weights=folders[0]).parts(clip("a")) == job.parts(clip("a"))
    assert len(with_networks.meta().weights) == 64
    assert with_networks.meta().origin == "random, for a test"


def test_mtcnn_puts_a_real_face_at_its_place(pictures):
    detector = mtcnn.Detector(mtcnn.Params(min_face_px=40), published("mtcnn_pnet", "mtcnn_rnet", "mtcnn_onet"))
    frames = [(0.04 * index, rgb) for index, rgb in enumerate(pictures)]
    found, notes = align(lambda: frames, detector, AlignParams(px=128, frames=4))
    assert notes == []
    assert found.mask.all()
    steps = np.diff(found.extra["landmarks"][:, :, 0], axis=0)
    assert np.abs(steps.mean(axis=1) - 10).max() < 1  # five frames on
    crops = found.extra["crops"].astype(float)
    for crop, rgb_points in zip(crops, found.extra["landmarks"], strict=True):
        matrix = similarity(rgb_points.astype(float), TEMPLATE)
        placed = rgb_points @ matrix[:, :2].T + matrix[:, 2]
        assert np.abs(placed - TEMPLATE).max() < 6  # it smiles
        assert crop[48:62, 40:52].mean() > 50
    assert np.abs(crops[1:] - crops[0]).mean() < 12  # the same face, in the same place


@pytest.mark.slow
@pytest.mark.skipif(not DATA.is_dir(), reason="the real development data are not here")
def test_real_clips_are_aligned():
    detector = mtcnn.Detector(mtcnn.Params(min_face_px=60), published("mtcnn_pnet", "mtcnn_rnet", "mtcnn_onet"))
    for path in sorted((DATA / "cremad").glob("*.flv"))[:2]:
        found, notes = align(lambda path=path: read_frames(path), detector, AlignParams(px=64))
        assert notes == []
        assert found.mask.all()
        for points in found.extra["landmarks"].astype(float):
            matrix = similarity(points, TEMPLATE)
            assert np.abs(points @ matrix[:, :2].T + matrix[:, 2] - TEMPLATE).max() < 8
