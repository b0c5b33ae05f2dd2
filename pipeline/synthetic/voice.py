"""Source-filter voice: random syllables spoken by a speaker with a prosody, and their phones."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.signal import butter, sosfilt

from pipeline.synthetic.phones import PHONES
from pipeline.synthetic.prosody import Prosody
from pipeline.synthetic.speaker import Voice
from pipeline.synthetic.utterance import FRAME_S, FloatArray, Planned, f0_contour, plan_utterance
from pipeline.synthetic.vocal_tract import HOP, RATE_HZ, filtered, formant_tracks, per_sample, sections, smooth, source

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


def _noise_track(plan: list[Planned], name: str) -> FloatArray:
    """Amplitude of the noise of phone ``name`` in every frame; a stop's only at its release."""
    track = np.zeros(sum(item.frames for item in plan))
    start = 0
    for item in plan:
        end = start + item.frames
        if item.phone == name:
            phone = PHONES[name]
            begin = max(start, end - _BURST_FRAMES) if phone.kind == "stop" else start
            track[begin:end] = phone.noise
        start = end
    return track


def _frication(plan: list[Planned], scale: float, rng: np.random.Generator) -> FloatArray:
    """Noise of the fricatives and bursts, (samples,)."""
    total = np.zeros(sum(item.frames for item in plan) * HOP)
    for name, phone in PHONES.items():
        noise = rng.normal(0.0, 1.0, len(total))
        if phone.noise == 0.0 or all(item.phone != name for item in plan):
            continue
        band = [phone.noise_hz[0] * scale, min(phone.noise_hz[1] * scale, _EDGE_HZ)]
        shaped = sosfilt(butter(1, band, "bandpass", fs=RATE_HZ, output="sos"), noise)
        track = _noise_track(plan, name)
        total += shaped * per_sample(track if phone.kind == "stop" else smooth(track, 7))
    return total


def _voicing(plan: list[Planned]) -> FloatArray:
    """Amplitude of voicing in every frame, 0-1, with 25 ms on- and offsets."""
    steps = np.concatenate([np.full(i.frames, PHONES[i.phone].voicing) for i in plan])
    return smooth(steps, 5)


def _alignment(plan: list[Planned]) -> tuple[Segment, ...]:
    """Start and length of every phone; the next one starts where the last one ends."""
    edges = np.concatenate([[0], np.cumsum([item.frames for item in plan])])
    return tuple(
        Segment(round(int(a) * FRAME_S, 3), round(item.frames * FRAME_S, 3), item.phone)
        for a, item in zip(edges, plan, strict=False)
    )


def speak(voice: Voice, prosody: Prosody, seconds: float, rng: np.random.Generator) -> Utterance:
    """Random syllables of ``seconds`` (to 5 ms), spoken; deterministic in ``rng``."""
    plan = plan_utterance(seconds, voice.tempo * prosody.tempo, rng)
    f0 = f0_contour(plan, voice.f0_hz * prosody.level, prosody.range_ratio, prosody.final_st, rng)
    voicing = _voicing(plan)
    formants, bandwidths = formant_tracks(plan, voice, prosody)
    glottal = source(f0, voicing, voice, prosody, rng)
    voiced = filtered(glottal, sections(plan, formants, bandwidths))
    loud = per_sample(voicing) > 0.9
    voiced /= max(float(np.sqrt(np.mean(voiced[loud] ** 2))), 1e-6)
    tilt = 10 ** (prosody.tilt_db / 20)  # frication brightens and dulls with the voice
    level = _SPEECH_RMS * 10 ** (prosody.energy_db / 20)
    samples = level * (voiced + tilt * _frication(plan, voice.formant_scale, rng))
    samples += rng.normal(0.0, _ROOM_RMS, len(samples))
    samples /= max(1.0, float(np.max(np.abs(samples))) / 0.95)
    return Utterance(samples.astype(np.float32), _alignment(plan))
