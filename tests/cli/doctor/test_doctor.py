"""`python -m pipeline doctor`: what is broken for real is one line with its remedy, and the other checks go on."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

from helpers.media import tone, write_media
from helpers.project import ROOT
from pipeline.cli.doctor import Finding, checks, engines, environment, inputs, places
from pipeline.core.weights_file import save_published


def doctor(*words: str, cwd: Path = ROOT, **more: str) -> tuple[int, dict[str, tuple[str, str]]]:
    """Run it and return its exit code and name -> (state, words)."""
    full = {**os.environ, "PYTHONPATH": os.fspath(ROOT), **more}
    done = subprocess.run(
        [sys.executable, "-m", "pipeline", "doctor", *words],
        cwd=cwd,
        env=full,
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.stderr == ""
    assert "Traceback" not in done.stdout
    *lines, last = done.stdout.splitlines()
    assert last == (
        "nothing is wrong"
        if done.returncode == 0
        else f"{sum(line.startswith('wrong') for line in lines)} of {len(lines)} checks: wrong"
    )
    found = [re.fullmatch(r"(ok|note|wrong) +(\S.*?)  +(\S.*)", line) for line in lines]
    return done.returncode, {one[2]: (one[1], one[3]) for one in found}


@pytest.mark.parametrize("name", ["libraries", "FFmpeg", "openSMILE", "dlib", "OpenCV", "torch"])
def test_each_engine_works_here(name):
    """In this process; in processes of their own, each with its imports, in the long test below."""
    found = getattr(engines, name.lower())(ROOT / "params.yaml")
    assert {one.state for one in found} <= {"ok", "note"}, found
    assert name in " ".join(one.name for one in found)


def test_all_is_well_here_but_what_is_tried_out():
    code, found = doctor("--quick")
    assert code == 0, found
    assert {"Python", "packages", "DVC", "DVC project", "git", "settings", "corpus demo", "folders", "machine"} <= set(
        found
    )
    assert "openSMILE" not in found


@pytest.mark.long
def test_all_is_well_here():
    code, found = doctor()
    states = {name: state for name, (state, _) in found.items()}
    assert (code, "wrong" in states.values()) == (0, False), found
    for name in (
        "Python",
        "packages",
        "torch, torchvision",
        "libraries",
        "FFmpeg",
        "openSMILE",
        "dlib",
        "OpenCV",
        "DVC",
        "DVC project",
        "settings",
        "folders",
    ):
        assert states[name] == "ok", found[name]
    assert {
        "CUDA",
        "torchvision",
        "git",
        "Chromium",
        "Graphviz",
        "weights, mtcnn",
        "corpus demo",
        "disk, project",
        "disk, TMPDIR",
        "machine",
    } <= set(states)


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """A folder in front of the installed packages."""
    folder = tmp_path / "front"
    folder.mkdir()
    return folder


@pytest.mark.long
def test_broken_packages_are_lines_and_the_rest_goes_on(broken):
    """One that raises, one that kills its process as an unknown instruction does, one that is not there, one that ends
    Python.
    """
    (broken / "opensmile.py").write_text("raise OSError('libSMILEapi.so: cannot open shared object file')\n")
    (broken / "dlib.py").write_text("import os, signal; os.kill(os.getpid(), signal.SIGILL)\n")
    (broken / "av.py").write_text("raise ModuleNotFoundError(\"No module named 'av'\")\n")
    (broken / "soundfile.py").write_text("raise RuntimeError('no libsndfile')\n")
    (broken / "torch.py").write_text("raise OSError('libtorch_cpu.so: file too short')\n")
    for name in ("librosa", "distributed", "dvclive"):  # take long to import, and are no part of this
        (broken / f"{name}.py").touch()
    code, found = doctor(PYTHONPATH=f"{broken}{os.pathsep}{ROOT}")
    assert code == 1
    assert found["openSMILE"] == (
        "wrong",
        f"does not work (OSError: libSMILEapi.so: cannot open shared object file); {environment.MAKE}",
    )
    assert found["dlib"] == ("wrong", f"killed its process (SIGILL); {environment.MAKE}")
    assert found["FFmpeg"] == (
        "wrong",
        f"does not work (ModuleNotFoundError: No module named 'av'); {environment.MAKE}",
    )
    assert found["soundfile"] == ("wrong", f"cannot be imported (RuntimeError: no libsndfile); {environment.MAKE}")
    assert found["torch"] == (
        "wrong",
        f"does not work (OSError: libtorch_cpu.so: file too short); {environment.MAKE}",
    )
    assert [found[name][0] for name in ("OpenCV", "settings", "folders", "DVC")] == ["ok"] * 4


def test_without_yaml_and_pydantic_it_still_runs(broken):
    for name in ("yaml", "pydantic"):
        (broken / f"{name}.py").write_text(f"raise ModuleNotFoundError(\"No module named '{name}'\")\n")
    code, found = doctor("--quick", PYTHONPATH=f"{broken}{os.pathsep}{ROOT}")
    assert code == 1
    assert {name: found[name][0] for name in ("settings", "weights", "corpora", "packages", "folders")} == {
        "settings": "wrong", "weights": "wrong", "corpora": "wrong", "packages": "ok", "folders": "ok"
    }  # fmt: skip
    assert "No module named 'yaml'" in found["settings"][1]


@pytest.mark.long
def test_a_python_without_any_package_says_so():
    code = f"""
