"""What a per-clip stage did with each clip the last time, and why: for `python -m pipeline explain`, never for results.

It lies beside the clip cache and not among DVC's outputs, since it tells of a run and not of data. One JSON value per
line: first what all clips of the run had in common, then a row for each clip.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.core.files import atomic_path

SAME = "same input, code, settings and weights"
_SHOWN = 3


@dataclass(frozen=True)
class Row:
    """One clip in one run of a stage: its key in the clip cache, whether it was `computed` or `reused`, why, in words,
    and the digest of what it was computed from.
    """

    clip_id: str
    key: str
    how: str
    why: str
    input: str


@dataclass(frozen=True)
class Journal:
    """One run of one stage: what went into every key (stage, code, params, weights), and the rows by clip id."""

    common: Mapping[str, Any]
    rows: Mapping[str, Row]


def journal_path(cache: Path, out: Path) -> Path:
    """Return where the journal of a feature file lies, such as `journal/demo/lld147.jsonl`."""
    return cache / "journal" / out.parent.name / f"{out.stem}.jsonl"


def write_journal(path: Path, common: Mapping[str, Any], rows: Iterable[Row]) -> None:
    """Write a run, whole or not at all."""
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.write(json.dumps(dict(common)) + "\n")
        file.writelines(json.dumps(list(vars(row).values())) + "\n" for row in rows)


def read_journal(path: Path) -> Journal | None:
    """Return the last run, or None where there is none that can be read."""
    try:
        with path.open(encoding="utf-8") as file:
            common = json.loads(next(file))
            rows = [Row(*json.loads(line)) for line in file]
    except (OSError, StopIteration, TypeError, ValueError):
        return None
    return Journal(common, {row.clip_id: row for row in rows})


def row_of(before: Journal | None, common: Mapping[str, Any], clip_id: str, key: str, digest: str, reused: bool) -> Row:
    """Return what a run did with a clip whose input has a digest, and why, in the light of the run before."""
    row = before.rows.get(clip_id) if before else None
    same_key = row is not None and row.key == key
    if reused:
        earlier = " as in an earlier run, in one that was stopped, or for another clip of equal content"
        return Row(clip_id, key, "reused", SAME if same_key else SAME + earlier, digest)
    if before is None:
        return Row(clip_id, key, "computed", "first run of this stage here", digest)
    why = _changes(before.common, common)
    if row is None or row.input != digest:
        why.insert(0, "new clip" if row is None else "its input changed")
    if same_key:
        why.append("its entry in the clip cache was gone or damaged")
    return Row(clip_id, key, "computed", "; ".join(why) or "what its key is made of changed", digest)


def _changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    one, other = _flat(old), _flat(new)
    found = [name for name in {**one, **other} if one.get(name) != other.get(name)]
    words = [f"{name} {_short(one.get(name))} -> {_short(other.get(name))}" for name in found[:_SHOWN]]
    return [*words, f"and {len(found) - _SHOWN} more"] if len(found) > _SHOWN else words


def _flat(value: Any, name: str = "") -> dict[str, Any]:
    if isinstance(value, Mapping) and value:
        inner = (_flat(one, f"{name}.{part}".lstrip(".")) for part, one in value.items())
        return {key: leaf for leaves in inner for key, leaf in leaves.items()}
    return {name: value}


def _short(value: Any) -> str:
    text = "none" if value is None else str(value)
    return text if len(text) <= 24 else f"{text[:12]}..."
