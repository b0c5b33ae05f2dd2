"""hog: signed gradient histograms of the face."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.core.errors import ClipError
from pipeline.core.store import ClipFeatures, joined
from pipeline.features.extractors import hog


def crops(*pictures: np.ndarray, mask: list[bool] | None = None) -> ClipFeatures:
    seen = np.array(mask or [True] * len(pictures))
    return ClipFeatures(
        np.zeros((len(seen), 4), np.float32), 0.04 * np.arange(len(seen)), seen, {"crops": np.stack(pictures)}
    )


def noise(seed: int, shape: tuple[int, int] = (150, 110)) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (*shape, 3), np.uint8)


@pytest.mark.parametrize(("turn", "expected"), [(0, 0), (90, 2), (180, 4), (270, 6)])
def test_a_slope_has_the_orientation_that_it_rises_to(turn: int, expected: int) -> None:
    """Signed: what rises to the right is another orientation than what rises to the left."""
    y, x = np.mgrid[:60, :50].astype(np.float32)
    slope = 100 + 2 * (np.cos(np.radians(turn)) * x + np.sin(np.radians(turn)) * y)
    inner = hog.histograms(slope)[1:-1, 1:-1]
    np.testing.assert_allclose(inner[..., expected], 2, atol=1e-4)
    np.testing.assert_allclose(inner.sum(axis=-1), 2, atol=1e-4)


def test_votes_between_two_orientations_are_shared() -> None:
    y, x = np.mgrid[:60, :50].astype(np.float32)
    angle = np.radians(45 * 0.25)
    inner = hog.histograms(4 * (np.cos(angle) * x + np.sin(angle) * y))[2, 2]
    np.testing.assert_allclose(inner[:3], [3, 1, 0], atol=1e-3)


def test_cells_are_means_over_their_pixels_also_where_sides_do_not_divide() -> None:
    luma = noise(0, (151, 113))[..., 0]
    cells = hog.histograms(luma)
    import cv2

    image = luma.astype(np.float32)
    down, across = (cv2.Sobel(image, cv2.CV_32F, *way, ksize=1) / 2 for way in ((0, 1), (1, 0)))
    rows, columns = np.arange(7) * 151 // 6, np.arange(6) * 113 // 5
    rows[-1], columns[-1] = 151, 113
    for row in range(6):
        for column in range(5):
            part = np.s_[rows[row] : rows[row + 1], columns[column] : columns[column + 1]]
            np.testing.assert_allclose(cells[row, column].sum(), np.hypot(down, across)[part].mean(), rtol=1e-4)


def test_gain_hardly_counts_and_added_light_not_at_all() -> None:
    dim = noise(1) // 4
    np.testing.assert_array_equal(hog.descriptor(dim + np.uint8(100)), hog.descriptor(dim))
    np.testing.assert_allclose(hog.descriptor(3 * dim), hog.descriptor(dim), atol=5e-3)


def test_blocks_are_of_unit_length_and_no_orientation_rules() -> None:
    blocks = hog.descriptor(noise(2)).reshape(5, 4, -1)
    np.testing.assert_allclose(np.linalg.norm(blocks, axis=-1), 1, atol=2e-3)
    assert blocks.min() >= 0


def test_the_row_is_the_apex_and_its_change_since_the_onset() -> None:
    calm, moved = noise(3), noise(4)
    found = joined(hog.Extractor(hog.Params())(crops(calm, noise(9), moved, mask=[True, False, True])))
    after, before = hog.descriptor(moved), hog.descriptor(calm)
    np.testing.assert_allclose(found.values[0], [*after, *(after - before)], atol=1e-6)
    assert found.times.tolist() == [0.08]


def test_columns_name_the_parts() -> None:
    both, apex = (hog.Extractor(hog.Params(change=change)).meta for change in (True, False))
    assert (both.dimension, apex.dimension) == (1280, 640)
    assert both.columns[:640] == apex.columns
    assert both.columns[-1] == "change_block_4_3_cell_11_towards_315_deg"


def test_long_clips_are_read_in_blocks_and_nothing_shows_of_it() -> None:
    pictures = [noise(n, (30, 20)) for n in range(70)]
    found = joined(hog.Extractor(hog.Params())(crops(*pictures)))
    assert found.values.shape == (1, 1280)
    with pytest.raises(ClipError, match="no_face"):
        joined(hog.Extractor(hog.Params())(crops(*pictures[:2], mask=[False, False])))
