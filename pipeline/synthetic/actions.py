"""Clips of grimaces and head movements: the stand-in for a corpus of videos of actions.

Every class looks the same in a mirror. The face fills the frame as in Zhang et al. 2017, section III.A.2: twice the
eye distance wide and 150/55 of it high, here brought to a square, as it will be for the network. The cut is made for
the face at rest and then kept, so that movements of the head show.
"""

from dataclasses import replace

import cv2
import numpy as np

from pipeline.synthetic import expression as ex
from pipeline.synthetic.clip import draw_light, idle_poses
from pipeline.synthetic.face import FaceRenderer, Frame, Pose
from pipeline.synthetic.identity import Identity
from pipeline.synthetic.portrait import Points, load_portrait

ACTION_PX = 128
_GRIMACES = {f"grimace_{k:02d}": ex.combination(np.random.default_rng(k)) for k in range(1, 15)}
"""Action units (units,) at the apex: several at once, by chance, and not those of an emotion."""
_TURNS = {"nod": ("pitch", 0.3), "shake": ("yaw", 0.4)}  # of the head, radians
ACTIONS = (*_GRIMACES, *_TURNS)
_LEFT_EYE, _RIGHT_EYE = slice(36, 42), slice(42, 48)
_WIDTH, _HEIGHT, _EYE_ROW = 110 / 55, 150 / 55, 45 / 55  # of the cut, in eye distances


def _rise(t: Points, start: float, length: float) -> Points:
    """A smooth step from 0 to 1 over times ``t`` (n,)."""
    return np.asarray(0.5 - 0.5 * np.cos(np.pi * np.clip((t - start) / length, 0.0, 1.0)))


def _bump(t: Points, rng: np.random.Generator) -> Points:
    """Onset, apex and offset over times ``t`` (n,) of 0 to 1; at rest at both ends."""
    onset, rise, hold, fall = rng.uniform([0.05, 0.2, 0.05, 0.2], [0.2, 0.3, 0.2, 0.3])
    return np.asarray(_rise(t, onset, rise) - _rise(t, onset + rise + hold, fall))


def _swing(t: Points, rng: np.random.Generator) -> Points:
    """One to two swings to both sides over times ``t`` (n,), first to either."""
    first = 1.0 if rng.random() < 0.5 else -1.0
    return np.asarray(first * _bump(t, rng) * np.sin(2 * np.pi * rng.uniform(1.2, 2.2) * (t - rng.uniform(0, 0.2))))


def _curve(action: str, t: Points, rng: np.random.Generator) -> Points:
    """How far the action has gone at times ``t`` (n,), -1 to 1."""
    if action in _TURNS:
        return _swing(t, rng)
    begun = float(rng.uniform(0.0, 0.7))  # videos seldom begin with a face at rest
    return begun + (1 - begun) * _bump(t, rng)


def _moved(pose: Pose, action: str, size: float) -> Pose:
    """A pose with the action's movement of the head added; ``size`` -1 to 1."""
    turn, most = _TURNS.get(action, ("roll", 0.0))
    return replace(pose, **{turn: getattr(pose, turn) + most * size})


def _cut(renderer: FaceRenderer, rng: np.random.Generator) -> Points:
    """The affine map (2, 3) from the whole frame to the cut around the face at rest, a little off at random."""
    points = renderer.vertices(np.zeros(len(ex.UNITS)), Pose())
    left, right = points[_LEFT_EYE].mean(axis=0), points[_RIGHT_EYE].mean(axis=0)
    distance = float(np.hypot(*(right - left))) * float(rng.uniform(0.95, 1.05))
    x, y = (left + right) / 2 + rng.normal(0.0, 0.03 * distance, 2)
    across, down = ACTION_PX / (_WIDTH * distance), ACTION_PX / (_HEIGHT * distance)
    row = _EYE_ROW / _HEIGHT * ACTION_PX
    return np.array([[across, 0.0, ACTION_PX / 2 - across * x], [0.0, down, row - down * y]])


def action_clip(identity: Identity, action: str, rng: np.random.Generator) -> Frame:
    """One clip of 16 to 20 frames, (t, 128, 128, 3) RGB: an action of ``ACTIONS``, small head motion, a light."""
    count = int(rng.integers(16, 21))
    renderer = FaceRenderer(load_portrait(), identity, draw_light(rng))
    cut = _cut(renderer, rng)
    curve = float(rng.uniform(0.7, 1.0)) * _curve(action, np.linspace(0.0, 1.0, count), rng)
    apex = _GRIMACES.get(action, np.zeros(len(ex.UNITS)))
    rest = ex.draw_apex("neutral", 0.0, 0.4, rng)
    frames = []
    for size, pose in zip(curve, idle_poses(count, rng), strict=True):
        whole = renderer.render(rest + size * apex, _moved(pose, action, size))
        frames.append(cv2.warpAffine(whole, cut, (ACTION_PX, ACTION_PX), borderMode=cv2.BORDER_REFLECT_101))
    return np.stack(frames)
