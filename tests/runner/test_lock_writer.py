"""dvc.lock by entry: what DVC reads and writes, to the byte."""

from __future__ import annotations

import io
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.project import ROOT
from pipeline.runner.lock_writer import LockText, read_once

WORDS = st.text(st.characters(codec="utf-8", exclude_categories=("C",)), max_size=120)
NAMES = st.one_of(st.from_regex(r"[a-z_]{1,9}@[a-z0-9:-]{1,9}", fullmatch=True), st.sampled_from(["no", "1e3", "a b"]))
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), WORDS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=3)),
    max_leaves=6,
)
STAGES = st.dictionaries(
    NAMES,
    st.fixed_dictionaries(
        {
            "cmd": st.one_of(WORDS.filter(bool), st.lists(WORDS, min_size=1, max_size=2)),
            "deps": st.lists(st.fixed_dictionaries({"path": WORDS, "hash": st.just("md5"), "size": st.integers(0)})),
            "params": st.fixed_dictionaries({"params.yaml": st.dictionaries(NAMES, VALUES, max_size=3)}),
        }
    ),
    min_size=1,
    max_size=4,
)


def dumped(stages: dict[str, Any]) -> str:
    """Return dvc.lock as DVC writes it."""
    from dvc.utils.serialize import _yaml

    stream = io.StringIO()
    _yaml._dump({"schema": "2.0", "stages": stages}, stream)
    return stream.getvalue()


def read(lock: LockText, text: str) -> Any:
    """Read by entry, and see that it is what DVC reads."""
    from dvc.utils.serialize import _yaml

    data = lock.parse(text, lambda part: _yaml.parse_yaml(part, "dvc.lock"))
    assert data == _yaml.parse_yaml(text, "dvc.lock")
    return data


@settings(max_examples=20)  # each reads YAML four times by ruamel
@given(before=STAGES, after=STAGES)
def test_what_is_read_and_written_is_what_dvc_reads_and_writes(before, after):
    from dvc.utils.serialize import _yaml

    lock, text = LockText(), dumped(before)
    data = read(lock, text)
    data["stages"].update(after)
    written = lock.text_of(data, _yaml._dump)
    assert written in (None, dumped(data["stages"]))
    again = read(lock, dumped(data["stages"]))
    again["stages"].pop(next(iter(again["stages"])))
    if again["stages"]:
        assert lock.text_of(again, _yaml._dump) in (None, dumped(again["stages"]))


def test_the_projects_own_is_read_once_and_one_entry_written():
    from dvc.utils.serialize import _yaml

    text, lock, count = (ROOT / "dvc.lock").read_text(encoding="utf-8"), LockText(), []
    parsed = [lock.parse(text, lambda part: count.append(1) or _yaml.parse_yaml(part, "dvc.lock")) for _ in range(3)]
    stages = parsed[0]["stages"]
    assert len(count) == len(stages) > 100
    assert parsed[0] == parsed[1] == parsed[2]
    parsed[2]["stages"]["prepare@demo"]["cmd"] = "another"
    dumps = []
    written = lock.text_of(parsed[2], lambda data, stream: dumps.append(data) or _yaml._dump(data, stream))
    assert written == dumped({**stages, "prepare@demo": {**stages["prepare@demo"], "cmd": "another"}})
    assert [list(data["stages"]) for data in dumps] == [["prepare@demo"]]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "schema: '2.0'\nstages: {}\n",
        "stages:\n  a:\n    cmd: b\nschema: '2.0'\n",
        "schema: '2.0'\nstages:\n  a:\n    cmd: b\n  ? c\n  : cmd: d\n",
        "schema: '2.0'\nstages:\n  a:\n    cmd: b\ndatasets:\n- name: c\n",
        "schema: '2.0'\nstages:\n  a: {cmd: b}\n  # c\n  d: {cmd: e}\n",
        "# by hand\nschema: '2.0'\nstages:\n  a:\n    cmd: b\n",
    ],
)
def test_what_dvc_did_not_write_so_is_read_as_dvc_reads_it(text):
    read(LockText(), text)


def test_a_file_that_is_no_yaml_is_dvcs_to_complain_of():
    from dvc.utils.serialize import YAMLFileCorruptedError, _yaml

    with pytest.raises(YAMLFileCorruptedError):
        LockText().parse("schema: '2.0'\nstages:\n  a: [\n", lambda part: _yaml.parse_yaml(part, "dvc.lock"))


def test_another_file_is_none_of_its_business(monkeypatch, tmp_path):
    from dvc.utils import strictyaml
    from dvc.utils.serialize import _yaml

    for module in (strictyaml, _yaml):
        monkeypatch.setattr(module, "parse_yaml", module.parse_yaml)
    monkeypatch.setattr(_yaml, "parse_yaml_for_update", _yaml.parse_yaml_for_update)
    read_once()
    text = "schema: '2.0'\nstages:\n  a:\n    cmd: b # c\n"
    first = strictyaml.parse_yaml(text, "dvc.yaml")
    first["stages"]["a"]["cmd"] = "changed by who asked"
    assert strictyaml.parse_yaml(text, "dvc.yaml") == strictyaml.parse_yaml(text, "dvc.lock")
    assert strictyaml.parse_yaml(text.replace("b", "c"), "dvc.yaml")["stages"]["a"]["cmd"] == "c"
    kept = _yaml.parse_yaml_for_update(text, tmp_path / "dvc.yaml")
    stream = io.StringIO()
    _yaml._dump(kept, stream)
    assert stream.getvalue() == text
    assert type(_yaml.parse_yaml_for_update(text, tmp_path / "dvc.lock")) is dict
