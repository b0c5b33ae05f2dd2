"""Windows over a clip."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from pipeline.core.store import ClipFeatures
from pipeline.prediction.course import SpanParams, duration

SPANS = SpanParams(window_s=1.0, hop_s=0.25)


def clip(rows: int, observed: float = 1.0) -> ClipFeatures:
    times = np.arange(rows) / 10
    crops = np.zeros((rows, 2, 2, 3), np.uint8)
    return ClipFeatures(
        np.arange(rows, dtype=np.float32)[:, None], times, times < observed * rows / 10, {"crops": crops}
    )


def test_centres_reach_from_the_beginning_to_the_end():
    np.testing.assert_allclose(SPANS.centres(1.0), [0, 0.25, 0.5, 0.75, 1.0])
    np.testing.assert_allclose(SPANS.centres(0.1), [0])
    np.testing.assert_allclose(SPANS.centres(0.0), [0])
    assert len(SPANS.centres(0.3 / 3 * 10)) == 5, "1.0 up to rounding"


def test_a_window_holds_values_times_and_mask_of_its_span():
    cut = SPANS.cut(clip(30), 1.0)
    np.testing.assert_allclose(cut.times, np.arange(5, 15) / 10)
    np.testing.assert_array_equal(cut.values[:, 0], np.arange(5, 15))
    assert cut.extra["crops"].shape == (10, 2, 2, 3)
    np.testing.assert_allclose(SPANS.cut(clip(30), 0.0).times, np.arange(5) / 10)
    assert not SPANS.cut(clip(30, observed=0.3), 2.5).mask.any()


def test_what_takes_all_frames_is_masked():
    masked = SPANS.masked(clip(30, observed=0.5), 1.5)
    assert len(masked.times) == 30
    np.testing.assert_array_equal(np.flatnonzero(masked.mask), range(10, 15))


def test_one_row_per_clip_stays():
    one = clip(1)
    assert SPANS.cut(one, 17.0) is one
    assert SPANS.masked(one, 17.0) is one


def test_how_long_a_clip_lasts():
    assert duration([None, clip(30), clip(5)]) == pytest.approx(2.9)
    assert duration([None]) == 0


def test_audio_that_outlasts_the_video_does_not_prolong_the_course():
    heard, seen = clip(30), clip(15)
    assert duration([heard, seen], [seen, None]) == pytest.approx(1.4)
    assert duration([heard, seen], [clip(26)]) == pytest.approx(2.9), "windows of one are longer than of the other"
    assert duration([heard, seen], [clip(1)]) == pytest.approx(2.9), "one row per clip does not tell"


@pytest.mark.parametrize("wrong", [{"window_s": 0}, {"hop_s": -1}, {"hop": 1}])
def test_wrong_settings(wrong):
    with pytest.raises(ValidationError):
        SpanParams(**wrong)
