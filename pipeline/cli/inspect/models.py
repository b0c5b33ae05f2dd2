"""Models: folders of `models/` and single files. Pickles are never opened, since a pickle runs whatever it names."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pipeline.cli.inspect import networks, tables
from pipeline.cli.inspect.documents import describe as describe_document
from pipeline.cli.inspect.documents import read as read_json
from pipeline.cli.inspect.history import describe as describe_history
from pipeline.cli.inspect.sniff import kind_of
from pipeline.core.errors import ArtifactError
from pipeline.core.files import file_digest
from pipeline.runner.terminal import pairs, size, table

_WEIGHTS = (".pt", ".joblib", ".dat")
_TABLES = ("posteriors.csv", "predictions.csv", "ledger.csv")
_KINDS = {
    "torch": "PyTorch file", "checkpoint": "checkpoint of a training loop", "pickle": "pickle of joblib; not opened, since that would run what it names",
    "blob": "network of another library; not opened",
}  # fmt: skip


def describe_file(path: Path, kind: str) -> list[str]:
    """Return name, size and SHA-256 of a model's file, what is in it where that is safe, and what stands beside it.

    Args:
        path: the file
        kind: as `sniff.kind_of` gives it

    Raises:
        ArtifactError: damaged
    """
    lines = [
        f"{path}",
        *pairs([("kind", _KINDS[kind]), ("size", size(path.stat().st_size)), ("SHA-256", _digest(path))]),
    ]
    if kind == "torch":
        return [*lines, *networks.describe(path)]
    if kind == "checkpoint":
        return [*lines, *networks.describe_checkpoint(path)]
    return [*lines, *_beside(path.parent)]


def describe_folder(path: Path) -> list[str]:
    """Return what a folder of `models/` holds: settings, files, figures of training and test.

    Raises:
        ArtifactError: no model in it, or a damaged file
    """
    files = sorted(file for file in path.iterdir() if file.suffix in _WEIGHTS and file.is_file())
    known = [name for name in ("about.json", "metrics.json", "weights.json", "history.csv") if (path / name).is_file()]
    if not files and not known:
        raise ArtifactError(
            f"{path}: a folder without a model; name a file in it, or a folder such as models/<corpus>/<system>/classifiers/<model>"
        )
    lines = [
        f"{path}",
        *pairs(
            [
                ("kind", "model" if files or "about.json" in known else "folder of figures"),
                ("files", ", ".join(sorted(file.name for file in path.iterdir()))),
            ]
        ),
    ]
    lines += _beside(path)
    for name in _TABLES:
        if (path / name).is_file():
            lines += ["", *tables.describe(path / name)]
    if files:
        rows = [[file.name, size(file.stat().st_size), _digest(file)] for file in files]
        lines += ["", *table(["file", "size", "SHA-256"], rows, (0, 2))]
    torch = [file for file in files if kind_of(file) == "torch"]
    return [*lines, "", f"{torch[0].name}", *networks.describe(torch[0])] if torch else lines


def _digest(path: Path) -> str:
    """Return a file's SHA-256, and whether it is the one noted beside it."""
    found, noted = file_digest(path), _noted(path)
    if not noted:
        return found
    return (
        f"{found}, as noted"
        if noted == found
        else f"{found}, NOT the one noted beside it: delete the folder and rerun its stage"
    )


def _noted(path: Path) -> str:
    """Return the SHA-256 that stands beside a file, "" where none does."""
    beside, published = path.with_name(f"{path.name}.sha256"), path.with_name("weights.json")
    if beside.is_file():
        return (beside.read_text(encoding="utf-8", errors="replace").split() or ["empty"])[0]
    content = read_json(published) if published.is_file() else {}
    files = content.get("files") if isinstance(content, dict) else {}
    entries = files.values() if isinstance(files, dict) else []
    return next(
        (str(entry.get("sha256")) for entry in entries if isinstance(entry, dict) and entry.get("file") == path.name),
        "",
    )


def _beside(folder: Path) -> Iterator[str]:
    """Yield what the files beside a model say of it."""
    for name in ("about.json", "metrics.json", "weights.json"):
        if (folder / name).is_file():
            yield from ["", name, *describe_document(folder / name)[4:]]
    if (folder / "history.csv").is_file():
        yield from ["", "history.csv", *describe_history(folder / "history.csv")]
