"""The leakage guard: whatever is fitted has seen training clips only, and this is checked wherever it is used.

Protocols refuse a speaker on two sides (`pipeline.protocols.splits`). Here the fits themselves are guarded: every set
of clips carries its part, a fit names the set that it takes, and a feature that was learned per fold carries the part
that each clip had when it was learned.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pipeline.core.errors import LeakageError


def check_fit(part: str, what: str) -> None:
    """Refuse, by a LeakageError, to fit `what` on anything but training clips.

    >>> check_fit("train", "a scaler")
    >>> check_fit("test", "a scaler")
    Traceback (most recent call last):
    pipeline.core.errors.LeakageError: a scaler was about to be fitted on test clips; fit it on the training clips of
    the fold alone
    """
    if part != "train":
        raise LeakageError(
            f"{what} was about to be fitted on {part} clips; fit it on the training clips of the fold alone"
        )


def check_learned(where: str, then: str, now: str) -> None:
    """Refuse, by a LeakageError, a feature that was trained on a clip which is now a validation or test clip: its part
    when the feature was learned ("" where nobody noted it) is another one than by the splits in use.
    """
    if then != now:
        noted = f"as a {then} clip" if then else "without a note of its part"
        raise LeakageError(
            f"{where}: learned {noted}, but it is a {now} clip of the splits in use; "
            "rerun the stage that wrote the file"
        )


def part_keys(folds: Mapping[str, Mapping[str, str]], clip_ids: Iterable[str]) -> dict[str, str]:
    """Return `fold-00/<clip id>` -> part, the note that `check_learned` reads; "" for a clip that is in no part."""
    return {f"{name}/{clip_id}": fold.get(clip_id, "") for clip_id in clip_ids for name, fold in folds.items()}
