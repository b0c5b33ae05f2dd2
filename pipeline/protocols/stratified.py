"""Part of the clips is drawn off by a seed, every emotion by its share: validation and test speakers or clips.

Stratified as in Sechidis et al. 2011 ("On the stratification of multi-label data"): rare emotions first, then each unit
goes to the side that lacks most of what it shows. Unlike there, an emotion that two units show is on both sides where
any choice of units allows it, and what is left loses an emotion only where each unit is the only one that shows some.
`corpus.json` and the line of `prepare` name the emotions that a side lacks all the same.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import product

import numpy as np

from pipeline.core.clip import Clip
from pipeline.core.errors import SettingsError
from pipeline.protocols.groups import linked_speakers
from pipeline.protocols.splits import Fold

Units = Sequence[Sequence[Clip]]
"""Clips that have to stay together, in the order in which they are drawn."""


def circle(groups: Sequence[Sequence[str]], seed: int, tested: int = -1) -> dict[str, int]:
    """Return speaker -> turn, random and the same for a seed, group after group; from behind the group `tested` on.

    In folds that test one group after the other validation so goes round: in LOSO all validate equally often.
    """
    rng = np.random.default_rng(seed)
    order = [int(number) for number in rng.permutation(len(groups))]
    mixed = {number: [str(name) for name in rng.permutation(sorted(groups[number]))] for number in order}
    first = (order.index(tested) + 1) if tested >= 0 else 0
    names = [name for number in [*order[first:], *order[:first]] for name in mixed[number]]
    return {name: turn for turn, name in enumerate(names)}


def by_speaker(clips: Sequence[Clip], turns: Mapping[str, int]) -> Units:
    """Return the clips of each group of speakers who share recordings, in the speakers' turns."""
    of_group = {speaker: tuple(group) for group in linked_speakers(clips) for speaker in group}
    units: dict[tuple[str, ...], list[Clip]] = defaultdict(list)
    for clip in sorted(clips, key=lambda clip: clip.clip_id):
        units[of_group[clip.speaker]].append(clip)
    return [units[group] for group in sorted(units, key=lambda group: min(turns[name] for name in group))]


def by_recording(clips: Iterable[Clip], seed: int) -> Units:
    """Return the clips of each recording or media file, in an order that the seed alone decides."""
    units: dict[str, list[Clip]] = defaultdict(list)
    for clip in sorted(clips, key=lambda clip: clip.clip_id):
        units[clip.source or clip.digest or clip.path].append(clip)
    found = list(units.values())
    return [found[number] for number in np.random.default_rng(seed).permutation(len(found))]


def drawn(units: Units, share: float, keep: int = 1) -> list[Clip]:
    """Return the clips of some units, near a share of the clips of every emotion; at least one unit.

    `keep` units at least that show an emotion are left, where it has so many and one to draw; of `units`, two or more,
    one is left at least.
    """
    draw = _Draw(units, share, keep)
    return [clip for number in draw.filled(draw.witnesses() or draw.cheapest()) for clip in units[number]]


def with_validation_clips(train: Sequence[Clip], fold: Fold, share: float, seed: int) -> Fold:
    """Return a fold with a share of its training clips as validation clips; a SettingsError says that there are not two
    recordings or media files to train on.
    """
    units = by_recording(train, seed)
    if len(units) < 2:
        raise SettingsError(
            "params.yaml: protocol: one recording cannot be used both to train and to validate; use protocol.name: none"
        )
    return {**fold, **{clip.clip_id: "val" for clip in drawn(units, share)}}


def random_folds(clips: Sequence[Clip], count: int, share: float, seed: int) -> list[Fold]:
    """Return folds that test each of `count` shares once, whoever speaks: asked for by name, never by default. A
    SettingsError says that there are fewer recordings or media files than shares.
    """
    units = sorted(by_recording(clips, seed), key=lambda unit: unit[0].emotion)  # every emotion in proportion
    if len(units) < count:
        raise SettingsError(f"params.yaml: protocol.groups: {count} groups, but fewer recordings; lower it")
    folds: list[Fold] = []
    for first in range(count):
        tested = {clip.clip_id for unit in units[first::count] for clip in unit}
        fold = {clip.clip_id: "test" if clip.clip_id in tested else "train" for clip in clips}
        folds.append(with_validation_clips([c for c in clips if c.clip_id not in tested], fold, share, seed))
    return folds


