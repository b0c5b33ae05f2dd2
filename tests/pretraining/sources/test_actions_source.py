"""actions: which frames of a clip are used, who is held out, and clips that cannot be used."""

from __future__ import annotations

from pathlib import PurePosixPath

import numpy as np
import pytest
from pydantic import ValidationError

from helpers.sources import CASES, LOOP
from pipeline.core.errors import ClipError, CorpusError
from pipeline.pretraining.sources import actions
from pipeline.pretraining.sources._shared.reading import CLIPS
from pipeline.synthetic.mp4 import write_mp4
from pipeline.training.task import Run

SETTINGS = {**CASES["actions"][1], "loop": {**LOOP, "epochs": 0}}


def ramp(path, frames, side=32):
    """A clip whose brightness tells the frame: 10, 20, 30 and so on."""
    path.parent.mkdir(parents=True, exist_ok=True)
    levels = np.arange(1, frames + 1, dtype=np.uint8) * 10
    write_mp4(path, np.broadcast_to(levels[:, None, None, None], (frames, side, side, 3)).copy(), None)


def corpus(root, **clips):
    """One folder per class, one clip of three frames per name."""
    for kind, names in clips.items():
        (root / kind).mkdir(parents=True)
        for name in names.split():
            ramp(root / kind / f"{name}.mp4", 3)
    return root


@pytest.mark.parametrize(
    ("frames", "expected"),
    [
        (16, list(range(1, 17))),
        (2, [1] * 8 + [2] * 8),
        (20, [1, 2, 4, 5, 6, 7, 9, 10, 11, 12, 14, 15, 16, 17, 19, 20]),
        (3, [1] * 4 + [2] * 8 + [3] * 4),
    ],
)
def test_frames_are_spread_evenly_from_the_first_to_the_last(tmp_path, frames, expected):
    ramp(tmp_path / "a.mp4", frames)
    found = actions.sixteen_frames(tmp_path / "a.mp4", 8)
    assert found.shape == (16, 8, 8, 3)
    assert found.dtype == np.uint8
    assert np.abs(found[:, 4, 4, 0].astype(int) - 10 * np.array(expected)).max() <= 4


