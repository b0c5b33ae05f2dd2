"""Values change, everything else of a YAML text stays."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.project import ROOT
from helpers.shipped import shipped
from pipeline.cli.settings.yaml_edit import MISSING, differences, edited
from pipeline.core.errors import SettingsError
from pipeline.core.yaml_text import parsed

SHIPPED = (ROOT / "params.yaml").read_text(encoding="utf-8")
TEXT = """\
# top
train: # what
  lstm: {epochs: 3, rate: [1, 2]} # one line
  # above
  svm:
    c: 'a b' # why

    last: 1
  # below svm

base: &base
  {one: 1,
   two: 2} # two lines
merged: {<<: *base, three: 3}
alias: *base
none:
"""


def changed(text: str, *path: str, value: Any = MISSING) -> str:
    """Return the text with one value set, or gone."""
    target = json.loads(json.dumps(parsed(text, known=True)))
    node = target
    for key in path[:-1]:
        node = node[key]
    if value is MISSING:
        del node[path[-1]]
    else:
        node[path[-1]] = value
    found = edited(text, target)
    assert not list(differences(parsed(found, known=True), target))
    return found


@pytest.mark.parametrize(
    ("path", "value", "old", "new"),
    [
        (("train", "lstm", "epochs"), 40, "epochs: 3", "epochs: 40"),
        (("train", "lstm", "rate"), [0.5, "a, b"], "[1, 2]", "[0.5, 'a, b']"),
        (("train", "lstm", "new"), None, "[1, 2]}", "[1, 2], new: null}"),
        (("train", "lstm", "epochs"), MISSING, "{epochs: 3, ", "{"),
        (("train", "lstm", "rate"), MISSING, ", rate: [1, 2]}", "}"),
        (("train", "svm", "c"), "x", "'a b' # why", "x # why"),
        (("train", "svm", "c"), MISSING, "    c: 'a b' # why\n", ""),
        (("train", "svm", "new"), {"k": 1}, "    last: 1\n", "    last: 1\n    new: {k: 1}\n"),
        (("train", "svm"), 7, "svm:\n    c: 'a b' # why\n\n    last: 1\n", "svm: 7\n"),
        (("merged", "three"), 4, "three: 3", "three: 4"),
        (("merged", "one"), 5, "three: 3}", "three: 3, one: 5}"),
        (("merged", "two"), MISSING, "{<<: *base, three: 3}", "{one: 1, three: 3}"),
        (("alias", "one"), 6, "alias: *base", "alias: {one: 6, two: 2}"),
        (("none",), "now", "none:\n", "none: now\n"),
        (("none",), "a\n# b\x85", "none:\n", 'none: "a\\n# b\\N"\n'),
        (("more",), 1, "none:\n", "none:\nmore: 1\n"),
    ],
)
def test_only_the_characters_of_a_value_change(path: tuple[str, ...], value: Any, old: str, new: str) -> None:
    assert TEXT.count(old) == 1
    assert changed(TEXT, *path, value=value) == TEXT.replace(old, new)


def test_what_a_changed_anchor_is_repeated_as_stays() -> None:
    found = parsed(changed(TEXT, "base", "one", value=9), known=True)
    assert (found["base"]["one"], found["merged"]["one"], found["alias"]["one"]) == (9, 1, 1)


def test_an_anchor_that_goes_moves_to_where_it_is_used_next() -> None:
    found = changed(TEXT, "base")
    assert "merged: {<<: &base {one: 1, two: 2}, three: 3}\nalias: *base\n" in found


def test_the_last_entry_of_a_block_leaves_an_empty_one() -> None:
    assert changed("a:\n  b: 1 # c\nd: 2\n", "a", "b").startswith("a: {}")
    assert changed("a: {b: 1}\n", "a", "b") == "a: {}\n"


@pytest.mark.parametrize("text", ["a: 1\n", "[1]\n"])
def test_a_text_that_cannot_be_changed_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match=r"x\.yaml: .*set it by hand"):
        edited(text, {} if text[0] == "a" else {"b": 2}, "x.yaml")


def leaves(node: Any, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Return the key of every setting."""
    if isinstance(node, dict) and node:
        return [leaf for key, value in node.items() for leaf in leaves(value, (*path, key))]
    return [path]


LEAVES = leaves(shipped())
VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-9, 9), st.floats(allow_nan=False), st.text(max_size=9), st.just(MISSING)
)
VALUES = st.recursive(VALUES.filter(lambda value: value is not MISSING), lambda inner: st.lists(inner, max_size=3))


@settings(max_examples=6, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(LEAVES), st.one_of(VALUES, st.just(MISSING))), min_size=1, max_size=4))
def test_any_settings_of_the_real_file_change_and_the_comments_stay(edits: list[tuple[tuple[str, ...], Any]]) -> None:
    target = json.loads(json.dumps(shipped()))
    for path, value in edits:
        node = target
        for key in path[:-1]:
            node = node.get(key, {})
        if value is MISSING:
            node.pop(path[-1], None)
        elif node:
            node[path[-1]] = value
    found = edited(SHIPPED, target)
    assert not list(differences(parsed(found, known=True), target))
    comments = [line for line in SHIPPED.splitlines() if line.lstrip().startswith("#")]
    assert [line for line in found.splitlines() if line.lstrip().startswith("#")] == comments
