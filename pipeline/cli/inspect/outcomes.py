"""Tables of what became of clips and models: ledgers, posteriors (`pipeline.core.posteriors`), training's history."""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path

from pipeline.cli.inspect.csv_table import CsvTable, Row, opened
from pipeline.core.decimals import decimal
from pipeline.core.errors import ArtifactError
from pipeline.core.ledger import STATUSES
from pipeline.runner.layout import Part, pairs, shown, table
from pipeline.runner.terminal import count, short

KEYS = ("model", "fold", "clip_id", "speaker", "emotion", "predicted")
"""Columns that every table of posteriors has."""
_STAGES, _CLIPS = 30, 20
_WORST_FIRST = ("failed", "absent", "degraded")
_FIGURES = ("val_accuracy", "held_out_accuracy")
_STEPS = ("epoch", "iteration", "c")
_MOST = 40


def ledger(rows: CsvTable) -> list[Part]:
    """Tell what happened by stage, status and reason, then the clips that lost something, worst first."""
    by: dict[str, Counter[tuple[str, str]]] = defaultdict(Counter)  # stage -> status and reason
    losses: dict[str, list[Row]] = defaultdict(list)
    clips = set()
    for row in rows:
        by[row["stage"]][row["status"], row["reason"]] += 1
        clips.add(row["clip_id"])
        if row["status"] != "ok":
            losses[row["clip_id"]].append(row)
    about = [("clips", f"{len(clips)}, {len(clips) - len(losses)} of them ok in every stage"), ("stages", len(by))]
    return [pairs(about), "", _by_stage(by), "", *_by_clip(losses)]


def _by_stage(by: dict[str, Counter[tuple[str, str]]]) -> Part:
    """Return a row per stage; where there are many, stages of one kind that ended alike share a row."""
    there = {status for ended in by.values() for status, _ in ended}
    names = [name for name in STATUSES if name in there] + sorted(there - set(STATUSES))  # a ledger of another version
    groups: dict[tuple[str, str], list[str]] = defaultdict(list)
    for stage in sorted(by):
        alike = (stage.split(":")[0], str(sorted(by[stage].items()))) if len(by) > _STAGES else (stage, "")
        groups[alike].append(stage)
    lines = []
    for (kind, _), stages in groups.items():
        ended = sorted(by[stages[0]].items())
        counts = [sum(number for (status, _), number in ended if status == name) or "." for name in names]
        reasons = ", ".join(f"{reason} {number}" for (_, reason), number in ended if reason)
        label = stages[0] if len(stages) == 1 else f"{kind}: {len(stages)} stages, each"
        lines.append([label, *counts, reasons])
    return table(["stage", *names, "reasons"], lines, (0, len(names) + 1))


def _by_clip(losses: dict[str, list[Row]]) -> list[Part]:
    if not losses:
        return ["no clip lost anything"]
    counts = {clip_id: Counter(loss["status"] for loss in lost) for clip_id, lost in losses.items()}
    worst = sorted(losses, key=lambda clip_id: (*(-counts[clip_id][name] for name in _WORST_FIRST), clip_id))
    lines = []
    for clip_id in worst[:_CLIPS]:
        lost = losses[clip_id]
        # the first loss that no earlier stage explains
        first = next((loss for loss in lost if not loss["detail"].startswith("after ")), lost[0])
        ended = ", ".join(f"{counts[clip_id][name]} {name}" for name in _WORST_FIRST if counts[clip_id][name])
        why = ": ".join(filter(None, (first["reason"] or first["status"], first["detail"])))
        lines.append([short(clip_id, 40), ended, first["stage"], why])
    found = table(["clip", "stages", "first in", "why"], lines, range(4))
    title = f"{count(len(worst), 'clip')} that lost something, worst first"
    return [title, "", *shown([found], len(worst), _CLIPS, f"more; one of them: --clip {worst[-1]}")]


