"""dlib128: a really pre-trained network on really different faces."""

from __future__ import annotations

from itertools import combinations

import cv2
import numpy as np
import pytest
from skimage import data

from helpers.published import published
from pipeline.core.errors import ClipError, SettingsError, WeightsError
from pipeline.core.store import ClipFeatures, FeatureMeta, joined
from pipeline.faces.cropping.kinds import square
from pipeline.features.extractors import dlib128


@pytest.fixture(scope="module")
def weights():
    return published("dlib_face_recognition", "dlib_landmarks_5")


@pytest.fixture
def extractor(weights):
    return dlib128.Extractor(dlib128.Params(), weights)


def faces(crops: list[np.ndarray], mask: list[bool] | None = None) -> ClipFeatures:
    mask = np.array(mask or [True] * len(crops))
    return ClipFeatures(
        np.zeros((len(crops), 1), np.float32), 0.04 * np.arange(len(crops)), mask, {"crops": np.stack(crops)}
    )


def portrait(shift: int = 0, px: int = 100, light: float = 1.0, mirror: bool = False) -> np.ndarray:
    """The one public-domain portrait that scikit-image carries, cut as `crop_faces` cuts."""
    picture = np.clip(data.astronaut() * light, 0, 255).astype(np.uint8)
    crop = square.cut(picture, np.array([165.0, 70.0, 285.0, 190.0]) + shift, square.Params(px=px, margin=1.2))
    return np.ascontiguousarray(crop[:, ::-1]) if mirror else crop


def test_one_person_is_near_and_no_person_is_far(extractor):
    """King 2017: 0.6 is the distance that parts two people."""
    same = [portrait(), portrait(shift=4), portrait(light=0.8), portrait(mirror=True)]
    rows = joined(extractor(faces(same))).values
    assert max(np.linalg.norm(a - b) for a, b in combinations(rows, 2)) < 0.45
    other = np.random.default_rng(0).integers(0, 256, (100, 100, 3), np.uint8)
    assert np.linalg.norm(joined(extractor(faces([other]))).values[0] - rows[0]) > 0.6


def test_the_chip_has_level_eyes_and_is_150_px(extractor):
    chip = extractor.align(portrait())
    assert chip.shape == (150, 150, 3)
    assert chip.dtype == np.uint8
    turn = cv2.getRotationMatrix2D((50, 50), 12, 1)
    turned = cv2.warpAffine(portrait(), turn, (100, 100), borderMode=cv2.BORDER_REFLECT_101)
    levelled = np.abs(extractor.align(turned).astype(int) - chip).mean()
    assert levelled < 0.6 * np.abs(turned.astype(int) - portrait()).mean(), "a tilted head is turned back"


def test_rows_follow_the_mask_and_every(weights):
    given = faces([portrait(i) for i in range(5)], [True, False, True, True, True])
    found = joined(dlib128.Extractor(dlib128.Params(every=2), weights)(given))
    np.testing.assert_array_equal(found.times, given.times[::2])
    np.testing.assert_array_equal(found.mask, [True, True, True])
    hidden = joined(dlib128.Extractor(dlib128.Params(every=1), weights)(given))
    np.testing.assert_array_equal(np.isnan(hidden.values).all(axis=1), [False, True, False, False, False])
    np.testing.assert_array_equal(hidden.values[2], found.values[1])


def test_frames_without_a_face_cost_the_clip(weights):
    with pytest.raises(ClipError, match="no_face"):
        joined(dlib128.Extractor(dlib128.Params(every=2), weights)(faces([portrait()] * 2, [False, True])))


def test_crops_of_another_margin_are_refused(extractor):
    extractor.check_input(FeatureMeta("square100", 1, "float32", params={"margin": 1.2}))
    with pytest.raises(
        SettingsError,
        match=r"extract_face\.dlib128\.margin is 1\.2, but .* crop_faces\.square100\.margin 1\.5; make both equal",
    ):
        extractor.check_input(FeatureMeta("square100", 1, "float32", params={"margin": 1.5}))


def test_without_weights_it_names_the_command(tmp_path):
    for folder in (None, tmp_path / "dlib128"):
        with pytest.raises(WeightsError, match="dvc repro fetch_weights@dlib128"):
            dlib128.Extractor(dlib128.Params(), folder)


def test_the_weights_say_whose_they_are(extractor):
    assert len(extractor.meta.weights) == 64
    assert "dlib_face_recognition" in extractor.meta.origin
    assert "trained elsewhere" in extractor.meta.origin
    assert extractor.source_speakers == []
