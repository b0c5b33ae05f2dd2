"""Through the packets of an open container; a damaged one is skipped."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import av

_SEEK_FROM_S, _PREROLL_S = 5.0, 1.0
_EXACT_SEEK = ("mov", "matroska")  # their timestamps stay exact after a seek; others are decoded from the beginning


def words(error: Any) -> str:
    """Return what an error says, without the path that `str(error)` holds."""
    return getattr(error, "strerror", None) or type(error).__name__


def seek(container: Any, stream: Any, time: float) -> None:
    """Go to a little before a time, s, where that is worth it and exact."""
    if time >= _SEEK_FROM_S and container.format.name.startswith(_EXACT_SEEK):
        with suppress(av.FFmpegError):  # then decoding goes from the beginning
            container.seek(int((time - _PREROLL_S) / stream.time_base), stream=stream)


def decoded(container: Any, stream: Any, damage: list[str]) -> Iterator[Any]:
    """Yield the frames of a stream; add to `damage` what could not be decoded, and go on."""
    return _through(container.demux(stream), lambda packet: packet.decode(), damage)


def packets(container: Any) -> Iterator[Any]:
    """Yield the packets of all streams that can be read."""
    return _through(container.demux(), lambda packet: [packet], [])


def _through(demuxed: Iterator[Any], parts: Any, damage: list[str]) -> Iterator[Any]:
    while True:
        try:
            packet = next(demuxed, None)
            found = parts(packet) if packet else []
        except (av.FFmpegError, OSError, IndexError) as error:  # PyAV's index, where damage shows as a new stream
            damage.append(words(error))
            continue
        if packet is None:
            return
        yield from found
