"""Which sounds a corpus of speech holds, and who speaks in them: from a table, or by patterns on their paths."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pipeline.core.errors import CorpusError, did_you_mean
from pipeline.pretraining.sources._shared.names import speaker_of

TABLE = "speakers.csv"
MANIFEST = "manifest.csv"
_COLUMNS = ("utterance", "path", "speaker")
_MANIFEST_COLUMNS = ("clip_id", "path", "speaker")
_LONG = {"f": "female", "m": "male"}


@dataclass(frozen=True)
class Utterance:
    """One sound file.

    Attributes:
        name: what the alignment and the ledger call it
        path: relative to the corpus folder
        speaker: who speaks; "" where the pattern finds nobody
        gender: female, male, or what else the table says; "" where nobody asked
        start: where the utterance begins in the file, s; None = at its beginning
        end: where it ends, s; None = at the end of the file
    """

    name: str
    path: str
    speaker: str
    gender: str = ""
    start: float | None = None
    end: float | None = None


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
    return _sorted(root, found, ", or narrow `sounds`")


def find_with_gender(root: Path) -> list[Utterance]:
    """Return all utterances of a corpus with the gender that its table tells, sorted by name.

    Args:
        root: the corpus folder, with a speakers.csv (utterance, path, speaker, gender) or else a manifest.csv
            (clip_id, path, speaker, gender); both may have start and end, s

    Raises:
        CorpusError: no table, a column missing, an empty cell other than a gender's, or two utterances of one name
    """
    for table, columns in ((TABLE, _COLUMNS), (MANIFEST, _MANIFEST_COLUMNS)):
        if (root / table).is_file():
            rows = _rows(root / table, columns, ("gender",))
            return _sorted(root, [_with_gender(row, columns, where) for where, row in rows], "")
    raise CorpusError(
        f"{root}: neither {TABLE} (columns {', '.join(_COLUMNS)}, gender) nor {MANIFEST} "
        f"({', '.join(_MANIFEST_COLUMNS)}, gender); write one, or mend `root` of the source task"
    )


def _sorted(root: Path, found: list[Utterance], remedy: str) -> list[Utterance]:
    seen: dict[str, str] = {}
    for utterance in found:
        if utterance.name in seen:
            raise CorpusError(
                f"{root}: {seen[utterance.name]} and {utterance.path} are both called '{utterance.name}'; "
                f"rename one{remedy}"
            )
        seen[utterance.name] = utterance.path
    return sorted(found, key=lambda utterance: utterance.name)


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
    return [Utterance(row["utterance"], row["path"], row["speaker"]) for _, row in _rows(path, _COLUMNS, ())]


def _rows(path: Path, filled: tuple[str, ...], further: tuple[str, ...]) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield (file and line, cells) of a table whose columns `filled` have no empty cell."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            delimiter = max(",;\t", key=file.readline().count)
            file.seek(0)
            rows = list(csv.DictReader(file, delimiter=delimiter))
    except (UnicodeDecodeError, csv.Error) as error:
        raise CorpusError(f"{path}: not a UTF-8 CSV table ({error}); save it as one") from error
    missing = {*filled, *further} - set(rows[0] if rows else ())
    if missing:
        raise CorpusError(f"{path}: no rows with the columns {', '.join(sorted(missing))}; add them")
    for number, row in enumerate(rows, 2):
        if not all(row[column] for column in filled):
            raise CorpusError(f"{path}:{number}: {', '.join(filled[:-1])} or {filled[-1]} is empty; fill it in")
        yield f"{path}:{number}", row


def _with_gender(row: Mapping[str, str], columns: tuple[str, ...], where: str) -> Utterance:
    name, path, speaker = [row[column] for column in columns]
    start, end = _seconds(row, "start", where), _seconds(row, "end", where)
    gender = (row["gender"] or "").strip().lower()
    return Utterance(name, path, speaker, _LONG.get(gender, gender), start, end)


def _seconds(row: Mapping[str, str], column: str, where: str) -> float | None:
    text = (row.get(column) or "").strip()
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or value < 0:
        raise CorpusError(f"{where}: {column} '{text}' is not a number of seconds; mend it")
    return value


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
