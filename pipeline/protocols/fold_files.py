"""Folds that were published as lists of files: EmoBox, Ma et al. 2024.

Its folds of CREMA-D, eNTERFACE05, EMO-DB and TESS draw utterances, whoever speaks, so that no rule gives them. The
lists are read as they lie in `data/<corpus>/` of emo-box/EmoBox: `fold_1/emodb_train_fold_1.jsonl`,
`fold_1/emodb_test_fold_1.jsonl`, and `fold_1/emodb_valid_fold_1.jsonl` where there is one; a line is an object of JSON,
whose `wav` is the path of the audio file. Files are told by their name without folders and ending. Where a fold has
no list to validate on, EmoBox draws a fifth of the training clips by a seed; here `validation` says which share.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

from pipeline.core.clip import Clip
from pipeline.core.errors import CorpusError, LeakageError, SettingsError
from pipeline.core.tables import text_of
from pipeline.protocols.splits import Fold
from pipeline.protocols.stratified import with_validation_clips

CORPORA: Mapping[str, str] = {
    f"emobox_{corpus}_speaker_dependent": corpus for corpus in ("cremad", "enterface", "emodb", "tess")
}
"""Protocol -> the corpus's name in EmoBox's files."""
_PARTS = {"train": "train", "valid": "val", "test": "test"}


def folds_of_files(clips: Sequence[Clip], name: str, folder: Path, validation: float, seed: int) -> list[Fold]:
    """Return the folds of the lists below `folder`, of the clips that are here.

    Raises:
        SettingsError: no such folder or lists, or a fold of which the corpus has no clips to train on or to test
        CorpusError: a list that is not EmoBox's, or two clips whose files have one name
        LeakageError: a file in two lists of one fold
    """
    known = _by_file(clips)
    folds: list[Fold] = []
    for place, files in _lists(name, folder):
        fold: Fold = {known[file]: part for file, part in files.items() if file in known}
        if empty := [part for part in ("train", "test") if part not in fold.values()]:
            raise SettingsError(
                f"{place}: the corpus has none of the files of its {' and '.join(empty)} list; mend protocol.folds, "
                "or the corpus's root"
            )
        if "val" not in fold.values():
            train = [clip for clip in clips if fold.get(clip.clip_id) == "train"]
            fold = with_validation_clips(train, fold, validation, seed)
        folds.append(fold)
    return folds


def unlisted(clips: Sequence[Clip], name: str, folder: Path) -> dict[str, str]:
    """Return clip id -> why no fold has the clip: its file is in none of the lists."""
    listed = {file for _, files in _lists(name, folder) for file in files}
    return {clip_id: f"{name}: no list has its file" for file, clip_id in _by_file(clips).items() if file not in listed}


def _by_file(clips: Sequence[Clip]) -> dict[str, str]:
    """Return name of a file -> clip id."""
    found: dict[str, str] = {}
    for clip in clips:
        file = _plain(clip.path)
        if file and file in found:
            raise CorpusError(
                f"clips '{found[file]}' and '{clip.clip_id}' have files of one name, '{file}': EmoBox's lists cannot "
                "tell them apart; use another protocol"
            )
        found[file] = clip.clip_id
    return found


def _plain(path: str) -> str:
    return PurePosixPath(path).stem.lower()


def _lists(name: str, folder: Path) -> Iterator[tuple[Path, dict[str, str]]]:
    """Yield (folder of a fold, name of a file -> part), fold after fold."""
    corpus = CORPORA[name]
    numbers = sorted(int(found) for path in folder.glob("fold_*") if (found := path.name[5:]).isdecimal())
    if not numbers:
        raise SettingsError(
            f"{folder}: no fold_1 below it; copy data/{corpus} of emo-box/EmoBox there, or mend protocol.folds"
        )
    for number in numbers:
        place = folder / f"fold_{number}"
        files: dict[str, str] = {}
        for word, part in _PARTS.items():
            path = place / f"{corpus}_{word}_fold_{number}.jsonl"
            if part == "val" and not path.is_file():
                continue
            for line, file in _files(path):
                if files.setdefault(file, part) != part:
                    raise LeakageError(f"{path}:{line}: '{file}' is in {files[file]}, too; keep it on one side")
        yield place, files


def _files(path: Path) -> Iterator[tuple[int, str]]:
    """Yield (number of the line, name of the file)."""
    if not path.is_file():
        raise SettingsError(f"{path}: no such list; copy it from emo-box/EmoBox, or mend protocol.folds")
    for number, line in enumerate(text_of(path).splitlines(), 1):
        if line.strip():
            try:
                yield number, _plain(str(json.loads(line)["wav"]))
            except (ValueError, KeyError, TypeError) as error:
                raise CorpusError(f"{path}:{number}: not a line of EmoBox's, an object with 'wav'; mend it") from error
