"""Entries of a registry, a file server with bad habits, and packages for pip, all for tests of `pipeline.weights`."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import sys
import tarfile
import threading
import time
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

from pipeline.weights.entries import Entry
from pipeline.weights.lock import read_lock

CONTENT = bytes(range(256)) * 2048
COMMON = {"paper": "Test 2017", "network": "net", "licence": "CC0-1.0", "origin": "made for a test", "sha256": None}


def sha256(raw: bytes) -> str:
    """Digest of some bytes."""
    return hashlib.sha256(raw).hexdigest()


def write_lock(path: Path, blocks: Mapping[str, Mapping[str, Any]]) -> Path:
    """Write a registry; each block is completed with what all kinds must say."""
    content = {name: {**COMMON, **block} for name, block in blocks.items()}
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return path


def entry(folder: Path, kind: str, **fields: Any) -> Entry:
    """Return one entry, `net`, as read from a registry."""
    return read_lock(write_lock(folder / "one.lock", {"net": {"kind": kind, **fields}})).entry("net")


@dataclass
class Server:
    """A file server on this machine.

    Attributes:
        content: path -> bytes
        ranges: whether it knows the Range header
        cuts: bytes after which it hangs up, one per answer to come; then it behaves
        seen: Range header of every request so far
        url: its address
        delay_s: before it answers
    """

    content: dict[str, bytes]
    url: str
    delay_s: float = 0
    ranges: bool = True
    cuts: list[int] = field(default_factory=list)
    seen: list[str | None] = field(default_factory=list)


class Handler(BaseHTTPRequestHandler):
    """Answers GET as the server's attributes say."""

    server: Any

    def do_GET(self) -> None:
        state: Server = self.server.state
        asked = self.headers.get("Range")
        state.seen.append(asked)
        time.sleep(state.delay_s)
        raw = state.content.get(self.path)
        if raw is None:
            self.send_error(404)
            return
        first = int(asked.removeprefix("bytes=").rstrip("-")) if asked and state.ranges else 0
        if first and first >= len(raw):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(raw)}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(206 if asked and state.ranges else 200)
        if asked and state.ranges:
            self.send_header("Content-Range", f"bytes {first}-{len(raw) - 1}/{len(raw)}")
        self.send_header("Content-Length", str(len(raw) - first))
        self.end_headers()
        self.wfile.write(raw[first : first + state.cuts.pop(0)] if state.cuts else raw[first:])

    def log_message(self, *args: Any) -> None:
        pass


class QuietServer(ThreadingHTTPServer):
    """Says nothing of a client that hangs up, as the tests of sizes and timeouts have it."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def start(content: Mapping[str, bytes]) -> tuple[Server, ThreadingHTTPServer]:
    """Serve `content` from a thread; the caller shuts the second value down."""
    httpd = QuietServer(("127.0.0.1", 0), Handler)
    state = Server(dict(content), f"http://127.0.0.1:{httpd.server_address[1]}")
    httpd.state = state
    threading.Thread(target=httpd.serve_forever, args=(0.05,), daemon=True).start()
    return state, httpd


def write_wheel(folder: Path, files: Mapping[str, bytes], name: str = "toyweights", version: str = "1.2") -> Path:
    """Write a wheel with data files."""
    info = f"{name}-{version}.dist-info"
    meta = {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/RECORD": b"",
    }
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for member, raw in {**files, **meta}.items():
            wheel.writestr(member, raw)
    return path


BACKEND = """
import os

def prepare_metadata_for_build_wheel(folder, config_settings=None):
    os.mkdir(os.path.join(folder, "toyweights-1.2.dist-info"))
    with open(os.path.join(folder, "toyweights-1.2.dist-info", "METADATA"), "w") as file:
        file.write("Metadata-Version: 2.1\\nName: toyweights\\nVersion: 1.2\\n")
    return "toyweights-1.2.dist-info"

def build_wheel(*args, **kwargs):
    raise SystemExit("nothing is built")
"""
"""A build backend inside the sdist, so that pip needs no index to learn its metadata."""


def write_sdist(folder: Path, files: Mapping[str, bytes]) -> Path:
    """Write an sdist with data files."""
    project = b'[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    info = b"Metadata-Version: 2.1\nName: toyweights\nVersion: 1.2\n"
    own = {"PKG-INFO": info, "pyproject.toml": project, "backend.py": BACKEND.encode()}
    path = folder / "toyweights-1.2.tar.gz"
    with tarfile.open(path, "w:gz") as sdist:
        for member, raw in {**own, **files}.items():
            header = tarfile.TarInfo(f"toyweights-1.2/{member}")
            header.size = len(raw)
            sdist.addfile(header, io.BytesIO(raw))
    return path


def write_npm(files: Mapping[str, bytes], url: str, version: str) -> tuple[bytes, bytes]:
    """Return the archive of a package `@toy/weights`, and what a registry says of it; the archive is behind `url`."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for member, raw in files.items():
            header = tarfile.TarInfo(f"package/{member}")
            header.size = len(raw)
            archive.addfile(header, io.BytesIO(raw))
    whole = buffer.getvalue()
    dist = {"tarball": url, "integrity": f"sha512-{base64.b64encode(hashlib.sha512(whole).digest()).decode()}"}
    one = {"name": "@toy/weights", "version": version, "dist": dist}
    told = {"name": "@toy/weights", "dist-tags": {"latest": version}, "versions": {version: one}}
    return whole, json.dumps(told).encode()
