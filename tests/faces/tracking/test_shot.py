"""`pipeline.faces.tracking.shot`: another shot is a cut; light, noise and motion are none."""

from __future__ import annotations

import numpy as np
import pytest

from helpers.scenes import At, Scene, wall
from pipeline.faces.tracking.patch import reduced
from pipeline.faces.tracking.shot import Cuts


def grey(picture: np.ndarray):
    return reduced(picture.mean(axis=2).astype(np.uint8), 1)


def test_another_picture_is_a_cut_once():
    cuts = Cuts(0.5)
    shown = [wall(0), wall(0), wall(1), wall(1), wall(0)]
    assert [cuts(grey(picture)) for picture in shown] == [False, False, True, False, True]


@pytest.mark.parametrize("light", [0.3, 0.6, 1.5], ids=["dark", "dim", "flash"])
def test_another_light_is_none(light):
    cuts = Cuts(0.5)
    assert not cuts(grey(wall(0)))
    assert not cuts(grey(np.clip(wall(0) * light, 0, 255)))


def test_people_who_move_are_none():
    scene = Scene(10, {1: lambda i: At(100 + 25 * i, 180, 150), 4: lambda i: At(400 - 25 * i, 170, 120)})
    cuts = Cuts(0.5)
    assert not any(cuts(grey(picture)) for picture in scene.pictures())


def test_black_is_none_and_neither_is_what_follows():
    cuts = Cuts(0.5)
    assert [cuts(grey(picture)) for picture in (wall(0), np.zeros_like(wall(0)), wall(1))] == [False, False, False]


def test_never():
    cuts = Cuts(-1)
    assert not any(cuts(grey(wall(index))) for index in range(5))
