"""Speakers of the generated voices; prosody of the seven emotions, from published figures, varied from clip to clip.

Every value of `FULL` is the full-size (``strength`` = 1) difference from neutral. A clip uses ``value ** strength`` for
ratios and ``value * strength`` for differences, and then a random change of its own, so that the emotions overlap on
purpose.

Where the values come from. [B] = Breazeal (2002), "Designing Sociable Robots", Table 11.5, which lists Cahn's (1990)
Affect Editor parameters per emotion on a -10..10 scale: looked up for this module. [M] = Murray & Arnott (1993), JASA
93, 1097-1108, the qualitative table: looked up in a reproduction, whose column for surprise is, as far as we recall,
not in the original. [S] = Schröder (2001), Eurospeech, Table 1, which quotes Burkhardt & Sendlmeier (2000) for joy and
fear, Murray & Arnott (1995) for anger and Cahn (1990) for sadness and surprise; [J] = Juslin & Laukka (2003), Psychol.
Bull. 129, 770-814; [Z] = Mozziconacci (1998): these three are cited from memory, not read again.

* ``level`` (F0 level, ratio): joy +50 % [S]; fear +150 % [S], cut to +100 % to stay in the compass of the voices;
  anger raised [M], average pitch lowered in [B], +10 Hz in [S], 110 Hz against 65 Hz in [Z]: a compromise of +20 %;
  sadness slightly lower [M], -7 in [B]; disgust very much lower [M], -10 in [B]; surprise much higher [M], +6 in [B].
* ``range_ratio`` (size of the accents, a ratio of semitones): joy +100 % [S], 10 in [B]; anger +9 semitones [S], 10 in
  [B]; fear +20 % [S] (10 in [B]); sadness narrower [M], -10 in [B]; disgust slightly wider [M], 5 in [B]; surprise much
  wider [M], +8 [S], 10 in [B].
* ``tempo`` (ratio): joy and fear +30 % [S]; anger faster [M], 4 in [B], 126 % in [Z]; sadness slower [M], -6 in [B],
  78 % in [Z]; disgust very much slower [M], -8 in [B]; surprise 6 in [B]. The sizes for disgust and surprise are our
  scaling of these steps.
* ``energy_db``: anger +6 dB [S]; the others are [B]'s loudness steps (joy 8, sadness -5, disgust -5, surprise 10)
  scaled to about that 6 dB and rounded freely (sadness -4, surprise 5); [B] makes fear loud, [M] "normal": +1 dB.
* ``tilt_db`` (level above 1 kHz): directions of [B]'s "brilliance" (anger 10, disgust 5, fear 10, joy -2, sadness -6,
  surprise 9) and of high-frequency energy in [J] (anger and joy high, sadness low), which decides for joy; the sizes
  (anger 7, sadness -6, others 2 to 4 dB) are ours.
* ``breath`` (aspiration, dB): sadness breathy (+10 of Cahn in [S]); anger -5, surprise -9 and joy -5 in [B]; disgust
  "grumbled" and fear "irregular" in [M]; the decibels are ours.
* ``jitter`` (ratio): irregular voicing for fear [M], chest tone of anger and disgust; Banse & Scherer (1996), J. Pers.
  Soc. Psychol. 70, 614-636, discuss the cue; sizes are ours.
* ``final_st`` (F0 movement at the end, semitones): [B]'s "final lowering" (anger 10, disgust 5, fear -10, joy -4,
  sadness 8, surprise -10; a negative step is a rise), 0.5 semitone a step.
* ``formants`` (ratio of F1 and F2): joy +10 % for spread lips (Burkhardt & Sendlmeier in [S]).
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

Gender = Literal["female", "male"]


@dataclass(frozen=True)
class Voice:
    """A speaker."""

    gender: Gender
    f0_hz: float  # mean
    formant_scale: float  # 1 = Peterson & Barney's men
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


EMOTIONS = ("anger", "disgust", "fear", "happy", "sad", "surprise", "neutral")


@dataclass(frozen=True)
class Prosody:
    """How an utterance differs from the speaker's neutral voice; see the module's docstring."""

    level: float = 1.0
    range_ratio: float = 1.0
    tempo: float = 1.0
    energy_db: float = 0.0
    tilt_db: float = 0.0
    breath: float = 0.0
    jitter: float = 1.0
    final_st: float = 0.0
    formants: float = 1.0


FULL: dict[str, Prosody] = {
    "anger": Prosody(1.20, 2.0, 1.20, 6.0, 7.0, -4.0, 1.6, -5.0, 1.0),
    "disgust": Prosody(0.80, 1.1, 0.70, -3.0, 2.0, 0.0, 1.8, -2.5, 1.0),
    "fear": Prosody(2.00, 1.2, 1.30, 1.0, 4.0, 3.0, 2.2, 5.0, 1.0),
    "happy": Prosody(1.50, 2.0, 1.30, 5.0, 2.0, -3.0, 1.0, 2.0, 1.1),
    "sad": Prosody(0.90, 0.6, 0.78, -4.0, -6.0, 8.0, 1.2, -4.0, 1.0),
    "surprise": Prosody(1.60, 2.0, 1.15, 5.0, 4.0, -3.0, 1.0, 5.0, 1.0),
    "neutral": Prosody(),
}

_RATIOS = ("level", "range_ratio", "tempo", "jitter", "formants")
# Spread of one clip around its emotion at variation = 1: natural logarithms for ratios, decibels and semitones for the
# rest. About as large as the differences themselves.
_SPREAD = {
    "level": 0.10, "range_ratio": 0.25, "tempo": 0.09, "energy_db": 2.0, "tilt_db": 2.0, "breath": 2.5, "jitter": 0.3,
    "final_st": 1.5, "formants": 0.015,
}  # fmt: skip


def draw_prosody(emotion: str, strength: float, variation: float, rng: np.random.Generator) -> Prosody:
    """Prosody of one clip: the emotion's figures at ``strength`` plus the clip's own change."""
    own_strength = strength * float(np.clip(rng.normal(1.0, 0.25 * variation), 0.2, 1.8))
    values: dict[str, float] = {}
    for name, spread in _SPREAD.items():
        full = float(getattr(FULL[emotion], name))
        change = float(rng.normal(0.0, spread * variation))
        ratio = name in _RATIOS
        values[name] = float(full**own_strength * np.exp(change)) if ratio else full * own_strength + change
    return Prosody(**values)
