"""Draw inputs by their number, judge them in forks, and say what became of each."""

from __future__ import annotations

import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from helpers.fuzz import Verdict, artifacts, chance, clips, media, readers, tables
from helpers.fuzz.forks import forked

BATCH = 16
CLIPS, TABLES = 0.5, 0.35
"""Shares of the inputs that are clips, and tables with settings; the others are artifacts."""


def kind_of(number: int) -> str:
    """Return what an input is; numbers go round, so that few inputs hold all kinds, too."""
    share = number * 0.6180339887498949 % 1
    return "clips" if share < CLIPS else "tables" if share < CLIPS + TABLES else "artifacts"


def fuzz(
    numbers: Iterable[int],
    seed: int,
    folder: Path | None = None,
    tell: Callable[[list[Verdict]], object] = lambda _: None,
) -> list[Verdict]:
    """Return the verdict on each input, in the order of their numbers; `tell` hears of each batch."""
    by_kind: dict[str, list[int]] = defaultdict(list)
    for number in numbers:
        by_kind[kind_of(number)].append(number)
    with tempfile.TemporaryDirectory() as temporary:
        work = folder or Path(temporary)
        verdicts = []
        makers = {"clips": media.make, "tables": tables.make, "artifacts": artifacts.make}
        judges = {"clips": clips.judge_batch, "tables": readers.judge_batch, "artifacts": readers.judge_batch}
        clips.prepare(work)  # what all forks need is made once
        for kind, some in by_kind.items():
            for begin in range(0, len(some), BATCH):
                inputs = {number: makers[kind](chance(seed, number)) for number in some[begin : begin + BATCH]}
                verdicts += judged(inputs, judges[kind], work)
                tell(verdicts[-len(inputs) :])
    return sorted(verdicts, key=lambda verdict: verdict.number)


def judged(inputs: Mapping[int, Any], judge: Callable[..., list[Verdict]], work: Path) -> list[Verdict]:
    """Return the verdicts on one batch; where the batch ends by an error, on each input by itself."""
    if not inputs:
        return []
    ended = forked(partial(_call, judge, inputs, work), work / "fork")
    if not ended.failure and not ended.printed:
        return ended.result
    if len(inputs) > 1:
        return [verdict for number, one in inputs.items() for verdict in judged({number: one}, judge, work)]
    ((number, one),) = inputs.items()
    said = [line for line in (ended.failure or ended.printed).strip().split("\n") if line]
    wrong = f"{'ends by' if ended.failure else 'prints'}: {said[-1]}"
    return [Verdict(number, one.rule, "broken", (wrong,), "\n".join(said))]


def _call(judge: Callable[..., list[Verdict]], inputs: Mapping[int, Any], work: Path, beat: Any) -> list[Verdict]:
    return judge(inputs, work, beat, next(iter(inputs)) if len(inputs) > 1 else None)


OUTCOMES = ("ok", "degraded", "absent", "failed", "read", "refused", "broken")


def table(verdicts: Sequence[Verdict]) -> str:
    """Return the table of a run: a row per rule, and how many inputs broke something."""
    rows: dict[str, Counter[str]] = defaultdict(Counter)
    for verdict in verdicts:
        name = verdict.rule.partition(":")[0]
        rows[name]["inputs"] += 1
        rows[name][verdict.outcome] += 1
        rows[name]["wrong"] += bool(verdict.wrong)
    total = sum(rows.values(), Counter())
    columns = ("inputs", *OUTCOMES[:-1], "wrong")
    head = ["rule", *columns]
    lines = [head, ["---"] * len(head)]
    lines += [[name, *(str(row[column]) for column in columns)] for name, row in sorted(rows.items())]
    lines.append(["all", *(str(total[column]) for column in columns)])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
