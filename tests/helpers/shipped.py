"""The shipped YAML files, parsed once by each process that reads them: each takes a fifth of a second."""

from __future__ import annotations

from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

from pipeline.core.yaml_text import parsed

ROOT = Path(__file__).resolve().parents[2]


def shipped(name: str = "params.yaml") -> Any:
    """Return what a file of the project's root folder holds, to be changed at will."""
    return deepcopy(_parsed(name))


@cache
def _parsed(name: str) -> Any:
    return parsed((ROOT / name).read_text(encoding="utf-8"), known=True)
