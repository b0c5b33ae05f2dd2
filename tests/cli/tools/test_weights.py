"""`python -m pipeline weights`: list, fetch, import and verify."""

from __future__ import annotations

import dataclasses
import pickle

import numpy as np
import pytest
import torch
import yaml

from helpers.caffe_files import caffemodel, layers_of
from helpers.original_names import face_resnet_shapes, weights
from helpers.weights import CONTENT, sha256, write_lock
from pipeline.__main__ import main
from pipeline.core.files import file_digest
from pipeline.core.weights_file import load_weights, save_published, save_weights
from pipeline.weights.layer_maps import MAPS
from pipeline.weights.lock import read_lock
from pipeline.weights.published import publish

HASH = sha256(CONTENT)


@pytest.fixture
def project(tmp_path, server, monkeypatch):
    """A folder with params.yaml and weights.lock, to which the commands' defaults lead."""
    monkeypatch.chdir(tmp_path)
    blocks = {
        "neturl": {"kind": "url", "url": f"{server.url}/net.pth", "sha256_prefix": HASH[:8], "format": "dlib"},
        "pnet": {"kind": "file", "file": "pnet.pt", "layers": "mtcnn_pnet"},
        "unmapped": {"kind": "file", "file": "unmapped.pt"},
        "speech": {"kind": "trained", "stage": "pretrain@a60"},
    }
    write_lock(tmp_path / "weights.lock", blocks)
    features = {"pretrain": {"a60": {}, "pool5": {}}, "fetch_weights": {"dlib128": {}}}
    params = {"runtime": {"weights_cache": "cache"}, **features}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params))
    return tmp_path


def run(capsys, *arguments: str) -> tuple[int, str, str]:
    code = main(["weights", *arguments])
    out, err = capsys.readouterr()
    return code, out, err


