"""Source-filter voice: random syllables spoken by a speaker with a prosody, and their phones.

Pulses, noise and formant resonators after Klatt (1980), "Software for a cascade/parallel formant synthesizer", JASA 67,
971-995; the glottal pulse is the polynomial of KLGLOTT88 (Klatt & Klatt 1990, JASA 87, 820-857).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.signal import butter, lfilter, sosfilt

from pipeline.synthetic import utterance as ut
from pipeline.synthetic.prosody import Prosody, Voice
from pipeline.synthetic.utterance import FRAME_S, PHONES, FloatArray, Planned

RATE_HZ = 16_000
_HOP = round(RATE_HZ * FRAME_S)
_SPEECH_RMS = 0.05  # neutral speech, full scale = 1
_ROOM_RMS = 2e-4  # a quiet room, so that pauses are not digital silence
_BURST_FRAMES = 3  # release noise of a stop, 15 ms
_EDGE_HZ = 7800.0


@dataclass(frozen=True)
class Segment:
    """One phone of an alignment; times in seconds."""

    start_s: float
    duration_s: float
    phone: str


@dataclass(frozen=True)
class Utterance:
    """Samples of shape (n,), float32, 16 kHz, within -1..1, and their phones without gaps."""

    samples: npt.NDArray[np.float32]
    alignment: tuple[Segment, ...]


def _smooth(track: FloatArray, frames: int) -> FloatArray:
    """Moving Hann average along axis 0 over ``frames`` (odd) frames, edges held."""
    window = np.hanning(frames + 2)[1:-1]
    padded = np.pad(track, [(frames // 2, frames // 2)] + [(0, 0)] * (track.ndim - 1), mode="edge")
    return np.asarray(np.apply_along_axis(np.convolve, 0, padded, window / window.sum(), "valid"))


def _held(plan: list[Planned], values: Sequence[Any]) -> FloatArray:
    """One value, or row of values, per phone of a plan, held over its frames."""
    return np.repeat(np.array(values, dtype=np.float64), [item.frames for item in plan], axis=0)


def _formant_tracks(plan: list[Planned], voice: Voice, prosody: Prosody) -> tuple[FloatArray, FloatArray]:
    """Formants and bandwidths, Hz, each (frames, 5), gliding about 55 ms between phones."""
    phones = [PHONES[item.phone] for item in plan]
    formants = _held(plan, [phone.formants_hz + ut.HIGH_FORMANTS_HZ for phone in phones])
    bandwidths = _held(plan, [phone.bandwidths_hz + ut.HIGH_BANDWIDTHS_HZ for phone in phones])
    lips = np.array([prosody.formants, prosody.formants, 1.0, 1.0, 1.0])
    return _smooth(formants, 11) * voice.formant_scale * lips, _smooth(bandwidths, 11)


def _resonators(formants: FloatArray, bandwidths: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Klatt's resonator coefficients B and C (y = A x + B y' + C y''), shapes as given."""
    radius = np.exp(-np.pi * bandwidths / RATE_HZ)
    return 2 * radius * np.cos(2 * np.pi * formants / RATE_HZ), -(radius**2)


def _sections(plan: list[Planned], formants: FloatArray, bandwidths: FloatArray) -> FloatArray:
    """Second-order sections of every frame, (frames, 6, 6): five formants, one nasal pair."""
    nasal = _held(plan, [PHONES[item.phone].kind == "nasal" for item in plan])
    zero_hz = ut.NASAL_POLE_HZ + _smooth(nasal, 7) * (ut.NASAL_ZERO_HZ - ut.NASAL_POLE_HZ)
    nasal_bw = np.full_like(zero_hz, ut.NASAL_BANDWIDTH_HZ)
    pole_b, pole_c = _resonators(np.full_like(zero_hz, ut.NASAL_POLE_HZ), nasal_bw)
    zero_b, zero_c = _resonators(zero_hz, nasal_bw)
    b, c = _resonators(formants, bandwidths)
    sos = np.zeros((len(formants), 6, 6))
    sos[:, :5, 0] = 1 - b - c
    sos[:, :5, 3], sos[:, :5, 4], sos[:, :5, 5] = 1.0, -b, -c
    # The pair has unit gain at 0 Hz and cancels itself out when the zero sits on the pole.
    gain = (1 - pole_b - pole_c) / (1 - zero_b - zero_c)
    sos[:, 5, :3] = gain[:, None] * np.stack([np.ones_like(gain), -zero_b, -zero_c], axis=1)
    sos[:, 5, 3:] = np.stack([np.ones_like(gain), -pole_b, -pole_c], axis=1)
    return sos


def _per_sample(track: FloatArray) -> FloatArray:
    """A frame track (frames,) interpolated to samples (frames * hop,)."""
    centres = (np.arange(len(track)) + 0.5) * _HOP
    return np.asarray(np.interp(np.arange(len(track) * _HOP), centres, track), dtype=np.float64)


