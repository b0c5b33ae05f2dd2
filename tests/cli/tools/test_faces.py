"""`python -m pipeline faces`: sheets and page show what the tracker found, and what it did not."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote

import cv2
import numpy as np
import pytest
import yaml

from helpers.media import write_media
from pipeline.__main__ import main
from pipeline.cli.tools.contact_sheet import (
    BETWEEN,
    CELL_PX,
    DETECTED,
    FOLLOWED,
    NOTHING,
    draw_sheet,
    draw_strip,
    taken,
    untracked,
)
from pipeline.core.clip import Clip, write_manifest
from pipeline.core.ledger import Entry, write_ledger
from pipeline.core.store import ClipFeatures, FeatureMeta
from pipeline.core.store_writer import write_features

HOSTILE = "<script>alert(1)</script>"


def tracked(states: str, step_s: float = 0.04) -> ClipFeatures:
    """A clip, one letter per frame: d = detected, f = followed, b = in between, . = no face."""
    mask = np.array([state != "." for state in states])
    boxes = np.where(mask[:, None], [8.0, 8.0, 40.0, 40.0], np.nan).astype(np.float32)
    eyes = np.where(mask[:, None, None], [[18.0, 18.0], [30.0, 18.0]], np.nan).astype(np.float32)
    score = np.array([{"d": 1.5, "f": 0.0, "b": 0.0, ".": np.nan}[state] for state in states], np.float32)
    how = np.array([".dfb".index(state) for state in states], np.uint8)
    other = np.where(np.arange(len(states))[:, None] < 2, [50.0, 8.0, 60.0, 18.0], np.nan)  # another face in two frames
    tracks = np.stack([boxes, other.astype(np.float32)], axis=1)
    extra = {"boxes": boxes, "landmarks": eyes, "score": score, "how": how, "tracks": tracks}
    return ClipFeatures(boxes, np.arange(len(states)) * step_s, mask, extra)


def frames(count: int, height: int = 48, width: int = 64) -> list[tuple[float, np.ndarray]]:
    return [(0.04 * index, np.full((height, width, 3), 90, np.uint8)) for index in range(count)]


@pytest.mark.parametrize(
    ("count", "most", "expected"),
    [(5, 24, [0, 1, 2, 3, 4]), (10, 4, [0, 3, 6, 9]), (9, 4, [0, 3, 6]), (1, 6, [0]), (0, 6, [])],
)
def test_every_nth_frame_is_shown(count: int, most: int, expected: list[int]) -> None:
    assert taken(count, most) == expected


def test_each_frame_shows_its_state_and_its_box() -> None:
    sheet = draw_sheet(frames(4), tracked("db.f"), columns=4)
    middle = [6 + number * (CELL_PX + 6) + CELL_PX // 2 for number in range(4)]
    bar = 6 + 150 + 2  # below a picture of 200 x 150
    assert [tuple(sheet[bar, across].tolist()) for across in middle] == [DETECTED, BETWEEN, NOTHING, FOLLOWED]
    left_edge = 6 + round(8 * CELL_PX / 64)
    assert tuple(sheet[6 + 75, left_edge].tolist()) == DETECTED
    other_edge = 6 + round(60 * CELL_PX / 64)
    assert len(set(sheet[6 + 50, other_edge].tolist())) == 1, "another face's box is grey"
    assert sheet[6 + 50, other_edge, 0] != 90
    third = sheet[6 : 6 + 150, 6 + 2 * (CELL_PX + 6) : 6 + 2 * (CELL_PX + 6) + CELL_PX]
    assert (third == 90).all(), "nothing is drawn where there is no face"


def test_the_strip_is_an_axis_of_time_also_where_frames_are_not_evenly_spaced() -> None:
    faces = tracked("dd.b")
    uneven = ClipFeatures(faces.values, np.array([0.0, 0.1, 0.2, 0.9]), faces.mask, faces.extra)
    colours = draw_strip(uneven, 1000)[3]
    shares = {colour: (colours == colour).all(axis=1).mean() for colour in (DETECTED, NOTHING, BETWEEN)}
    assert shares == pytest.approx({DETECTED: 0.2, NOTHING: 0.7, BETWEEN: 0.1}, abs=0.01)


@pytest.mark.parametrize("times", [[0.0], [3.0, 3.04], [0.0, 7200.0]])
def test_a_strip_of_any_clip(times: list[float]) -> None:
    strip = draw_strip(untracked(np.array(times)), 300)
    assert (strip[3] == NOTHING).all(axis=1).any()


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Four clips: whole, with a gap, without a face, and not to be decoded; what is said of one is code."""
    monkeypatch.chdir(tmp_path)
    names = {"whole": "d" * 10, "gap": "ddbb....dd", "none at all": "", "broken": ""}
    clips = [Clip(name, f"{number}.mp4", "s", "anger", digest=str(number)) for number, name in enumerate(names)]
    (tmp_path / "m").mkdir()
    for clip in clips[:3]:
        write_media(tmp_path / "m" / clip.path, times_ms=[40 * index for index in range(10)])
    (tmp_path / "m/3.mp4").write_text("no media")
    features = tmp_path / "features/c"
    features.mkdir(parents=True)
    write_manifest(features / "manifest.csv", clips)
    reasons = {"none at all": ("no_face", HOSTILE), "broken": ("decode_error", "in words")}
    found = [Entry(n, "track_faces", "failed", *reasons[n]) if n in reasons else Entry(n, "track_faces") for n in names]
    write_ledger(features / "faces.ledger.csv", [*found, *(Entry(name, "prepare") for name in names)])
    write_features(
        features / "faces.h5",
        FeatureMeta("faces", 4, "float32"),
        sorted((n, tracked(s)) for n, s in names.items() if s),
    )
    (tmp_path / "params.yaml").write_text(yaml.safe_dump({"corpora": {"c": {"root": "m"}}, "runtime": {"workers": 1}}))
    return tmp_path


