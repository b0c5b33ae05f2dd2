"""Tables of the stages, recognised by their columns: manifest, splits, ledger, posteriors; any other in general."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

from pipeline.cli.inspect import ledgers, predictions
from pipeline.cli.inspect.csv_table import CsvTable, Row, opened
from pipeline.cli.layout import Part, pairs, table
from pipeline.core.errors import ArtifactError
from pipeline.core.ledger import Entry
from pipeline.runner.terminal import emotions_of, figure, short

_FIRST = 5
_KNOWN = 1000
"""Beyond so many different values they are no longer counted."""
_WORTH_NAMING = 12
_ALL_SPEAKERS, _SPEAKERS = 40, 20
_PARTS = ("train", "val", "test")


def describe(path: Path, clip_id: str = "") -> list[Part]:
    """Return what a table holds, or the rows of one clip.

    Raises:
        ArtifactError: not a table, cut off, or no row of that clip in it
    """
    if path.stat().st_size < _FIRST and not path.read_bytes().strip():  # such as the history of what was not trained
        return [f"{path}", pairs([("kind", "table"), ("rows", "none, and no columns")])]
    with opened(path) as rows:
        kind, tell = _recognised(rows, path)
        if clip_id:
            told = predictions.of_clip(rows, clip_id) if kind == "posteriors" else _of_clip(rows, clip_id)
            return [f"{path}: {clip_id}", "", *told]
        return [f"{path}", pairs([("kind", kind)]), *tell(rows)]


def _recognised(rows: CsvTable, path: Path) -> tuple[str, Callable[[CsvTable], list[Part]]]:
    columns = set(rows.columns)
    kinds: list[tuple[str, set[str], Callable[[CsvTable], list[Part]]]] = [
        ("posteriors", set(predictions.KEYS), predictions.describe),
        ("ledger", {field.name for field in fields(Entry)}, ledgers.describe),
        ("manifest", {"clip_id", "path", "speaker", "emotion"}, _manifest),
        ("splits", {"fold", "clip_id", "part"}, _splits),
    ]
    for kind, needed, tell in kinds:
        if needed <= columns and (kind != "splits" or len(columns) == len(needed)):
            return kind, tell
    if path.suffix.lower() not in (".csv", ".tsv"):
        raise ArtifactError(f"{path}: no feature file, table, JSON or model of this pipeline; name one of those")
    return "table", _general


def _of_clip(rows: CsvTable, clip_id: str) -> list[Part]:
    if "clip_id" not in rows.columns:
        raise ArtifactError(f"{rows.path}: no column clip_id; leave --clip out")
    chosen = [list(row.values()) for row in rows if row["clip_id"] == clip_id]
    if not chosen:
        raise ArtifactError(f"{rows.path}: no clip '{clip_id}'; leave --clip out to see which there are")
    if len(chosen) == 1:
        return [pairs(zip(rows.columns, chosen[0], strict=True))]
    return [table(rows.columns, chosen, range(len(rows.columns)))]


def _manifest(rows: CsvTable) -> list[Part]:
    """Tell clips by emotion and speaker, and what is not as it should be."""
    by: Counter[tuple[str, str]] = Counter()
    ids: Counter[str] = Counter()
    counts = {name: Counter[str]() for name in ("gender", "split", "corpus") if name in rows.columns}
    filled: Counter[str] = Counter()
    for row in rows:
        by[row["speaker"], row["emotion"]] += 1
        ids[row["clip_id"]] += 1
        for name, counter in counts.items():
            counter[row[name] or "-"] += 1
        filled["digest"] += bool(row.get("digest"))
        filled["spans"] += bool(row.get("start") or row.get("end"))
        filled["source"] += bool(row.get("source"))
    clips, twice = by.total(), sum(number > 1 for number in ids.values())
    about = [("clips", f"{clips}" + (f", {twice} ids more than once" if twice else ""))]
    if "digest" in rows.columns:
        about.append(("files", f"{filled['digest']} with a SHA-256, {clips - filled['digest']} absent"))
    about += [(name, _counted(counter)) for name, counter in counts.items() if set(counter) - {"-"}]
    about += [(name, f"{filled[name]} clips") for name in ("spans", "source") if filled[name]]
    return [pairs(about), "", *_by_speaker(by)]


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
    lines = [[fold, *(by[fold, part] for part in parts)] for fold in sorted({fold for fold, _ in by})]
    return [pairs([("clips", len(tested)), ("tested", often or "none")]), "", table(["fold", *parts], lines)]


def _general(rows: CsvTable) -> list[Part]:
    """Tell each column's range, and the first rows."""
    columns = {name: _Column() for name in rows.columns}
    first: list[Row] = []
    number = 0
    for number, row in enumerate(rows, 1):
        first += [row] * (number <= _FIRST)
        for name, column in columns.items():
            column.add(row[name])
    held = table(["column", "holds"], [[name, column.words()] for name, column in columns.items()], (0, 1))
    shown = rows.columns[:_WORTH_NAMING]
    more = len(rows.columns) - len(shown)
    title = f"first {len(first)} rows" + (f", without the last {more} columns" if more else "")
    cells = table(shown, [[short(row[name], 24) for name in shown] for row in first], range(len(shown)))
    return [pairs([("rows", number), ("columns", len(columns))]), "", held, "", title, "", cells]


class _Column:
    """What one column holds, value by value."""

    def __init__(self) -> None:
        self.filled = self.empty = 0
        self.low, self.high, self.sum, self.numeric = float("inf"), float("-inf"), 0.0, True
        self.values: Counter[str] = Counter()

    def add(self, value: str) -> None:
        """Take a field."""
        if not value:
            self.empty += 1
            return
        self.filled += 1
        try:
            number = float(value)
            self.low, self.high, self.sum = min(self.low, number), max(self.high, number), self.sum + number
        except ValueError:
            self.numeric = False
        if len(self.values) <= _KNOWN or value in self.values:
            self.values[value] += 1

    def words(self) -> str:
        """Return range and mean of numbers, and how many different texts there are."""
        if not self.filled:
            return "nothing"
        if self.numeric:
            said = f"{figure(self.low)} to {figure(self.high)}, mean {figure(self.sum / self.filled)}"
        elif len(self.values) > _KNOWN:
            said = f"more than {_KNOWN} different texts"
        else:
            said = f"{len(self.values)} different: {_counted(self.values, 3)}"
        return said + (f"; {self.empty} empty" if self.empty else "")


def _counted(counter: Counter[str], most: int = _WORTH_NAMING) -> str:
    words = ", ".join(f"{short(name, 24)} {counter[name]}" for name in _ranked(counter)[:most])
    return words + (", ..." if len(counter) > most else "")


def _ranked(counter: Counter[str]) -> list[str]:
    return sorted(counter, key=lambda name: (-counter[name], name))
