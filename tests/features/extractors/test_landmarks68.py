"""landmarks68: points of the face, freed of place, size and tilt."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage import data

from helpers.published import published
from pipeline.core.errors import ClipError, SettingsError, WeightsError
from pipeline.core.store import ClipFeatures, FeatureMeta, joined
from pipeline.faces.cropping.kinds import square
from pipeline.features.extractors import landmarks68
from pipeline.features.extractors.landmarks68 import LEFT_EYE, RIGHT_EYE, STEADY, normalised


def some_points(seed: int = 0) -> np.ndarray:
    points = np.random.default_rng(seed).normal(size=(68, 2))
    points[list(LEFT_EYE), 0] -= 4
    points[list(RIGHT_EYE), 0] += 4
    return points


def portrait(px: int = 100) -> np.ndarray:
    return square.cut(data.astronaut(), np.array([165.0, 70.0, 285.0, 190.0]), square.Params(px=px, margin=1.2))


@pytest.fixture(scope="module")
def extractor() -> landmarks68.Extractor:
    return landmarks68.Extractor(landmarks68.Params(), published("dlib_landmarks_68"))


@given(st.floats(0, 6.3), st.floats(0.1, 9), st.floats(-99, 99))
def test_place_size_and_tilt_do_not_count(turn: float, size: float, shift: float) -> None:
    plain = some_points()
    matrix = size * np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    np.testing.assert_allclose(normalised(plain @ matrix + shift), normalised(plain), atol=1e-6)


def test_eyes_are_level_and_steady_points_at_unit_distance() -> None:
    found = normalised(some_points(1))
    steady = found[list(STEADY)]
    np.testing.assert_allclose(steady.mean(axis=0), 0, atol=1e-12)
    assert (steady**2).sum(axis=1).mean() == pytest.approx(1)
    across = found[list(RIGHT_EYE)].mean(axis=0) - found[list(LEFT_EYE)].mean(axis=0)
    assert across[1] == pytest.approx(0, abs=1e-12)
    assert across[0] > 0


def test_eyes_in_one_place_cost_the_clip() -> None:
    with pytest.raises(ClipError, match="no_face"):
        normalised(np.ones((68, 2)))


def test_a_mouth_that_opens_is_the_change(extractor: landmarks68.Extractor, monkeypatch: pytest.MonkeyPatch) -> None:
    calm = some_points()
    opened = calm.copy()
    opened[57, 1] += 2.0
    given_points = iter([calm, opened])
    monkeypatch.setattr(extractor, "points", lambda _: next(given_points))
    clip = ClipFeatures(
        np.zeros((2, 1), np.float32), np.array([0, 0.04]), np.ones(2, bool), {"crops": np.zeros((2, 9, 9, 3), np.uint8)}
    )
    row = joined(extractor(clip)).values[0]
    change = row[136:].reshape(68, 2)
    assert np.flatnonzero(np.abs(change).max(axis=1) > 1e-6).tolist() == [57]
    np.testing.assert_allclose(row[:136].reshape(68, 2), normalised(opened), rtol=1e-5)


def test_points_of_a_face_lie_where_they_belong(extractor: landmarks68.Extractor) -> None:
    found = normalised(extractor.points(portrait()))
    eyes = found[[36, 39, 42, 45], 1].mean()
    assert found[8, 1] > found[57, 1] > found[33, 1] > eyes > found[19, 1], "chin, mouth, nose, eyes, brow"
    turn = cv2.getRotationMatrix2D((50, 50), 10, 1)
    turned = cv2.warpAffine(portrait(), turn, (100, 100), borderMode=cv2.BORDER_REFLECT_101)
    assert np.abs(normalised(extractor.points(turned)) - found).mean() < 0.12, "a tilted head is turned back"


def test_weights_and_crops_are_asked_for(extractor: landmarks68.Extractor) -> None:
    with pytest.raises(WeightsError, match="dvc repro fetch_weights@landmarks68"):
        landmarks68.Extractor(landmarks68.Params(), None)
    extractor.check_input(FeatureMeta("square100", 1, "float32", params={"margin": 1.2}))
    with pytest.raises(SettingsError, match=r"extract_face\.landmarks68\.margin is 1\.2, .* make both equal"):
        extractor.check_input(FeatureMeta("square100", 1, "float32", params={"margin": 1.5}))
