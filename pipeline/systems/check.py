"""Whether what the systems of params.yaml name is there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.core import plugins
from pipeline.core.errors import SettingsError, did_you_mean
from pipeline.core.settings import parse, section
from pipeline.systems.params import SystemParams
from pipeline.systems.plan import plan_of
from pipeline.systems.refit import check_refit


def check_systems(params: Mapping[str, Any]) -> str:
    """Check all of params.yaml, before DVC says of what a system names that a file is missing; return a line for the
    user.

    Raises:
        SettingsError: a mistake in a system's settings; a feature that no section gives; a classifier or a rule without
            settings or plugin
    """
    features = {str(name) for block in params.values() if isinstance(block, Mapping) for name in block}
    for name, block in section(params, "systems").items():
        place = f"params.yaml: systems.{name}"
        settings = parse(SystemParams, block, place)
        for feature in settings.features:
            if feature not in features:
                raise SettingsError(f"{place}.features: no section gives '{feature}'{did_you_mean(feature, features)}")
        for rule in [*settings.fusions, *settings.stacked, *(each.rule for each in settings.combined.values())]:
            plugins.load("fusion", rule, f"systems.{name}.fusions, stacked, combined")
            section(params, f"fuse.{rule}")
        check_refit(params, settings.models())
    plan_of(params)
    return f"systems: {', '.join(section(params, 'systems'))}"
