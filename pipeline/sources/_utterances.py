"""Which sounds a corpus of speech holds, and who speaks in them: from speakers.csv, or by patterns on their paths."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pipeline.core.errors import CorpusError, did_you_mean
from pipeline.sources._names import speaker_of

TABLE = "speakers.csv"
_COLUMNS = ("utterance", "path", "speaker")


@dataclass(frozen=True, order=True)
class Utterance:
    """One sound file.

    Attributes:
        name: what the alignment and the ledger call it
        path: relative to the corpus folder
        speaker: who speaks; "" where the pattern finds nobody
    """

    name: str
    path: str
    speaker: str


def find(root: Path, sounds: str, speaker: str | None, by_stem: bool) -> list[Utterance]:
    """Return all utterances of a corpus, sorted by name.

    Args:
        root: the corpus folder; with a speakers.csv (utterance, path, speaker) in it, that counts and nothing else
        sounds: glob of the sound files below `root`; the suffix in any letter case
        speaker: regular expression whose group finds the speaker in the relative path
        by_stem: name utterances by the file's stem, as a CTM does; otherwise by the path without suffix

    Raises:
        CorpusError: neither table nor pattern, no sounds, or two utterances of one name
    """
    if (root / TABLE).is_file():
        found = _table(root / TABLE)
    elif speaker is None:
        raise CorpusError(
            f"{root / TABLE}: no such file; the source corpus needs one with the columns {', '.join(_COLUMNS)}, "
            "or a `speaker` pattern in its settings that finds the speaker in each sound's path"
        )
    else:
        found = [_utterance(path, speaker, by_stem) for path in _glob(root, sounds)]
    seen: dict[str, str] = {}
    for utterance in found:
        if utterance.name in seen:
            raise CorpusError(
                f"{root}: {seen[utterance.name]} and {utterance.path} are both called '{utterance.name}'; "
                "rename one, or narrow `sounds`"
            )
        seen[utterance.name] = utterance.path
    return sorted(found)


def held_out(root: Path, names: set[str], wanted: int | list[str]) -> set[str]:
    """Return the speakers that are never trained on.

    Args:
        root: the corpus folder, for the messages
        names: all speakers
        wanted: how many, the last ones by name; or which ones

    Raises:
        CorpusError: one that is not there, or nobody is left to learn from
    """
    chosen = set(sorted(names)[-wanted:]) if isinstance(wanted, int) else set(wanted)
    for name in sorted(chosen):
        if name not in names:
            raise CorpusError(
                f"{root}: no speaker '{name}' to hold out{did_you_mean(name, names)}; mend held_out_speakers"
            )
    if len(chosen) >= len(names):
        number = wanted if isinstance(wanted, int) else len(chosen)
        raise CorpusError(
            f"{root}: {len(names)} speakers, of whom {number} are to be held out; lower held_out_speakers"
        )
    return chosen


def _table(path: Path) -> list[Utterance]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except (UnicodeDecodeError, csv.Error) as error:
        raise CorpusError(f"{path}: not a UTF-8 CSV table ({error}); save it as one") from error
    missing = set(_COLUMNS) - set(rows[0] if rows else ())
    if missing:
        raise CorpusError(f"{path}: no rows with the columns {', '.join(sorted(missing))}; add them")
    for number, row in enumerate(rows, 2):
        if not all(row[column] for column in _COLUMNS):
            raise CorpusError(f"{path}:{number}: utterance, path or speaker is empty; fill it in")
    return [Utterance(*(row[column] for column in _COLUMNS)) for row in rows]


def _glob(root: Path, pattern: str) -> Iterable[PurePosixPath]:
    stem, dot, suffix = pattern.rpartition(".")
    either = "".join(f"[{letter.lower()}{letter.upper()}]" for letter in suffix)  # corpora from CD-ROM say .WAV
    wanted = f"{stem}.{either}" if dot and suffix.isalnum() else pattern
    found = sorted(PurePosixPath(path.relative_to(root)) for path in root.glob(wanted) if path.is_file())
    visible = [path for path in found if not any(part.startswith(".") for part in path.parts)]
    if not visible:
        where = "no such folder" if not root.is_dir() else f"no sounds match `sounds: {pattern}`"
        raise CorpusError(f"{root}: {where}; mend `root` or `sounds` of the source task")
    return visible


def _utterance(path: PurePosixPath, speaker: str, by_stem: bool) -> Utterance:
    name = path.stem if by_stem else path.with_suffix("").as_posix()
    return Utterance(name, path.as_posix(), speaker_of(path, speaker))
