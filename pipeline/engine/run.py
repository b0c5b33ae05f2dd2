"""The engine under every per-clip stage: cache first, then compute, then pack in order.

A `Job` says how one clip is computed and what its result depends on. Workers put results into the clip cache, block by
block; this process alone writes the HDF5 file, copying entries as they lie in the cache, so memory grows neither with
the corpus nor with a clip's length.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from pipeline.core.clip import Clip
from pipeline.core.errors import PASSING, ArtifactError
from pipeline.core.ledger import Entry, check_failures, lost, lost_by_id, noted, summary, write_ledger
from pipeline.core.settings import Runtime
from pipeline.core.store import ClipFeatures, FeatureMeta
from pipeline.core.store_writer import feature_file
from pipeline.engine.cache_entry import Head
from pipeline.engine.cache_folder import where_writable
from pipeline.engine.clip_cache import ClipCache, cache_key
from pipeline.engine.journal import journal_path, read_journal, row_of, write_journal
from pipeline.engine.parallel import Steps, ahead, surviving_map
from pipeline.runner.progress import progress


class Job(Protocol):
    """How to compute one clip; travels to worker processes, so it builds heavy things when first called."""

    @property
    def stage(self) -> str:
        """Name for the ledger, such as `extract:lld147`."""

    def parts(self, clip: Clip) -> Mapping[str, Any]:
        """Return what the cache key is made of: `input`, of this clip, beside what is the same for all."""

    def load(self, clip: Clip) -> Any:
        """Return the clip's input, ready for `compute`, or None where `compute` reads it bit by bit.

        Runs beside the computing of the clip before, in a thread. Raises `ClipError` for bad input.
        """

    def compute(self, clip: Clip, loaded: Any, notes: list[str]) -> Iterator[ClipFeatures]:
        """Yield the result in blocks of rows, one at least; add to `notes` why it is degraded, or what was
        chosen (`pipeline.core.ledger.NOTE`).

        Blocks begin at places that depend on the clip alone. Raises `ClipError` for bad input, at any time.
        """


@dataclass(frozen=True)
class _Planned:
    """One clip, its key, and what the cache says of it."""

    clip: Clip
    key: str
    input: str
    head: Head | None


@dataclass(frozen=True)
class _Work:
    """What is done for one clip that the cache does not hold, in two steps; see `Steps`."""

    job: Job
    cache: ClipCache
    meta: FeatureMeta

    def begin(self, planned: _Planned) -> Any:
        head = _kept(self.cache, planned.key)
        if head is not None:  # another run, or a worker that was lost before it could tell
            return head
        try:
            if cache_key(**self.job.parts(planned.clip)) != planned.key:
                differs = "this worker has other code, weights or input than the run; make them equal, run again"
                raise ArtifactError(f"{self.job.stage}: {differs}")
            return self.job.load(planned.clip)
        except Exception as error:  # noqa: BLE001  raised again by `finish`, when it is this clip's turn
            return error

    def finish(self, planned: _Planned, loaded: Any) -> Head:
        if isinstance(loaded, Head):
            return loaded
        notes: list[str] = []
        return self.cache.put(planned.key, self._blocks(planned.clip, loaded, notes), notes, self.job.stage, self.meta)

    def _blocks(self, clip: Clip, loaded: Any, notes: list[str]) -> Iterator[ClipFeatures]:
        if isinstance(loaded, Exception):
            raise loaded
        yield from self.job.compute(clip, loaded, notes)


def _kept(cache: ClipCache, key: str) -> Head | None:
    """Return an entry's head, unless the clip failed for what lies in the place and not in the bytes of the key."""
    head = cache.head(key)
    return None if head is not None and head.reason in PASSING else head


def _entry(clip: Clip, stage: str, head: Head) -> Entry:
    if head.reason:
        return lost(clip.clip_id, stage, head.reason, head.detail)
    return noted(clip.clip_id, stage, head.notes)


