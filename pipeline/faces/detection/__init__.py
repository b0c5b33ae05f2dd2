"""Face detectors, one file each: `Params`, and `Detector(params, weights)(pixels) -> list[Detection]`.

`weights` is the folder of a detector's networks, or None; one that needs none ignores it. A `Detector` has the
attribute `grey`, true where it takes (H, W) luma as well as (H, W, 3) RGB, which spares converting frames; and the
attributes `eyes` (see `pipeline.faces.boxes.FaceDetector`), `weights` (SHA-256 of its networks' file, or "") and
`origin` (where they come from, in words, or "").
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from pipeline.core import plugins
from pipeline.core.settings import Model, parse


@cache
def detector(name: str, settings: str, weights: Path | None) -> Any:
    """Return a detector, built once per process.

    Args:
        name: the plugin's
        settings: its `Params` as JSON
        weights: folder of its networks, or None
    """
    module = plugins.load("detectors", name)
    return module.Detector(module.Params.model_validate_json(settings), weights)


def settings(model: type[Model], section: Mapping[str, Any], key: str) -> tuple[Model, dict[str, Any]]:
    """Return a stage's settings and those of the detector that it names, checked and complete.

    Args:
        model: of the stage's settings, with `detector`
        section: of params.yaml, with `detector_settings` beside them
        key: its name

    Raises:
        SettingsError: a mistake in either, or no such detector
    """
    block = dict(section)
    own = block.pop("detector_settings", {})
    params = parse(model, block, f"params.yaml: {key}")
    plugin = plugins.load("detectors", params.detector, f"{key}.detector")  # type: ignore[attr-defined]
    return params, parse(plugin.Params, own, f"params.yaml: {key}.detector_settings").model_dump()
