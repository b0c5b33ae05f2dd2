"""What a prediction leaves behind: tables, posteriors over time with pictures, and the lines of the terminal."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import shorten
from typing import Any

import numpy as np
import pandas as pd

from pipeline.core.decimals import decimal
from pipeline.core.files import file_digest, write_json
from pipeline.core.ledger import Entry, write_ledger
from pipeline.core.posteriors import write_table
from pipeline.prediction.choice import Choice
from pipeline.prediction.clips import Found
from pipeline.prediction.course import decision
from pipeline.prediction.judging import Outcome
from pipeline.prediction.ledgers import STAGE, words
from pipeline.runner.layout import table, text_of
from pipeline.systems.params import MODALITIES

_NAMED = 5
"""As many skipped files are named in the terminal; all are in about.json."""
_WIDEST, _LONGEST, _LINE = 60, 110, 1000


@dataclass(frozen=True)
class Prediction:
    """A finished prediction."""

    corpus: str  # whose models
    system: str
    choice: Choice
    folds: Sequence[str]  # whose systems were asked
    left: str  # why not all folds were, or ""
    found: Found
    outcome: Outcome
    ledger: Sequence[Entry]  # of all stages
    remarks: Mapping[str, str]  # clip id -> what else to know of it
    window_s: float  # length of a window, s
    notices: Sequence[str]  # what a reader must know before any figure

    @property
    def judged(self) -> int:
        """How many clips could be judged."""
        return int((~np.isnan(self.outcome.posteriors[self.choice.name]).any(axis=1)).sum())


def predictions(made: Prediction) -> pd.DataFrame:
    """Return a row per clip and model or fusion, what decides first: clip, file, model, kind, status, ..., p_..."""
    choice, classes = made.choice, made.choice.classes
    fused = {fusion.name for fusion in choice.fusions}
    status = {(entry.clip_id, entry.stage): entry for entry in made.ledger}
    rows = []
    for number, clip in enumerate(made.found.clips):
        for name in reversed(choice.names):
            posteriors, entry = made.outcome.posteriors[name][number], status[clip.clip_id, f"{STAGE}:{name}"]
            known = {"clip": clip.clip_id, "file": clip.path, "model": name}
            known |= {"kind": "fused" if name in fused else "model", "status": entry.status, "reason": entry.reason}
            found = {f"p_{emotion}": p for emotion, p in zip(classes, posteriors, strict=True)}
            rows.append({**known, "folds": len(made.folds), "predicted": decision(posteriors, classes), **found})
    return pd.DataFrame(rows)


def write(made: Prediction, out: Path, pictures: bool) -> None:
    """Write `predictions.csv`, `ledger.csv`, `about.json`; of each judged clip `posteriors/<clip>.csv`, perhaps `.png`.
    What an earlier prediction left in the folder is replaced.
    """
    if (out / "about.json").is_file():
        shutil.rmtree(out / "posteriors", ignore_errors=True)
    write_table(out / "predictions.csv", predictions(made))
    write_ledger(out / "ledger.csv", made.ledger)
    classes = made.choice.classes
    for clip, course in zip(made.found.clips, made.outcome.courses, strict=True):
        if not np.isnan(course.posteriors).all():
            write_table(out / "posteriors" / f"{clip.clip_id}.csv", course.table(classes))
            if pictures:
                course.draw(out / "posteriors" / f"{clip.clip_id}.png", classes, clip.clip_id, _window_words(made))
    write_json(out / "about.json", _about(made))


def _window_words(made: Prediction) -> str:
    constant = made.outcome.constant
    return f"windows of {made.window_s:g} s" + (f"; constant: {', '.join(constant)}" if constant else "")


def _about(made: Prediction) -> dict[str, Any]:
    choice, found = made.choice, made.found
    weights = ("feature", "weights", "origin")
    return {
        "corpus": made.corpus,
        "system": made.system,
        "model": choice.name,
        "validation_uar": round(choice.validated, 6),
        "folds": list(made.folds),
        "not_all_folds": made.left,
        "weights": {name: {key: model.about[key] for key in weights} for name, model in choice.models.items()},
        "models": {
            name: {fold: file_digest(model.file(fold)) for fold in made.folds} for name, model in choice.models.items()
        },
        "window_s": made.window_s,
        "constant_over_time": list(made.outcome.constant),
        "clips": {clip.clip_id: {"file": clip.path, "sha256": clip.digest} for clip in found.clips},
        "skipped": list(found.skipped),
        "notices": list(made.notices),
    }


def told(made: Prediction, out: Path) -> str:
    """Return what the terminal shows: what was asked, a table of the clips, what was left out, weights and notices."""
    choice = made.choice
    best = f"the best on validation clips (UAR {decimal(choice.validated)} there)"
    chosen = "as asked for" if choice.asked_for else best
    count = f"mean over {len(made.folds)} folds" if len(made.folds) > 1 else made.folds[0]
    lines = [f"{made.system} on {made.corpus}: {choice.name}, {chosen}; {count}", "", _table(made), ""]
    if made.found.skipped:
        skipped, more = made.found.skipped, len(made.found.skipped) - _NAMED
        lines.append(f"skipped, not judged: {', '.join(skipped[:_NAMED])}{f' and {more} more' if more > 0 else ''}")
    lost = [f"{entry.clip_id}: {entry.reason}: {entry.detail}" for entry in made.found.entries if entry.lost]
    lines += lost[:_NAMED] + [f"and {len(lost) - _NAMED} more, see ledger.csv"] * (len(lost) > _NAMED)
    if choice.untrained:
        lines.append(f"trained in no fold, so not asked: {', '.join(choice.untrained)}")
    if made.left:
        lines.append(f"not all folds: {made.left}")
    lines.append(f"over time: {_window_words(made)}")
    # of each network the beginning of its SHA-256; about.json has all of it
    for feature, about in {model.about["feature"]: model.about for model in choice.models.values()}.items():
        if about["weights"]:
            digests = " ".join(digest[:12] for digest in about["weights"].split())
            lines.append(f"weights of {feature}: {digests}, {shorten(about['origin'], _LONGEST)}")
    lines += [f"notice: {notice}" for notice in made.notices]
    return "\n".join([*lines, f"written to {out}"])


def _table(made: Prediction) -> str:
    choice, found, rows = made.choice, made.outcome.posteriors, []
    best = {MODALITIES[kind]: name for kind, name in choice.best.items() if name != choice.name}  # type: ignore[index]
    for number, clip in enumerate(made.found.clips):
        said, *single = (_said(found[name][number], choice.classes) for name in (choice.name, *best.values()))
        decided, _, sure = said.partition(" ")
        notes = [*words(clip.clip_id, made.ledger), made.remarks.get(clip.clip_id, "")]
        rows.append([clip.clip_id[:_WIDEST], decided, sure, *single, "; ".join(filter(None, notes))])
    header = ["clip", "decision", "p", *best, "notes"]
    return text_of([table(header, rows, range(len(header)), _LINE)])


def _said(posteriors: np.ndarray, classes: Sequence[str]) -> str:
    said = decision(posteriors, classes)
    return f"{said} {posteriors.max():.2f}" if said else "-"
