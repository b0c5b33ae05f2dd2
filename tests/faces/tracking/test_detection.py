"""`pipeline.faces.tracking.detection`: dlib's predictor, and what is said where it lacks."""

from __future__ import annotations

import numpy as np
import pytest

from helpers.media import drawn
from helpers.published import published
from helpers.scenes import detector
from pipeline.core.errors import WeightsError
from pipeline.faces.tracking.detection import Dlib5, eye_finder
from pipeline.faces.tracking.job import TrackJob
from pipeline.faces.tracking.settings import TrackParams
from pipeline.faces.tracking.tracker import track

EYES = (204, 102), (247, 104)
"""Of the astronaut, measured by hand on the picture of 512 px."""


@pytest.fixture(scope="module")
def folder():
    return published("dlib_landmarks_5")


@pytest.fixture(scope="module")
def astronaut():
    return pytest.importorskip("skimage.data").astronaut()


@pytest.mark.parametrize("grey", [False, True])
def test_the_eyes_are_where_they_are(folder, astronaut, grey):
    pixels = drawn(astronaut).luma if grey else astronaut
    face = detector()(pixels)[0]
    assert np.allclose(Dlib5(folder)(pixels, face), EYES, atol=5)


def test_the_tracker_takes_them_and_tracks_depend_on_the_weights(folder, astronaut, tmp_path):
    frames = [(0.04 * index, drawn(np.roll(astronaut, 3 * index, axis=1))) for index in range(12)]
    found = track(frames, detector(), TrackParams(eyes="dlib5"), [], Dlib5(folder))
    shift = 3 * np.arange(12)[:, None] * [1, 0]
    expected = np.array(EYES) + shift[:, None]
    assert np.abs(found.extra["landmarks"] - expected).max() < 6
    job = TrackJob(tmp_path, TrackParams(eyes="dlib5"), {}, None, folder)
    assert job.meta().weights == Dlib5(folder).weights
    assert "7198 faces" in job.meta().origin


def test_without_weights(tmp_path):
    assert eye_finder("detector", None) is None
    with pytest.raises(
        WeightsError,
        match=r"track_faces\.eyes: dlib5 needs the weights that `dvc repro fetch_weights@landmarks` fetches",
    ):
        eye_finder("dlib5", None)
    with pytest.raises(WeightsError, match="no such weights"):
        eye_finder("dlib5", tmp_path)
