"""Every page of the project: links and anchors resolve, files that are named exist, commands parse."""

from __future__ import annotations

import contextlib
import fnmatch
import io
import re
import shlex
from functools import cache
from pathlib import Path

import pytest

from helpers.docs import DOCS, PLUGINS, blocks, pages
from helpers.project import ROOT
from helpers.shipped import shipped
from pipeline.cli import application

PAGES = pages()
SHOWN = {path for _, path in PLUGINS.values()}
"""Files that pages show and the project does not have."""

FORBIDDEN = (str(ROOT), str(Path.home()), "../shared")
"""What no page names: folders of the machine that it was written on."""


def ids(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def without_fences(text: str) -> str:
    return re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)


@cache
def anchors(path: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    found: dict[str, int] = {}
    for heading in re.findall(r"^#+ +(.+?) *$", without_fences(path.read_text(encoding="utf-8")), flags=re.MULTILINE):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").lower()
        anchor = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        found[f"{anchor}-{found[anchor]}" if anchor in found else anchor] = 0
        found[anchor] = found.get(anchor, 0) + 1
    return set(found)


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_links_resolve(page: Path) -> None:
    text = without_fences(page.read_text(encoding="utf-8"))
    targets = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'(?:src|href)="([^"]+)"', text)
    for target in targets:
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), f"{ids(page)}: {target}"
        if anchor and file.suffix == ".md":
            assert anchor in anchors(file), f"{ids(page)}: {target}"


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_files_that_are_named_exist(page: Path) -> None:
    named = set(
        re.findall(r"`((?:pipeline|stages|tests|docs|scripts|benchmarks)/[\w./-]+)`", page.read_text(encoding="utf-8"))
    )
    missing = {name for name in named - SHOWN if not (ROOT / name).exists()}
    if page.name == "CHANGELOG.md" or page.parent.name == "decisions":
        missing = {name for name in missing if name.startswith("docs/")}  # they tell of what was
    assert not missing, ids(page)


def commands(text: str) -> list[str]:
    """Return every `python -m pipeline ...` of a page, as it stands."""
    inside = [
        line
        for block in blocks(text)
        if block.language in ("", "console", "bash", "sh")
        for line in block.text.splitlines()
    ]
    lines = [line for line in inside if re.match(r"\s*(\$ )?(time )?python -m pipeline\b", line)]
    lines += re.findall(r"`(python -m pipeline [^`]+)`", without_fences(text))
    return [re.split(r"\s+#|\s*[|>]|\s+\(", line.strip().removeprefix("$ ").removeprefix("time "))[0] for line in lines]


def prepared(command: str) -> list[str]:
    """Return the arguments of a command with placeholders filled in."""
    return [
        word for word in shlex.split(command.replace("[", "").replace("]", "").replace("…", ""))[3:] if word != "..."
    ]


def parsed(words: list[str]) -> tuple[int, str]:
    """Return the exit code that arguments lead to, 0 where they are fine, and what is said of them."""
    complaint = io.StringIO()
    with contextlib.redirect_stderr(complaint), contextlib.redirect_stdout(io.StringIO()):
        return application.run(words), complaint.getvalue()


def test_commands_parse(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(application.Command, "invoke", lambda command, context: 0)  # parsed, and not run
    checked = 0
    for page in PAGES:
        if page.name == "CHANGELOG.md":
            continue
        for command in commands(page.read_text(encoding="utf-8")):
            words = prepared(command)
            if not words:
                continue
            code, complaint = parsed(words)
            # --help, or a command named without its arguments, as in "`python -m pipeline weights`"
            assert code == 0 or "Missing" in complaint, f"{ids(page)}: {command}: {complaint}"
            checked += 1
    assert checked >= 25


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_stages_that_commands_name_exist(page: Path) -> None:
    stages = shipped("dvc.yaml")["stages"]
    text = page.read_text(encoding="utf-8")
    for line in re.findall(r"dvc (?:repro|exp run|push|pull)[^\n`#]*", text):
        for stage in re.findall(r"([\w*]+)@[\w-]+", line):
            assert any(fnmatch.fnmatch(name, stage) for name in stages), f"{ids(page)}: {line}"


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_nothing_is_named_that_belongs_to_one_machine(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert not [word for word in FORBIDDEN if word in text], ids(page)
    assert "@@" not in text


def test_the_index_has_every_page_and_decision() -> None:
    index = (DOCS / "README.md").read_text(encoding="utf-8")
    linked = set(re.findall(r"\]\(([\w./-]+\.md)\)", index))
    there = {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")} - {"README.md"}
    assert there <= linked


def test_decisions_are_numbered_and_titled() -> None:
    for path in (DOCS / "decisions").glob("*.md"):
        number = path.name[:4]
        assert path.read_text(encoding="utf-8").startswith(f"# {number} "), path.name


def test_the_readme_fits_on_one_screen() -> None:
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 120
    assert max(map(len, lines)) <= 160


@pytest.mark.parametrize("page", [page for page in PAGES if page.name != "CHANGELOG.md"], ids=ids)
def test_pages_use_the_fields_words(page: Path) -> None:
    avoided = r"learned further|\bdealt\b|surest|hangs on|who is learned from|taken away"
    assert not re.search(avoided, page.read_text(encoding="utf-8"), flags=re.IGNORECASE)
