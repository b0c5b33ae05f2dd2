"""What a protocol assigns as one: speakers who share a recording, such as the two of a dialogue, and in folds of clips
the clips of a recording.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np

from pipeline.core.clip import Clip
from pipeline.core.errors import SettingsError
from pipeline.protocols.splits import Fold


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


def with_linked_speakers(chosen: Iterable[str], groups: Iterable[list[str]]) -> list[str]:
    """Return the speakers with everybody in their groups, in the order of the groups."""
    wanted = set(chosen)
    return [speaker for group in groups if wanted & set(group) for speaker in group]


def speaker_groups(units: Sequence[Sequence[str]], count: int, seed: int) -> list[list[str]]:
    """Assign speakers to `count` groups, the same for the same seed; group sizes differ by at most one of the `units`,
    speakers who have to stay together.
    """
    order = np.random.default_rng(seed).permutation(len(units))
    return [sorted(speaker for i in order[start::count] for speaker in units[i]) for start in range(count)]


def _stratified_shares(clips: Iterable[Clip], count: int, seed: int) -> list[set[str]]:
    """Return the clip ids of each share, every emotion in proportion; the same for a seed and any order of clips.

    The shares' numbers of recordings, or of media files, differ by at most one.
    """
    units: dict[str, list[Clip]] = defaultdict(list)
    for clip in sorted(clips, key=lambda clip: clip.clip_id):
        units[clip.source or clip.digest or clip.path].append(clip)
    by_emotion: dict[str, list[list[Clip]]] = defaultdict(list)
    for unit in units.values():
        by_emotion[unit[0].emotion].append(unit)
    rng = np.random.default_rng(seed)
    order = [alike[i] for _, alike in sorted(by_emotion.items()) for i in rng.permutation(len(alike))]
    return [{clip.clip_id for unit in order[start::count] for clip in unit} for start in range(count)]


def with_validation_clips(clips: Iterable[Clip], fold: Fold, share: float, seed: int) -> Fold:
    """Return a fold with a share of its training clips, the nearest to 1/2, 1/3, 1/4 and so on, as validation clips; a
    SettingsError says that there are not two recordings or media files to train on.
    """
    train = [clip for clip in clips if fold.get(clip.clip_id) == "train"]
    val = max(_stratified_shares(train, max(2, round(1 / share)), seed), key=len)
    if len(val) in (0, len(train)):
        raise SettingsError(
            "params.yaml: protocol: one recording cannot be used both to train and to validate; use protocol.name: none"
        )
    return {clip_id: "val" if clip_id in val else part for clip_id, part in fold.items()}


def random_folds(clips: Sequence[Clip], count: int, share: float, seed: int) -> list[Fold]:
    """Return folds that test each of `count` shares once, whoever speaks: asked for by name, never by default. A
    SettingsError says that there are fewer recordings or media files than shares.
    """
    shares = _stratified_shares(clips, count, seed)
    if not all(shares):
        raise SettingsError(f"params.yaml: protocol.groups: {count} groups, but fewer recordings; lower it")
    folds = [{clip.clip_id: "test" if clip.clip_id in tested else "train" for clip in clips} for tested in shares]
    return [with_validation_clips(clips, fold, share, seed) for fold in folds]
