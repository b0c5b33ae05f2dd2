"""The errors that a user can cause and cure, and the reasons that a ledger gives."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from typing import Any

REASONS = (
    "missing_file",
    "unreadable",
    "bad_path",
    "not_media",
    "outside_link",
    "decode_error",
    "crashed",
    "no_audio",
    "no_video",
    "no_face",
    "few_faces",
    "equal_faces",
    "several_faces",
    "too_short",
    "unequal_length",
    "silent",
    "no_voice",
    "no_input",
    "not_learned",
    "bad_span",
    "bad_alignment",
    "too_few_pictures",
    "not_in_protocol",
)
"""Every reason that a ledger entry may carry, apart from the empty one of an `ok` clip."""

ABSENT = ("no_audio", "no_video", "not_learned")
"""Reasons that are no fault: the clip has no sound or no picture, or its fold nothing to learn a feature from."""

PASSING = ("missing_file", "unreadable")
"""Reasons that lie in the place and not in the bytes: another run may find the file."""


_PAGE_LONG = re.compile(r"(?<![\w'])'(?! )([^']{300,})'(?!\w)")
"""A quoted cell or setting that an error does not show whole; what stands between two quoted ones is none."""


def clean(text: Any) -> str:
    """Return text with what cannot be seen (line breaks, escape codes, marks of direction) as its Python escape."""
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode("ascii") for c in str(text)
    )


class PipelineError(Exception):
    """Base of them all; `str(error)` is one line: file or setting, what is wrong, the remedy. What a terminal would
    obey is escaped, and of a quoted cell that is a page long the middle is left out.

    >>> len(str(PipelineError(f"x.csv:2: unknown label '{'a' * 5000}'; mend it")))
    205
    """

    def __str__(self) -> str:
        lines = (clean(line) for line in super().__str__().split("\n"))
        return _PAGE_LONG.sub(_shortened, "\n".join(lines))


def _shortened(found: re.Match[str]) -> str:
    return f"'{found[1][:100]}...{found[1][-50:]}' ({len(found[1])} characters)"


class SettingsError(PipelineError):
    """A setting in params.yaml or an argument on the command line is wrong."""


class CorpusError(PipelineError):
    """A corpus folder or manifest is wrong as a whole."""


class ArtifactError(PipelineError):
    """A file that this pipeline wrote (HDF5, CSV, model) is missing, damaged or of another version."""


class WeightsError(PipelineError):
    """Weights cannot be had, or are not the ones that the hash names."""


class LeakageError(PipelineError):
    """A speaker, a recording or a fit is on both sides of a split."""


class TooManyFailures(PipelineError):
    """More clips failed in one stage than `runtime.max_failed_fraction` allows."""


class ClipError(PipelineError):
    """Bad input that costs one clip: recorded in the ledger by one of `REASONS`, never shown as a crash.

    `detail` says in words what was found, free of absolute paths so that ledgers have equal bytes everywhere.
    """

    def __init__(self, reason: str, detail: str = "") -> None:
        if reason not in REASONS:
            raise ValueError(f"unknown ledger reason {reason!r}; known: {', '.join(REASONS)}")
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason, self.detail = reason, detail

    def __reduce__(self) -> tuple[type[ClipError], tuple[str, str]]:
        # an exception with its own __init__ does not survive the way back from a worker process without this
        return type(self), (self.reason, self.detail)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return ` (did you mean 'x'?)` for a near miss, otherwise the list of what is known.

    >>> did_you_mean("lld174", ["egemaps", "lld147"])
    " (did you mean 'lld147'?)"
    >>> did_you_mean("x", ["egemaps", "lld147"])
    ' (known: egemaps, lld147)'
    """
    options = sorted(known)
    if close := difflib.get_close_matches(name, options, n=1):
        return f" (did you mean '{close[0]}'?)"
    return f" (known: {', '.join(options) or 'none'})"
