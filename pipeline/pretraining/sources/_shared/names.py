"""A pattern on paths that finds who is heard or seen in a file."""

from __future__ import annotations

import re
from pathlib import PurePosixPath


def with_one_group(pattern: str | None) -> str | None:
    """Return a regular expression as it came.

    Raises:
        ValueError: it is none, or does not have exactly one group
    """
    try:
        groups = 1 if pattern is None else re.compile(pattern).groups
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from error
    if groups != 1:
        raise ValueError(f"needs one group, the speaker, such as wav/(\\d\\d); it has {groups}")
    return pattern


def speaker_of(path: PurePosixPath, pattern: str | None) -> str:
    """Return what the pattern's group finds in a relative path; "" for nobody, or without a pattern."""
    match = re.search(pattern, path.as_posix()) if pattern else None
    return (match and match[1]) or ""
