"""The generated actions: each moves the face or the head, at its own time and strength, and goes back."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.media.decode import read_frames
from pipeline.synthetic import actions
from pipeline.synthetic.actions import ACTION_PX, ACTIONS, action_clip
from pipeline.synthetic.expression import UNITS, prototype
from pipeline.synthetic.face import FaceRenderer, Light, Pose
from pipeline.synthetic.identity import Identity, draw_identity
from pipeline.synthetic.mp4 import write_mp4
from pipeline.synthetic.portrait import load_portrait
from pipeline.synthetic.prosody import EMOTIONS

pytestmark = pytest.mark.slow

MIDDLE = np.s_[16:120, 24:104]


@pytest.fixture(scope="module")
def identity() -> Identity:
    """A person."""
    return draw_identity(load_portrait(), "female", np.random.default_rng(4))


@pytest.fixture
def at_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """No small head motion, one light: only the action moves anything."""
    monkeypatch.setattr(actions, "idle_poses", lambda frames, _: [Pose()] * frames)
    monkeypatch.setattr(actions, "draw_light", lambda _: Light())


def _change(clip: np.ndarray, where: tuple[slice, slice] = np.s_[:, :]) -> np.ndarray:
    """Mean difference of every picture to the first, grey levels, (t,)."""
    return np.abs(clip.astype(float) - clip[0])[(slice(None), *where)].mean(axis=(1, 2, 3))


@pytest.mark.parametrize("action", ACTIONS)
def test_clips_have_16_to_20_pictures_and_everything_varies(identity: Identity, action: str) -> None:
    clips = [action_clip(identity, action, np.random.default_rng(k)) for k in range(5)]
    assert {c.shape[1:] for c in clips} == {(ACTION_PX, ACTION_PX, 3)}
    assert {c.dtype for c in clips} == {np.dtype(np.uint8)}
    lengths = {len(c) for c in clips}
    assert lengths <= set(range(16, 21))
    assert len(lengths) > 1
    apex = {(int(_change(c).argmax()), round(float(_change(c).max()))) for c in clips}
    assert len(apex) > 2


@pytest.mark.usefixtures("at_rest")
@pytest.mark.parametrize("action", ACTIONS)
def test_the_action_is_seen_and_then_back_where_it_began(identity: Identity, action: str) -> None:
    for seed in range(2):
        change = _change(action_clip(identity, action, np.random.default_rng(seed)))
        assert change.max() > 0.5, "grey levels over the whole picture"
        assert change[-1] < 0.1 * change.max()


@pytest.mark.usefixtures("at_rest")
def test_grimaces_move_the_middle_of_the_face(identity: Identity) -> None:
    for action in actions._GRIMACES:
        assert _change(action_clip(identity, action, np.random.default_rng(1)), MIDDLE).max() > 1, action


def test_grimaces_differ_from_each_other_and_from_every_emotion() -> None:
    """The source task names no emotion: no grimace is one of the prototypes that the demo's clips show."""
    units = np.stack(list(actions._GRIMACES.values()))
    emotions = np.stack([prototype(emotion) for emotion in EMOTIONS if emotion != "neutral"])
    every = np.concatenate([units, emotions])
    every = every / np.linalg.norm(every, axis=1, keepdims=True)
    alike = (every @ every.T) - np.eye(len(every))
    assert alike[: len(units)].max() < 0.9


@pytest.mark.usefixtures("at_rest")
def test_movements_go_to_either_side(identity: Identity) -> None:
    """Nods and shakes begin to both sides, so that a mirrored clip is of the same class."""
    for action in ("nod", "shake"):
        curves = [actions._curve(action, np.linspace(0, 1, 18), np.random.default_rng(k)) for k in range(20)]
        first = [float(c[np.flatnonzero(np.abs(c) > 0.2)[0]]) for c in curves]
        assert 4 <= sum(f > 0 for f in first) <= 16, action


def test_the_eyes_lie_where_face_crops_have_them(identity: Identity) -> None:
    renderer = FaceRenderer(load_portrait(), identity, Light())
    points = renderer.vertices(np.zeros(len(UNITS)), Pose())
    for seed in range(5):
        cut = actions._cut(renderer, np.random.default_rng(seed))
        left, right = (cut @ [*points[s].mean(axis=0), 1] for s in (slice(36, 42), slice(42, 48)))
        assert (left + right) / 2 == pytest.approx([64, 45 / 150 * 128], abs=8)
        assert right[0] - left[0] == pytest.approx(64, rel=0.06)


def test_the_same_seed_gives_the_same_clip(identity: Identity) -> None:
    one, same, other = (action_clip(identity, "nod", np.random.default_rng(k)) for k in (1, 1, 2))
    assert np.array_equal(one, same)
    assert one.shape != other.shape or not np.array_equal(one, other)


def test_a_film_without_sound_is_read_back(identity: Identity, tmp_path: Path) -> None:
    clip = action_clip(identity, "shake", np.random.default_rng(0))
    write_mp4(tmp_path / "a.mp4", clip, None)
    found = np.stack([picture for _, picture in read_frames(tmp_path / "a.mp4")])
    assert found.shape == clip.shape
    assert np.abs(found.astype(int) - clip).mean() < 4
