"""Names that a user gives in params.yaml (corpora, systems, features, ...): they become words of shell commands, parts
of paths and names of stages, so that only harmless ones may get there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.core.errors import SettingsError

SECTIONS = (
    "corpora", "systems", "generate", "degrade", "crop_faces", "pretrain", "fetch_weights", "extract", "extract_sound",
    "extract_speech", "extract_face", "extract_crops", "extract_table", "segments_audio", "segments_video",
    "clip_features", "end_to_end", "fuse_features", "join", "rank", "select", "train", "fuse",
)  # fmt: skip
"""Sections of params.yaml that hold one block per name."""
_NAME = re.compile(r"\w[\w-]{0,99}")
_MOST_SHOWN = 60


def fault_of(name: Any) -> str:
    """Return what is wrong with a name and the remedy, "" if nothing is.

    >>> fault_of("mine-v1"), fault_of("2024")
    ('', '')
    >>> fault_of("mine_v1.0")
    'a name has letters, digits, _ and - alone (100 at most), since it becomes a word of commands; call it mine_v1_0'
    >>> fault_of(2024)
    'YAML reads this name as a number; put it in quotes, or begin it with a letter'
    """
    if not isinstance(name, str):
        kind = "a number" if isinstance(name, int | float) and not isinstance(name, bool) else f"{type(name).__name__}"
        return f"YAML reads this name as {kind}; put it in quotes, or begin it with a letter"
    if not _NAME.fullmatch(name):
        other = re.sub(r"[^\w-]+", "_", name).strip("_-")[:40]
        said = "a name has letters, digits, _ and - alone (100 at most), since it becomes a word of commands"
        return f"{said}; call it {other or 'another way'}"
    if _is_number(name) and not re.fullmatch(r"0|[1-9]\d*", name, re.ASCII):
        return "some readers of YAML take this name for a number; begin it with a letter"
    return ""


def _is_number(name: str) -> bool:
    for kind in (float, lambda text: int(text, 0)):
        try:
            kind(name)
        except ValueError:
            continue
        return name[0].isdigit()
    return False


def check_name(name: Any, place: str) -> str:
    """Return a name that may become a word of a command; SettingsError otherwise."""
    if fault := fault_of(name):
        raise SettingsError(f"{place}: {_shown(name)}: {fault}")
    return str(name)


def check_names(params: Mapping[str, Any], file: str = "params.yaml") -> None:
    """Refuse names of blocks that must not become words of commands: one SettingsError with all of them."""
    if faults := list(_faults(params)):
        raise SettingsError(f"{file}: {'; '.join(faults)}")


def _faults(params: Mapping[str, Any]) -> Iterator[str]:
    for section in SECTIONS:
        blocks = params.get(section) or {}
        if not isinstance(blocks, Mapping):
            yield f"{section}: blocks by name belong there (got {_shown(blocks)}); see docs/settings.md"
            continue
        for name in blocks:
            if fault := fault_of(name):
                yield f"{section}.{_shown(name)}: {fault}"


def check_path(text: Any, place: str) -> str:
    """Return a path of params.yaml that becomes a word of a command; SettingsError where it is no text, has characters
    that nobody sees, or would be taken for an option.
    """
    if not isinstance(text, str) or not text or not text.isprintable() or text.startswith("-"):
        said = "a path is text without line breaks and control characters, and does not begin with -"
        raise SettingsError(f"{place}: {said} (got {_shown(text)}); rename the folder or the file")
    return text


def _shown(name: Any) -> str:
    """Return a name as it can be printed; in quotes where it is not one word."""
    text = name if isinstance(name, str) and _NAME.fullmatch(name) else ascii(name) if name != "" else "''"
    text = text if isinstance(name, str) else str(name)
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}..."
