"""A name in params.yaml stands for a file: no registry lines.

`load("extractors", "lld147")` imports `pipeline/features/extractors/lld147.py`. A file whose name begins with `_` is
no plugin. Heavy packages come in only with the plugin that was chosen.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from pipeline.core.errors import SettingsError, did_you_mean

PACKAGES = {
    "corpora": "corpora",
    "extractors": "features.extractors",
    "sources": "pretraining.sources",
    "detectors": "faces.detection",
    "crops": "faces.cropping.kinds",
    "classifiers": "classification.classifiers",
    "fusion": "fusion.rules",
    "fusion_networks": "features.joint.networks",
    "segment_networks": "features.segments.networks",
    "clip_networks": "features.aligned.networks",
}
"""Kind of plugin -> the package below `pipeline` that holds them."""
KINDS = tuple(PACKAGES)
KEY = "extractor"
"""What a feature's block says where its extractor has another name, so that one may make several features."""
EXTRACTING = ("extract", "extract_sound", "extract_speech", "extract_face", "extract_crops")
"""Sections of params.yaml whose blocks are settings of extractors."""


def module_name(kind: str, name: str) -> str:
    """Return the dotted module name of a plugin.

    >>> module_name("extractors", "lld147"), module_name("detectors", "haar")
    ('pipeline.features.extractors.lld147', 'pipeline.faces.detection.haar')
    """
    return f"pipeline.{PACKAGES[kind]}.{name}"


def names(kind: str) -> list[str]:
    """Return the plugins of one kind, sorted."""
    return sorted(path.stem for path in _folder(kind).glob("*.py") if not path.stem.startswith("_"))


def _folder(kind: str) -> Path:
    if kind not in KINDS:
        raise ValueError(f"unknown plugin kind {kind!r}")
    return Path(__file__).resolve().parents[1].joinpath(*PACKAGES[kind].split("."))


def chosen(feature: str, block: Any) -> tuple[str, Any]:
    """Return a feature's extractor and the settings of that, of the feature's block.

    >>> chosen("wavlm9", {"extractor": "hub_audio", "layers": 9})
    ('hub_audio', {'layers': 9})
    >>> chosen("lld147", None)
    ('lld147', None)
    """
    if not (isinstance(block, Mapping) and KEY in block):
        return feature, block
    return str(block[KEY]), {name: value for name, value in block.items() if name != KEY}


def renamed(params: Mapping[str, Any]) -> dict[str, str]:
    """Return feature -> extractor of all features of params.yaml that name theirs; `SettingsError` where it is none."""
    found = {}
    for section in EXTRACTING:
        for feature, block in (params.get(section) or {}).items():
            name, own = chosen(str(feature), block)
            if own is not block:
                check("extractors", name, f"{section}.{feature}.{KEY}")
                found[str(feature)] = name
    return found


def check(kind: str, name: str, setting: str = "") -> None:
    """Raise `SettingsError` where there is no such plugin; it names the key of params.yaml that asked for it."""
    # as `name in names(kind)`, without listing the folder: jobs ask for every clip
    if not (name.isidentifier() and not name.startswith("_") and (_folder(kind) / f"{name}.py").is_file()):
        place = f"params.yaml: {setting}: " if setting else ""
        raise SettingsError(f"{place}no {kind} plugin '{name}'{did_you_mean(name, names(kind))}")


def load(kind: str, name: str, setting: str = "") -> ModuleType:
    """Import one plugin; `check` says that there is none."""
    check(kind, name, setting)
    return importlib.import_module(module_name(kind, name))
