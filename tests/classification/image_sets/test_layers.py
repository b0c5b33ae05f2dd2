"""Columns of the layers that go in."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.classification.image_sets.layers import columns_of, spans_of
from pipeline.core.errors import SettingsError

NAMES, WIDTHS = ("pool1b", "pool3", "fc5"), (2, 3, 1)


@pytest.mark.parametrize(
    ("wanted", "columns"),
    [
        (("fc5",), [5]),
        (("fc5", "pool3"), [2, 3, 4, 5]),
        (("fc5", "pool1b"), [0, 1, 5]),
        (("fc6", "pool3"), [2, 3, 4]),
        ((), [0, 1, 2, 3, 4, 5]),
    ],
)
def test_columns_in_the_order_of_the_file(wanted, columns):
    frames = np.arange(12.0).reshape(2, 6)
    np.testing.assert_array_equal(columns_of(frames, spans_of(NAMES, WIDTHS, wanted, "x")), frames[:, columns])


def test_one_run_of_columns_is_no_copy():
    frames = np.arange(12.0).reshape(2, 6)
    assert np.shares_memory(columns_of(frames, spans_of(NAMES, WIDTHS, ("fc5", "pool3"), "x")), frames)


def test_a_feature_whose_layers_have_no_names_goes_in_whole():
    assert spans_of((), (6,), ("fc6",), "x").shape == (0, 2)


def test_none_of_the_layers():
    with pytest.raises(SettingsError, match="x: fc6, fc7, but the feature has the layers pool1b, pool3, fc5; name one"):
        spans_of(NAMES, WIDTHS, ("fc6", "fc7"), "x")
