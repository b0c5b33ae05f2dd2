"""`python -m pipeline doctor`: what the pipeline needs, whether it is here, and the remedy where it is not.

A package that is missing, that breaks while it is imported, or that kills its process costs a line, never the whole.
"""

from functools import partial
from typing import NamedTuple


class Finding(NamedTuple):
    """One line: `ok`, `note` (worth knowing, no fault) or `wrong`; what was looked at, what was found, the remedy."""

    state: str
    name: str
    words: str
    remedy: str = ""


ok, note, wrong = (partial(Finding, state) for state in ("ok", "note", "wrong"))
