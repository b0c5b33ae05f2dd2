"""Who has to stay on one side of a fold together: speakers who share a recording, such as the two of a dialogue."""

from __future__ import annotations

from collections.abc import Iterable

from pipeline.core.clip import Clip


def together(clips: Iterable[Clip]) -> list[list[str]]:
    """Return the speakers in groups of those whom recordings tie together, directly or through others; both sorted.

    Where no clip names its recording, everybody is a group of their own.

    >>> together([Clip("1", "1.wav", "anna", "sad", source="scene"), Clip("2", "2.wav", "ben", "sad", source="scene"), Clip("3", "3.wav", "carl", "sad")])
    [['anna', 'ben'], ['carl']]
    """
    groups: dict[str, set[str]] = {}
    first: dict[str, str] = {}
    for clip in clips:
        mine = groups.setdefault(clip.speaker, {clip.speaker})
        other = groups[first.setdefault(clip.source, clip.speaker)] if clip.source else mine
        if other is not mine:
            mine |= other
            groups.update(dict.fromkeys(other, mine))
    return sorted({id(group): sorted(group) for group in groups.values()}.values())


def widened(chosen: Iterable[str], groups: Iterable[list[str]]) -> list[str]:
    """Return the speakers with all those of their groups, in the order of the groups."""
    wanted = set(chosen)
    return [speaker for group in groups if wanted & set(group) for speaker in group]
