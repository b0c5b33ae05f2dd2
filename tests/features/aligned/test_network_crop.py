"""Windows of aligned faces: which px of the square they hold."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pipeline.faces.alignment.align import TEMPLATE, UNITS
from pipeline.features.aligned.network_crop import cut
from pipeline.features.aligned.networks import c3d


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


def test_c3d_sees_an_aligned_face_as_it_sees_a_crop_by_the_eyes():
    """`crop_faces.eyes55`: 110 wide and 150 high, the eyes 55 apart in row 45."""
    square = np.zeros((UNITS, UNITS, 3), np.uint8)
    for across, down in TEMPLATE[:2].round().astype(int):
        square[down, across] = 255
    window = cut(torch.from_numpy(square), c3d.WINDOW)
    clip = window.expand(1, 16, *window.shape)
    places = []
    for how in ("window", "eyes"):
        params = c3d.Params(size=112, cut=how)
        picture = c3d.prepare(params, clip)[0, 0, 0] - c3d.prepare(params, torch.zeros_like(clip))[0, 0, 0]
        sides = (picture[:, :56], picture[:, 56:])
        places.append([float((side.sum(0) @ (torch.arange(56) + 0.5)) / side.sum()) / 112 for side in sides])
        row = float((picture.sum(1) @ (torch.arange(112) + 0.5)) / picture.sum()) / 112
    assert places[0] == pytest.approx([0.342, 0.158], abs=0.01)
    assert places[1] == pytest.approx([0.25, 0.25], abs=0.02)
    assert row == pytest.approx(45 / 150, abs=0.04)
