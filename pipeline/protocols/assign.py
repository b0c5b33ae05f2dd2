"""From a corpus and its protocol to folds: whole speakers are assigned to training, validation and test.

Leave one speaker out and leave one speaker group out: Zhang et al. 2017, section IV.B; hold-out 7:1:2: Huang et al.
2017, section 3. Speakers who share a recording are assigned as one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence

import numpy as np

from pipeline.core.clip import Clip
from pipeline.core.errors import CorpusError, SettingsError, did_you_mean
from pipeline.protocols.cross_corpus import restricted, sides_of
from pipeline.protocols.groups import (
    linked_speakers,
    random_folds,
    speaker_groups,
    with_linked_speakers,
    with_validation_clips,
)
from pipeline.protocols.settings import ProtocolParams
from pipeline.protocols.splits import PARTS, Fold, check_fold

_REMEDIES = {"official": "split by speaker, or use speaker_dependent_official if that is what is meant"}
"""What to do about a speaker on two sides, where the protocol is not to blame."""


def make_folds(clips: Sequence[Clip], params: ProtocolParams) -> list[Fold]:
    """Return the folds of a protocol, checked by `check_fold`.

    A speaker with one emotion only, or a fold whose training side lacks an emotion, is allowed: `corpus.json` names the
    emotions that each side of a fold lacks.

    Raises:
        SettingsError: fewer speakers than the protocol needs, or groups or parts that the corpus does not have
        CorpusError: `official` for a corpus without official splits
        LeakageError: official splits with a speaker on two sides, or a recording or media file, by whatever protocol

    >>> names = [(who, emotion) for who in ("anna", "ben", "carl") for emotion in ("sad", "anger")]
    >>> clips = [Clip(f"{who}_{emotion}", f"{who}_{emotion}.wav", who, emotion) for who, emotion in names]
    >>> folds = make_folds(clips, ProtocolParams(name="loso"))
    >>> [sorted({part for clip_id, part in fold.items() if clip_id.startswith("anna")}) for fold in folds]
    [['test'], ['train'], ['val']]
    """
    if params.name == "none":
        return []
    sides = sides_of(clips, params)
    folds = restricted(_FOLD_MAKERS[params.name](clips, params), clips, sides)
    for number, fold in enumerate(folds):
        check_fold(clips, fold, f"fold-{number:02d}", params.shared, _REMEDIES.get(params.name, "split by speaker"))
    return folds


def _speakers(clips: Iterable[Clip]) -> list[str]:
    return sorted({clip.speaker for clip in clips})


def _parts(clips: Iterable[Clip], test: Collection[str], val: Collection[str]) -> Fold:
    return {c.clip_id: "test" if c.speaker in test else "val" if c.speaker in val else "train" for c in clips}


def _from_groups(clips: Sequence[Clip], groups: list[list[str]], params: ProtocolParams) -> list[Fold]:
    """Test each group once; validate on the speakers that follow it, cyclically, or on clips of training speakers."""
    folds = []
    for number, group in enumerate(groups):
        if params.validate_by == "clips" and len(groups) > 1:
            folds.append(with_validation_clips(clips, _parts(clips, group, ()), params.validation, params.seed))
            continue
        others = [speaker for later in groups[number + 1 :] + groups[:number] for speaker in later]
        val = with_linked_speakers(others[: max(1, round(params.validation * len(others)))], linked_speakers(clips))
        if len(val) >= len(others):
            raise SettingsError(f"params.yaml: {_nobody_left(len(others), len(group), len(groups), params)}")
        folds.append(_parts(clips, group, val))
    return folds


def _nobody_left(others: int, group: int, groups: int, params: ProtocolParams) -> str:
    """Say which setting leaves no speaker to train on."""
    if others > 1:
        return f"protocol.validation: {params.validation:g} of {others} speakers leaves none to train on; lower it"
    if others + group > 2:
        found = f"{groups} groups of {others + group} speakers"
        return f"protocol.groups: {found} leave none to train on; raise it or use loso"
    return (
        f"protocol {params.name} needs at least 3 speakers, one each to train, validate and test; there are "
        f"{others + group}; validate_by: clips needs 2; use protocol.name: none to extract only"
    )


def _loso(clips: Sequence[Clip], params: ProtocolParams) -> list[Fold]:
    return _from_groups(clips, [[speaker] for speaker in _speakers(clips)], params)


def _logso(clips: Sequence[Clip], params: ProtocolParams) -> list[Fold]:
    speakers = _speakers(clips)
    if not isinstance(params.groups, int):
        return _from_groups(clips, _pinned(speakers, params.groups), params)
    units = linked_speakers(clips)
    if len(units) < params.groups:
        tied = f" who form {len(units)}, since they share recordings" if len(units) < len(speakers) else ""
        found = f"{len(speakers)} speakers{tied}"
        raise SettingsError(f"params.yaml: protocol.groups: {params.groups} groups, but {found}; lower it or use loso")
    return _from_groups(clips, speaker_groups(units, params.groups, params.seed), params)


def _pinned(speakers: Sequence[str], groups: Sequence[Sequence[str]]) -> list[list[str]]:
    """Return the groups of the settings, which hold every speaker of the corpus and nobody else."""
    named, place = {speaker for group in groups for speaker in group}, "params.yaml: protocol.groups"
    for unknown in sorted(named - set(speakers)):
        raise SettingsError(f"{place}: the corpus has no speaker '{unknown}'{did_you_mean(unknown, speakers)}")
    if absent := sorted(set(speakers) - named):
        found = f"{len(absent)} speakers are in no group ({', '.join(absent[:5])})"
        raise SettingsError(f"{place}: {found}; add them, or give a number of groups")
    return [sorted(group) for group in groups]


def _holdout(clips: Sequence[Clip], params: ProtocolParams) -> list[Fold]:
    """Assign whole speakers to train, val and test so that the clips of every emotion come near 7:1:2.

    Huang et al. 2017, section 3; stratified as in Sechidis et al. 2011 ("On the stratification of multi-label data"):
    the next speaker goes to the side that lacks most of the speaker's clips.
    """
    units = linked_speakers(clips)
    if len(units) < 3:
        need = "protocol holdout needs at least 3 speakers who share no recording"
        raise SettingsError(f"params.yaml: {need}; there are {len(units)}; use none")
    counts = Counter((clip.speaker, clip.emotion) for clip in clips)
    totals = Counter(clip.emotion for clip in clips)
    shares = [{e: sum(counts[speaker, e] for speaker in unit) / total for e, total in totals.items()} for unit in units]
    missing = {part: dict.fromkeys(totals, share) for part, share in (("train", 0.7), ("val", 0.1), ("test", 0.2))}
    held: dict[str, list[str]] = {part: [] for part in PARTS}
    order = np.random.default_rng(params.seed).permutation(len(units))
    for position, number in enumerate(order):
        empty, has = [part for part in reversed(PARTS) if not held[part]], shares[number]
        choices = empty if len(order) - position <= len(empty) else PARTS
        part = max(choices, key=lambda part: sum(has[e] * missing[part][e] for e in has))
        held[part] += units[number]
        missing[part] = {e: missing[part][e] - has[e] for e in has}
    return [_parts(clips, held["test"], held["val"])]


def _official(clips: Sequence[Clip], params: ProtocolParams) -> list[Fold]:
    if missing := [clip.clip_id for clip in clips if clip.split not in PARTS]:
        raise CorpusError(
            f"protocol official: {len(missing)} clips have no split ('{missing[0]}' first); add it or use loso"
        )
    fold = {clip.clip_id: clip.split for clip in clips}
    if params.tested == "val":  # validation clips then come from the training side
        fold = {clip_id: part.replace("val", "test") for clip_id, part in fold.items() if part != "test"}
    if "val" not in fold.values():
        fold = dict(_validated(clips, fold, params))
    if empty := [part for part in PARTS if part not in fold.values()]:
        place = f"protocol official: no clips in {' and '.join(empty)}"
        raise CorpusError(f"{place}; complete the split column, or use loso")
    return [fold]


def _validated(clips: Sequence[Clip], fold: Fold, params: ProtocolParams) -> Fold:
    """Return a fold with some of its training speakers, or clips of theirs, to validate on."""
    if params.validate_by == "clips":
        return with_validation_clips(clips, fold, params.validation, params.seed)
    train = [clip for clip in clips if fold.get(clip.clip_id) == "train"]
    speakers = _speakers(train)
    val = with_linked_speakers(speakers[-max(1, round(params.validation * len(speakers))) :], linked_speakers(train))
    if len(val) == len(speakers):
        raise SettingsError(
            f"params.yaml: protocol.validation: {len(val)} of {len(speakers)} training speakers are needed to validate "
            "on, which leaves none to train on; lower it, or set validate_by: clips"
        )
    return {**fold, **{clip.clip_id: "val" for clip in train if clip.speaker in val}}


def _random(clips: Sequence[Clip], params: ProtocolParams) -> list[Fold]:
    assert isinstance(params.groups, int)  # lists of speakers are for logso alone
    return random_folds(clips, params.groups, params.validation, params.seed)


def _cross_corpus(clips: Sequence[Clip], params: ProtocolParams) -> list[Fold]:
    """Train on some parts of a joined corpus, validate on speakers or clips of these, test the other parts."""
    sides = {**dict.fromkeys(params.train_on, "train"), **dict.fromkeys(params.test_on, "test")}
    fold = {clip.clip_id: sides[clip.corpus] for clip in clips if clip.corpus in sides}
    return [_validated(clips, fold, params)]


_FOLD_MAKERS = {
    "loso": _loso,
    "logso": _logso,
    "kfold": _logso,
    "holdout": _holdout,
    "official": _official,
    "cross_corpus": _cross_corpus,
    "speaker_dependent_official": _official,
    "speaker_dependent_random": _random,
}
