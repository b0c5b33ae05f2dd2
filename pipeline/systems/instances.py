"""The names of params.yaml that dvc.yaml multiplies its stages by, as plan.yaml hands them on.

DVC puts what it multiplies by into shell commands as it stands. Read from params.yaml, a name such as `x; rm y; true`
would run before any code of this project could look at it; plan.yaml holds only names that were checked. `prepare`
alone goes by params.yaml, behind `code` and with the name in quotes, so that a new corpus runs at once.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from pipeline.core.names import check_name, check_names, check_path
from pipeline.core.settings import section

NAMED = (
    "systems", "generate", "crop_faces", "fetch_weights", "extract_sound", "extract_speech", "extract_face", "rank",
    "select", "segments_audio", "segments_video", "clip_features", "fuse_features",
)  # fmt: skip
"""Sections of which dvc.yaml needs the names alone."""
WORD = "word"
"""A path as a word of a shell command, in quotes where it needs them."""


def instances_of(params: Mapping[str, Any]) -> dict[str, dict[str, dict[str, str]]]:
    """Return section -> name -> what else dvc.yaml fills in; SettingsError for what must not get there."""
    check_names(params)
    found: dict[str, dict[str, dict[str, str]]] = {"corpora": {}, "degrade": {}}
    found |= {part: {str(name): {} for name in params.get(part) or ()} for part in NAMED}
    for name in params.get("corpora") or ():
        key = f"corpora.{name}.root"
        check_path(section(params, key), f"params.yaml: {key}")  # a word of dvc.yaml, which reads it itself
        found["corpora"][name] = {}
    for name in params.get("degrade") or ():
        found["degrade"][name] = {"corpus": _name(params, f"degrade.{name}.corpus")}
    found["pretrain"] = {
        name: {"source": _name(params, f"pretrain.{name}.source"), **word_of(params, f"pretrain.{name}.root", "root")}
        for name in params.get("pretrain") or ()
    }
    return found


def word_of(params: Mapping[str, Any], key: str, name: str) -> dict[str, str]:
    """Return a path of params.yaml under `name`, for DVC to look at, and as a word of a command."""
    path = check_path(section(params, key), f"params.yaml: {key}")
    return {name: path, WORD: shlex.quote(path)}


def _name(params: Mapping[str, Any], key: str) -> str:
    return check_name(section(params, key), f"params.yaml: {key}")