import runpy, sys
sys.path.insert(0, {os.fspath(ROOT)!r})
sys.argv = ["pipeline", "doctor", "--quick"]
runpy.run_module("pipeline", run_name="__main__")
"""
    done = subprocess.run([sys.executable, "-S", "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "")
    assert re.search(
        r"^wrong +packages +(\d+) of \1 of requirements.lock are absent or differ: this is not the project's",
        done.stdout,
        re.MULTILINE,
    )
    assert re.search(r"^wrong +DVC +not installed", done.stdout, re.MULTILINE)


def test_packages_of_another_version_are_named(tmp_path):
    lock = tmp_path / "requirements.lock"
    numpy = environment.installed()["numpy"]
    lock.write_text(
        f"# a comment\nNumPy=={numpy}\npandas==0.1\nno_such.thing==2.0\n"
        f"torch=={environment.installed()['torch'].split('+')[0]}\n"
    )
    assert environment.packages(lock) == [
        Finding(
            "wrong",
            "package pandas",
            f"{environment.installed()['pandas']}, requirements.lock has 0.1",
            environment.MAKE,
        ),
        Finding("wrong", "package no_such.thing", "absent, requirements.lock has 2.0", environment.MAKE),
    ]
    here = [f"{name}=={version}\n" for name, version in list(environment.installed().items())[:30]]
    lock.write_text("".join([*here, *(f"none{number}==1\n" for number in range(20))]))
    *_, last = environment.packages(lock)
    assert last.words == "8 more differ: none12, none13, none14, none15, none16, none17, none18, none19"
    assert environment.packages(tmp_path / "none")[0].state == "wrong"


def test_builds_of_torch_are_one_version():
    assert environment._same("torch", "2.13.0", "2.13.0+cu130")
    assert environment._same("torchvision", "0.28.0", "0.28.0+cpu")
    assert not environment._same("torch", "2.13.0", "2.12.0+cpu")
    assert not environment._same("numpy", "2.0", "2.0+local")


def test_an_old_python_and_torch_with_another_torchvision(monkeypatch):
    monkeypatch.setattr(environment.sys, "version_info", (3, 10, 4))
    assert environment.python()[0].state == "wrong"
    assert "3.11 or newer" in environment.python()[0].remedy
    assert environment.partners().state == "ok"
    monkeypatch.setattr(environment, "installed", lambda: {"torch": "2.0.1+cpu", "torchvision": "0.28.0"})
    assert (environment.partners().state, "here is 2.0.1+cpu" in environment.partners().words) == ("wrong", True)
    monkeypatch.setattr(environment, "installed", dict)
    assert environment.partners().state == "wrong"


def test_dvc_and_git(tmp_path, monkeypatch):
    assert [one.state for one in environment.dvc(tmp_path)] == ["ok", "wrong"]
    assert environment.git(tmp_path)[0].state == "note"
    monkeypatch.setenv("PATH", "")
    assert environment.git(ROOT)[0].words.startswith("absent")
    assert {one.state for one in environment.tools()} == {"note"}


class Torch(NamedTuple):
    """Stands in for torch with a build and a GPU."""

    version: object
    cuda: object


class Build(NamedTuple):
    cuda: str | None


class Cuda(NamedTuple):
    here: bool

    def is_available(self) -> bool:
        return self.here

    def get_device_name(self) -> str:
        return "GPU 1"


@pytest.mark.parametrize(
    ("build", "here", "device", "state", "words"),
    [
        (None, False, "cpu", "note", "built without CUDA"),
        (None, False, "cuda", "wrong", "runtime.device: cuda"),
        ("13.0", False, "cpu", "note", "built for CUDA 13.0"),
        ("13.0", False, "cuda", "wrong", "install NVIDIA's driver"),
        ("13.0", True, "cuda", "ok", "GPU 1"),
        ("13.0", True, "cpu", "ok", "runtime.device is cpu"),
    ],
)
def test_cuda(build, here, device, state, words):
    found = engines._cuda(Torch(Build(build), Cuda(here)), device)
    assert found.state == state
    assert words in found.words + found.remedy


def test_a_probe_that_hangs_is_ended(monkeypatch):
    found = checks.run_all(["torch"], ROOT / "params.yaml", limit_s=0.05)
    assert [one.state for one in found["torch"]] == ["wrong"]
    assert "no answer" in found["torch"][0].words


def test_probes_leave_no_process_at_ctrl_c(monkeypatch):
    started: list[subprocess.Popen[str]] = []
    start = checks._start

    def begin(name: str, params: Path) -> subprocess.Popen[str]:
        if len(started) == 2:
            raise KeyboardInterrupt
        started.append(start(name, params))
        return started[-1]

    monkeypatch.setattr(checks, "_start", begin)
    with pytest.raises(KeyboardInterrupt):
        checks.run_all(["torch", "libraries", "dlib"], ROOT / "params.yaml")
    assert [one.returncode for one in started] == [-signal.SIGKILL] * 2


# --- folders ---------------------------------------------------------------------------------------------------------


def test_a_full_disk_names_the_path(tmp_path, monkeypatch):
    monkeypatch.setattr(places.shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10**12, 10**12, 5.9e9))
    found = places.room("project", tmp_path / "not/yet", places.PROJECT_GB, "free some")
    assert found == Finding(
        "wrong", "disk, project", f"5.9 GB free at {tmp_path}/not/yet, 6 GB are needed", "free some"
    )
    assert places.room("TMPDIR", tmp_path, places.OTHER_GB, "").state == "ok"


def test_folders_that_cannot_be_written(tmp_path):
    assert places.writable("x", tmp_path) is None
    assert places.writable("x", tmp_path / "not/yet") is None
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").write_text("")
    assert places.writable("x", tmp_path / "file").words == f"{tmp_path}/file is no folder"
    assert "cannot be written" in places.writable("x", Path("/proc/self")).words


@pytest.mark.parametrize(("how", "words"), [("refused", "No locks available"), ("ignored", "a second lock was given")])
def test_a_disk_without_locks(tmp_path, monkeypatch, how, words):
    def flock(file: object, operation: int) -> None:
        if how == "refused":
            raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", flock)
    found = places.writable("features", tmp_path)
    assert (found.state, words in found.words, str(tmp_path) in found.words) == ("wrong", True, True)
    assert list(tmp_path.iterdir()) == []


def test_places_of_params_are_looked_at(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text("runtime: {clip_cache: clips, weights_cache: /proc/self/weights}\n")
    (tmp_path / "features").write_text("no folder")
    found = {one.name: one for one in places.places(Path("params.yaml"))}
    assert found["folder, features"].state == "wrong"
    assert found["folder, weights cache"].state == "wrong"
    assert f"{tmp_path}/clips" in found["disk, clip cache"].words
    monkeypatch.setattr(places.tempfile, "gettempdir", lambda: (_ for _ in ()).throw(FileNotFoundError("none")))
    assert {one.name: one.state for one in places.places(Path("nowhere.yaml"))}["TMPDIR"] == "wrong"


# --- what goes in ----------------------------------------------------------------------------------------------------

LOCK = """
net: {kind: url, paper: P, network: N, licence: free, url: "https://example.invalid/net.pth", sha256: SHA,
  layers: null, origin: a test}
