"""What reading a clip has to say to the ledger, beside FFmpeg's own words on damage."""

from collections.abc import Sequence

from pipeline.core.ledger import NOTE


class Remark(str):
    """A line for the ledger as it stands: `reason: detail`, or `NOTE` and what was chosen, which is no fault."""

    __slots__ = ()


def note(words: str) -> Remark:
    """Return what was chosen where a file leaves a choice."""
    return Remark(NOTE + words)


def broken(damage: Sequence[str]) -> list[str]:
    """Return FFmpeg's words on what could not be decoded."""
    return [word for word in damage if not isinstance(word, Remark)]


def degraded_by(damage: Sequence[str]) -> list[str]:
    """Return the lines for the ledger, each once: that some of a clip could not be decoded, then what else was said."""
    words = broken(damage)
    told = dict.fromkeys(word for word in damage if isinstance(word, Remark))
    return [*([f"decode_error: part of it could not be decoded ({words[0]})"] if words else []), *map(str, told)]
