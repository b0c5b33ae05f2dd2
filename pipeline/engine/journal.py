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
    """One clip in one run of a stage.

    Attributes:
        clip_id: the clip
        key: of the clip cache
        how: `computed` or `reused`
        why: in words
        input: digest of what the clip was computed from
    """

    clip_id: str
    key: str
    how: str
    why: str
    input: str


@dataclass(frozen=True)
class Journal:
    """One run of one stage.

    Attributes:
        common: what went into every key: stage, code, params, weights
        rows: by clip id
    """

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
    """Return what a run did with a clip, and why, in the light of the run before.

    Args:
        before: the run before, or None
        common: what all clips of this run have in common
        clip_id: the clip
        key: of the clip cache
        digest: of what the clip is computed from
        reused: whether the cache held it
    """
    if reused:
        return Row(clip_id, key, "reused", _why_reused(before, clip_id, key), digest)
    return Row(clip_id, key, "computed", _why_computed(before, clip_id, key, digest, common), digest)


def _why_computed(before: Journal | None, clip_id: str, key: str, digest: str, common: Mapping[str, Any]) -> str:
    if before is None:
        return "first run of this stage here"
    changes = _changes(before.common, common)
    row = before.rows.get(clip_id)
    if row is None:
        return "; ".join(["new clip", *changes])
    if row.input != digest:
        changes.insert(0, "its input changed")
    if row.key == key:
        changes.append("its entry in the clip cache was gone or damaged")
    return "; ".join(changes) or "what its key is made of changed"


def _why_reused(before: Journal | None, clip_id: str, key: str) -> str:
    row = before.rows.get(clip_id) if before else None
    if row is not None and row.key == key:
        return SAME
    return f"{SAME} as in an earlier run, in one that was stopped, or for another clip of equal content"


def _changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    one, other = _flat(old), _flat(new)
    found = [name for name in {**one, **other} if one.get(name) != other.get(name)]
    words = [f"{name} {_short(one.get(name))} -> {_short(other.get(name))}" for name in found[:_SHOWN]]
    return [*words, f"and {len(found) - _SHOWN} more"] if len(found) > _SHOWN else words


def _flat(value: Any, name: str = "") -> dict[str, Any]:
    if isinstance(value, Mapping) and value:
        return {
            key: leaf
            for part, inner in value.items()
            for key, leaf in _flat(inner, f"{name}.{part}".lstrip(".")).items()
        }
    return {name: value}


def _short(value: Any) -> str:
    text = "none" if value is None else str(value)
    return text if len(text) <= 24 else f"{text[:12]}..."
