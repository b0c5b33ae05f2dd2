"""`pipeline.core.posteriors`: tables that survive CSV."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.core.clip import Clip
from pipeline.core.errors import ArtifactError
from pipeline.core.posteriors import KEYS, probabilities, read_table, table, write_table

CLASSES = ["anger", "sad", "neutral"]


def frame_of(ids, posteriors):
    clips = [Clip(i, f"{i}.mp4", f"speaker {i}", "sad") for i in ids]
    return table("m", "fold-00", "test", clips, np.array(posteriors, float).reshape(len(clips), 3), CLASSES)


@pytest.mark.parametrize(
    ("row", "predicted"),
    [([0.7, 0.2, 0.1], "anger"), ([0.1, 0.2, 0.7], "neutral"), ([0.4, 0.4, 0.2], "anger"), ([0.2, 0.4, 0.4], "sad")],
)
def test_the_decision_is_the_highest_posterior_the_first_of_equals(row, predicted):
    assert frame_of(["a"], [row])["predicted"].tolist() == [predicted]


def test_columns():
    frame = frame_of(["a", "b"], [[1, 0, 0], [0, 1, 0]])
    assert list(frame.columns) == [*KEYS, "p_anger", "p_sad", "p_neutral"]
    np.testing.assert_array_equal(probabilities(frame, ["neutral", "anger"]), [[0, 1], [0, 0]])


def test_no_clips_give_an_empty_table():
    assert list(frame_of([], []).columns) == [*KEYS, "p_anger", "p_sad", "p_neutral"]
    assert len(frame_of([], [])) == 0


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.floats(0.001, 1), min_size=3, max_size=30).map(lambda v: np.array(v[: len(v) // 3 * 3]).reshape(-1, 3))
)
def test_round_trip(tmp_path, rows):
    rows = rows / rows.sum(axis=1, keepdims=True)
    frame = frame_of([f"c{n}" for n in range(len(rows))], rows)
    write_table(tmp_path / "t.csv", frame)
    again = read_table(tmp_path / "t.csv")
    assert again[KEYS].equals(frame[KEYS].astype(again[KEYS].dtypes))
    np.testing.assert_allclose(probabilities(again, CLASSES), rows, atol=5.1e-7)


@pytest.mark.parametrize("clip_id", ["001", "NA", "nan", "1e5", "None", "a,b", 'say "x"', "ünicode"])
def test_ids_stay_text(tmp_path, clip_id):
    write_table(tmp_path / "t.csv", frame_of([clip_id], [[1, 0, 0]]))
    found = read_table(tmp_path / "t.csv")
    assert found["clip_id"].tolist() == [clip_id]
    assert found["speaker"].tolist() == [f"speaker {clip_id}"]


def test_equal_tables_give_equal_bytes(tmp_path):
    for name in ("a", "b"):
        write_table(tmp_path / f"{name}.csv", frame_of(["x"], [[1 / 3, 1 / 3, 1 / 3]]))
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    assert b"0.333333" in (tmp_path / "a.csv").read_bytes()
    assert b"\r" not in (tmp_path / "a.csv").read_bytes()


@pytest.mark.parametrize("content", [None, "x,y\n1,2\n"])
def test_absent_or_foreign(tmp_path, content):
    if content is not None:
        (tmp_path / "t.csv").write_text(content)
    with pytest.raises(ArtifactError) as caught:
        read_table(tmp_path / "t.csv")
    assert "\n" not in str(caught.value)


def test_an_empty_file_is_refused_in_one_line(tmp_path):
    (tmp_path / "t.csv").write_text("")
    with pytest.raises(ArtifactError):
        read_table(tmp_path / "t.csv")
