"""Typed settings: all mistakes at once, each with its place, its value and the nearest name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import Field, ValidationError

from pipeline.core.errors import SettingsError
from pipeline.core.settings import Runtime, Settings, parse, parsed, read_params, section


class Window(Settings):
    """An inner block."""

    width_ms: int = Field(25, gt=0)
    shape: Literal["hann", "rectangle"] = "hann"


class Select(Settings):
    """A section."""

    k: int = Field(gt=0)
    share: float = Field(0.5, ge=0, le=1)
    window: Window = Window()


PLACE = "params.yaml: select"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"k": 3}, Select(k=3, share=0.5, window=Window(width_ms=25, shape="hann"))),
        (
            {"k": 3, "share": 1, "window": {"shape": "rectangle"}},
            Select(k=3, share=1.0, window=Window(shape="rectangle")),
        ),
    ],
)
def test_a_section_becomes_its_model(data: dict, expected: Select) -> None:
    assert parse(Select, data, PLACE) == expected


def test_an_empty_section_means_the_defaults() -> None:
    assert parse(Window, None, PLACE) == parse(Window, {}, PLACE) == Window()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"k": 0}, "params.yaml: select.k: Input should be greater than 0 (got 0)"),
        ({}, "params.yaml: select.k: this setting is missing"),
        (None, "params.yaml: select.k: this setting is missing"),
        ({"k": 1, "shar": 1}, "params.yaml: select.shar: no such setting (did you mean 'share'?)"),
        ({"k": 1, "zzz": 1}, "params.yaml: select.zzz: no such setting (known: k, share, window)"),
        (
            {"k": 1, "window": {"widht_ms": 1}},
            "params.yaml: select.window.widht_ms: no such setting (did you mean 'width_ms'?)",
        ),
        (
            {"k": 1, "window": {"shape": "han"}},
            "params.yaml: select.window.shape: Input should be 'hann' or 'rectangle' (got 'han')",
        ),
        (
            {"k": "many"},
            "params.yaml: select.k: Input should be a valid integer, unable to parse string as an integer (got 'many')",
        ),
        ([1, 2], "params.yaml: select: expected a block of settings (got [1, 2])"),
        ("k", "params.yaml: select: expected a block of settings (got 'k')"),
        (0, "params.yaml: select: expected a block of settings (got 0)"),
    ],
)
def test_a_mistake_is_told_with_place_and_value(data: Any, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse(Select, data, PLACE)
    assert str(caught.value) == message


def test_all_mistakes_are_told_at_once_on_one_line() -> None:
    data = {"k": 0, "share": 2, "window": {"width_ms": "a\nb", "shap": "hann"}, "tree": 1}
    with pytest.raises(SettingsError) as caught:
        parse(Select, data, PLACE)
    assert "\n" not in str(caught.value)
    assert [line.split(": ")[1] for line in str(caught.value).split("; ")] == [
        "select.k",
        "select.share",
        "select.window.width_ms",
        "select.window.shap",
        "select.tree",
    ]


class ByName(Settings):
    """Blocks below names that the user chooses, and a block that may be left out."""

    windows: dict[str, Window] = Field({})
    window: Window | None = None


@pytest.mark.parametrize("data", [{"windows": {"mine": {"widht_ms": 1}}}, {"window": {"widht_ms": 1}}])
def test_the_suggestion_reaches_into_mappings_and_optional_blocks(data: dict) -> None:
    with pytest.raises(SettingsError, match="did you mean 'width_ms'"):
        parse(ByName, data, PLACE)


def test_settings_are_frozen() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Window().width_ms = 3  # type: ignore[misc]


@pytest.mark.parametrize(
    ("data", "key"),
    [
        ({"workers": -1}, "workers"),
        ({"clip_cache": ""}, "clip_cache"),
        ({"clip_cache_gb": 0}, "clip_cache_gb"),
        ({"max_failed_fraction": 1.1}, "max_failed_fraction"),
    ],
)
def test_runtime_has_bounds(data: dict, key: str) -> None:
    with pytest.raises(SettingsError, match=rf"params.yaml: runtime.{key}: "):
        parse(Runtime, data, "params.yaml: runtime")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "expected sections named after the stages"),
        (b"- 1\n", "expected sections named after the stages"),
        (b"a: [1\nb: 2\n", "not valid YAML: "),
        (b"a:\tb: 1\n", "not valid YAML: "),
        pytest.param(
            b"a: J\xe9\n",
            "not valid YAML: ",
        ),
    ],
)
def test_params_that_cannot_be_read(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "params.yaml"
    path.write_bytes(content)
    with pytest.raises(SettingsError) as caught:
        read_params(path)
    assert str(caught.value).startswith(f"{path}: {message}")
    assert "\n" not in str(caught.value)


def test_absent_params_point_at_the_root_folder(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"params.yaml: no such file; run from the project's root folder"):
        read_params(tmp_path / "params.yaml")


def test_params_are_read_as_yaml(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text("select: {k: 3} # ü\nruntime:\n", encoding="utf-8")
    assert read_params(tmp_path / "params.yaml") == {"select": {"k": 3}, "runtime": None}


PARAMS = {"select": {"v1024": {"k": 3}, "empty": None}, "runtime": {"workers": 0}}


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("select", PARAMS["select"]),
        ("select.v1024", {"k": 3}),
        ("select.v1024.k", 3),
        ("select.empty", None),
        ("runtime.workers", 0),
    ],
)
def test_section(key: str, expected: Any) -> None:
    assert section(PARAMS, key) == expected


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("selct", "params.yaml: selct: no 'selct' under the top level (did you mean 'select'?)"),
        ("select.v1025", "params.yaml: select.v1025: no 'v1025' under select (did you mean 'v1024'?)"),
        ("select.v1024.q", "params.yaml: select.v1024.q: no 'q' under select.v1024 (known: k)"),
        ("select.empty.k", "params.yaml: select.empty.k: no 'k' under select.empty (known: none)"),
        ("runtime.workers.k", "params.yaml: runtime.workers.k: no 'k' under runtime.workers (known: none)"),
    ],
)
def test_a_section_that_is_not_there(key: str, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        section(PARAMS, key)
    assert str(caught.value) == message


class Named(Settings):
    """Words of a user, which YAML may take for something else."""

    labels: Mapping[str, str] = {}
    parts: tuple[str, ...] = ()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("labels: {0: anger}", "here.labels.0: YAML reads it as the number 0; quote it, as it is written"),
        ("labels: {007: anger}", "here.labels.7: YAML reads it as the number 7; quote it"),
        ("labels: {no: anger}", "YAML reads it as the truth value False; quote it"),
        ("labels: {a: 1.0}", "here.labels.a: YAML reads it as the number 1.0; quote it"),
        ("labels: {a: ~}", "here.labels.a: YAML reads it as nothing; quote it"),
        ("parts: [2024]", "here.parts.0: YAML reads it as the number 2024; quote it"),
        ("parts: [2024-01-31]", "here.parts.0: YAML reads it as the date 2024-01-31; quote it"),
        ("labels: {1: sad, no: sad}", "here.labels.1: YAML reads it as the number 1; quote it"),
        ("labels: {1: sad, no: sad}", "YAML reads it as the truth value False; quote it"),
    ],
)
def test_a_word_without_quotes_that_yaml_takes_for_another_kind(text: str, told: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse(Named, parsed(text), "here")
    assert told in str(caught.value)
    assert parse(Named, parsed("labels: {'007': anger}"), "here").labels == {"007": "anger"}
