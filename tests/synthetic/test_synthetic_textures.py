"""The generated textures: stripes of one direction and width each, whatever the colours."""

import numpy as np
import pytest

from pipeline.synthetic.textures import TEXTURE_PX, TEXTURES, texture_image


def _peak(image: np.ndarray) -> tuple[float, float]:
    """Direction of the strongest stripes, degrees from the horizontal to either side, and their width, px."""
    grey = image.astype(float).mean(axis=2)
    window = np.outer(np.hanning(TEXTURE_PX), np.hanning(TEXTURE_PX))
    power = np.abs(np.fft.rfft2((grey - grey.mean()) * window, (400, 400)))
    power[:9, :9] = power[-9:, :9] = 0  # light and clouds
    down, across = np.unravel_index(power.argmax(), power.shape)
    y, x = (down if down < 200 else down - 400) / 400, across / 400
    return float(np.degrees(np.arctan2(abs(y), abs(x)))), float(1 / np.hypot(x, y))


@pytest.mark.parametrize("texture", TEXTURES)
def test_stripes_have_the_direction_and_the_width_that_the_name_says(texture: str) -> None:
    direction, width = map(int, texture.split("_"))
    found = [_peak(texture_image(texture, np.random.default_rng(k))) for k in range(9)]
    assert np.median([angle for angle, _ in found]) == pytest.approx(direction, abs=9)
    assert np.median([px for _, px in found]) == pytest.approx(width, rel=0.15)


def test_pictures_of_a_texture_differ_and_the_same_seed_gives_the_same_one() -> None:
    one, same, other = (texture_image("30_09", np.random.default_rng(k)) for k in (1, 1, 2))
    assert one.shape == (TEXTURE_PX, TEXTURE_PX, 3)
    assert one.dtype == np.uint8
    np.testing.assert_array_equal(one, same)
    assert np.abs(one.astype(int) - other).mean() > 5
