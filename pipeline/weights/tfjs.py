"""Graph and weights out of a graph model of TensorFlow.js: a `.json` and the files of weights beside it that it names;
no code is run, and no size is believed that the bytes do not bear out.

The layout, from tensorflow/tfjs (tfjs-core/src/io/types.ts, tfjs-converter/src/operations):

    modelTopology.node     name, op, input, attr of each node; strings in attr are base64
    weightsManifest        groups: paths, files of bytes that follow each other; weights, each with name, shape, dtype
                           and, where it is smaller in the file, quantization: its dtype there, float16, or uint8 or
                           uint16 with value = scale x + min

Constants are weights of the name of their node. Those of whole numbers are axes, which become attributes.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pipeline.networks.tfjs_graph import INPUT, OPERATIONS

_STORED = {"uint8": "u1", "uint16": "<u2", "float16": "<f2", "float32": "<f4", "int32": "<i4"}
_CONVOLUTIONS = ("Conv2D", "_FusedConv2D", "DepthwiseConv2dNative", "FusedDepthwiseConv2dNative")
_SAME_AS = {"AddV2": "Add", **dict.fromkeys(_CONVOLUTIONS, "Convolution")}
_PLAIN = [["1", "1", "1", "1"], None]
_Step = tuple[str, str, list[str], dict[str, Any]]


@dataclass(frozen=True)
class _Model:
    nodes: dict[str, dict[str, Any]]
    values: dict[str, np.ndarray]


def read_tfjs(path: Path) -> dict[str, torch.Tensor]:
    """Return the weights of a model by the names of its nodes, float32; axes are left out.

    Raises:
        ValueError: damaged, or no such model; the message is one line
    """
    model = _read(path)
    state = {name: torch.from_numpy(one) for name, one in model.values.items() if one.dtype.kind == "f"}
    if not state:
        raise ValueError("no weights")
    return state


def read_graph(path: Path, output: str) -> dict[str, Any]:
    """Return `size`, `steps` and `constants` of the part of a graph that `output` needs, as `TfjsGraph` takes them.

    Raises:
        ValueError: damaged, no such output, or an operation that `TfjsGraph` has not; the message is one line
    """
    model = _read(path)
    try:
        steps = list(_steps(model, output))
        (place,) = (name for name, kind, _, _ in steps if kind == INPUT)
        size = [int(one["size"]) for one in model.nodes[place]["attr"]["shape"]["shape"]["dim"][1:]]
        used = {one for _, _, inputs, _ in steps for one in inputs if model.nodes[one]["op"] == "Const"}
        shapes = {name: model.nodes[name]["attr"]["value"]["tensor"]["tensorShape"].get("dim", []) for name in used}
        constants = {name: [int(one["size"]) for one in dims] for name, dims in sorted(shapes.items())}
    except (LookupError, TypeError, AttributeError) as error:
        raise ValueError(f"its graph is not laid out as one: {error!r}"[:100]) from error
    if len(size) != 3 or size[2] not in (1, 3) or any("." in name for name in constants):
        raise ValueError(f"its input of {size} is no picture, or a name has a dot"[:100])
    return {"size": size, "steps": steps, "constants": constants}


def _read(path: Path) -> _Model:
    try:
        content = json.loads(path.read_bytes())
        nodes = {str(node["name"]): node for node in content["modelTopology"]["node"]}
        values = dict(one for group in content["weightsManifest"] for one in _values(group, path))
    except (LookupError, TypeError, AttributeError) as error:
        raise ValueError(f"it is not laid out as one: {error!r}"[:100]) from error
    return _Model(nodes, values)


def _values(group: Mapping[str, Any], path: Path) -> Iterator[tuple[str, np.ndarray]]:
    """Yield name and values of each weight of a group, float32 or int32."""
    names = [str(name) for name in group["paths"]]
    if odd := [name for name in names if Path(name).name != name]:
        raise ValueError(f"{odd[0]!r} is no file beside it"[:100])
    raw, place = b"".join((path.with_name(name)).read_bytes() for name in names), 0
    for told in group["weights"]:
        smaller = told.get("quantization", {})
        shape, kind = [int(size) for size in told["shape"]], np.dtype(_STORED[smaller.get("dtype", told["dtype"])])
        count = math.prod(shape)
        if min([0, *shape]) < 0 or place + count * kind.itemsize > len(raw):
            raise ValueError(f"{told['name']} of {shape} is not in its files"[:100])
        found = np.frombuffer(raw, kind, count, place).reshape(shape)
        place += count * kind.itemsize
        if kind.kind == "u":
            found = found * np.float32(smaller["scale"]) + np.float32(smaller["min"])
        yield str(told["name"]), found.astype(told["dtype"])
    if place != len(raw):
        raise ValueError(f"{len(raw) - place} bytes behind its weights")


def _steps(model: _Model, output: str) -> Iterator[_Step]:
    """Yield the steps that lead to a node, each behind those that it needs."""
    needs: dict[str, list[str]] = {}
    asked = [output]
    while asked:
        if (name := asked.pop()) in needs:
            continue
        if name not in model.nodes:
            raise ValueError(f"it has no node {name!r}"[:100])
        needs[name] = [one.removesuffix(":0") for one in model.nodes[name].get("input", [])]
        asked += needs[name]
    for name in TopologicalSorter(needs).static_order():
        if model.nodes[name]["op"] != "Const":
            yield _step(model, name, needs[name])


def _step(model: _Model, name: str, inputs: list[str]) -> _Step:
    node = model.nodes[name]
    kind, told = _SAME_AS.get(node["op"], node["op"]), node.get("attr", {})
    if kind not in (INPUT, *OPERATIONS):
        raise ValueError(f"{name} is an operation {node['op']} that is not known here"[:100])
    if kind == "Convolution":
        return name, kind, inputs, _convolution(name, node["op"], told)
    if kind == "MaxPool":
        return name, kind, inputs, {"kernel": _numbers(told["ksize"])[1:3], **_moved(name, told)}
    if kind in ("Mean", "Sum"):
        axes = model.values[inputs[1]].reshape(-1).tolist()
        return name, kind, inputs[:1], {"axes": axes, "kept": bool(told.get("keep_dims", {}).get("b"))}
    return name, kind, inputs, {"axes": _numbers(told["squeeze_dims"])} if kind == "Squeeze" else {}


def _convolution(name: str, op: str, told: Mapping[str, Any]) -> dict[str, Any]:
    fused = [_text(one) for one in told.get("fused_ops", {}).get("list", {}).get("s", [])]
    if fused not in ([], ["BiasAdd"], ["BiasAdd", "Relu"]):
        raise ValueError(f"{name} does {fused} at once, which is not known here"[:100])
    return {"depthwise": "Depthwise" in op, "relu": "Relu" in fused, **_moved(name, told)}


def _moved(name: str, told: Mapping[str, Any]) -> dict[str, Any]:
    """Return strides and padding of a convolution or a maximum; ValueError where it has more to it."""
    padding, plain = _text(told["padding"]["s"]), told.get("dilations", {}).get("list", {}).get("i") in _PLAIN
    if padding not in ("SAME", "VALID") or _text(told["data_format"]["s"]) != "NHWC" or not plain:
        raise ValueError(f"{name} has a padding {padding}, layout or dilation that is not known here"[:100])
    return {"padding": padding, "strides": _numbers(told["strides"])[1:3]}


def _numbers(told: Mapping[str, Any]) -> list[int]:
    return [int(one) for one in told["list"]["i"]]


def _text(told: str) -> str:
    return base64.b64decode(told, validate=True).decode("ascii")
