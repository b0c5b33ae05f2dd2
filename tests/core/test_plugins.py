"""A name stands for a file; a misspelt one gets a suggestion."""

from __future__ import annotations

import importlib.util
from types import ModuleType

import pytest

from pipeline.core import plugins
from pipeline.core.errors import SettingsError

NAMES = [(kind, name) for kind in plugins.KINDS for name in plugins.names(kind)]


@pytest.mark.parametrize("kind", plugins.KINDS)
def test_every_kind_has_plugins_in_sorted_order(kind: str) -> None:
    found = plugins.names(kind)
    assert found
    assert found == sorted(set(found))
    assert not [name for name in found if name.startswith("_")]


@pytest.mark.parametrize(("kind", "name"), NAMES)
def test_every_name_is_a_module(kind: str, name: str) -> None:
    assert importlib.util.find_spec(plugins.module_name(kind, name)) is not None


@pytest.mark.parametrize(("kind", "name"), NAMES)
def test_a_misspelt_name_is_suggested(kind: str, name: str) -> None:
    with pytest.raises(SettingsError) as caught:
        plugins.load(kind, f"{name}x", f"section.{kind}")
    assert str(caught.value) == f"params.yaml: section.{kind}: no {kind} plugin '{name}x' (did you mean '{name}'?)"


@pytest.mark.parametrize("name", ["zzzz", "", "_tables", "__init__", "../corpus", "demo.py"])
def test_what_is_no_plugin_is_refused(name: str) -> None:
    with pytest.raises(SettingsError, match=r"^no corpora plugin '"):
        plugins.load("corpora", name)


def test_a_name_unlike_any_gets_the_list() -> None:
    with pytest.raises(SettingsError) as caught:
        plugins.load("corpora", "qqqq")
    assert str(caught.value) == f"no corpora plugin 'qqqq' (known: {', '.join(plugins.names('corpora'))})"


def test_load_gives_the_module() -> None:
    module = plugins.load("corpora", "demo")
    assert isinstance(module, ModuleType)
    assert module.__name__ == "pipeline.corpora.demo"


def test_an_unknown_kind_is_a_mistake_of_ours() -> None:
    with pytest.raises(ValueError, match="unknown plugin kind 'corpus'"):
        plugins.names("corpus")


def test_a_block_may_name_the_extractor_of_its_feature() -> None:
    block = {"extractor": "lld147", "rasta_every": 2}
    params = {
        "extract": {"mine": block, "mfcc39": {}},
        "extract_sound": {},
        "extract_face": None,
        "train": {"x": block},
    }
    assert plugins.chosen("mine", block) == ("lld147", {"rasta_every": 2})
    assert plugins.renamed(params) == {"mine": "lld147"}
    with pytest.raises(SettingsError, match=r"params\.yaml: extract\.mine\.extractor: no extractors plugin 'lld' "):
        plugins.renamed({"extract": {"mine": {"extractor": "lld"}}})
