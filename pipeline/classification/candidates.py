"""Settings of which several values may be given: every combination is trained, and the best on validation is taken.

`cells: [64, 128]` with `dropout: [0.3, 0.5]` are four combinations, and take four times as long as one.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, Union

from pydantic import BaseModel, Discriminator, Field, Tag

Value = TypeVar("Value")
Model = TypeVar("Model", bound=BaseModel)
_MARK = "candidates"
REFIT = (
    "learn anew from training and validation clips once all is chosen; test clips are judged by that model, validation "
    "clips, temperatures and fusions rest on the one before"
)
"""What the setting `refit` of every model means."""
SEEDS = (
    "further seeds: the chosen model is trained again with each, and the report has mean and deviation over all; "
    "fusion and prediction rest on the first, `seed`"
)
"""What the setting `seeds` of a network means."""


def _which(value: Any) -> str:
    return "=several" if isinstance(value, list | tuple) else "=one"


if TYPE_CHECKING:  # behind `combinations` it is one value
    Tried = Annotated[Value, _MARK]
else:

    class Tried:
        """Type of a setting: a value, or a list of candidates."""

        def __class_getitem__(cls, kind: Any) -> Any:
            several = Annotated[tuple[kind, ...], Field(min_length=1), Tag("=several")]
            one = Annotated[kind, Tag("=one")]
            # so that an error is about the one that is meant, and not about both
            return Annotated[Union[one, several], Discriminator(_which), _MARK]  # noqa: UP007


def tried(params: BaseModel) -> dict[str, tuple[Any, ...]]:
    """Return the settings that have a list of candidates, with these."""
    named = (name for name, field in type(params).model_fields.items() if _MARK in field.metadata)
    return {name: value for name in named if isinstance(value := getattr(params, name), tuple)}


def combinations(params: Model) -> list[Model]:
    """Return settings with one value each, for every combination of candidates; the first list changes slowest."""
    lists = tried(params)
    return [params.model_copy(update=dict(zip(lists, values, strict=True))) for values in product(*lists.values())]
