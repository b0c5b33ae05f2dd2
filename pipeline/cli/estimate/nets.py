"""The networks of params.yaml at their own size, as `NetworkCost`: those of source tasks, windows and aligned faces."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from pipeline.cli.estimate.material import Material
from pipeline.cli.estimate.networks import NetworkCost, cost_of, dense_cost, lstm_cost
from pipeline.core import plugins
from pipeline.core.settings import parse
from pipeline.features.aligned.job import FRAMES

PICTURES = {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".pgm", ".ppm", ".tif", ".tiff"}
VIDEOS = {".mp4", ".avi", ".mov", ".mkv", ".webm", ".mpg", ".mpeg", ".flv", ".wmv", ".m4v"}
A_SECOND = {".wav": 32_000, ".flac": 16_000, ".mp3": 8_000, ".ogg": 8_000, ".sph": 32_000}
"""Bytes of a second of speech, 16 kHz and mono."""
SPEECH_ROWS = 100
PHONES, IDENTITIES = 100, 1000

Params = Mapping[str, Any]
Source = tuple[NetworkCost, Callable[[Path], float]]
"""Cost of one example, and how many examples there are below a folder."""


def _files(kinds: set[str], root: Path) -> float:
    return sum(path.suffix.lower() in kinds for path in root.rglob("*"))


def _seconds(root: Path) -> float:
    sounds = (path for path in root.rglob("*") if path.suffix.lower() in A_SECOND)
    return sum(path.stat().st_size / A_SECOND[path.suffix.lower()] for path in sounds)


def source(feature: str, params: Params) -> Source:
    """Return the network of a source task."""
    block = params["pretrain"][feature]
    settings = block["settings"]
    return _SOURCES[block["source"]](settings)


def _phones(settings: Params) -> Source:
    coefficients = settings["mfcc"]["coefficients"]
    inputs = 3 * coefficients * (2 * settings["context"] + 1)
    widths = [inputs, *[settings["hidden"]] * 5, settings["last"], PHONES]
    return dense_cost(widths), lambda root: SPEECH_ROWS * _seconds(root)


def _gender(settings: Params) -> Source:
    widths = [88, *[settings["hidden"]] * settings["layers"], 2]
    return dense_cost(widths), lambda root: _seconds(root) / 10  # some ten seconds an utterance


def _identity(settings: Params) -> Source:
    from pipeline.networks.face_cnn import INPUT_PX, FaceCNN

    build = partial(FaceCNN, IDENTITIES, settings["width"])
    return cost_of(build, (3, INPUT_PX, INPUT_PX), nn.Module.__call__), partial(_files, PICTURES)


def _pictures(settings: Params) -> Source:
    from pipeline.networks.alexnet import INPUT_PX, AlexNet

    build = partial(AlexNet, settings["width"], IDENTITIES)
    return cost_of(build, (3, INPUT_PX, INPUT_PX), nn.Module.__call__), partial(_files, PICTURES)


def _recognition(settings: Params) -> Source:
    from pipeline.networks.face_resnet import INPUT_PX, FaceResNet, across
    from pipeline.networks.vgg_face import VggFace

    vgg = settings["network"] == "vggface"
    size = settings.get("size") or (224 if vgg else INPUT_PX)
    build = partial(VggFace if vgg else FaceResNet, settings["width"], IDENTITIES, size)
    shape = (3, size, size if vgg else across(size))
    return cost_of(build, shape, nn.Module.__call__), partial(_files, PICTURES)


def _actions(settings: Params) -> Source:
    from pipeline.networks.c3d import C3D

    size = settings.get("size") or 112
    build = partial(C3D, settings["width"], IDENTITIES, size, settings.get("fc6", "published"))
    return cost_of(build, (3, FRAMES, size, size), nn.Module.__call__), partial(_files, VIDEOS)


def _expressions(settings: Params) -> Source:
    like = {"pool5": _identity, "c3d": _actions}.get(settings["network"], _recognition)
    return like(settings)[0], partial(_files, PICTURES)


_SOURCES: Mapping[str, Callable[[Params], Source]] = {
    "phones": _phones,
    "gender": _gender,
    "identity": _identity,
    "pictures": _pictures,
    "recognition": _recognition,
    "actions": _actions,
    "expressions": _expressions,
}


def _config(name: str, params: Params) -> dict[str, Any]:
    """Return what weights say of the network that they fit: those of a source task its width, published ones full."""
    return {"width": params["pretrain"].get(name, {}).get("settings", {}).get("width", 1)}


def on_windows(where: str, block: Params, params: Params, material: Material) -> tuple[NetworkCost, int, float]:
    """Return the cost of one window, the columns of fc7, and how many windows a clip has."""
    name = block["network"]
    plugin = plugins.load("segment_networks", name, f"{where}.network")
    settings = parse(plugin.Params, block.get("settings", {}), where)
    shape, dtype = plugin.Segments(settings).shape, plugin.Segments(settings).dtype
    blank = plugin.prepare(torch.zeros((1, *shape), dtype=getattr(torch, dtype)))
    config = _config(name, params)
    network = cost_of(lambda: plugin.network(settings, config, material.classes), blank.shape[1:], nn.Module.__call__)
    windows = settings.windows
    frames = windows.frames(material.seconds / material.clips)
    return network, round(4096 * config["width"]), float(len(windows.starts(frames)))


def on_crops(block: Params, feature: str, params: Params) -> tuple[NetworkCost, int, int]:
    """Return the cost of one clip of aligned faces, the columns of its layers, and how many rows it has."""
    plugin = plugins.load("clip_networks", block.get("network", feature), f"clip_features.{feature}.network")
    settings = parse(plugin.Params, block.get("settings", {}), f"clip_features.{feature}.settings")
    shape = plugin.prepare(settings, torch.zeros((1, FRAMES, 32, 32, 3), dtype=torch.uint8)).shape[1:]
    layers: list[torch.Tensor] = []

    def call(network: nn.Module, inputs: torch.Tensor) -> None:
        layers.extend(network.layers(inputs))  # type: ignore[operator]

    config = _config(feature, params)
    network = cost_of(lambda: plugin.network(settings, config), shape, call)
    columns = sum(layer[0, 0].numel() for layer in layers)
    return network, columns, int(layers[0].shape[1])


def fine_tuned(block: Params, name: str, params: Params, classes: int) -> NetworkCost:
    """Return the cost of one clip through a network and the head on its layers."""
    network, columns, rows = on_crops(block, name, params)
    head = lstm_cost(columns, block.get("cells", 128), rows) if rows > 1 else dense_cost([columns, classes])
    return network.plus(head.parameters, head.operations, head.kept_bytes)
