"""Phone inventory of the generated voices: formants, bandwidths, durations, noises.

Sources, value by value:

* vowel formants F1-F3: Peterson & Barney (1952), JASA 24, 175-184, means of the men
  (``a`` = /ɑ/, ``e`` = /ɛ/, ``i`` = /i/, ``o`` = /ɔ/, ``u`` = /u/);
* vowel bandwidths, and formants and bandwidths of ``m n l s f t k``: Klatt (1980), JASA 67,
  971-995, Tables II and III;
* F4 and F5 (3300, 3850 Hz, 250 and 200 Hz wide) and the nasal pole and zero: Klatt (1980),
  Table I and section on nasals;
* inherent durations: Klatt (1979), "Synthesis by rule of segmental durations", the vowels
  shortened to 65 % because the syllables here carry no lexical stress;
* noise bands: broad textbook regions (s above 4 kHz, f weak and flat, t burst 3-5.5 kHz,
  k burst 1.5-3 kHz; Stevens 1998, "Acoustic Phonetics", chapters 7 and 8).

The figures are quoted from memory of these publications and were not read again here.
"""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["vowel", "nasal", "liquid", "fricative", "stop", "silence"]

HIGH_FORMANTS_HZ = (3300.0, 3850.0)
HIGH_BANDWIDTHS_HZ = (250.0, 200.0)
NASAL_POLE_HZ = 270.0
NASAL_ZERO_HZ = 450.0
NASAL_BANDWIDTH_HZ = 100.0


@dataclass(frozen=True)
class Phone:
    """One phone: F1-F3 and bandwidths in Hz for a man, duration in seconds.

    ``voicing`` is the amplitude of the glottal source (0-1), ``noise_hz`` the band of the frication or burst noise,
    ``noise`` its amplitude (0-1).
    """

    name: str
    kind: Kind
    formants_hz: tuple[float, float, float]
    bandwidths_hz: tuple[float, float, float]
    seconds: float
    voicing: float = 1.0
    noise_hz: tuple[float, float] = (1000.0, 7000.0)
    noise: float = 0.0


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
CODAS = ("m", "n", "l", "s", "f", "t", "k")
