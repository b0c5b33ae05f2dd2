"""Tables of the stages, recognised by their columns: manifest, splits, ledger, posteriors; any other in general."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path

from pipeline.cli.inspect import outcomes
from pipeline.cli.inspect.csv_table import CsvTable, opened
from pipeline.core.errors import ArtifactError
from pipeline.core.ledger import Entry
from pipeline.runner.layout import Part, pairs, table
from pipeline.runner.terminal import emotions_of, figure, short

_FIRST = 5
_KNOWN = 1000
"""Beyond so many different values they are no longer counted."""
_WORTH_NAMING = 12
_ALL_SPEAKERS, _SPEAKERS = 40, 20
_PARTS = ("train", "val", "test")


def describe(path: Path, clip_id: str = "") -> list[Part]:
    """Return what a table holds, or the rows of one clip."""
    if path.stat().st_size < _FIRST and not path.read_bytes().strip():  # such as the history of what was not trained
        return [f"{path}", pairs([("kind", "table"), ("rows", "none, and no columns")])]
    with opened(path) as rows:
        kind, tell = _recognised(rows)
        if clip_id:
            told = outcomes.posteriors_of_clip(rows, clip_id) if kind == "posteriors" else _of_clip(rows, clip_id)
            return [f"{path}: {clip_id}", "", *told]
        return [f"{path}", pairs([("kind", kind)]), *tell(rows)]


def _recognised(rows: CsvTable) -> tuple[str, Callable[[CsvTable], list[Part]]]:
    columns = set(rows.columns)
    kinds: list[tuple[str, set[str], Callable[[CsvTable], list[Part]]]] = [
        ("posteriors", set(outcomes.KEYS), outcomes.posteriors),
        ("ledger", {field.name for field in fields(Entry)}, outcomes.ledger),
        ("manifest", {"clip_id", "path", "speaker", "emotion"}, _manifest),
        ("splits", {"fold", "clip_id", "part"}, _splits),
    ]
    for kind, needed, tell in kinds:
        if needed <= columns and (kind != "splits" or columns == needed):
            return kind, tell
    if rows.path.suffix.lower() not in (".csv", ".tsv"):
        raise ArtifactError(f"{rows.path}: no feature file, table, JSON or model of this pipeline; name one of those")
    return "table", _general


def _of_clip(rows: CsvTable, clip_id: str) -> list[Part]:
    if "clip_id" not in rows.columns:
        raise ArtifactError(f"{rows.path}: no column clip_id; leave --clip out")
    chosen = [list(row.values()) for row in rows if row["clip_id"] == clip_id]
    if not chosen:
        if set(rows.columns) == {"fold", "clip_id", "part"}:
            raise ArtifactError(f"{rows.path}: clip '{clip_id}' is in no fold; see the corpus's protocol")
        raise ArtifactError(f"{rows.path}: no clip '{clip_id}'; leave --clip out to see which there are")
    if len(chosen) == 1:
        return [pairs(zip(rows.columns, chosen[0], strict=True))]
    return [table(rows.columns, chosen, range(len(rows.columns)))]


def _manifest(rows: CsvTable) -> list[Part]:
    clips = list(rows)
    twice = sum(number > 1 for number in Counter(clip["clip_id"] for clip in clips).values())
    about = [("clips", f"{len(clips)}" + (f", {twice} ids more than once" if twice else ""))]
    if "digest" in rows.columns:
        hashed = sum(bool(clip["digest"]) for clip in clips)
        about.append(("files", f"{hashed} with a SHA-256, {len(clips) - hashed} absent"))
    for name in ("gender", "split", "corpus"):
        counts = Counter(clip.get(name) or "-" for clip in clips)
        about += [(name, _counted(counts))] if set(counts) - {"-"} else []
    for name, columns in (("spans", ("start", "end")), ("source", ("source",))):
        filled = sum(any(clip.get(column) for column in columns) for clip in clips)
        about += [(name, f"{filled} clips")] if filled else []
    return [pairs(about), "", *_by_speaker(Counter((clip["speaker"], clip["emotion"]) for clip in clips))]


def _by_speaker(by: Counter[tuple[str, str]]) -> list[Part]:
    """Return a row per speaker and a column per emotion; the speakers with the most clips where there are many."""
    emotions = emotions_of([emotion for _, emotion in by])
    total: Counter[str] = Counter()
    for (speaker, _), number in by.items():
        total[speaker] += number
    shown = sorted(total) if len(total) <= _ALL_SPEAKERS else _ranked(total)[:_SPEAKERS]
    lines = [[name, *(by[name, emotion] or "." for emotion in emotions), total[name]] for name in shown]
    lines.append(["all", *(sum(by[name, emotion] for name in total) for emotion in emotions), total.total()])
    more = len(total) - len(shown)
    told: list[Part] = [table(["speaker", *emotions, "clips"], lines)]
    return [*told, f"... and {more} more speakers with fewer clips"] if more else told


def _splits(rows: CsvTable) -> list[Part]:
    """Tell how many clips each part of each fold has, and how often a clip is tested."""
    by: Counter[tuple[str, str]] = Counter()
    tested: Counter[str] = Counter()
    for row in rows:
        by[row["fold"], row["part"]] += 1
        tested[row["clip_id"]] += row["part"] == "test"
    there = {part for _, part in by}
    parts = [part for part in _PARTS if part in there] + sorted(there - set(_PARTS))
    often = ", ".join(f"{number} clips {times}x" for times, number in sorted(Counter(tested.values()).items()))
    if not by:
        return [pairs([("folds", "none: the corpus has none, as its protocol.name: none says")])]
    lines = [[fold, *(by[fold, part] for part in parts)] for fold in sorted({fold for fold, _ in by})]
    return [pairs([("clips", len(tested)), ("tested", often or "none")]), "", table(["fold", *parts], lines)]


def _general(rows: CsvTable) -> list[Part]:
    lines = [list(row.values()) for row in rows]
    held = [[name, _holds([line[at] for line in lines])] for at, name in enumerate(rows.columns)]
    shown, more = rows.columns[:_WORTH_NAMING], len(rows.columns) - _WORTH_NAMING
    first = [[short(value, 24) for value in line[:_WORTH_NAMING]] for line in lines[:_FIRST]]
    title = f"first {len(first)} rows" + (f", without the last {more} columns" if more > 0 else "")
    about = pairs([("rows", len(lines)), ("columns", len(rows.columns))])
    return [about, "", table(["column", "holds"], held, (0, 1)), "", title, "", table(shown, first, range(len(shown)))]


def _holds(values: Sequence[str]) -> str:
    """Return range and mean of numbers, and how many different texts there are."""
    filled = [value for value in values if value]
    if not filled:
        return "nothing"
    try:
        numbers = list(map(float, filled))
        said = f"{figure(min(numbers))} to {figure(max(numbers))}, mean {figure(sum(numbers) / len(numbers))}"
    except ValueError:
        counts = Counter(filled)
        said = f"{len(counts)} different: {_counted(counts, 3)}"
        said = f"more than {_KNOWN} different texts" if len(counts) > _KNOWN else said
    return said + (f"; {len(values) - len(filled)} empty" if len(filled) < len(values) else "")


def _counted(counter: Counter[str], most: int = _WORTH_NAMING) -> str:
    words = ", ".join(f"{short(name, 24)} {counter[name]}" for name in _ranked(counter)[:most])
    return words + (", ..." if len(counter) > most else "")


def _ranked(counter: Counter[str]) -> list[str]:
    return sorted(counter, key=lambda name: (-counter[name], name))
