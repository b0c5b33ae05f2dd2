"""A manifest of clips: shared by the adapters whose corpus brings one, `demo` and `manifest_csv`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from pipeline.core.clip import SPLITS, Clip, check_clip_id
from pipeline.core.errors import CorpusError, did_you_mean
from pipeline.core.tables import read_rows, seconds

REQUIRED = ("clip_id", "path", "speaker", "emotion")
OPTIONAL = ("split", "gender", "start", "end", "source", "corpus")


def read_clips(path: Path) -> Iterator[Clip]:
    """Yield the clips of a manifest; `emotion` is the corpus's own label.

    Raises:
        CorpusError: no manifest, a column missing, or a cell that cannot be used; names file and line
    """
    if not path.is_file():
        raise CorpusError(f"{path}: no such manifest; {_remedy(path)}")
    for where, row in read_rows(path, REQUIRED, REQUIRED):
        yield _clip({key: row.get(key, "") for key in REQUIRED + OPTIONAL}, where)


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


def _clip(row: Mapping[str, str], where: str) -> Clip:
    check_clip_id(row["clip_id"], where)
    if row["split"] not in SPLITS:
        raise CorpusError(f"{where}: split '{row['split']}'{did_you_mean(row['split'], SPLITS[1:])}")
    inside = PurePosixPath(row["path"].replace("\\", "/"))
    if inside.is_absolute() or ".." in inside.parts:
        raise CorpusError(
            f"{where}: path '{row['path']}' leaves the corpus folder; give it below the manifest's folder"
        )
    start, end = (seconds(row, key, where) for key in ("start", "end"))
    if start is not None and end is not None and end <= start:
        raise CorpusError(f"{where}: end {end:g} s is not after start {start:g} s")
    return Clip(**{**row, "path": inside.as_posix(), "start": start, "end": end})  # type: ignore[arg-type]
