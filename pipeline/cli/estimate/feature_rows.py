"""How many rows and columns a feature has, by its block, whichever section of params.yaml that is in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pipeline.cli.estimate.blocks import values
from pipeline.cli.estimate.material import Material
from pipeline.cli.estimate.nets import on_crops, on_windows
from pipeline.cli.estimate.networks import NetworkCost, dense_cost, encoder_cost, lstm_cost
from pipeline.cli.estimate.rates import ROWS, WHOLE_CLIP

Params = Mapping[str, Any]
Shape = tuple[float, int]
"""Rows of an average clip, and columns."""


def shape_of(feature: str, params: Params, material: Material) -> Shape:
    """Return rows and columns; of a feature that is not known, those of a network on audio."""
    for where, shape in _SHAPES.items():
        if feature in (params.get(where) or {}):
            return shape(feature, where, params, material)
    return extracted(feature, {}, material)


def extracted(feature: str, block: Params, material: Material) -> Shape:
    """Return the shape of what an extractor gives; blocks of another name say which one is theirs."""
    kind = block.get("extractor", feature)
    a_second, columns = ROWS.get(kind, (100, 128))
    rows = material.seconds / material.clips * (a_second or material.fps / (block.get("every") or 1))
    return (1 if kind in WHOLE_CLIP else rows), columns


def _extracted(feature: str, where: str, params: Params, material: Material) -> Shape:
    return extracted(feature, params[where][feature] or {}, material)


def _table(*_: Any) -> Shape:
    return 1, 100


def _selected(feature: str, where: str, params: Params, material: Material) -> Shape:
    return shape_of("pool5", params, material)[0], params[where][feature]["k"]


def _segments(feature: str, where: str, params: Params, material: Material) -> Shape:
    _, columns, rows = on_windows(where, params[where][feature], params, material)
    return rows, columns


def _aligned(feature: str, where: str, params: Params, material: Material) -> Shape:  # noqa: ARG001
    _, columns, rows = on_crops(params[where][feature], feature, params)
    return rows, columns


def _fused(feature: str, where: str, params: Params, material: Material) -> Shape:
    audio, video = (shape_of(one, params, material) for one in ("anet", "vnet"))
    layers = (params[where][feature].get("settings") or {}).get("layers")
    return audio[0], layers[-1] if layers else audio[1] + video[1]


def _joined(feature: str, where: str, params: Params, material: Material) -> Shape:
    shapes = [shape_of(one, params, material) for some in params[where][feature].values() for one in some]
    return sum(rows for rows, _ in shapes), sum(columns for _, columns in shapes)


def sequence_network(classifier: str, block: Params, rows: float, columns: int, material: Material) -> NetworkCost:
    """Return the cost of one clip through a classifier that is trained by epochs, with its largest candidates."""
    step = block.get("step_s")
    rows = round(material.seconds / material.clips / step if step else rows)
    if classifier == "fine_tuned":
        return encoder_cost(0, columns, block.get("trained_layers", 1), rows, inner=4)
    if "heads" in block:
        return encoder_cost(columns, max(values(block["width"])), max(values(block["layers"])), rows, inner=2)
    if "cells" in block:
        return lstm_cost(max(values(block.get("hidden", columns))), max(values(block["cells"])), rows)
    return dense_cost([columns, *[max(values(block.get("hidden", columns)))] * 2, material.classes])


_SHAPES: Mapping[str, Callable[[str, str, Params, Material], Shape]] = {
    **dict.fromkeys(("extract", "extract_speech", "extract_face", "extract_crops", "extract_sound"), _extracted),
    "extract_table": _table,
    "select": _selected,
    "segments_audio": _segments,
    "segments_video": _segments,
    "clip_features": _aligned,
    "fuse_features": _fused,
    "join": _joined,
}
