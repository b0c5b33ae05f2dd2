"""`python -m pipeline inspect`."""

from __future__ import annotations

import subprocess
import sys

import h5py
import numpy as np
import pytest

from pipeline.__main__ import main
from pipeline.core.store import ClipFeatures, FeatureMeta
from pipeline.core.store_writer import write_features
from pipeline.reporting.inspect import describe, describe_clip


def clip(number: int, hidden: int = 1) -> ClipFeatures:
    values = np.arange(10, dtype=np.float32).reshape(5, 2) + 100 * number
    mask = np.arange(5) >= hidden
    values[~mask] = np.nan
    return ClipFeatures(values, 0.04 * np.arange(5), mask, {"score": np.arange(5.0)})


@pytest.fixture
def plain(tmp_path):
    meta = FeatureMeta("toy", 2, "float32", 25.0, ("level [dB]", "pitch [Hz]"), version="abc", params={"n": 3})
    write_features(tmp_path / "toy.h5", meta, [("c1", clip(0)), ("c2", clip(1, hidden=4))])
    return tmp_path / "toy.h5"


@pytest.fixture
def folded(tmp_path):
    meta = FeatureMeta("v2", 2, "float32", layer="pool5 (256, 6, 6)", weights="ab" * 32, origin="trained here")
    groups = [(f"fold-{n:02d}/c{k:02d}", clip(k)) for n in range(2) for k in range(25)]
    write_features(tmp_path / "v2.h5", meta, groups)
    return tmp_path / "v2.h5"


@pytest.mark.parametrize(
    "words",
    [
        "toy", "none: computed without a network", "2: level [dB], pitch [Hz]", "float32", "25 frames/s", "n=3", "abc",
        "clips  2", "10, observed 50.0%", "2 to 109; 0 NaN in observed frames", "5x2", "80.0%", "20.0%", "0.16",
    ],
)
def test_a_file_at_a_glance(plain, words):
    assert words in describe(plain)


def test_a_file_with_folds_and_many_clips(folded):
    text = describe(folded)
    assert "25, in each of 2 folds (shown: fold-00)" in text
    assert "pool5 (256, 6, 6)" in text
    assert "abababababababab... (trained here)" in text
    assert "none; each row has its own time" in text
    assert "... and 5 more; one of them: --clip c24" in text
    assert "range  2 to 2409" in text, "over all clips, also those not shown"


def test_nan_that_should_not_be_there_is_counted(plain):
    with h5py.File(plain, "r+") as file:
        values = file["c1/values"][()]
        values[2, 0] = np.nan
        del file["c1/values"]
        file["c1/values"] = values
    assert "1 NaN in observed frames" in describe(plain)


def test_a_clip_column_by_column(plain):
    lines = describe_clip(plain, "c1").splitlines()
    assert lines[0] == f"{plain}: c1"
    assert any(line.split() == ["values", "float32", "(5,", "2)"] for line in lines)
    assert any(line.split() == ["score", "float64", "(5,)"] for line in lines)
    # observed rows: (2, 3), (4, 5), (6, 7), (8, 9)
    assert lines[-2].split() == ["level", "[dB]", "5", "2.236", "2", "8"]
    assert lines[-1].split() == ["pitch", "[Hz]", "6", "2.236", "3", "9"]


def test_a_clip_of_a_file_with_folds(folded):
    text = describe_clip(folded, "c03")
    assert "c03 in fold-00" in text
    assert "v2[1]" in text


def test_a_clip_without_an_observed_frame(tmp_path):
    write_features(tmp_path / "t.h5", FeatureMeta("t", 2, "float32"), [("c1", clip(0, hidden=5))])
    assert "0.0%" in describe(tmp_path / "t.h5")
    assert "values" in describe_clip(tmp_path / "t.h5", "c1")


def test_the_command(plain, capsys):
    assert main(["inspect", str(plain)]) == 0
    assert capsys.readouterr().out.strip() == describe(plain).strip()
    assert main(["inspect", str(plain), "--clip", "c2"]) == 0
    assert capsys.readouterr().out.strip() == describe_clip(plain, "c2").strip()


@pytest.mark.parametrize(
    ("kind", "words"),
    [("missing", "no such feature file"), ("text", "not a readable HDF5 file"), ("foreign", "not a feature file of format"), ("cut", "not a readable HDF5 file")],
)
def test_a_file_that_is_not_ours_is_one_line(plain, tmp_path, capsys, kind, words):
    path = tmp_path / "x.h5"
    if kind == "text":
        path.write_text("no HDF5")
    elif kind == "foreign":
        with h5py.File(path, "w") as file:
            file["values"] = np.zeros(3)
    elif kind == "cut":
        path.write_bytes(plain.read_bytes()[:200])
    assert main(["inspect", str(path)]) == 1
    caught = capsys.readouterr()
    assert caught.out == ""
    assert caught.err.startswith(f"error: {path}: ")
    assert words in caught.err
    assert caught.err.count("\n") == 1


def test_a_clip_that_is_not_there_is_one_line_with_a_suggestion(plain, capsys):
    assert main(["inspect", str(plain), "--clip", "c22"]) == 1
    assert capsys.readouterr().err == f"error: {plain}: no clip 'c22' (did you mean 'c2'?)\n"


def test_as_a_process(pytestconfig, tmp_path):
    command = [sys.executable, "-m", "pipeline", "inspect", str(tmp_path / "none.h5")]
    found = subprocess.run(command, cwd=pytestconfig.rootpath, capture_output=True, text=True, timeout=60, check=False)
    assert (found.returncode, found.stdout, found.stderr.count("\n")) == (1, "", 1)
