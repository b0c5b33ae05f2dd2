"""`python -m pipeline inspect --diff`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from helpers.inspecting import changed, write_corpus, write_crops
from pipeline.__main__ import main
from pipeline.cli.inspect.difference import compare, describe, distance
from pipeline.core.store import ClipFeatures, FeatureMeta
from pipeline.core.store_writer import write_features


@pytest.fixture
def lld(tmp_path):
    return write_corpus(tmp_path) / "lld.h5"


def half_more(key: str, clip: ClipFeatures) -> ClipFeatures:
    """Add 0.5 to the pitch of one frame of c03."""
    values = clip.values.copy()
    values[4, 1] += 0.5 * (key == "c03")
    return replace(clip, values=values)


def test_a_planted_change_is_told_as_such(lld, tmp_path, capsys):
    other = changed(lld, tmp_path / "b.h5", half_more)
    assert main(["inspect", str(lld), "--diff", str(other)]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "different: 1 of 8 clips that could be compared", f"  A  {lld}", f"  B  {other}", "",
        "clip  largest |A-B|  mean |A-B|  mask, frames  also differs",
        "c03             0.5    0.008333             .", "",
        "column      number  largest |A-B|  mean |A-B|",
        "pitch [Hz]       1            0.5    0.003125",
    ]  # fmt: skip


def test_equal_bytes_and_equal_values(lld, tmp_path, capsys):
    same = changed(lld, tmp_path / "same.h5", lambda _, clip: clip)
    other = changed(lld, tmp_path / "other.h5", lambda _, clip: clip, {"version": "v2", "params": {"n": 4}})
    with h5py.File(lld) as source, h5py.File(tmp_path / "laid.h5", "w") as to:
        for key in source:
            source.copy(key, to)
        to.attrs.update(source.attrs)
    for path, verdict in (
        (same, "equal bytes"),
        (other, "equal values, other attributes"),
        (tmp_path / "laid.h5", "equal values, laid out otherwise in the file"),
    ):
        assert main(["inspect", str(lld), "--diff", str(path)]) == 0
        assert capsys.readouterr().out.splitlines()[0] == verdict
    text, _ = describe(lld, other)
    assert [line.split() for line in text.splitlines()[4:]] == [
        ["attribute", "A", "B"],
        ["version", "v1", "v2"],
        ["params.n", "3", "4"],
    ]


def test_clips_shapes_and_masks(lld, tmp_path):
    def change(key, clip):
        if key == "c00":
            return None
        if key == "c01":
            return ClipFeatures(clip.values[:-1], clip.times[:-1], clip.mask[:-1])
        if key == "c02":
            return replace(clip, mask=clip.mask & (np.arange(len(clip.mask)) > 2))
        return replace(clip, times=clip.times + 1) if key == "c04" else clip

    text, equal = describe(lld, changed(lld, tmp_path / "b.h5", change))
    assert not equal
    assert text.startswith(
        "different: 2 of 6 clips that could be compared, 1 clip only in A, 3 arrays of another shape\n"
    )
    for line in (
        "only in A: c00",
        "c01   values  (30, 3) float32  (29, 3) float32",
        "3 frames in 1 clip observed in one file alone",
    ):
        assert line in text
    lines = [line.split() for line in text.splitlines()]
    assert ["c02", "0", "0", "3"] in lines
    assert ["c04", "0", "0", ".", "times"] in lines


def test_arrays_beside_the_values_and_values_that_nobody_observed(tmp_path):
    folder = write_corpus(tmp_path)
    write_crops(folder)

    def change(key, clip):
        if key == "c01":
            return replace(clip, extra={"crops": clip.extra["crops"] + np.uint8(1)})
        if key == "c02":
            return replace(clip, values=np.where(clip.mask[:, None], clip.values, np.float32(0)))
        return replace(clip, extra={}) if key == "c03" else clip

    text, equal = describe(folder / "square100.h5", changed(folder / "square100.h5", tmp_path / "b.h5", change))
    assert not equal
    for line in ("crops", "values of unobserved frames", "c03   crops  (30, 20, 20, 3) uint8  not there"):
        assert line in text


def test_files_with_folds_and_more_than_are_shown(tmp_path):
    folder = write_corpus(tmp_path, 24)
    other = changed(
        folder / "v4.h5",
        tmp_path / "b.h5",
        lambda key, clip: replace(clip, values=clip.values + np.float32(int(key[-2:]))),
    )
    found = compare(folder / "v4.h5", other)
    text, _ = describe(folder / "v4.h5", other)
    assert len(found.clips) == 48
    assert {line.split()[0] for line in text.split("\n\n")[1].splitlines()[1:3]} == {"fold-00/c23", "fold-01/c23"}, (
        "the worst clips first"
    )
    assert "... and 26 more" in text


def test_memory_of_a_block(lld, tmp_path, monkeypatch):
    other = changed(lld, tmp_path / "b.h5", half_more)
    whole = describe(lld, other)
    monkeypatch.setattr("pipeline.cli.inspect.feature_file._BLOCK_BYTES", 100)
    assert describe(lld, other) == whole


def test_a_nan_against_a_number_is_infinitely_far(lld, tmp_path):
    other = changed(lld, tmp_path / "b.h5", lambda _, clip: clip)
    with h5py.File(other, "r+") as file:
        values = file["c05/values"][()]
        values[0, 2] = np.nan
        del file["c05/values"]
        file["c05/values"] = values
    assert compare(lld, other).clips[5].largest == np.inf
    assert "c05             inf" in describe(lld, other)[0]


@pytest.mark.parametrize("other", ["none.h5", "manifest.csv", "."])
def test_another_file_that_is_no_feature_file(lld, capsys, other):
    assert main(["inspect", str(lld), "--diff", str(lld.parent / other)]) == 1
    caught = capsys.readouterr()
    assert (caught.out, caught.err.count("\n")) == ("", 1)


FLOATS = st.floats(width=32, allow_nan=True, allow_infinity=True)


@given(arrays(np.float32, (3, 2), elements=FLOATS), arrays(np.float32, (3, 2), elements=FLOATS))
def test_distance_is_symmetric_and_zero_on_itself(a, b):
    assert not distance(a, a.copy()).any()
    np.testing.assert_array_equal(distance(a, b), distance(b, a))
    assert (distance(a, b) >= 0).all()


CLIPS = st.dictionaries(
    st.sampled_from(["a", "b c", "d+1", "é"]),
    st.tuples(
        arrays(np.float32, st.tuples(st.integers(0, 4), st.just(2)), elements=st.floats(-5, 5, width=32)),
        st.integers(0, 15),
    ),
    max_size=4,
)


def written(path: Path, clips) -> Path:
    found = []
    for key, (values, bits) in sorted(clips.items()):
        mask = np.array([bool(bits >> n & 1) for n in range(len(values))], bool)
        found.append((key, ClipFeatures(values, np.arange(len(values)) / 25, mask)))
    write_features(path, FeatureMeta("t", 2, "float32"), found)
    return path


@settings(max_examples=25)
@given(CLIPS, CLIPS)
def test_a_difference_is_symmetric_and_none_from_itself(one, other):
    with TemporaryDirectory() as folder:
        a, b, again = (
            written(Path(folder) / name, clips) for name, clips in (("a.h5", one), ("b.h5", other), ("c.h5", one))
        )
        assert describe(a, again)[0].startswith("equal bytes")
        there, back = compare(a, b), compare(b, a)
        assert there.equal == back.equal
        assert there.clips == back.clips
        assert there.only == back.only[::-1]
        assert [(key, name, right, left) for key, name, left, right in there.shapes] == back.shapes
        np.testing.assert_array_equal(there.largest, back.largest)
