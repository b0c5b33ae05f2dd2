"""From a corpus and its protocol to folds: whole speakers are assigned to training, validation and test.

Leave one speaker out and leave one speaker group out: Zhang et al. 2017, section IV.B; hold-out 7:1:2: Huang et al.
2017, section 3. Speakers who share a recording are assigned as one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from pipeline.core.clip import Clip
from pipeline.core.errors import CorpusError, SettingsError
from pipeline.core.spelling import meant_by
from pipeline.protocols.cross_corpus import restricted, sides_of
from pipeline.protocols.fold_files import CORPORA, folds_of_files
from pipeline.protocols.groups import linked_speakers, speaker_groups
from pipeline.protocols.published import PUBLISHED, groups_here, strangers
from pipeline.protocols.settings import ProtocolParams
from pipeline.protocols.splits import PARTS, Fold, check_fold
from pipeline.protocols.stratified import by_speaker, circle, drawn, random_folds, with_validation_clips

_REMEDIES = {"official": "split by speaker, or use speaker_dependent_official if that is what is meant"}
"""What to do about a speaker on two sides, where the protocol is not to blame."""


def make_folds(clips: Sequence[Clip], params: ProtocolParams, root: Path = Path()) -> list[Fold]:
    """Return the folds of a protocol, checked by `check_fold`; lists of files lie below the corpus's root.

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
    if params.name in CORPORA:
        found = folds_of_files(clips, params.name, root / params.folds, params.validation, params.seed)
    else:
        found = _FOLD_MAKERS[params.name](clips, params)
    folds = restricted(found, clips, sides)
    for number, fold in enumerate(folds):
        check_fold(clips, fold, f"fold-{number:02d}", params.shared, _REMEDIES.get(params.name, "split by speaker"))
    return folds


def _speakers(clips: Iterable[Clip]) -> list[str]:
    return sorted({clip.speaker for clip in clips})


def _parts(clips: Iterable[Clip], test: Collection[str], val: Collection[str]) -> Fold:
    return {c.clip_id: "test" if c.speaker in test else "val" if c.speaker in val else "train" for c in clips}


def _from_groups(clips: Sequence[Clip], groups: list[list[str]], params: ProtocolParams) -> list[Fold]:
    """Test each group once; validate on some of the other speakers, in turn, or on clips of theirs."""
    if len(groups) < 2:
        raise SettingsError(f"params.yaml: {_nobody_left(0, len(_speakers(clips)), len(groups), params)}")
    tested = {clip.speaker for clip in clips if clip.corpus in (params.test_on or (clip.corpus,))}
    return [
        _validated(clips, _parts(clips, group, ()), params, groups, number)
        for number, group in enumerate(groups)
        if tested & set(group)
    ]


def _validated(
    clips: Sequence[Clip], fold: Fold, params: ProtocolParams, groups: Sequence[Sequence[str]] = (), tested: int = -1
) -> Fold:
    """Return a fold with a share of its training side, whole speakers or clips of theirs, to validate on.

    Of `groups` of speakers that are tested in turn, the one with the number `tested` is.
    """
    train = [c for c in clips if fold.get(c.clip_id) == "train" and c.corpus in (params.train_on or (c.corpus,))]
    if params.validate_by == "windows":
        return fold
    if params.validate_by == "clips":
        return with_validation_clips(train, fold, params.validation, params.seed)
    everybody = groups or [[speaker] for speaker in _speakers(train)]
    units = by_speaker(train, circle(everybody, params.seed, tested))
    if len(units) < 2:
        away = len(groups[tested]) if groups else 0
        raise SettingsError(f"params.yaml: {_nobody_left(len(_speakers(train)), away, len(groups), params)}")
    return {**fold, **{clip.clip_id: "val" for clip in drawn(units, params.validation)}}


def _nobody_left(others: int, tested: int, groups: int, params: ProtocolParams) -> str:
    """Say which setting leaves nobody to train or to validate on."""
    remedy = "set protocol.validate_by: clips"
    if params.train_on:
        found = f"{others} speakers of {', '.join(params.train_on)} to train and to validate on"
        return f"protocol.train_on: a fold is left with {found}; use cross_corpus, other groups, or {remedy}"
    if others > 1 or not groups:
        tied = ", who share recordings" if others > 1 else ""
        return f"protocol {params.name}: {others} training speakers{tied}: none to train and to validate on; {remedy}"
    if others + tested > 2:
        found = f"{groups} groups of {others + tested} speakers"
        return f"protocol.groups: {found} leave none to train on; raise it or use loso"
    return (
        f"protocol {params.name} needs at least 3 speakers, one each to train, validate and test; there are "
        f"{others + tested}; validate_by: clips needs 2; use protocol.name: none to extract only"
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
        raise SettingsError(f"{place}: the corpus has no speaker '{unknown}'{meant_by(unknown, speakers)}")
    if absent := sorted(set(speakers) - named):
        found = f"{len(absent)} speakers are in no group ({', '.join(absent[:5])})"
        raise SettingsError(f"{place}: {found}; add them, or give a number of groups")
    return [sorted(group) for group in groups]


def _holdout(clips: Sequence[Clip], params: ProtocolParams) -> list[Fold]:
    """Assign whole speakers to train, val and test so that the clips of every emotion come near 7:1:2, Huang et al.
    2017, section 3.
    """
    units = by_speaker(clips, circle([[speaker] for speaker in _speakers(clips)], params.seed))
    if len(units) < 3:
        need = "protocol holdout needs at least 3 speakers who share no recording"
        raise SettingsError(f"params.yaml: {need}; there are {len(units)}; use none")
    test = {clip.speaker for clip in drawn(units, 0.2, keep=2)}
    val = {clip.speaker for clip in drawn([unit for unit in units if unit[0].speaker not in test], 0.1 / 0.8)}
    return [_parts(clips, test, val)]


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
    needed = [part for part in PARTS if part != "val" or params.validate_by != "windows"]
    if empty := [part for part in needed if part not in fold.values()]:
        place = f"protocol official: no clips in {' and '.join(empty)}"
        raise CorpusError(f"{place}; complete the split column, or use loso")
    return [fold]


def _published(clips: Sequence[Clip], params: ProtocolParams) -> list[Fold]:
    """Test the published groups in turn; clips of other speakers are in no fold."""
    unknown, groups = strangers(clips, params.name), groups_here(params.name, _speakers(clips))
    return _from_groups([clip for clip in clips if clip.clip_id not in unknown], groups, params)


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
    **dict.fromkeys(PUBLISHED, _published),
}
