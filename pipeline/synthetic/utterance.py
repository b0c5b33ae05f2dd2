"""What a generated voice says and when: random syllables, their timing and their melody."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.synthetic.phones import CODAS, ONSETS, PHONES, SILENCE, VOWELS

FloatArray = npt.NDArray[np.float64]

FRAME_S = 0.005  # one synthesis frame
_ACCENT_ST = 4.0  # neutral accent height, semitones; ordinary reading, about 4-6 semitones
_DECLINATION_ST = 2.0  # fall of the base line over the utterance, semitones


@dataclass(frozen=True)
class Planned:
    """One phone of a plan: its name, length in 5 ms frames and syllable (-1 in silence)."""

    phone: str
    frames: int
    syllable: int


def _syllable(rng: np.random.Generator) -> list[str]:
    """Phones of a random CV or CVC syllable."""
    phones = [str(rng.choice(ONSETS)), str(rng.choice(VOWELS))]
    if rng.random() < 0.35:
        phones.append(str(rng.choice(CODAS)))
    return phones


def _seconds(phone: str, tempo: float, rng: np.random.Generator) -> float:
    """Length of one phone; consonants give way less to tempo than vowels do (Klatt 1979)."""
    elastic = 1.0 if PHONES[phone].kind == "vowel" else 0.6
    return float(PHONES[phone].seconds * tempo**-elastic * rng.uniform(0.85, 1.2))


def _fit(seconds: list[float], frames: int) -> list[int]:
    """Lengths in whole frames, stretched so that they sum to ``frames`` exactly."""
    ends = np.cumsum(seconds) * frames / sum(seconds)
    return [int(n) for n in np.diff(np.concatenate([[0.0], np.round(ends)]))]


def plan_utterance(seconds: float, tempo: float, rng: np.random.Generator) -> list[Planned]:
    """Random syllables of ``seconds`` in all, with silence around them and perhaps a pause."""
    total = round(seconds / FRAME_S)
    lead, trail = (round(rng.uniform(0.08, 0.20) / FRAME_S) for _ in range(2))
    pause_at = int(rng.integers(3, 6)) if rng.random() < 0.6 else -1
    names: list[str] = []
    owners: list[int] = []
    lengths: list[float] = []
    syllable = 0
    room = (total - lead - trail) * FRAME_S
    while sum(lengths) < room - 0.12 / tempo:
        phones = [SILENCE] if len(names) and syllable == pause_at else _syllable(rng)
        pause_at = -1 if phones == [SILENCE] else pause_at
        for phone in phones:
            names.append(phone)
            owners.append(-1 if phone == SILENCE else syllable)
            lengths.append(_seconds(phone, tempo, rng))
        syllable += phones != [SILENCE]
    frames = _fit(lengths, total - lead - trail)
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
