"""Kind `hub` of the registry, without transformers: entries, folders, what is refused, the commands."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from helpers.hub import files_of
from helpers.project import ROOT
from helpers.weights import entry, write_lock
from pipeline.__main__ import main
from pipeline.cli.doctor.inputs import weights as doctor
from pipeline.core.errors import SettingsError, WeightsError
from pipeline.core.weights_file import load_published
from pipeline.weights.fetch import cached_path, fetch
from pipeline.weights.hub import EXTRA, files_in, told_by
from pipeline.weights.lock import read_lock
from pipeline.weights.published import publish

REVISION = "0123456789abcdef0123456789abcdef01234567"
PLACE = {"repository": "someone/encoder", "revision": REVISION}
WORDS = ("--licence", "MIT", "--origin", "sound of somebody")


def safetensors(values: int = 8) -> bytes:
    header = json.dumps({"w": {"dtype": "U8", "shape": [values], "data_offsets": [0, values]}}).encode()
    return len(header).to_bytes(8, "little") + header + bytes(range(values))


def folder(where: Path, weights: str = "model.safetensors") -> Path:
    where.mkdir(parents=True)
    (where / "config.json").write_text('{"model_type": "wavlm"}')
    (where / "preprocessor_config.json").write_text('{"sampling_rate": 16000}')
    (where / weights).write_bytes(safetensors())
    (where / "README.md").write_text("not taken")
    return where


def files(where: Path) -> dict[str, str]:
    return {name: digest for name, digest in files_of(where).items() if name != "README.md"}


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_lock(tmp_path / "weights.lock", {"pnet": {"kind": "file", "file": "pnet.pt"}})
    (tmp_path / "params.yaml").write_text(
        yaml.safe_dump({"runtime": {"weights_cache": "cache"}, "fetch_weights": {"wavlm9": {"weights": ["wavlm"]}}})
    )
    return tmp_path


def run(capsys, *arguments: str) -> str:
    assert main(["weights", *arguments]) == 0
    return capsys.readouterr().out


def refused(capsys, *arguments: str) -> str:
    assert main(["weights", *arguments]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    return err


def test_add_writes_an_entry_that_holds_and_its_stage_takes_it(project, capsys):
    source = folder(project / "mine")
    before = (project / "weights.lock").read_text()
    out = run(capsys, "add", "wavlm", "mine", *WORDS, "--repository", "someone/encoder", "--revision", REVISION)
    assert "3 files (hub someone/encoder at 0123456789ab)" in out
    assert (project / "weights.lock").read_text().startswith(before.rstrip("\n"))
    made = read_lock(project / "weights.lock").entry("wavlm")
    assert (made.kind, made.network, made.licence, made.files) == ("hub", "wavlm", "MIT", files(source))
    cached = cached_path(made, project / "cache")
    assert sorted(path.name for path in cached.iterdir()) == sorted(files(source))
    assert re.search(r"^wavlm +hub +none: wavlm +cached +" + made.known, run(capsys, "list"), re.MULTILINE)
    assert re.search(r"wavlm .* ok +sound of somebody", run(capsys, "verify"))
    told = publish([made], project / "cache", project / "models/pretrained/wavlm9", "params.yaml: x")
    assert told == f"wavlm ({made.known})"
    taken = load_published(project / "models/pretrained/wavlm9")
    assert sorted(path.name for path in taken.files.values()) == sorted(files(source))
    assert taken.origin.startswith("published weights wavlm (hub someone/encoder at 0123456789ab), sound of somebody")
    assert [found.state for found in doctor(project / "params.yaml")] == ["ok"]


def test_a_folder_of_the_hubs_own_cache_tells_its_repository_and_revision(project, capsys):
    snapshot = project / "hub" / "models--someone--encoder" / "snapshots" / REVISION
    folder(snapshot)
    run(capsys, "add", "wavlm", str(snapshot), *WORDS)
    made = read_lock(project / "weights.lock").entry("wavlm")
    assert (made.repository, made.revision) == ("someone/encoder", REVISION)
    beside = folder(project / "beside")
    (beside / ".cache/huggingface/download").mkdir(parents=True)
    (beside / ".cache/huggingface/download/config.json.metadata").write_text(f"{REVISION}\netag\n1.0\n")
    assert told_by(beside) == (None, REVISION)


def test_a_folder_of_ones_own_has_no_repository(project, capsys):
    folder(project / "mine")
    run(capsys, "add", "wavlm", "mine", *WORDS)
    made = read_lock(project / "weights.lock").entry("wavlm")
    assert (made.repository, made.revision, made.source) == (None, None, "a folder")
    run(capsys, "fetch", "wavlm")  # it is there
    for path in cached_path(made, project / "cache").iterdir():
        path.unlink()
    assert "config.json: missing" in refused(capsys, "fetch", "wavlm")
    cached_path(made, project / "cache").rmdir()
    told = refused(capsys, "fetch", "wavlm")
    assert "no repository to fetch from; get the folder and run `python -m pipeline weights import wavlm FOLD" in told
    assert re.search(r"^wavlm +hub .* to import", run(capsys, "list"), re.MULTILINE)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda at: (at / "config.json").unlink(), "config.json: missing; get all files"),
        (lambda at: (at / "preprocessor_config.json").unlink(), "preprocessor_config.json: missing; get all files"),
        (lambda at: (at / "model.safetensors").unlink(), "model.safetensors: missing; get all files"),
        (lambda at: (at / "model.safetensors").rename(at / "pytorch_model.bin"),
         "pytorch_model.bin: refused, it is no safetensors, and a pickle can run code; convert it once"),
        (lambda at: (at / "model.safetensors").write_bytes(safetensors()[:-1]), "damaged or no safetensors; get it"),
        (lambda at: (at / "model.safetensors").write_bytes(b"\x80\x02" * 40), "damaged or no safetensors; get it"),
        (lambda at: (at / "model.safetensors").write_bytes(b""), "damaged or no safetensors; get it"),
        (lambda at: (at / "config.json").write_text("{"), "config.json: damaged, or without model_type"),
    ],
)  # fmt: skip
def test_a_folder_that_is_no_encoder_is_refused_and_nothing_written(project, capsys, spoil, words):
    source, before = folder(project / "mine"), (project / "weights.lock").read_bytes()
    spoil(source)
    assert words in refused(capsys, "add", "wavlm", "mine", *WORDS)
    assert (project / "weights.lock").read_bytes() == before


def test_add_refuses_a_name_that_is_taken_and_a_repository_without_revision(project, capsys):
    folder(project / "mine")
    assert "there are weights 'pnet' already" in refused(capsys, "add", "pnet", "mine", *WORDS)
    told = refused(capsys, "add", "wavlm", "mine", *WORDS, "--repository", "a/b")
    assert "does not tell the revision of a/b; give it by --revision, 40 digits" in told
    told = refused(capsys, "add", "wavlm", "mine", *WORDS, "--repository", "a/b", "--revision", "main")
    assert "wavlm.revision" in told
    assert "no such folder" in refused(capsys, "add", "wavlm", "none", *WORDS)


def test_weights_in_several_files(tmp_path):
    source = folder(tmp_path / "mine", "model-00001-of-00002.safetensors")
    (source / "model-00002-of-00002.safetensors").write_bytes(safetensors(3))
    index = {"weight_map": {"w": "model-00001-of-00002.safetensors", "v": "model-00002-of-00002.safetensors"}}
    (source / "model.safetensors.index.json").write_text(json.dumps(index))
    assert files_in(source) == files(source)
    (source / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"w": "../x.safetensors"}}))
    with pytest.raises(WeightsError, match="names files of other folders"):
        files_in(source)


def test_import_takes_the_files_of_the_entry_and_no_others(project, capsys):
    source = folder(project / "mine")
    write_lock(project / "weights.lock", {"wavlm": {"kind": "hub", **PLACE, "files": files(source)}})
    (project / "mine" / "model.safetensors").write_bytes(safetensors(9))
    told = refused(capsys, "import", "wavlm", "mine")
    assert re.search(
        r"model\.safetensors: refused, SHA-256 \w{12}, but weights\.lock: wavlm\.files has \w{12}; get", told
    )
    (project / "mine" / "model.safetensors").unlink()
    assert "model.safetensors: missing, weights.lock: wavlm.files names it" in refused(
        capsys, "import", "wavlm", "mine"
    )
    (project / "mine" / "model.safetensors").write_bytes(safetensors())
    run(capsys, "import", "wavlm", "mine")
    made = read_lock(project / "weights.lock").entry("wavlm")
    assert fetch(made, project / "cache") == cached_path(made, project / "cache")
    (cached_path(made, project / "cache") / "config.json").write_text("{}")
    with pytest.raises(WeightsError, match=r"config\.json: refused.* run `python -m pipeline weights fetch wavlm`"):
        fetch(made, project / "cache")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"revision": None}, "repository and revision go together"),
        ({"revision": "main"}, r"net\.revision"),
        ({"repository": "https://x/y"}, r"net\.repository"),
        ({"files": {"config.json": "0" * 64, "pytorch_model.bin": "1" * 64}}, "pytorch_model.bin is no safetensors"),
        ({"files": {"config.json": "0" * 64, "model.safetensors": "1" * 64}}, "files lacks preprocessor_config.json"),
        ({"files": {"config.json": "0" * 64, "preprocessor_config.json": "1" * 64}}, "files lacks model.safetensors"),
        ({"files": {"../config.json": "0" * 64}}, r"net\.files"),
        ({"files": {"config.json": "00"}}, r"net\.files"),
        ({"sha256": "0" * 64}, r"net\.sha256"),
    ],
)
def test_entries_that_are_not_pinned_or_not_safe_are_refused(tmp_path, change, words):
    whole = dict.fromkeys(("config.json", "preprocessor_config.json", "model.safetensors"), "0" * 64)
    assert entry(tmp_path, "hub", **PLACE, files=whole).source == "hub someone/encoder at 0123456789ab"
    with pytest.raises(SettingsError, match=words):
        entry(tmp_path, "hub", **{**PLACE, "files": whole, **change})


def test_fetch_is_by_the_hubs_client_at_the_revision_and_checked(tmp_path, monkeypatch):
    source = folder(tmp_path / "there")
    asked = []

    def download(repository, name, *, revision, local_dir):
        asked.append((repository, name, revision))
        local_dir.mkdir(parents=True, exist_ok=True)
        (local_dir / ".cache").mkdir(exist_ok=True)
        (local_dir / name).write_bytes((source / name).read_bytes())

    monkeypatch.setitem(sys.modules, "huggingface_hub", SimpleNamespace(hf_hub_download=download))
    one = entry(tmp_path, "hub", **PLACE, files=files(source))
    at = fetch(one, tmp_path / "cache")
    assert asked == [("someone/encoder", name, REVISION) for name in one.files]
    assert sorted(path.name for path in at.iterdir()) == sorted(one.files)
    fetch(one, tmp_path / "cache")
    assert len(asked) == 3, "it is there"
    other = entry(tmp_path, "hub", **PLACE, files={**files(source), "config.json": "0" * 64})
    kept = []
    for _ in range(2):
        with pytest.raises(WeightsError, match=r"config\.json: refused, .* mend weights\.lock and run") as caught:
            fetch(other, tmp_path / "cache")
        kept += re.findall(r"`python -m pipeline weights import net (\S+)`", str(caught.value))
    assert not cached_path(other, tmp_path / "cache").exists()
    assert kept[0] == kept[1], "equal bytes are kept once"
    assert files(Path(kept[0])) == files(source), "they may be right, and the entry wrong"


def test_what_lies_in_the_cache_is_kept_where_its_hashes_do_not_hold(project, capsys):
    folder(project / "mine")
    run(capsys, "add", "wavlm", "mine", *WORDS)
    cached = cached_path(read_lock(project / "weights.lock").entry("wavlm"), project / "cache")
    (cached / "more.txt").write_text("somebody's own")
    run(capsys, "import", "wavlm", "mine")
    assert (cached / "more.txt").is_file(), "its hashes hold, so it stays as it is"
    (cached / "config.json").write_text("{}")
    assert main(["weights", "import", "wavlm", "mine"]) == 0
    (kept,) = (path for path in cached.parent.iterdir() if ".refused-" in path.name)
    assert capsys.readouterr().err == f"{cached}: had other content, which is kept: {kept}\n".replace(f"{project}/", "")
    assert (kept / "config.json").read_text() == "{}"
    assert files(cached) == files(project / "mine")


def test_a_hub_that_is_not_there_is_one_line(tmp_path, monkeypatch):
    def download(*_, **__):
        raise OSError("we couldn't connect\nto the hub")

    monkeypatch.setitem(sys.modules, "huggingface_hub", SimpleNamespace(hf_hub_download=download))
    one = entry(tmp_path, "hub", **PLACE, files=files(folder(tmp_path / "there")))
    words = (
        r"someone/encoder/config\.json cannot be fetched \(we couldn't connect to the hub\); try again, or get the f"
    )
    with pytest.raises(WeightsError, match=words):
        fetch(one, tmp_path / "cache")


def test_without_the_extra_the_folder_can_still_be_imported(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    one = entry(tmp_path, "hub", **PLACE, files=files(folder(tmp_path / "there")))
    with pytest.raises(WeightsError, match=re.escape(f"{EXTRA}, or get the folder by hand and run")):
        fetch(one, tmp_path / "cache")


def test_one_feature_has_one_encoder(tmp_path):
    one = entry(tmp_path, "hub", **PLACE, files=files(folder(tmp_path / "there")))
    other = one.model_copy(update={"name": "other"})
    with pytest.raises(SettingsError, match="or one encoder of a hub"):
        publish([one, other], tmp_path / "cache", tmp_path / "out", "params.yaml: fetch_weights.x.weights")


SERVED = """
import hashlib, http.server, os, sys, threading
from pathlib import Path
import yaml
FILES = {"config.json": b"{}", "preprocessor_config.json": b"{ }", "model.safetensors": bytes(200)}
class Hub(http.server.BaseHTTPRequestHandler):
    def answer(self, body):
        raw = FILES.get(self.path.rsplit("/", 1)[1]) if self.path.startswith("/a/b/resolve/" + "0" * 40) else None
        if raw is None:
            return self.send_error(404)
        self.send_response(200)
        self.send_header("ETag", f'"{hashlib.sha1(raw).hexdigest()}"')
        self.send_header("X-Repo-Commit", "0" * 40)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw if body else b"")
    def do_GET(self):
        self.answer(True)
    def do_HEAD(self):
        self.answer(False)
    def log_message(self, *_):
        pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub)
