"""A name in params.yaml stands for a file: no registry lines.

`load("extractors", "lld147")` imports `pipeline/extractors/lld147.py`. A file whose name begins with `_` is
no plugin. Heavy packages come in only with the plugin that was chosen.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

from pipeline.core.errors import SettingsError, did_you_mean

KINDS = (
    "corpora",
    "extractors",
    "sources",
    "detectors",
    "crops",
    "classifiers",
    "fusion",
    "fusion_networks",
    "segment_networks",
    "clip_networks",
)
_PACKAGES = {"detectors": "faces.detectors", "crops": "faces.crops"}
_ROOT = Path(__file__).resolve().parents[1]


def module_name(kind: str, name: str) -> str:
    """Return the dotted module name of a plugin."""
    return f"pipeline.{_PACKAGES.get(kind, kind)}.{name}"


def names(kind: str) -> list[str]:
    """Return the plugins of one kind, sorted."""
    if kind not in KINDS:
        raise ValueError(f"unknown plugin kind {kind!r}")
    folder = _ROOT.joinpath(*_PACKAGES.get(kind, kind).split("."))
    return sorted(path.stem for path in folder.glob("*.py") if not path.stem.startswith("_"))


def load(kind: str, name: str, setting: str = "") -> ModuleType:
    """Import one plugin.

    Args:
        kind: one of `KINDS`
        name: the file's name without `.py`
        setting: the key of params.yaml that named it, for the message

    Raises:
        SettingsError: there is no such file; the message suggests the nearest name
    """
    known = names(kind)
    if name not in known:
        place = f"params.yaml: {setting}: " if setting else ""
        raise SettingsError(f"{place}no {kind} plugin '{name}'{did_you_mean(name, known)}")
    return importlib.import_module(module_name(kind, name))
