"""Reading the pages of the documentation: their fenced blocks, what is said above each, their settings."""

from __future__ import annotations

import importlib.util
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from helpers.project import ROOT
from pipeline.core.yaml_text import parsed

DOCS = ROOT / "docs"
PLUGINS = {
    "corpora": ("own-corpus", "pipeline/corpora/named_files.py"),
    "extractors": ("own-extractor", "pipeline/features/extractors/spectrum.py"),
    "classifiers": ("own-classifier", "pipeline/classification/classifiers/lda.py"),
    "fusion": ("own-fusion-rule", "pipeline/fusion/rules/entropy.py"),
}
"""kind of plugin -> its page, and the file that the page shows"""

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """One fenced block.

    Attributes:
        above: the line of text above it
        language: behind the fence
        text: what it holds
    """

    above: str
    language: str
    text: str


@cache
def pages() -> list[Path]:
    """Return every page of the project that is in git's reach: not those of environments and artifacts."""
    found = []
    for folder, below, files in os.walk(ROOT):
        below[:] = set(below) - {".venv", ".git", ".dvc", ".cache", "node_modules", ".pytest_cache"}
        found += [Path(folder, name) for name in files if name.endswith(".md")]
    return sorted(found)


def text_of(page: str) -> str:
    """Return a page of docs/ by its name without `.md`."""
    return (DOCS / f"{page}.md").read_text(encoding="utf-8")


def blocks(text: str) -> list[Block]:
    """Return the fenced blocks of a page, in order."""
    found = []
    for match in _FENCE.finditer(text):
        above = [line for line in text[: match.start()].splitlines() if line.strip()]
        found.append(Block(above[-1] if above else "", match[1], match[2]))
    return found


def file_of(page: str, path: str) -> str:
    """Return the file that a page shows whole, below a line that begins with its path."""
    found = [block.text for block in blocks(text_of(page)) if block.above.startswith(f"`{path}`:")]
    assert len(found) == 1, f"docs/{page}.md shows {path} {len(found)} times"
    return found[0]


def settings_of(page: str) -> list[dict[str, Any]]:
    """Return the blocks of params.yaml that a page shows, below lines that begin with `params.yaml`."""
    return [
        parsed(block.text, known=True) for block in blocks(text_of(page)) if block.above.startswith("`params.yaml`")
    ]


def plugin(kind: str, folder: Path) -> ModuleType:
    """Write the plugin that a page shows to a folder, and import it from there."""
    page, path = PLUGINS[kind]
    file = folder / Path(path).name
    file.write_text(file_of(page, path), encoding="utf-8")
    spec = importlib.util.spec_from_file_location(f"shown_{file.stem}", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # pydantic looks up annotations there
    spec.loader.exec_module(module)
    return module


def laid_over(params: Mapping[str, Any], block: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings in which `section.key` of a block takes the place of the key of that name."""
    found = {section: dict(keys or {}) for section, keys in params.items()}
    for section, keys in block.items():
        found[section] = {**found.get(section, {}), **keys}
    return found
