"""MTCNN: its boxes by hand-made cases, and real faces where the published weights can be had."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from helpers.media import drawn
from helpers.published import published
from pipeline.core.clip import Clip
from pipeline.core.errors import WeightsError
from pipeline.core.weights_file import save_weights
from pipeline.faces.boxes import eye_centres, iou, overlaps, suppress
from pipeline.faces.detection import dlib_hog, mtcnn
from pipeline.faces.tracking.job import TrackJob
from pipeline.faces.tracking.settings import TrackParams
from pipeline.faces.tracking.tracker import track
from pipeline.media.decode import read_frames
from pipeline.networks.mtcnn import MTCNN

DATA = Path(__file__).resolve().parents[3] / "../shared/data"
LIMIT = 0.5


@pytest.mark.parametrize(
    ("other", "over", "expected"),
    [
        ((0, 0, 10, 10), "union", 1.0),
        ((5, 0, 15, 10), "union", 50 / 150),
        ((5, 0, 15, 10), "smaller", 0.5),
        ((2, 2, 6, 7), "union", 0.2),
        ((2, 2, 6, 7), "smaller", 1.0),
        ((10, 0, 20, 10), "union", 0.0),
        ((11, 11, 20, 20), "smaller", 0.0),
    ],
)
def test_overlaps(other, over, expected):
    assert overlaps(np.array([0.0, 0, 10, 10]), np.array([other], float), over) == pytest.approx([expected])


def test_of_overlapping_boxes_the_best_stays():
    boxes = np.array([(0, 0, 10, 10), (1, 0, 11, 10), (30, 0, 40, 10), (0, 1, 10, 11), (30, 6, 40, 16)], float)
    assert suppress(boxes, np.array([0.7, 0.9, 0.8, 0.6, 0.95]), LIMIT).tolist() == [4, 1, 2]
    assert suppress(boxes, np.array([0.7, 0.9, 0.8, 0.6, 0.95]), 0.2).tolist() == [4, 1]


def test_a_box_that_lost_takes_none_away():
    chain = np.array([(0, 0, 10, 10), (3, 0, 13, 10), (6, 0, 16, 10)], float)  # each overlaps its neighbour by 0.54
    assert suppress(chain, np.array([0.9, 0.8, 0.7]), LIMIT).tolist() == [0, 2]


def test_of_equally_good_boxes_the_earlier_stays():
    assert suppress(np.array([(0.0, 0, 10, 10)] * 3), np.array([0.5, 0.5, 0.5]), LIMIT).tolist() == [0]


def test_a_small_box_within_a_large_one_goes_by_the_smaller_area_only():
    boxes = np.array([(0, 0, 40, 40), (5, 5, 15, 15)], float)
    assert suppress(boxes, np.array([0.9, 0.8]), LIMIT).tolist() == [0, 1]
    assert suppress(boxes, np.array([0.9, 0.8]), LIMIT, over="smaller").tolist() == [0]


def test_no_boxes():
    assert suppress(np.empty((0, 4)), np.empty(0), LIMIT).tolist() == []


sides = st.integers(0, 30)
some_boxes = st.lists(st.tuples(sides, sides, st.integers(1, 20), st.integers(1, 20), st.integers(0, 5)), max_size=12)


@given(some_boxes, st.sampled_from(["union", "smaller"]), st.sampled_from([0.3, 0.5, 0.7]))
def test_what_stays_overlaps_little_and_what_goes_overlaps_something_better(drawn, over, limit):
    boxes = np.array([(x, y, x + w, y + h) for x, y, w, h, _ in drawn], float).reshape(-1, 4)
    scores = np.array([s for *_, s in drawn], float)
    kept = suppress(boxes, scores, limit, over).tolist()
    assert scores[kept].tolist() == sorted(scores[kept], reverse=True)
    for position, one in enumerate(kept):
        assert (overlaps(boxes[one], boxes[kept[:position]], over) <= limit).all()
    for gone in set(range(len(boxes))) - set(kept):
        better = [k for k in kept if (-scores[k], k) < (-scores[gone], gone)]
        assert (overlaps(boxes[gone], boxes[better], over) > limit).any()


@pytest.mark.parametrize(
    ("size", "min_face", "factor", "expected"),
    [
        ((48, 64), 12, 0.5, [1, 0.5, 0.25]),
        ((64, 48), 24, 0.5, [0.5, 0.25]),
        ((240, 320), 40, 0.709, [0.3 * 0.709**k for k in range(6)]),
        ((20, 20), 20, 0.709, [0.6]),
        ((19, 400), 20, 0.709, []),
    ],
)
def test_sizes_of_the_pyramid(size, min_face, factor, expected):
    assert mtcnn.scales(*size, min_face, factor) == pytest.approx(expected)


def test_correction_is_in_widths_and_heights():
    found = mtcnn.corrected(np.array([[10.0, 20, 30, 60]]), np.array([[0.1, -0.25, 0.5, 0]]))
    assert found.tolist() == [[12, 10, 40, 60]]


def test_squares_have_the_longer_side_and_the_same_centre():
    boxes = np.array([(10, 20, 30, 60), (10, 20, 50, 30), (-30, -30, 20, 10)], float)
    assert mtcnn.squares_of(boxes, (100, 100, 3)).tolist() == [[0, 20, 40, 60], [10, 5, 50, 45], [-30, -35, 20, 15]]


def test_boxes_that_are_none_have_no_square():
    empty, turned, beyond, above = (10, 10, 10, 30), (30, 10, 10, 30), (100, 10, 130, 40), (10, -40, 30, 0)
    assert mtcnn.squares_of(np.array([empty, turned, beyond, above], float), (100, 100, 3)).shape == (0, 4)
    assert mtcnn.squares_of(np.empty((0, 4)), (100, 100, 3)).shape == (0, 4)


def test_a_square_is_cut_out_and_black_beyond_the_border():
    rgb = np.arange(1, 49, dtype=np.uint8).reshape(4, 4, 3)
    assert np.array_equal(mtcnn.cut_out(rgb, np.array([1, 2, 3, 4]), 2), rgb[2:4, 1:3])
    found = mtcnn.cut_out(rgb, np.array([-1, 2, 3, 6]), 4)
    assert np.array_equal(found[:2, 1:], rgb[2:4, :3])
    assert not found[2:].any()
    assert not found[:, 0].any()


def test_shrinking_takes_means():
    rgb = np.zeros((8, 8, 3), np.uint8)
    rgb[::2] = 200
    assert (mtcnn.cut_out(rgb, np.array([0, 0, 8, 8]), 4) == 100).all()


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """As in the stages' workers: on small pictures threads cost more than they bring."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def random_weights(folder: Path, seed: int = 0) -> Path:
    torch.manual_seed(seed)
    save_weights(folder, MTCNN().state_dict(), {}, "random, for a test")
    return folder


