"""What was computed for one clip, kept by content outside DVC's outputs.

An entry is named by the SHA-256 of (input digest, code version, settings, weights digest), written to a temporary
file and moved into place, and carries its own digest: a killed run resumes, one new clip costs one extraction, and
a damaged entry is computed again. The folder may be deleted at any time.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import time
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.core.errors import ClipError
from pipeline.core.files import atomic_path, canonical_json
from pipeline.core.store import ClipFeatures

_DIGEST_BYTES = 32


def cache_key(**parts: Any) -> str:
    """Return the entry's name: 64 hexadecimal digits over the canonical JSON of `parts`."""
    return hashlib.sha256(canonical_json(parts).encode()).hexdigest()


class ClipCache:
    """A folder of entries.

    Args:
        root: the folder; made on first use
        max_gb: what `prune` leaves, GB
    """

    def __init__(self, root: Path, max_gb: float = 20.0) -> None:
        self.root = root
        self.max_gb = max_gb

    def path(self, key: str) -> Path:
        """Return where an entry lies, in one of 256 sub-folders."""
        return self.root / key[:2] / key[2:]

    def get(self, key: str) -> tuple[ClipFeatures | ClipError, list[str]] | None:
        """Return (arrays or the clip's error, notes), or None where nothing sound is kept."""
        payload = self._payload(key)
        if payload is None:
            return None
        with np.load(io.BytesIO(payload), allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        head = json.loads(bytes(arrays.pop("head")).decode())
        if head["reason"]:
            return ClipError(head["reason"], head["detail"]), head["notes"]
        values, times, mask = (arrays.pop(name) for name in ("values", "times", "mask"))
        return ClipFeatures(values, times, mask, arrays), head["notes"]

    def put(self, key: str, result: ClipFeatures | ClipError, notes: list[str]) -> None:
        """Keep what was computed, or why it could not be."""
        head = {"reason": "", "detail": "", "notes": notes}
        arrays: dict[str, np.ndarray] = {}
        if isinstance(result, ClipError):
            head |= {"reason": result.reason, "detail": result.detail}
        else:
            arrays = {"values": result.values, "times": result.times, "mask": result.mask, **result.extra}
        payload = _archive({"head": np.frombuffer(json.dumps(head).encode(), np.uint8), **arrays})
        with atomic_path(self.path(key)) as temporary:
            temporary.write_bytes(hashlib.sha256(payload).digest() + payload)

    def _payload(self, key: str) -> bytes | None:
        path = self.path(key)
        if not path.is_file():
            return None
        raw = path.read_bytes()
        payload = raw[_DIGEST_BYTES:]
        if hashlib.sha256(payload).digest() != raw[:_DIGEST_BYTES]:
            path.unlink(missing_ok=True)
            return None
        os.utime(path)  # the time of last use, by which `prune` chooses
        return payload

    def prune(self) -> int:
        """Delete the entries used longest ago until `max_gb` holds; return how many went.

        What a killed run left half written goes too, once it is an hour old.
        """
        for path in self.root.glob("??/.*"):
            if time.time() - path.stat().st_mtime > 3600:
                path.unlink(missing_ok=True)
        entries = [(p.stat().st_mtime, p.stat().st_size, p) for p in self.root.glob("??/*") if not p.name.startswith(".")]
        size, gone = sum(entry[1] for entry in entries), 0
        for _, bytes_, path in sorted(entries):
            if size <= self.max_gb * 1e9:
                break
            path.unlink(missing_ok=True)
            size, gone = size - bytes_, gone + 1
        return gone


def _archive(arrays: dict[str, Any]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, array in ((name, np.asanyarray(array)) for name, array in arrays.items()):
            with archive.open(_member(name, array), "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)
    return buffer.getvalue()


def _member(name: str, array: np.ndarray) -> str | zipfile.ZipInfo:
    """Return what an array is called in the archive; pictures lie there as they are, since they hardly shrink."""
    member = f"{name}.npy"
    return zipfile.ZipInfo(member) if array.dtype == np.uint8 and array.ndim == 4 else member