def run(
    job: Job,
    clips: Sequence[Clip],
    upstream: Sequence[Entry],
    meta: FeatureMeta,
    out: Path,
    ledger: Path,
    runtime: Runtime,
) -> str:
    """Compute every clip that the cache does not hold, write the feature file, the ledger and the journal.

    Args:
        job: the computation
        clips: all clips of the corpus, sorted by id
        upstream: ledger entries so far; a clip that was lost there is not tried
        meta: attributes of the file
        out: the HDF5 file
        ledger: gets `upstream` and this stage's entries, also where too many clips fail
        runtime: workers, cache, failures allowed

    Returns:
        one line: counts, and how many clips came from the cache
    """
    blocked = lost_by_id(upstream)
    cache = ClipCache(Path(runtime.clip_cache), runtime.clip_cache_gb)
    ready = [clip for clip in clips if clip.clip_id not in blocked]
    plan, common = _plan(job, cache, ready)
    work = _Work(job, cache, meta)
    heads = _heads(work, plan, runtime)
    entries = [_entry(planned.clip, job.stage, heads[planned.key]) for planned in plan]
    entries += [entry.after(job.stage) for entry in blocked.values()]
    write_ledger(ledger, [*upstream, *entries])
    before = _note(journal_path(cache.root, out), plan, common)
    check_failures(entries, runtime.max_failed_fraction, ledger)
    packed = [planned for planned in plan if not heads[planned.key].reason]
    _pack(work, packed, out)
    cache.adopt(out, {planned.key: planned.clip.clip_id for planned in packed}, before)
    reused = sum(planned.head is not None for planned in plan)
    if reused < len(plan):
        with where_writable():
            cache.prune()
    return f"{job.stage}: {summary(entries)}; {reused} of {len(ready)} clips from the clip cache"


def _plan(job: Job, cache: ClipCache, clips: Sequence[Clip]) -> tuple[list[_Planned], Mapping[str, Any]]:
    """Look up every clip; return it with what all of them have in common."""
    plan, common = [], {}
    for clip in clips:
        parts = dict(job.parts(clip))
        key = cache_key(**parts)
        plan.append(_Planned(clip, key, str(parts.pop("input")), _kept(cache, key)))
        common = parts
    return plan, common


def _heads(work: _Work, plan: Sequence[_Planned], runtime: Runtime) -> dict[str, Head]:
    """Compute what is missing, equal content once, and return every entry's head by its key."""
    heads = {planned.key: planned.head for planned in plan if planned.head is not None}
    missing = {planned.key: planned for planned in plan if planned.head is None}

    def died(_: _Planned) -> Head:  # no entry is kept of it: memory may have been short
        return Head("crashed", "the process that worked on it died")

    steps, todo = Steps(work.begin, work.finish), list(missing.values())
    found = surviving_map(steps, todo, runtime.workers, work.job.stage, died, cluster=runtime)
    return heads | dict(zip(missing, found, strict=True))


def _pack(work: _Work, plan: Sequence[_Planned], out: Path) -> None:
    """Copy the entries into the feature file, while a thread looks whether the next ones are sound; one that was pruned
    or damaged meanwhile is computed again.
    """
    looked_at = ahead(((planned, work.cache.sound(planned.key)) for planned in plan), count=8)
    with feature_file(out, work.meta) as file:
        for planned, sound in progress(looked_at, len(plan), f"{work.job.stage}: packing"):
            if not sound and (head := work.finish(planned, work.begin(planned))).reason:
                lost_now = f"was sound and is not any more ({head.reason}); run it again"
                raise ArtifactError(f"{work.job.stage}: clip '{planned.clip.clip_id}' {lost_now}")
            with work.cache.group(planned.key) as group:
                file.copy(planned.clip.clip_id, group)


def _note(path: Path, plan: Sequence[_Planned], common: Mapping[str, Any]) -> list[str]:
    """Write the journal, and return the keys in the one before."""
    before = read_journal(path)
    looked_up = ((one.clip.clip_id, one.key, one.input, one.head is not None) for one in plan)
    with where_writable():
        write_journal(path, common, (row_of(before, common, *one) for one in looked_up))
    return [row.key for row in before.rows.values()] if before is not None else []
