"""A fold's fusion network from the weights that its stage kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.core import plugins
from pipeline.core.settings import parse
from pipeline.core.weights_file import load_weights
from pipeline.features.joint.job import JointParams


def fusion_network(feature: str, params: JointParams, kept: Path, columns: int) -> Any:
    """Return a fold's fusion network; see `pipeline.features.joint.networks`.

    Args:
        feature: its name
        params: its settings
        kept: folder of the weights that its training ended with
        columns: of the paired features

    Raises:
        WeightsError: absent, damaged, or of other settings
    """
    place = f"fuse_features.{feature}"
    plugin = plugins.load("fusion_networks", params.network, f"{place}.network")
    settings = parse(plugin.Params, params.settings, f"params.yaml: {place}.settings")
    weights = load_weights(kept)
    return plugin.load(settings, weights.state, columns, len(weights.config["classes"]))
