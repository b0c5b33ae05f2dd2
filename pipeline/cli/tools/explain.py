"""One clip's whole way through the stages: what was reused or computed and why, what came out, what was predicted."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline.core.clip import Clip, read_manifest
from pipeline.core.errors import ArtifactError, did_you_mean
from pipeline.core.ledger import Entry, read_ledger
from pipeline.core.store import FeatureFile
from pipeline.engine.clip_cache import ClipCache
from pipeline.engine.journal import Journal, journal_path, read_journal
from pipeline.protocols.splits import read_splits


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
    clips = {clip.clip_id: clip for clip in read_manifest(places.features / "manifest.csv")}
    if clip_id not in clips:
        raise ArtifactError(
            f"{places.features / 'manifest.csv'}: no clip '{clip_id}'{did_you_mean(clip_id, clips) if len(clips) < 5000 else ''}"
        )
    steps = _steps(clip_id, places)
    lines = [f"{clip_id} of {corpus}", *_about(clips[clip_id], places)]
    if stage:
        return "\n".join([*lines, "", *_details(_chosen(steps, stage), clip_id, places.cache)])
    return "\n".join([*lines, "", *_walk(steps, clip_id), "", *_predictions(clips[clip_id], places.reports)])


def _about(clip: Clip, places: Places) -> list[str]:
    file = places.root / clip.path
    state = f"{file.stat().st_size / 1e6:.2f} MB" if file.is_file() else "not there"
    span = (
        f", from {clip.start or 0:g} s to {'its end' if clip.end is None else f'{clip.end:g} s'}"
        if (clip.start, clip.end) != (None, None)
        else ""
    )
    folds = ", ".join(
        f"{name} {fold[clip.clip_id]}"
        for name, fold in read_splits(places.features / "splits.csv").items()
        if clip.clip_id in fold
    )
    return [
        f"  file     {file} ({state}{span})",
        f"  SHA-256  {clip.digest or 'none: it could not be read'}",
        f"  speaker  {clip.speaker}, emotion {clip.emotion}",
        f"  folds    {folds or 'none'}",
    ]


def _steps(clip_id: str, places: Places) -> list[_Step]:
    """Return a step per ledger, those first that rest on fewest others."""
    steps = []
    for path in places.features.glob("*.ledger.csv"):
        entries = read_ledger(path)
        name = path.name.removesuffix(".ledger.csv")
        file = path.with_name(f"{name}.h5")
        own = [entry for entry in entries if entry.clip_id == clip_id]
        stages = {entry.stage for entry in entries}
        # a ledger repeats those of the stages before; its own stage is the one that no shorter ledger has
        steps += [
            _Step(entry, file, len(stages), read_journal(journal_path(places.cache, file)))
            for entry in own
            if _is_own(entry.stage, name)
        ]
    return sorted(steps, key=lambda step: (step.depth, step.entry.stage))


def _is_own(stage: str, name: str) -> bool:
    return stage.rpartition(":")[2] == name or stage == {"faces": "track_faces", "aligned": "align_faces"}.get(name)


def _walk(steps: list[_Step], clip_id: str) -> list[str]:
    width = max([len(step.entry.stage) for step in steps] + [5])
    lines = [f"  {'stage':<{width}}  {'status':<9} {'cache':<9} {'result':<34} why"]
    for step in steps:
        how, why = step.how
        entry = step.entry
        result = (
            _result(step.file, clip_id)
            if not entry.lost
            else entry.reason + (f": {entry.detail}" if entry.detail else "")
        )
        note = f" [{entry.reason}{': ' + entry.detail if entry.detail else ''}]" if entry.status == "degraded" else ""
        lines.append(f"  {entry.stage:<{width}}  {entry.status:<9} {how:<9} {_cut(result, 34):<34} {why}{note}")
    return lines


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 3]}..."


def _result(path: Path, clip_id: str) -> str:
    """Return the shape of what a feature file holds of the clip."""
    if not path.is_file():
        return "-"
    try:
        with FeatureFile(path) as file:
            return _shape(file, clip_id)
    except ArtifactError:
        return "of another version, or damaged"


def _shape(file: FeatureFile, clip_id: str) -> str:
    folds = file.folds
    key = f"{folds[0]}/{clip_id}" if folds else clip_id
    if not file.holds(key):
        return "not in the file: run `dvc repro`"
    _, mask = file.frames(key)
    words = f"{len(mask)} x {file.meta.dimension}, observed {mask.mean():.0%}"
    return f"{words}, in {len(folds)} folds" if folds else words


def _chosen(steps: list[_Step], stage: str) -> _Step:
    names = {name: step for step in steps for name in (step.entry.stage, step.file.stem)}
    if stage not in names:
        raise ArtifactError(f"no stage '{stage}' in this clip's ledgers{did_you_mean(stage, names)}")
    return names[stage]


def _details(step: _Step, clip_id: str, cache: Path) -> list[str]:
    entry, (how, why) = step.entry, step.how
    lines = [
        f"  {entry.stage}: {entry.status}"
        + (f", {entry.reason}" if entry.reason else "")
        + (f" ({entry.detail})" if entry.detail else ""),
        f"    file    {step.file}: {_result(step.file, clip_id)}" if step.file.is_file() else "    file    none",
        f"    cache   {how}: {why}",
    ]
    row = step.journal.rows.get(clip_id) if step.journal else None
    if step.journal is None or row is None:
        return lines
    path = ClipCache(cache).path(row.key)
    kept = f"{path} ({path.stat().st_size:,} bytes)" if path.is_file() else "no longer there: pruned or deleted"
    lines += [f"    key     {row.key}, SHA-256 of:", f"      input = {row.input}"]
    lines += [f"      {name} = {value}" for name, value in step.journal.common.items()]
    return [*lines, f"    entry   {kept}"]


def _predictions(clip: Clip, reports: Path) -> list[str]:
    found = [
        (path.parent.name, row)
        for path in sorted(reports.glob("*/predictions.csv"))
        for row in _rows(path, clip.clip_id)
    ]
    if not found:
        return ["  no predictions: not tested in any fold, or no report yet (`dvc repro report`)"]
    width = max(len(row["model"]) for _, row in found)
    lines = [f"  {'system':<12} {'model':<{width}}  {'predicted':<10} {'p':>5}  (true: {clip.emotion})"]
    for system, row in found:
        wrong = "" if row["predicted"] == clip.emotion else "  wrong"
        lines.append(
            f"  {system:<12} {row['model']:<{width}}  {row['predicted']:<10} {float(row['p_' + row['predicted']]):>5.2f}{wrong}"
        )
    right = sum(row["predicted"] == clip.emotion for _, row in found)
    return [*lines, f"  right in {right} of {len(found)} models"]


def _rows(path: Path, clip_id: str) -> list[Mapping[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return [row for row in csv.DictReader(file) if row["clip_id"] == clip_id]
