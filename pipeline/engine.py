"""The engine under every per-clip stage: cache first, then compute, then pack in order.

A `Job` says how one clip is computed and what its result depends on. Workers put results into the clip cache; this
process alone writes the HDF5 file, reading the cache clip by clip, so memory does not grow with the corpus.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from pipeline.core.clip import Clip
from pipeline.core.clipcache import ClipCache
from pipeline.core.errors import ClipError
from pipeline.core.ledger import Entry, check_failures, summary, write_ledger
from pipeline.core.parallel import Steps, ordered_map, progress
from pipeline.core.settings import Runtime
from pipeline.core.store import ClipFeatures, FeatureMeta
from pipeline.core.store_writer import write_features


class Job(Protocol):
    """How to compute one clip; travels to worker processes, so it builds heavy things when first called."""

    @property
    def stage(self) -> str:
        """Name for the ledger, such as `extract:lld147`."""

    def key(self, clip: Clip) -> str:
        """Return the cache key; covers the clip's input, the code, the settings and the weights."""

    def load(self, clip: Clip) -> Any:
        """Return the clip's input, ready for `compute`, or None where `compute` reads it bit by bit.

        Runs beside the computing of the clip before, in a thread. Raises `ClipError` for bad input.
        """

    def compute(self, clip: Clip, loaded: Any) -> tuple[ClipFeatures, list[str]]:
        """Return (arrays, reasons why the result is degraded); raises `ClipError` for bad input."""


@dataclass(frozen=True)
class _Begun:
    key: str
    kept: tuple[ClipFeatures | ClipError, list[str]] | None = None
    loaded: Any = None
    error: Exception | None = None


@dataclass(frozen=True)
class _Outcome:
    key: str
    entry: Entry
    reused: bool


@dataclass(frozen=True)
class _Work:
    """What is done for one clip, in two steps; see `Steps`."""

    job: Job
    cache: ClipCache

    def begin(self, clip: Clip) -> _Begun:
        key = ""
        try:
            key = self.job.key(clip)
            kept = self.cache.get(key)
            return _Begun(key, kept) if kept is not None else _Begun(key, loaded=self.job.load(clip))
        except Exception as error:  # noqa: BLE001  raised again by `finish`, when it is this clip's turn
            return _Begun(key, error=error)

    def finish(self, clip: Clip, begun: _Begun) -> _Outcome:
        if begun.kept is not None:
            return _Outcome(begun.key, _entry(clip, self.job.stage, *begun.kept), True)
        result, notes = self._attempt(clip, begun)
        self.cache.put(begun.key, result, notes)
        return _Outcome(begun.key, _entry(clip, self.job.stage, result, notes), False)

    def _attempt(self, clip: Clip, begun: _Begun) -> tuple[ClipFeatures | ClipError, list[str]]:
        try:
            if begun.error is not None:
                raise begun.error
            return self.job.compute(clip, begun.loaded)
        except ClipError as error:
            if not begun.key:  # without its key a result can be kept nowhere
                raise
            return error, []


def _entry(clip: Clip, stage: str, result: ClipFeatures | ClipError, notes: list[str]) -> Entry:
    if isinstance(result, ClipError):
        return Entry(clip.clip_id, stage, "failed", result.reason, result.detail)
    if notes:
        reason, _, detail = notes[0].partition(": ")
        return Entry(clip.clip_id, stage, "degraded", reason, detail)
    return Entry(clip.clip_id, stage)


def run(
    job: Job,
    clips: Sequence[Clip],
    upstream: Sequence[Entry],
    meta: FeatureMeta,
    out: Path,
    ledger: Path,
    runtime: Runtime,
) -> str:
    """Compute every clip, write the feature file and the ledger.

    Args:
        job: the computation
        clips: all clips of the corpus, sorted by id
        upstream: ledger entries so far; a clip that failed in the job's own input is not tried
        meta: attributes of the file
        out: the HDF5 file
        ledger: gets `upstream` and this stage's entries
        runtime: workers, cache, failures allowed

    Returns:
        one line: counts, and how many clips came from the cache

    Raises:
        TooManyFailures: after the ledger is written
    """
    blocked = {entry.clip_id: entry for entry in upstream if entry.status == "failed"}
    cache = ClipCache(Path(runtime.clip_cache), runtime.clip_cache_gb)
    ready = [clip for clip in clips if clip.clip_id not in blocked]
    work = _Work(job, cache)
    outcomes = list(ordered_map(Steps(work.begin, work.finish), ready, runtime.workers, job.stage))
    entries = [outcome.entry for outcome in outcomes]
    entries += [Entry(e.clip_id, job.stage, "failed", e.reason, f"after {e.stage}") for e in blocked.values()]
    write_ledger(ledger, [*upstream, *entries])
    check_failures(entries, runtime.max_failed_fraction, ledger)
    packed = _packed(job, cache, ready, outcomes)
    write_features(out, meta, progress(packed, len(ready), f"{job.stage}: packing"))
    cache.prune()
    reused = sum(outcome.reused for outcome in outcomes)
    return f"{job.stage}: {summary(entries)}; {reused} of {len(ready)} clips from the clip cache"


def _packed(
    job: Job, cache: ClipCache, clips: Sequence[Clip], outcomes: Sequence[_Outcome]
) -> Iterator[tuple[str, ClipFeatures]]:
    for clip, outcome in zip(clips, outcomes, strict=True):
        if outcome.entry.status == "failed":
            continue
        kept = cache.get(outcome.key)
        result = kept[0] if kept is not None else job.compute(clip, job.load(clip))[0]  # the cache may be cleared at any time
        if isinstance(result, ClipError):
            raise result
        yield clip.clip_id, result
