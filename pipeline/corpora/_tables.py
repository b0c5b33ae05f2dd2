"""A manifest of clips: shared by the adapters whose corpus brings one, `demo` and `manifest_csv`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

from pipeline.core.clip import SPLITS, Clip, check_clip_id
from pipeline.core.errors import CorpusError, did_you_mean
from pipeline.core.paths import with_slashes
from pipeline.core.spelling import person, plain
from pipeline.core.tables import Row, each, read_rows, refuse, seconds

REQUIRED = ("clip_id", "path", "speaker", "emotion")
OPTIONAL = ("split", "gender", "start", "end", "source", "corpus")
GENDERS = ("female", "male")


def read_clips(path: Path) -> Iterator[Clip]:
    """Yield the clips of a manifest; `emotion` is the corpus's own label.

    A path that leads out of the folder is yielded, too: it costs its clip, not the corpus.

    Raises:
        CorpusError: no manifest, a column missing, or cells that cannot be used; names file and line of each
    """
    rows = _rows(path)
    clips = each(rows, partial(_clip, path.parent))
    _check_rows([where for where, _ in rows], clips)
    yield from clips


def lines_of(path: Path) -> dict[str, str]:
    """Return clip id -> file and line, of a manifest that can be read."""
    return {row["clip_id"]: where for where, row in _rows(path)}


def _rows(path: Path) -> list[tuple[str, Row]]:
    if not path.is_file():
        raise CorpusError(f"{path}: no such manifest; {_remedy(path)}")
    rows = read_rows(path, REQUIRED, REQUIRED)
    for name in rows[0][1] if rows else ():
        meant = plain(name).replace(" ", "_")
        if name not in OPTIONAL and meant in OPTIONAL:
            raise CorpusError(f"{path}: column '{name}' is not read (did you mean '{meant}'?); rename it")
    return rows


def _remedy(path: Path) -> str:
    """Say what to do: the manifest may lie one level higher or lower, or have capitals in its name."""
    folder = path.parent
    near = [*folder.glob("*"), *folder.parent.glob("*"), *folder.glob("*/*")] if folder.is_dir() else []
    files = [file for file in near if file.name.lower() == path.name and file.is_file()]
    if not files:
        return f"write one with the columns {', '.join(REQUIRED)}, or mend the root"
    found = min(files, key=lambda file: len(file.parts))
    if found.parent == folder:
        return f"rename {found.name} beside it"
    return f"there is one in {found.parent}: set the root to that folder"


def _clip(folder: Path, where: str, row: Mapping[str, str]) -> Clip:
    cells = {key: row.get(key, "") for key in REQUIRED + OPTIONAL}
    check_clip_id(cells["clip_id"], where)
    if cells["split"] not in SPLITS:
        raise CorpusError(f"{where}: split '{cells['split']}'{did_you_mean(cells['split'], SPLITS[1:])}")
    if cells["gender"] not in ("", *GENDERS):
        meant = [name for name in GENDERS if name[0] == plain(cells["gender"])[:1]]
        hint = f" (did you mean '{meant[0]}'?)" if meant else did_you_mean(cells["gender"], GENDERS)
        raise CorpusError(f"{where}: gender '{cells['gender']}'{hint}; write female, male or nothing")
    start, end = (seconds(row, key, where) for key in ("start", "end"))
    if start is not None and end is not None and end <= start:
        raise CorpusError(f"{where}: end {end:g} s is not after start {start:g} s")
    path = with_slashes(cells["path"], folder)
    return Clip(**{**cells, "path": path, "start": start, "end": end})  # type: ignore[arg-type]


def _check_rows(places: list[str], clips: list[Clip]) -> None:
    """Refuse a clip id that two rows have, and a speaker who is a woman in one row and a man in another."""
    ids, genders, faults = dict[str, str](), dict[str, tuple[str, str]](), dict[str, list[str]]()
    for where, clip in zip(places, clips, strict=True):
        if (first := ids.setdefault(clip.clip_id, where)) != where:
            fault = f"clip_id '{clip.clip_id}' is there in line {first.rpartition(':')[2]}, too; make the ids unique"
            faults.setdefault(fault, []).append(where)
        gender, first = genders.setdefault(person(clip.speaker), (clip.gender, where)) if clip.gender else ("", "")
        if gender != clip.gender:
            told = f"speaker '{clip.speaker}' is {clip.gender}, but {gender} in line {first.rpartition(':')[2]}"
            faults.setdefault(f"{told}; mend one of the rows", []).append(where)
    refuse(faults)
