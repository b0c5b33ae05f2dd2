"""Clips that are derived from the demo's person: cut, damaged, posing as another, or unusual and whole."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from helpers.fuzz.media_base import Input, Rng, base
from helpers.fuzz.media_damage import (
    flipped,
    flipped_header,
    longer,
    overwritten,
    posing,
    renamed,
    truncated,
    without_a_part,
    wrong_atom,
    wrong_wave_field,
)
from helpers.fuzz.media_unusual import aspect, layout, matrix, spanned, streams, timing

__all__ = ["RULES", "Input", "aspect", "base", "layout", "make", "matrix", "streams"]


RULES: dict[str, Callable[[Rng], Input]] = {
    rule.__name__: rule
    for rule in (
        truncated, without_a_part, flipped, flipped_header, overwritten, wrong_atom, wrong_wave_field, posing,
        renamed, longer, spanned, matrix, aspect, layout, streams, timing,
    )
}  # fmt: skip


def make(rng: Rng) -> Input:
    """Return an input by a rule that is drawn."""
    name = str(rng.choice(list(RULES)))
    made = RULES[name](rng)
    return replace(made, rule=made.rule or name)
