"""Who is who in a corpus: a speaker, a recording or a part that is written in two ways would stand on two sides."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace

from pipeline.core.clip import Clip
from pipeline.core.spelling import canonical, number, person, shown, spellings
from pipeline.core.tables import refuse

Labelled = tuple[str, Clip]
"""The corpus's own label of a clip, and the clip."""


def joined(clips: Iterable[Labelled]) -> list[Labelled]:
    """Return clips whose speakers have one spelling each (`canonical`)."""
    found = list(clips)
    times = Counter(clip.speaker for _, clip in found)
    names = {name: canonical(together, times) for together in spellings(times, person).values() for name in together}
    return [(label, replace(clip, speaker=names[clip.speaker])) for label, clip in found]


def check_names(clips: Iterable[Labelled], place: str, line_of: Callable[[Clip], str]) -> None:
    """Refuse, by one CorpusError that tells them all, names of speakers, recordings and parts in two spellings, or with
    characters that cannot be seen; `place` has the corpus's settings, `line_of` says where a clip stands.
    """
    found = [clip for _, clip in clips]
    faults: dict[str, list[str]] = {}
    for what, key in (("speaker", person), ("source", number), ("corpus", number)):
        first, times = dict[str, Clip](), Counter(getattr(clip, what) for clip in found)
        for clip in found:
            first.setdefault(getattr(clip, what), clip)
        for names in spellings(filter(None, first), key).values():
            kept = canonical(names, times)
            for other in (name for name in names if name != kept):
                told = (
                    f"{what} {shown(other, kept)} is also written {shown(kept, other)} ({_place(line_of(first[kept]))})"
                )
                faults[told] = [line_of(first[other])]
            if len(names) == 1 and not kept.isprintable():
                fault = f"{what} {shown(kept)} has a line break or a character that cannot be seen"
                faults[fault] = [line_of(first[kept])]
    join = f", or set {place}.join_speakers: true" if any(fault.startswith("speaker") for fault in faults) else ""
    refuse(faults, f"write it in one way{join}; if they are two, rename one")


def _place(where: str) -> str:
    """Return `line 3` of a file and line, else the words as they are."""
    line = where.rpartition(":")[2]
    return f"line {line}" if line.isdigit() else where