hand: {kind: file, paper: P, network: N, licence: free, file: hand.pth, sha256: null, layers: null, origin: a test}
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with settings, of one feature that takes published weights."""
    monkeypatch.chdir(tmp_path)
    body = b"weights of a network"
    (tmp_path / "net.pth").write_bytes(body)
    import hashlib

    (tmp_path / "weights.lock").write_text(
        LOCK.replace("SHA", f'"{hashlib.sha256(body).hexdigest()}"').replace("layers: null, ", "")
    )
    settings(tmp_path, fetch_weights={"one": {"weights": ["net"]}})
    return tmp_path


def settings(folder: Path, **sections: object) -> None:
    content = {"runtime": {"weights_cache": str(folder / "cache")}, "corpora": {}, **sections}
    (folder / "params.yaml").write_text(yaml.safe_dump(content, sort_keys=False))


def weights_here() -> Finding:
    (found,) = inputs.weights(Path("params.yaml"))
    return found


def test_weights_that_are_not_fetched_yet_are_no_fault(project):
    assert (weights_here().state, weights_here().words) == ("note", "not fetched yet: net")
    assert "python -m pipeline weights fetch net" in weights_here().remedy


def test_weights_that_are_here_and_a_flipped_byte(project):
    (project / "cache/net").mkdir(parents=True)
    file = project / "cache/net/net.pth"
    file.write_bytes((project / "net.pth").read_bytes())
    assert (weights_here().state, "its hash holds" in weights_here().words) == ("note", True)
    folder = project / "models/pretrained/one"
    save_published(folder, {"net": project / "net.pth"}, ["net"], "a test")
    assert weights_here() == Finding("ok", "weights, one", "models/pretrained/one, 1 file, its hash holds")
    copy = folder / "net.pth"
    copy.write_bytes(b"W" + copy.read_bytes()[1:])
    assert (weights_here().state, "net.pth: refused" in weights_here().words) == ("wrong", True)
    save_published(folder, {"net": project / "net.pth"}, ["net"], "a test")
    file.write_bytes(b"W" + file.read_bytes()[1:])
    assert (
        weights_here().state,
        "move it away and run `python -m pipeline weights fetch net`" in weights_here().words,
    ) == ("wrong", True)


def test_weights_of_torch_are_hashed_without_torch(project):
    folder = project / "models/pretrained/one"
    folder.mkdir(parents=True)
    (folder / "weights.pt").write_bytes(b"tensors")
    import hashlib

    (folder / "weights.pt.sha256").write_text(f"{hashlib.sha256(b'tensors').hexdigest()}  weights.pt\n")
    assert weights_here().state == "ok"
    (folder / "weights.pt").write_bytes(b"Tensors")
    assert weights_here().state == "wrong"


@pytest.mark.parametrize(
    ("block", "words"),
    [
        ({"weights": ["nett"]}, "did you mean 'net'?"),
        ({"weights": ["hand"]}, "weights import hand FILE"),
        ({}, "expected a list"),
        (3, "expected a list"),
    ],
)
def test_weights_that_no_run_can_get(project, block, words):
    settings(project, fetch_weights={"one": block})
    assert weights_here().state == "wrong"
    assert words in f"{weights_here().words}; {weights_here().remedy}"


def corpus_of(project: Path, **sections: object) -> Finding:
    settings(project, **sections)
    (found,) = inputs.corpora(Path("params.yaml"))
    return found


def test_corpora(project):
    mine = {"mine": {"adapter": "manifest_csv", "root": str(project / "mine"), "protocol": {"name": "none"}}}
    assert corpus_of(project, corpora=mine).words == f"no such folder '{project / 'mine'}'"
    (project / "mine").mkdir()
    write_media(project / "mine/a.wav", sound=tone(0.2))
    assert corpus_of(project, corpora=mine).state == "wrong"
    (project / "mine/manifest.csv").write_text("clip_id,path,speaker,emotion\n")
    assert corpus_of(project, corpora=mine).state == "wrong"
    (project / "mine/manifest.csv").write_text("clip_id,path,speaker,emotion\na,a.wav,s,anger\n")
    assert corpus_of(project, corpora=mine) == Finding("ok", "corpus mine", f"1 clips in {project / 'mine'}")
    assert corpus_of(project, corpora={"mine": {"adaptor": "x", "root": "y"}}).state == "wrong"
    demo = {"demo": {"adapter": "demo", "root": "data/demo", "protocol": {"name": "none"}}}
    assert corpus_of(project, corpora=demo).state == "wrong"
    assert corpus_of(project, corpora=demo, generate={"demo": {}}) == Finding(
        "note", "corpus demo", "data/demo is not made yet", "make repro makes it"
    )


def test_a_corpus_that_takes_long_is_no_fault(project, monkeypatch):
    import time

    import pipeline.manifest.build

    (project / "mine").mkdir()
    monkeypatch.setattr(inputs, "PATIENCE_S", 1)
    monkeypatch.setattr(pipeline.manifest.build, "labelled_clips", lambda *_: time.sleep(30))
    found = corpus_of(project, corpora={"mine": {"adapter": "manifest_csv", "root": "mine"}})
    assert (found.state, "1 s" in found.words) == ("note", True)


def test_settings_with_a_mistake(project):
    assert inputs.settings(Path("params.yaml"))[0].state == "wrong"
    shutil.copy(ROOT / "dvc.yaml", project)
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    settings(project, **{**params, "runtime": {"workrs": 1}})
    (found,) = inputs.settings(Path("params.yaml"))
    assert (found.state, "runtime.workrs: no such setting (did you mean 'workers'?)" in found.words) == ("wrong", True)
    settings(project, **params)
    assert inputs.settings(Path("params.yaml")) == [
        Finding("ok", "settings", "corpora: demo; systems: huang2017, zhang2017, ouyang2017, reference")
    ]
