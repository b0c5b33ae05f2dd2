"""The tree as a whole: a package for every duty, no import cycle, and files that a person can read."""

from __future__ import annotations

import ast

import grimp
import networkx
import pytest

from helpers.project import ROOT

PACKAGES = sorted(path.parent for path in ROOT.glob("pipeline/**/__init__.py"))


def test_no_module_lies_in_the_root_of_the_library() -> None:
    assert sorted(path.name for path in (ROOT / "pipeline").glob("*.py")) == ["__init__.py", "__main__.py"]


def test_no_files_import_each_other_in_a_circle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT))
    found = grimp.build_graph("pipeline", "stages", cache_dir=None)
    arrows = [(one, other) for one in found.modules for other in found.find_modules_directly_imported_by(one)]
    circles = [sorted(circle) for circle in networkx.strongly_connected_components(networkx.DiGraph(arrows))]
    assert len(arrows) > 1000
    assert [circle for circle in circles if len(circle) > 1] == []


@pytest.mark.parametrize("path", sorted(ROOT.glob("stages/[a-z]*.py")), ids=lambda path: path.stem)
def test_a_stage_is_the_last_thing_in_its_file(path) -> None:
    """Its decorator runs it, where the file is the program: what stood below would not be there yet."""
    last = ast.parse(path.read_text(encoding="utf-8")).body[-1]
    assert isinstance(last, ast.FunctionDef)
    assert [one.func.id for one in last.decorator_list if isinstance(one, ast.Call)] == ["stage"]


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_package_says_what_it_is_for(package) -> None:
    text = ast.get_docstring(ast.parse((package / "__init__.py").read_text(encoding="utf-8")))
    assert text
    assert len(text.split()) >= 4


@pytest.mark.parametrize(
    ("file", "most"), [("dvc.yaml", 500), ("params.yaml", 250), ("README.md", 120), ("dvc.lock", 56 * 110)]
)  # of dvc.lock so many lines for each of so many stages; it was 114 for each of 87
def test_what_people_open_first_stays_short(file: str, most: int) -> None:
    assert len((ROOT / file).read_text(encoding="utf-8").splitlines()) <= most
