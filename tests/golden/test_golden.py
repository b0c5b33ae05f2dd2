"""Features and networks give the numbers that `make_golden.py` stored."""

from __future__ import annotations

import numpy as np
import pytest

from helpers.golden import FOLDER, compute

NAMES = sorted(path.stem for path in FOLDER.glob("*.npz"))


@pytest.fixture(scope="module")
def computed() -> dict[str, np.ndarray]:
    return compute()


def test_every_array_has_its_file(computed):
    assert sorted(computed) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_golden(computed, name):
    with np.load(FOLDER / f"{name}.npz", allow_pickle=False) as archive:
        expected = archive["values"]
    found = computed[name]
    assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
    assert np.isfinite(expected).all()
    # the columns of a sound feature differ in unit by orders of magnitude, and a derivative may be all rounding:
    # the tolerance goes by the largest value of the static column and by the value
    columns = np.abs(expected).max(axis=0)
    if name in ("mfcc39", "lld147"):
        scale = np.tile(columns[: len(columns) // 3], 3)
        assert (np.abs(found - expected) <= 1e-4 * scale + 1e-4 * np.abs(expected) + 1e-7).all()
    else:
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5 * columns.max())


def test_golden_arrays_say_something():
    for name in NAMES:
        with np.load(FOLDER / f"{name}.npz", allow_pickle=False) as archive:
            values = archive["values"]
        assert not np.array_equal(values[0], values[-1]), f"{name}: the same for different input"
        assert (values != 0).mean() > 0.2, f"{name}: nearly all zero"
