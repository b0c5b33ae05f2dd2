"""What every way to cut a face out (`pipeline/faces/cropping/kinds`) holds."""

from __future__ import annotations

import re

import numpy as np
import pytest

from pipeline.core import plugins
from pipeline.core.errors import SettingsError
from pipeline.core.settings import Settings
from pipeline.faces.cropping.job import crop_params

NAMES = plugins.names("crops")
PLACES = {"boxes": np.array([40, 30, 80, 70], np.float32), "landmarks": np.array([[50, 42], [70, 43]], np.float32)}
RGB = np.random.default_rng(0).integers(0, 256, (120, 160, 3), np.uint8)


@pytest.fixture(params=NAMES)
def way(request):
    return plugins.load("crops", request.param)


def test_what_the_project_ships():
    assert NAMES == ["eyes", "square"]


def test_it_says_what_it_reads_and_writes(way):
    assert issubclass(way.Params, Settings)
    assert len(way.COLUMNS) == PLACES[way.ARRAY].size == 4


def test_a_crop_has_the_shape_that_the_settings_say_and_is_the_same_each_time(way):
    params = way.Params()
    before = RGB.copy()
    crop = way.cut(RGB, PLACES[way.ARRAY], params)
    assert crop.shape == (*params.shape, 3)
    assert crop.dtype == np.uint8
    assert np.array_equal(crop, way.cut(RGB, PLACES[way.ARRAY], params))
    assert np.array_equal(RGB, before)


def test_a_face_half_outside_is_filled_with_the_pictures_reflection(way):
    grey = np.full((60, 60, 3), 90, np.uint8)
    assert (way.cut(grey, PLACES[way.ARRAY] + 20, way.Params()) == 90).all()


def test_what_is_no_place_is_an_error(way):
    with pytest.raises(ValueError, match=r"^no (box|two eyes)"):
        way.cut(RGB, np.full_like(PLACES[way.ARRAY], np.nan), way.Params())


@pytest.mark.parametrize(
    ("block", "words"),
    [
        ({"px": 100}, "params.yaml: crop_faces.mine: its kind is missing; one of eyes, square"),
        (None, "params.yaml: crop_faces.mine: its kind is missing"),
        ({"kind": "sqare"}, "params.yaml: crop_faces.mine.kind: no crops plugin 'sqare' (did you mean 'square'?)"),
        ({"kind": "square", "height": 3}, "params.yaml: crop_faces.mine.height: no such setting"),
        ({"kind": "square", "px": 1}, "params.yaml: crop_faces.mine.px: "),
    ],
)
def test_a_wrong_block_is_told(block, words):
    with pytest.raises(SettingsError, match=re.escape(words)):
        crop_params(block, "crop_faces.mine")


def test_defaults_are_filled_in():
    assert crop_params({"kind": "square", "px": 64}, "crop_faces.mine") == ("square", {"px": 64, "margin": 1.2})
