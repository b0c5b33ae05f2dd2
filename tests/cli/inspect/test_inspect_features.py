"""`python -m pipeline inspect` on feature files."""

from __future__ import annotations

import subprocess
import sys

import h5py
import numpy as np
import pytest

from helpers.inspecting import values_of, write_corpus, write_crops
from pipeline.__main__ import main
from pipeline.cli.inspect.artifact import describe
from pipeline.core.errors import ArtifactError
from pipeline.core.store import ClipFeatures, FeatureMeta
from pipeline.core.store_writer import write_features


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
        "toy",
        "none: computed without a network",
        "2: level [dB], pitch [Hz]",
        "float32",
        "25 frames/s",
        "n=3",
        "abc",
        "clips  2",
        "10, observed 50.0%",
        "2 to 109; 0 NaN in observed frames",
        "5x2",
        "80.0%",
        "20.0%",
        "0.16",
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


def test_what_was_learned_anew_is_no_fold(tmp_path):
    levels = ("fold-00", "fold-00-refit", "fold-01", "fold-01-refit")
    write_features(
        tmp_path / "v2.h5",
        FeatureMeta("v2", 2, "float32"),
        [(key, clip(0)) for key in sorted(f"{level}/c1" for level in levels)],
    )
    beside = "beside them each learned anew with its validation clips (refit)"
    assert f"1, in each of 2 folds (shown: fold-00); {beside}" in describe(tmp_path / "v2.h5")
    assert "c1 in fold-01-refit" in describe(tmp_path / "v2.h5", "c1", "fold-01-refit")


def test_nan_that_should_not_be_there_is_counted(plain):
    with h5py.File(plain, "r+") as file:
        values = file["c1/values"][()]
        values[2, 0] = np.nan
        del file["c1/values"]
        file["c1/values"] = values
    assert "1 NaN in observed frames" in describe(plain)


def test_a_clip_column_by_column(plain):
    lines = describe(plain, "c1").splitlines()
    assert lines[0] == f"{plain}: c1"
    assert any(line.split() == ["values", "float32", "(5,", "2)"] for line in lines)
    assert any(line.split() == ["score", "float64", "(5,)"] for line in lines)
    # observed rows: (2, 3), (4, 5), (6, 7), (8, 9)
    assert lines[-2].split() == ["level", "[dB]", "5", "2.236", "2", "8"]
    assert lines[-1].split() == ["pitch", "[Hz]", "6", "2.236", "3", "9"]


def test_a_clip_of_a_file_with_folds(folded):
    text = describe(folded, "c03")
    assert "c03 in fold-00" in text
    assert "v2[1]" in text


def test_a_clip_without_an_observed_frame(tmp_path):
    write_features(tmp_path / "t.h5", FeatureMeta("t", 2, "float32"), [("c1", clip(0, hidden=5))])
    assert "0.0%" in describe(tmp_path / "t.h5")
    assert "values" in describe(tmp_path / "t.h5", "c1")


def test_the_command(plain, capsys):
    assert main(["inspect", str(plain)]) == 0
    assert capsys.readouterr().out.strip() == describe(plain).strip()
    assert main(["inspect", str(plain), "--clip", "c2"]) == 0
    assert capsys.readouterr().out.strip() == describe(plain, "c2").strip()


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("missing", "no such file"),
        ("text", "not a readable HDF5 file"),
        ("foreign", "not a feature file of format"),
        ("cut", "not a readable HDF5 file"),
        ("empty", "empty; run"),
        ("folder", "a folder without a model"),
    ],
)
def test_a_file_that_is_not_ours_is_one_line(plain, tmp_path, capsys, kind, words):
    path = tmp_path / "x.h5"
    if kind == "text":
        path.write_text("no HDF5")
    elif kind == "empty":
        path.touch()
    elif kind == "folder":
        path.mkdir()
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


def test_a_clip_unlike_any_is_told_what_ids_look_like(plain, capsys):
    assert main(["inspect", str(plain), "--clip", "somebody else"]) == 1
    assert capsys.readouterr().err == f"error: {plain}: no clip 'somebody else'; its 2 clips have ids such as 'c1'\n"


def test_one_fold(folded, capsys):
    assert "(shown: fold-01)" in describe(folded, fold="fold-01")
    assert "c03 in fold-01" in describe(folded, "c03", "fold-01")
    assert main(["inspect", str(folded), "--fold", "fold-1"]) == 1
    assert capsys.readouterr().err == f"error: {folded}: no fold 'fold-1' (did you mean 'fold-01'?)\n"


