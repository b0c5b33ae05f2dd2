"""Whether dvc.yaml has the stages that the systems of params.yaml need."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.core.errors import SettingsError
from pipeline.core.settings import parse, section
from pipeline.systems.params import SystemParams


def check_systems(params: Mapping[str, Any], stages: Path) -> str:
    """Check the `systems` section before anything runs: DVC's own word for a missing stage names no setting.

    Args:
        params: all of params.yaml
        stages: dvc.yaml

    Returns:
        one line for the user

    Raises:
        SettingsError: a mistake in a system's settings, or a system that no stage trains
    """
    if not stages.is_file():
        raise SettingsError(f"{stages}: no such file; run this in the project's folder")
    text = stages.read_text(encoding="utf-8")
    for name, block in section(params, "systems").items():
        parse(SystemParams, block, f"params.yaml: systems.{name}")
        if f"/{name}/classifiers/" not in text:
            raise SettingsError(
                f"{stages}: no stage trains systems.{name} of params.yaml; copy the stage train_huang2017, with {name} for huang2017 all through it"
            )
    return f"systems: {', '.join(section(params, 'systems'))}"
