"""Features side by side of new clips: as the stage joins them, whatever one of them has lost."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from helpers import joined
from pipeline.core.settings import Runtime
from pipeline.core.store import FeatureFile
from pipeline.prediction.course import SpanParams
from pipeline.prediction.features import Features
from pipeline.prediction.steps import Step, Steps

CLIPS = joined.clips()
EARLY = "f/toy/early.h5"


def features(folder: Path, deaf: list[str]) -> Features:
    """Those of new clips in a scratch folder, of a project that has joined others before."""
    for place in ("f/toy", "scratch"):
        (folder / place).mkdir(parents=True)
    joined.write(folder / "f/toy", CLIPS[:3])
    joined.write(folder / "scratch", CLIPS, deaf=deaf)
    (folder / "scratch/early.h5").unlink()
    steps = [Step(f"extract@toy-{name}", "extract", {"out": f"f/toy/{name}.h5"}) for name in ("voice", "face")]
    args = {"source": "f/toy/voice.h5", "more": "f/toy/face.h5", "out": EARLY}
    steps.append(Step("join@toy-early", "join", args))
    found: dict = {}
    return Features(Steps(steps), found, folder, found, folder / "scratch", Runtime(), print)


def test_they_are_joined_as_the_stage_does(tmp_path: Path) -> None:
    given = features(tmp_path, [CLIPS[-1].clip_id])
    assert [step.feature for step in given.steps.needed([EARLY])] == ["voice", "face", "early"]
    with FeatureFile(tmp_path / EARLY) as file:
        before, now = file.read(CLIPS[0].clip_id), given.read(EARLY, CLIPS[0], "fold-00")
    for name, array in before.arrays().items():
        np.testing.assert_array_equal(now.arrays()[name], array)
    assert set(given.read(EARLY, CLIPS[-1], "fold-00").extra["part"]) == {1}
    assert given.read(EARLY, joined.clips(9)[-1], "fold-00") is None


def test_a_row_for_the_whole_clip_is_in_every_window(tmp_path: Path) -> None:
    clip = features(tmp_path, []).read(EARLY, CLIPS[0], "fold-00")
    cut = SpanParams(window_s=0.04, hop_s=0.04).cut(clip, 0.02)
    assert cut.extra["part"].tolist() == [0, 0, 1]
    assert cut.times.tolist() == [0.0, 0.02, 0.1]
