"""Windows of aligned faces: which px of the square they hold."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pipeline.features.aligned.network_crop import cut


def square(height: int, width: int) -> torch.Tensor:
    """Pictures whose red is their row, green their column, blue their number."""
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    return torch.stack([torch.stack([rows, columns, torch.full_like(rows, number)], -1) for number in range(3)])


@pytest.mark.parametrize(
    ("px", "share", "at", "rows", "columns"),
    [
        (128, (112 / 128, 96 / 128), (0.5, 0.5), (8, 120), (16, 112)),
        (128, (112 / 128, 112 / 128), (0, 1), (0, 112), (16, 128)),
        (256, (224 / 256, 224 / 256), (0.25, 0.75), (8, 232), (24, 248)),
        (72, (112 / 128, 96 / 128), (0.5, 0.5), (4, 67), (9, 63)),
        (10, (1, 1), (0.5, 0.5), (0, 10), (0, 10)),
        (3, (0.1, 0.1), (1, 0), (2, 3), (0, 1)),
    ],
)
def test_a_window(px, share, at, rows, columns):
    faces = square(px, px)
    found = cut(faces, share, at)
    assert torch.equal(found, faces[:, rows[0] : rows[1], columns[0] : columns[1]])
    assert found.data_ptr() == faces[:, rows[0] :, columns[0] :].data_ptr(), "no copy"


@given(
    st.integers(1, 40), st.integers(1, 40),
    st.tuples(st.floats(0.01, 1), st.floats(0.01, 1)), st.tuples(st.floats(0, 1), st.floats(0, 1)),
)  # fmt: skip
def test_every_window_lies_in_the_square_and_is_as_large_wherever_it_lies(height, width, share, at):
    faces = square(height, width)
    found = cut(faces[None], share, at)
    assert found.shape == cut(faces[None], share).shape
    assert found.shape[:2] == (1, 3)
    assert 1 <= found.shape[2] <= height
    assert 1 <= found.shape[3] <= width
    assert abs(found.shape[2] - max(1, share[0] * height)) <= 0.5
    steps = found[0, 0, :, 0, 0].diff()
    assert (steps == 1).all()
