"""Facial expressions as landmark displacements, one basis per FACS action unit.

Action units: Ekman & Friesen (1978), "Facial Action Coding System". Prototypes per emotion: the EMFACS combinations as
usually tabulated (happiness 6+12, sadness 1+4+15, surprise 1+2+5B+26, fear 1+2+4+5+20+26, anger 4+5+7+23, disgust
9+15+16), with 10 added to disgust and 17 to sadness, which FACS Table 11-1 allows. What each unit moves follows the
manual's wording; how far is drawn by hand.
"""

import numpy as np

from pipeline.synthetic.portrait import LANDMARKS, Points

# Landmark -> (outwards, down) in frame pixels at full intensity, left half of the frame and middle; the right half is
# mirrored.
_UNITS: dict[str, dict[int, tuple[float, float]]] = {
    "AU1": {19: (0, -2), 20: (0, -5), 21: (0, -7.5)},
    "AU2": {17: (0, -5), 18: (0, -7.5), 19: (0, -6), 20: (0, -2.5)},
    "AU4": {17: (0, 1), 18: (-0.5, 2), 19: (-2, 4), 20: (-3, 5.5), 21: (-3.5, 6), 27: (0, 1.5)},
    "AU5": {37: (0, -2.6), 38: (0, -2.6)},
    "AU6": {36: (0, -0.6), 40: (0, -2), 41: (0, -2)},
    "AU7": {37: (0, 1.3), 38: (0, 1.3), 40: (0, -1.3), 41: (0, -1.3)},
    "AU9": {20: (-0.5, 2.5), 21: (-1, 3.5), 27: (0, 1), 30: (0, -2), 31: (1.2, -3.5), 32: (0.5, -3), 33: (0, -2.5),
        49: (0, -1.5), 50: (0, -2), 51: (0, -2), 61: (0, -1.5), 62: (0, -1.5)},
    "AU10": {49: (0, -2), 50: (0, -4), 51: (0, -3.5), 61: (0, -3.5), 62: (0, -3.5)},
    "AU12": {48: (9, -6.5), 49: (5, -3), 50: (2, -0.5), 58: (2, 0), 59: (5, -2), 60: (8, -5.5), 61: (1, 0),
        67: (1, 0)},
    "AU15": {48: (1.5, 6), 49: (1, 2), 58: (0, 0.8), 59: (1, 4.2), 60: (1.2, 5.4)},
    "AU16": {57: (0, 4), 58: (0, 4), 59: (0, 2), 66: (0, 3.5), 67: (0, 3.5)},
    "AU17": {7: (0, -2), 8: (0, -3), 57: (0, -2.5), 58: (0, -2.5), 61: (0, -1), 62: (0, -1), 66: (0, -1),
        67: (0, -1)},
    "AU20": {48: (8, 1.5), 49: (4, 0.5), 59: (4, 1), 60: (7, 1.5)},
    "AU23": {48: (-4, 0), 49: (-1.5, 0.8), 50: (0, 1.5), 51: (0, 1.5), 57: (0, -2), 58: (0, -2), 59: (-1.5, -1),
        60: (-3.5, 0)},
    "AU25": {57: (0, 2), 58: (0, 2), 59: (0, 1), 61: (0, -1), 62: (0, -1), 66: (0, 2.5), 67: (0, 2.5)},
    "AU26": {4: (0, 1), 5: (0, 4), 6: (0, 7), 7: (0, 9), 8: (0, 10), 48: (-2, 2.5), 57: (0, 9.5), 58: (0, 9),
        59: (-1, 6), 60: (-1.5, 2.5), 66: (0, 9), 67: (0, 9)},
    "AU43": {37: (0, 6.5), 38: (0, 6.5), 40: (0, -0.8), 41: (0, -0.8)},
}  # fmt: skip
UNITS = tuple(_UNITS)

