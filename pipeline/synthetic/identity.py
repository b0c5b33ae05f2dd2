"""Who a generated face is: geometry of the landmarks, colours, background."""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from pipeline.synthetic import expression as ex
from pipeline.synthetic.portrait import LANDMARKS, Image, Points, Portrait
from pipeline.synthetic.prosody import Gender

WIDTH, HEIGHT = 320, 240

_SKIN = np.array([[1.0, 1.0, 1.0], [1.04, 0.96, 0.9], [0.85, 0.76, 0.66], [0.66, 0.53, 0.43]])
_HAIR = np.array([
    [0.16, 0.13, 0.12], [0.32, 0.21, 0.15], [0.48, 0.33, 0.2], [0.72, 0.56, 0.34],
    [0.56, 0.26, 0.13], [0.62, 0.61, 0.6],
])  # fmt: skip
_TRAITS = (
    "face", "jaw", "chin", "eye", "apart", "brow", "slant", "nose", "nose_width", "mouth",
    "lips", "mouth_height", "hair", "hair_width",
)  # fmt: skip
# Added to the traits of men.
_MEN = {"jaw": 0.9, "chin": 0.6, "brow": -0.7, "lips": -0.5, "hair_width": -1.6, "hair": 0.6}


@dataclass(frozen=True)
class Identity:
    """A face."""

    shape: Points  # (n, 2), vertices at rest in frame pixels
    texture: Image  # (h, w, 4), RGBA 0-255
    background: Image  # (240, 320, 3), RGB 0-255


def _with_widths(rest: Points, z: dict[str, float]) -> Points:
    """Vertices (n, 2) with face, jaw and chin changed."""
    out, centre, chin, brow = rest.copy(), float(rest[27:31, 0].mean()), float(rest[8, 1]), float(rest[19, 1])
    low = np.clip((rest[:, 1] - brow) / (chin - brow), 0.0, 1.0)
    upper = 1 + 0.045 * z["face"] + 0.07 * z["jaw"] * low**2
    out[:, 0] = centre + (rest[:, 0] - centre) * upper
    out[:, 1] += 5.0 * z["chin"] * np.clip(low - 0.55, 0.0, None) / 0.45
    return out


def _with_features(points: Points, z: dict[str, float]) -> Points:
    """Vertices (n, 2) with eyes, brows, nose and mouth changed."""
    out = points.copy()
    for side, ring in ((-1.0, list(range(36, 42))), (1.0, list(range(42, 48)))):
        centre = out[ring].mean(axis=0)
        out[ring] = centre + (out[ring] - centre) * [1 + 0.07 * z["eye"], 1 + 0.16 * z["eye"]]
        brow = [17, 18, 19, 20, 21] if side < 0 else [22, 23, 24, 25, 26]
        out[ring + brow, 0] += side * 2.2 * z["apart"]
        slant = np.linspace(1, -1, 5) if side < 0 else np.linspace(-1, 1, 5)
        out[brow, 1] += -2.2 * z["brow"] + 1.6 * z["slant"] * slant
    middle = float(out[27:31, 0].mean())
    nose, mouth = np.arange(27, 36), np.arange(48, 68)
    out[nose, 0] = middle + (out[nose, 0] - middle) * (1 + 0.16 * z["nose_width"])
    out[28:36, 1] += 2.6 * z["nose"] * np.array([0.3, 0.6, 0.9, 1, 1, 1, 1, 1])
    lips = out[mouth].mean(axis=0)
    out[mouth] = lips + (out[mouth] - lips) * [1 + 0.09 * z["mouth"], 1 + 0.2 * z["lips"]]
    out[mouth, 1] += 1.8 * z["mouth_height"]
    return out


def _with_hair(points: Points, z: dict[str, float]) -> Points:
    """Vertices (n, 2) with the hair lower or higher and narrower or wider."""
    out, hair = points.copy(), np.arange(68, 84)
    centre, top = points[27]
    out[hair, 1] += np.clip((top - points[hair, 1]) / 100.0, 0.0, 1.0) * 12.0 * z["hair"]
    out[hair, 0] = centre + (points[hair, 0] - centre) * (1 + 0.08 * z["hair_width"])
    return out