def posteriors(rows: CsvTable) -> list[Part]:
    """Tell accuracy, UAR over the emotions that occur and mean confidence (the largest posterior) by model and part."""
    classes = _classes(rows)
    clips: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)  # model, part -> clips of each emotion
    right: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    confidence: dict[tuple[str, str], float] = defaultdict(float)
    folds, ids = set(), set()
    for row in rows:
        key = row["model"], row.get("part", "")
        clips[key][row["emotion"]] += 1
        right[key][row["emotion"]] += row["predicted"] == row["emotion"]
        confidence[key] += max(_posteriors(rows, row, classes))
        folds.add(row["fold"])
        ids.add(row["clip_id"])
    parts = any(part for _, part in clips)
    lines = []
    for (model, part), by in clips.items():
        number, hits = by.total(), right[model, part]
        uar = sum(hits[name] / by[name] for name in by) / len(by)
        figures = (hits.total() / number, uar, confidence[model, part] / number)
        lines.append([model, *([part] if parts else []), number, *(decimal(value) for value in figures)])
    about = [("clips", f"{len(ids)} in {count(len(folds), 'fold')}"), ("emotions", ", ".join(classes))]
    about += [("chance", decimal(1 / len(classes))), ("models", str(len({model for model, _ in clips})))]
    header = ["model", *(["part"] if parts else []), "clips", "accuracy", "UAR", "confidence"]
    return [pairs(about), "", table(header, lines, range(1 + parts))]


def posteriors_of_clip(rows: CsvTable, clip_id: str) -> list[Part]:
    """Tell what every model says of one clip, or that it has no row."""
    classes, lines, right, row = _classes(rows), [], 0, Row()
    for row in (row for row in rows if row["clip_id"] == clip_id):
        where = "/".join(filter(None, (row["fold"], row.get("part", ""))))
        wrong = row["predicted"] != row["emotion"]
        right += not wrong
        values = [f"{value:.2f}" for value in _posteriors(rows, row, classes)]
        lines.append([row["model"], where, row["predicted"], "wrong" * wrong, *values])
    if not lines:
        raise ArtifactError(f"{rows.path}: no clip '{clip_id}'; it may have been lost before: see ledger.csv beside it")
    said = f"{right} of {count(len(lines), 'row')}"
    about = pairs([("speaker", row["speaker"]), ("emotion", row["emotion"]), ("right in", said)])
    return [about, "", table(["model", "fold", "predicted", "", *classes], lines, range(4))]


def _classes(rows: CsvTable) -> list[str]:
    names = [name[2:] for name in rows.columns if name.startswith("p_")]
    if not names:
        raise ArtifactError(f"{rows.path}: no column p_<emotion>; rerun its stage with `dvc repro -f`")
    return names


def _posteriors(rows: CsvTable, row: Row, classes: list[str]) -> list[float]:
    return [rows.number(row, f"p_{name}") for name in classes]


def history(path: Path) -> list[Part]:
    """Tell columns and rows of `history.csv`, and for each fold and setting its steps and the first of the best."""
    if not path.read_bytes().strip():
        return ["nothing was trained"]
    with opened(path) as rows:
        columns = rows.columns
        figure, step = (next((name for name in names if name in columns), "") for names in (_FIGURES, _STEPS))
        # a setting that is tried stands before the epochs; one after them, such as a falling learning rate, is a figure
        # of the epoch
        keys = columns[: columns.index(step)] if step else [name for name in columns if name == "fold"]
        steps: Counter[tuple[str, ...]] = Counter()
        best: dict[tuple[str, ...], tuple[float, str]] = {}
        for row in rows:
            key = tuple(row[name] for name in keys)
            steps[key] += 1
            if figure and row[figure] and (key not in best or rows.number(row, figure) > best[key][0]):
                best[key] = rows.number(row, figure), f"{step} {row[step]}" if step else ""
    about = pairs([("columns", ", ".join(columns)), ("rows", steps.total())])
    if not figure or not 0 < len(steps) <= _MOST:
        return [about]
    at = {key: (f"{value:.4f}", where) for key, (value, where) in best.items()}
    told = [[*key, number, *at.get(key, ("-", ""))] for key, number in steps.items()]
    return [about, "", table([*keys, "steps", f"best {figure}", "at"], told, (*range(len(keys)), len(keys) + 2))]
