"""The difference of two feature files in words: the verdict, then what differs, worst first."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pipeline.cli.inspect.difference import Clip, Difference, compare
from pipeline.cli.layout import Part, shown, table, text_of
from pipeline.runner.terminal import count, figure, short

_SHOWN = 20
_ABSENT = "not there"


def describe(one: Path, other: Path) -> tuple[str, bool]:
    """Return what differs between two feature files, and whether they are equal.

    Raises:
        ArtifactError: one of them is no feature file, or damaged
    """
    found = compare(one, other)
    parts: list[Part] = [verdict(found), f"  A  {one}", f"  B  {other}"]
    for part in (_attributes(found), _only(found), _shapes(found), _clips(found), _columns(found)):
        parts += ["", *part] if part else []
    return text_of(parts), found.equal


def verdict(found: Difference) -> str:
    """Return the first line: equal bytes, equal values or different."""
    if found.same_bytes:
        return "equal bytes"
    if found.equal:
        return "equal values" + (", other attributes" if found.attributes else ", laid out otherwise in the file")
    changed = sum(clip.differs for clip in found.clips)
    parts = [f"{changed} of {count(len(found.clips), 'clip')} that could be compared"]
    only = zip("AB", found.only, strict=True)
    parts += [f"{count(len(names), 'clip')} only in {name}" for name, names in only if names]
    parts += [f"{count(len(found.shapes), 'array')} of another shape"] if found.shapes else []
    return f"different: {', '.join(parts)}"


def _table(header: list[str], rows: Sequence[Sequence[object]], texts: Sequence[int]) -> list[Part]:
    return shown([table(header, rows[:_SHOWN], texts)], len(rows), _SHOWN) if rows else []


def _attributes(found: Difference) -> list[Part]:
    rows = [[name, short(a, 60), short(b, 60)] for name, a, b in found.attributes]
    return [table(["attribute", "A", "B"], rows, range(3))] if rows else []


def _only(found: Difference) -> list[Part]:
    return [f"only in {name}: {_some(names)}" for name, names in zip("AB", found.only, strict=True) if names]


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")


def _shapes(found: Difference) -> list[Part]:
    rows = [[key, name, a or _ABSENT, b or _ABSENT] for key, name, a, b in found.shapes]
    return _table(["clip", "array", "A", "B"], rows, range(4))


def _clips(found: Difference) -> list[Part]:
    changed = sorted(
        (clip for clip in found.clips if clip.differs),
        key=lambda clip: (-clip.largest, -clip.mean, -clip.mask, clip.key),
    )
    rows = [[clip.key, figure(clip.largest), figure(clip.mean), clip.mask or ".", _beside(clip)] for clip in changed]
    masks = [clip.mask for clip in changed if clip.mask]
    said = f"{count(sum(masks), 'frame')} in {count(len(masks), 'clip')} observed in one file alone"
    header = ["clip", "largest |A-B|", "mean |A-B|", "mask, frames", "also differs"]
    return [*([said] if masks else []), *_table(header, rows, (0, 4))]


def _beside(clip: Clip) -> str:
    return ", ".join([*clip.arrays, *(["values of unobserved frames"] if clip.hidden else [])])


def _columns(found: Difference) -> list[Part]:
    order = np.lexsort((np.arange(len(found.largest)), -found.mean, -found.largest))
    changed = [int(at) for at in order if found.largest[at]]
    rows = [[found.columns[at], at, figure(found.largest[at]), figure(found.mean[at])] for at in changed]
    return _table(["column", "number", "largest |A-B|", "mean |A-B|"], rows, (0,))
