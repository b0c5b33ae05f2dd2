"""`pipeline.features.extractors._faces`: which frames go through a network, how many at a time, and where their rows
end up.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.errors import ClipError
from pipeline.core.store import ClipFeatures, ClipReader, FeatureFile, FeatureMeta, joined
from pipeline.core.store_writer import write_features
from pipeline.features.extractors import _faces
from pipeline.features.extractors._faces import rows_of_faces

META = FeatureMeta("first_px", 2, "float32")


def faces(mask: list[bool]) -> ClipFeatures:
    """Crops of one colour, the number of the frame."""
    crops = np.ones((len(mask), 2, 2, 3), np.uint8) * np.arange(len(mask), dtype=np.uint8)[:, None, None, None]
    boxes = np.zeros((len(mask), 4), np.float32)
    return ClipFeatures(boxes, 0.04 * np.arange(len(mask)), np.array(mask), {"crops": crops})


class Network:
    """Returns the number of the frame and its square, and remembers what went through it together."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []

    def __call__(self, crops: np.ndarray) -> np.ndarray:
        assert crops.shape[1:] == (2, 2, 3)
        number = crops[:, 0, 0, 0].astype(np.float64)
        self.batches.append(crops[:, 0, 0, 0].tolist())
        return np.stack([number, number**2], axis=1)


@given(st.lists(st.booleans(), min_size=1, max_size=250).filter(any), st.integers(1, 7), st.integers(1, 90))
def test_batches_are_of_the_whole_clip_and_rows_lie_where_their_frames_do(mask, every, batch):
    network, taken = Network(), np.arange(0, len(mask), every)
    shown = taken[np.array(mask)[taken]]
    if not len(shown):
        with pytest.raises(ClipError, match="none of the frames that were taken shows a face"):
            joined(rows_of_faces(faces(mask), every, META, network, batch))
        return
    blocks = list(rows_of_faces(faces(mask), every, META, network, batch))
    assert [len(block.mask) for block in blocks] == [
        min(_faces.ROWS, len(taken) - at) for at in range(0, len(taken), _faces.ROWS)
    ]
    found = joined(blocks)
    assert network.batches == [shown[at : at + batch].tolist() for at in range(0, len(shown), batch)]
    assert found.values.dtype == np.float32
    assert found.values[found.mask].tolist() == [[number, number**2] for number in shown.tolist()]
    assert np.isnan(found.values[~found.mask]).all()
    assert found.mask.tolist() == [mask[frame] for frame in taken]
    assert found.times.tolist() == (0.04 * taken).tolist()


def test_a_clip_that_stays_in_its_file_gives_the_same(tmp_path, monkeypatch):
    clip = faces([frame % 11 != 3 for frame in range(200)])
    write_features(tmp_path / "faces.h5", FeatureMeta("faces", 4, "float32"), [("c", clip)])
    monkeypatch.setattr("pipeline.core.store.WHOLE_BYTES", 0)
    with FeatureFile(tmp_path / "faces.h5") as file:
        reader = file.rows("c", ("crops",))
        assert isinstance(reader, ClipReader)
        found = joined(rows_of_faces(reader, 3, META, Network(), 8))
    assert found.digest() == joined(rows_of_faces(clip, 3, META, Network(), 8)).digest()


def test_a_frame_goes_through_the_network_only_when_its_block_is_asked_for():
    network = Network()
    blocks = rows_of_faces(faces([True] * 200), 1, META, network, 10)
    assert network.batches == []
    next(blocks)
    assert sum(map(len, network.batches)) == 70  # as many batches as the 64 rows of a block need