threading.Thread(target=server.serve_forever, daemon=True).start()
os.environ["HF_ENDPOINT"] = f"http://127.0.0.1:{server.server_port}"
from pipeline.__main__ import main
sys.exit(main(["weights", "fetch", sys.argv[1]]))
"""


@pytest.mark.slow
def test_the_hubs_own_client_fetches(project):
    """In a process of its own, since the client reads the hub's address when it is imported."""
    pytest.importorskip("huggingface_hub", reason="the optional extra `hub` is not installed")
    contents = {"config.json": b"{}", "preprocessor_config.json": b"{ }", "model.safetensors": bytes(200)}
    whole = {name: hashlib.sha256(raw).hexdigest() for name, raw in contents.items()}
    common = {"kind": "hub", "repository": "a/b"}
    blocks = {
        "there": {**common, "revision": "0" * 40, "files": whole},
        "other": {**common, "revision": "1" * 40, "files": {**whole, "config.json": "1" * 64}},
    }
    write_lock(project / "weights.lock", blocks)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "0"}  # others set it, as extraction does
    codes, lines = [], []
    for name in blocks:
        command = [sys.executable, "-c", SERVED, name]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        codes.append(done.returncode)
        lines.append((done.stdout + done.stderr).splitlines())
    assert codes == [0, 1], lines
    entry = read_lock(project / "weights.lock").entry("there")
    at = cached_path(entry, project / "cache")
    assert {path.name: path.read_bytes() for path in at.iterdir()} == contents
    assert lines[1][-1].startswith("error: weights.lock: other: a/b/config.json cannot be fetched (")