_PROTOTYPES: dict[str, dict[str, float]] = {
    "anger": {"AU4": 1.0, "AU5": 0.4, "AU7": 0.8, "AU23": 0.9},
    "disgust": {"AU9": 1.0, "AU10": 0.5, "AU15": 0.4, "AU16": 0.4},
    "fear": {"AU1": 0.9, "AU2": 0.6, "AU4": 0.6, "AU5": 0.9, "AU20": 0.8, "AU26": 0.25},
    "happy": {"AU6": 1.0, "AU12": 1.0, "AU25": 0.4},
    "sad": {"AU1": 0.9, "AU4": 0.5, "AU15": 1.0, "AU17": 0.5},
    "surprise": {"AU1": 1.0, "AU2": 1.0, "AU5": 0.7, "AU26": 0.6},
    "neutral": {},
}

_MIRROR = {
    **{i: 16 - i for i in range(8)},
    **{17 + i: 26 - i for i in range(5)},
    **dict(zip((36, 37, 38, 39, 40, 41), (45, 44, 43, 42, 47, 46), strict=True)),
    31: 35, 32: 34,
    **dict(zip((48, 49, 50, 58, 59, 60, 61, 67), (54, 53, 52, 56, 55, 64, 63, 65), strict=True)),
}  # fmt: skip


def unit_basis() -> Points:
    """Displacements of shape (units, 68, 2) in frame pixels at full intensity."""
    basis = np.zeros((len(UNITS), LANDMARKS, 2))
    for k, moves in enumerate(_UNITS.values()):
        for landmark, (outwards, down) in moves.items():
            basis[k, landmark] = (-outwards, down)
            if landmark in _MIRROR:
                basis[k, _MIRROR[landmark]] = (outwards, down)
    return basis


def prototype(emotion: str) -> Points:
    """Intensity of every action unit at the emotion's apex, (units,), 0-1."""
    return np.array([_PROTOTYPES[emotion].get(unit, 0.0) for unit in UNITS])


def single(unit: str, amount: float = 1.0) -> Points:
    """Intensities (units,) with one unit at ``amount``."""
    return np.where(np.array(UNITS) == unit, amount, 0.0)


SPEECH = single("AU26", 0.35) + single("AU25", 0.5)
"""Action units of the mouth at its widest in speech."""


def draw_apex(emotion: str, strength: float, variation: float, rng: np.random.Generator) -> Points:
    """Action units (units,) of one clip's apex: the prototype, its own strength, stray units.

    Every unit of the prototype is weakened or strengthened by itself, and units that do not belong to the emotion stir
    a little: people differ in which units they use (Ekman & Friesen's prototypes are the most common of several
    variants each).
    """
    overall = strength * np.clip(rng.normal(1.0, 0.3 * variation), 0.2, 1.8)
    own = np.clip(rng.normal(1.0, 0.5 * variation, len(UNITS)), 0.0, 2.0)
    stray = np.abs(rng.normal(0.0, 0.2 * variation, len(UNITS))) * (rng.random(len(UNITS)) < 0.4)
    stray[UNITS.index("AU43")] = 0.0
    return np.clip(prototype(emotion) * overall * own + stray, 0.0, 1.2)


def combination(rng: np.random.Generator) -> Points:
    """Action units (units,) of a face, 0-1.1: about half of all at once, by chance; eyes open and mouth nearly shut."""
    units = rng.uniform(0.4, 1.1, len(UNITS)) * (rng.random(len(UNITS)) < 0.5)
    units[UNITS.index("AU43")] = 0.0
    units[UNITS.index("AU26")] *= 0.5
    return np.asarray(units)


def envelope(frames: int, rng: np.random.Generator) -> Points:
    """Rise and fall of an expression over a clip, (frames,), from about 0.2 up to 1."""
    t = np.linspace(0.0, 1.0, frames)
    onset, offset = rng.uniform(0.25, 0.5), rng.uniform(0.75, 1.0)
    rise = np.clip(t / onset, 0.0, 1.0)
    fall = np.clip((t - offset) / max(1.0 - offset, 0.05), 0.0, 1.0)
    shape = 0.5 - 0.5 * np.cos(np.pi * rise)
    return np.asarray(0.2 + 0.8 * shape * (1 - 0.4 * fall))
