"""`pipeline.faces.cropping.kinds.eyes`: wherever the eyes are in a picture, in the crop they lie where the settings
say.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.errors import SettingsError
from pipeline.core.settings import parse
from pipeline.faces.cropping.kinds.eyes import Params, cut

ZHANG = Params()
PLACES = np.array([[27.5, 45.0], [82.5, 45.0]])
"""Of the eyes in a crop with the settings of Zhang et al. 2017: 55 px apart, about the middle of 110 px."""


def two_eyes(centre: tuple[float, float], distance: float, degrees: float = 0.0) -> np.ndarray:
    """(x, y) of two eyes, px from the edge of the picture."""
    half = distance / 2 * np.array([math.cos(math.radians(degrees)), math.sin(math.radians(degrees))])
    return np.array([centre - half, centre + half])


def dotted(height: int, width: int, eyes: np.ndarray, sigma: float) -> np.ndarray:
    """Black, with a soft red dot on the left and a soft green dot on the right eye."""
    y, x = np.mgrid[:height, :width] + 0.5
    rgb = np.zeros((height, width, 3))
    for channel, (across, down) in enumerate(eyes):
        rgb[..., channel] = 255 * np.exp(-((x - across) ** 2 + (y - down) ** 2) / (2 * sigma**2))
    return rgb.round().astype(np.uint8)


def dots(crop: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Centres of gravity of the red and of the green dot, (2, 2) px from the edge; NaN where there is none about its
    place.
    """
    y, x = np.mgrid[: crop.shape[0], : crop.shape[1]] + 0.5
    room = min(
        wanted.min(), *(np.array(crop.shape[1::-1]) - wanted).ravel()
    )  # a dot that the border cuts has its centre elsewhere
    reach = min((wanted[1, 0] - wanted[0, 0]) / 3, room)  # beyond the picture's border its reflection shows dots, too
    found = []
    for channel, (across, down) in enumerate(wanted):
        near = np.hypot(x - across, y - down) < reach
        weights = np.where(near & (crop[..., channel] > 25), crop[..., channel], 0).astype(float)
        found.append([(weights * x).sum() / weights.sum(), (weights * y).sum() / weights.sum()])
    return np.array(found)


@pytest.mark.parametrize("degrees", [0, 7, -30, 90])
@pytest.mark.parametrize("distance", [20, 44, 55, 56, 80, 130])
def test_the_eyes_end_up_at_their_places(distance, degrees):
    eyes = two_eyes((203.3, 151.8), distance, degrees)
    crop = cut(dotted(300, 400, eyes, distance / 20), eyes, ZHANG)
    assert crop.shape == (150, 110, 3)
    assert crop.dtype == np.uint8
    assert np.abs(dots(crop, PLACES) - PLACES).max() < 0.3


@settings(deadline=None, max_examples=25)
@given(
    st.floats(12, 120),
    st.floats(-180, 180),
    st.tuples(st.floats(120, 280), st.floats(120, 280)),
    st.builds(
        lambda height, share, across, down: Params(
            height=height, width=round(height * share), eye_distance_px=height * share * across, eye_row=height * down
        ),
        st.integers(60, 200),
        st.floats(0.5, 1.5),
        st.floats(0.3, 0.7),
        st.floats(0.2, 0.7),
    ),
)
def test_any_eyes_end_up_at_any_places(distance, degrees, centre, params):
    eyes = two_eyes(centre, distance, degrees)
    crop = cut(dotted(400, 400, eyes, max(1.5, distance / 25)), eyes, params)
    wanted = two_eyes((params.width / 2, params.eye_row), params.eye_distance_px)
    enlarged = params.eye_distance_px / distance
    assert (
        np.abs(dots(crop, wanted) - wanted).max() < 0.5 + 0.02 * enlarged
    )  # a dot's centre is known to a fiftieth of a pixel of the picture


