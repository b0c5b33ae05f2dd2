"""What a run was made with: settings that differ from those shipped, versions of software."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import yaml

from pipeline.core.errors import PipelineError
from pipeline.core.settings import Runtime, parse, read_params
from pipeline.reporting.overview.reports import Places
from pipeline.runner.run_info import PACKAGES as LOGGED

PACKAGES = (*LOGGED, "librosa", "joblib")
"""What the results depend on."""
SHIPPED = Path(__file__).resolve().parents[3] / "profiles" / "demo.yaml"
"""The settings as shipped, but for `runtime`, of which the defaults are shipped."""
ABSENT = "-"


def software(project: Path) -> list[tuple[str, str]]:
    """Return name and version of what the results depend on, and the commit of the project where git knows it."""
    return [
        ("Python", platform.python_version()),
        ("machine", f"{platform.system()} {platform.machine()}"),
        ("project", commit(project)),
        *((name, _version(name)) for name in PACKAGES),
    ]


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed under this name"


def commit(project: Path) -> str:
    """Return the commit that is checked out, and whether files differ from it; in words where there is none."""
    command = ["git", "-C", str(project), "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return "not under git"


def changed_settings(params: Path, shipped: Path = SHIPPED) -> list[tuple[str, str, str]]:
    """Return (setting, as shipped, here) of every setting that differs, by name; both files are YAML."""
    before, here = map(_settings, (shipped, params))
    pairs = {name: (before.get(name, ABSENT), here.get(name, ABSENT)) for name in sorted({*before, *here})}
    return [(name, *pair) for name, pair in pairs.items() if pair[0] != pair[1]]


def _settings(file: Path) -> dict[str, str]:
    found = read_params(file)
    return flat({**found, "runtime": parse(Runtime, found.get("runtime"), f"{file.name}: runtime").model_dump()})


def flat(value: Any, name: str = "") -> dict[str, str]:
    """Return settings by their dotted name, as text; lists count as one value."""
    if isinstance(value, Mapping) and value:
        inner = (flat(each, f"{name}.{part}".lstrip(".")) for part, each in value.items())
        return {key: leaf for leaves in inner for key, leaf in leaves.items()}
    return {name: yaml.safe_dump(value, default_flow_style=True, width=1000).removesuffix("\n").removesuffix("\n...")}


def settings_values(places: Places) -> dict[str, Any]:
    """Return the settings for the page: those that differ, and the whole file; or why there are none."""
    try:
        changed = changed_settings(places.params)
        return {"changed": changed, "text": places.params.read_text(encoding="utf-8"), "error": ""}
    except PipelineError as error:
        return {"changed": [], "text": "", "error": str(error)}
