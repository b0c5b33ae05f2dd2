"""What a generated voice says and when: its phones, random syllables of them, their timing and their melody.

Sources of the phones, value by value:

* vowel formants F1-F3: Peterson & Barney (1952), JASA 24, 175-184, means of the men (``a`` = /ɑ/, ``e`` = /ɛ/,
  ``i`` = /i/, ``o`` = /ɔ/, ``u`` = /u/);
* vowel bandwidths, and formants and bandwidths of ``m n l s f t k``: Klatt (1980), JASA 67, 971-995, Tables II and III;
* F4 and F5 (3300, 3850 Hz, 250 and 200 Hz wide) and the nasal pole and zero: Klatt (1980), Table I and section on
  nasals;
* inherent durations: Klatt (1979), "Synthesis by rule of segmental durations", the vowels shortened to 65 % because
  the syllables here carry no lexical stress;
* noise bands: broad textbook regions (s above 4 kHz, f weak and flat, t burst 3-5.5 kHz, k burst 1.5-3 kHz; Stevens
  1998, "Acoustic Phonetics", chapters 7 and 8).

The figures are quoted from memory of these publications and were not read again here.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

FRAME_S = 0.005  # one synthesis frame
_ACCENT_ST = 4.0  # neutral accent height, semitones; ordinary reading, about 4-6 semitones
_DECLINATION_ST = 2.0  # fall of the base line over the utterance, semitones

HIGH_FORMANTS_HZ = (3300.0, 3850.0)
HIGH_BANDWIDTHS_HZ = (250.0, 200.0)
NASAL_POLE_HZ = 270.0
NASAL_ZERO_HZ = 450.0
NASAL_BANDWIDTH_HZ = 100.0


@dataclass(frozen=True)
class Phone:
    """One phone."""

    name: str
    kind: Literal["vowel", "nasal", "liquid", "fricative", "stop", "silence"]
    formants_hz: tuple[float, float, float]  # F1-F3 of a man
    bandwidths_hz: tuple[float, float, float]
    seconds: float
    voicing: float = 1.0  # amplitude of the glottal source, 0-1
    noise_hz: tuple[float, float] = (1000.0, 7000.0)  # band of the frication or burst noise
    noise: float = 0.0  # its amplitude, 0-1


SILENCE = "sil"

_ALL = (
    Phone("a", "vowel", (730, 1090, 2440), (130, 70, 160), 0.156),
    Phone("e", "vowel", (530, 1840, 2480), (60, 90, 200), 0.098),
    Phone("i", "vowel", (270, 2290, 3010), (45, 200, 400), 0.101),
    Phone("o", "vowel", (570, 840, 2410), (90, 100, 80), 0.156),
    Phone("u", "vowel", (300, 870, 2240), (65, 110, 140), 0.137),
    Phone("m", "nasal", (480, 1270, 2130), (40, 200, 200), 0.070, voicing=0.55),
    Phone("n", "nasal", (480, 1340, 2470), (40, 300, 300), 0.060, voicing=0.55),
    Phone("l", "liquid", (310, 1050, 2880), (50, 100, 280), 0.080, voicing=0.6),
    Phone("s", "fricative", (320, 1390, 2530), (200, 80, 200), 0.105, 0.0, (4200, 7600), 0.16),
    Phone("f", "fricative", (340, 1100, 2080), (200, 120, 150), 0.100, 0.0, (1500, 7600), 0.05),
    Phone("t", "stop", (400, 1600, 2600), (300, 120, 250), 0.075, 0.0, (3000, 5500), 0.18),
    Phone("k", "stop", (300, 1990, 2850), (250, 160, 330), 0.080, 0.0, (1500, 3000), 0.18),
    Phone(SILENCE, "silence", (500, 1500, 2500), (60, 90, 150), 0.120, 0.0),
)

PHONES: dict[str, Phone] = {phone.name: phone for phone in _ALL}
VOWELS = tuple(p.name for p in _ALL if p.kind == "vowel")
ONSETS = tuple(p.name for p in _ALL if p.kind not in ("vowel", "silence"))
_CODAS = ("m", "n", "l", "s", "f", "t", "k")


@dataclass(frozen=True)
class Planned:
    """One phone of a plan."""

    phone: str
    frames: int  # of 5 ms
    syllable: int  # -1 in silence


def _syllable(rng: np.random.Generator) -> list[str]:
    """Phones of a random CV or CVC syllable."""
    phones = [str(rng.choice(ONSETS)), str(rng.choice(VOWELS))]
    return [*phones, str(rng.choice(_CODAS))] if rng.random() < 0.35 else phones


def _seconds(phone: str, tempo: float, rng: np.random.Generator) -> float:
    """Length of one phone; consonants give way less to tempo than vowels do (Klatt 1979)."""
    elastic = 1.0 if PHONES[phone].kind == "vowel" else 0.6
    return float(PHONES[phone].seconds * tempo**-elastic * rng.uniform(0.85, 1.2))


def plan_utterance(seconds: float, tempo: float, rng: np.random.Generator) -> list[Planned]:
    """Random syllables of ``seconds`` in all, with silence around them and perhaps a pause."""
    total = round(seconds / FRAME_S)
    lead, trail = (round(rng.uniform(0.08, 0.20) / FRAME_S) for _ in range(2))
    pause_at = int(rng.integers(3, 6)) if rng.random() < 0.6 else -1
    names: list[str] = []
    owners: list[int] = []
    lengths: list[float] = []
    syllable, between = 0, total - lead - trail
    while sum(lengths) < between * FRAME_S - 0.12 / tempo:
        pause = syllable == pause_at
        phones = [SILENCE] if pause else _syllable(rng)
        names += phones
        owners += [-1 if pause else syllable] * len(phones)
        lengths += [_seconds(phone, tempo, rng) for phone in phones]
        syllable, pause_at = syllable + (not pause), -1 if pause else pause_at
    # whole frames, stretched so that they sum up exactly
    ends = np.round(np.cumsum(lengths) * between / sum(lengths))
    frames = np.diff(ends, prepend=0.0).astype(int).tolist()
    body = [Planned(*item) for item in zip(names, frames, owners, strict=True)]
    return [Planned(SILENCE, lead, -1), *body, Planned(SILENCE, trail, -1)]


def f0_contour(
    plan: list[Planned], f0_hz: float, range_ratio: float, final_st: float, rng: np.random.Generator
) -> FloatArray:
    """F0 of every frame, Hz, shape (frames,): falling base line, accents, final movement."""
    total = sum(item.frames for item in plan)
    syllables = max(item.syllable for item in plan) + 1
    height = _ACCENT_ST * range_ratio * rng.uniform(0.5, 1.2, syllables)
    accents = np.where(rng.random(syllables) < 0.5, height, 0.15 * height)
    accents[rng.integers(syllables)] = _ACCENT_ST * range_ratio
    times, tones, start = [0.0], [0.0], 0
    for item in plan:
        if item.syllable >= 0 and PHONES[item.phone].kind == "vowel":
            times += [start, start + 0.45 * item.frames, start + item.frames]
            accent = accents[item.syllable]
            tones += [0.5 * accent, accent, 0.3 * accent]
        start += item.frames
    tones[-1] += final_st
    melody = np.interp(np.arange(total), times, tones)
    base = np.linspace(0.5, -0.5, total) * _DECLINATION_ST
    # The mean accent is taken off so that range and level stay separate settings.
    smooth = np.convolve(np.pad(melody, 4, mode="edge"), np.hanning(9) / np.hanning(9).sum())[8:-8]
    semitones = base + smooth - float(np.mean(smooth))
    return np.asarray(np.clip(f0_hz * 2 ** (semitones / 12), 55.0, 600.0), dtype=np.float64)
