"""Speakers of the generated voices."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

Gender = Literal["female", "male"]


@dataclass(frozen=True)
class Voice:
    """A speaker: mean F0 in Hz, formant ratio (1 = Peterson & Barney's men) and habits."""

    gender: Gender
    f0_hz: float
    formant_scale: float
    breath_db: float
    jitter: float
    tempo: float
    tilt_db: float


def draw_voice(gender: Gender, rng: np.random.Generator) -> Voice:
    """A random speaker.

    Mean F0 (men 132, women 223 Hz) and formant ratio (women 1.17) follow Peterson & Barney (1952); jitter near 0.5 % is
    the usual figure for healthy voices.
    """
    male = gender == "male"
    return Voice(
        gender=gender,
        f0_hz=float((120.0 if male else 210.0) * np.exp(rng.normal(0.0, 0.12))),
        formant_scale=float((1.0 if male else 1.16) * rng.uniform(0.94, 1.06)),
        breath_db=float(rng.normal(-22.0 if male else -19.0, 2.0)),
        jitter=float(0.005 * np.exp(rng.normal(0.0, 0.3))),
        tempo=float(np.exp(rng.normal(0.0, 0.06))),
        tilt_db=float(rng.normal(0.0, 2.0)),
    )
