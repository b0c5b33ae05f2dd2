"""From a published file of torch to a state dict of ours: no code is run, every name and shape is checked.

Sources of the foreign layer names: mmaction2's C3D backbone (ConvModule puts a convolution under `.conv`); VGG-Face as
Albanie's `vgg_face_dag` keeps them (conv1_1 ... fc8); facenet-pytorch's P-, R- and O-Net. torchvision's names are ours,
and so are those of caffe-face's prototxt.
"""

from __future__ import annotations

import pickle
import struct
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from pipeline.core.errors import WeightsError, did_you_mean
from pipeline.networks.alexnet import AlexNet
from pipeline.networks.c3d import C3D
from pipeline.networks.face_resnet import FaceResNet
from pipeline.networks.mtcnn import ONet, PNet, RNet
from pipeline.networks.vgg_face import VggFace
from pipeline.weights.entries import Entry

_DAMAGED = (
    AssertionError, AttributeError, EOFError, LookupError, MemoryError, OSError, OverflowError, RuntimeError, TypeError,
    ValueError, pickle.UnpicklingError, struct.error,
)  # fmt: skip
"""What torch raises over one flipped or missing byte, depending on where that is."""
_LISTED = 3
"""How many wrong tensors a message names."""


@dataclass(frozen=True)
class LayerMap:
    """One published network: what makes our module, with which arguments (recorded beside the weights), and the file's
    layer -> ours, empty where the names are the same.
    """

    build: Callable[..., nn.Module]
    network: Mapping[str, Any] = field(default_factory=dict)
    layers: Mapping[str, str] = field(default_factory=dict)

    def ours(self, key: str) -> str:
        """Return our name of one tensor of the file; an unknown one stays as it is."""
        layer, _, parameter = key.rpartition(".")
        return f"{self.layers.get(layer, layer)}.{parameter}" if self.layers else key

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shape of every tensor by our name, without taking memory for any."""
        with torch.device("meta"):
            module = self.build(**self.network)
        return {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}


_VGG_FACE = {
    "conv1_1": "features.0", "conv1_2": "features.2",
    "conv2_1": "features.5", "conv2_2": "features.7",
    "conv3_1": "features.10", "conv3_2": "features.12", "conv3_3": "features.14",
    "conv4_1": "features.17", "conv4_2": "features.19", "conv4_3": "features.21",
    "conv5_1": "features.24", "conv5_2": "features.26", "conv5_3": "features.28",
    "fc6": "classifier.0", "fc7": "classifier.3", "fc8": "classifier.6",
}  # fmt: skip
_C3D = {f"conv{name}.conv": f"conv{name}" for name in ("1a", "2a", "3a", "3b", "4a", "4b", "5a", "5b")}

MAPS: dict[str, LayerMap] = {
    "alexnet": LayerMap(AlexNet, {"width": 1.0, "classes": 1000}),
    "vgg16": LayerMap(VggFace, {"width": 1.0, "classes": 1000, "size": 224}),
    "vgg_face": LayerMap(VggFace, {"width": 1.0, "classes": 2622, "size": 224}, _VGG_FACE),
    "face_resnet": LayerMap(FaceResNet, {"width": 1.0, "identities": None, "size": 112}),
    "c3d": LayerMap(C3D, {"width": 1.0, "classes": None, "size": 112, "fc6": "published"}, _C3D),
    "mtcnn_pnet": LayerMap(PNet),
    "mtcnn_rnet": LayerMap(RNet),
    "mtcnn_onet": LayerMap(ONet),
}
"""`layers` of weights.lock -> what it stands for."""


def layer_map(entry: Entry) -> LayerMap | None:
    """Return the layer map of an entry; None = it has none yet, WeightsError = weights.lock names one that is not."""
    if entry.layers is not None and entry.layers not in MAPS:
        nearest = did_you_mean(entry.layers, MAPS)
        raise WeightsError(f"weights.lock: {entry.name}.layers: no layer map '{entry.layers}'{nearest}")
    return MAPS[entry.layers] if entry.layers else None


def state_of(entry: Entry, path: Path) -> dict[str, torch.Tensor]:
    """Return the tensors of a published file of torch on the CPU by our names, in the order of our module; as in the
    file where the entry has no layer map.

    WeightsError where it is damaged, a pickle with more than tensors in it, or a tensor is missing, left over, or of
    another shape or type.
    """
    found = layer_map(entry)
    state = _plain_state(entry, path)
    if found is None:
        return state
    renamed = {found.ours(key): tensor for key, tensor in state.items()}
    original = {found.ours(key): key for key in state}
    shapes = found.shapes()
    there = {key: renamed[key] for key in shapes if key in renamed}
    odd = {
        "missing": [key for key in shapes if key not in renamed],
        "left over": [original[key] for key in renamed if key not in shapes],
        "there twice": [key for key in state if original[found.ours(key)] != key],
    }
    wrong = [
        f"{original[key]} is {tuple(tensor.shape)} {str(tensor.dtype).removeprefix('torch.')}, not {shapes[key]}"
        for key, tensor in there.items()
        if tuple(tensor.shape) != shapes[key] or not tensor.is_floating_point()
    ]
    wrong += [f"{word} {_first(keys)}" for word, keys in odd.items() if keys]
    if wrong:
        raise WeightsError(f"{path}: refused, not weights of {entry.layers} ({_first(wrong)}); {_remedy(entry)}")
    return there


def _plain_state(entry: Entry, path: Path) -> dict[str, torch.Tensor]:
    content = _load(entry, path)
    if isinstance(content, Mapping) and isinstance(content.get("state_dict"), Mapping):
        content = content["state_dict"]  # as training frameworks wrap it, with epochs and optimisers around it
    if not isinstance(content, Mapping) or not content:
        raise WeightsError(f"{path}: refused, no state dict but {type(content).__name__}; {_remedy(entry)}")
    odd = [str(key) for key, value in content.items() if not (isinstance(key, str) and isinstance(value, torch.Tensor))]
    if odd:
        raise WeightsError(f"{path}: refused, no plain state dict: {_first(odd)} are no tensors; {_remedy(entry)}")
    return dict(content)


def _load(entry: Entry, path: Path) -> Any:
    if not path.is_file():
        raise WeightsError(f"{path}: no such file")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # about odd pickles, which are refused below
            return torch.load(path, map_location="cpu", weights_only=True)
    except _DAMAGED as error:
        reason = str(error).split("\n")[0][:120]
        raise WeightsError(f"{path}: refused, damaged or no file of tensors ({reason}); {_remedy(entry)}") from error


def _first(words: list[str]) -> str:
    rest = [f"{len(words) - _LISTED} more"] if len(words) > _LISTED else []
    return ", ".join([*words[:_LISTED], *rest])


def _remedy(entry: Entry) -> str:
    return f"get {entry.file_name} again and run `{entry.by_hand}`"