def _source(
    f0: FloatArray, voicing: FloatArray, voice: Voice, prosody: Prosody, rng: np.random.Generator
) -> FloatArray:
    """Glottal flow derivative with jitter, shimmer, tilt and aspiration, (samples,)."""
    steps = _per_sample(f0) / RATE_HZ
    cycles = np.floor(np.cumsum(steps)).astype(np.intp)
    wobble = rng.normal(0.0, 1.0, (2, int(cycles[-1]) + 1))
    jitter = np.clip(voice.jitter * prosody.jitter * wobble[0], -0.1, 0.1)
    phase = np.cumsum(steps * (1 + jitter[cycles])) % 1.0
    quotient = float(np.clip(0.6 + 0.01 * prosody.breath - 0.01 * prosody.tilt_db, 0.4, 0.8))
    t = np.minimum(phase / quotient, 1.0)
    # Shimmer goes along with jitter; 4 % of amplitude is a usual healthy value.
    shimmer = 1 + np.clip(0.04 * prosody.jitter * wobble[1], -0.3, 0.3)
    pulses = (2 * t - 3 * t**2) * (t < 1.0) * shimmer[cycles]
    low = lfilter([0.32], [1.0, -0.68], pulses)  # one pole near 1 kHz
    tilt = 10 ** ((voice.tilt_db + prosody.tilt_db) / 20)
    breath = 10 ** ((voice.breath_db + prosody.breath) / 20)
    noise = rng.normal(0.0, breath, len(phase)) * (0.4 + 0.6 * (t < 1.0))
    return np.asarray((low + tilt * (pulses - low) + noise) * _per_sample(voicing))


def _filtered(source: FloatArray, sos: FloatArray) -> FloatArray:
    """The source (frames * hop,) through the sections of every frame, state carried over."""
    state = np.zeros((sos.shape[1], 2))
    out = np.empty_like(source)
    for k, section in enumerate(sos):
        span = slice(k * _HOP, (k + 1) * _HOP)
        out[span], state = sosfilt(section, source[span], zi=state)
    return out


def _noise_track(plan: list[Planned], name: str) -> FloatArray:
    """Amplitude of the noise of phone ``name`` in every frame; a stop's only at its release."""
    parts = [np.zeros(item.frames) for item in plan]
    for item, part in zip(plan, parts, strict=True):
        if item.phone == name:
            part[-_BURST_FRAMES if PHONES[name].kind == "stop" else 0 :] = PHONES[name].noise
    return np.concatenate(parts)


def _frication(plan: list[Planned], scale: float, rng: np.random.Generator) -> FloatArray:
    """Noise of the fricatives and bursts, (samples,)."""
    total = np.zeros(sum(item.frames for item in plan) * _HOP)
    for name, phone in PHONES.items():
        noise = rng.normal(0.0, 1.0, len(total))
        if phone.noise == 0.0 or all(item.phone != name for item in plan):
            continue
        band = [phone.noise_hz[0] * scale, min(phone.noise_hz[1] * scale, _EDGE_HZ)]
        shaped = sosfilt(butter(1, band, "bandpass", fs=RATE_HZ, output="sos"), noise)
        track = _noise_track(plan, name)
        total += shaped * _per_sample(track if phone.kind == "stop" else _smooth(track, 7))
    return total


def speak(voice: Voice, prosody: Prosody, seconds: float, rng: np.random.Generator) -> Utterance:
    """Random syllables of ``seconds`` (to 5 ms), spoken; deterministic in ``rng``."""
    plan = ut.plan_utterance(seconds, voice.tempo * prosody.tempo, rng)
    f0 = ut.f0_contour(plan, voice.f0_hz * prosody.level, prosody.range_ratio, prosody.final_st, rng)
    voicing = _smooth(_held(plan, [PHONES[item.phone].voicing for item in plan]), 5)  # 25 ms on- and offsets
    formants, bandwidths = _formant_tracks(plan, voice, prosody)
    glottal = _source(f0, voicing, voice, prosody, rng)
    voiced = _filtered(glottal, _sections(plan, formants, bandwidths))
    loud = _per_sample(voicing) > 0.9
    voiced /= max(float(np.sqrt(np.mean(voiced[loud] ** 2))), 1e-6)
    tilt = 10 ** (prosody.tilt_db / 20)  # frication brightens and dulls with the voice
    level = _SPEECH_RMS * 10 ** (prosody.energy_db / 20)
    samples = level * (voiced + tilt * _frication(plan, voice.formant_scale, rng))
    samples += rng.normal(0.0, _ROOM_RMS, len(samples))
    samples /= max(1.0, float(np.max(np.abs(samples))) / 0.95)
    ends = accumulate(item.frames for item in plan)
    alignment = [
        Segment(round((end - item.frames) * FRAME_S, 3), round(item.frames * FRAME_S, 3), item.phone)
        for end, item in zip(ends, plan, strict=True)
    ]
    return Utterance(samples.astype(np.float32), tuple(alignment))