def _traits(gender: Gender, rng: np.random.Generator) -> dict[str, float]:
    """Standard scores of every trait, within -1.8 to 1.8."""
    z = dict(zip(_TRAITS, rng.normal(0.0, 1.0, len(_TRAITS)), strict=True))
    own = _MEN if gender == "male" else {}
    return {name: float(np.clip(value + own.get(name, 0.0), -1.8, 1.8)) for name, value in z.items()}


def _texture(portrait: Portrait, gender: Gender, rng: np.random.Generator) -> Image:
    """Coloured texture (h, w, 4), RGB and opacity, 0-255."""
    tone = rng.uniform(0, len(_SKIN) - 1)
    skin = np.array([np.interp(tone, np.arange(len(_SKIN)), _SKIN[:, c]) for c in range(3)])
    hair = _HAIR[rng.integers(len(_HAIR) if tone < 1.8 else 2)] * rng.uniform(0.8, 1.15)
    clothes = rng.uniform(0.1, 0.6) + rng.normal(0.0, 0.12, 3)
    base, masks = portrait.texture, portrait.masks
    rgb = base * skin * rng.uniform(0.97, 1.03, 3)
    beard = float(gender == "male") * rng.uniform(0.0, 0.4)
    for name, dark in (("beard", beard), ("brows", rng.uniform(0.25, 0.7))):
        there, mask = _there(masks[name])
        rgb[there] *= 1 - dark * mask
    grey = base.mean(axis=2, keepdims=True)
    there, mask = _there(masks["hair"])
    tinted = (np.clip(grey[there] / max(float(grey.mean()), 1e-3), 0.0, 2.2) * hair).astype(np.float32) * 0.9
    rgb[there] = rgb[there] * (1 - mask) + tinted * mask
    there, mask = _there(masks["clothes"])
    rgb[there] = rgb[there] * (1 - mask) + (0.35 * grey[there] + 0.75 * clothes) * mask
    out = np.empty((*rgb.shape[:2], 4), np.float32)
    out[..., :3] = np.clip(rgb, 0, 1, out=rgb) * 255
    out[..., 3] = masks["silhouette"] * 255
    return out


def _there(mask: Image) -> tuple[tuple[slice, slice], Image]:
    """Return the rectangle outside of which a mask is 0, and the mask within it, (h, w, 1)."""
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    there = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    return there, mask[there][..., None]


def _background(rng: np.random.Generator) -> Image:
    """Two colours with soft clouds between them, (240, 320, 3), RGB 0-255."""
    ends = rng.uniform(0.25, 0.8, (2, 1, 1, 1)) + rng.normal(0, 0.07, (2, 1, 1, 3))
    angle = rng.uniform(0, 2 * np.pi)
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    ramp = 0.5 + ((x / WIDTH - 0.5) * np.cos(angle) + (y / HEIGHT - 0.5) * np.sin(angle)) / 1.5
    grain = int(rng.integers(3, 9))
    clouds = rng.normal(0, 0.16, (grain, grain + 2)).astype(np.float32)
    clouds = cv2.resize(clouds, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    mix = np.clip(ramp + clouds, 0.0, 1.0)[..., None]
    return np.asarray(255 * (ends[0] * (1 - mix) + ends[1] * mix), dtype=np.float32)


def draw_identity(portrait: Portrait, gender: Gender, rng: np.random.Generator) -> Identity:
    """A random person of the given gender."""
    z = _traits(gender, rng)
    shape = _with_hair(_with_features(_with_widths(portrait.neutral, z), z), z)
    return Identity(shape, _texture(portrait, gender, rng), _background(rng))


def draw_resting(identity: Identity, rng: np.random.Generator) -> Identity:
    """The same person with brows, lids and lips at a resting place of their own: faces differ in more than widths."""
    shape = identity.shape.copy()
    shape[:LANDMARKS] += np.tensordot(ex.combination(rng), ex.unit_basis(), axes=1)
    return replace(identity, shape=shape)


def on_another_day(identity: Identity, portrait: Portrait, gender: Gender, rng: np.random.Generator) -> Identity:
    """The same face with another complexion, hair, clothes and background: its shape alone says who it is."""
    return replace(identity, texture=_texture(portrait, gender, rng), background=_background(rng))
