"""Graph models of TensorFlow.js, written as its converter does: a `.json` and a `.bin`."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np


def text(*words: str) -> Any:
    """Return an attribute of one string or of a list of several."""
    coded = [base64.b64encode(word.encode()).decode() for word in words]
    return {"s": coded[0]} if len(coded) == 1 else {"list": {"s": coded}}


def numbers(*values: int) -> dict[str, Any]:
    """Return an attribute that is a list of whole numbers."""
    return {"list": {"i": [str(value) for value in values]}}


def sizes(*values: int) -> dict[str, Any]:
    """Return a shape as protocol buffers have it in JSON."""
    return {"dim": [{"size": str(value)} for value in values]} if values else {}


def node(name: str, op: str, *inputs: str, **attributes: Any) -> dict[str, Any]:
    """Return one operation."""
    return {"name": name, "op": op, "input": list(inputs), "attr": attributes}


def moved(stride: int = 1, padding: str = "SAME", **more: Any) -> dict[str, Any]:
    """Return the attributes of a convolution or a maximum."""
    same = numbers(1, stride, stride, 1)
    return {"strides": same, "padding": text(padding), "data_format": text("NHWC"), **more}


def picture(name: str, *size: int) -> dict[str, Any]:
    """Return the input."""
    return node(name, "Placeholder", shape={"shape": sizes(-1, *size)})


def write_model(
    path: Path,
    nodes: Sequence[Mapping[str, Any]],
    weights: Mapping[str, np.ndarray],
    quantised: Mapping[str, Mapping[str, Any]] | None = None,
) -> Path:
    """Write a model whose constants are `weights`, those of `quantised` as smaller numbers that stand for float32."""
    listed, constants = [], []
    for name, values in weights.items():
        smaller = (quantised or {}).get(name)
        kind = "float32" if smaller else values.dtype.name
        told = {"name": name, "shape": list(values.shape), "dtype": kind}
        listed.append({**told, "quantization": dict(smaller)} if smaller else told)
        constants.append(node(name, "Const", value={"tensor": {"tensorShape": sizes(*values.shape)}}))
    raw = path.with_suffix(".bin")
    raw.write_bytes(b"".join(np.ascontiguousarray(values).tobytes() for values in weights.values()))
    content = {
        "format": "graph-model",
        "modelTopology": {"node": [*nodes, *constants]},  # in no order that could be computed
        "weightsManifest": [{"paths": [raw.name], "weights": listed}],
    }
    path.write_text(json.dumps(content), encoding="utf-8")
    return path
