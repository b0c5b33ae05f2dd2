"""The generated textures: stripes of one direction and width each, under a light that goes from top to bottom."""

import numpy as np
import pytest

from pipeline.synthetic.textures import TEXTURE_PX, TEXTURES, texture_image


def _peak(image: np.ndarray) -> tuple[float, float]:
    """Direction of the strongest stripes, degrees from the horizontal to either side, and their width, px."""
    grey = image.astype(float).mean(axis=2)
    grey -= grey.mean(axis=1, keepdims=True)  # the light
    window = np.outer(np.hanning(TEXTURE_PX), np.hanning(TEXTURE_PX))
    power = np.abs(np.fft.rfft2(grey * window, (400, 400)))
    power[:16, :16] = power[-15:, :16] = 0  # clouds
    down, across = np.unravel_index(power.argmax(), power.shape)
    y, x = (down if down < 200 else down - 400) / 400, across / 400
    return float(np.degrees(np.arctan2(abs(y), abs(x)))), float(1 / np.hypot(x, y))


def _rows(texture: str, seeds: range) -> np.ndarray:
    """Mean colour of every row, over pictures, (100, 3)."""
    return np.mean([texture_image(texture, np.random.default_rng(k)) for k in seeds], axis=(0, 2))


@pytest.mark.parametrize("texture", [name for name in TEXTURES[:48] if not name.startswith("090")])
def test_stripes_have_the_direction_and_the_width_that_the_name_says(texture: str) -> None:
    direction, width, _ = map(int, texture.split("_"))
    found = [_peak(texture_image(texture, np.random.default_rng(k))) for k in range(9)]
    assert np.median([angle for angle, _ in found]) == pytest.approx(direction, abs=9)
    assert np.median([px for _, px in found]) == pytest.approx(width, rel=0.15)


@pytest.mark.parametrize("width", [5, 9, 16])
def test_stripes_of_90_degrees_follow_each_other_from_top_to_bottom(width: int) -> None:
    grey = [texture_image(f"090_{width:02d}_00", np.random.default_rng(k)).mean(axis=(1, 2)) for k in range(9)]
    power = np.abs(np.fft.rfft(np.diff(grey, axis=1) * np.hanning(TEXTURE_PX - 1), 400)).mean(axis=0)
    assert 400 / power.argmax() == pytest.approx(width, rel=0.15)


def test_light_and_colours_are_the_textures_own() -> None:
    """Two textures of one direction and width differ more than the pictures of one."""
    one, again, other = _rows("030_09_00", range(9)), _rows("030_09_00", range(9, 18)), _rows("030_09_01", range(9))
    assert 3 * np.abs(one - again).mean() < np.abs(one - other).mean()


def test_there_are_as_many_textures_as_names() -> None:
    assert len(set(TEXTURES)) == len(TEXTURES) == 192
    assert len({name[:6] for name in TEXTURES[:12]}) == 12


def test_pictures_of_a_texture_differ_and_the_same_seed_gives_the_same_one() -> None:
    one, same, other = (texture_image("030_09_00", np.random.default_rng(k)) for k in (1, 1, 2))
    assert one.shape == (TEXTURE_PX, TEXTURE_PX, 3)
    assert one.dtype == np.uint8
    np.testing.assert_array_equal(one, same)
    assert np.abs(one.astype(int) - other).mean() > 5
