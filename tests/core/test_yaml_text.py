"""YAML from anywhere: bombs end at once, with one line."""

from __future__ import annotations

import itertools
import time
from pathlib import Path

import pytest
import yaml

from pipeline.core.errors import SettingsError
from pipeline.core.settings import read_params
from pipeline.core.yaml_text import LOADER, parsed

LETTERS = "abcdefghij"


def laughs(first: str, each: str) -> str:
    """Nine lines, each ten times the one before."""
    lines = [f"a: &a {first}"]
    lines += [f"{b}: &{b} {each.format(', '.join([f'*{a}'] * 10))}" for a, b in itertools.pairwise(LETTERS)]
    return "\n".join(lines)


BOMBS = {
    "aliases": laughs("[x, x, x, x, x]", "[{}]"),
    "mappings": laughs("{k: v}", "{{k: [{}]}}"),
    "merges": laughs("{k: v}", "{{<<: [{}]}}"),
    "brackets": "a: " + "[" * 200_000,
    "braces": "a: " + "{a: " * 200_000,
    "dashes": "- " * 200_000,
    "indents": "".join(f"{' ' * depth}a:\n" for depth in range(2000)),
    "itself": "a: &a [*a]",
    "itself by a name used before": "a: &a [1]\nb: &a [*a]",
    "day": "a: 2024-13-45",
    "digits": "a: " + "9" * 6000,
    "tag": "a: !!bool maybe",
    "time": "a: !!timestamp no",
    "one scalar": "a: " + "x" * 9_000_000,
    "one comment": "# " + "x" * 9_000_000,
    "sixties": "a: " + ":".join(["59"] * 20_000),
    "bytes": "a: !!binary " + "A" * 9_000_000,
    "anchors": "".join(f"k{i}: &a{i} {i}\n" for i in range(200_000)),
    "python": "a: !!python/object/apply:os.system [id]",
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_is_one_line_within_a_second(tmp_path: Path, bomb: str) -> None:
    file, begin = tmp_path / "params.yaml", time.monotonic()
    file.write_text(BOMBS[bomb])
    with pytest.raises(SettingsError) as caught:
        read_params(file)
    assert time.monotonic() - begin < 3  # a second, on a processor that is neither slowed down nor shared
    assert str(caught.value).startswith(f"{file}: not valid YAML: ")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < len(str(file)) + 300


def test_what_people_write_is_read() -> None:
    root = Path(__file__).resolve().parents[2]
    for name in ("params.yaml", "dvc.yaml", "plan.yaml", "dvc.lock", "weights.lock"):
        text = (root / name).read_text(encoding="utf-8")
        assert parsed(text) == yaml.load(text, Loader=LOADER)
    assert parsed("a: &a {x: 1}\nb: {<<: *a, y: [*a, *a]}")["b"] == {"x": 1, "y": [{"x": 1}, {"x": 1}]}
    assert parsed("") is None
