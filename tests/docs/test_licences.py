"""LICENSE, CITATION.cff and docs/licences.md: whole, and in the words of their sources."""

from __future__ import annotations

import re
import tomllib

import pytest

from helpers.docs import text_of
from helpers.project import ROOT
from helpers.shipped import shipped
from pipeline.core import plugins
from pipeline.weights.lock import read_lock

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CITATION = shipped("CITATION.cff")


def rows(heading: str) -> dict[str, list[str]]:
    """Return the table below a heading: first cell -> the others."""
    section = text_of("licences").split(f"\n## {heading}\n")[1].split("\n## ")[0]
    cells = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if line.startswith("| `")
    ]
    return {first.strip("`"): rest for first, *rest in cells}


def test_every_corpus_is_listed_in_the_words_of_its_adapter() -> None:
    assert rows("Corpora") == {name: [plugins.load("corpora", name).LICENCE] for name in plugins.names("corpora")}


def test_every_weight_is_listed_in_the_words_of_the_registry() -> None:
    lock = shipped("weights.lock")
    assert rows("Weights") == {name: [entry["network"], entry["licence"]] for name, entry in lock.items()}
    for name in lock:
        read_lock(ROOT / "weights.lock").entry(name)


def test_every_dependency_is_listed() -> None:
    names = {
        re.split(r"[<>=\[]", dependency)[0]
        for dependency in [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["hub"]]
    }
    listed = rows("Packages")
    assert set(listed) == names
    assert all(cells[0] for cells in listed.values())


def test_the_licence_is_that_of_the_metadata() -> None:
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert text.startswith("BSD 3-Clause License\n\nCopyright (c) 2026, the avemotion-pipeline developers\n")
    assert len(re.findall(r"^\d\. ", text, flags=re.MULTILINE)) == 3
    assert PROJECT["license"] == CITATION["license"] == "BSD-3-Clause"


def test_the_citation_file_has_what_cff_asks_for() -> None:
    assert CITATION["cff-version"] == "1.2.0"
    assert {"message", "title", "authors"} <= set(CITATION)
    assert (CITATION["title"], CITATION["version"]) == (PROJECT["name"], PROJECT["version"])
    assert CITATION["type"] == "software"
    assert CITATION["authors"] == [{"name": "The avemotion-pipeline developers"}]


@pytest.mark.parametrize("reference", CITATION["references"], ids=lambda one: one["authors"][0]["family-names"])
def test_references_have_what_cff_asks_for(reference: dict) -> None:
    assert {"type", "title", "authors"} <= set(reference)
    assert reference["type"] in ("article", "conference-paper")
    for author in reference["authors"]:
        assert set(author) == {"family-names", "given-names"}
    assert reference["year"] == 2017
    assert re.fullmatch(r"10\.\d{4,9}/\S+", reference.get("doi", "10.1234/none"))
    if "conference" in reference:
        assert reference["conference"]["name"]
