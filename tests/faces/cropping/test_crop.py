"""`pipeline.faces.cropping.crop`: one crop per frame that has a face, of the frames that were tracked."""

from __future__ import annotations

import weakref
from types import SimpleNamespace

import numpy as np
import pytest

from helpers.media import drawn
from pipeline.core.errors import ClipError
from pipeline.core.store import ClipFeatures, joined
from pipeline.faces.cropping.crop import crop_clip

FRAMES = [(0.04 * index, drawn(np.full((8, 8, 3), index + 1, np.uint8))) for index in range(3)]
BOX = np.array([1, 2, 5, 6], np.float32)
PARAMS = SimpleNamespace(shape=(2, 4))


class Corner:
    """A way to cut that takes the upper left corner, and remembers where the face was."""

    ARRAY = "boxes"

    def __init__(self):
        self.places = []

    @staticmethod
    def reach(place, params):
        return 0, 0, 8, 8

    def cut(self, rgb, place, params):
        self.places.append(place.tolist())
        return rgb[: params.shape[0], : params.shape[1]]


def tracked(times=(0.0, 0.04, 0.08), mask=(True, False, True)) -> ClipFeatures:
    boxes = np.where(np.array(mask)[:, None], BOX, np.nan).astype(np.float32)
    return ClipFeatures(boxes, np.array(times), np.array(mask), {"boxes": boxes})


def test_a_row_per_frame_and_black_where_there_is_no_face():
    way = Corner()
    found = joined(crop_clip(FRAMES, tracked(), way, PARAMS))
    assert way.places == [BOX.tolist()] * 2
    assert found.values.dtype == np.float32
    assert found.values[0].tolist() == BOX.tolist()
    assert np.isnan(found.values[1]).all()
    assert found.times.tolist() == [0.0, 0.04, 0.08]
    assert found.mask.tolist() == [True, False, True]
    assert found.extra["crops"].shape == (3, 2, 4, 3)
    assert found.extra["crops"][:, 0, 0, 0].tolist() == [1, 0, 3]


@pytest.mark.parametrize(
    ("room", "sizes"),
    [(1, [1, 1, 1]), (2 * 24, [2, 1]), (3 * 24 - 1, [2, 1]), (3 * 24, [3]), (1000, [3])],
)
def test_as_many_crops_at_a_time_as_there_is_room_for_and_one_at_least(monkeypatch, room, sizes):
    whole = joined(crop_clip(FRAMES, tracked(), Corner(), PARAMS))
    monkeypatch.setattr("pipeline.faces.cropping.crop.BLOCK_BYTES", room)
    blocks = list(crop_clip(FRAMES, tracked(), Corner(), PARAMS))
    assert [len(block.mask) for block in blocks] == sizes
    assert joined(blocks).digest() == whole.digest()


def test_crops_and_frames_are_not_kept(monkeypatch):
    monkeypatch.setattr("pipeline.faces.cropping.crop.BLOCK_BYTES", 10 * 24)
    pictures, crops = [], []

    def frames():
        for index in range(100):
            picture = drawn(np.full((60, 80, 3), 50, np.uint8))
            pictures.append(weakref.ref(picture))
            yield index * 0.04, picture
            assert sum(ref() is not None for ref in pictures) <= 3

    class Copy(Corner):
        def cut(self, rgb, place, params):
            return super().cut(rgb, place, params).copy()

    faces = tracked(np.arange(100) * 0.04, (True,) * 100)
    for block in crop_clip(frames(), faces, Copy(), PARAMS):
        crops.append(weakref.ref(block.extra["crops"]))
        assert sum(ref() is not None for ref in crops) <= 2
    assert len(crops) == 10
    assert len(pictures) == 100


@pytest.mark.parametrize(
    ("times", "words"),
    [
        ([0.0, 0.04], "frame 2 differs"),
        ([0.0, 0.05, 0.08], "frame 1 differs"),
        ([0.0, 0.04, 0.08, 0.12], "4 frames at the first reading, 3 at the second"),
    ],
)
def test_other_frames_than_those_that_were_tracked(times, words):
    with pytest.raises(ClipError, match=words) as caught:
        list(crop_clip(FRAMES, tracked(times, [True] * len(times)), Corner(), PARAMS))
    assert caught.value.reason == "decode_error"


@pytest.mark.parametrize("times", [[0.0, 0.04], [0.0, 0.04, 0.08, 0.12]])
def test_the_last_crops_are_held_back_until_the_readings_are_known_to_agree(monkeypatch, times):
    monkeypatch.setattr("pipeline.faces.cropping.crop.BLOCK_BYTES", 2 * 24)
    given = []
    with pytest.raises(ClipError):
        given.extend(crop_clip(FRAMES, tracked(times, [True] * len(times)), Corner(), PARAMS))
    assert sum(len(block.mask) for block in given) < len(times)
