"""weights.lock: what is in it is well-formed, and mistakes are told by file, entry and setting."""

from __future__ import annotations

from pathlib import Path

import pytest

from helpers.weights import CONTENT, entry, sha256, write_lock
from pipeline.core.errors import SettingsError, WeightsError
from pipeline.weights.entries import FileEntry, TrainedEntry
from pipeline.weights.layer_maps import MAPS
from pipeline.weights.lock import pin, read_lock

LOCK = Path(__file__).resolve().parents[2] / "weights.lock"
HASH = sha256(CONTENT)
PACKAGE = {"kind": "package", "package": "a==1", "member": "m", "sha256": HASH}
FILE = {"kind": "file", "file": "net.pth"}


@pytest.mark.parametrize("name", list(read_lock(LOCK)))
def test_every_entry_of_ours(name):
    found = read_lock(LOCK).entry(name)
    assert found.licence
    assert found.origin
    assert found.source
    assert found.file_name
    assert found.known or isinstance(found, FileEntry | TrainedEntry)
    assert found.layers is None or found.layers in MAPS
    assert found.layers is None or found.format != "dlib"


def test_the_networks_of_three_papers():
    names = set(read_lock(LOCK))
    assert {"alexnet_imagenet", "vgg16_imagenet", "c3d_sports1m", "vgg_face", "face_resnet_wen2016"} <= names
    assert {"mtcnn_pnet", "mtcnn_rnet", "mtcnn_onet"} <= names
    assert {"dlib_landmarks_5", "dlib_landmarks_68", "dlib_face_recognition"} <= names
    assert {"speech_dnn_a60", "speech_dnn_a1024", "face_cnn_pool5", "gender_dnn"} <= names


def test_every_layer_map_is_used():
    assert {found.layers for found in read_lock(LOCK).values()} - {None} == set(MAPS)


@pytest.mark.parametrize("name", [n for n, one in read_lock(LOCK).items() if not one.sha256 and one.kind != "trained"])
def test_every_missing_hash_of_ours_can_be_pinned(tmp_path, name):
    path = tmp_path / "weights.lock"
    path.write_bytes(LOCK.read_bytes())
    found = read_lock(path).entry(name)
    digest = (found.sha256_prefix or "") + HASH[len(found.sha256_prefix or "") :]
    pin(path, name, digest)
    before, after = LOCK.read_text(encoding="utf-8").splitlines(), path.read_text(encoding="utf-8").splitlines()
    changed = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    assert changed == [("  sha256: null", f'  sha256: "{digest}"')]
    assert read_lock(path).entry(name).sha256 == digest
    assert all(read_lock(path)[key] == one for key, one in read_lock(LOCK).items() if key != name)


def test_an_unknown_name():
    with pytest.raises(WeightsError, match=r"no weights 'vggface' \(did you mean 'vgg_face'\?\)"):
        read_lock(LOCK).entry("vggface")


