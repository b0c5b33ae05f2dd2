"""Tables of posteriors (`pipeline.core.posteriors`): each model at a glance, or what every model says of one clip."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from pipeline.cli.inspect.rows import Row, Table
from pipeline.core.errors import ArtifactError
from pipeline.runner.terminal import count, pairs, table

KEYS = ("model", "fold", "clip_id", "speaker", "emotion", "predicted")


@dataclass
class _Tally:
    """Running figures of one model on one part."""

    clips: Counter[str] = field(default_factory=Counter)
    right: Counter[str] = field(default_factory=Counter)
    confidence: float = 0.0

    def add(self, row: Row, confidence: float) -> None:
        """Take a row."""
        self.clips[row["emotion"]] += 1
        self.right[row["emotion"]] += row["predicted"] == row["emotion"]
        self.confidence += confidence

    def cells(self) -> list[str]:
        """Return clips, accuracy, unweighted average recall over the emotions that occur, and mean confidence."""
        number = self.clips.total()
        uar = sum(self.right[name] / self.clips[name] for name in self.clips) / len(self.clips)
        return [
            str(number),
            *(f"{value:.3f}" for value in (self.right.total() / number, uar, self.confidence / number)),
        ]


def describe(rows: Table) -> list[str]:
    """Return clips, accuracy, UAR and mean confidence (the posterior of what was decided) of each model on each part."""
    classes = _classes(rows)
    tallies: dict[tuple[str, str], _Tally] = {}
    folds, clips = set(), set()
    for row in rows:
        posteriors = _posteriors(rows, row, classes)
        tallies.setdefault((row["model"], row.get("part", "")), _Tally()).add(row, max(posteriors))
        folds.add(row["fold"])
        clips.add(row["clip_id"])
    parts = any(part for _, part in tallies)
    lines = [[model, *([part] if parts else []), *tally.cells()] for (model, part), tally in tallies.items()]
    header = ["model", *(["part"] if parts else []), "clips", "accuracy", "UAR", "confidence"]
    about = [
        ("clips", f"{len(clips)} in {count(len(folds), 'fold')}"),
        ("emotions", ", ".join(classes)),
        ("chance", f"{1 / len(classes):.3f}"),
        ("models", len({model for model, _ in tallies})),
    ]
    return [*pairs(about), "", *table(header, lines, (0, 1) if parts else (0,))]


def of_clip(rows: Table, clip_id: str) -> list[str]:
    """Return one clip's posteriors by model.

    Raises:
        ArtifactError: no row of that clip
    """
    classes = _classes(rows)
    chosen = [row for row in rows if row["clip_id"] == clip_id]
    if not chosen:
        raise ArtifactError(f"{rows.path}: no clip '{clip_id}'; it may have been lost before: see ledger.csv beside it")
    lines = []
    for row in chosen:
        posteriors = _posteriors(rows, row, classes)
        where = "/".join(filter(None, (row["fold"], row.get("part", ""))))
        right = "" if row["predicted"] == row["emotion"] else "wrong"
        lines.append([row["model"], where, row["predicted"], right, *(f"{value:.2f}" for value in posteriors)])
    right_in = sum(row["predicted"] == row["emotion"] for row in chosen)
    about = [
        ("speaker", chosen[0]["speaker"]),
        ("emotion", chosen[0]["emotion"]),
        ("right in", f"{right_in} of {count(len(chosen), 'row')}"),
    ]
    return [*pairs(about), "", *table(["model", "fold", "predicted", "", *classes], lines, range(4))]


def _classes(rows: Table) -> list[str]:
    names = [name[2:] for name in rows.columns if name.startswith("p_")]
    if not names:
        raise ArtifactError(f"{rows.path}: no column p_<emotion>; rerun its stage with `dvc repro -f`")
    return names


def _posteriors(rows: Table, row: Row, classes: list[str]) -> list[float]:
    return [rows.number(row, f"p_{name}") for name in classes]
