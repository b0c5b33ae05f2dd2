"""The HDF5 contract: what is written comes back exactly, equal input gives equal bytes, and damage is named."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pipeline.core import arrays, store
from pipeline.core.errors import ArtifactError
from pipeline.core.store import FORMAT, ClipFeatures, ClipReader, FeatureFile, FeatureMeta, joined, opened
from pipeline.core.store_writer import feature_file, write_clip, write_features

META = FeatureMeta(
    feature="lld",
    dimension=3,
    dtype="float32",
    rate_hz=62.5,
    columns=("energy_dB", "pitch_Hz", "ω"),
    layer="fc7 (3,)",
    version="0123456789abcdef",
    params={"window_ms": 25, "nested": {"b": [1, 2], "a": None}},
    weights="f" * 64,
    origin="trained on phones",
)


def features(
    frames: int = 4, dimension: int = 3, dtype: str = "float32", fill: float = 1.0, **extra: np.ndarray
) -> ClipFeatures:
    """A clip whose values are all `fill`."""
    return ClipFeatures(
        np.full((frames, dimension), fill, dtype), np.arange(frames) * 0.04, np.ones(frames, bool), extra
    )


def same(left: ClipFeatures, right: ClipFeatures) -> bool:
    """Bit for bit, NaN included."""
    pairs = [(left.values, right.values), (left.times, right.times), (left.mask, right.mask)]
    if left.extra.keys() != right.extra.keys():
        return False
    pairs += [(left.extra[name], right.extra[name]) for name in left.extra]
    return all((a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, b.tobytes()) for a, b in pairs)


CLIP_IDS = st.from_regex(r"[a-zA-Z0-9äж][\w.\-+ ]{0,6}", fullmatch=True)


@st.composite
def clips(draw: st.DrawFn, dimension: int, dtype: str) -> ClipFeatures:
    """Any clip: NaN and infinity where the mask says unobserved, and up to three further arrays."""
    frames = draw(st.integers(0, 7))
    values = draw(hnp.arrays(dtype, (frames, dimension), elements=st.floats(width=16 if dtype == "float16" else 32)))
    mask = draw(hnp.arrays(bool, frames))
    observed = values[mask]
    values[mask] = np.where(np.isfinite(observed), observed, 0)
    times = draw(hnp.arrays("float64", frames, elements=st.floats(0, 1e4)))
    shapes = {"boxes": ("float32", (4,)), "crops": ("uint8", (2, 3, 3)), "score": ("int64", ())}
    chosen = draw(st.sets(st.sampled_from(sorted(shapes))))
    extra = {name: draw(hnp.arrays(shapes[name][0], (frames, *shapes[name][1]))) for name in sorted(chosen)}
    return ClipFeatures(values, times, mask, extra)


@st.composite
def corpora(draw: st.DrawFn) -> tuple[FeatureMeta, dict[str, ClipFeatures]]:
    """Attributes and the clips that suit them."""
    dimension, dtype = draw(st.integers(1, 5)), draw(st.sampled_from(["float16", "float32"]))
    params = draw(st.dictionaries(st.text(max_size=4), st.integers() | st.text(max_size=4) | st.none(), max_size=2))
    meta = FeatureMeta("x", dimension, dtype, draw(st.floats(0, 100)), params=params)
    return meta, draw(st.dictionaries(CLIP_IDS, clips(dimension, dtype), max_size=4))


LAYERED = FeatureMeta("pyramid", 14, "float16", layers=(("pool1b", (2, 3, 1)), ("pool3", (1, 2, 2)), ("fc5", (4,))))


def test_layers_of_one_file_come_back_with_their_shapes(tmp_path: Path) -> None:
    write_features(tmp_path / "p.h5", LAYERED, [("a", features(2, 14, "float16"))])
    with FeatureFile(tmp_path / "p.h5") as file:
        assert file.meta == LAYERED
        assert file.meta.widths == (6, 4, 4)
    assert META.widths == (3,)


def test_layers_that_do_not_make_the_columns_are_refused(tmp_path: Path) -> None:
    wrong = FeatureMeta("pyramid", 13, "float16", layers=LAYERED.layers)
    with pytest.raises(ValueError, match="pyramid: its layers make 14 columns, not 13"):
        write_features(tmp_path / "p.h5", wrong, [("a", features(2, 13, "float16"))])


@settings(max_examples=60)
@given(corpora(), st.booleans())
def test_round_trip_is_exact_and_two_writes_have_equal_bytes(corpus: tuple, per_fold: bool) -> None:
    meta, content = corpus
    fold = "fold-00" if per_fold else ""
    ordered = [(f"{fold}/{key}" if fold else key, content[key]) for key in sorted(content)]
    with tempfile.TemporaryDirectory() as folder:
        first, second = Path(folder, "a.h5"), Path(folder, "other", "b.h5")
        assert write_features(first, meta, ordered) == write_features(second, meta, iter(ordered)) == len(content)
        assert first.read_bytes() == second.read_bytes()
        with FeatureFile(first) as file:
            assert file.meta == meta
            assert file.folds == ([fold] if fold and content else [])
            assert (file.clip_ids(fold) if content else []) == sorted(content)
            assert all(same(file.read(key, fold), content[key]) for key in content)


def test_attributes_stand_in_the_file_as_documented(tmp_path: Path) -> None:
    path = tmp_path / "lld.h5"
    write_features(path, META, [("a", features()), ("b", features())])
    with h5py.File(path) as file:
        attributes = dict(file.attrs)
        assert {name: file["a"][name].shape for name in file["a"]} == {"values": (4, 3), "times": (4,), "mask": (4,)}
        assert file["a/times"].dtype == np.float64
    assert attributes.pop("clip_count") == 2
    assert re.fullmatch("[0-9a-f]{64}", attributes.pop("content"))
    assert attributes == {
        "format": FORMAT,
        "feature": "lld",
        "dimension": 3,
        "dtype": "float32",
        "rate_hz": 62.5,
        "columns": '["energy_dB","pitch_Hz","\\u03c9"]',
        "layer": "fc7 (3,)",
        "layers": "[]",
        "version": "0123456789abcdef",
        "params": '{"nested":{"a":null,"b":[1,2]},"window_ms":25}',
        "weights": "f" * 64,
        "origin": "trained on phones",
    }


def test_attributes_come_back_as_they_went_in(tmp_path: Path) -> None:
    write_features(tmp_path / "x.h5", META, [])
    with FeatureFile(tmp_path / "x.h5") as file:
        assert file.meta == META
        assert file.clip_ids() == []


def test_one_value_changed_changes_the_bytes(tmp_path: Path) -> None:
    for name, fill in (("a", 1.0), ("b", np.nextafter(np.float32(1), np.float32(2)))):
        write_features(tmp_path / name, META, [("c", features(fill=float(fill)))])
    assert (tmp_path / "a").read_bytes() != (tmp_path / "b").read_bytes()


@pytest.mark.parametrize(("begin", "end"), [(0, 1), (0, 27), (3, 5), (20, 22), (21, 27), (26, 27), (5, 5)])
def test_crops_come_back_whole_and_in_part(tmp_path: Path, begin: int, end: int) -> None:
    """21 frames fill a chunk, so that rows begin in the middle of one, at its begin and beyond."""
    crops = np.random.default_rng(0).integers(0, 256, (27, 150, 110, 3), dtype=np.uint8)
    clip = features(27, crops=crops)
    write_features(tmp_path / "x.h5", META, [("a", clip)])
    with h5py.File(tmp_path / "x.h5") as file:
        assert file["a/crops"].chunks == (21, 150, 110, 3)  # 1 MiB
    with FeatureFile(tmp_path / "x.h5") as file:
        np.testing.assert_array_equal(file.part_of("a", slice(begin, end)).extra["crops"], crops[begin:end])
    with FeatureFile(tmp_path / "x.h5") as file:
        assert same(file.read("a"), clip)


def test_crops_that_hardly_change_take_little_room(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    still = random.integers(0, 256, (1, 100, 100, 3), dtype=np.uint8)
    crops = still + random.integers(0, 3, (50, 100, 100, 3), dtype=np.uint8)  # wraps round where it passes 255
    write_features(tmp_path / "x.h5", META, [("a", features(50, crops=crops))])
    assert (tmp_path / "x.h5").stat().st_size < 0.45 * crops.nbytes
    with FeatureFile(tmp_path / "x.h5") as file:
        np.testing.assert_array_equal(file.read("a").extra["crops"], crops)


@pytest.mark.parametrize(("names", "expected"), [(None, ["boxes", "score"]), ([], []), (["score"], ["score"])])
def test_further_arrays_are_read_on_demand(tmp_path: Path, names: list[str] | None, expected: list[str]) -> None:
    clip = features(boxes=np.zeros((4, 4), np.float32), score=np.ones(4, np.float32))
    write_features(tmp_path / "x.h5", META, [("a", clip)])
    with FeatureFile(tmp_path / "x.h5") as file:
        assert sorted(file.read("a", names=names).extra) == expected


def test_folds_hold_their_own_clips(tmp_path: Path) -> None:
    content = {f"fold-{n:02d}/{clip}": features(fill=n) for n in range(2) for clip in ("a", "b")}
    write_features(tmp_path / "x.h5", META, content.items())
    with FeatureFile(tmp_path / "x.h5") as file:
        assert file.folds == ["fold-00", "fold-01"]
        assert file.clip_ids() == []
        assert file.clip_ids("fold-01") == ["a", "b"]
        assert [file.read("b", fold).values[0, 0] for fold in file.folds] == [0, 1]


def observed(value: float) -> ClipFeatures:
    """A clip whose second frame is observed and holds `value`."""
    clip = features()
    clip.values[1, 2] = value
    return clip


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([("b", features()), ("a", features())], "x.h5: clip 'a' after 'b'; write in sorted order"),
        ([("a", features()), ("a", features())], "x.h5: clip 'a' after 'a'; write in sorted order"),
        ([("a", features(dimension=2))], "a: 2 columns where lld has 3"),
        ([("a", features(dtype="float64"))], "a: float64 where lld has float32"),
        ([("a", features(dtype="float16"))], "a: float16 where lld has float32"),
        ([("a", observed(np.nan))], "a: NaN or infinity in observed values of lld"),
        ([("a", observed(np.inf))], "a: NaN or infinity in observed values of lld"),
        ([("a", features()), ("b", observed(-np.inf))], "b: NaN or infinity in observed values of lld"),
    ],
)
def test_what_breaks_the_contract_is_refused_and_nothing_is_left(tmp_path: Path, content: list, message: str) -> None:
    path = tmp_path / "x.h5"
    with pytest.raises(ValueError, match=message):
        write_features(path, META, content)
    assert list(tmp_path.iterdir()) == []


def stops_after_one() -> Iterator[tuple[str, ClipFeatures]]:
    """A source that breaks after its first clip."""
    yield "a", features()
    raise OSError("disk full")


def test_an_error_in_the_source_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "x.h5"
    write_features(path, META, [("old", features())])
    before = path.read_bytes()
    with pytest.raises(OSError, match="disk full"):
        write_features(path, META, stops_after_one())
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("values", "times", "mask", "extra", "message"),
    [
        ((4,), (4,), (4,), (4,), "values must be"),
        ((4, 3), (4, 1), (4,), (4,), "times and mask"),
        ((4, 3), (4,), (4, 1), (4,), "times and mask"),
        ((4, 3), (3,), (4,), (4,), r"differ in length: \[3, 4\]"),
        ((4, 3), (4,), (5,), (4,), r"differ in length: \[4, 5\]"),
        ((4, 3), (4,), (4,), (2, 7), r"differ in length: \[2, 4\]"),
    ],
)
def test_arrays_that_do_not_belong_together(
    values: tuple, times: tuple, mask: tuple, extra: tuple, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        ClipFeatures(np.zeros(values, "f4"), np.zeros(times), np.zeros(mask, bool), {"score": np.zeros(extra)})


def error_of(path: Path, clip: str = "a") -> str:
    """Read a clip, which fails, and return the message."""
    with pytest.raises(ArtifactError) as caught, FeatureFile(path) as file:
        file.read(clip)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    """A sound file with incompressible values."""
    path = tmp_path / "x.h5"
    values = np.random.default_rng(0).normal(size=(200, 3)).astype(np.float32)
    write_features(path, META, [("a", ClipFeatures(values, np.arange(200.0), np.ones(200, bool)))])
    return path


@pytest.mark.parametrize("content", [b"", b"clip_id,speaker\n", b"\x89HDF\r\n\x1a\n", b"\0" * 4096])
def test_a_file_that_is_not_hdf5(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.h5"
    path.write_bytes(content)
    said = error_of(path)
    assert said.startswith(f"{path}: not a readable HDF5 file (")
    assert said.endswith("; move it away and run `dvc repro`")


@pytest.mark.parametrize("share", [0.001, 0.1, 0.5, 0.9, 0.999])
def test_a_truncated_file(stored: Path, share: float) -> None:
    content = stored.read_bytes()
    stored.write_bytes(content[: int(share * len(content))])
    assert re.search(r"not a readable HDF5 file \(.*; move it away", error_of(stored))


def test_an_absent_file(tmp_path: Path) -> None:
    assert "no such feature file; run `dvc repro`" in error_of(tmp_path / "x.h5")


@pytest.mark.parametrize("attributes", [{}, {"format": "clip-features/0"}, {"format": 1}])
def test_a_foreign_hdf5_file(tmp_path: Path, attributes: dict) -> None:
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        file.attrs.update(attributes)
    assert f"not a feature file of format {FORMAT}" in error_of(path)


def test_a_file_that_lacks_an_attribute(stored: Path) -> None:
    with h5py.File(stored, "a") as file:
        del file.attrs["dimension"]
    assert str(stored) in error_of(stored)


@pytest.mark.parametrize("name", ["feature", "weights", "origin", "layer", "dtype", "version"])
@pytest.mark.parametrize("value", [3, np.zeros(3), np.bytes_(b"lld147")])
def test_an_attribute_that_is_no_text(stored: Path, name: str, value: object) -> None:
    with h5py.File(stored, "a") as file:
        file.attrs[name] = value
    assert f"its attributes are not whole ('{name}' is no text); rerun its stage" in error_of(stored)


def test_an_absent_clip_points_at_the_ledger(stored: Path) -> None:
    assert error_of(stored, "b") == f"{stored}: no clip 'b' in it; its ledger says why"


def flipped(path: Path, find: Callable[[bytes], int]) -> None:
    """Flip one bit of a file."""
    content = bytearray(path.read_bytes())
    content[find(bytes(content))] ^= 1
    path.write_bytes(content)


def test_damaged_data_is_named_with_its_clip(stored: Path) -> None:
    with h5py.File(stored) as file:
        chunk = file["a/values"].id.get_chunk_info(0)
    flipped(stored, lambda _: chunk.byte_offset + chunk.size // 2)
    assert f"{stored}: clip 'a' is damaged" in error_of(stored)


NOISE = np.random.default_rng(0).standard_normal((300, 384)).astype(np.float32)


@pytest.mark.parametrize(
    ("values", "zipped"),
    [
        pytest.param(NOISE, False, id="noise"),
        pytest.param(NOISE.clip(0), True, id="behind a ReLU"),
        pytest.param(NOISE.repeat(5, axis=0), True, id="rows that stand"),
        pytest.param(NOISE.round(1), True, id="few values"),
        pytest.param(np.zeros((300, 384), np.float32), True, id="zeros"),
    ],
)
def test_rows_that_compression_would_not_shrink_are_stored_as_they_are(
    tmp_path: Path, values: np.ndarray, zipped: bool
) -> None:
    clip = ClipFeatures(values, np.arange(float(len(values))), np.ones(len(values), bool))
    write_features(tmp_path / "x.h5", FeatureMeta("x", 384, "float32"), [("a", clip)])
    with h5py.File(tmp_path / "x.h5") as file:
        array = file["a/values"]
        assert (array.compression, array.fletcher32) == (("gzip", False) if zipped else (None, True))
        assert array.id.get_storage_size() < (0.9 * values.nbytes if zipped else 1.01 * values.nbytes)
    with FeatureFile(tmp_path / "x.h5") as read:
        assert same(read.read("a"), clip)


def test_damage_of_rows_that_are_not_compressed_is_found(tmp_path: Path) -> None:
    path = tmp_path / "x.h5"
    clip = ClipFeatures(NOISE, np.arange(300.0), np.ones(300, bool))
    write_features(path, FeatureMeta("x", 384, "float32"), [("a", clip)])
    flipped(path, lambda content: content.find(NOISE[17, :8].tobytes()))
    assert "damaged" in error_of(path)


@pytest.mark.parametrize("place", ["a", "a/values", "a/times", "a/mask"])
def test_damaged_headers_are_named(stored: Path, place: str) -> None:
    with h5py.File(stored) as file:
        address = h5py.h5o.get_info(file[place].id).addr
    flipped(stored, lambda _: address + 8)
    assert str(stored) in error_of(stored)


# blocks


def long_clip(frames: int = 500) -> ClipFeatures:
    """A clip of several chunks, where a chunk is 4 KiB."""
    random = np.random.default_rng(frames)
    crops = random.integers(0, 256, (frames, 5, 5, 3), np.uint8)
    return ClipFeatures(
        random.normal(size=(frames, 3)).astype(np.float32),
        np.arange(frames) / 25,
        random.random(frames) > 0.2,
        {"crops": crops},
    )


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of 4 KiB."""
    monkeypatch.setattr(arrays, "CHUNK_BYTES", 4096)


