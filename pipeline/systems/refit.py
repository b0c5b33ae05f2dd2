"""Whether what rests on a network that is trained anew with validation clips (`refit`) is trained anew as well."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pipeline.core.errors import SettingsError
from pipeline.systems.ids import ModelId

_FUSED = ("anet", "vnet")
"""What dvc.yaml gives to `fuse_features`."""


def check_refit(params: Mapping[str, Any], models: Iterable[ModelId]) -> None:
    """Refuse, by a SettingsError, a joint feature or a model that learns from training clips alone although its feature
    has learned from validation clips, too: there is nothing left to choose it by.
    """
    tuned = {**(params.get("segments_audio") or {}), **(params.get("segments_video") or {})}
    anew = {name for name, block in tuned.items() if block.get("refit") and block.get("tune")}
    for name, block in (params.get("fuse_features") or {}).items():
        if below := anew & set(_FUSED):
            _check(f"fuse_features.{name}", block, min(below))
    joint = {name for name, block in (params.get("fuse_features") or {}).items() if block.get("refit")}
    for model in models:
        if model.feature in anew | joint:
            _check(f"train.{model.classifier}", (params.get("train") or {}).get(model.classifier, {}), model.feature)


def _check(place: str, block: Mapping[str, Any], below: str) -> None:
    if not block.get("refit"):
        raise SettingsError(
            f"params.yaml: {place}.refit is false, but {below} learns anew from validation clips (refit); set it to "
            f"true, or that of {below} to false"
        )
