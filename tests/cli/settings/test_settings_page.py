"""params.yaml is legible and safe to change by DVC; docs/settings.md and profiles/demo.yaml say what it says."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Annotated, Any

import pytest
import yaml
from dvc.utils.hydra import apply_overrides
from pydantic import TypeAdapter

from helpers.project import ROOT
from helpers.shipped import shipped
from pipeline.cli.settings.page import PRINTED, demo, page
from pipeline.cli.settings.sections import NAMED, WHOLE, blocks, check, parts
from pipeline.cli.settings.yaml_edit import differences
from pipeline.core.errors import SettingsError
from pipeline.core.yaml_text import parsed

TEXT = (ROOT / "params.yaml").read_text(encoding="utf-8")
PARAMS: dict[str, Any] = shipped()
REMEDY = "run `python scripts/settings_page.py`"


def test_the_page_and_the_shipped_profile_are_current() -> None:
    assert (ROOT / "docs" / "settings.md").read_text(encoding="utf-8") == page(TEXT), REMEDY
    assert (ROOT / "profiles" / "demo.yaml").read_text(encoding="utf-8") == demo(TEXT), REMEDY
    shipped = parsed(demo(TEXT), known=True)
    assert not list(differences({key: PARAMS[key] for key in PARAMS if key != "runtime"}, shipped))


def test_every_section_and_every_setting_has_its_row() -> None:
    text = page(TEXT)
    assert [line[3:] for line in text.splitlines() if line.startswith("## ")] == list(PARAMS)
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    assert len(rows) > 250
    assert all(len(row.replace("\\|", "").split("|")) == 8 for row in rows)
    assert not [row for row in rows if not row.split("|")[2].strip()], "a setting without a description"


@pytest.mark.parametrize(
    "cells",
    [
        "| `{lstm,temporal}.dropout` | after the LSTM | number ≥ 0 < 1 or list: number ≥ 0 < 1"
        " | lstm: `0.5`; temporal: `0.7` | lstm: 0.5; temporal: 0.7 "
        "| Huang et al. 2017, 4.1; Ouyang et al. 2017, 6.2.1 |",
        "| `{anet,anet15}.tune.epochs` | at most; 0 trains nothing, and the weights are named RANDOM in every report "
        "| integer ≥ 0 | anet: `8`; anet15: `3` | 300 | Zhang et al. 2017, IV.B |",
        "| `search_every_s`"
        " | look for faces in the whole picture every so many s; 0 = in every frame, and follow nothing "
        "| s: number ≥ 0 ≤ 60 | `4.0` | 0 | Zhang et al. 2017, III.A.2 |",
    ],
)
def test_rows(cells: str) -> None:
    assert cells in page(TEXT).splitlines()


def test_papers_values_fit_the_setting_they_stand_at() -> None:
    """What a paper prints is a value that the field takes."""
    found = 0
    for section, name, data in parts(PARAMS):
        for block in blocks(section, name, data):
            for field in block.model.model_fields.values():
                for _, _, value, _ in PRINTED.findall(field.description or ""):
                    found += 1
                    kind = Annotated[field.annotation, "one argument at least", *field.metadata]
                    TypeAdapter(kind).validate_python(parsed(value, known=True))
    assert found > 50


def test_it_is_short_and_every_line_can_be_read() -> None:
    lines = TEXT.splitlines()
    assert len(lines) <= 250
    systems = range(lines.index("systems:"), lines.index("generate:"))
    assert not [line for number, line in enumerate(lines) if len(line) > 120 and number not in systems]


def test_every_section_is_known_and_sound() -> None:
    assert set(PARAMS) == {*NAMED, *WHOLE}
    check(PARAMS)


def test_all_mistakes_are_told_at_once() -> None:
    wrong = json.loads(json.dumps(PARAMS))
    wrong["train"]["lstm"]["cells"] = 0
    wrong["report"]["bin"] = 3
    with pytest.raises(SettingsError) as error:
        check(wrong)
    assert str(error.value).startswith("params.yaml: train.lstm.cells: ")
    assert "report.bin: no such setting (did you mean 'bins'?)" in str(error.value)


def test_what_is_repeated_is_merged_and_never_an_alias() -> None:
    """`-S a.b=1` would change every place of an alias, or be lost; a merged block gets a setting of its own."""
    root = yaml.compose(TEXT)
    seen: set[int] = set()

    def walk(node: Any) -> None:
        assert id(node) not in seen, f"params.yaml line {node.start_mark.line + 1} is used again; write {{<<: *name}}"
        seen.add(id(node))
        for key, value in getattr(node, "value", ()) if isinstance(node, yaml.MappingNode) else ():
            if key.value != "<<":
                walk(value)

    walk(root)
    shared: dict[int, str] = {}

    def owned(node: Any, place: str) -> None:
        if isinstance(node, dict):
            assert id(node) not in shared, f"{place} is {shared.get(id(node))}: a merged block holds a block"
            shared[id(node)] = place
            for key, value in node.items():
                owned(value, f"{place}.{key}")

    owned(shipped(), "")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("fuse_features.dbn1.settings.epochs", 3),
        ("fuse_features.dbn3.settings.cd_steps", 2),
        ("segments_audio.alexaudio.settings.windows.length", 63),
        ("pretrain.a60.settings.mfcc.mels", 64),
        ("extract.mfcc39.mels", 64),
        ("end_to_end.vggface.batch", 4),
    ],
)
def test_dvc_changes_the_named_setting_alone_and_keeps_comments_and_anchors(
    tmp_path: Path, key: str, value: int
) -> None:
    file = tmp_path / "params.yaml"
    shutil.copy(ROOT / "params.yaml", file)
    apply_overrides(file, [f"{key}={value}"])
    text = file.read_text(encoding="utf-8")
    assert [".".join(path) for path in differences(PARAMS, parsed(text, known=True))] == [key]
    comments = {line for line in TEXT.splitlines() if line.startswith("#")}
    assert comments <= set(text.splitlines())
    assert TEXT.count("&") - TEXT.count("`&") == text.count("&") - text.count("`&")
