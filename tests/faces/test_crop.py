"""`pipeline.faces.crop`: square, never stretched, defined for every box; and one crop per frame that has a face."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.errors import ClipError
from pipeline.faces.crop import cut_frames, square_crop

edge = st.floats(-300, 300, allow_nan=False)
extent = st.floats(0.01, 250)
boxes = st.tuples(edge, edge, extent, extent).map(lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3]))


@given(boxes, st.integers(1, 90), st.integers(1, 90), st.sampled_from([16, 100]))
def test_any_box_gives_a_square_of_the_pictures_constant(box, height, width, px):
    crop = square_crop(np.full((height, width, 3), (7, 99, 201), np.uint8), box, px)
    assert crop.shape == (px, px, 3)
    assert crop.dtype == np.uint8
    assert (crop == (7, 99, 201)).all()


def test_a_box_of_the_crops_size_is_copied():
    rgb = np.random.default_rng(0).integers(0, 256, (120, 160, 3), np.uint8)
    assert np.array_equal(square_crop(rgb, (30, 20, 80, 70), 50, margin=1.0), rgb[20:70, 30:80])


def test_margin_enlarges_around_the_centre():
    rgb = np.random.default_rng(0).integers(0, 256, (120, 160, 3), np.uint8)
    assert np.array_equal(square_crop(rgb, (30, 20, 80, 70), 100, margin=2.0), square_crop(rgb, (5, -5, 105, 95), 100, margin=1.0))


def test_a_tall_box_is_not_stretched():
    rows, columns = np.mgrid[:200, :200]
    disc = np.where((rows - 100) ** 2 + (columns - 100) ** 2 < 30**2, 255, 0).astype(np.uint8)
    crop = square_crop(np.repeat(disc[..., None], 3, axis=2), (80, 50, 120, 150), 100, margin=1.0)[..., 0] > 127
    assert abs(int(crop.any(axis=0).sum()) - int(crop.any(axis=1).sum())) <= 1


def test_borders_are_reflected_without_repeating_them():
    rgb = np.arange(10, dtype=np.uint8)[None, :, None].repeat(10, axis=0).repeat(3, axis=2)
    crop = square_crop(rgb, (-3, 0, 7, 10), 10, margin=1.0)
    assert crop[0, :, 0].tolist() == [3, 2, 1, 0, 1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("box", [(5, 5, 5, 9), (9, 5, 5, 9), (float("nan"), 0, 1, 1), (0, 0, float("inf"), 1)])
def test_no_box(box):
    with pytest.raises(ValueError, match="no box"):
        square_crop(np.zeros((20, 20, 3), np.uint8), box, 16)


FRAMES = [(0.0, np.full((8, 8, 3), 1, np.uint8)), (0.04, np.full((8, 8, 3), 2, np.uint8)), (0.08, np.full((8, 8, 3), 3, np.uint8))]


def test_frames_without_a_face_are_black_and_not_cut():
    cut = []

    def corner(frame, rgb):
        cut.append(frame)
        return rgb[:2, :4]

    ((rows, crops),) = cut_frames(FRAMES, np.array([0.0, 0.04, 0.08]), np.array([True, False, True]), corner, (2, 4))
    assert cut == [0, 2]
    assert rows == slice(0, 3)
    assert crops.shape == (3, 2, 4, 3)
    assert crops[:, 0, 0, 0].tolist() == [1, 0, 3]


@pytest.mark.parametrize(
    ("room", "sizes"),
    [(1, [1, 1, 1]), (2 * 24, [2, 1]), (3 * 24 - 1, [2, 1]), (3 * 24, [3]), (1000, [3])],
)
def test_as_many_crops_at_a_time_as_there_is_room_for_and_one_at_least(monkeypatch, room, sizes):
    monkeypatch.setattr("pipeline.faces.crop.BLOCK_BYTES", room)
    times = np.array([0.0, 0.04, 0.08])
    blocks = list(cut_frames(FRAMES, times, np.array([True, False, True]), lambda _, rgb: rgb[:2, :4], (2, 4)))
    assert [len(crops) for _, crops in blocks] == sizes
    assert np.concatenate([np.arange(3)[rows] for rows, _ in blocks]).tolist() == [0, 1, 2]
    assert np.concatenate([crops for _, crops in blocks])[:, 0, 0, 0].tolist() == [1, 0, 3]


@pytest.mark.parametrize(
    ("times", "words"),
    [
        ([0.0, 0.04], "frame 2 differs"),
        ([0.0, 0.05, 0.08], "frame 1 differs"),
        ([0.0, 0.04, 0.08, 0.12], "4 frames at the first reading, 3 at the second"),
    ],
)
def test_other_frames_than_at_the_first_reading(times, words):
    with pytest.raises(ClipError, match=words) as caught:
        list(cut_frames(FRAMES, np.array(times), np.ones(len(times), bool), lambda frame, rgb: rgb, (8, 8)))
    assert caught.value.reason == "decode_error"


@pytest.mark.parametrize("times", [[0.0, 0.04], [0.0, 0.04, 0.08, 0.12]])
def test_the_last_crops_are_held_back_until_the_readings_are_known_to_agree(monkeypatch, times):
    monkeypatch.setattr("pipeline.faces.crop.BLOCK_BYTES", 2 * 8 * 8 * 3)
    blocks = cut_frames(FRAMES, np.array(times), np.ones(len(times), bool), lambda frame, rgb: rgb, (8, 8))
    given = []
    with pytest.raises(ClipError):
        given.extend(rows for rows, _ in blocks)
    assert sum(rows.stop - rows.start for rows in given) < len(times)
