"""Crops are coded without loss, whatever they show, and what another version coded is refused."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pipeline.core.crop_coding import CODING, coded, decoded
from pipeline.core.errors import ArtifactError
from pipeline.core.store import ClipFeatures, FeatureFile, FeatureMeta
from pipeline.core.store_writer import write_features

SHAPES = st.tuples(st.integers(1, 9), st.integers(1, 5), st.integers(1, 5), st.just(3))


@given(hnp.arrays(np.uint8, SHAPES), st.integers(1, 9))
def test_frames_come_back_and_are_not_changed(frames: np.ndarray, chunk: int) -> None:
    before = frames.copy()
    stored = coded(frames, chunk)
    assert (stored.shape, stored.dtype) == (frames.shape, np.uint8)
    kept = stored.copy()
    np.testing.assert_array_equal(decoded(stored, chunk), before)
    np.testing.assert_array_equal(frames, before)
    np.testing.assert_array_equal(stored, kept)


@given(hnp.arrays(np.uint8, SHAPES), st.integers(1, 9), st.integers(0, 9))
def test_chunks_are_coded_alone(frames: np.ndarray, chunk: int, number: int) -> None:
    begin = number * chunk
    np.testing.assert_array_equal(coded(frames, chunk)[begin:], coded(frames[begin:], chunk))


def test_grey_that_does_not_move_is_nothing_but_its_first_frame() -> None:
    still = np.full((4, 2, 2, 3), 100, np.uint8)
    stored = coded(still, 4).reshape(4, 3, 2, 2)
    assert not stored[1:].any()
    assert not stored[0, [0, 2]].any()
    assert (stored[0, 1] == 200).all()


def test_another_coding_is_refused_with_the_remedy(tmp_path: Path) -> None:
    crops = np.zeros((2, 4, 4, 3), np.uint8)
    clip = ClipFeatures(np.zeros((2, 3), np.float32), np.arange(2.0), np.ones(2, bool), {"crops": crops})
    write_features(tmp_path / "x.h5", FeatureMeta("x", 3, "float32"), [("a", clip)])
    with h5py.File(tmp_path / "x.h5", "a") as file:
        assert file["a/crops"].attrs["coding"] == CODING
        file["a/crops"].attrs["coding"] = "frame-differences"
    with FeatureFile(tmp_path / "x.h5") as file, pytest.raises(ArtifactError, match=r"as 'frame-differences'.*rerun"):
        file.read("a")
