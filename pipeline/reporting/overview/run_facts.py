"""What a run was made with: settings that differ from those shipped, the digests of its code; versions of software."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Any

import yaml

from pipeline.core.errors import SettingsError
from pipeline.core.settings import read_params, section
from pipeline.reporting.system.run_record import placeless
from pipeline.runner.run_info import PACKAGES as LOGGED

PACKAGES = (*LOGGED, "librosa", "joblib")
"""What the results depend on."""
SHIPPED = Path(__file__).resolve().parents[3] / "profiles" / "demo.yaml"
"""The settings as shipped."""
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


def changed_settings(blocks: Mapping[str, Any], shipped: Path = SHIPPED) -> list[tuple[str, str, str]]:
    """Return (setting, as shipped, in the run) of every setting that differs, by name.

    Args:
        blocks: of a run, by their names in params.yaml
        shipped: YAML
    """
    params = read_params(shipped)
    before, there = dict[str, str](), dict[str, str]()
    for block, value in blocks.items():
        there |= flat(value, block)
        with suppress(SettingsError):  # none is shipped under this name
            before |= flat(placeless(block, section(params, block)), block)
    pairs = {name: (before.get(name, ABSENT), there.get(name, ABSENT)) for name in sorted({*before, *there})}
    return [(name, *pair) for name, pair in pairs.items() if pair[0] != pair[1]]


def flat(value: Any, name: str = "") -> dict[str, str]:
    """Return settings by their dotted name, as text; lists count as one value."""
    if isinstance(value, Mapping) and value:
        inner = (flat(each, f"{name}.{part}".lstrip(".")) for part, each in value.items())
        return {key: leaf for leaves in inner for key, leaf in leaves.items()}
    return {name: yaml.safe_dump(value, default_flow_style=True, width=1000).removesuffix("\n").removesuffix("\n...")}


def run_values(run: Mapping[str, Any]) -> dict[str, Any]:
    """Return the record of a run for the page: settings that differ from those shipped, all of them as YAML, and the
    digests of the code.
    """
    text = yaml.safe_dump(run["settings"], default_flow_style=None, width=110, allow_unicode=True, sort_keys=False)
    return {
        "known": bool(run["settings"]),
        "changed": changed_settings(run["settings"]),
        "text": text,
        "code": flat(run["code"]) if run["code"] else {},
        "mixed": run["mixed"],
        "unknown": run["unknown"],
    }
