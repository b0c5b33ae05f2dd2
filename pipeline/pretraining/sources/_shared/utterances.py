"""Which sounds a corpus of speech holds, and who speaks in them: from a table, or by patterns on their paths."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from pipeline.core.errors import CorpusError, did_you_mean
from pipeline.core.paths import with_slashes
from pipeline.core.spelling import person, shown, spellings
from pipeline.core.tables import read_rows, refuse, seconds

TABLE, MANIFEST, LIBRISPEECH = "speakers.csv", "manifest.csv", "SPEAKERS.TXT"
_COLUMNS = {TABLE: ("utterance", "path", "speaker"), MANIFEST: ("clip_id", "path", "speaker")}
_LONG = {"f": "female", "m": "male"}


@dataclass(frozen=True)
class Utterance:
    """One sound file: what the alignment and the ledger call it, its path in the corpus folder, who speaks ("" where no
    pattern finds anybody), the gender as the table says it ("" where nobody asked), and where it begins and ends in the
    file, s (None = with the file).
    """

    name: str
    path: str
    speaker: str
    gender: str = ""
    start: float | None = None
    end: float | None = None


def regular(pattern: str | None) -> str | None:
    """Return a pattern as it came; ValueError where it is no regular expression."""
    try:
        re.compile(pattern or "")
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from error
    return pattern


def with_one_group(pattern: str | None) -> str | None:
    """Return a pattern as it came; ValueError where it is no regular expression, or has not exactly one group."""
    groups = 1 if regular(pattern) is None else re.compile(pattern or "").groups
    if groups != 1:
        raise ValueError(f"needs one group, the speaker, such as wav/(\\d\\d); it has {groups}")
    return pattern


def speaker_of(path: PurePosixPath, pattern: str | None) -> str:
    """Return what the pattern's group finds in a relative path; "" for nobody, or without a pattern."""
    match = re.search(pattern, path.as_posix()) if pattern else None
    return (match and match[1]) or ""


def find(root: Path, sounds: str, speaker: str | None, by_stem: bool) -> list[Utterance]:
    """Return all utterances of a corpus, sorted by name.

    A speakers.csv (utterance, path, speaker) in `root` counts and nothing else. Otherwise `sounds` is a glob, whose
    suffix may have any letter case, and the group of `speaker` finds who speaks in the relative path; without it
    LibriSpeech's SPEAKERS.TXT, and the folders beside it, say both. Utterances are called by the file's stem, as a CTM
    does, or by the path without suffix.
    """
    if (root / TABLE).is_file():
        found = [utterance for _, _, utterance in _rows(root, TABLE)]
    elif speaker is None and (root / LIBRISPEECH).is_file():
        found = _librispeech(root, by_stem)
    elif speaker is None:
        raise CorpusError(
            f"{root / TABLE}: no such file; the source corpus needs one with the columns {', '.join(_COLUMNS[TABLE])}, "
            "or a `speaker` pattern in its settings that finds the speaker in each sound's path"
        )
    else:
        paths = {path: path.stem if by_stem else path.with_suffix("").as_posix() for path in _glob(root, sounds)}
        found = [Utterance(name, path.as_posix(), speaker_of(path, speaker)) for path, name in paths.items()]
    return _sorted(root, found, ", or narrow `sounds`")


def find_with_gender(root: Path) -> list[Utterance]:
    """Return all utterances of a corpus with the gender that its table tells, sorted by name.

    The table is a speakers.csv (utterance, path, speaker, gender) or else a manifest.csv (clip_id, path, speaker,
    gender), both of which may have start and end, s; or else LibriSpeech's SPEAKERS.TXT.
    """
    table = next((name for name in _COLUMNS if (root / name).is_file()), None)
    if table is None and (root / LIBRISPEECH).is_file():
        return _sorted(root, _librispeech(root, by_stem=True), "")
    if table is None:
        speakers, manifest = (f"{', '.join(columns)}, gender" for columns in _COLUMNS.values())
        raise CorpusError(
            f"{root}: neither {TABLE} (columns {speakers}) nor {MANIFEST} ({manifest}) nor LibriSpeech's "
            f"{LIBRISPEECH}; write one, or mend `root` of the source task"
        )
    found = []
    for where, row, one in _rows(root, table, "gender"):
        gender, (start, end) = row["gender"].lower(), (seconds(row, key, where) for key in ("start", "end"))
        found.append(replace(one, gender=_LONG.get(gender, gender), start=start, end=end))
    return _sorted(root, found, "")