@pytest.mark.parametrize("rows", [1, 7, 64, 341, 500, 10_000])
@pytest.mark.parametrize("frames", [0, 1, 53, 54, 500])
def test_a_clip_is_the_same_however_it_was_cut_into_blocks(
    tmp_path: Path, small_chunks: None, rows: int, frames: int
) -> None:
    clip = long_clip(frames)
    assert same(joined(clip.blocks(rows)), clip)
    with feature_file(tmp_path / "x.h5", META) as new:
        write_clip(new.new("a"), clip.blocks(rows), META)
    with FeatureFile(tmp_path / "x.h5") as file:
        assert same(file.read("a"), clip)
        assert file.digest("a") == clip.digest()
        assert all(chunk <= 4096 for chunk in (np.prod(file._file[f"a/{n}"].chunks or 0) for n in ("values", "crops")))


def test_a_long_clip_is_read_in_blocks_and_a_short_one_from_memory(
    stored: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = long_clip()
    write_features(tmp_path / "x.h5", META, [("a", clip)])
    file = opened(tmp_path / "x.h5")
    assert same(file.rows("a"), clip)
    assert file.rows("a", ()).extra == {}
    monkeypatch.setattr(store, "WHOLE_BYTES", 1000)
    reader = file.rows("a")
    assert isinstance(reader, ClipReader)
    assert np.array_equal(reader.mask, clip.mask)
    for _ in range(2):
        blocks = list(reader.blocks(64))
        assert [len(block.mask) for block in blocks] == [64] * 7 + [52]
        assert same(joined(blocks), clip)
    assert joined(file.rows("a", ()).blocks(200)).extra == {}


def test_an_open_file_is_opened_again_once_it_is_another(tmp_path: Path) -> None:
    write_features(tmp_path / "x.h5", META, [("a", features())])
    assert opened(tmp_path / "x.h5") is opened(tmp_path / "x.h5")
    write_features(tmp_path / "x.h5", META, [("a", features(fill=2.0))])
    assert opened(tmp_path / "x.h5").read("a").values[0, 0] == 2.0


def test_a_digest_covers_the_arrays_that_it_names(tmp_path: Path) -> None:
    clips = [
        ("a", long_clip(3)),
        (
            "b",
            ClipFeatures(
                *(getattr(long_clip(3), n) for n in ("values", "times", "mask")),
                {"crops": np.zeros((3, 5, 5, 3), np.uint8)},
            ),
        ),
    ]
    write_features(tmp_path / "x.h5", META, clips)
    with FeatureFile(tmp_path / "x.h5") as file:
        assert file.digest("a") != file.digest("b")
        assert file.digest("a", ("values", "times")) == file.digest("b", ("values", "times"))
        assert file.digest("a", ("crops",)) != file.digest("b", ("crops",))


def test_copying_a_clip_gives_its_arrays_and_equal_bytes(tmp_path: Path, small_chunks: None) -> None:
    clips = [("a", long_clip(500)), ("b", long_clip(3))]
    write_features(tmp_path / "x.h5", META, clips)
    for name in ("y", "z"):
        with feature_file(tmp_path / f"{name}.h5", META) as new, h5py.File(tmp_path / "x.h5") as source:
            for key, _ in clips:
                new.copy(key, source[key])
    assert (tmp_path / "y.h5").read_bytes() == (tmp_path / "z.h5").read_bytes()
    with FeatureFile(tmp_path / "y.h5") as file:
        assert all(same(file.read(key), clip) for key, clip in clips)
        assert [file.digest(key) for key, _ in clips] == [clip.digest() for _, clip in clips]


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda clip: clip.create_dataset("times", data=np.zeros(9)), "clip 'clip_1' is damaged"),
        (lambda clip: clip.create_dataset("times", data=1.0), "clip 'clip_1' is damaged"),
        (lambda clip: clip.create_group("times"), "clip 'clip_1' is damaged"),
        (lambda clip: clip.__setitem__("times", h5py.SoftLink("/clip_1/times")), "/clip_1/times: a link"),
    ],
)
def test_arrays_that_do_not_go_together_are_damage(tmp_path, damage, words):
    path = tmp_path / "f.h5"
    clip = ClipFeatures(np.zeros((3, 2), np.float32), np.arange(3.0), np.ones(3, bool))
    write_features(path, FeatureMeta("mine", 2, "float32"), [("clip_1", clip)])
    with h5py.File(path, "a") as file:
        del file["clip_1/times"]
        damage(file["clip_1"])
    with (
        FeatureFile(path) as file,
        pytest.raises(ArtifactError, match=rf"f\.h5: {words}"),
    ):
        file.read("clip_1")


@pytest.mark.parametrize("digests", ["{", "[1]", "null", '"x"'])
def test_digests_that_are_none_are_damage(tmp_path, digests):
    path = tmp_path / "f.h5"
    clip = ClipFeatures(np.zeros((3, 2), np.float32), np.arange(3.0), np.ones(3, bool))
    write_features(path, FeatureMeta("mine", 2, "float32"), [("clip_1", clip)])
    with h5py.File(path, "a") as file:
        file["clip_1"].attrs["digests"] = digests
    with FeatureFile(path) as file, pytest.raises(ArtifactError, match=r"f\.h5: the digests of clip 'clip_1'"):
        file.digest("clip_1", ["values"])
