"""Which stream of a file is read: by the file's own marks, not by the order in which it happens to hold them."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from av.stream import Disposition

from pipeline.core.errors import ClipError
from pipeline.media.audio_timeline import GAP_S
from pipeline.media.packets import packets
from pipeline.media.remark import Remark, note

_THUMBNAIL = Disposition.attached_pic | Disposition.timed_thumbnails
_ASIDE = Disposition.comment | Disposition.dub | Disposition.visual_impaired | Disposition.karaoke
"""Marks of what goes with a recording and is not the recording."""
Opening = Callable[[], AbstractContextManager[Any]]
"""Opens the file anew: what is looked at here must not move the reading."""


@dataclass(frozen=True)
class Extent:
    """What a stream really holds: packets, and from when until when, s."""

    packets: int = 0
    begin: float = 0.0
    end: float = 0.0

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return self.end - self.begin

    def with_packet(self, packet: Any) -> "Extent":
        """Return it with one packet more; one without a timestamp counts, but lasts no time."""
        stamp = packet.dts if packet.pts is None else packet.pts
        if stamp is None or packet.time_base is None:
            return Extent(self.packets + 1, self.begin, self.end)
        begin, end = (float(at * packet.time_base) for at in (stamp, stamp + (packet.duration or 0)))
        first = self.packets == 0
        return Extent(
            self.packets + 1, begin if first else min(self.begin, begin), end if first else max(self.end, end)
        )


def chosen(container: Any, kind: str, opening: Opening) -> tuple[Any, list[Remark]]:
    """Return the stream of a kind, `audio` or `video`, that is read, and what is to be said of the choice.

    A thumbnail is never read. Of several streams it is the one that is marked as the default; where none is, or
    several are, the one that really lasts longest, of equal ones the first, and one that is marked as a commentary, a
    dubbing or a description only where there is no other. A stream without content is passed over.

    Raises:
        ClipError: no_audio, no_video; decode_error, there is no decoder for any of them
    """
    streams = [one for one in getattr(container.streams, kind) if not one.disposition & _THUMBNAIL]
    if not streams:
        raise ClipError(f"no_{kind}")
    usable = [one for one in streams if one.codec_context is not None]
    if not usable:
        raise ClipError("decode_error", f"no decoder for the {kind} stream")
    if len(streams) == 1:
        return streams[0], [note("a still picture, in which nothing moves")] * _is_still(container, opening)
    with opening() as again:
        extents = extents_of(again)
    stream, why = _best(usable, extents, 2 if kind == "video" else 1)
    return stream, [note(f"{kind} stream {streams.index(stream) + 1} of {len(streams)}, {why}")]


def _is_still(container: Any, opening: Opening) -> bool:
    """Return whether a file is one picture, such as a JPEG under the name of a film; several make a film."""
    if not container.format.name.endswith("_pipe"):
        return False
    with opening() as again:
        return sum(held.packets for held in extents_of(again).values()) < 2


def _best(streams: Sequence[Any], extents: Mapping[int, Extent], least: int) -> tuple[Any, str]:
    """Return a stream and why; one of fewer packets than `least`, such as one picture, where there is no other."""
    held = {one.index: extents.get(one.index, Extent()) for one in streams}
    real = [one for one in streams if held[one.index].packets >= least] or list(streams)
    marked = [one for one in real if one.disposition & Disposition.default]
    if len(marked) == 1:
        return marked[0], "marked as the default"
    own = [one for one in marked or real if not one.disposition & _ASIDE] or marked or real
    longest = max(held[one.index].seconds for one in own)
    best = next(one for one in own if held[one.index].seconds >= longest - GAP_S)
    return best, f"the longest{' of those marked as the default' if marked else ''}, {longest:.2f} s"


def extents_of(container: Any) -> dict[int, Extent]:
    """Return stream number -> what it holds, by the packets of the whole file."""
    found: dict[int, Extent] = {}
    for packet in packets(container):
        if packet.size:
            found[packet.stream.index] = found.get(packet.stream.index, Extent()).with_packet(packet)
    return found
