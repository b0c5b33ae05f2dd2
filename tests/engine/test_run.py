"""The engine: cache first, the same bytes for any number of workers, and every clip accounted for."""

from __future__ import annotations

import dataclasses
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from helpers.noise import ALL, META, STAGE, Bench, NoiseJob
from pipeline.core.clip import Clip
from pipeline.core.errors import ArtifactError, TooManyFailures
from pipeline.core.ledger import Entry, read_ledger
from pipeline.core.settings import Runtime
from pipeline.core.store import ClipFeatures, FeatureFile, joined
from pipeline.engine.cache_entry import TAIL_BYTES
from pipeline.engine.clip_cache import ClipCache, cache_key
from pipeline.engine.run import run


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """An empty folder and six clips."""
    return Bench(tmp_path)


def test_bytes_are_equal_for_one_and_two_workers_and_from_the_cache(tmp_path: Path) -> None:
    contents, ledgers = set(), set()
    for workers in (1, 2):
        bench = Bench(tmp_path / str(workers))
        for line, computed in (("0 of 6", ALL), ("6 of 6", [])):
            assert bench.run(workers) == (f"{STAGE}: 6 ok; {line} clips from the clip cache", computed)
            contents.add(bench.out.read_bytes())
            ledgers.add(bench.ledger.read_bytes())
    assert len(contents) == len(ledgers) == 1
    assert bench.stored() == ALL


def test_the_file_holds_what_the_job_computed(bench: Bench) -> None:
    bench.run()
    job = NoiseJob(bench.root)
    with FeatureFile(bench.out) as file:
        assert file.meta == META
        for clip in bench.clips:
            expected, found = joined(job.compute(clip, job.load(clip), [])), file.read(clip.clip_id)
            assert np.array_equal(found.values, expected.values)
            assert np.array_equal(found.times, expected.times)


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize(
    ("change", "computed"),
    [({"digest": "new"}, ["c2"]), ({"end": 0.5}, ["c2"]), ({"emotion": "sad"}, []), ({"path": "moved.wav"}, [])],
)
def test_a_changed_clip_is_computed_and_no_other(bench: Bench, workers: int, change: dict, computed: list[str]) -> None:
    bench.run()
    bench.clips[2] = dataclasses.replace(bench.clips[2], **change)
    assert bench.run(workers)[1] == computed
    assert bench.stored() == ALL


def test_a_new_clip_costs_one_computation_and_gives_the_bytes_of_a_whole_run(tmp_path: Path) -> None:
    grown, whole = Bench(tmp_path / "grown"), Bench(tmp_path / "whole")
    last = grown.clips.pop()
    grown.run()
    grown.clips.append(last)
    assert grown.run() == (f"{STAGE}: 6 ok; 5 of 6 clips from the clip cache", ["c5"])
    whole.run()
    assert grown.out.read_bytes() == whole.out.read_bytes()


def test_a_clip_that_left_is_gone_from_the_file(bench: Bench) -> None:
    bench.run()
    del bench.clips[0]
    assert bench.run()[1] == []
    assert bench.stored() == ALL[1:]


def test_changed_settings_compute_all_and_going_back_computes_none(bench: Bench) -> None:
    bench.run()
    before = bench.out.read_bytes()
    assert bench.run(gain=2.0)[1] == ALL
    assert bench.out.read_bytes() != before
    assert bench.run(gain=1.0)[1] == []
    assert bench.out.read_bytes() == before


@pytest.mark.parametrize("workers", [1, 2])
def test_bad_input_costs_its_clip_and_stands_in_the_ledger(bench: Bench, workers: int) -> None:
    bad = {"c1": "no_audio", "c4": "too_short"}
    line, _ = bench.run(workers, bad=bad)
    assert line == f"{STAGE}: 4 ok, 1 absent (no_audio), 1 failed (too_short); 0 of 6 clips from the clip cache"
    assert bench.stored() == ["c0", "c2", "c3", "c5"]
    entries = bench.entries()
    assert sorted(entries) == ALL
    assert entries["c1"] == Entry("c1", STAGE, "absent", "no_audio", "as told")
    assert entries["c0"] == Entry("c0", STAGE)


