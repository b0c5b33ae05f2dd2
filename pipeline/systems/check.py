"""Whether what the systems of params.yaml name is there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.core import plugins
from pipeline.core.errors import SettingsError, did_you_mean
from pipeline.core.settings import parse, section
from pipeline.features.segments.windows import WindowParams
from pipeline.systems.params import SystemParams
from pipeline.systems.plan import plan_of
from pipeline.systems.refit import check_refit

FUSED = ("segments_audio.anet", "segments_video.vnet")
"""What dvc.yaml gives to `fuse_features`, which pairs their windows one by one."""


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
    check_windows(params)
    plan_of(params)
    return f"systems: {', '.join(section(params, 'systems'))}"


def check_windows(params: Mapping[str, Any]) -> None:
    """Refuse windows that differ where they have to be the same, by a SettingsError with both keys: those of the
    features that are fused window by window, and frames that are not those of `extract.logmel`.
    """
    blocks = [f"{part}.{name}" for part in ("segments_audio", "segments_video") for name in params.get(part) or {}]
    keys = {block: f"{block}.settings.windows" for block in blocks}
    found = {block: parse(WindowParams, section(params, key), f"params.yaml: {key}") for block, key in keys.items()}
    if params.get("fuse_features") and found.keys() >= set(FUSED):
        one, other = FUSED
        for name, value in found[one].model_dump().items():
            _check_equal((f"{keys[one]}.{name}", value), (f"{keys[other]}.{name}", getattr(found[other], name)))
    for block in found if "logmel" in (params.get("extract") or {}) else ():
        if block.startswith("segments_audio."):
            for ours, theirs in (("frame_ms", "window_ms"), ("hop_ms", "hop_ms")):
                of_mel = f"extract.logmel.{theirs}"
                _check_equal((f"{keys[block]}.{ours}", getattr(found[block], ours)), (of_mel, section(params, of_mel)))


def _check_equal(one: tuple[str, float], other: tuple[str, float]) -> None:
    if one[1] != other[1]:
        raise SettingsError(f"params.yaml: {one[0]} is {one[1]}, but {other[0]} is {other[1]}; make the two equal")
