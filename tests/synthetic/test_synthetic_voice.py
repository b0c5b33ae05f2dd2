"""The generated voices: alignment, determinism, and the cited directions of prosody."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.synthetic.prosody import EMOTIONS, Gender, draw_prosody, draw_voice
from pipeline.synthetic.utterance import PHONES, VOWELS
from pipeline.synthetic.voice import RATE_HZ, Utterance, speak

pytestmark = pytest.mark.slow


def _utterance(
    seed: int,
    emotion: str = "neutral",
    seconds: float = 1.5,
    variation: float = 1.0,
    gender: Gender = "female",
) -> Utterance:
    """One utterance of a speaker that only the seed decides."""
    voice = draw_voice(gender, np.random.default_rng(seed))
    rng = np.random.default_rng([seed, 1])
    return speak(voice, draw_prosody(emotion, 0.75, variation, rng), seconds, rng)


def _f0_hz(samples: npt.NDArray[np.float64]) -> float:
    """F0 of a stretch from the highest peak of its autocorrelation between 60 and 500 Hz."""
    centred = samples - samples.mean()
    spectrum = np.fft.rfft(centred, 2 * len(centred))
    correlation = np.fft.irfft(np.abs(spectrum) ** 2)[: len(centred)]
    # Divided by the overlap, else long lags are always the lower peaks.
    correlation /= np.arange(len(centred), 0, -1)
    low, high = RATE_HZ // 500, min(RATE_HZ // 60, len(centred) // 2)
    peaks = correlation[low:high]
    first = int(np.flatnonzero(peaks > 0.85 * peaks.max())[0])
    top = first + int(np.argmax(peaks[first : first + 12]))
    return RATE_HZ / (low + top)


def _mean_f0_hz(emotion: str) -> float:
    """Geometric mean over six speakers, three of each gender, of their median vowel F0."""
    medians = []
    for seed in range(6):
        spoken = _utterance(seed, emotion, 1.5, 0.0, "male" if seed % 2 else "female")
        values = []
        for part in spoken.alignment:
            if part.phone in VOWELS:
                a = round(part.start_s * RATE_HZ)
                b = a + round(part.duration_s * RATE_HZ)
                values.append(_f0_hz(spoken.samples[a:b].astype(np.float64)))
        medians.append(np.median(values))
    return float(np.exp(np.mean(np.log(medians))))


@given(
    seed=st.integers(0, 2**32 - 1),
    emotion=st.sampled_from(EMOTIONS),
    gender=st.sampled_from(["female", "male"]),
    seconds=st.floats(1.0, 2.5),
)
@settings(max_examples=20, deadline=None)
def test_any_utterance_is_sound_with_a_gapless_alignment(
    seed: int, emotion: str, gender: Gender, seconds: float
) -> None:
    spoken = _utterance(seed, emotion, seconds, 1.5, gender)
    assert np.all(np.isfinite(spoken.samples))
    assert np.max(np.abs(spoken.samples)) <= 1.0
    assert spoken.samples.dtype == np.float32
    assert len(spoken.samples) / RATE_HZ == pytest.approx(seconds, abs=0.0026)
    ends = 0.0
    for part in spoken.alignment:
        assert part.phone in PHONES
        assert part.start_s == pytest.approx(ends, abs=1e-6)
        assert part.duration_s > 0
        ends = part.start_s + part.duration_s
    assert ends == pytest.approx(len(spoken.samples) / RATE_HZ, abs=1e-6)
    assert spoken.alignment[0].phone == spoken.alignment[-1].phone == "sil"


def test_same_generator_gives_the_same_sound_and_another_seed_another() -> None:
    assert np.array_equal(_utterance(3).samples, _utterance(3).samples)
    assert not np.array_equal(_utterance(3).samples, _utterance(4).samples)


def test_alignment_says_where_the_sound_is() -> None:
    spoken = _utterance(5, seconds=2.5)
    level: dict[str, list[float]] = {"vowel": [], "silence": []}
    for part in spoken.alignment:
        kind = PHONES[part.phone].kind
        if kind in level:
            # The middle half: phones glide into one another at their edges.
            a = round((part.start_s + 0.25 * part.duration_s) * RATE_HZ)
            b = a + round(0.5 * part.duration_s * RATE_HZ)
            level[kind].append(float(np.sqrt(np.mean(spoken.samples[a:b] ** 2))))
    assert min(level["vowel"]) > 20 * max(level["silence"])


def test_vowels_carry_their_formants() -> None:
    """The strongest region of /a/ lies higher than that of /i/ and /u/ (F1 730 and 300 Hz)."""
    first: dict[str, list[float]] = {"a": [], "i": [], "u": []}
    for seed in range(6):
        spoken = _utterance(seed, seconds=2.0, gender="male")
        for part in spoken.alignment:
            if part.phone in first:
                a = round(part.start_s * RATE_HZ)
                x = spoken.samples[a : a + round(part.duration_s * RATE_HZ)]
                power = np.abs(np.fft.rfft(x * np.hanning(len(x)), 4096)) ** 2
                hertz = np.fft.rfftfreq(4096, 1 / RATE_HZ)
                low = (hertz > 100) & (hertz < 1000)
                first[part.phone].append(float(np.sum((hertz * power)[low]) / power[low].sum()))
    assert np.mean(first["a"]) > 1.4 * max(np.mean(first["i"]), np.mean(first["u"]))


def test_emotions_move_f0_in_the_cited_direction() -> None:
    neutral = _mean_f0_hz("neutral")
    for emotion in ("anger", "fear", "happy", "surprise"):
        assert _mean_f0_hz(emotion) > 1.05 * neutral, emotion
    for emotion in ("disgust", "sad"):
        assert _mean_f0_hz(emotion) < 0.97 * neutral, emotion


def test_women_speak_higher_than_men() -> None:
    rng = np.random.default_rng(0)
    women = [draw_voice("female", rng) for _ in range(50)]
    men = [draw_voice("male", rng) for _ in range(50)]
    assert np.mean([v.f0_hz for v in women]) > 1.5 * np.mean([v.f0_hz for v in men])
    assert min(v.formant_scale for v in women) > max(v.formant_scale for v in men)


def test_clips_of_one_emotion_differ_and_no_variation_means_none() -> None:
    rng = np.random.default_rng(0)
    varied = {draw_prosody("anger", 0.75, 1.0, rng).level for _ in range(5)}
    fixed = {draw_prosody("anger", 0.75, 0.0, rng).level for _ in range(5)}
    assert len(varied) == 5
    assert len(fixed) == 1