def test_the_page_lists_every_clip_worst_first_and_names_the_reason(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["faces", "c"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("4 clips, a face in 40.0% of the frames on average, worst: ")
    folder = project / "reports/c/faces"
    page = (folder / "index.html").read_text(encoding="utf-8")
    order = [page.index(f"<strong>{name}</strong>") for name in ("broken", "none at all", "gap", "whole")]
    assert order == sorted(order)
    assert "<script>" not in page
    assert "no_face: &lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "decode_error: in words" in page
    assert "a face in 60 % of the frames, 33 % of those interpolated; 1 other face" in page
    assert sorted(path.suffix for path in folder.iterdir()) == [".html", ".jpg", ".jpg", ".jpg"]
    assert page.count("<img") == page.count("alt=") == 3
    assert {unquote(name) for name in re.findall(r'src="([^"]*)"', page)} == {
        path.name for path in folder.glob("*.jpg")
    }


def test_one_clip_has_a_larger_sheet(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["faces", "c", "gap"]) == 0
    assert capsys.readouterr().out == "gap: ok; a face in 6 of 10 frames\nreports/c/faces/gap.png\n"
    sheet = cv2.imread(str(project / "reports/c/faces/gap.png"))
    assert sheet.shape[1] == 6 * (CELL_PX + 6) + 6


def test_a_clip_that_cannot_be_shown_and_one_that_is_not_there(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["faces", "c", "broken"]) == 0
    assert capsys.readouterr().out == "broken: failed, decode_error: in words; no frame of it can be shown\n"
    assert main(["faces", "c", "hwole"]) == 1
    assert "no clip 'hwole' (did you mean 'whole'?)" in capsys.readouterr().err


def test_before_the_tracker_has_run(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_ledger(project / "features/c/faces.ledger.csv", [])
    assert main(["faces", "c"]) == 1
    assert capsys.readouterr().err.startswith(
        "error: features/c/faces.ledger.csv: not of the clips of the manifest; run `dvc repro track_faces`"
    )


def test_clips_without_a_picture_are_counted_and_not_shown(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = ("whole", "gap", "none at all", "broken")
    deaf = [Entry(name, "track_faces", "absent", "no_video") for name in names]
    write_ledger(project / "features/c/faces.ledger.csv", [Entry("whole", "track_faces"), *deaf[1:]])
    assert main(["faces", "c"]) == 0
    assert capsys.readouterr().out.startswith(
        "1 clip (3 more have no picture), a face in 100.0% of the frames on average"
    )
    assert (project / "reports/c/faces/index.html").read_text(encoding="utf-8").count("<figure>") == 1
    write_ledger(project / "features/c/faces.ledger.csv", deaf)
    assert main(["faces", "c"]) == 1
    assert (
        capsys.readouterr().err
        == "error: features/c/faces.ledger.csv: no clip of c has a picture, so there is no face to show\n"
    )
