"""Folders of encoders that `transformers` reads: hashed, copied, described as an entry, or fetched from a model hub.

Nothing in a file is run: weights are safetensors, whose header is read here, and pickles are refused.
"""

from __future__ import annotations

import importlib
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline.core.errors import WeightsError
from pipeline.core.files import file_digest
from pipeline.weights.aside import kept_if_refused, told_aside
from pipeline.weights.entries import SHOWN
from pipeline.weights.hub_entry import CONFIGS, NO_PICKLE, HubEntry

MODEL, INDEX = "model.safetensors", "model.safetensors.index.json"
EXTRA = "the optional extra `hub` is not installed; run `pip install -e '.[hub]'`"
_PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".h5", ".msgpack")


def check_folder(entry: HubEntry, folder: Path, remedy: str, shown: Path | None = None) -> str:
    """Return the digest of an entry's files as `known` has it; WeightsError where one is missing or another file."""
    where = shown or folder
    for name, sha256 in entry.files.items():
        path = folder / name
        if not path.is_file():
            raise WeightsError(f"{where / name}: missing, weights.lock: {entry.name}.files names it; {remedy}")
        if (found := file_digest(path)) != sha256:
            told = f"weights.lock: {entry.name}.files has {sha256[:SHOWN]}"
            raise WeightsError(f"{where / name}: refused, SHA-256 {found[:SHOWN]}, but {told}; {remedy}")
    return entry.known


def copy_folder(entry: HubEntry, source: Path, target: Path) -> None:
    """Copy an entry's files, and no other, whole or not at all; WeightsError where `source` does not have them."""
    check_folder(entry, source, "get the folder again")
    part = _fresh(target)
    for name in entry.files:
        shutil.copyfile(source / name, part / name)  # a cache of a hub has links in this place
    check_folder(entry, part, "it changed while it was copied; run the command again", source)
    _into_place(entry, part, target)


def files_in(folder: Path) -> dict[str, str]:
    """Return what `HubEntry.files` says of a folder; WeightsError where it is no encoder in safetensors."""
    if not folder.is_dir():
        raise WeightsError(f"{folder}: no such folder; name the one that has config.json")
    weights = _weights_in(folder)
    names = [*CONFIGS, *weights]
    for name in names:
        if not (folder / name).is_file():
            raise WeightsError(f"{folder / name}: missing; get all files of the repository")
    for name in weights:
        if name.endswith(".safetensors"):
            _check_safetensors(folder / name)
    return {name: file_digest(folder / name) for name in names}


def _weights_in(folder: Path) -> list[str]:
    if (folder / MODEL).is_file():
        return [MODEL]
    if (folder / INDEX).is_file():
        try:
            shards = sorted(set(json.loads((folder / INDEX).read_bytes())["weight_map"].values()))
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise WeightsError(f"{folder / INDEX}: damaged; get it again") from error
        if all(isinstance(name, str) and Path(name).name == name for name in shards):
            return [INDEX, *shards]
        raise WeightsError(f"{folder / INDEX}: names files of other folders; get it again")
    pickles = sorted(path.name for path in folder.iterdir() if path.suffix in _PICKLES)
    if pickles:
        raise WeightsError(f"{folder / pickles[0]}: refused, it {NO_PICKLE}")
    raise WeightsError(f"{folder / MODEL}: missing; get all files of the repository")


def _check_safetensors(path: Path) -> None:
    """Refuse a file that is cut off, or of another format under this name."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        try:
            header: Any = json.loads(file.read(length)) if length < path.stat().st_size else None
            ends = [tensor["data_offsets"][1] for name, tensor in header.items() if name != "__metadata__"]
            whole = 8 + length + max(ends, default=0) == path.stat().st_size
        except (ValueError, LookupError, TypeError, AttributeError):
            whole = False
    if not whole:
        raise WeightsError(f"{path}: refused, damaged or no safetensors; get it again")


def told_by(folder: Path) -> tuple[str | None, str | None]:
    """Return (repository, revision) as far as huggingface_hub has left them: in the path of its cache, or beside files
    that it has brought into a folder.
    """
    *_, models, snapshots, revision = ("", "", *folder.resolve().parts)
    if snapshots == "snapshots" and models.startswith("models--"):
        return models.removeprefix("models--").replace("--", "/"), revision
    beside = folder / ".cache" / "huggingface" / "download" / "config.json.metadata"
    words = beside.read_text(encoding="utf-8").split() if beside.is_file() else []
    return None, words[0] if words else None


def download(entry: HubEntry, target: Path) -> None:
    """Fetch an entry's files from its hub, by the hub's own client, which resumes; moved into place once all hashes
    hold.
    """
    place = f"weights.lock: {entry.name}"
    if entry.repository is None:
        raise WeightsError(f"{place}: has no repository to fetch from; get the folder and run `{entry.by_hand}`")
    try:  # by name: no result depends on the version of the client, so no code digest does
        client: Any = importlib.import_module("huggingface_hub")
    except ImportError as error:
        raise WeightsError(f"{place}: {EXTRA}, or get the folder by hand and run `{entry.by_hand}`") from error
    part = target.with_name(f"{target.name}.part")
    for name in entry.files:
        try:
            client.hf_hub_download(entry.repository, name, revision=entry.revision, local_dir=part)
        except (OSError, ValueError, RuntimeError) as error:  # the client's own errors are among these
            why = " ".join(str(error).split())[:160] or type(error).__name__
            hint = f"try again, or get the folder by hand and run `{entry.by_hand}`"
            raise WeightsError(f"{place}: {entry.repository}/{name} cannot be fetched ({why}); {hint}") from error
    shutil.rmtree(part / ".cache", ignore_errors=True)
    with kept_if_refused(entry, part, target):
        check_folder(entry, part, "its hashes are not those of this revision", target)
    _into_place(entry, part, target)


def block(
    network: str, licence: str, origin: str, place: Sequence[str | None], files: dict[str, str]
) -> dict[str, Any]:
    """Return an entry's block of weights.lock; `place` is (repository, revision), None twice without one."""
    where = dict(zip(("repository", "revision"), place, strict=True)) if any(place) else {}
    said = {"paper": "none", "network": network, "licence": licence, "origin": origin}
    return {"kind": "hub", **said, **where, "files": files}


def network_in(folder: Path) -> str:
    """Return which architecture the configuration of a folder names."""
    try:
        found = json.loads((folder / CONFIGS[0]).read_bytes())["model_type"]
    except (ValueError, LookupError, TypeError) as error:
        raise WeightsError(f"{folder / CONFIGS[0]}: damaged, or without model_type; get it again") from error
    return str(found)


def _fresh(target: Path) -> Path:
    part = target.with_name(f"{target.name}.copied")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    return part


def _into_place(entry: HubEntry, part: Path, target: Path) -> None:
    """Move a folder whose hashes hold to its place; what lies there stays where its hashes hold, too, or is kept."""
    if target.exists():
        try:
            check_folder(entry, target, "")
        except WeightsError:
            told_aside(target)
        else:
            shutil.rmtree(part)
            return
    part.rename(target)
