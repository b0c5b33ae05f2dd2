"""`pipeline.faces.tracking.face_pixels` and the crops that `track_faces` puts into the clip cache: those that
`crop_faces` would make.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.media import drawn, write_media
from helpers.scenes import At, Scene
from pipeline.core.clip import Clip
from pipeline.core.store import ClipFeatures, joined
from pipeline.core.store_writer import write_features
from pipeline.engine.clip_cache import ClipCache, cache_key
from pipeline.faces.cropping.crop import region_of
from pipeline.faces.cropping.job import CropJob, crop_params
from pipeline.faces.tracking import face_pixels as kept_module
from pipeline.faces.tracking.face_pixels import Kept, KeptPicture, NotKept
from pipeline.faces.tracking.job import TrackJob
from pipeline.faces.tracking.patch import Place
from pipeline.faces.tracking.settings import TrackParams

CROPS = {
    "huang": {"kind": "square"},
    "zhang": {"kind": "eyes"},
    "ouyang_vgg": {"kind": "square", "px": 224},
    "ouyang_resnet": {"kind": "eyes", "height": 112, "width": 96, "eye_distance_px": 35.2, "eye_row": 51.6},
}
"""The sizes that the three papers ask for."""
SHAPES = {"huang": (100, 100), "zhang": (150, 110), "ouyang_vgg": (224, 224), "ouyang_resnet": (112, 96)}
CLIP = Clip("a", "a.mp4", "s", "anger", digest="0")


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    folder = tmp_path_factory.mktemp("film")
    scene = Scene(30, {1: lambda i: At(240 + 100 * math.sin(i / 5), 170, 110, 10 * math.sin(i / 7))})
    write_media(folder / "a.mp4", [40 * i for i in range(30)], pictures=scene.pictures())
    return folder


def jobs(folder, cache, crops=CROPS) -> TrackJob:
    made = tuple(CropJob(name, folder, cache / "faces.h5", *crop_params(block, name)) for name, block in crops.items())
    return TrackJob(folder, TrackParams(), {}, None, None, made, cache / "clips")


def tracked(job: TrackJob) -> ClipFeatures:
    (found,) = list(job.compute(CLIP, None, []))
    return found


def test_the_crops_are_those_of_another_reading_and_keys_are_the_stage_s_own(film, tmp_path):
    job = jobs(film, tmp_path)
    faces = tracked(job)
    write_features(tmp_path / "faces.h5", job.meta(), [("a", faces)])
    cache = ClipCache(tmp_path / "clips")
    assert len(list(cache.entries())) == len(CROPS)
    for crop in job.crops:
        found, notes = cache.get(cache_key(**crop.parts(CLIP)))
        assert notes == []
        again = joined(crop.compute(CLIP, crop.load(CLIP), []))
        assert found.digest() == again.digest()
        assert found.extra["crops"].any(axis=(1, 2, 3)).all()
        assert found.extra["crops"].shape == (30, *SHAPES[crop.name], 3)


def test_crops_that_are_there_are_not_cut_again(film, tmp_path):
    job = jobs(film, tmp_path)
    tracked(job)
    before = {path: path.read_bytes() for path in ClipCache(tmp_path / "clips").entries()}
    for path in before:
        path.chmod(0o400)
    tracked(job)
    assert {path: path.stat().st_mode & 0o777 for path in before} == dict.fromkeys(before, 0o400)


@pytest.mark.parametrize(("name", "value"), [("MOST_BYTES", 1000), ("_SLACK", -0.6)], ids=["too much", "too near"])
def test_what_cannot_be_cut_is_left_to_the_stage(film, tmp_path, monkeypatch, name, value):
    monkeypatch.setattr(kept_module, name, value)
    faces = tracked(jobs(film, tmp_path))
    assert faces.mask.all()
    assert not list(ClipCache(tmp_path / "clips").entries())


@pytest.mark.parametrize(
    ("name", "sides"), [("huang", 1.2), ("zhang", 1.2), ("ouyang_vgg", 1.2), ("ouyang_resnet", 1.7)]
)
def test_what_crops_reach_of_a_face(tmp_path, name, sides):
    assert jobs(tmp_path, tmp_path, {name: CROPS[name]}).crops[0].sides(
        ((0.29, 0.285), (0.71, 0.285))
    ) == pytest.approx(sides, abs=0.06)


def test_memory_is_given_back_once_it_is_too_much(monkeypatch):
    monkeypatch.setattr(kept_module, "MOST_BYTES", 3 * 3 * 40 * 40)
    kept = Kept(1.2)
    picture = drawn(np.zeros((100, 100, 3), np.uint8))
    for _ in range(3):
        kept.add(picture, [Place(50, 50, 20)])
    assert len(list(kept.pictures(np.arange(3.0)))) == 3
    assert kept.frame_bytes == 3 * 40 * 40
    kept.add(picture, [Place(50, 50, 20)])
    with pytest.raises(NotKept):
        next(kept.pictures(np.arange(4.0)))


def test_a_frame_without_a_face_has_nothing():
    kept = Kept(1.2)
    kept.add(drawn(np.zeros((100, 100, 3), np.uint8)), [Place(-300, 0, 20)])
    (_, picture), *_ = kept.pictures(np.zeros(1))
    with pytest.raises(NotKept):
        picture.rgb((0, 0, 1, 1))
    with pytest.raises(NotKept):
        _ = KeptPicture([]).shape


reach = st.tuples(st.floats(-400, 400), st.floats(-400, 400), st.floats(1, 500), st.floats(1, 500))


@given(reach, st.tuples(st.integers(1, 120), st.integers(1, 160)))
def test_the_region_holds_every_pixel_that_a_reflection_shows(rectangle, shape):
    left, top, width, height = rectangle
    region = region_of((left, top, left + width, top + height), shape)
    for (begin, end), size, (first, last) in zip(
        ((left, left + width), (top, top + height)),
        shape[::-1],
        ((region[0], region[2]), (region[1], region[3])),
        strict=True,
    ):
        assert 0 <= first < last <= size
        period = max(1, 2 * (size - 1))
        shown = np.arange(math.floor(begin), math.ceil(end)) % period
        shown = np.where(shown < size, shown, period - shown)
        assert first <= shown.min()
        assert shown.max() < last
        if first > 0:
            assert begin >= first, "beyond an edge of the region that is none of the picture's nothing is reflected"
        if last < size:
            assert end <= last
