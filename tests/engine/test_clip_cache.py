"""The clip cache: sound entries come back exactly, unsound ones count as absent, and the folder stays bounded."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.errors import REASONS, ClipError
from pipeline.core.store import ClipFeatures, FeatureMeta
from pipeline.core.store_writer import feature_file
from pipeline.engine.cache_entry import TAIL_BYTES, Head, read_head
from pipeline.engine.clip_cache import ClipCache, cache_key

KEY = cache_key(input="abc")
CLIP = ClipFeatures(
    np.array([[1, np.nan], [3, 4]], np.float16),
    np.array([0.0, 0.04]),
    np.array([False, True]),
    {"crops": np.arange(12, dtype=np.uint8).reshape(2, 2, 3), "score": np.ones(2, np.float32)},
)


def failing(reason: str, detail: str = "") -> Iterator[ClipFeatures]:
    """A clip that fails after its first block."""
    yield CLIP
    raise ClipError(reason, detail)


def entries(cache: ClipCache) -> list[Path]:
    """Every file below the cache's folder."""
    return sorted(path for path in cache.root.rglob("*") if path.is_file())


@pytest.mark.parametrize("notes", [[], ["few_faces: 3 of 10 frames", "silent: ünïcode"]])
@pytest.mark.parametrize("frames", [0, 2])
def test_arrays_come_back_bit_for_bit(tmp_path: Path, notes: list[str], frames: int) -> None:
    cache = ClipCache(tmp_path)
    cut = {name: array[:frames] for name, array in CLIP.extra.items()}
    clip = ClipFeatures(CLIP.values[:frames], CLIP.times[:frames], CLIP.mask[:frames], cut)
    cache.put(KEY, clip.blocks(1), notes)
    kept, kept_notes = ClipCache(tmp_path).get(KEY)
    assert kept_notes == notes
    assert kept.extra.keys() == clip.extra.keys()
    for name in ("values", "times", "mask"):
        left, right = getattr(kept, name), getattr(clip, name)
        assert (left.dtype, left.shape, left.tobytes()) == (right.dtype, right.shape, right.tobytes())
    assert all(np.array_equal(kept.extra[name], clip.extra[name]) for name in cut)


@pytest.mark.parametrize("reason", REASONS)
@pytest.mark.parametrize("detail", ["", "0.1 s, at least 0.5 s: «zu kurz»"])
def test_an_error_comes_back_as_an_error(tmp_path: Path, reason: str, detail: str) -> None:
    cache = ClipCache(tmp_path)
    cache.put(KEY, failing(reason, detail), [])
    kept, notes = cache.get(KEY)
    assert isinstance(kept, ClipError)
    assert (kept.reason, kept.detail, notes) == (reason, detail, [])


def test_what_was_never_put_is_absent(tmp_path: Path) -> None:
    cache = ClipCache(tmp_path / "none yet")
    assert cache.get(KEY) is None
    assert cache.prune() == 0


def test_equal_results_have_equal_bytes(tmp_path: Path) -> None:
    caches = [ClipCache(tmp_path / name) for name in "ab"]
    for cache in caches:
        cache.put(KEY, [CLIP], ["silent"])
    assert caches[0].path(KEY).read_bytes() == caches[1].path(KEY).read_bytes()


def test_an_entry_is_an_hdf5_file_that_anyone_can_open(tmp_path: Path) -> None:
    cache = ClipCache(tmp_path)
    cache.put(KEY, [CLIP], [], stage="extract:toy")
    with h5py.File(cache.path(KEY), "r") as file:
        assert np.array_equal(file["clip/crops"], CLIP.extra["crops"])
    assert cache.head(KEY) == Head(stage="extract:toy")


def test_a_mistake_leaves_no_entry(tmp_path: Path) -> None:
    cache = ClipCache(tmp_path)
    with pytest.raises(ValueError, match="2 columns where toy has 3"):
        cache.put(KEY, [CLIP], [], meta=FeatureMeta("toy", 3, "float16"))
    assert entries(cache) == []


@pytest.mark.parametrize("place", [-5, -20, -45, -60])
def test_a_damaged_tail_is_no_head(tmp_path: Path, place: int) -> None:
    cache = ClipCache(tmp_path)
    cache.put(KEY, failing("silent", "digital silence"), [])
    raw = bytearray(cache.path(KEY).read_bytes())
    raw[place] ^= 4
    cache.path(KEY).write_bytes(raw)
    if -TAIL_BYTES <= place < -12:  # the digest of the whole: the head itself is sound
        assert cache.head(KEY) is not None
    else:
        assert cache.head(KEY) is None
    assert cache.get(KEY) is None


def test_the_head_of_an_opened_entry_is_read_although_another_run_replaces_the_entry(tmp_path: Path) -> None:
    cache = ClipCache(tmp_path)
    cache.put(KEY, failing("silent"), [])
    with cache.path(KEY).open("rb") as opened:
        cache.put(KEY, [CLIP], ["short"])
        assert read_head(opened).reason == "silent"
    cache.put(KEY, failing("silent"), [])
    with cache.path(KEY).open("rb") as opened:
        assert read_head(opened).reason == "silent"


