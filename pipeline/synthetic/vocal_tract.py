"""Vocal tract and glottis of the generated voices: pulses, noise and formant resonators.

After Klatt (1980), "Software for a cascade/parallel formant synthesizer", JASA 67, 971-995; the glottal pulse is the
polynomial of KLGLOTT88 (Klatt & Klatt 1990, JASA 87, 820-857).
"""

import numpy as np
from scipy.signal import lfilter, sosfilt

from pipeline.synthetic import phones as ph
from pipeline.synthetic.prosody import Prosody
from pipeline.synthetic.speaker import Voice
from pipeline.synthetic.utterance import FRAME_S, FloatArray, Planned

RATE_HZ = 16_000
HOP = round(RATE_HZ * FRAME_S)


def smooth(track: FloatArray, frames: int) -> FloatArray:
    """Moving Hann average along axis 0 over ``frames`` (odd) frames, edges held."""
    window = np.hanning(frames + 2)[1:-1]
    pad = [(frames // 2, frames // 2)] + [(0, 0)] * (track.ndim - 1)
    padded = np.pad(track, pad, mode="edge")
    kernel = window / window.sum()
    return np.asarray(np.apply_along_axis(np.convolve, 0, padded, kernel, "valid"))


def formant_tracks(plan: list[Planned], voice: Voice, prosody: Prosody) -> tuple[FloatArray, FloatArray]:
    """Formants and bandwidths, Hz, each (frames, 5), gliding about 55 ms between phones."""
    rows_f, rows_b = [], []
    for item in plan:
        phone = ph.PHONES[item.phone]
        rows_f += [phone.formants_hz + ph.HIGH_FORMANTS_HZ] * item.frames
        rows_b += [phone.bandwidths_hz + ph.HIGH_BANDWIDTHS_HZ] * item.frames
    lips = np.array([prosody.formants, prosody.formants, 1.0, 1.0, 1.0])
    formants = smooth(np.array(rows_f, dtype=np.float64), 11) * voice.formant_scale * lips
    return formants, smooth(np.array(rows_b, dtype=np.float64), 11)


def _resonators(formants: FloatArray, bandwidths: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Klatt's resonator coefficients B and C (y = A x + B y' + C y''), shapes as given."""
    radius = np.exp(-np.pi * bandwidths / RATE_HZ)
    return 2 * radius * np.cos(2 * np.pi * formants / RATE_HZ), -(radius**2)


def sections(plan: list[Planned], formants: FloatArray, bandwidths: FloatArray) -> FloatArray:
    """Second-order sections of every frame, (frames, 6, 6): five formants, one nasal pair."""
    nasal = np.concatenate([np.full(i.frames, float(ph.PHONES[i.phone].kind == "nasal")) for i in plan])
    zero_hz = ph.NASAL_POLE_HZ + smooth(nasal, 7) * (ph.NASAL_ZERO_HZ - ph.NASAL_POLE_HZ)
    nasal_bw = np.full_like(zero_hz, ph.NASAL_BANDWIDTH_HZ)
    pole_b, pole_c = _resonators(np.full_like(zero_hz, ph.NASAL_POLE_HZ), nasal_bw)
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


def per_sample(track: FloatArray) -> FloatArray:
    """A frame track (frames,) interpolated to samples (frames * hop,)."""
    centres = (np.arange(len(track)) + 0.5) * HOP
    return np.asarray(np.interp(np.arange(len(track) * HOP), centres, track), dtype=np.float64)


def source(f0: FloatArray, voicing: FloatArray, voice: Voice, prosody: Prosody, rng: np.random.Generator) -> FloatArray:
    """Glottal flow derivative with jitter, shimmer, tilt and aspiration, (samples,)."""
    steps = per_sample(f0) / RATE_HZ
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
    return np.asarray((low + tilt * (pulses - low) + noise) * per_sample(voicing))


def filtered(source: FloatArray, sos: FloatArray) -> FloatArray:
    """The source (frames * hop,) through the sections of every frame, state carried over."""
    state = np.zeros((sos.shape[1], 2))
    out = np.empty_like(source)
    for k, sections in enumerate(sos):
        span = slice(k * HOP, (k + 1) * HOP)
        out[span], state = sosfilt(sections, source[span], zi=state)
    return out