def refused(capsys, *arguments: str) -> str:
    code, out, err = run(capsys, *arguments)
    assert (code, out) == (1, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    return err


def where(capsys) -> dict[str, str]:
    code, out, _ = run(capsys, "list")
    assert code == 0
    lines = out.splitlines()
    first, last = lines[0].index("where"), lines[0].index("SHA-256")
    return {line.split()[0]: line[first:last].strip() for line in lines[1:]}


def pnet(tmp_path, change=None):
    torch.manual_seed(0)
    state = {name: torch.randn(shape) for name, shape in MAPS["mtcnn_pnet"].shapes().items()}
    torch.save({**state, **(change or {})}, tmp_path / "mine.pt")
    return tmp_path / "mine.pt"


def test_list(project, capsys):
    code, out, _ = run(capsys, "list")
    assert code == 0
    assert out.splitlines()[0].split() == ["name", "kind", "for", "where", "SHA-256"]
    assert "Test 2017: net" in out
    assert HASH[:8] in out
    before = {"neturl": "not fetched", "pnet": "to import", "unmapped": "to import"}
    assert where(capsys) == {**before, "speech": "to train: dvc repro pretrain@a60"}
    run(capsys, "fetch", "neturl")
    run(capsys, "import", "pnet", str(pnet(project)))
    save_weights(project / "models" / "pretrained" / "a60", {}, {}, "")
    after = {"neturl": "cached", "pnet": "cached", "unmapped": "to import"}
    assert where(capsys) == {**after, "speech": "trained here"}


def test_fetch_pins_the_full_hash(project, capsys, server):
    code, out, _ = run(capsys, "fetch", "neturl")
    assert code == 0
    assert "cache/neturl/net.pth" in out
    assert "pinned in weights.lock" in out
    assert f"SHA-256 {HASH}" in out
    assert "licence: CC0-1.0" in out
    assert read_lock(project / "weights.lock").entry("neturl").sha256 == HASH
    assert "pinned in" not in run(capsys, "fetch", "neturl")[1]
    assert server.seen == [None]


def test_import_checks_copies_and_pins(project, capsys):
    file = pnet(project)
    code, out, _ = run(capsys, "import", "pnet", str(file))
    assert code == 0
    assert "pinned in weights.lock" in out
    assert (project / "cache" / "pnet" / "pnet.pt").read_bytes() == file.read_bytes()
    assert read_lock(project / "weights.lock").entry("pnet").sha256 == file_digest(file)
    assert run(capsys, "import", "pnet", str(file))[0] == 0
    other = pnet(project, {"conv1.bias": torch.zeros(10)})
    assert "refused, SHA-256" in refused(capsys, "import", "pnet", str(other))
    assert run(capsys, "fetch", "pnet")[0] == 0


def test_import_keeps_what_lies_there(project, capsys):
    run(capsys, "import", "pnet", str(pnet(project)))
    cached = project / "cache" / "pnet" / "pnet.pt"
    cached.write_bytes(b"another version")
    code, _, err = run(capsys, "import", "pnet", str(project / "mine.pt"))
    assert code == 0
    kept = cached.with_name(f"pnet.pt.refused-{sha256(b'another version')[:12]}")
    assert err == f"{cached}: had other content, which is kept: {kept}\n".replace(f"{project}/", "")
    assert kept.read_bytes() == b"another version"
    assert cached.read_bytes() == (project / "mine.pt").read_bytes()


def test_import_after_a_download_by_hand(project, capsys):
    (project / "by hand.bin").write_bytes(CONTENT)
    assert run(capsys, "import", "neturl", "by hand.bin")[0] == 0
    assert read_lock(project / "weights.lock").entry("neturl").sha256 == HASH
    assert run(capsys, "fetch", "neturl")[0] == 0


class Dangerous:
    """Runs code when unpickled."""

    def __reduce__(self):
        return (print, ("code ran",))


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda raw: raw[:-1000], id="cut off"),
        pytest.param(lambda raw: b"", id="empty"),
        pytest.param(lambda raw: raw.replace(b"conv1.weight", b"conv9.weight"), id="another layer"),
        pytest.param(lambda raw: pickle.dumps(Dangerous()), id="a pickle with code"),
    ],
)
def test_import_of_something_else(project, capsys, damage):
    file = pnet(project)
    file.write_bytes(damage(file.read_bytes()))
    before = (project / "weights.lock").read_bytes()
    for name in ("pnet", "unmapped"):
        if name == "unmapped" and b"conv9" in file.read_bytes():
            continue  # without a layer map any plain state dict will do
        message = refused(capsys, "import", name, str(file))
        assert "mine.pt: refused" in message
        assert "code ran" not in message
    assert (project / "weights.lock").read_bytes() == before
    assert not (project / "cache").exists()


def test_import_of_another_shape(project, capsys):
    other = pnet(project, {"conv1.bias": torch.zeros(11)})
    assert "conv1.bias is (11,)" in refused(capsys, "import", "pnet", str(other))


def test_import_of_the_wrong_file(project, capsys):
    (project / "other.bin").write_bytes(CONTENT + b"x")
    assert "but weights.lock names" in refused(capsys, "import", "neturl", "other.bin")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("fetch", "net_url"), "no weights 'net_url' (did you mean 'neturl'?)"),
        (("fetch", "speech"), "dvc repro pretrain@a60"),
        (("fetch", "pnet"), "weights import pnet FILE"),
        (("import", "speech", "params.yaml"), "dvc repro pretrain@a60"),
        (("import", "pnet", "absent.pt"), "absent.pt: no such file"),
        (("list", "--lock", "absent.lock"), "absent.lock: no such file"),
        (("list", "--params", "absent.yaml"), "absent.yaml: no such file"),
    ],
)
def test_mistakes(project, capsys, arguments, words):
    assert words in refused(capsys, *arguments)


def test_a_cache_that_cannot_be_written(project, capsys):
    (project / "cache").write_text("a file")
    assert "runtime.weights_cache" in refused(capsys, "import", "pnet", str(pnet(project)))


def test_verify_before_anything_is_made(project, capsys):
    code, out, _ = run(capsys, "verify")
    assert code == 0
    assert out.count("not made yet") == 3
    assert "not made yet: dvc repro pretrain@a60" in out
    assert "not made yet: dvc repro fetch_weights@dlib128" in out