def test_arrays_that_another_run_moves_after_the_look_at_the_head_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = ClipCache(tmp_path)
    cache.put(KEY, [CLIP], [])
    peek = ClipCache.peek

    def and_then_it_moves(self: ClipCache, path: Path) -> Head | None:
        monkeypatch.setattr(ClipCache, "peek", peek)
        head = peek(self, path)
        with feature_file(tmp_path / "out.h5", FeatureMeta("toy", 2, "float16")) as file, self.group(KEY) as group:
            file.copy("clip1", group)
        self.adopt(tmp_path / "out.h5", {KEY: "clip1"}, [])
        assert peek(self, path).pack
        return head

    monkeypatch.setattr(ClipCache, "peek", and_then_it_moves)
    with cache.group(KEY) as group:
        np.testing.assert_array_equal(group["values"][:], CLIP.values)


def test_an_entry_that_is_gone_is_an_error_and_not_looked_for_for_ever(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), ClipCache(tmp_path).group(KEY):
        pass


def test_a_second_put_replaces_the_first(tmp_path: Path) -> None:
    cache = ClipCache(tmp_path)
    cache.put(KEY, failing("silent"), [])
    cache.put(KEY, [CLIP], [])
    assert isinstance(cache.get(KEY)[0], ClipFeatures)
    assert entries(cache) == [cache.path(KEY)]


@settings(max_examples=40)
@given(st.data())
def test_one_flipped_bit_makes_the_entry_absent(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        cache = ClipCache(Path(folder))
        cache.put(KEY, [CLIP], [])
        raw = bytearray(cache.path(KEY).read_bytes())
        raw[data.draw(st.integers(0, len(raw) - 1))] ^= 1 << data.draw(st.integers(0, 7))
        cache.path(KEY).write_bytes(raw)
        assert cache.get(KEY) is None
        assert entries(cache) == []


@pytest.mark.parametrize(
    "damage",
    [
        lambda raw: b"",
        lambda raw: raw[:31],
        lambda raw: raw[:32],
        lambda raw: raw[:-1],
        lambda raw: raw + b"\0",
        lambda raw: raw[1:],
    ],
    ids=["empty", "half a digest", "digest alone", "last byte gone", "one byte more", "first byte gone"],
)
def test_a_truncated_or_grown_entry_is_absent_and_gone(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    cache = ClipCache(tmp_path)
    cache.put(KEY, [CLIP], [])
    cache.path(KEY).write_bytes(damage(cache.path(KEY).read_bytes()))
    assert cache.get(KEY) is None
    assert entries(cache) == []
    cache.put(KEY, [CLIP], [])
    assert cache.get(KEY) is not None


def test_the_temporary_file_of_a_killed_run_is_ignored(tmp_path: Path) -> None:
    cache = ClipCache(tmp_path, max_gb=1e-9)
    left = cache.path(KEY).with_name(".0123.tmp")
    left.parent.mkdir(parents=True)
    left.write_bytes(b"half an entry")
    assert cache.get(KEY) is None
    assert cache.prune() == 0
    cache.put(KEY, [CLIP], [])
    assert cache.get(KEY) is not None


PARTS = {"stage": "extract", "input": "abc", "code": "0f", "params": {"k": 1, "deep": [1, 2]}, "weights": ""}


@pytest.mark.parametrize(
    "change",
    [
        {"stage": "track_faces"},
        {"input": "abd"},
        {"code": "0e"},
        {"params": {"k": 2, "deep": [1, 2]}},
        {"params": {"k": 1, "deep": [2, 1]}},
        {"params": {"k": "1", "deep": [1, 2]}},
        {"weights": "ff"},
        {"more": None},
    ],
)
def test_the_key_depends_on_every_part(change: dict) -> None:
    assert cache_key(**{**PARTS, **change}) != cache_key(**PARTS)


def test_the_key_is_a_digest_that_ignores_the_order_of_parts() -> None:
    key = cache_key(**dict(reversed(PARTS.items())))
    assert key == cache_key(**PARTS)
    assert len(key) == 64
    assert set(key) <= set("0123456789abcdef")


def filled(root: Path, count: int) -> tuple[ClipCache, list[str], int]:
    """A cache of equal entries, the first used longest ago; also the keys and the size of one."""
    cache, keys = ClipCache(root), [cache_key(input=number) for number in range(count)]
    for number, key in enumerate(keys):
        cache.put(key, [CLIP], [])
        os.utime(cache.path(key), (1000 + number, 1000 + number))
    return cache, keys, cache.path(keys[0]).stat().st_size


@pytest.mark.parametrize(("room", "left"), [(5.0, 5), (4.99, 4), (3.0, 3), (1.5, 1), (0.5, 0)])
def test_prune_keeps_the_newest_used_within_the_bound(tmp_path: Path, room: float, left: int) -> None:
    cache, keys, size = filled(tmp_path, 5)
    cache.max_gb = room * size / 1e9
    assert cache.prune() == 5 - left
    assert [cache.path(key).is_file() for key in keys] == [False] * (5 - left) + [True] * left


def test_reading_counts_as_use(tmp_path: Path) -> None:
    cache, keys, size = filled(tmp_path, 3)
    cache.get(keys[0])
    cache.max_gb = 1.5 * size / 1e9
    assert cache.prune() == 2
    assert [cache.path(key).is_file() for key in keys] == [True, False, False]