class _Draw:
    """What every unit shows, as shares of the clips of its emotions, and how many units of each have to be left."""

    def __init__(self, units: Units, share: float, keep: int) -> None:
        totals = Counter(clip.emotion for unit in units for clip in unit)
        counts = [Counter(clip.emotion for clip in unit) for unit in units]
        self.shows = [{emotion: n / totals[emotion] for emotion, n in sorted(count.items())} for count in counts]
        self.size = [len(unit) / totals.total() for unit in units]
        self.holders = Counter(emotion for shows in self.shows for emotion in shows)
        self.least = {emotion: max(1, min(keep, n - 1)) for emotion, n in self.holders.items()}
        self.share = share

    def witnesses(self) -> list[int]:
        """Return units that show every emotion that can be shown without taking it from the rest: no more than make up
        the share, if there are such, and the first ones.
        """
        able = [number for number in range(len(self.shows)) if self._may(number, ())]
        wanted = sorted({e for number in able for e in self.shows[number]}, key=lambda e: (self.holders[e], e))
        usual = max(1, round(self.share * len(self.shows)))
        tries = product(range(len(wanted) + 1), range(usual, max(usual, len(wanted)) + 1))
        found = (self._cover(wanted, able, [], *limits) for limits in tries)
        return next(chosen for chosen in found if chosen is not None)

    def cheapest(self) -> list[int]:
        """Return the unit without which the rest lacks the fewest emotions."""
        lost = [sum(self.holders[emotion] == 1 for emotion in shows) for shows in self.shows]
        return [int(np.argmin(lost))]

    def _cover(
        self, wanted: Sequence[str], able: Sequence[int], chosen: list[int], given_up: int, most: int
    ) -> list[int] | None:
        """Return `chosen` with units for the wanted emotions but for so many, `most` units in all; None where there is
        no such choice.
        """
        lacking = [emotion for emotion in wanted if not any(emotion in self.shows[number] for number in chosen)]
        if len(lacking) <= given_up:
            return chosen
        if len(chosen) == most:
            return None
        tried: set[frozenset[str]] = set()
        taken = sum(self.size[number] for number in chosen) - self.share
        # a unit far larger than the share only where no other will do; the size of others does not matter
        for number in sorted(able, key=lambda number: round(max(0.0, taken + self.size[number]), 1)):
            kind = frozenset(self.shows[number])
            if lacking[0] in kind and kind not in tried and self._may(number, chosen):
                tried.add(kind)
                if (found := self._cover(lacking, able, [*chosen, number], given_up, most)) is not None:
                    return found
        return self._cover(lacking[1:], able, chosen, given_up - 1, most) if given_up else None

    def _may(self, number: int, chosen: Collection[int]) -> bool:
        return all(
            self.holders[emotion] - sum(emotion in self.shows[other] for other in chosen) > self.least[emotion]
            for emotion in self.shows[number]
        )

    def filled(self, chosen: Sequence[int]) -> list[int]:
        """Return the chosen units and others until every emotion comes near the share, in the order of the units."""
        left, found = Counter(self.holders), sorted(chosen)
        missing = dict.fromkeys(self.holders, self.share), dict.fromkeys(self.holders, 1 - self.share)
        for number in [*found, *(number for number in range(len(self.shows)) if number not in chosen)]:
            shows = self.shows[number]
            wanting, rest = (sum(shows[e] * side[e] for e in shows) for side in missing)
            if taken := number in chosen or (wanting > rest and all(left[e] > self.least[e] for e in shows)):
                left.subtract(shows.keys())
            found += [number] * (taken and number not in chosen)
            for emotion, part in shows.items():
                missing[not taken][emotion] -= part
        return sorted(found)
