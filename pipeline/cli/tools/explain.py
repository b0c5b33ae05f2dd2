"""Walk-through of one clip: what was reused or computed and why, what came out, what was predicted."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import NamedTuple

from pipeline.cli.inspect.clip_media import clip_of
from pipeline.core.clip import Clip
from pipeline.core.errors import ArtifactError, SettingsError, did_you_mean
from pipeline.core.ledger import Entry, read_ledger
from pipeline.core.store import FeatureFile
from pipeline.engine.clip_cache import ClipCache
from pipeline.engine.journal import Journal, Row, journal_path, read_journal
from pipeline.protocols.splits import read_splits
from pipeline.runner.layout import WHOLE, Part, pairs, table, text_of
from pipeline.runner.terminal import count, short

NO_FOLDS = "none: the corpus has protocol.name: none"


class Places(NamedTuple):
    """Folders of a corpus's media, features and reports, and the clip cache."""

    root: Path
    features: Path
    reports: Path
    cache: Path


class _Step(NamedTuple):
    """One stage that wrote a ledger, the clip's entry in it and its row of the journal."""

    entry: Entry
    file: Path
    depth: int
    journal: Journal | None
    row: Row | None

    @property
    def how(self) -> tuple[str, str]:
        """(reused, computed or -, why)."""
        if self.row is not None:
            return self.row.how, self.row.why
        if self.entry.detail.startswith("after "):
            return "-", f"not tried {self.entry.detail}"
        return "-", "made for the corpus as a whole, or taken from DVC's cache"


def explain(corpus: str, clip_id: str, places: Places, stage: str = "") -> str:
    """Return the clip's walk as text: all stages, a line each, or everything about one (or about its file)."""
    clip = clip_of(clip_id, places.features)
    steps = _steps(clip_id, places)
    parts: list[Part] = [f"{clip_id} of {corpus}", _about(clip, places), ""]
    if stage:
        named = {name: step for step in steps for name in (step.entry.stage, step.file.stem)}
        if stage not in named:
            raise ArtifactError(f"no stage '{stage}' in this clip's ledgers{did_you_mean(stage, named)}")
        return text_of([*parts, *_details(named[stage], clip_id, places.cache)])
    return text_of([*parts, _walk(steps, clip_id), "", *_predictions(clip, places)])


def said_of(entry: Entry) -> str:
    """Return status, reason and detail of a ledger's entry."""
    return f"{entry.status}{f', {why_of(entry)}' if entry.reason or entry.detail else ''}"


def why_of(entry: Entry) -> str:
    """Return reason and detail of a ledger's entry."""
    return ": ".join(filter(None, (entry.reason, entry.detail)))


def _about(clip: Clip, places: Places) -> Part:
    file = clip.file(places.root)
    state = f"{file.stat().st_size / 1e6:.2f} MB" if file.is_file() else "not there"
    if (clip.start, clip.end) != (None, None):
        state += f", from {clip.start or 0:g} s to {'its end' if clip.end is None else f'{clip.end:g} s'}"
    folds = _folds(clip.clip_id, places.features / "splits.csv")
    rows = [("file", f"{file} ({state})"), ("SHA-256", clip.digest or "none: it could not be read")]
    return pairs([*rows, ("speaker", f"{clip.speaker}, emotion {clip.emotion}"), ("folds", folds)])


def _folds(clip_id: str, splits: Path) -> str:
    """Return which part the clip has in each fold, or why in none."""
    if not splits.is_file():
        return f"not known yet: no {splits}; run `dvc repro prepare`"
    try:
        folds = read_splits(splits).items()
    except SettingsError:
        return NO_FOLDS
    found = ", ".join(f"{name} {fold[clip_id]}" for name, fold in folds if clip_id in fold)
    return found or "none: the protocol takes this clip into no fold"


