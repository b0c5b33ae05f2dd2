"""The digest of code: follows imports, moves with code and versions, not with comments."""

from __future__ import annotations

import importlib.util
import shutil
from importlib import metadata
from pathlib import Path
from types import ModuleType

import pytest

from pipeline.engine import code_digest as code

TREE = {
    "pipeline/__init__.py": '"""Package."""\n',
    "pipeline/engine/__init__.py": "",
    "pipeline/a.py": '"""A."""\nimport os\nfrom pipeline.b import twice\n\n\n'
    'def run(x):\n    """Run."""\n    return twice(x)\n',
    "pipeline/b.py": "def twice(x):\n    import pipeline.sub.c\n    return pipeline.sub.c.ADD + x + x\n",
    "pipeline/sub/__init__.py": "",
    "pipeline/sub/c.py": "from pipeline import a\nADD = 0\nTEXT = 'x'\n",
    "pipeline/sub/d.py": "OTHER = 1\n",
    "stages/one.py": "from pipeline.sub import d\n",
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A small project with a ring of imports, and our own `code.py` in it."""
    for name, text in TREE.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    shutil.copy(code.__file__, tmp_path / "pipeline" / "engine" / "code_digest.py")
    return tmp_path


def fresh(tree: Path) -> ModuleType:
    """`code.py` of the small project, with nothing remembered."""
    spec = importlib.util.spec_from_file_location("code_of_tree", tree / "pipeline" / "engine" / "code_digest.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module._package_owners = code._package_owners  # what is installed: the same for both
    return module


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        (["pipeline/a.py"], ["a", "b", "sub/c"]),
        (["pipeline/sub/c.py"], ["a", "b", "sub/c"]),
        (["pipeline/sub/d.py"], ["sub/d"]),
        ([], []),
    ],
)
def test_imports_are_followed_through_rings_and_functions(tree: Path, start: list[str], expected: list[str]) -> None:
    found = code.imported_files([tree / name for name in start], root=tree)
    assert found == sorted(tree / "pipeline" / f"{name}.py" for name in expected)


def test_the_owners_of_packages_are_those_that_python_tells() -> None:
    told = {top: set(owners) for top, owners in metadata.packages_distributions().items()}
    assert {top: {owner.name for owner in owners} for top, owners in code._package_owners().items()} == told


def test_a_name_imported_from_a_package_may_be_a_module(tree: Path) -> None:
    found = code.imported_files([tree / "stages" / "one.py"], root=tree)
    assert [path.relative_to(tree).as_posix() for path in found] == [
        "pipeline/sub/d.py",
        "stages/one.py",
    ]


@pytest.mark.parametrize(
    ("name", "old", "new", "changes"),
    [
        ("pipeline/a.py", '"""A."""', '"""Another text."""', False),
        ("pipeline/a.py", '    """Run."""\n', "", False),
        ("pipeline/a.py", "return twice(x)", "return (\n        twice(x)  # why\n    )", False),
        ("pipeline/a.py", "import os", "import os\n\n\n\n", False),
        ("pipeline/a.py", "return twice(x)", "return twice(x + 1)", True),
        ("pipeline/b.py", "x + x", "x + 2 * x", True),
        ("pipeline/sub/c.py", "ADD = 0", "ADD = 1", True),
        ("pipeline/sub/c.py", "ADD = 0", "ADD = 0  # zero", False),
        ("pipeline/sub/c.py", "TEXT = 'x'", 'TEXT = "x"', False),
        ("pipeline/sub/c.py", "TEXT = 'x'", "TEXT = 'y'", True),
        ("pipeline/__init__.py", '"""Package."""', '"""Package."""\nX = 1', True),
        ("pipeline/sub/d.py", "OTHER = 1", "OTHER = 2", False),
        ("pipeline/a.py", "import os", "import os\nimport numpy", True),
    ],
)
def test_the_digest_moves_with_code_alone(tree: Path, name: str, old: str, new: str, changes: bool) -> None:
    before = fresh(tree).code_digest("pipeline.a")
    text = (tree / name).read_text()
    assert old in text
    (tree / name).write_text(text.replace(old, new))
    assert (fresh(tree).code_digest("pipeline.a") != before) is changes


@pytest.mark.parametrize(
    ("name", "changes"),
    [("pipeline/templates/a.html", True), ("pipeline/points.json", True), ("pipeline/a.py~", False),
     ("pipeline/other/b.json", False)],
)  # fmt: skip
def test_the_digest_moves_with_data_beside_the_code(tree: Path, name: str, changes: bool) -> None:
    digests = [fresh(tree).code_digest("pipeline.a")]
    (tree / name).parent.mkdir(exist_ok=True)
    for text in ("1", "2"):
        (tree / name).write_text(text)
        digests.append(fresh(tree).code_digest("pipeline.a"))
    assert len(set(digests)) == (3 if changes else 1)


@pytest.mark.parametrize(("version", "changes"), [("99.0", True), ("{}+cpu", False)])
def test_the_digest_moves_with_versions_but_not_with_builds(
    tree: Path, monkeypatch: pytest.MonkeyPatch, version: str, changes: bool
) -> None:
    (tree / "pipeline" / "b.py").write_text("import numpy\n")
    before = fresh(tree).code_digest("pipeline.a")
    installed = metadata.version("numpy")
    kind = type(code._package_owners()["numpy"][0])  # importlib_metadata's own, where a package has imported that first
    monkeypatch.setattr(kind, "version", property(lambda _: version.format(installed)))
    assert (fresh(tree).code_digest("pipeline.a") != before) is changes


def test_the_digest_is_the_same_for_a_copy_elsewhere(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    copy = tmp_path_factory.mktemp("elsewhere") / "copy"
    shutil.copytree(tree, copy)
    assert fresh(copy).code_digest("pipeline.a") == fresh(tree).code_digest("pipeline.a")


def test_digests_of_our_own_modules() -> None:
    digests = [
        code.code_digest(f"pipeline.{name}") for name in ("core.files", "core.store", "engine.run", "media.decode")
    ]
    assert len(set(digests)) == len(digests)
    assert all(len(digest) == 16 and set(digest) <= set("0123456789abcdef") for digest in digests)
    assert code.code_digest("pipeline.engine.run", "pipeline.media.decode") not in digests


def test_the_files_behind_the_engine() -> None:
    found = {
        path.relative_to(code.ROOT).as_posix()
        for path in code.imported_files([code.ROOT / "pipeline" / "engine" / "run.py"])
    }
    assert {"pipeline/engine/run.py", "pipeline/core/store.py", "pipeline/core/files.py"} <= found
    assert "pipeline/media/decode.py" not in found
