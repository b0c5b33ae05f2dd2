"""Models: folders of `models/` and single files. Pickles are never opened, since a pickle runs whatever it names."""

from __future__ import annotations

from pathlib import Path

from pipeline.cli.inspect import documents, networks, outcomes, tables
from pipeline.cli.inspect.file_kind import kind_of
from pipeline.core.errors import ArtifactError
from pipeline.core.files import file_digest
from pipeline.runner.layout import Part, pairs, table
from pipeline.runner.terminal import size

_WEIGHTS = (".pt", ".joblib", ".dat")
_TABLES = ("posteriors.csv", "predictions.csv", "ledger.csv")
_DOCUMENTS, _HISTORY = ("about.json", "metrics.json", "weights.json"), "history.csv"
_KINDS = {
    "torch": "PyTorch file",
    "checkpoint": "checkpoint of a training loop",
    "pickle": "pickle of joblib; not opened, since that would run what it names",
    "blob": "network of another library; not opened",
}


def describe_file(path: Path, kind: str) -> list[Part]:
    """Return size and SHA-256 of a file of a kind, and what is in it where that is safe, else what stands beside it."""
    about = pairs([("kind", _KINDS[kind]), ("size", size(path.stat().st_size)), ("SHA-256", _digest(path))])
    inside = {"torch": networks.describe, "checkpoint": networks.describe_checkpoint}.get(kind)
    return [f"{path}", about, *(inside(path) if inside else _beside(path.parent))]


def describe_folder(path: Path) -> list[Part]:
    """Return what a folder of `models/` holds: settings, files, figures of training and test."""
    there = sorted(path.iterdir())
    names = {file.name for file in there}
    files = [file for file in there if file.suffix in _WEIGHTS and file.is_file()]
    if not files and not names & {*_DOCUMENTS, _HISTORY}:
        instead = "name a file in it, or a folder such as models/<corpus>/<system>/classifiers/<model>"
        raise ArtifactError(f"{path}: a folder without a model; {instead}")
    kind = "model" if files or "about.json" in names else "folder of figures"
    parts = [f"{path}", pairs([("kind", kind), ("files", ", ".join(sorted(names)))]), *_beside(path)]
    for name in (name for name in _TABLES if name in names):
        parts += ["", *tables.describe(path / name)]
    if files:
        rows = [[file.name, size(file.stat().st_size), _digest(file)] for file in files]
        parts += ["", table(["file", "size", "SHA-256"], rows, (0, 2))]
    torch = next((file for file in files if kind_of(file) == "torch"), None)
    return [*parts, "", f"{torch.name}", *networks.describe(torch)] if torch else parts


def _digest(path: Path) -> str:
    """Return a file's SHA-256, and whether it is the one noted beside it."""
    found, noted = file_digest(path), _noted(path)
    if noted and noted != found:
        return f"{found}, NOT the one noted beside it: move the folder away and rerun its stage"
    return f"{found}, as noted" if noted else found


def _noted(path: Path) -> str:
    """Return the SHA-256 that stands beside a file, "" where none does."""
    beside, published = path.with_name(f"{path.name}.sha256"), path.with_name("weights.json")
    if beside.is_file():
        return (beside.read_text(encoding="utf-8", errors="replace").split() or ["empty"])[0]
    content = documents.read(published) if published.is_file() else {}
    files = content.get("files") if isinstance(content, dict) else {}
    entries = [entry for entry in files.values() if isinstance(entry, dict)] if isinstance(files, dict) else []
    return next((str(entry.get("sha256")) for entry in entries if entry.get("file") == path.name), "")


def _beside(folder: Path) -> list[Part]:
    parts: list[Part] = []
    for name in _DOCUMENTS:
        if (folder / name).is_file():
            parts += ["", name, *documents.told(documents.read(folder / name))]
    if (folder / _HISTORY).is_file():
        parts += ["", _HISTORY, *outcomes.history(folder / _HISTORY)]
    return parts
