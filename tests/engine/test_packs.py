"""What a feature file holds lies in the clip cache by a second name alone, and nothing is computed twice for it."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import h5py
import numpy as np
import pytest

from helpers.engine import read_only
from helpers.noise import ALL, STAGE, Bench, NoiseJob
from pipeline.core.errors import ArtifactError
from pipeline.core.store import ClipFeatures
from pipeline.engine.clip_cache import ClipCache, cache_key


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def cache_of(bench: Bench) -> ClipCache:
    return ClipCache(bench.root / "cache")


def key_of(bench: Bench, number: int, **job: float) -> str:
    return cache_key(**NoiseJob(bench.root, **job).parts(bench.clips[number]))


def packs_of(bench: Bench) -> list[Path]:
    return sorted(cache_of(bench).packs.all())


@pytest.mark.parametrize("workers", [1, 2])
def test_values_lie_there_once(bench: Bench, workers: int) -> None:
    bench.run(workers)
    (pack,) = packs_of(bench)
    assert pack.samefile(bench.out)
    assert bench.out.stat().st_nlink == 2
    assert all(path.stat().st_size < 500 for path in cache_of(bench).entries()), "no arrays of their own"
    with h5py.File(bench.out) as file:
        for number, clip in enumerate(bench.clips):
            kept, notes = cache_of(bench).get(key_of(bench, number))
            assert isinstance(kept, ClipFeatures)
            np.testing.assert_array_equal(kept.values, file[clip.clip_id]["values"][()])
            assert notes == []


@pytest.mark.parametrize("workers", [1, 2])
def test_a_deleted_file_comes_back_from_it(bench: Bench, workers: int) -> None:
    bench.run(degraded={"c1": "few_faces: 3 of 10"})
    before, entries = bench.out.read_bytes(), bench.entries()
    bench.out.unlink()  # as DVC does before it runs a stage
    degraded = {"c1": "few_faces: 3 of 10"}
    assert bench.run(workers, degraded=degraded) == (
        f"{STAGE}: 5 ok, 1 degraded (few_faces); 6 of 6 clips from the clip cache",
        [],
    )
    assert bench.out.read_bytes() == before
    assert bench.entries() == entries
    assert [pack.samefile(bench.out) for pack in packs_of(bench)] == [True]


def test_a_file_changed_in_place_costs_the_clip_that_was_changed(bench: Bench) -> None:
    bench.run()
    before = bench.out.read_bytes()
    with h5py.File(bench.out, "r+") as file:
        file["c2/values"][0, 0] += 1
    assert bench.run()[1] == ["c2"]
    assert bench.out.read_bytes() == before
    assert [pack.samefile(bench.out) for pack in packs_of(bench)] == [True]


@pytest.mark.parametrize("content", [b"", b"no HDF5" * 1000])
def test_a_file_that_was_written_over_in_place_is_computed_again(bench: Bench, content: bytes) -> None:
    bench.run()
    before = bench.out.read_bytes()
    bench.out.write_bytes(content)
    assert bench.run()[1] == ALL
    assert bench.out.read_bytes() == before


def test_a_pack_that_was_deleted_is_computed_again(bench: Bench) -> None:
    bench.run()
    packs_of(bench)[0].unlink()
    assert bench.run() == (f"{STAGE}: 6 ok; 0 of 6 clips from the clip cache", ALL)


def test_other_settings_keep_the_values_of_before_as_entries(bench: Bench) -> None:
    bench.run()
    before = bench.out.read_bytes()
    bench.run(gain=2.0)
    assert [pack.samefile(bench.out) for pack in packs_of(bench)] == [True]
    assert cache_of(bench).head(key_of(bench, 0)).pack == ""
    assert bench.run() == (f"{STAGE}: 6 ok; 6 of 6 clips from the clip cache", [])
    assert bench.out.read_bytes() == before
    assert bench.run(gain=2.0)[1] == []
    assert len(packs_of(bench)) == 1


def test_a_clip_that_leaves_and_comes_back_is_not_computed_again(bench: Bench) -> None:
    bench.run()
    before = bench.out.read_bytes()
    gone = bench.clips.pop(2)
    assert bench.run()[1] == []
    assert len(packs_of(bench)) == 1
    bench.clips.insert(2, gone)
    assert bench.run()[1] == []
    assert bench.out.read_bytes() == before


def test_where_nothing_can_be_linked_entries_keep_their_arrays(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError("operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    bench.run()
    assert packs_of(bench) == []
    assert bench.run()[1] == []
    assert cache_of(bench).head(key_of(bench, 0)).pack == ""


def test_pruning_deletes_a_file_and_its_entries_together(bench: Bench) -> None:
    bench.run()
    bench.run(gain=2.0)  # the entries of before have their arrays again, and were used longest ago
    cache = cache_of(bench)
    cache.max_gb = (cache.size() - 1) / 1e9
    assert cache.prune() == 1
    assert len(packs_of(bench)) == 1
    cache.max_gb = 1e-9
    assert cache.prune() == 11
    assert (packs_of(bench), list(cache.entries())) == ([], [])
    assert bench.run(gain=2.0)[1] == ALL


def test_tidying_deletes_files_that_nothing_refers_to(bench: Bench) -> None:
    bench.run()
    cache_of(bench).tidy()
    assert len(packs_of(bench)) == 1
    for path in list(cache_of(bench).entries()):
        path.unlink()
    cache_of(bench).tidy()
    assert packs_of(bench) == []


def test_a_read_only_cache_that_is_complete_is_used(bench: Bench) -> None:
    bench.run()
    before, entries = bench.out.read_bytes(), bench.entries()
    bench.out.unlink()
    with read_only(cache_of(bench).root):
        assert bench.run() == (f"{STAGE}: 6 ok; 6 of 6 clips from the clip cache", [])
        assert (bench.out.read_bytes(), bench.entries()) == (before, entries)
        bench.clips.pop()  # and for another choice of the clips
        assert bench.run()[1] == []
        with pytest.raises(OSError, match="Read-only file system"):
            bench.run(gain=2.0)
    assert bench.run()[1] == []


def test_a_damaged_entry_of_a_read_only_cache_is_told_and_never_taken(bench: Bench) -> None:
    bench.run()
    key = key_of(bench, 1)
    cache_of(bench).put(key, cache_of(bench).get(key)[0].blocks(9), [], STAGE)
    entry = cache_of(bench).path(key)
    raw = bytearray(entry.read_bytes())
    raw[len(raw) // 2] ^= 1
    entry.write_bytes(raw)
    with read_only(cache_of(bench).root), pytest.raises(OSError, match="Read-only file system"):
        bench.run()
    assert bench.run()[1] == ["c1"]


def test_a_run_on_some_of_the_clips_leaves_the_others_theirs(bench: Bench) -> None:
    """As a prediction does for some files of a folder that was judged as a whole before."""
    bench.run()
    whole = Bench(bench.root)
    bench.out, bench.clips = bench.root / "some" / "noise.h5", bench.clips[:2]
    assert bench.run()[1] == []
    whole.out.unlink()
    assert whole.run()[1] == []


def test_a_pack_that_is_held_open_costs_no_entry(bench: Bench) -> None:
    """A feature file is open for writing in another program, which has changed it: nothing says that it is damaged."""
    bench.run()
    before = bench.out.read_bytes()
    entries = {path: path.read_bytes() for path in cache_of(bench).entries()}
    with bench.out.open("r+b") as held:
        held.seek(-1, os.SEEK_END)
        held.write(bytes([before[-1] ^ 1]))
        held.flush()
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(ArtifactError, match="locked: another process holds it open"):
            bench.run()
        held.seek(-1, os.SEEK_END)
        held.write(before[-1:])
    assert {path: path.read_bytes() for path in cache_of(bench).entries()} == entries
    assert bench.run()[1] == []
