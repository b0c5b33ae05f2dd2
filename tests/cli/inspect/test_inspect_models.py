"""`python -m pipeline inspect` on models: nothing that it opens runs."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import subprocess
import sys
import zipfile

import joblib
import pytest
import torch

from helpers.inspecting import write_report
from helpers.project import ROOT
from pipeline.__main__ import main
from pipeline.cli.inspect.artifact import describe
from pipeline.core.errors import ArtifactError
from pipeline.training.checkpoints import save


class Bomb:
    """Makes a folder when it is unpickled."""

    def __init__(self, target) -> None:
        self.target = str(target)

    def __reduce__(self):
        return os.mkdir, (self.target,)


def network() -> dict:
    return {
        "state": {"body.weight": torch.zeros(4, 3), "body.bias": torch.zeros(4)},
        "mean": torch.zeros(3),
        "params": '{"hidden":4}',
    }


@pytest.fixture
def model(tmp_path):
    folder = tmp_path / "models/toy/system/classifiers/lld-lstm"
    write_report(folder).rename(folder / "posteriors.csv")
    (folder / "about.json").write_text(json.dumps({"model": "lld-lstm", "params": {"hidden": 4, "seed": 0}}))
    (folder / "history.csv").write_text(
        "fold,rate,epoch,loss,val_accuracy\nf0,0.1,0,2,0.25\nf0,0.1,1,1,0.5\nf0,0.1,2,1,0.5\nf1,0.1,0,2,0.75\n"
    )
    for fold in range(2):
        torch.save(network(), folder / f"fold-{fold:02d}.pt")
    return folder


def test_a_network(model):
    text = describe(model / "fold-00.pt")
    for words in ("kind  PyTorch file", "parameters  16 in 2 tensors in state", 'params  {"hidden":4}'):
        assert words in text
    assert hashlib.sha256((model / "fold-00.pt").read_bytes()).hexdigest() in text
    assert text.endswith(
        "tensor             shape  type     numbers\nstate.body.weight  4x3    float32       12\n"
        "state.body.bias    4      float32        4\nmean               3      float32        3"
    )


def test_types_and_parameters_as_pytorch_has_them_without_importing_it(tmp_path):
    kinds = (
        torch.float64,
        torch.float16,
        torch.bfloat16,
        torch.int64,
        torch.int32,
        torch.int16,
        torch.int8,
        torch.uint8,
        torch.bool,
    )
    state = {str(kind).removeprefix("torch."): torch.zeros(2, 3, dtype=kind) for kind in kinds}
    layer = torch.nn.Conv2d(1, 2, 3)
    torch.save(
        {"state": state | layer.state_dict(), "bare": layer.weight, "scalar": torch.tensor(1.0)}, tmp_path / "n.pt"
    )
    code = (
        f"import sys; from pipeline.__main__ import main; main(['inspect', {str(tmp_path / 'n.pt')!r}]); "
        "assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    lines = [line.split() for line in done.stdout.splitlines()]
    for name in state:
        assert [f"state.{name}", "2x3", name, "6"] in lines
    assert ["state.weight", "2x1x3x3", "float32", "18"] in lines
    assert ["bare", "2x1x3x3", "float32", "18"] in lines
    assert ["scalar", "one", "float32", "1"] in lines


def test_a_flipped_byte_of_a_network_is_damage(model, capsys):
    path = model / "fold-00.pt"
    content = path.read_bytes()
    at = content.index(bytes(40))  # among the zeros of the weights
    path.write_bytes(content[:at] + b"\1" + content[at + 1 :])
    assert main(["inspect", str(path)]) == 1
    assert "the checksum of" in capsys.readouterr().err


def test_a_folder(model):
    text = describe(model)
    for words in (
        "model  lld-lstm\n",
        "params  hidden=4, seed=0\n",
        "good-svm      8     1.000",
        "fold-01.pt",
        "parameters  16 in 2 tensors",
    ):
        assert words in text
    lines = [line.split() for line in text.splitlines()]
    assert ["f0", "0.1", "3", "0.5000", "epoch", "1"] in lines
    assert ["f1", "0.1", "1", "0.7500", "epoch", "0"] in lines


def test_pretrained_weights_and_their_digest(tmp_path):
    folder = tmp_path / "models/pretrained/a60"
    folder.mkdir(parents=True)
    torch.save({"state": {"w": torch.zeros(2)}, "config": "{}", "origin": "trained here"}, folder / "weights.pt")
    digest = hashlib.sha256((folder / "weights.pt").read_bytes()).hexdigest()
    (folder / "weights.pt.sha256").write_text(f"{digest}  weights.pt\n")
    (folder / "metrics.json").write_text(json.dumps({"held_out_frame_accuracy": 0.9}))
    text = describe(folder)
    assert f"{digest}, as noted" in text
    assert "held_out_frame_accuracy  0.9" in text
    assert "origin  trained here" in text
    (folder / "weights.pt.sha256").write_text("0" * 64)
    assert f"{digest}, NOT the one noted beside it" in describe(folder / "weights.pt")


def test_published_weights(tmp_path):
    (tmp_path / "net.dat").write_bytes(b"\0\1\2")
    digest = hashlib.sha256(b"\0\1\2").hexdigest()
    (tmp_path / "weights.json").write_text(
        json.dumps({"files": {"net": {"file": "net.dat", "sha256": digest}}, "origin": "published"})
    )
    assert f"{digest}, as noted" in describe(tmp_path)
    assert "origin  published" in describe(tmp_path)
    assert "network of another library; not opened" in describe(tmp_path / "net.dat")


@pytest.mark.parametrize("compress", [0, 3])
def test_a_pickle_is_never_opened(model, tmp_path, compress):
    joblib.dump(Bomb(tmp_path / "gone off"), model / "fold-00.joblib", compress=compress)
    for path in (model / "fold-00.joblib", model):
        text = describe(path)
        assert hashlib.sha256((model / "fold-00.joblib").read_bytes()).hexdigest() in text
    assert "not opened, since that would run what it names" in describe(model / "fold-00.joblib")
    assert "hidden=4" in describe(model / "fold-00.joblib"), "what stands beside it"
    assert not (tmp_path / "gone off").exists()


def test_a_pickle_in_the_name_of_a_network(tmp_path, capsys):
    (tmp_path / "a.pt").write_bytes(pickle.dumps(Bomb(tmp_path / "gone off")))
    torch.save({"state": Bomb(tmp_path / "gone off")}, tmp_path / "b.pt")
    (tmp_path / "c.json").write_bytes(pickle.dumps(Bomb(tmp_path / "gone off")))
    assert main(["inspect", str(tmp_path / "a.pt")]) == 0
    assert "not opened" in capsys.readouterr().out
    assert main(["inspect", str(tmp_path / "b.pt")]) == 1
    caught = capsys.readouterr()
    assert (caught.out, caught.err.count("\n")) == ("", 1)
    assert "not opened: damaged, or more than tensors in it" in caught.err
    main(["inspect", str(tmp_path / "c.json")])
    assert not (tmp_path / "gone off").exists()


@pytest.mark.parametrize("kind", ["empty", "text", "cut", "list", "zip", "checkpoint"])
def test_a_damaged_network_is_one_line(model, capsys, kind):
    path = model / "fold-00.pt"
    if kind == "list":
        torch.save([torch.zeros(2)], path)
    elif kind == "checkpoint":
        save(path, "k" * 64, {"w": torch.zeros(2)})
        path.write_bytes(path.read_bytes()[:-1] + b"\1")
    else:
        path.write_bytes(
            {"empty": b"", "text": b"no network", "cut": path.read_bytes()[:700], "zip": b"PK\3\4" + bytes(90)}[kind]
        )
    assert main(["inspect", str(path)]) == 1
    caught = capsys.readouterr()
    assert (caught.out, caught.err.count("\n")) == ("", 1)
    assert caught.err.startswith(f"error: {path}: ")


def test_a_checkpoint(tmp_path):
    save(tmp_path / "x.checkpoint", "k" * 64, {"network": {"w": torch.zeros(2, 2)}, "epoch": 3})
    text = describe(tmp_path / "x.checkpoint")
    assert f"key  {'k' * 64}" in text
    assert "epoch  3" in text
    assert "network.w" in text


def test_an_archive_that_claims_gigabytes_is_refused_before_it_is_unpacked(tmp_path):
    path = tmp_path / "fold-00.pt"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("x/data.pkl", "w") as file:
        for _ in range(100):
            file.write(bytes(1 << 20))
    assert path.stat().st_size < 1 << 20
    with pytest.raises(ArtifactError, match="it claims 104,857,600 bytes and holds"):
        describe(path)


@pytest.mark.parametrize("itself", [False, True])
def test_lists_of_lists_without_end_are_refused(tmp_path, itself):
    value: list = ["x"] * 10
    for _ in range(12):
        value = [value] * 10
    if itself:
        value = []
        value.append(value)
    with zipfile.ZipFile(tmp_path / "fold-00.pt", "w") as archive:
        archive.writestr("x/data.pkl", pickle.dumps({"state": value}))
    with pytest.raises(ArtifactError, match="it stands for more than 300,000 values"):
        describe(tmp_path / "fold-00.pt")