def test_a_clip_that_never_had_the_sound_does_not_count_as_failed_and_is_not_tried_further_on(bench: Bench) -> None:
    line, _ = bench.run(bad=dict.fromkeys(ALL, "no_audio"), allowed=0.0)
    assert line == f"{STAGE}: 6 absent (no_audio 6); 0 of 6 clips from the clip cache"
    assert bench.stored() == []
    upstream = tuple(Entry(i, "extract:mfcc39", "absent", "no_audio", "as told") for i in ALL[:5])
    line, computed = bench.run(gain=2.0, upstream=upstream, allowed=0.0)
    assert (computed, line) == (ALL[5:], f"{STAGE}: 1 ok, 5 absent (no_audio 5); 0 of 1 clips from the clip cache")
    assert bench.entries()["c0"] == Entry("c0", STAGE, "absent", "no_audio", "after extract:mfcc39")


def test_a_failure_is_remembered_and_told_again(bench: Bench) -> None:
    bench.run(bad={"c1": "silent"})
    ledger, content = bench.ledger.read_bytes(), bench.out.read_bytes()
    assert bench.run(bad={"c1": "silent"})[1] == []
    assert (bench.ledger.read_bytes(), bench.out.read_bytes()) == (ledger, content)


def test_a_degraded_clip_is_kept_and_stands_in_the_ledger_also_from_the_cache(bench: Bench) -> None:
    for _ in range(2):
        bench.run(degraded={"c3": "few_faces: 3 of 10 frames: 30 %"})
        assert bench.stored() == ALL
        assert bench.entries()["c3"] == Entry("c3", STAGE, "degraded", "few_faces", "3 of 10 frames: 30 %")


def test_further_notes_stand_in_the_detail_of_the_first(bench: Bench) -> None:
    bench.run(degraded={"c3": "few_faces", "c4": "too_short: 3 frames"}, more="decode_error: part of it")
    assert bench.entries()["c3"] == Entry("c3", STAGE, "degraded", "few_faces", "decode_error: part of it")
    assert bench.entries()["c4"] == Entry(
        "c4", STAGE, "degraded", "too_short", "3 frames; also decode_error: part of it"
    )


def test_what_failed_upstream_is_not_tried_and_stands_in_both_stages(bench: Bench) -> None:
    upstream = (
        Entry("c0", "prepare"),
        Entry("c2", "prepare", "failed", "missing_file", "2.wav"),
        Entry("c3", "track_faces", "degraded", "few_faces", "3 of 10"),
    )
    line, computed = bench.run(upstream=upstream)
    assert line == f"{STAGE}: 5 ok, 1 failed (missing_file); 0 of 5 clips from the clip cache"
    assert computed == bench.stored() == ["c0", "c1", "c3", "c4", "c5"]
    assert bench.entries()["c2"] == Entry("c2", STAGE, "failed", "missing_file", "after prepare")
    assert set(upstream) <= set(read_ledger(bench.ledger))


@pytest.mark.parametrize(("allowed", "stops"), [(0.0, True), (0.3, True), (0.34, False), (1.0, False)])
def test_too_many_failures_stop_after_the_ledger(bench: Bench, allowed: float, stops: bool) -> None:
    bad, upstream = {"c1": "silent"}, (Entry("c2", "prepare", "failed", "missing_file", "2.wav"),)
    if stops:
        with pytest.raises(TooManyFailures) as caught:
            bench.run(bad=bad, upstream=upstream, allowed=allowed)
        assert str(caught.value).startswith(f"{bench.ledger}: 2 of 6 clips failed (4 ok, 2 failed (")
        assert str(caught.value).endswith("mend the clips, or raise the setting")
        assert "\n" not in str(caught.value)
        assert not bench.out.exists()
    else:
        bench.run(bad=bad, upstream=upstream, allowed=allowed)
        assert bench.stored() == ["c0", "c3", "c4", "c5"]
    assert sorted(bench.entries()) == ALL


def test_a_stop_keeps_what_was_computed_and_the_old_file(bench: Bench) -> None:
    bench.run()
    before = bench.out.read_bytes()
    with pytest.raises(TooManyFailures):
        bench.run(gain=2.0, bad={"c0": "silent"}, allowed=0.0)
    assert bench.out.read_bytes() == before
    bench.run(gain=2.0, allowed=0.5)
    assert bench.computed == []


