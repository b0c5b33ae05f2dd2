"""All of it on a toy project: real features of sound, hostile media, what is written and what is told."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from helpers.media import tone, write_media
from helpers.project import ROOT
from helpers.toy import FOLDS, write_project
from pipeline.__main__ import main
from pipeline.core.store import FeatureMeta
from pipeline.core.store_writer import write_features
from pipeline.pretraining.settings import MARK


@pytest.fixture
def project(tmp_path):
    """A project whose two features are made of sound, though one poses as video."""
    folder = tmp_path / "project"
    write_project(folder, {"mfcc39": 39, "logmel": 64})
    return folder


@pytest.fixture
def media(tmp_path):
    folder = tmp_path / "media"
    folder.mkdir()
    write_media(folder / "voice.wav", sound=tone(1.0))
    write_media(folder / "film.mkv", [i * 40 for i in range(50)], tone(2.0, hz=200))
    write_media(folder / "silent film.mkv", [i * 40 for i in range(25)])
    (folder / "text.mp4").write_text("no film", encoding="utf-8")
    (folder / "empty.mp4").touch()
    (folder / "notes.txt").write_text("notes", encoding="utf-8")
    return folder


def predict(project, path, *args) -> int:
    return main(["predict", str(path), "--params", str(project / "params.yaml"), "--out", str(project / "out"), *args])


def test_everything(project, media, capsys):
    (project / "clips" / MARK).touch()
    assert predict(project, media, "--model", "average-mfcc39+logmel-svm") == 0
    printed = capsys.readouterr()
    table = printed.out.split("\n\n")[1].splitlines()
    assert [line.split()[0] for line in table] == ["clip", "empty", "film", "silent-film", "text", "voice"]
    assert table[1].split()[-2:] == table[4].split()[-2:] == ["not", "media"]
    assert table[3].split()[-2:] == ["no", "audio"]
    assert "small on toy: average-mfcc39+logmel-svm, as asked for; mean over 2 folds" in printed.out
    assert "skipped, not judged: notes.txt" in printed.out
    assert "empty: not_media: empty.mp4: an empty file, 0 bytes; copy or download it again" in printed.out
    assert "weights of mfcc39: abababababab, trained here" in printed.out
    assert "says nothing about people" in printed.out

    frame = pd.read_csv(project / "out/predictions.csv", keep_default_na=False)
    assert list(frame.columns[:8]) == ["clip", "file", "model", "kind", "status", "reason", "folds", "predicted"]
    assert list(frame.columns[8:]) == ["p_anger", "p_happy", "p_sad"]
    assert list(frame["model"][:3]) == ["average-mfcc39+logmel-svm", "mfcc39-svm", "logmel-svm"]
    fused = frame[frame["kind"] == "fused"].set_index("clip")
    assert dict(fused["status"]) == {
        "empty": "failed",
        "film": "ok",
        "silent-film": "absent",
        "text": "failed",
        "voice": "ok",
    }
    assert dict(fused["reason"]) == {
        "empty": "not_media",
        "film": "",
        "silent-film": "no_audio",
        "text": "not_media",
        "voice": "",
    }
    numbers = fused.loc[["film", "voice"]].filter(regex="^p_").astype(float)
    np.testing.assert_allclose(numbers.sum(axis=1), 1, atol=1e-5)

    course = pd.read_csv(project / "out/posteriors/film.csv")
    assert list(course.columns) == ["time", "p_anger", "p_happy", "p_sad", "predicted"]
    np.testing.assert_allclose(course["time"], np.arange(len(course)) / 4)
    assert len(course) == 8
    assert {path.name for path in (project / "out/posteriors").iterdir()} == {
        "film.csv",
        "film.png",
        "voice.csv",
        "voice.png",
    }
    assert (project / "out/posteriors/film.png").read_bytes().startswith(b"\x89PNG")
    with (project / "out/ledger.csv").open(encoding="utf-8") as file:
        ledger = {(row["clip_id"], row["stage"]): row["status"] for row in csv.DictReader(file)}
    assert ledger["text", "extract:mfcc39"] == "failed"
    assert ledger["film", "predict:average-mfcc39+logmel-svm"] == "ok"
    about = json.loads((project / "out/about.json").read_text(encoding="utf-8"))
    assert about["skipped"] == ["notes.txt"]
    assert about["folds"] == list(FOLDS)
    assert about["weights"]["mfcc39-svm"]["weights"] == "ab" * 32
    assert not list((project / ".cache/predict").iterdir()), "the scratch folder is gone"
    assert not (project / "f/toy").exists(), "the corpus's features are left alone"


def test_a_second_call_computes_nothing_and_says_the_same(project, media, capsys):
    predict(project, media, "--no-pictures")
    first, table = capsys.readouterr(), (project / "out/predictions.csv").read_bytes()
    predict(project, media, "--no-pictures")
    second = capsys.readouterr()
    assert first.out == second.out
    assert (project / "out/predictions.csv").read_bytes() == table
    assert second.err.count("3 of 3 clips from the clip cache") == 2
    assert first.err.count("0 of 3 clips from the clip cache") == 2
    assert not list((project / "out/posteriors").glob("*.png"))


def test_a_name_that_is_no_utf8_is_judged_like_any_other(project, media, tmp_path, capsys):
    folder = os.path.join(os.fsencode(tmp_path), b"d\xe9p\xf4t")
    os.mkdir(folder)
    for name in (b"caf\xe9.wav", b"b.wav"):
        shutil.copy(os.fsencode(media / "voice.wav"), os.path.join(folder, name))
    assert predict(project, Path(os.fsdecode(folder)), "--no-pictures") == 0
    frame = pd.read_csv(project / "out/predictions.csv", keep_default_na=False)
    fused = frame[frame["kind"] == "fused"]
    assert dict(zip(fused["file"], fused["status"], strict=True)) == {"b.wav": "ok", "caf\\xe9.wav": "ok"}
    assert "caf" in capsys.readouterr().out
    assert main(["predict", os.fsdecode(folder), "--params", str(project / "params.yaml"), "--no-pictures"]) == 0
    assert (project / "reports/predictions/d\\xe9p\\xf4t/predictions.csv").is_file()


def test_one_file_and_one_fold(project, media, capsys):
    assert predict(project, media / "voice.wav", "--fold", "fold-01", "--no-pictures") == 0
    assert "; fold-01\n" in capsys.readouterr().out
    assert list(pd.read_csv(project / "out/predictions.csv")["folds"].unique()) == [1]


def test_the_default_folder_is_named_after_what_is_judged(project, media):
    assert main(["predict", str(media), "--params", str(project / "params.yaml"), "--no-pictures"]) == 0
    assert (project / "reports/predictions/media/predictions.csv").is_file()


@pytest.mark.parametrize("name", ["text.mp4", "empty.mp4", "silent film.mkv"])
def test_the_exit_code_tells_that_nothing_could_be_judged(project, media, name, capsys):
    assert predict(project, media / name) == 1
    assert (project / "out/ledger.csv").is_file()
    assert not (project / "out/posteriors").exists()
    assert "error:" not in capsys.readouterr().err


def test_what_an_earlier_prediction_left_is_replaced(project, media):
    predict(project, media / "voice.wav")
    (project / "out/mine.txt").touch()
    predict(project, media / "film.mkv", "--no-pictures")
    assert {path.name for path in (project / "out/posteriors").iterdir()} == {"film.csv"}
    assert (project / "out/mine.txt").is_file()


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--system", "huang"], "--system huang: not under systems in params.yaml"),
        (["--corpus", "demo"], "--corpus demo: not under corpora in params.yaml"),
        (["--model", "mfcc39-lstm"], "--model mfcc39-lstm: small has no such model or fusion"),
        (["--fold", "fold-09"], "--fold fold-09: no such fold"),
        (["--window", "0"], "--window, --hop.window_s"),
    ],
)
def test_mistakes_are_told_in_one_line(project, media, capsys, args, said):
    assert predict(project, media, *args) == 1
    printed = capsys.readouterr()
    assert said in printed.err
    assert printed.err.startswith("error: ")
    assert printed.err.count("\n") == 1
    assert not (project / "out").exists()
    assert not list((project / ".cache").glob("predict/*"))


def test_a_submission_to_emotiw_has_a_file_per_judged_clip(project, media, capsys):
    args = ["--no-pictures", "--submission", "--model", "average-mfcc39+logmel-svm"]
    (project / "out/submission").mkdir(parents=True)
    (project / "out/submission/old.txt").touch()
    assert predict(project, media, *args) == 0
    frame = pd.read_csv(project / "out/predictions.csv", keep_default_na=False)
    decided = frame[(frame["kind"] == "fused") & (frame["predicted"] != "")].set_index("clip")["predicted"]
    names = {"anger": "Angry", "happy": "Happy", "sad": "Sad"}
    found = {path.name: path.read_text() for path in (project / "out/submission").iterdir()}
    assert found == {f"{clip}.txt": f"{names[emotion]}\n" for clip, emotion in decided.items()}
    assert set(found) == {"film.txt", "voice.txt"}
    told = capsys.readouterr().out.splitlines()[-1]
    assert told.startswith(f"submission: 2 of 5 clips in {project / 'out/submission'}; no file, as they could not be")
    assert told.endswith("judged: empty, silent film, text")


def test_a_submission_of_two_clips_of_one_name_is_refused_before_anything_is_computed(project, media, capsys):
    (media / "more").mkdir()
    write_media(media / "more" / "voice.mkv", sound=tone(1.0))
    assert predict(project, media, "--submission") == 1
    assert "--submission: voice: several files have this name" in capsys.readouterr().err
    assert not (project / "out").exists()


def test_features_of_other_settings_than_the_models_know_are_refused(project, media, capsys):
    write_features(project / "f/toy/mfcc39.h5", FeatureMeta("mfcc39", 39, "float32", params={"mels": 7}), [])
    assert predict(project, media) == 1
    assert "f/toy/mfcc39.h5: the models were trained on a mfcc39 of other" in capsys.readouterr().err


def test_a_folder_that_cannot_be_written_to_is_told_before_anything_is_computed(project, media, tmp_path, capsys):
    (tmp_path / "file").touch()
    assert predict(project, media, "--out", str(tmp_path / "file" / "deeper")) == 1
    assert "is no folder that can be written to; name another" in capsys.readouterr().err
    assert not (project / ".cache").exists()


IMPORTED = """
import sys
from pipeline.core import plugins
import pipeline.prediction.predict
extractors, classifiers, rules = ["compare16", "egemaps", "hog"], ["logistic", "linear_svm"], ["stacking", "product"]
kinds = {"extractors": extractors, "classifiers": classifiers, "fusion": rules}
for kind, names in kinds.items():
    for name in names:
        plugins.load(kind, name)
print(*sys.modules)
"""


def test_a_prediction_waits_for_no_library_that_only_training_or_networks_need():
    done = subprocess.run([sys.executable, "-c", IMPORTED], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not {"torch", "sklearn", "matplotlib", "jinja2"} & set(done.stdout.split())
