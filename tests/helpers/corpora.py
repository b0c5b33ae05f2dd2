"""Corpora of files that might be media by their first byte, for adapters that read names alone."""

from __future__ import annotations

from pathlib import Path


def tree(root: Path, *names: str) -> Path:
    """Make files with a zero byte and their names in them, and return the root."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"\0" + name.encode())
    return root
