"""Walk-through of one clip: what was reused or computed and why, what came out, what was predicted."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from pipeline.cli.layout import WHOLE, Part, pairs, table, text_of
from pipeline.core.clip import Clip, read_manifest
from pipeline.core.errors import ArtifactError, did_you_mean
from pipeline.core.ledger import Entry, read_ledger
from pipeline.core.store import FeatureFile
from pipeline.engine.clip_cache import ClipCache
from pipeline.engine.journal import Journal, journal_path, read_journal
from pipeline.protocols.splits import read_splits
from pipeline.runner.terminal import short

_MANY = 5000
"""Beyond so many clips the nearest name is not looked for."""


@dataclass(frozen=True)
class Places:
    """Where to look.

    Attributes:
        root: folder of the corpus's media
        features: folder of the corpus's features
        reports: folder of the corpus's reports
        cache: the clip cache
    """

    root: Path
    features: Path
    reports: Path
    cache: Path


@dataclass(frozen=True)
class _Step:
    """One stage that wrote a ledger, and the clip's entry in it."""

    entry: Entry
    file: Path
    depth: int
    journal: Journal | None

    @property
    def how(self) -> tuple[str, str]:
        """(reused, computed or -, why)."""
        row = self.journal.rows.get(self.entry.clip_id) if self.journal else None
        if row is not None:
            return row.how, row.why
        if self.entry.detail.startswith("after "):
            return "-", f"not tried {self.entry.detail}"
        return "-", "made for the corpus as a whole, or taken from DVC's cache"


def explain(corpus: str, clip_id: str, places: Places, stage: str = "") -> str:
    """Return the clip's walk as text.

    Args:
        corpus: its name
        clip_id: the clip
        places: where to look
        stage: a stage of the walk, or its file's name, to tell everything about; "" = all stages, a line each

    Raises:
        ArtifactError: no such corpus, clip or stage, or a damaged artifact
    """
    clip = clip_of(clip_id, places)
    steps = _steps(clip_id, places)
    parts: list[Part] = [f"{clip_id} of {corpus}", _about(clip, places), ""]
    if stage:
        return text_of([*parts, *_details(_chosen(steps, stage), clip_id, places.cache)])
    return text_of([*parts, _walk(steps, clip_id), "", *_predictions(clip, places.reports)])


def clip_of(clip_id: str, places: Places) -> Clip:
    """Return the manifest's row of a clip.

    Raises:
        ArtifactError: no such clip
    """
    manifest = places.features / "manifest.csv"
    clips = {clip.clip_id: clip for clip in read_manifest(manifest)}
    if clip_id not in clips:
        near = did_you_mean(clip_id, clips) if len(clips) < _MANY else ""
        raise ArtifactError(f"{manifest}: no clip '{clip_id}'{near}")
    return clips[clip_id]


def said_of(entry: Entry) -> str:
    """Return status, reason and detail of a ledger's entry."""
    return f"{entry.status}{f', {_why(entry)}' if entry.reason or entry.detail else ''}"


def _why(entry: Entry) -> str:
    return ": ".join(filter(None, (entry.reason, entry.detail)))


def _about(clip: Clip, places: Places) -> Part:
    file = places.root / clip.path
    state = f"{file.stat().st_size / 1e6:.2f} MB" if file.is_file() else "not there"
    if (clip.start, clip.end) != (None, None):
        state += f", from {clip.start or 0:g} s to {'its end' if clip.end is None else f'{clip.end:g} s'}"
    splits = read_splits(places.features / "splits.csv").items()
    folds = ", ".join(f"{name} {fold[clip.clip_id]}" for name, fold in splits if clip.clip_id in fold)
    rows = [("file", f"{file} ({state})"), ("SHA-256", clip.digest or "none: it could not be read")]
    return pairs([*rows, ("speaker", f"{clip.speaker}, emotion {clip.emotion}"), ("folds", folds or "none")])


def _steps(clip_id: str, places: Places) -> list[_Step]:
    """Return a step per ledger, those first that rest on fewest others."""
    steps = []
    for path in places.features.glob("*.ledger.csv"):
        entries = read_ledger(path)
        name = path.name.removesuffix(".ledger.csv")
        file = path.with_name(f"{name}.h5")
        stages = {entry.stage for entry in entries}
        # a ledger repeats those of the stages before; its own stage is the one that no shorter ledger has
        own = [entry for entry in entries if entry.clip_id == clip_id and _is_own(entry.stage, name)]
        steps += [_Step(entry, file, len(stages), read_journal(journal_path(places.cache, file))) for entry in own]
    return sorted(steps, key=lambda step: (step.depth, step.entry.stage))


def _is_own(stage: str, name: str) -> bool:
    return stage.rpartition(":")[2] == name or stage == {"faces": "track_faces", "aligned": "align_faces"}.get(name)


def _walk(steps: list[_Step], clip_id: str) -> Part:
    rows = []
    for step in steps:
        (how, why), entry = step.how, step.entry
        result = short(_why(entry) if entry.lost else _result(step.file, clip_id), 34)
        rows.append(
            [entry.stage, entry.status, how, result, f"{why} [{_why(entry)}]" if entry.status == "degraded" else why]
        )
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


def _chosen(steps: list[_Step], stage: str) -> _Step:
    names = {name: step for step in steps for name in (step.entry.stage, step.file.stem)}
    if stage not in names:
        raise ArtifactError(f"no stage '{stage}' in this clip's ledgers{did_you_mean(stage, names)}")
    return names[stage]


def _details(step: _Step, clip_id: str, cache: Path) -> list[Part]:
    there = f"{step.file}: {_result(step.file, clip_id)}" if step.file.is_file() else "none"
    rows = [("stage", f"{step.entry.stage}: {said_of(step.entry)}"), ("file", there), ("cache", ": ".join(step.how))]
    row = step.journal.rows.get(clip_id) if step.journal else None
    if step.journal is None or row is None:
        return [pairs(rows)]
    path = ClipCache(cache).path(row.key)
    kept = f"{path} ({path.stat().st_size:,} bytes)" if path.is_file() else "no longer there: pruned or deleted"
    made_of = [f"      {name} = {value}" for name, value in {"input": row.input, **step.journal.common}.items()]
    return [pairs([*rows, ("entry", kept), ("key", f"{row.key}, SHA-256 of:")]), *made_of]


def _predictions(clip: Clip, reports: Path) -> list[Part]:
    rows, right = [], 0
    for path in sorted(reports.glob("*/predictions.csv")):
        with path.open(newline="", encoding="utf-8") as file:
            for row in (row for row in csv.DictReader(file) if row["clip_id"] == clip.clip_id):
                guess = row["predicted"]
                wrong = guess != clip.emotion
                right += not wrong
                rows.append([path.parent.name, row["model"], guess, f"{float(row[f'p_{guess}']):.2f}", "wrong" * wrong])
    if not rows:
        return ["no predictions: not tested in any fold, or no report yet (`dvc repro report`)"]
    found = table(["system", "model", "predicted", "p", f"(true: {clip.emotion})"], rows, (0, 1, 2, 4))
    return [found, f"right in {right} of {len(rows)} models"]