@pytest.fixture
def made(project, capsys):
    """All weights are there; returns the file of each."""
    models = project / "models" / "pretrained"
    for feature in ("a60", "pool5"):
        save_weights(models / feature, {"w": torch.arange(100.0)}, {"network": {}}, f"trained for {feature}")
    (project / "data.dat").write_bytes(CONTENT)
    save_published(models / "dlib128", {"toy": project / "data.dat"}, ["toy"], "published toy")
    assert run(capsys, "fetch", "neturl")[0] == 0
    assert run(capsys, "import", "pnet", str(pnet(project)))[0] == 0
    cache = project / "cache"
    return {
        "a60": models / "a60" / "weights.pt",
        "dlib128": models / "dlib128" / "toy.dat",
        "neturl": cache / "neturl" / "net.pth",
        "pnet": cache / "pnet" / "pnet.pt",
    }


def test_verify(made, capsys):
    code, out, _ = run(capsys, "verify")
    assert code == 0
    rows = {line.split()[0]: line for line in out.splitlines()[1:]}
    assert list(rows) == ["a60", "pool5", "dlib128", "neturl", "pnet"]
    assert all("  ok  " in row for row in rows.values())
    assert "trained for a60" in rows["a60"]
    assert file_digest(made["a60"]) in rows["a60"]
    assert "published toy" in rows["dlib128"]
    assert HASH in rows["neturl"]


@pytest.mark.parametrize("name", ["a60", "dlib128", "neturl", "pnet"])
def test_verify_sees_one_flipped_byte(made, capsys, name):
    raw = bytearray(made[name].read_bytes())
    raw[len(raw) // 2] ^= 1
    made[name].write_bytes(raw)
    code, out, err = run(capsys, "verify")
    assert (code, err) == (1, "")
    wrong = [line for line in out.splitlines()[1:] if "  ok  " not in line]
    assert len(wrong) == 1
    assert wrong[0].startswith(name)
    assert "  WRONG  " in wrong[0]
    assert "refused" in wrong[0]


def test_verify_sees_a_cached_file_that_is_not_pinned(project, capsys):
    run(capsys, "import", "pnet", str(pnet(project)))
    lock = project / "weights.lock"
    pinned = read_lock(lock).entry("pnet").sha256
    lock.write_text(lock.read_text().replace(f'"{pinned}"', "null"))
    code, out, _ = run(capsys, "verify")
    assert code == 1
    assert "weights.lock has pinned none for pnet" in out


def test_a_caffe_model_is_converted_and_what_lies_behind_the_feature_is_named(project, capsys, monkeypatch):
    narrow = dataclasses.replace(MAPS["face_resnet"], network={"width": 1 / 16})
    monkeypatch.setitem(MAPS, "face_resnet", narrow)
    block = {"kind": "file", "file": "face_model.caffemodel", "format": "caffe", "layers": "face_resnet"}
    lock = write_lock(project / "weights.lock", {"wen": block})
    blobs = {name: tensor.numpy() for name, tensor in weights(face_resnet_shapes()).items()}
    blobs |= {"fc6.weight": np.zeros((7, 32)), "fc6.bias": np.zeros(7), "center_loss.weight": np.zeros((7, 32))}
    mine = project / "face_model.caffemodel"
    mine.write_bytes(caffemodel(layers_of(blobs), "new"))
    code, out, _ = run(capsys, "import", "wen", str(mine))
    assert code == 0
    assert "; ignored: fc6.weight, fc6.bias, center_loss.weight" in out.splitlines()[0]
    assert read_lock(lock).entry("wen").sha256 == file_digest(mine)
    said = publish([read_lock(lock).entry("wen")], project / "cache", project / "out", "fetch_weights.pyramid")
    assert said.endswith("; ignored: fc6.weight, fc6.bias, center_loss.weight")
    found = load_weights(project / "out").state
    assert torch.equal(found["fc5.weight"], torch.from_numpy(blobs["fc5.weight"]))
    mine.write_bytes(mine.read_bytes()[:-9])
    write_lock(lock, {"wen": block})
    assert "damaged or no Caffe model (it ends early)" in refused(capsys, "import", "wen", str(mine))
