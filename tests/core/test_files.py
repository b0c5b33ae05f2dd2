"""Files are whole or absent, and one value has one spelling."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.files import atomic_path, canonical_json, clear_temporaries, file_digest, write_json

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def names(folder: Path) -> list[str]:
    """Everything that lies in a folder."""
    return sorted(path.name for path in folder.iterdir())


def test_atomic_path_makes_the_folder_and_leaves_only_the_file(tmp_path: Path) -> None:
    target = tmp_path / "a" / "b" / "x.csv"
    with atomic_path(target) as temporary:
        temporary.write_text("new")
        assert not target.exists()
        assert (temporary.parent, temporary.suffix) == (target.parent, ".csv")
    assert target.read_text() == "new"
    assert names(target.parent) == ["x.csv"]


def breaks_off(target: Path, written: bool) -> None:
    """Fail in the middle of a write."""
    with atomic_path(target) as temporary:
        if written:
            temporary.write_text("half")
        raise KeyError("stop")


def test_what_a_killed_process_left_is_cleared_and_what_its_neighbours_write_is_not(tmp_path: Path) -> None:
    target, others = tmp_path / "x.h5", [tmp_path / name for name in ("x.ledger.csv", "xy.h5", "x.csv", "[x].h5")]
    code = (
        "import os, pathlib, sys; from pipeline.core.files import atomic_path\n"
        "with atomic_path(pathlib.Path(sys.argv[1])) as temporary: temporary.touch(); os._exit(9)"
    )
    for path in (target, target, *others):
        subprocess.run([sys.executable, "-c", code, str(path)], check=False)
    assert len(names(tmp_path)) == 6
    clear_temporaries(target)
    assert len(names(tmp_path)) == 4
    for path in others:
        clear_temporaries(path)
    assert names(tmp_path) == []


@pytest.mark.parametrize("written", [False, True])
def test_an_error_inside_keeps_the_old_file_and_no_other(tmp_path: Path, written: bool) -> None:
    target = tmp_path / "x.csv"
    target.write_text("old")
    with pytest.raises(KeyError, match="stop"):
        breaks_off(target, written)
    assert target.read_text() == "old"
    assert names(tmp_path) == ["x.csv"]


def test_a_killed_process_leaves_the_old_file_whole(tmp_path: Path) -> None:
    target = tmp_path / "x.csv"
    target.write_text("old")
    code = (
        "import os, pathlib, sys; from pipeline.core.files import atomic_path\n"
        "with atomic_path(pathlib.Path(sys.argv[1])) as t: t.write_text('half'); os._exit(9)"
    )
    root = Path(__file__).resolve().parents[2]
    assert subprocess.run([sys.executable, "-c", code, str(target)], cwd=root, check=False).returncode == 9
    assert target.read_text() == "old"
    assert all(name == "x.csv" or name.startswith(".") for name in names(tmp_path))


@pytest.mark.parametrize(
    ("content", "digest"),
    [
        (b"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        (b"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    ],
)
def test_file_digest_is_sha256(tmp_path: Path, content: bytes, digest: str) -> None:
    path = tmp_path / "x"
    path.write_bytes(content)
    assert file_digest(path) == digest


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"b": 1, "a": [1.5, None, True]}, '{"a":[1.5,null,true],"b":1}'),
        (("x", "y"), '["x","y"]'),
        ("Ü", '"\\u00dc"'),
        ({}, "{}"),
    ],
)
def test_canonical_json(value: object, text: str) -> None:
    assert canonical_json(value) == text


@given(st.dictionaries(st.text(), JSON, max_size=5))
def test_canonical_json_ignores_order_and_keeps_the_value(value: dict) -> None:
    assert canonical_json(dict(reversed(value.items()))) == canonical_json(value)
    assert json.loads(canonical_json(value)) == value


def test_write_json_replaces_and_keeps_the_order_of_keys(tmp_path: Path) -> None:
    path = tmp_path / "m" / "metrics.json"
    for value in ({"old": 0}, {"b": 1, "a": {"uar": 0.25}}):
        write_json(path, value)
    assert path.read_text() == '{\n  "b": 1,\n  "a": {\n    "uar": 0.25\n  }\n}\n'
    assert names(path.parent) == ["metrics.json"]


def test_write_json_refuses_what_is_not_json_and_keeps_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "metrics.json"
    write_json(path, {"uar": 1})
    with pytest.raises(TypeError):
        write_json(path, {"uar": object()})
    assert json.loads(path.read_text()) == {"uar": 1}
    assert names(tmp_path) == ["metrics.json"]