def _steps(clip_id: str, places: Places) -> list[_Step]:
    """Return a step per ledger, those first that rest on fewest others."""
    steps = []
    for path in places.features.glob("*.ledger.csv"):
        entries, name = read_ledger(path), path.name.removesuffix(".ledger.csv")
        file, depth = path.with_name(f"{name}.h5"), len({entry.stage for entry in entries})
        # a ledger repeats those of the stages before; its own stage is the one that no shorter ledger has
        stage = {"faces": "track_faces", "aligned": "align_faces"}.get(name, name)
        for entry in entries:
            if entry.clip_id == clip_id and entry.stage.rpartition(":")[2] == stage:
                journal = read_journal(journal_path(places.cache, file))
                steps.append(_Step(entry, file, depth, journal, journal.rows.get(clip_id) if journal else None))
    return sorted(steps, key=lambda step: (step.depth, step.entry.stage))


def _walk(steps: list[_Step], clip_id: str) -> Part:
    rows = []
    for step in steps:
        (how, why), entry = step.how, step.entry
        result = short(why_of(entry) if entry.lost else _result(step.file, clip_id), 34)
        why += f" [{why_of(entry)}]" if entry.status == "degraded" else ""
        rows.append([entry.stage, entry.status, how, result, why])
    return table(["stage", "status", "cache", "result", "why"], rows, range(5), WHOLE)


def _result(path: Path, clip_id: str) -> str:
    """Return the shape of what a feature file holds of the clip."""
    if not path.is_file():
        return "-"
    try:
        with FeatureFile(path) as file:
            folds = file.folds
            key = f"{folds[0]}/{clip_id}" if folds else clip_id
            if not file.holds(key):
                return "not in the file: run `dvc repro`"
            mask, width = file.frames(key)[1], file.meta.dimension
    except ArtifactError:
        return "of another version, or damaged"
    return f"{len(mask)} x {width}, observed {mask.mean():.0%}{f', in {len(folds)} folds' if folds else ''}"


def _details(step: _Step, clip_id: str, cache: Path) -> list[Part]:
    there = f"{step.file}: {_result(step.file, clip_id)}" if step.file.is_file() else "none"
    rows = [("stage", f"{step.entry.stage}: {said_of(step.entry)}"), ("file", there), ("cache", ": ".join(step.how))]
    if step.journal is None or step.row is None:
        return [pairs(rows)]
    path = ClipCache(cache).path(step.row.key)
    kept = f"{path} ({path.stat().st_size:,} bytes)" if path.is_file() else "no longer there: pruned or deleted"
    made_of = [f"      {name} = {value}" for name, value in {"input": step.row.input, **step.journal.common}.items()]
    return [pairs([*rows, ("entry", kept), ("key", f"{step.row.key}, SHA-256 of:")]), *made_of]


def _predictions(clip: Clip, places: Places) -> list[Part]:
    if _folds(clip.clip_id, places.features / "splits.csv") == NO_FOLDS:
        return ["no predictions: the corpus has no folds, so nothing is trained on it"]
    rows, right, reports = [], 0, places.reports
    for path in sorted(reports.glob("*/predictions.csv")):
        with path.open(newline="", encoding="utf-8") as file:
            for row in (row for row in csv.DictReader(file) if row["clip_id"] == clip.clip_id):
                if not (guess := row["predicted"]):
                    rows.append([path.parent.name, row["model"], "-", "-", "judged in none of its parts"])
                    continue
                wrong = guess != clip.emotion
                right += not wrong
                rows.append([path.parent.name, row["model"], guess, f"{float(row[f'p_{guess}']):.2f}", "wrong" * wrong])
    if not rows:
        return ["no predictions: not tested in any fold, or no report yet (`dvc repro report`)"]
    judged = sum(row[2] != "-" for row in rows)
    found = table(["system", "model", "predicted", "p", f"(true: {clip.emotion})"], rows, (0, 1, 2, 4))
    return [found, f"right in {right} of {count(judged, 'decision')} of models and fusions"]