@pytest.mark.parametrize("size", [(10, 10), (19, 40), (20, 20), (33, 47)])
def test_any_small_picture_gives_a_list(tmp_path, size):
    """Networks of random weights, whose boxes lie anywhere."""
    detector = mtcnn.Detector(mtcnn.Params(thresholds=(0, 0, 0)), random_weights(tmp_path))
    picture = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    found = detector(picture)
    assert bool(found) == (min(size) >= 20)
    assert all(np.isfinite(d.box).all() and d.box[0] < d.box[2] and d.box[1] < d.box[3] for d in found)
    assert [d.score for d in found] == sorted((d.score for d in found), reverse=True)


def test_without_weights_it_names_the_command(tmp_path):
    for folder in (None, tmp_path / "mtcnn"):
        with pytest.raises(WeightsError, match=r"fetch_weights@mtcnn") as caught:
            mtcnn.Detector(mtcnn.Params(), folder)
        assert "\n" not in str(caught.value)


def test_weights_of_another_network(tmp_path):
    save_weights(tmp_path, {"conv1.weight": torch.zeros(3)}, {}, "x")
    with pytest.raises(WeightsError, match="these weights are for another network"):
        mtcnn.Detector(mtcnn.Params(), tmp_path)


@pytest.mark.parametrize(
    "wrong", [{"min_face_px": 11}, {"factor": 1.0}, {"thresholds": (0.6, 0.7)}, {"threshold": 0.6}]
)
def test_settings_are_strict(wrong):
    with pytest.raises(ValidationError):
        mtcnn.Params(**wrong)