def test_a_fold_of_a_file_without(plain):
    with pytest.raises(ArtifactError, match="nothing in it was learned per fold"):
        describe(plain, fold="fold-00")


def test_parts_layers_and_arrays(tmp_path):
    folder = write_corpus(tmp_path)
    write_crops(folder)
    assert "parts  test 2, train 3, val 3" in describe(folder / "v4.h5")
    text = describe(folder / "deep.h5")
    assert "layers  low (2, 3), columns 0 to 5\n              high (4,), columns 6 to 9\n" in text
    assert "beside  crops (T, 20, 20, 3) uint8" in describe(folder / "square100.h5")


def test_figures_of_blocks_are_those_of_the_whole(tmp_path, monkeypatch):
    folder = write_corpus(tmp_path)
    whole = describe(folder / "lld.h5"), describe(folder / "lld.h5", "c03")
    monkeypatch.setattr("pipeline.cli.inspect.feature_file._BLOCK_BYTES", 100)
    assert (describe(folder / "lld.h5"), describe(folder / "lld.h5", "c03")) == whole
    clip = values_of(3)
    mean, std = clip.values[clip.mask].mean(0), clip.values[clip.mask].std(0)
    assert whole[1].splitlines()[-1].split()[:3] == ["jitter", f"{mean[2]:.4g}", f"{std[2]:.4g}"]


@pytest.mark.parametrize("share", [0.2, 0.35, 0.5, 0.65, 0.8, 0.95])
@pytest.mark.parametrize("how", ["cut", "noise"])
def test_damage_anywhere_is_one_line_or_no_harm(tmp_path, capsys, share, how):
    folder = write_corpus(tmp_path)
    path = folder / "lld.h5"
    content = bytearray(path.read_bytes())
    at = int(share * len(content))
    if how == "cut":
        content = content[:at]
    else:
        content[at : at + 400] = np.random.default_rng(0).bytes(400)
    path.write_bytes(content)
    for further in (
        [],
        ["--clip", "c03"],
        ["--plot", str(tmp_path / "p.png"), "--clip", "c00"],
        ["--diff", str(folder / "deep.h5")],
    ):
        code = main(["inspect", str(path), *further])
        caught = capsys.readouterr()
        assert (code == 0) == (caught.err == "") or "--diff" in further
        assert caught.err.count("\n") <= 1
        assert code == 1 or how != "cut"


@pytest.mark.parametrize("name", ["columns", "layers", "params", "dimension", "format"])
@pytest.mark.parametrize("value", [7, "[", "{}", b"\xff", np.zeros(3)])
def test_odd_attributes_are_one_line(plain, capsys, name, value):
    with h5py.File(plain, "r+") as file:
        file.attrs[name] = value
    main(["inspect", str(plain)])
    caught = capsys.readouterr()
    assert caught.err.count("\n") <= 1
    assert bool(caught.err) != bool(caught.out)


def test_names_never_steer_the_terminal(tmp_path, capsys):
    odd = "a\x1b[31m<script> \u202eb\nc"
    meta = FeatureMeta(
        "toy\x1b[2J",
        2,
        "float32",
        columns=("level\x07", "pitch\r"),
        origin="\x1b]0;title\x07",
        weights="\x1b" * 20,
        params={"\x1b": "\n"},
    )
    write_features(tmp_path / "t.h5", meta, [(odd, clip(0))])
    for further in ([], ["--clip", odd], ["--clip", "nobody"], ["--clip", odd + "x"]):
        main(["inspect", str(tmp_path / "t.h5"), *further])
        caught = capsys.readouterr()
        assert all(c.isprintable() or c == "\n" for c in caught.out + caught.err)
        assert caught.err.count("\n") <= 1
    main(["inspect", str(tmp_path / "t.h5")])
    assert "a\\x1b[31m<script> \\u202eb\\nc" in capsys.readouterr().out


def test_as_a_process(pytestconfig, tmp_path):
    command = [sys.executable, "-m", "pipeline", "inspect", str(tmp_path / "none.h5")]
    found = subprocess.run(command, cwd=pytestconfig.rootpath, capture_output=True, text=True, timeout=60, check=False)
    assert (found.returncode, found.stdout, found.stderr.count("\n")) == (1, "", 1)