def test_eyes_at_their_places_leave_the_picture_as_it_is():
    rgb = np.random.default_rng(0).integers(0, 256, (150, 110, 3), np.uint8)
    assert np.array_equal(cut(rgb, PLACES, ZHANG), rgb)


def test_a_whole_shift_copies_and_a_quarter_turn_turns():
    rgb = np.random.default_rng(0).integers(0, 256, (260, 200, 3), np.uint8)
    assert np.array_equal(cut(rgb, PLACES + np.array([30, 40]), ZHANG), rgb[40:190, 30:140])
    turned = cut(rgb, two_eyes((110.0, 100.0), 55, 90), ZHANG)
    assert np.array_equal(turned, np.rot90(rgb[45:155, 5:155]))


def test_nothing_is_stretched():
    eyes = two_eyes((200.0, 120.0), 97, 20)
    y, x = np.mgrid[:300, :400] + 0.5
    disc = np.where((x - 200) ** 2 + (y - 140) ** 2 < 50**2, 255, 0).astype(np.uint8)
    crop = cut(np.repeat(disc[..., None], 3, axis=2), eyes, ZHANG)[..., 0] > 127
    wanted = 2 * 50 * 55 / 97
    assert int(crop.any(axis=0).sum()) == pytest.approx(wanted, abs=1.5)
    assert int(crop.any(axis=1).sum()) == pytest.approx(wanted, abs=1.5)


@given(
    st.floats(2, 200), st.floats(-180, 180), st.tuples(st.floats(-100, 200), st.floats(-100, 200)), st.integers(1, 60)
)
@settings(deadline=None, max_examples=25)
def test_a_face_at_or_beyond_the_border_is_filled_with_the_picture(distance, degrees, centre, px):
    crop = cut(np.full((px, 60, 3), (7, 99, 201), np.uint8), two_eyes(centre, distance, degrees), ZHANG)
    assert (crop == (7, 99, 201)).all()


def test_borders_are_reflected_without_repeating_them():
    rgb = np.arange(110, dtype=np.uint8)[None, :, None].repeat(150, axis=0).repeat(3, axis=2)
    crop = cut(rgb, PLACES - np.array([3, 0]), ZHANG)
    assert crop[0, :6, 0].tolist() == [3, 2, 1, 0, 1, 2]


@pytest.mark.parametrize("distance", [110, 190, 440])
def test_shrinking_takes_means_instead_of_skipping_pixels(distance):
    """A fine chequerboard becomes grey: a crop that skipped pixels would show a pattern that is not there."""
    board = (np.indices((900, 700)).sum(axis=0) % 2 * 255).astype(np.uint8)
    crop = cut(np.repeat(board[..., None], 3, axis=2), two_eyes((350.0, 350.0), distance, 10), ZHANG)
    assert crop.mean() == pytest.approx(127.5, abs=2)
    assert crop.std() < 26
    skipped = cv2.warpAffine(
        board, cv2.getRotationMatrix2D((55, 75), 10, 55 / distance), (110, 150), borderMode=cv2.BORDER_REFLECT_101
    )
    assert skipped.std() > 26


@pytest.mark.parametrize("eyes", [[[5, 5], [5, 5]], [[math.nan, 0], [5, 5]], [[0, 0], [math.inf, 0]]])
def test_no_eyes(eyes):
    with pytest.raises(ValueError, match="no two eyes"):
        cut(np.zeros((20, 20, 3), np.uint8), np.array(eyes), ZHANG)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"width": 50}, "crop_faces.x.eye_distance_px: .* larger than width"),
        ({"eye_row": 151}, "crop_faces.x.eye_row: .* larger than height"),
        ({"eye_rwo": 40}, "did you mean 'eye_row'"),
        ({"height": 0}, "crop_faces.x.height"),
    ],
)
def test_settings_are_checked(changed, words):
    full = {"height": 150, "width": 110, "eye_distance_px": 55, "eye_row": 45}
    with pytest.raises(SettingsError, match=words):
        parse(Params, {**full, **changed}, "params.yaml: crop_faces.x")
