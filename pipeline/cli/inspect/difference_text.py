"""The difference of two feature files in words: the verdict, then what differs, worst first."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.cli.inspect.difference import Clip, Difference, compare
from pipeline.runner.terminal import clean, count, figure, short, table

_SHOWN = 20


def describe(one: Path, other: Path) -> tuple[str, bool]:
    """Return what differs between two feature files, and whether they are equal.

    Raises:
        ArtifactError: one of them is no feature file, or damaged
    """
    found = compare(one, other)
    lines = [verdict(found), f"  A  {one}", f"  B  {other}"]
    for part in (_attributes(found), _only(found), _shapes(found), _clips(found), _columns(found)):
        lines += ["", *part] if part else []
    return "\n".join(map(clean, lines)), found.equal


def verdict(found: Difference) -> str:
    """Return the first line: equal bytes, equal values or different."""
    if found.same_bytes:
        return "equal bytes"
    if found.equal:
        return "equal values" + (", other attributes" if found.attributes else ", laid out otherwise in the file")
    changed = sum(clip.differs for clip in found.clips)
    parts = [f"{changed} of {count(len(found.clips), 'clip')} that could be compared"]
    parts += [
        f"{count(len(names), 'clip')} only in {name}" for name, names in zip("AB", found.only, strict=True) if names
    ]
    parts += [f"{count(len(found.shapes), 'array')} of another shape"] if found.shapes else []
    return f"different: {', '.join(parts)}"


def _attributes(found: Difference) -> list[str]:
    rows = [[name, short(a, 60), short(b, 60)] for name, a, b in found.attributes]
    return table(["attribute", "A", "B"], rows, range(3)) if rows else []


def _only(found: Difference) -> list[str]:
    return [f"only in {name}: {_some(names)}" for name, names in zip("AB", found.only, strict=True) if names]


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")


def _shapes(found: Difference) -> list[str]:
    rows = [[key, name, a or "not there", b or "not there"] for key, name, a, b in found.shapes[:_SHOWN]]
    return _cut(table(["clip", "array", "A", "B"], rows, range(4)), len(found.shapes)) if rows else []


def _clips(found: Difference) -> list[str]:
    changed = sorted((clip for clip in found.clips if clip.differs), key=_worst)
    rows = [
        [clip.key, figure(clip.largest), figure(clip.mean), clip.mask or ".", _beside(clip)]
        for clip in changed[:_SHOWN]
    ]
    if not rows:
        return []
    frames = sum(clip.mask for clip in found.clips)
    total = (
        [
            f"{count(frames, 'frame')} in {count(sum(bool(clip.mask) for clip in found.clips), 'clip')} observed in one file alone"
        ]
        if frames
        else []
    )
    return [
        *total,
        *_cut(
            table(["clip", "largest |A-B|", "mean |A-B|", "mask, frames", "also differs"], rows, (0, 4)), len(changed)
        ),
    ]


def _worst(clip: Clip) -> tuple[Any, ...]:
    return -clip.largest, -clip.mean, -clip.mask, clip.key


def _beside(clip: Clip) -> str:
    return ", ".join([*clip.arrays, *(["values of unobserved frames"] if clip.hidden else [])])


def _columns(found: Difference) -> list[str]:
    order = np.lexsort((np.arange(len(found.largest)), -found.mean, -found.largest))
    changed = [int(at) for at in order if found.largest[at]]
    rows = [[found.columns[at], at, figure(found.largest[at]), figure(found.mean[at])] for at in changed[:_SHOWN]]
    return _cut(table(["column", "number", "largest |A-B|", "mean |A-B|"], rows), len(changed)) if rows else []


def _cut(lines: list[str], number: int) -> list[str]:
    return lines if number <= _SHOWN else [*lines, f"... and {number - _SHOWN} more"]