def test_tracks_depend_on_the_weights_of_a_detector_that_has_any(tmp_path):
    clip = Clip("c", "c.mp4", "s", "anger", digest="0")
    folders = [random_weights(tmp_path / str(seed), seed) for seed in range(2)]
    params = TrackParams(detector="mtcnn")
    jobs = [TrackJob(tmp_path, params, mtcnn.Params().model_dump(), folder) for folder in folders]
    assert jobs[0].parts(clip) != jobs[1].parts(clip)
    assert jobs[0].meta().weights != jobs[1].meta().weights
    assert len(jobs[0].meta().weights) == 64
    assert jobs[0].meta().origin == "random, for a test"
    without = TrackJob(tmp_path, TrackParams(), dlib_hog.Params().model_dump())
    assert without.parts(clip) == replace(without, weights=folders[0]).parts(clip)
    assert without.meta().weights == without.meta().origin == ""


@pytest.fixture(scope="module")
def detector():
    return mtcnn.Detector(mtcnn.Params(), published("mtcnn_pnet", "mtcnn_rnet", "mtcnn_onet"))


@pytest.fixture(scope="module")
def astronaut():
    """The one public-domain portrait that scikit-image carries, 512 px."""
    return pytest.importorskip("skimage.data").astronaut()


FACE = ((183, 62, 268, 172), ((204, 102), (247, 104), (225, 129), (203, 141), (245, 142)))
"""Box and landmarks of the portrait's face, px: eyes measured by hand, the rest as other programs find it with these
weights.
"""


def test_a_real_face(detector, astronaut):
    found = detector(astronaut)
    assert len(found) == 1
    assert iou(found[0].box, FACE[0]) > 0.85
    assert found[0].score > 0.99
    assert np.abs(np.subtract(found[0].landmarks, FACE[1])).max() < 5
    assert np.abs(eye_centres(np.array([found[0].box]), detector.eyes)[0] - FACE[1][:2]).max() < 8
    assert detector(astronaut) == found


def test_a_mirrored_face_has_left_and_right_in_the_picture(detector, astronaut):
    found = detector(np.ascontiguousarray(astronaut[:, ::-1]))
    assert len(found) == 1
    left, right, nose, corner, end = (512 - x for x, _ in FACE[1])
    expected = (right, left, nose, end, corner)
    assert [x for x, _ in found[0].landmarks] == pytest.approx(expected, abs=6)


def test_two_faces_of_different_size(detector, astronaut):
    small = cv2.resize(astronaut, (256, 256), interpolation=cv2.INTER_AREA)
    beside = np.zeros((512, 768, 3), np.uint8)
    beside[:, :512], beside[200:456, 512:] = astronaut, small
    found = sorted(detector(beside), key=lambda d: d.box[0])
    assert len(found) == 2
    assert iou(found[0].box, FACE[0]) > 0.85
    half = np.array(FACE[0]) / 2 + (512, 200, 512, 200)
    assert iou(found[1].box, tuple(half)) > 0.75
    only_large = mtcnn.Detector(mtcnn.Params(min_face_px=120), published("mtcnn_pnet", "mtcnn_rnet", "mtcnn_onet"))
    assert [iou(d.box, FACE[0]) > 0.8 for d in only_large(beside)] == [True]


@pytest.mark.parametrize("level", [0, 128, 255])
def test_no_face_in_an_empty_picture(detector, level):
    assert detector(np.full((240, 320, 3), level, np.uint8)) == []


def test_the_tracker_takes_it(detector, astronaut):
    small = cv2.resize(astronaut, (200, 200), interpolation=cv2.INTER_AREA)
    frames = [(index * 0.04, drawn(np.roll(small, 2 * index, axis=1))) for index in range(4)]
    found = track(frames, detector, TrackParams(detector="mtcnn", smooth_s=0), [])
    assert found.mask.all()
    assert np.diff(found.values[:, 0]).mean() == pytest.approx(2, abs=1)


@pytest.mark.long
@pytest.mark.skipif(not DATA.is_dir(), reason="the real development data are not here")
def test_real_clips_have_a_face_in_every_frame_where_dlib_has_it(detector):
    """Every sixtieth frame; all 477 were compared by hand: the least overlap was 0.606."""
    other = dlib_hog.Detector(dlib_hog.Params())
    found, common = [], []
    for path in [*sorted((DATA / "cremad").glob("*.flv")), *sorted((DATA / "ravdess").glob("*.mp4"))]:
        for index, (_, rgb) in enumerate(read_frames(path)):
            if index % 60 == 0:
                ours, theirs = detector(rgb), other(rgb)
                found.append(bool(ours))
                common += [iou(ours[0].box, theirs[0].box)] if ours and theirs else []
    assert len(found) == 12
    assert all(found)
    assert len(common) > 0.9 * len(found)
    assert np.mean(np.array(common) >= 0.5) >= 0.95
