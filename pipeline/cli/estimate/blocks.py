"""What a block of params.yaml says of how much is trained and kept, read before it is checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.cli.estimate.material import Material


def kept(block: Mapping[str, Any], material: Material) -> int:
    """Return of how many folds the networks are kept."""
    keep = block.get("keep", "first")
    return {"all": len(material.folds), "first": 1}.get(keep, 0) if isinstance(keep, str) else len(keep)


def values(value: Any) -> Sequence[Any]:
    """Return the candidates of a setting that may be a list of them."""
    return value if isinstance(value, list) else (value,)


def at_once(block: Mapping[str, Any]) -> int:
    """Return how many examples are in memory at a time."""
    return block.get("at_once") or max(values(block["batch"]))


def times(block: Mapping[str, Any]) -> int:
    """Return how often a model of a fold is trained once its settings are chosen: anew (refit), with further seeds."""
    return (1 + bool(block.get("refit"))) * (1 + len(block.get("seeds", ())))