def test_frames_are_brought_to_a_square(tmp_path):
    (tmp_path / "a").mkdir()
    frames = np.zeros((4, 32, 64, 3), np.uint8)
    frames[:, :, 32:] = 200
    write_mp4(tmp_path / "a.mp4", frames, None)
    for size in (16, 48):
        found = actions.sixteen_frames(tmp_path / "a.mp4", size)
        assert found.shape == (16, size, size, 3)
        assert found[:, :, : size // 2 - 3].max() < 30
        assert found[:, :, size // 2 + 3 :].min() > 170


def test_one_frame_is_no_clip(tmp_path):
    ramp(tmp_path / "a.mp4", 1)
    with pytest.raises(ClipError, match="too_short: a single frame"):
        actions.sixteen_frames(tmp_path / "a.mp4", 8)


def sides(root, share, speaker, **run):
    found = actions.read_clips(root, 8, share, speaker, Run(**run))
    return found, found.learn.labels.tolist(), found.held.labels.tolist()


def test_a_speaker_is_on_one_side_only(tmp_path):
    corpus(tmp_path, nod="p1_1 p1_2 p2_1 p3_1", shake="p1_1 p2_1 p3_1 p3_2 p4_1")
    _, learn, held = sides(tmp_path, 0.5, "/(p\\d)_")
    assert (learn, held) == ([0, 0, 0, 1, 1, 1], [0, 1, 1]), "p2 and p4 are held out"
    assert actions.speakers(tmp_path, actions.Params(**{**SETTINGS, "speaker": "/(p\\d)_"})) == {"p1", "p2", "p3", "p4"}


def test_without_speakers_single_clips_are_held_out(tmp_path):
    corpus(tmp_path, nod="a b c d", shake="a b")
    _, learn, held = sides(tmp_path, 0.34, None)
    assert (learn, held) == ([0, 0, 0, 1], [0, 1])
    assert actions.speakers(tmp_path, actions.Params(**{**SETTINGS, "speaker": None})) == set()


def test_a_clip_of_nobody_stands_for_itself(tmp_path):
    corpus(tmp_path, nod="p1_1 x y", shake="p1_1 z")
    assert actions.speakers(tmp_path, actions.Params(**{**SETTINGS, "speaker": "/(p\\d)_"})) == {"p1"}
    _, learn, held = sides(tmp_path, 0.5, "/(p\\d)_")
    assert (learn, held) == ([0, 0, 1], [0, 1]), "nod/y and shake/z are held out, p1 is on one side"


def test_few_groups_still_leave_one_to_hold_out(tmp_path):
    corpus(tmp_path, nod="p1_1 p2_1", shake="p1_1 p2_1")
    _, learn, held = sides(tmp_path, 0.1, "/(p\\d)_")
    assert (learn, held) == ([0, 1], [0, 1])


def test_bad_clips_cost_themselves_and_stand_in_the_ledger(tmp_path):
    corpus(tmp_path, nod="a b c", shake="a b", tilt="a")
    (tmp_path / "nod" / "d.mp4").write_bytes(b"no video")
    (tmp_path / "tilt" / "b.avi").write_bytes(b"")
    (tmp_path / "shake" / "notes.txt").write_text("x")
    (tmp_path / "shake" / ".hidden.mp4").write_bytes(b"x")
    ramp(tmp_path / "shake" / "still.mp4", 1)
    seen = []
    found, _, _ = sides(tmp_path, 0.5, None, stage="pretrain:c3d", on_ledger=seen.extend)
    assert found.classes == ["nod", "shake"]
    assert seen == found.ledger
    assert {entry.stage for entry in seen} == {"pretrain:c3d"}
    assert {(entry.clip_id, entry.reason) for entry in seen} == {
        *((name, "") for name in ("nod/a.mp4", "nod/b.mp4", "nod/c.mp4", "shake/a.mp4", "shake/b.mp4")),
        ("nod/d.mp4", "not_media"), ("tilt/b.avi", "not_media"), ("shake/still.mp4", "too_short"),
        ("tilt", "no_input"),
    }  # fmt: skip
    assert str(tmp_path) not in str(seen)


@pytest.mark.parametrize(
    ("clips", "speaker", "words"),
    [
        ({"nod": "a b"}, None, "1 class folders"),
        ({"nod": "a b", "shake": "a"}, None, "1 classes with 2 readable clips"),
        ({"nod": "p1_1 p1_2", "shake": "p1_1 p1_2"}, "/(p\\d)_", "all clips are of one speaker, p1"),
        (
            {"nod": "p1_1 p2_1 p2_2", "shake": "p2_1 p2_2"},
            "/(p\\d)_",
            "all clips of the class shake are of speakers who are",
        ),
    ],
)
def test_a_corpus_that_cannot_be_learned_from(tmp_path, clips, speaker, words):
    with pytest.raises(CorpusError, match=words) as caught:
        sides(corpus(tmp_path, **clips), 0.5, speaker)
    assert "\n" not in str(caught.value)
    assert str(tmp_path) in str(caught.value)


def test_workers_change_nothing(tmp_path, two_workers):
    corpus(tmp_path, nod="a b c", shake="a b")
    one, two = (actions.read_clips(tmp_path, 8, 0.5, None, Run(workers=workers)) for workers in (1, two_workers))
    assert one.ledger == two.ledger
    assert (one.learn.inputs == two.learn.inputs).all()
    assert (one.held.inputs == two.held.inputs).all()


@pytest.mark.parametrize(
    "change", [{"speaker": "p1"}, {"speaker": "("}, {"size": 15}, {"fc6": "old"}, {"dropout": 1}, {"held_out": 0.9}]
)
def test_settings_that_make_no_sense(change):
    with pytest.raises(ValidationError):
        actions.Params(**{**SETTINGS, **change})


def test_the_published_fc6_is_refused_at_other_sizes():
    with pytest.raises(ValidationError, match="the published fc6 takes frames of 112 px, not 64"):
        actions.Params(**{**SETTINGS, "size": 64, "fc6": "published"})


@pytest.mark.parametrize("asked", [{}, {"standardise": True}])
def test_the_config_says_what_the_network_takes(tmp_path, asked):
    corpus(tmp_path, nod="p1_1 p2_1", shake="p1_1 p2_1")
    trained = actions.train(tmp_path, actions.Params(**SETTINGS, **asked), Run())
    assert trained.config == {
        "network": {"width": 0.05, "classes": 2, "size": 16, "fc6": "adaptive", **asked},
        "classes": ["nod", "shake"],
        "input": {"frames": 16, "size": 16, "mean": [104, 117, 128]},
    }
    assert all(tensor.is_contiguous() for tensor in trained.state.values())
    assert PurePosixPath("nod/p1_1.mp4") in CLIPS.paths(tmp_path, actions.SUFFIXES)
