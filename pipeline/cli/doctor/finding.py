"""One line of the doctor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Finding:
    """What was found out.

    Attributes:
        name: what was looked at
        state: `ok`, `note` (worth knowing, no fault) or `wrong`
        words: what was found
        remedy: what to do about it; empty where nothing is to be done
    """

    name: str
    state: Literal["ok", "note", "wrong"]
    words: str
    remedy: str = ""


def ok(name: str, words: str) -> Finding:
    """Return that all is well."""
    return Finding(name, "ok", words)


def note(name: str, words: str, remedy: str = "") -> Finding:
    """Return what is no fault."""
    return Finding(name, "note", words, remedy)


def wrong(name: str, words: str, remedy: str) -> Finding:
    """Return what is wrong."""
    return Finding(name, "wrong", words, remedy)
