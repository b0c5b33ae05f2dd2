"""`pipeline.faces.cropping.job`: a clip's crops follow its tracked face, and are computed anew when anything of it
changes.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from helpers.media import gray, write_media
from pipeline.core.clip import Clip
from pipeline.core.errors import ArtifactError
from pipeline.core.ledger import Entry, read_ledger
from pipeline.core.settings import Runtime
from pipeline.core.store import ClipFeatures, FeatureFile, FeatureMeta, joined
from pipeline.core.store_writer import write_features
from pipeline.engine.clip_cache import cache_key
from pipeline.engine.run import run
from pipeline.faces.cropping.job import CropJob

PARAMS = {"height": 30, "width": 22, "eye_distance_px": 11, "eye_row": 9}
EYES = np.array([[40.0, 34.0], [51.0, 34.0]], np.float32)
CLIP = Clip("c0", "c0.mp4", "s", "anger", digest="0")


def faces(
    count: int = 5, hidden: tuple[int, ...] = (2,), step_s: float = 0.04, eyes: np.ndarray = EYES
) -> ClipFeatures:
    mask = np.array([frame not in hidden for frame in range(count)])
    landmarks = np.where(mask[:, None, None], eyes, np.nan).astype(np.float32)
    boxes = np.where(mask[:, None], 1.0, np.nan).astype(np.float32).repeat(4, axis=1)
    return ClipFeatures(boxes, np.arange(count) * step_s, mask, {"landmarks": landmarks, "boxes": boxes})


def key_of(job: CropJob, clip: Clip = CLIP) -> str:
    return cache_key(**job.parts(clip))


@pytest.fixture
def job(tmp_path):
    """A job on a clip of five grey frames, and what the tracker found in it."""

    def make(found: ClipFeatures) -> CropJob:
        write_features(tmp_path / "faces.h5", FeatureMeta("faces", 4, "float32"), [("c0", found)])
        return CropJob("small", tmp_path, tmp_path / "faces.h5", "eyes", PARAMS)

    write_media(tmp_path / "c0.mp4", times_ms=[0, 40, 80, 120, 160])
    return make


def test_a_row_per_video_frame(job, tmp_path):
    made = job(faces())
    upstream = [Entry("c0", "track_faces", "degraded", "few_faces")]
    runtime = Runtime(workers=1, clip_cache=str(tmp_path / "cache"))
    line = run(made, [CLIP], upstream, made.meta(), tmp_path / "x.h5", tmp_path / "x.csv", runtime)
    assert line.startswith("crop_faces:small: 1 ok")
    with FeatureFile(tmp_path / "x.h5") as file:
        found, meta = file.read("c0"), file.meta
    assert found.values.tolist()[0] == [40, 34, 51, 34]
    assert found.mask.tolist() == [True, True, False, True, True]
    assert np.isnan(found.values[2]).all()
    assert np.array_equal(found.times, faces().times)
    crops = found.extra["crops"]
    assert crops.shape == (5, 30, 22, 3)
    assert crops.dtype == np.uint8
    assert not crops[2].any()
    for frame in (0, 1, 3, 4):
        assert np.abs(crops[frame].astype(int) - gray(frame)).max() <= 3
    assert dict(meta.params) == {"kind": "eyes", **PARAMS}
    assert len(meta.columns) == 4
    assert [(e.stage, e.status) for e in read_ledger(tmp_path / "x.csv")] == [
        ("crop_faces:small", "ok"),
        ("track_faces", "degraded"),
    ]


def test_the_key_follows_the_eyes_the_mask_the_times_the_settings_and_the_clip(job):
    key = key_of(job(faces()))
    assert key_of(job(faces())) == key
    others = [faces(eyes=EYES + 1), faces(hidden=(3,)), faces(step_s=0.05)]
    keys = {key_of(job(other)) for other in others}
    made = job(faces())
    keys |= {key_of(made, replace(CLIP, digest="1")), key_of(made, replace(CLIP, end=0.1))}
    keys |= {key_of(replace(made, params={**PARAMS, "height": 31}))}
    assert len(keys | {key}) == 7


def test_the_key_does_not_follow_what_this_way_to_cut_does_not_read(job):
    key = key_of(job(faces()))
    other = faces()
    other.extra["boxes"][0] = 9
    assert key_of(job(other)) == key
    square = replace(job(faces()), kind="square", params={"px": 30, "margin": 1.2})
    before = key_of(square)
    job(other)
    assert key_of(square) != before


def test_blocks_do_not_show_in_the_result(job, monkeypatch):
    made = job(faces())
    whole = joined(made.compute(CLIP, made.load(CLIP), []))
    monkeypatch.setattr("pipeline.faces.cropping.crop.BLOCK_BYTES", 2 * 30 * 22 * 3)
    blocks = list(made.compute(CLIP, made.load(CLIP), []))
    assert [len(block.mask) for block in blocks] == [2, 2, 1]
    assert joined(blocks).digest() == whole.digest()


def test_frames_that_are_not_those_of_the_tracker(job, tmp_path):
    made = job(faces(count=4))
    runtime = Runtime(workers=1, clip_cache=str(tmp_path / "cache"), max_failed_fraction=1)
    run(made, [CLIP], [], made.meta(), tmp_path / "x.h5", tmp_path / "x.csv", runtime)
    entry = read_ledger(tmp_path / "x.csv")[0]
    assert (entry.status, entry.reason) == ("failed", "decode_error")
    assert entry.detail == "frame 4 differs between two readings"


def test_faces_without_eyes(job):
    old = faces()
    old.extra["landmarks"] = np.zeros((5, 0, 2), np.float32)
    with pytest.raises(ArtifactError, match="run `dvc repro track_faces`"):
        job(old).load(CLIP)
