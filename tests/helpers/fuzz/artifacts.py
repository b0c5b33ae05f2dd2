"""Files that the stages made, damaged: HDF5, JSON and CSV, for `inspect` and for the stages that read them."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import h5py
import numpy as np

from pipeline.cli.inspect.artifact import clean_errors, describe
from pipeline.core.store import ClipFeatures, FeatureFile, FeatureMeta
from pipeline.core.store_writer import write_features

Rng = np.random.Generator


@dataclass(frozen=True)
class Damaged:
    """An artifact after some damage: how, the file's name, its bytes."""

    rule: str
    name: str
    data: bytes

    def read(self, folder: Path) -> None:
        """Look into it as `inspect` does, and read it as a stage does."""
        path = folder / self.name
        path.write_bytes(self.data)
        failure = None
        for look in (_inspect, _read) if path.suffix == ".h5" else (_inspect,):
            try:
                look(path)
            except Exception as error:  # noqa: BLE001  both are asked before the first answer is judged
                failure = failure or error
        if failure:
            raise failure


def _inspect(path: Path) -> None:
    with clean_errors():
        assert describe(path)


def _read(path: Path) -> None:
    with FeatureFile(path) as file:
        for clip_id in file.clip_ids():
            file.read(clip_id)
            file.digest(clip_id)


@cache
def features(seed: int) -> bytes:
    """Return a feature file of three clips, with further arrays and unobserved rows."""
    rng = np.random.default_rng(seed)
    clips = []
    for n in range(3):
        rows = 5 + 40 * n
        extra = {"score": rng.random(rows), "crops": rng.integers(0, 255, (rows, 8, 8, 3)).astype(np.uint8)}
        values = rng.normal(size=(rows, 6)).astype(np.float32 if seed % 2 else np.float16)
        clips.append((f"clip_{n}", ClipFeatures(values, np.arange(rows) / 25, rng.random(rows) > 0.1, extra)))
    dtype = "float32" if seed % 2 else "float16"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "x.h5")
        write_features(path, FeatureMeta("mine", 6, dtype, columns=tuple("abcdef")), clips)
        return path.read_bytes()


def flipped(rng: Rng, data: bytes) -> bytes:
    changed = bytearray(data)
    for at in rng.integers(0, len(data), rng.integers(1, 30)):
        changed[at] ^= int(rng.integers(1, 256))
    return bytes(changed)


def flipped_structure(rng: Rng, data: bytes) -> bytes:
    """Flip bytes near where HDF5 says what is where: its own signatures."""
    places = [at for mark in (b"OHDR", b"TREE", b"SNOD", b"HEAP", b"FRHP", b"BTHD", b"OCHK") for at in _all(data, mark)]
    changed = bytearray(data)
    for _ in range(int(rng.integers(1, 5))):
        begin = int(rng.choice(places)) if places else 0
        changed[min(len(data) - 1, begin + int(rng.integers(0, 120)))] = int(rng.integers(0, 256))
    return bytes(changed)


def _all(data: bytes, mark: bytes) -> list[int]:
    found, at = [], data.find(mark)
    while at >= 0:
        found.append(at)
        at = data.find(mark, at + 1)
    return found


def cut(rng: Rng, data: bytes) -> bytes:
    return data[: int(rng.integers(0, len(data)))]


def zeroed(rng: Rng, data: bytes) -> bytes:
    begin = int(rng.integers(0, len(data)))
    size = min(int(rng.integers(1, 4096)), len(data) - begin)
    return data[:begin] + bytes(size) + data[begin + size :]


def edited(rng: Rng, data: bytes) -> bytes:
    """Let HDF5 itself change a feature file: other types, shapes, attributes, links, groups in the place of arrays."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "x.h5")
        path.write_bytes(data)
        with h5py.File(path, "a") as file:
            clip = file[f"clip_{rng.integers(0, 3)}"]
            name = str(rng.choice(["values", "times", "mask", "score", "crops"]))
            _change(rng, file, clip, name)
        return path.read_bytes()


def _change(rng: Rng, file: h5py.File, clip: h5py.Group, name: str) -> None:
    rows = len(clip["mask"])
    new: list[Callable[[], object]] = [
        lambda: None,
        lambda: clip.create_dataset(name, data=np.zeros((rows + 1, 6))),
        lambda: clip.create_dataset(name, data=np.full((rows, 6), np.nan)),
        lambda: clip.create_dataset(name, data=np.zeros((rows, 2, 2))),
        lambda: clip.create_dataset(name, data=[b"text"] * rows),
        lambda: clip.create_dataset(name, data=1.0),
        lambda: clip.create_dataset(name, shape=(1 << 40, 6), dtype="f4", chunks=(1024, 6)),
        lambda: clip.create_dataset(name, shape=(0, 6), dtype="f4"),
        lambda: clip.create_group(name),
        lambda: clip.__setitem__(name, h5py.SoftLink("/nowhere")),
        lambda: clip.__setitem__(name, h5py.SoftLink(f"{clip.name}/{name}")),
        lambda: clip.__setitem__(name, h5py.ExternalLink("/etc/hostname", "/")),
    ]
    what = int(rng.integers(0, len(new) + 3))
    if what < len(new):
        del clip[name]
        new[what]()
    elif what == len(new):
        key = str(rng.choice(list(file.attrs)))
        file.attrs[key] = [1 << 60, "x" * 5000, np.zeros(3), -1, ""][rng.integers(0, 5)]
    elif what == len(new) + 1:
        del file.attrs[str(rng.choice(list(file.attrs)))]
    else:
        clip.attrs["digests"] = ["{}", "[", "[1]", '{"values": 1}', "null"][rng.integers(0, 5)]


SCORES = {f"model{n}": {"accuracy": 0.5, "uar": 0.25, "n": 12} for n in range(4)}
TEXTS: dict[str, str] = {
    "scores.json": json.dumps(SCORES, indent=1),
    "corpus.json": json.dumps({"name": "demo", "clips": 12, "folds": [{"test": ["a"], "clips": {"test": 3}}]}),
    "x.ledger.csv": "clip_id,stage,status,reason,detail\n" + "".join(f"c{n},prepare,ok,,\n" for n in range(9)),
    "posteriors.csv": "fold,clip_id,speaker,emotion,predicted,anger,sad\n"
    + "".join(f"fold-00,c{n},anna,sad,sad,0.25,0.75\n" for n in range(9)),
    "manifest.csv": "clip_id,path,speaker,emotion,split,gender,start,end,source,corpus,digest\n"
    + "".join(f"c{n},c{n}.wav,anna,sad,,,,,,,\n" for n in range(9)),
}
DAMAGE = (flipped, flipped_structure, cut, zeroed, edited)


def make(rng: Rng) -> Damaged:
    """Return an artifact after some damage, both drawn."""
    if rng.random() < 0.7:
        how = DAMAGE[int(rng.integers(0, len(DAMAGE)))]
        return Damaged(f"HDF5 {how.__name__}", "x.h5", how(rng, features(int(rng.integers(0, 2)))))
    name = str(rng.choice(list(TEXTS)))
    how = (flipped, cut, zeroed)[int(rng.integers(0, 3))]
    kind = "JSON" if name.endswith("json") else "CSV"
    return Damaged(f"{kind} {how.__name__}: {name}", name, how(rng, TEXTS[name].encode()))