@pytest.mark.parametrize(
    ("blocks", "words"),
    [
        ({"net": {"kind": "url"}}, "net.url: this setting is missing"),
        ({"net": {"kind": "urls"}}, "net.kind: no kind 'urls' (did you mean 'url'?)"),
        ({"net": {**FILE, "licens": "MIT"}}, "net.licens: no such setting (did you mean 'licence'?)"),
        ({"net": {**FILE, "licence": ""}}, "net.licence"),
        ({"net": {**FILE, "name": "other"}}, "net.name: no such setting"),
        ({"net": {**FILE, "sha256": "abc"}}, "net.sha256"),
        ({"net": {**FILE, "sha256": HASH, "sha256_prefix": "0" * 8}}, "net.sha256: does not begin with"),
        ({"net": {**FILE, "file": "../net.pth"}}, "net.file"),
        ({"Net": FILE}, "Net.name"),
        ({"net": {"kind": "url", "url": "http://a/b.pth"}}, "net.sha256: give it or sha256_prefix"),
        ({"net": {"kind": "url", "url": "ftp://a/b.pth", "sha256": HASH}}, "net.url"),
        ({"net": {"kind": "package", "package": "--index-url==1", "member": "a", "sha256": HASH}}, "net.package"),
        ({"net": {"kind": "package", "package": "a==1", "member": "/etc/a", "sha256": HASH}}, "net.member"),
        ({"net": {"kind": "package", "package": "a==1", "member": "a/../../b", "sha256": HASH}}, "net.member"),
        ({"net": {**PACKAGE, "client": "yarn"}}, "net.client"),
        ({"net": {**PACKAGE, "package": "@a/../b==1"}}, "net.package"),
        ({"net": {**PACKAGE, "beside": {"../b": HASH}}}, "net.beside"),
        ({"net": {**PACKAGE, "beside": {"b": HASH[:12]}}}, "net.beside"),
        ({"net": {"kind": "trained", "stage": "pretrain@a60", "sha256": HASH}}, "net.sha256: what is trained here"),
        ({"net": {"kind": "trained", "stage": "a60"}}, "net.stage"),
    ],
)
def test_mistakes(tmp_path, blocks, words):
    path = write_lock(tmp_path / "weights.lock", blocks)
    with pytest.raises(SettingsError) as caught:
        read_lock(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert words in message
    assert "\n" not in message


@pytest.mark.parametrize("raw", [b"net: [", b"- net", b"", b"\xff\xfe", b"net: 3", b"net:\n  - kind"])
def test_damaged(tmp_path, raw):
    path = tmp_path / "weights.lock"
    path.write_bytes(raw)
    with pytest.raises(SettingsError, match=r"weights\.lock") as caught:
        read_lock(path)
    assert "\n" not in str(caught.value)


def test_absent(tmp_path):
    with pytest.raises(SettingsError, match="no such file"):
        read_lock(tmp_path / "weights.lock")


TEXT = """# Comment on top.
net:
  kind: file # a comment
  paper: p

  # another comment, sha256: null
  network: n
  licence: l
  origin: "of a # sign"
  file: net.pth
  sha256:{empty}
  layers: null
netz: {{kind: file, paper: p, network: n, licence: l, origin: o, file: f, sha256: null}}
last:
  kind: file
  paper: p
  network: n
  licence: l
  origin: o
  file: f
  sha256: null"""


@pytest.mark.parametrize("empty", ["", " null", " ~", " null  # until the first import"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_pinning_keeps_every_other_byte(tmp_path, empty, end):
    path = tmp_path / "weights.lock"
    text = TEXT.format(empty=empty).replace("\n", end)
    path.write_bytes(text.encode())
    pin(path, "net", HASH)
    comment = "  # until the first import" if "#" in empty else ""
    assert path.read_bytes().decode() == TEXT.format(empty=f' "{HASH}"{comment}').replace("\n", end)
    pin(path, "last", HASH)
    assert path.read_bytes().decode().endswith(f'  sha256: "{HASH}"')
    assert read_lock(path).entry("net").sha256 == read_lock(path).entry("last").sha256 == HASH


def test_what_cannot_be_pinned(tmp_path):
    path = tmp_path / "weights.lock"
    path.write_text(TEXT.format(empty=" null"))
    with pytest.raises(WeightsError, match="no line `sha256: null`"):
        pin(path, "netz", HASH)
    pin(path, "net", HASH)
    pin(path, "net", HASH)
    with pytest.raises(WeightsError, match=f"{HASH[:12]} is pinned, not 000000000000"):
        pin(path, "net", "0" * 64)
    assert path.read_text() == TEXT.format(empty=f' "{HASH}"')


def test_a_prefix_must_fit_what_is_pinned(tmp_path):
    path = write_lock(tmp_path / "weights.lock", {"net": {**FILE, "sha256_prefix": "00000000"}})
    before = path.read_bytes()
    with pytest.raises(SettingsError, match="does not begin with"):
        pin(path, "net", HASH)
    assert path.read_bytes() == before


def test_what_is_accepted(tmp_path):
    assert entry(tmp_path, **FILE, sha256=HASH).accepts(HASH)
    assert not entry(tmp_path, **FILE, sha256=HASH).accepts(HASH[:8] + "0" * 56)
    assert entry(tmp_path, **FILE, sha256_prefix=HASH[:8]).accepts(HASH[:8] + "0" * 56)
    assert not entry(tmp_path, **FILE).accepts(HASH)
