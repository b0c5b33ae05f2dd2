"""Prediction by what the DAG has trained, run by the real DVC."""

from __future__ import annotations

import json
import re
import shutil

import numpy as np
import pandas as pd
import pytest

from helpers.media import tone, write_media
from helpers.project import Project
from helpers.small_run import SYSTEMS, copy_of

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("repro-predict")]

PREDICTED = {
    # what decides, and the fold in which it is compared; with keep: [fold-00], that one is all there is
    "huang2017": [
        ("confidence-logistic_regression+audio+video-a60+v1024-lstm", "fold-01"),
        ("prior_knowledge-a60+v1024-svm", "fold-02"),
    ],
    "zhang2017": [("score_level-anet+vnet-linear_svm", "fold-01"), ("dbn2-linear_svm", "fold-02")],
    "ouyang2017": [("combined-audio_visual-weighted", "fold-00")],
}


@pytest.fixture(scope="module")
def done(first, tmp_path_factory) -> Project:
    """One copy of the first run for all that is predicted here, which changes nothing in it."""
    return copy_of(first, tmp_path_factory.mktemp("predict") / "project")


def predict(project: Project, *args: str) -> str:
    done = project.run("python", "-m", "pipeline", "predict", *args, "--no-pictures")
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_test_clip_is_predicted_as_it_was_tested(done, system):
    tested = pd.read_csv(done.root / f"models/demo/{system}/fusion/predictions.csv")
    for model, fold in PREDICTED[system]:
        said = predict(
            done, "data/demo", "--system", system, "--model", model, "--fold", fold, "--out", "found", "--hop", "1"
        )
        assert "says nothing about people" in said
        assert not any(
            " from the clip cache" in line and "21 of 21" not in line
            for line in said.splitlines()
            if "(fold" not in line
        )
        found = pd.read_csv(done.root / "found/predictions.csv")
        assert (found["status"] == "ok").all()
        for name, rows in found.groupby("model"):
            theirs = tested[(tested["model"] == name) & (tested["fold"] == fold)].set_index("clip_id")
            ours = rows.set_index("clip").loc[theirs.index]
            assert len(ours) == 7
            np.testing.assert_allclose(
                ours.filter(regex="^p_"), theirs.filter(regex="^p_"), rtol=0, atol=1e-6, err_msg=name
            )
            assert (ours["predicted"] == theirs["predicted"]).all()


@pytest.mark.parametrize(
    "system", [one if one == "zhang2017" else pytest.param(one, marks=pytest.mark.long) for one in SYSTEMS]
)
def test_prediction_on_new_and_bad_media(done, system):
    folder = done.root / "new"
    folder.mkdir(exist_ok=True)
    shutil.copy(done.root / "data/demo/s01/s01_anger_1.mp4", folder / "known.mp4")
    write_media(folder / "no face.mkv", [i * 40 for i in range(25)], tone(1.0))
    write_media(folder / "no sound.mkv", [i * 40 for i in range(25)])
    write_media(folder / "voice.wav", sound=tone(1.0))
    (folder / "text.mp4").write_text("no film", encoding="utf-8")
    (folder / "empty.mp4").touch()
    (folder / "read.me").write_text("no clip", encoding="utf-8")
    words = ("new", "--system", system, "--model", PREDICTED[system][0][0])
    said = predict(done, *words)
    assert "skipped, not judged: read.me" in said
    assert "of the corpus: a training or validation clip in" in said
    found = pd.read_csv(done.root / "reports/predictions/new/predictions.csv", keep_default_na=False)
    about = json.loads((done.root / "reports/predictions/new/about.json").read_text())
    chosen = found[found["model"] == about["model"]].set_index("clip")
    assert dict(chosen["status"]) == {
        "empty": "failed",
        "known": "ok",
        "no-face": "degraded",
        "no-sound": "failed",
        "text": "failed",
        "voice": "degraded",
    }
    assert dict(chosen["reason"][["no-face", "text", "voice"]]) == {
        "no-face": "no_face",
        "text": "not_media",
        "voice": "no_video",
    }
    assert about["folds"] == (["fold-00"] if system == "ouyang2017" else [f"fold-{n:02d}" for n in range(3)])
    for fold in about["folds"]:
        assert all(len(digests[fold]) == 64 for digests in about["models"].values())
    courses = {path.stem for path in (done.root / "reports/predictions/new/posteriors").glob("*.csv")}
    assert courses == {"known", "no-face", "voice"}
    again = predict(done, *words)
    reused = [
        re.search(r"(\d+) of (\d+) clips from the clip cache", line)
        for line in again.splitlines()
        if line.endswith("clip cache")
    ]
    assert reused
    assert all(found[1] == found[2] for found in reused), again
    assert "up to date" in done.run("dvc", "status").stdout, "a prediction touches no artifact"


def test_prediction_stops_with_one_line_where_weights_were_not_kept(done, tmp_path):
    weights = done.root / "models/demo/ouyang2017/classifiers/vggface-end_to_end/fold-00"
    shutil.move(weights, tmp_path / "kept")
    words = "predict data/demo --system ouyang2017 --model combined-visual-average"
    stopped = done.run("python", "-m", "pipeline", *words.split())
    shutil.move(tmp_path / "kept", weights)
    assert stopped.returncode == 1
    remedy = "dvc repro end_to_end@demo-ouyang2017-vggface-end_to_end"
    assert f"set end_to_end.vggface.keep: all in params.yaml and run `{remedy}`" in stopped.stderr
    assert stopped.stderr.count("\n") == 1
