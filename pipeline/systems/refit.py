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
    tuned = {**_blocks(params, "segments_audio"), **_blocks(params, "segments_video")}
    anew = {name for name, block in tuned.items() if block.get("refit") and block.get("tune")}
    fused = _blocks(params, "fuse_features")
    for name, block in fused.items():
        if below := anew & set(_FUSED):
            _check(f"fuse_features.{name}", block, min(below))
    joint = {name for name, block in fused.items() if block.get("refit")}
    for model in models:
        if model.feature in anew | joint:
            _check(f"train.{model.classifier}", _blocks(params, "train").get(model.classifier, {}), model.feature)


def _check(place: str, block: Mapping[str, Any], below: str) -> None:
    if not block.get("refit"):
        raise SettingsError(
            f"params.yaml: {place}.refit is false, but {below} learns anew from validation clips (refit); set it to "
            f"true, or that of {below} to false"
        )


def _blocks(params: Mapping[str, Any], name: str) -> dict[str, Mapping[str, Any]]:
    """Return the blocks of a section by their names; SettingsError for one that is none, such as a name alone."""
    section = {} if params.get(name) is None else params[name]
    within = {f"{name}.{key}": block for key, block in section.items()} if isinstance(section, Mapping) else {}
    for place, block in {name: section, **within}.items():
        if not isinstance(block, Mapping):
            raise SettingsError(f"params.yaml: {place}: expected a block of settings (got {block!r})")
    return dict(section)
