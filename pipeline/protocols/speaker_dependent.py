"""Folds of clips whose sides share speakers: always by name, never by default.

Clips that share a recording or a media file stay together, and every share has the emotions in the proportions of the
whole.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from pipeline.core.clip import Clip
from pipeline.core.errors import SettingsError
from pipeline.protocols.splits import Fold


def stratified_shares(clips: Sequence[Clip], count: int, seed: int) -> list[set[str]]:
    """Assign clips to shares, stratified by emotion; the same for the same seed and any order of clips.

    Args:
        clips: at least one
        count: how many shares; their numbers of recordings, or of media files, differ by at most one
        seed: of the assignment

    Returns:
        the clip ids of each share
    """
    units: dict[str, list[Clip]] = defaultdict(list)
    for clip in sorted(clips, key=lambda clip: clip.clip_id):
        units[clip.source or clip.digest or clip.path].append(clip)
    by_emotion: dict[str, list[list[Clip]]] = defaultdict(list)
    for unit in units.values():
        by_emotion[unit[0].emotion].append(unit)
    rng = np.random.default_rng(seed)
    order = [
        by_emotion[emotion][i] for emotion in sorted(by_emotion) for i in rng.permutation(len(by_emotion[emotion]))
    ]
    return [{clip.clip_id for unit in order[start::count] for clip in unit} for start in range(count)]


def with_validation_clips(clips: Sequence[Clip], fold: Fold, share: float, seed: int) -> Fold:
    """Return a fold with a share of its training clips, the nearest to 1/2, 1/3, 1/4 and so on, as validation clips.

    Raises:
        SettingsError: there are not two recordings or media files to train on
    """
    train = [clip for clip in clips if fold.get(clip.clip_id) == "train"]
    shares = stratified_shares(train, max(2, round(1 / share)), seed)
    val = max(shares, key=len, default=set())
    if len(val) in (0, len(train)):
        raise SettingsError(
            "params.yaml: protocol: one recording cannot be used both to train and to validate; use protocol.name: none"
        )
    return {clip_id: "val" if clip_id in val else part for clip_id, part in fold.items()}


def random_folds(clips: Sequence[Clip], count: int, share: float, seed: int) -> list[Fold]:
    """Return folds that test each of `count` shares once, whoever speaks.

    Raises:
        SettingsError: fewer recordings or media files than shares
    """
    shares = stratified_shares(clips, count, seed)
    if not all(shares):
        raise SettingsError(f"params.yaml: protocol.groups: {count} groups, but fewer recordings; lower it")
    folds: list[Fold] = [
        {clip.clip_id: "test" if clip.clip_id in tested else "train" for clip in clips} for tested in shares
    ]
    return [with_validation_clips(clips, fold, share, seed) for fold in folds]