def damage_entry_of(bench: Bench, number: int) -> None:
    entry = ClipCache(bench.root / "cache").path(cache_key(**NoiseJob(bench.root).parts(bench.clips[number])))
    raw = bytearray(entry.read_bytes())
    raw[-TAIL_BYTES] ^= 1  # of the digest: the head stays sound
    entry.write_bytes(raw)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_damaged_entry_is_computed_again(bench: Bench, workers: int) -> None:
    bench.run()
    before = bench.out.read_bytes()
    damage_entry_of(bench, 4)
    assert bench.run(workers)[1] == ["c4"]
    assert bench.out.read_bytes() == before


def test_a_damaged_entry_whose_clip_is_gone_never_becomes_an_empty_group(bench: Bench) -> None:
    bench.run()
    before = bench.out.read_bytes()
    damage_entry_of(bench, 4)
    with pytest.raises(ArtifactError, match=r"clip 'c4' was sound and is not any more \(missing_file\); run it again"):
        bench.run(bad={"c4": "missing_file"})
    assert bench.out.read_bytes() == before


def test_a_cache_that_is_too_small_changes_no_byte(tmp_path: Path) -> None:
    small, large = Bench(tmp_path / "small"), Bench(tmp_path / "large")
    large.run()
    runtime = Runtime(workers=1, clip_cache=str(tmp_path / "cache"), clip_cache_gb=1e-9)
    run(NoiseJob(tmp_path), small.clips, (), META, small.out, small.ledger, runtime)
    assert small.out.read_bytes() == large.out.read_bytes()
    assert not list(ClipCache(tmp_path / "cache").entries())


def test_no_clips_give_an_empty_file(bench: Bench) -> None:
    bench.clips.clear()
    assert bench.run()[0] == f"{STAGE}: no clips; 0 of 0 clips from the clip cache"
    assert bench.stored() == []
    assert read_ledger(bench.ledger) == []


@dataclass(frozen=True)
class BrokenJob(NoiseJob):
    """A job with a mistake in it."""

    def compute(self, clip: Clip, loaded: Clip, notes: list[str]) -> Iterator[ClipFeatures]:
        """Fail for a reason that is not the clip's."""
        raise ZeroDivisionError(clip.clip_id)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_mistake_in_the_code_is_not_put_down_to_the_clip(bench: Bench, workers: int) -> None:
    runtime = Runtime(workers=workers, clip_cache=str(bench.root / "cache"))
    with pytest.raises(ZeroDivisionError):
        run(BrokenJob(bench.root), bench.clips, (), META, bench.out, bench.ledger, runtime)
    assert not bench.out.exists()
    assert not bench.ledger.exists()


@dataclass(frozen=True)
class DeadlyJob(NoiseJob):
    """A job of which some clips kill the process that computes them, as a crash in a library does."""

    deadly: tuple[str, ...] = ()

    def compute(self, clip: Clip, loaded: Clip, notes: list[str]) -> Iterator[ClipFeatures]:
        """Die, or compute."""
        if clip.clip_id in self.deadly:
            os.kill(os.getpid(), signal.SIGSEGV)
        yield from super().compute(clip, loaded, notes)


@pytest.mark.slow
def test_a_clip_that_kills_its_worker_costs_itself_alone(bench: Bench) -> None:
    whole = Bench(bench.root / "whole")
    whole.run(bad={"c1": "silent", "c4": "silent"})
    log = bench.root / "log"
    log.mkdir()
    runtime = Runtime(workers=2, clip_cache=str(bench.root / "cache"), max_failed_fraction=0.5)
    line = run(DeadlyJob(log, deadly=("c1", "c4")), bench.clips, (), META, bench.out, bench.ledger, runtime)
    assert line == f"{STAGE}: 4 ok, 2 failed (crashed 2); 0 of 6 clips from the clip cache"
    assert bench.entries()["c4"] == Entry("c4", STAGE, "failed", "crashed", "the process that worked on it died")
    assert bench.out.read_bytes() == whole.out.read_bytes()
    assert bench.run(workers=2)[1] == ["c1", "c4"], "a crash is not remembered: memory may have been short"
