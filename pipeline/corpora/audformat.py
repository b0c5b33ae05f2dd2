"""audformat: any database in audEERING's audformat, such as `audb` downloads: `db.yaml` and its tables below the root.

Read are the columns of the schemes `emotion` and `speaker`, or of these names, whole files or segments of them;
`gender` too, as a column or as what the scheme `speaker` says of each speaker. Tables that belong to a split of the
type train, dev or test give the official split. A row without an emotion is `unlabelled` and left out. Emotions have
the names that are common in such databases; others are mapped by `corpora.<name>.labels`.

Tables are read as CSV or Parquet. The pickles that the library leaves beside them as a cache, and would prefer, are not
opened: loading a pickle runs whatever it names.

The library is there anyway: openSMILE's Python package stands on it.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

import audformat
import pandas as pd
import yaml

from pipeline.core.clip import Clip
from pipeline.core.errors import CorpusError
from pipeline.core.links import check_table
from pipeline.core.tables import text_of
from pipeline.core.yaml_text import parsed
from pipeline.corpora import LEFT_OUT
from pipeline.corpora._scan import UNLABELLED, WORDS, joined

LABELS = {**WORDS, UNLABELLED: LEFT_OUT}
LICENCE = CITATION = "as the database's header says"
_SPLITS = {"train": "train", "dev": "val", "test": "test"}


def clips(root: Path) -> Iterator[Clip]:
    """Yield the clips of the database; `emotion` is its own label, or `unlabelled`."""
    with _loaded(root) as database:
        rows = audformat.utils.to_segmented_index(_table(database, root))
        splits = _splits(database, root)
    several = Counter(file for file, _, _ in rows.index)
    for (file, start, end), row in zip(rows.index, rows.to_dict("records"), strict=True):
        if pd.isna(row["speaker"]):
            raise CorpusError(
                f"{root / 'db.yaml'}: '{file}' has no speaker; add it to the scheme 'speaker', "
                "which keeps people on one side"
            )
        begin, until = start.total_seconds(), None if pd.isna(end) else end.total_seconds()
        name = joined([*PurePosixPath(file).with_suffix("").parts, *[f"{begin:.3f}"] * (several[file] > 1)])
        label = UNLABELLED if pd.isna(row["emotion"]) else str(row["emotion"])
        gender = row["gender"] if row["gender"] in ("female", "male") else ""
        split = splits.get((file, start, end), "")
        yield Clip(name, file, str(row["speaker"]), label, split, gender, begin or None, until)


@contextmanager
def _loaded(root: Path) -> Iterator[Any]:
    """Give the database; its tables are read when they are asked for, from a folder that has no pickles of them."""
    header = root / "db.yaml"
    if not header.is_file():
        raise CorpusError(f"{header}: no such database; set the root to the folder that holds db.yaml")
    files = [header, *_tables(root, header)]
    for path in files:
        if path.suffix != ".parquet":
            text_of(path)  # tells what it is, where it is none
        check_table(path)
    try:
        with tempfile.TemporaryDirectory() as folder:
            for path in files:
                Path(folder, path.name).symlink_to(path.resolve())
            yield audformat.Database.load(folder)
    except CorpusError:
        raise
    except Exception as error:  # of yaml, pyarrow and audformat, which say no more of it
        raise _unreadable(header, error) from error


def _tables(root: Path, header: Path) -> Iterator[Path]:
    """Yield the files of the tables that the header names; CorpusError where it is none, or one has no such file."""
    try:
        content = parsed(text_of(header))
    except yaml.YAMLError as error:
        raise _unreadable(header, error) from error
    if not isinstance(content, dict) or "name" not in content:
        raise CorpusError(f"{header}: not the header of an audformat database; download it again, or mend the root")
    for name in [*(content.get("misc_tables") or ()), *(content.get("tables") or ())]:
        found = [root / f"db.{name}.{suffix}" for suffix in ("parquet", "csv")]
        there = [path for path in found if path.parent == root and path.is_file()]
        if not there:
            pickled = (root / f"db.{name}.pkl").is_file()
            why = " (its pickle is not opened, since that runs what it names)" if pickled else ""
            raise CorpusError(f"{header}: table '{name}' has no file db.{name}.csv or .parquet{why}; download it again")
        yield there[0]


def _unreadable(header: Path, error: Exception) -> CorpusError:
    return CorpusError(f"{header}: not an audformat database that can be read ({_line(error)}); download it again")


def _table(database: Any, root: Path) -> pd.DataFrame:
    """Return emotion, speaker and gender of every file or segment that has a row."""
    try:
        table = database.get("emotion", ["speaker", "gender"])
    except (TypeError, ValueError) as error:
        raise CorpusError(
            f"{root / 'db.yaml'}: several columns give emotions that differ ({_line(error)}); keep one of them"
        ) from error
    for name in ("emotion", "speaker"):
        if name not in table.columns or table[name].isna().all():
            raise CorpusError(f"{root / 'db.yaml'}: no column with a scheme '{name}'; name the one that holds it so")
    return table


def _splits(database: Any, root: Path) -> dict[tuple[str, pd.Timedelta, pd.Timedelta], str]:
    """Return the official split of every file or segment that has one."""
    found: dict[tuple[str, pd.Timedelta, pd.Timedelta], str] = {}
    for name, split in database.splits.items():
        part = _SPLITS.get(split.type, "")
        rows = database.get("emotion", splits=[name]) if part else ()
        for key in audformat.utils.to_segmented_index(rows).index if part and len(rows) else ():
            if found.setdefault(key, part) != part:
                raise CorpusError(f"{root / 'db.yaml'}: '{key[0]}' is in {found[key]} and in {part}; keep one of them")
    return found


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:100]
