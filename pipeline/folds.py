"""From a corpus and its protocol to folds: whole speakers are dealt to test, validation and training.

Leave one speaker out and leave one speaker group out: Zhang et al. 2017, section IV.B; hold-out 7:1:2: Huang et al.
2017, section 3.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from pipeline.core.clip import Clip
from pipeline.core.errors import CorpusError, SettingsError, did_you_mean
from pipeline.protocols import PARTS, Fold, ProtocolParams, check_fold
from pipeline.speaker_dependent import carved, random_folds

_AS_TESTED = {"train": "train", "val": "test"}
"""`tested: val`: the official validation clips are tested, others to validate on come from the training side."""


def make_folds(clips: Sequence[Clip], params: ProtocolParams) -> list[Fold]:
    """Return the folds of a protocol, checked by `check_fold`.

    A speaker with one emotion only, or a fold whose training side lacks an emotion, is allowed: `pipeline.about` says
    which emotions each side of a fold lacks.

    Raises:
        SettingsError: fewer speakers than the protocol needs, or groups of other speakers than the corpus has
        CorpusError: `official` for a corpus without official splits
        LeakageError: official splits with a speaker on two sides
    """
    if params.name == "none":
        return []
    folds = _DEALERS[params.name](clips, params)
    for number, fold in enumerate(folds):
        check_fold(clips, fold, f"fold-{number:02d}", params.shared)
    return folds


def _speakers(clips: Iterable[Clip]) -> list[str]:
    return sorted({clip.speaker for clip in clips})


def _parts(clips: Iterable[Clip], test: set[str], val: set[str]) -> Fold:
    return {c.clip_id: "test" if c.speaker in test else "val" if c.speaker in val else "train" for c in clips}


def _from_groups(clips: Sequence[Clip], groups: list[list[str]], params: ProtocolParams) -> list[Fold]:
    """Test each group once; validate on the speakers that follow it, cyclically, or on clips of all that are learned from."""
    folds = []
    for number, group in enumerate(groups):
        if params.validate_by == "clips" and len(groups) > 1:
            folds.append(carved(clips, _parts(clips, set(group), set()), params.validation, params.seed))
            continue
        others = [speaker for later in groups[number + 1 :] + groups[:number] for speaker in later]
        count = max(1, round(params.validation * len(others)))
        if count >= len(others):
            raise SettingsError(f"params.yaml: {_nobody_left(len(others), len(group), len(groups), params)}")
        folds.append(_parts(clips, set(group), set(others[:count])))
    return folds


def _nobody_left(others: int, group: int, groups: int, params: ProtocolParams) -> str:
    """Say which setting leaves no speaker to train on."""
    if others > 1:
        return f"protocol.validation: {params.validation:g} of {others} speakers leaves none to train on; lower it"
    if others + group > 2:
        return f"protocol.groups: {groups} groups of {others + group} speakers leave none to train on; raise it or use loso"
    return (
        f"protocol {params.name} needs 3 speakers at least, one each to train, validate and test; there are {others + group}; "
        "validate_by: clips needs 2; use protocol.name: none to extract only"
    )


def _loso(clips: Sequence[Clip], params: ProtocolParams) -> list[Fold]:
    return _from_groups(clips, [[speaker] for speaker in _speakers(clips)], params)


def speaker_groups(speakers: Sequence[str], count: int, seed: int) -> list[list[str]]:
    """Deal speakers into `count` groups whose sizes differ by one at most; the same for the same seed."""
    order = np.random.default_rng(seed).permutation(len(speakers))
    return [sorted(speakers[i] for i in order[start::count]) for start in range(count)]


def _logso(clips: Sequence[Clip], params: ProtocolParams) -> list[Fold]:
    speakers = _speakers(clips)
    if not isinstance(params.groups, int):
        return _from_groups(clips, _pinned(speakers, params.groups), params)
    if len(speakers) < params.groups:
        raise SettingsError(
            f"params.yaml: protocol.groups: {params.groups} groups, but {len(speakers)} speakers; lower it or use loso"
        )
    return _from_groups(clips, speaker_groups(speakers, params.groups, params.seed), params)


def _pinned(speakers: Sequence[str], groups: Sequence[Sequence[str]]) -> list[list[str]]:
    """Return the groups of the settings, which hold every speaker of the corpus and nobody else."""
    named = {speaker for group in groups for speaker in group}
    unknown = sorted(named - set(speakers))
    if unknown:
        raise SettingsError(
            f"params.yaml: protocol.groups: the corpus has no speaker '{unknown[0]}'{did_you_mean(unknown[0], speakers)}"
        )
    absent = sorted(set(speakers) - named)
    if absent:
        raise SettingsError(
            f"params.yaml: protocol.groups: {len(absent)} speakers are in no group ({', '.join(absent[:5])}); add them, or let a number deal them out"
        )
    return [sorted(group) for group in groups]


def _holdout(clips: Sequence[Clip], params: ProtocolParams) -> list[Fold]:
    """Deal whole speakers to train, val and test so that the clips come near 7:1:2 (Huang et al. 2017, section 3)."""
    speakers = _speakers(clips)
    if len(speakers) < 3:
        raise SettingsError(
            f"params.yaml: protocol holdout needs 3 speakers at least; there are {len(speakers)}; use none"
        )
    sizes = Counter(clip.speaker for clip in clips)
    wanted = {"train": 0.7, "val": 0.1, "test": 0.2}
    held: dict[str, list[str]] = {part: [] for part in PARTS}
    order = [speakers[i] for i in np.random.default_rng(params.seed).permutation(len(speakers))]
    for position, speaker in enumerate(order):
        empty = [part for part in ("test", "val", "train") if not held[part]]
        must_fill = len(order) - position <= len(empty)
        choices = empty if must_fill else list(PARTS)
        shares = {p: sum(sizes[s] for s in held[p]) / len(clips) for p in PARTS}
        held[max(choices, key=lambda p: wanted[p] - shares[p])].append(speaker)
    return [_parts(clips, set(held["test"]), set(held["val"]))]


def _official(clips: Sequence[Clip], params: ProtocolParams) -> list[Fold]:
    missing = [clip.clip_id for clip in clips if clip.split not in PARTS]
    if missing:
        raise CorpusError(
            f"protocol official: {len(missing)} clips have no split ('{missing[0]}' first); add it or use loso"
        )
    fold = {clip.clip_id: clip.split for clip in clips}
    if params.tested == "val":
        fold = {clip_id: _AS_TESTED[part] for clip_id, part in fold.items() if part != "test"}
    if "val" not in fold.values() and params.validate_by == "clips":
        fold = dict(carved(clips, fold, params.validation, params.seed))
    elif "val" not in fold.values():
        others = _speakers(clip for clip in clips if clip.split == "train")
        val = set(others[-max(1, round(params.validation * len(others))) :])
        fold |= {c.clip_id: "val" for c in clips if c.split == "train" and c.speaker in val}
    empty = [part for part in PARTS if part not in fold.values()]
    if empty:
        raise CorpusError(
            f"protocol official: no clips in {' and '.join(empty)}; complete the split column, or use loso"
        )
    return [fold]


def _random(clips: Sequence[Clip], params: ProtocolParams) -> list[Fold]:
    count = params.groups if isinstance(params.groups, int) else len(params.groups)
    return random_folds(clips, count, params.validation, params.seed)


_DEALERS = {
    "loso": _loso,
    "logso": _logso,
    "kfold": _logso,
    "holdout": _holdout,
    "official": _official,
    "speaker_dependent_random": _random,
}
