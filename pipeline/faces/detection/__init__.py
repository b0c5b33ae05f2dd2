"""Face detectors, one file each: `Params`, and `Detector(params, weights)(pixels) -> list[Detection]`.

`weights` is the folder of a detector's networks, or None; one that needs none ignores it. A `Detector` has the
attribute `grey`, true where it takes (H, W) brightness as well as (H, W, 3) RGB, which spares converting frames; and
the
attributes `eyes` (see `pipeline.faces.boxes.FaceDetector`), `weights` (SHA-256 of its networks' file, or "") and
`origin` (where they come from, in words, or "").
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from pipeline.core import plugins


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
