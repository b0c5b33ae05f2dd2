"""Fusions that a system names: over any of its models and over earlier ones; and the feedback loop over one of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Annotated

from pydantic import Field

from pipeline.core.errors import did_you_mean
from pipeline.core.settings import Settings

Name = Annotated[str, Field(pattern=r"^\w+$")]
"""Without - and +, which join names to those of models and fusions."""
Part = Annotated[str, Field(pattern=r"^\w+(-\w+)?$")]
"""A model, or a name of `combined`."""
SEARCHED = "weighted"
"""The rule whose weights the feedback loop changes (Ouyang et al. 2017, eq. 1 and section 5)."""


class Combined(Settings):
    """`systems.<name>.combined.<name>`."""

    rule: Name = Field(description="pipeline/fusion/rules")
    of: tuple[Part, ...] = Field(
        min_length=2, description="models or earlier names; the first wins ties where the rule knows any"
    )


class FeedbackParams(Settings):
    """`systems.<name>.feedback`; candidates and the limit of the search are those of `fuse.weighted`."""

    fusion: Name = Field(description="name of a combined fusion with the rule weighted")
    steps: int = Field(10, ge=1, description="submissions at most")
    rate: float = Field(1.0, gt=0, description="what each feedback adds to W of eq. (2), on average over classes")


def check_parts(combined: Mapping[str, Combined], models: Collection[str]) -> None:
    """Refuse, by a ValueError, a part that is neither a model nor an earlier name; say what was perhaps meant."""
    known = list(models)
    for name, each in combined.items():
        for part in each.of:
            if part in known:
                continue
            if part in combined and part != name:
                raise ValueError(f"'{name}' is made of '{part}', which comes later; put '{part}' first")
            near = did_you_mean(part, known)
            raise ValueError(f"'{name}' is made of '{part}', which is neither a model nor an earlier name{near}")
        known.append(name)


def check_known(names: Iterable[str], known: Collection[str], what: str) -> None:
    """Refuse, by a ValueError, a name that is none of those known, with `what` it is; say what was perhaps meant."""
    for name in names:
        if name not in known:
            raise ValueError(f"'{name}' is {what}{did_you_mean(name, known)}")


def check_feedback(feedback: FeedbackParams, combined: Mapping[str, Combined]) -> None:
    """Refuse, by a ValueError, a feedback loop over what has no weights; say what was perhaps meant."""
    known = [name for name, each in combined.items() if each.rule == SEARCHED]
    check_known([feedback.fusion], known, f"no combined fusion with the rule {SEARCHED}")
