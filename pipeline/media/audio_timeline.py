"""Put pieces of decoded audio where their timestamps say, resampled, and hand out one span of the result."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from pipeline.core.errors import ClipError
from pipeline.media.downmix import Downmix, channels_of, mixed

MIN_AUDIO_S = 0.025
"""One analysis window: less audio than this holds no feature of any kind."""
SILENT_BELOW = 1 / 32768
"""One step of 16-bit audio; nothing that a microphone recorded stays below it."""
GAP_S = 0.1
"""A hole in the timestamps up to here is rounding (FLV counts in ms) and is closed; above it is silence."""
MAX_GAP_S = 600.0
"""A longer hole is a broken timestamp, and is closed too: it must not fill the result with zeros."""
LOUDEST = 1e6
"""Times full scale, 120 dB above it; what is louder is no sound, and its square no number that features bear."""


class AudioTimeline:
    """Mono audio on the clip's time axis.

    Pieces that follow one another without a hole go through one resampler, so that no edge arises between them; a hole,
    or another sampling rate or channel layout, begins with a new one: `new_resampler` gives an object like
    `av.AudioResampler` whose output is `RESAMPLED` at `rate_hz`. The span begins at the sample `first` and ends before
    `last`; None = keep everything. `downmix` makes one channel of several.
    """

    def __init__(
        self,
        new_resampler: Callable[[], Any],
        rate_hz: int,
        first: int = 0,
        last: int | None = None,
        downmix: Downmix | None = None,
    ) -> None:
        self.rate_hz, self.first, self.last = rate_hz, first, last
        self._downmix = downmix or Downmix(np.ones(1, np.float32))
        self._weights = np.ones(1, np.float32)
        self.position = 0  # samples from time 0 to the end of what has been added
        self._new_resampler = new_resampler
        self._resampler: Any = None
        self._kind: tuple[Any, ...] = ()
        self._expected = 0.0
        self._kept: list[np.ndarray] = []

    @property
    def full(self) -> bool:
        """Whether the end of the span has been reached."""
        return self.last is not None and self.position >= self.last

    def add(self, frame: Any, time: float | None) -> None:
        """Append an `av.AudioFrame` that begins at a time, s, None = where the one before ended; no frame at the end,
        to append what the resampler still holds.
        """
        if frame is None:
            self._flush()
            return
        kind = (frame.sample_rate, frame.layout.name, frame.format.name)
        late = 0.0 if time is None else time - self._expected
        if self._resampler is None or kind != self._kind or late > GAP_S:
            self._begin(kind, self._expected if time is None else time)
            self._weights = self._downmix.weights(frame.layout)
        self._expected += frame.samples / frame.sample_rate
        self._append_all(self._resampler.resample(frame))

    def take(self) -> list[np.ndarray]:
        """Return what the span has got since the last call: consecutive pieces, (n,) float32, not to be written to."""
        kept, self._kept = self._kept, []
        return kept

    def _flush(self) -> None:
        resampler, self._resampler = self._resampler, None  # first: one that fails here must not be met again
        if resampler is not None:
            self._append_all(resampler.resample(None))

    def _begin(self, kind: tuple[Any, ...], time: float) -> None:
        at_the_beginning = self._kind == ()
        self._flush()
        self._resampler, self._kind, self._expected = self._new_resampler(), kind, time
        hole = round(time * self.rate_hz) - self.position
        if 0 < hole <= MAX_GAP_S * self.rate_hz:
            self._append(np.broadcast_to(np.float32(0), hole))  # ten minutes of it take no memory
        elif hole < 0 and at_the_beginning:
            self.position = hole  # what lies before time 0 is not part of the clip

    def _append_all(self, frames: list[Any]) -> None:
        for frame in frames:
            if frame is not None:  # what a resampler with nothing to do answers to a flush
                self._append(mixed(channels_of(frame), self._weights))

    def _append(self, samples: np.ndarray) -> None:
        begin = max(0, self.first - self.position)
        end = len(samples) if self.last is None else max(0, self.last - self.position)
        if begin < min(end, len(samples)):  # an empty view would hold on to all of its array
            self._kept.append(samples[begin:end])
        self.position += len(samples)


def in_blocks(pieces: Iterable[np.ndarray], size: int) -> Iterator[np.ndarray]:
    """Yield the same samples in blocks of `size`, the last one shorter; nothing where there are none."""
    held: list[np.ndarray] = []
    room = size
    for piece in pieces:
        rest = piece
        while len(rest) >= room:
            yield np.concatenate([*held, rest[:room]])
            held, rest, room = [], rest[room:], size
        held.append(rest)
        room -= len(rest)
    if room < size:
        yield np.concatenate(held)


def check_audio(blocks: Iterable[np.ndarray], rate_hz: int) -> Iterator[np.ndarray]:
    """Yield audio, consecutive samples (n,) float32, as it is: what lies above full scale, in float audio or where
    resampling overshoots, is not cut. Raises ClipError: decode_error, NaN, infinity or above `LOUDEST`; at the end:
    too_short, below `MIN_AUDIO_S`; silent, below `SILENT_BELOW`.
    """
    count, loudest = 0, 0.0
    for block in blocks:
        if not np.isfinite(block).all():
            raise ClipError("decode_error", "samples that are not numbers")
        count, loudest = count + len(block), max(loudest, float(np.abs(block).max()))
        if loudest > LOUDEST:
            raise ClipError("decode_error", f"samples of {loudest:.0e} times full scale")
        yield block
    if count < MIN_AUDIO_S * rate_hz:
        raise ClipError("too_short", f"{count / rate_hz:.3f} s of audio")
    if loudest < SILENT_BELOW:
        raise ClipError("silent", "digital silence")