def _librispeech(root: Path, by_stem: bool) -> list[Utterance]:
    """Return all sounds of LibriSpeech as it is given out: SPEAKERS.TXT and <subset>/<speaker>/<chapter>/<sound>.

    The lines of the table are `ID | SEX | SUBSET | MINUTES | NAME`, of which the first two count; a name may hold
    anything. A speaker that it lacks has no gender, which the ledger then says.
    """
    genders = {}
    for number, line in enumerate((root / LIBRISPEECH).read_text(encoding="utf-8", errors="replace").splitlines(), 1):
        cells = [cell.strip() for cell in line.split("|", 4)]
        if line.strip() and not line.lstrip().startswith(";"):
            if len(cells) < 3 or cells[1] not in ("F", "M"):
                form = "ID | SEX | SUBSET | MINUTES | NAME"
                raise CorpusError(f"{root / LIBRISPEECH}:{number}: expected '{form}', got '{line.strip()}'; mend it")
            genders[cells[0]] = _LONG[cells[1].lower()]
    found = []
    for suffix in ("flac", "wav"):
        for path in _glob(root, f"*/*/*/*.{suffix}", required=False):
            speaker, name = path.parts[1], path.stem if by_stem else path.with_suffix("").as_posix()
            found.append(Utterance(name, path.as_posix(), speaker, genders.get(speaker, "")))
    if not found:
        raise CorpusError(
            f"{root}: no sounds beside {LIBRISPEECH} in <subset>/<speaker>/<chapter>; unpack a subset there"
        )
    return found


def _rows(root: Path, table: str, *further: str) -> Iterator[tuple[str, dict[str, str], Utterance]]:
    for where, row in read_rows(root / table, (*_COLUMNS[table], *further), _COLUMNS[table]):
        yield where, row, Utterance(row[_COLUMNS[table][0]], with_slashes(row["path"], root), row["speaker"])


def _sorted(root: Path, found: list[Utterance], remedy: str) -> list[Utterance]:
    if not found:
        raise CorpusError(f"{root}: its table has no rows; add one for each utterance")
    seen: dict[str, str] = {}
    for utterance in found:
        if utterance.name in seen:
            raise CorpusError(
                f"{root}: {seen[utterance.name]} and {utterance.path} are both called '{utterance.name}'; "
                f"rename one{remedy}"
            )
        seen[utterance.name] = utterance.path
    check_spellings(str(root), (utterance.speaker for utterance in found))
    return sorted(found, key=lambda utterance: utterance.name)


def check_spellings(where: str, speakers: Iterable[str]) -> None:
    """Refuse, by a CorpusError, a speaker in two spellings, who would be trained on and held out."""
    twice = [names for names in spellings(speakers, person).values() if len(names) > 1]
    told = [f"speaker {shown(one, other)} is also written {shown(other, one)}" for one, other, *_ in twice]
    refuse({f"{fault}; write the name in one way": [where] for fault in told})


def held_out(root: Path, names: set[str], wanted: int | list[str]) -> set[str]:
    """Return the speakers that are never trained on: so many, the last ones by name, or those that are wanted."""
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


def _glob(root: Path, pattern: str, required: bool = True) -> list[PurePosixPath]:
    stem, dot, suffix = pattern.rpartition(".")
    either = "".join(f"[{letter.lower()}{letter.upper()}]" for letter in suffix)  # corpora from CD-ROM say .WAV
    wanted = f"{stem}.{either}" if dot and suffix.isalnum() else pattern
    found = sorted(PurePosixPath(path.relative_to(root)) for path in root.glob(wanted) if path.is_file())
    visible = [path for path in found if not any(part.startswith(".") for part in path.parts)]
    if not visible and required:
        where = "no such folder" if not root.is_dir() else f"no sounds match `sounds: {pattern}`"
        raise CorpusError(f"{root}: {where}; mend `root` or `sounds` of the source task")
    return visible
