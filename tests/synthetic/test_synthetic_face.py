"""The generated faces: a detector finds them, and expressions move what FACS says they move."""

from typing import Any

import dlib
import numpy as np
import pytest

from pipeline.synthetic import expression as ex
from pipeline.synthetic.clip import draw_person, make_clip, mouth_opening
from pipeline.synthetic.face import FaceRenderer, Pose, face_box
from pipeline.synthetic.identity import draw_identity
from pipeline.synthetic.portrait import LANDMARKS, Points, load_portrait
from pipeline.synthetic.prosody import EMOTIONS
from pipeline.synthetic.settings import DemoSettings
from pipeline.synthetic.source_items import source_image

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def renderer() -> FaceRenderer:
    """One identity."""
    portrait = load_portrait()
    return FaceRenderer(portrait, draw_identity(portrait, "male", np.random.default_rng(1)))


@pytest.fixture(scope="module")
def detector() -> Any:
    """dlib's, which takes longer to make than to ask."""
    return dlib.get_frontal_face_detector()


def _moved(renderer: FaceRenderer, emotion: str) -> Points:
    """Displacement of the 68 landmarks from rest to the emotion's prototype, (68, 2)."""
    rest = renderer.vertices(np.zeros(len(ex.UNITS)), Pose())
    return (renderer.vertices(ex.prototype(emotion), Pose()) - rest)[:LANDMARKS]


def test_dlib_finds_the_face_in_a_clip(detector: Any) -> None:
    rng = np.random.default_rng(2)
    person = draw_person("female", rng)
    frames, utterance = make_clip(person, "fear", 1.2, DemoSettings(variation_voice=1.0, variation_face=1.0), rng)
    assert frames.shape == (30, 240, 320, 3)
    assert len(utterance.samples) == 30 * 640
    for frame in frames[::5]:
        boxes = detector(frame, 0)
        assert len(boxes) == 1
        assert 85 <= boxes[0].width() <= 126


def test_predicted_box_lies_on_the_detected_one(renderer: FaceRenderer, detector: Any) -> None:
    units = np.zeros(len(ex.UNITS))
    left, top, side = face_box(renderer.vertices(units, Pose())[:LANDMARKS])
    found = detector(renderer.render(units, Pose()), 0)[0]
    assert left + side / 2 == pytest.approx(found.center().x, abs=10)
    assert top + side / 2 == pytest.approx(found.center().y, abs=10)
    assert 0.75 < side / found.width() < 1.33


def test_expressions_move_the_cited_landmarks(renderer: FaceRenderer) -> None:
    inner_brows, mouth_corners, lower_lip = [21, 22], [48, 54], [57]
    assert np.all(_moved(renderer, "surprise")[inner_brows, 1] < -2)
    assert np.all(_moved(renderer, "surprise")[lower_lip, 1] > 2)
    assert np.all(_moved(renderer, "anger")[inner_brows, 1] > 2)
    assert np.all(_moved(renderer, "happy")[mouth_corners, 1] < -2)
    assert np.all(_moved(renderer, "sad")[mouth_corners, 1] > 2)
    assert np.all(_moved(renderer, "neutral") == 0)


def test_displacements_are_mirror_images() -> None:
    basis = ex.unit_basis()
    for left, right in ((21, 22), (37, 44), (48, 54), (6, 10)):
        assert np.array_equal(basis[:, left] * [-1, 1], basis[:, right])


def test_background_stays_where_it_is_when_the_head_moves(renderer: FaceRenderer) -> None:
    rest = renderer.render(np.zeros(len(ex.UNITS)), Pose())
    moved = renderer.render(ex.prototype("surprise"), Pose(roll=0.08, shift=(4.0, 3.0)))
    for corner in (np.s_[:8, :60], np.s_[:8, -60:]):
        assert np.array_equal(rest[corner], moved[corner])
    assert np.mean(np.abs(rest[60:180, 100:220].astype(int) - moved[60:180, 100:220])) > 3


def test_identities_differ_more_than_expressions() -> None:
    portrait = load_portrait()
    shapes = [draw_identity(portrait, "female", np.random.default_rng(k)).shape[:LANDMARKS] for k in range(4)]
    for k in range(1, 4):
        assert np.abs(shapes[0] - shapes[k]).max() > 3


def test_mouth_follows_the_sound() -> None:
    sound = np.concatenate([np.zeros(16000), np.full(16000, 0.2)]).astype(np.float32)
    opening = mouth_opening(sound, 50)
    assert opening.shape == (50,)
    assert opening[:24].max() < 0.05
    assert opening[26:].min() > 0.95


def test_apex_stays_in_range_and_neutral_is_weak() -> None:
    rng = np.random.default_rng(0)
    apexes = {e: np.stack([ex.draw_apex(e, 0.7, 1.0, rng) for _ in range(50)]) for e in EMOTIONS}
    for emotion, units in apexes.items():
        assert np.all((units >= 0) & (units <= 1.2))
        if emotion != "neutral":
            assert units.sum(axis=1).mean() > 1.5 * apexes["neutral"].sum(axis=1).mean()


def test_source_pictures_show_a_face(renderer: FaceRenderer, detector: Any) -> None:
    pictures = [source_image(renderer, np.random.default_rng(k)) for k in range(3)]
    assert all(p.shape == (100, 100, 3) and p.dtype == np.uint8 for p in pictures)
    assert not np.array_equal(pictures[0], pictures[1])
    assert sum(len(detector(p, 1)) > 0 for p in pictures) >= 2
