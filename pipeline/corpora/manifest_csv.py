"""manifest_csv: any folder of clips with a `manifest.csv`.

Columns: clip_id, path (below the folder), speaker, emotion; optional: split (train, val, test), gender (female, male),
start and end (s, where one file holds several clips), source (recording that a clip was cut from: all of it stays on
one side of a fold), corpus (which of several it is of, or which condition: protocols can train on one and test on
another). Comma or semicolon separated, UTF-8.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pipeline.core.clip import EMOTIONS, EXTRA_EMOTIONS, Clip
from pipeline.corpora._tables import lines_of, read_clips

LABELS = {name: name for name in EMOTIONS + EXTRA_EMOTIONS}
LICENCE = "as the folder's owner says"
CITATION = "none"


def clips(root: Path) -> Iterator[Clip]:
    """Yield the clips of `root/manifest.csv`."""
    yield from read_clips(root / "manifest.csv")


def lines(root: Path) -> dict[str, str]:
    """Return clip id -> file and line of the manifest."""
    return lines_of(root / "manifest.csv")
