"""What a protocol assigns as one: speakers who share a recording, such as the two of a dialogue."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from pipeline.core.clip import Clip


def linked_speakers(clips: Iterable[Clip]) -> list[list[str]]:
    """Return groups of speakers who share recordings, directly or through others; groups and speakers sorted.

    Where no clip names its recording, each speaker is a group.

    >>> anna, ben = (Clip(n, f"{n}.wav", who, "sad", source="scene") for n, who in (("1", "anna"), ("2", "ben")))
    >>> linked_speakers([anna, ben, Clip("3", "3.wav", "carl", "sad")])
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


def speaker_groups(units: Sequence[Sequence[str]], count: int, seed: int) -> list[list[str]]:
    """Assign speakers to `count` groups, the same for the same seed; group sizes differ by at most one of the `units`,
    speakers who have to stay together.
    """
    order = np.random.default_rng(seed).permutation(len(units))
    return [sorted(speaker for i in order[start::count] for speaker in units[i]) for start in range(count)]
