"""`pipeline.media.frame`: a region has the pixels of the whole, whatever the format, and so has what is kept of it."""

from __future__ import annotations

import av
import numpy as np
import pytest
from av.video.reformatter import Interpolation
from hypothesis import given
from hypothesis import strategies as st

from helpers.media import rotate_metadata, write_media
from pipeline.media import yuv as planes
from pipeline.media.decode import read_frames, read_video_frames
from pipeline.media.frame import VideoFrame

FORMATS = ("yuv420p", "yuvj420p", "yuv422p", "yuv444p", "nv12", "gray", "yuv420p10le", "rgb24", "pal8")
LEVELS = 3
"""Of 255; FFmpeg rounds on the way."""


def frame(name: str, height: int = 75, width: int = 101) -> av.VideoFrame:
    """Return a frame of noise; of BT.709, whose conversion is easy to get wrong."""
    rgb = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    made = av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format=name if name != "pal8" else "rgb8")
    made.colorspace, made.color_range = 1, 1
    return made


edges = st.tuples(st.integers(0, 101), st.integers(0, 101)).map(sorted).filter(lambda pair: pair[0] < pair[1])
heights = st.tuples(st.integers(0, 75), st.integers(0, 75)).map(sorted).filter(lambda pair: pair[0] < pair[1])


@pytest.mark.parametrize("size", [(75, 101), (76, 102)], ids=["odd", "even"])
@pytest.mark.parametrize("name", FORMATS)
def test_a_region_is_a_part_of_the_whole(name, size):
    picture = VideoFrame(frame(name, *size))
    whole = picture.rgb()
    assert whole.shape == (*size, 3)
    assert picture.shape == size

    @given(edges, heights)
    def check(across, down):
        region = (across[0], down[0], across[1], down[1])
        expected = whole[down[0] : down[1], across[0] : across[1]]
        assert np.array_equal(picture.rgb(region), expected)
        part = picture.part(region)
        assert part.holds(region)
        assert np.array_equal(part.rgb(region), expected)

    check()


@pytest.mark.parametrize("full_range", [False, True])
@pytest.mark.parametrize("space", [1, 2, 4, 5, 6, 7, 9])
@pytest.mark.parametrize("name", ["yuv420p", "yuv422p", "yuv444p", "yuvj420p"])
def test_colours_are_those_of_ffmpeg(name, space, full_range):
    for colour in np.random.default_rng(space).integers(0, 256, (8, 3), np.uint8):
        made = av.VideoFrame.from_ndarray(np.full((32, 48, 3), colour), format="rgb24").reformat(format=name)
        made.colorspace, made.color_range = space, 2 if full_range or name.startswith("yuvj") else 1
        expected = made.to_ndarray(format="rgb24", interpolation=Interpolation.BILINEAR | Interpolation.ACCURATE_RND)
        assert np.abs(VideoFrame(made).rgb().astype(int) - expected).max() <= LEVELS


def test_a_real_film_looks_as_ffmpeg_shows_it(tmp_path):
    path = write_media(tmp_path / "a.mp4", [0, 40])
    with av.open(str(path)) as container:
        expected = next(container.decode(video=0)).to_ndarray(format="rgb24")
    difference = np.abs(next(read_frames(path))[1].astype(int) - expected)
    assert difference.mean() < 2, "FFmpeg's default does not interpolate colours"


@pytest.mark.parametrize("size", [(75, 101), (76, 102)], ids=["odd", "even"])
@pytest.mark.parametrize("name", ["yuv420p", "yuv422p", "yuv444p"])
@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_turned_frame_of_any_format(name, size, turns, monkeypatch):
    upright, turned = VideoFrame(frame(name, *size)), VideoFrame(frame(name, *size))
    monkeypatch.setattr(turned, "_turns", turns)
    turned.shape = size if turns == 2 else size[::-1]
    whole = turned.rgb()
    assert np.abs(whole - np.rot90(upright.rgb(), turns).astype(int)).max() <= 3
    assert np.array_equal(turned.luma, np.rot90(upright.luma, turns))
    assert np.array_equal(turned.rgb((10, 11, 50, 40)), whole[11:40, 10:50])
    assert np.array_equal(turned.part((10, 11, 50, 40)).rgb((20, 21, 40, 31)), whole[21:31, 20:40])


@pytest.mark.parametrize("name", FORMATS)
def test_the_brightness_of_any_format(name):
    luma = VideoFrame(frame(name)).luma
    assert (luma.dtype, luma.shape) == (np.uint8, (75, 101))
    grey = frame(name).to_ndarray(format="gray").astype(int)
    assert np.abs(luma.astype(int) - grey).mean() < 25, "perhaps of another range, but the same picture"


@pytest.mark.parametrize("rows", [1, 2, 7, 64])
def test_a_picture_does_not_depend_on_how_many_rows_are_converted_at_a_time(rows, monkeypatch):
    whole = VideoFrame(frame("yuv420p")).rgb()
    monkeypatch.setattr(planes, "_ROWS", rows)
    assert np.array_equal(VideoFrame(frame("yuv420p")).rgb(), whole)


def test_a_part_tells_what_it_holds():
    picture = VideoFrame(frame("yuv420p", 300, 400))
    part = picture.part((100, 100, 200, 200))
    assert part.shape == (300, 400)
    assert part.nbytes < 4 * 1.5 * 100 * 100
    assert part.holds((100, 100, 200, 200))
    assert part.holds((120, 130, 150, 160))
    assert not part.holds((60, 100, 200, 200))
    assert not part.holds((100, 100, 200, 260))


def test_a_turned_film(tmp_path):
    path = write_media(tmp_path / "a.mp4", [0, 40])
    upright = next(read_frames(path))[1]
    rotate_metadata(path)
    picture = next(read_video_frames(path))[1]
    assert picture.shape == upright.shape[1::-1]
    assert picture.luma.shape == picture.shape
    whole = picture.rgb()
    turned = np.rot90(upright, -1).astype(int)
    assert np.abs(whole - turned).max() <= 3, "colours are interpolated down and across in another order"
    assert np.array_equal(picture.rgb((3, 5, 20, 40)), whole[5:40, 3:20])
    assert np.array_equal(picture.part((3, 5, 20, 40)).rgb((4, 6, 10, 12)), whole[6:12, 4:10])
