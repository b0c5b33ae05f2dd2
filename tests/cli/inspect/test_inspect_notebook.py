"""`docs/inspect-features.ipynb`: it runs wherever it is started, on our own files, with nothing of ours."""

from __future__ import annotations

import ast
import sys

import nbformat
import pytest
from nbclient import NotebookClient

from helpers.inspecting import write_corpus, write_crops
from helpers.project import ROOT

NOTEBOOK = ROOT / "docs/inspect-features.ipynb"
THEIRS = {"h5py", "matplotlib", "numpy", "pandas"}


def notebook():
    return nbformat.read(NOTEBOOK, as_version=4)


def executed(where) -> str:
    """Run it in a folder and return all that it prints; a kernel sends a line in as many pieces as it likes, which are
    put together.
    """
    found = notebook()
    NotebookClient(found, timeout=300, coalesce_streams=True, resources={"metadata": {"path": str(where)}}).execute()
    outputs = [output for cell in found.cells for output in cell.get("outputs", ())]
    assert any("image/png" in output.get("data", {}) for output in outputs)
    return "\n".join(output.get("text", "") + output.get("data", {}).get("text/plain", "") for output in outputs)


def test_it_imports_nothing_of_ours():
    code = "\n".join(cell.source for cell in notebook().cells if cell.cell_type == "code")
    names = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(str(node.module).split(".")[0])
    assert "h5py" in names
    assert names <= THEIRS | sys.stdlib_module_names
    assert "__import__" not in code
    assert "import_module" not in code


def test_it_is_stored_without_outputs():
    for cell in notebook().cells:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None
    assert str(ROOT) not in NOTEBOOK.read_text(encoding="utf-8")


@pytest.fixture
def start(tmp_path, monkeypatch, request):
    """A place to start it from, and the folder of features that it finds."""
    monkeypatch.delenv("AVEMOTION_ROOT", raising=False)
    monkeypatch.delenv("AVEMOTION_CORPUS", raising=False)
    folder, place = write_corpus(tmp_path / "project"), request.param
    where = {"root": tmp_path / "project", "docs": tmp_path / "project/docs", "elsewhere": tmp_path / "else"}[place]
    where.mkdir(exist_ok=True)
    if place == "elsewhere":
        monkeypatch.setenv("AVEMOTION_ROOT", str(tmp_path / "project"))
    return where, folder


@pytest.mark.parametrize("start", ["root", "docs", "elsewhere"], indirect=True)
def test_its_first_cell_finds_the_project(monkeypatch, capsys, start):
    """Without a kernel: all other cells go by what this one finds."""
    first = next(cell.source for cell in notebook().cells if cell.cell_type == "code")
    monkeypatch.chdir(start[0])
    found = {}
    exec(compile(first, str(NOTEBOOK), "exec"), found)
    assert (found["FEATURES"], capsys.readouterr().out) == (start[1], "toy of ['toy']\n")


@pytest.mark.parametrize("start", ["docs"], indirect=True)
def test_it_runs(tmp_path, start):
    where, folder = start
    write_crops(folder)
    (folder / "deep.ledger.csv").write_text((folder / "lld.ledger.csv").read_text())
    said = executed(where)
    for words in (
        "toy of ['toy']",
        "deep.h5 low (30, 2, 3)",
        "observed: 67%",
        "8 clips, 0 lost on the way",
        "v4.h5",
        "good-svm",
    ):
        assert words in said
    assert str(tmp_path) not in said
