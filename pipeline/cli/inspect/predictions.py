"""Tables of posteriors (`pipeline.core.posteriors`): each model at a glance, or what every model says of one clip."""

from __future__ import annotations

from collections import Counter, defaultdict

from pipeline.cli.inspect.csv_table import CsvTable, Row
from pipeline.cli.layout import Part, pairs, table
from pipeline.core.errors import ArtifactError
from pipeline.runner.terminal import count

KEYS = ("model", "fold", "clip_id", "speaker", "emotion", "predicted")


def describe(rows: CsvTable) -> list[Part]:
    """Return clips, accuracy, UAR over the emotions that occur and mean confidence of each model on each part.

    Confidence is the posterior of what was decided.
    """
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
        lines.append([model, *([part] if parts else []), number, *(f"{value:.3f}" for value in figures)])
    about = [("clips", f"{len(ids)} in {count(len(folds), 'fold')}"), ("emotions", ", ".join(classes))]
    about += [("chance", f"{1 / len(classes):.3f}"), ("models", str(len({model for model, _ in clips})))]
    header = ["model", *(["part"] if parts else []), "clips", "accuracy", "UAR", "confidence"]
    return [pairs(about), "", table(header, lines, range(1 + parts))]


def of_clip(rows: CsvTable, clip_id: str) -> list[Part]:
    """Return one clip's posteriors by model.

    Raises:
        ArtifactError: no row of that clip
    """
    classes, lines, right, row = _classes(rows), [], 0, Row()
    for row in (row for row in rows if row["clip_id"] == clip_id):
        where = "/".join(filter(None, (row["fold"], row.get("part", ""))))
        wrong = row["predicted"] != row["emotion"]
        right += not wrong
        posteriors = [f"{value:.2f}" for value in _posteriors(rows, row, classes)]
        lines.append([row["model"], where, row["predicted"], "wrong" * wrong, *posteriors])
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
