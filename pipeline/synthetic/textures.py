"""Pictures of textures, the stand-in for a corpus of pictures of a thousand things: each class has stripes of one
direction and width, and colours and a light of its own from top to bottom, as a landscape has; stripes at any place,
bent a little, under uneven light and with noise.

What a network learns from the stripes, edges of every direction, is what the first layers of one trained on ImageNet
have (Krizhevsky et al. 2012, Fig. 3), and what tells spectrograms apart: harmonics, how far they lie from each other,
and where they go. From the light it learns to keep what lies how high, and how bright: a spectrum's envelope and level.
"""

import itertools

import cv2
import numpy as np

from pipeline.synthetic.face import Frame
from pipeline.synthetic.portrait import Points

TEXTURE_PX = 100
_DIRECTIONS = (0, 30, 60, 90)
"""Of the stripes' normal, to either side of the horizontal, degrees: every class looks the same in a mirror."""
_WIDTHS = (5, 9, 16)
"""From stripe to stripe, px."""
_LIGHTS = 16
"""Classes of one direction and width."""
_HEIGHTS = 5
"""From top to bottom, between which colours change evenly."""
TEXTURES = tuple(
    f"{direction:03d}_{width:02d}_{light:02d}"
    for light, width, direction in itertools.product(range(_LIGHTS), _WIDTHS, _DIRECTIONS)
)
"""Names; every dozen has all directions and widths."""


def _clouds(grain: int, rng: np.random.Generator) -> Points:
    """A smooth random surface (100, 100) of deviation about 1."""
    seeds = rng.normal(0.0, 1.0, (grain, grain))
    return np.asarray(cv2.resize(seeds, (TEXTURE_PX, TEXTURE_PX), interpolation=cv2.INTER_CUBIC))


def _down(colours: Points) -> Points:
    """Colours (5, 3) at heights from top to bottom as those of every row, (100, 1, 3)."""
    rows, known = np.arange(TEXTURE_PX), np.linspace(0, TEXTURE_PX - 1, _HEIGHTS)
    return np.stack([np.interp(rows, known, one) for one in colours.T], axis=1)[:, None]


def texture_image(texture: str, rng: np.random.Generator) -> Frame:
    """One picture of a texture of ``TEXTURES``, (100, 100, 3) RGB."""
    direction, width, light = map(int, texture.split("_"))
    own = np.random.default_rng([direction, width, light])
    dark, gain = own.uniform(0.0, 0.6, (_HEIGHTS, 3)), own.uniform(0.1, 0.5, (_HEIGHTS, 3))
    direction *= int(rng.choice((-1, 1)))
    angle, width_px = np.radians(direction + rng.normal(0.0, 4.0)), width * float(rng.uniform(0.9, 1.1))
    y, x = np.mgrid[0:TEXTURE_PX, 0:TEXTURE_PX].astype(float)
    across = (x * np.cos(angle) + y * np.sin(angle)) / width_px + 0.15 * _clouds(3, rng)
    wave = np.cos(2 * np.pi * (across + rng.random()))
    stripes = 1 / (1 + np.exp(-wave * float(rng.uniform(1.0, 8.0))))  # from soft to sharp
    shown = np.clip(0.7 + 0.4 * _clouds(3, rng), 0.2, 1.0) * stripes
    today = _down(dark + rng.normal(0.0, 0.06, dark.shape))
    picture = today + _down(gain) * shown[..., None] + 0.04 * _clouds(4, rng)[..., None]
    noisy = picture + rng.normal(0.0, float(rng.uniform(0.01, 0.06)), picture.shape)
    return np.asarray(np.clip(255 * noisy, 0, 255).astype(np.uint8))
