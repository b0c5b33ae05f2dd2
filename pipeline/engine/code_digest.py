"""Which files of this project a piece of code rests on, and one digest for all of them.

The clip cache uses the digest, so that edited code never meets an old result; `tests/dag/test_dvc_yaml.py`
uses the list, so that no stage of dvc.yaml forgets a dependency.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

from pipeline.core import plugins

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("pipeline", "stages")
SILENT = ("pipeline.runner", "pipeline.cli")
"""Packages that change no result: how a stage speaks, and what people ask of its outputs. They are in no digest."""


DATA = (".html", ".css", ".json", ".csv", ".txt", ".yaml")
"""Suffixes of files beside code that a result may come from: a page's template, a drawing's points."""


class _Source(NamedTuple):
    """One file: the dotted names that it imports, anywhere in it; whether it has anything but docstrings in it; and the
    digest of its syntax without docstrings, descriptions of settings, comments and layout.
    """

    imports: frozenset[str]
    does_something: bool
    digest: str


@cache
def _source(path: Path) -> _Source:
    tree, imports = ast.parse(path.read_bytes(), str(path)), set[str]()
    words = "\n".join(_words(tree, imports))
    does_something = not all(map(_is_docstring, tree.body))
    return _Source(frozenset(imports), does_something, hashlib.sha256(words.encode()).hexdigest())


def _words(node: ast.AST, imports: set[str]) -> Iterator[str]:
    """Yield the kinds of a node and of all below it, and their values; add the names that they import."""
    if isinstance(node, ast.Import):
        imports.update(alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
        imports.update([node.module, *(f"{node.module}.{alias.name}" for alias in node.names)])
    yield type(node).__name__
    for name in node._fields:
        value = getattr(node, name, None)
        if isinstance(value, ast.AST):
            yield from _words(value, imports)
        elif isinstance(value, list):
            yield "["
            for one in _counted(node, name, value):
                yield from _words(one, imports) if isinstance(one, ast.AST) else [repr(one)]
            yield "]"
        else:
            yield repr(value)


def _counted(node: ast.AST, name: str, values: list[Any]) -> list[Any]:
    """Return what counts of a list below a node: no docstrings, no descriptions of settings."""
    if name == "body":
        return [one for one in values if not _is_docstring(one)] or [ast.Pass()]
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Field":
        return [one for one in values if not (isinstance(one, ast.keyword) and one.arg == "description")]
    return values


def _is_docstring(node: ast.stmt) -> bool:
    """Return whether a statement is a text and nothing else: of a module, class or function, or below an attribute."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


@cache
def module_files(name: str, root: Path = ROOT) -> tuple[Path, ...]:
    """Return the project files behind a dotted name: the module, and the packages above it."""
    parts = name.split(".")
    if parts[0] not in PACKAGES or ".".join(parts[:2]) in SILENT:
        return ()
    bases = [root.joinpath(*parts[:depth]) for depth in range(1, len(parts) + 1)]
    return tuple(path for base in bases for path in (base.with_suffix(".py"), base / "__init__.py") if path.is_file())


def imported_files(files: Iterable[Path], root: Path = ROOT) -> list[Path]:
    """Return `files` and all files of the project that they import, directly or not, sorted.

    A file with nothing but a docstring in it, as most `__init__.py` are, does not count.
    """
    todo, seen = list(files), set[Path]()
    while todo:
        path = todo.pop()
        if path not in seen:
            seen.add(path)
            todo += [file for name in _source(path).imports for file in module_files(name, root)]
    return sorted(path for path in seen if _source(path).does_something)


@cache
def code_digest(*modules: str) -> str:
    """Return 16 hexadecimal digits for the code behind dotted module names.

    Covers every file of the project that they import, the templates and other data beside those files, and the
    versions of the third-party packages that they import. Comments, docstrings and layout do not count.
    """
    for name in modules:
        base = ROOT.joinpath(*name.split("."))
        if not (base.with_suffix(".py").is_file() or (base / "__init__.py").is_file()):
            raise ValueError(f"no module '{name}' in this project")
    files = imported_files(path for name in modules for path in module_files(name))
    tops = {name.split(".")[0] for path in files for name in _source(path).imports}
    digest = hashlib.sha256()
    for path in files:
        digest.update(f"{path.relative_to(ROOT).as_posix()}\n{_source(path).digest}\n".encode())
    for path in _data_beside(files):
        digest.update(f"{path.relative_to(ROOT).as_posix()}\n".encode() + path.read_bytes())
    for line in sorted({_version(owner) for top in tops for owner in _package_owners().get(top, ())}):
        digest.update(line.encode())
    return digest.hexdigest()[:16]


def _data_beside(files: Iterable[Path]) -> list[Path]:
    """Return what modules may read of their own package: data in its folder, and templates below it."""
    folders = {path.parent for path in files}
    beside = {path for folder in folders for place in (folder, folder / "templates") for path in place.glob("*.*")}
    return sorted(path for path in beside if path.suffix in DATA)


def all_digests(params: Mapping[str, Any] | None = None) -> dict[str, dict[str, str]]:
    """Return what code.json holds, the digest of the code behind every stage and every plugin: `stages` -> file in
    stages/ -> digest, and kind of plugin -> plugin -> digest. By params.yaml a feature that names its extractor has
    the digest of that: dvc.yaml asks by the feature's name.
    """
    stages = sorted(path.stem for path in (ROOT / "stages").glob("[a-z]*.py"))
    found = {"stages": {name: code_digest(f"stages.{name}") for name in stages}}
    for kind in plugins.KINDS:
        found[kind] = {name: code_digest(plugins.module_name(kind, name)) for name in plugins.names(kind)}
    found["extractors"] |= {feature: found["extractors"][it] for feature, it in plugins.renamed(params or {}).items()}
    return found


@cache
def _version(owner: metadata.Distribution) -> str:
    # the local part of a version (torch's "+cpu") tells the build, not what it computes
    return f"{owner.name}=={owner.version.split('+')[0]}\n"


@cache
def _package_owners() -> dict[str, list[metadata.Distribution]]:
    """Return top-level name -> the installed distributions that bring it.

    What `importlib.metadata.packages_distributions` tells, in a tenth of its time: it parses the metadata of every
    distribution there is for the name alone, and each stage would wait for that.
    """
    owners: dict[str, list[metadata.Distribution]] = {}
    for distribution in metadata.distributions():
        for top in _tops(distribution):
            owners.setdefault(top, []).append(distribution)
    return owners


def _tops(distribution: metadata.Distribution) -> set[str]:
    """Return the names under which a distribution is imported: as declared, or as its files tell."""
    declared = (distribution.read_text("top_level.txt") or "").split()
    record = distribution.read_text("RECORD") or "" if not declared else ""
    modules = (line.split(",")[0] for line in record.splitlines() if ".py," in line)
    return set(declared) or {module.split("/")[0].removesuffix(".py") for module in modules}
