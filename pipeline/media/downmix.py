"""How the channels of a file become one: by FFmpeg's own weights, so that neither a voice in the middle gets lost in
silent channels, nor one that two channels hold in opposite phase.
"""

from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from typing import Any

import av
import numpy as np

from pipeline.media.remark import Remark, note

RESAMPLED = "flt"
"""The format of resampled audio. Not planar: of eight channels and more PyAV reads beyond the list of planes, and the
process dies."""
_HEARD_S = 10.0
"""As much sound decides whether channels are of opposite phase; a clip need not be decoded twice for it."""
_OPPOSITE = -0.9
"""Correlation under which a channel is the other one upside down: they would cancel out by 10 dB and more."""
_AUDIBLE = 1 / 32768
_USUAL = {1: "mono", 2: "stereo", 3: "2.1", 4: "4.0", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1", 16: "hexadecagonal"}


class Downmix:
    """The weights of a file's channels. `signs`, (C,) of 1 and -1, turn those of opposite phase; a layout of another
    number of channels, in mid-stream, has none.
    """

    def __init__(self, signs: np.ndarray) -> None:
        self._signs = signs

    def weights(self, layout: Any) -> np.ndarray:
        """Return the weights (C,) float32 of an `av.AudioLayout`."""
        weights = weights_of(layout.name, layout.nb_channels)
        return weights * self._signs if len(self._signs) == len(weights) else weights

    def remarks(self, layout: Any) -> list[Remark]:
        """Return how several channels were mixed."""
        if layout.nb_channels < 2:
            return []
        shares = self.weights(layout).tolist()
        mixture = " ".join(f"{share:.2g}" for share in shares)
        return [note(f"{layout.name} audio mixed {mixture}" + (", of opposite phase" if min(shares) < 0 else ""))]


def channels_of(frame: Any) -> np.ndarray:
    """Return the samples (C, n) float32 of an `av.AudioFrame` of `RESAMPLED`, not to be written to."""
    channels = frame.layout.nb_channels
    return np.frombuffer(frame.planes[0], np.float32, frame.samples * channels).reshape(-1, channels).T


def mixed(planes: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return channels (C, n) float32 as one, (n,) float32."""
    if len(planes) == 1 and weights[0] == 1:
        return planes[0]  # as below, without the work
    if (weights == weights[0]).all() and weights[0] * len(weights) == 1:
        return planes.mean(axis=0, dtype=np.float32)
    return weights @ planes


@cache
def weights_of(name: str, channels: int) -> np.ndarray:
    """Return the weights (C,) float32 by which FFmpeg brings a layout to mono, their sum 1 at most, as it has them for
    16-bit audio; equal ones where it knows no way.

    They are read off an impulse in each channel. Where a file does not tell its layout, FFmpeg supposes the usual one
    of so many channels.
    """
    with suppress(av.FFmpegError, ValueError, KeyError):
        known = _USUAL[channels] if name.endswith(" channels") else name
        identity = np.eye(channels, dtype=np.float32).reshape(1, -1)
        impulses = av.AudioFrame.from_ndarray(identity, format=RESAMPLED, layout=known)
        impulses.sample_rate = 48000
        to_mono = av.AudioResampler(format=RESAMPLED, layout="mono", options={"rematrix_maxval": "1"})
        found = np.concatenate([one.to_ndarray()[0] for one in [*to_mono.resample(impulses), *to_mono.resample(None)]])
        if found.shape == (channels,) and found.any():
            return found
    return np.full(channels, 1 / channels, np.float32)


def signs_of(frames: Iterator[Any]) -> np.ndarray:
    """Return 1 or -1 for each channel of decoded audio, (C,): -1 where it is the strongest one upside down."""
    to_float = av.AudioResampler(format=RESAMPLED)
    common, heard, layout = np.zeros((1, 1)), 0.0, None
    for frame in frames:
        if layout not in (None, frame.layout.name):
            break
        layout = frame.layout.name
        for planes in (channels_of(one).astype(np.float64) for one in to_float.resample(frame)):
            if np.isfinite(planes).all() and np.abs(planes).max(initial=0.0) >= _AUDIBLE:
                common = common + planes @ planes.T
                heard += planes.shape[1] / frame.sample_rate
        if heard >= _HEARD_S:
            break
    power = np.sqrt(np.diag(common))
    strongest = int(power.argmax())
    return np.where(common[strongest] < _OPPOSITE * power * power[strongest], -1.0, 1.0).astype(np.float32)
