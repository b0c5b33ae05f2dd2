"""From a published file of torch or Caffe to a state dict of ours: no code is run, every name and shape is checked.

Sources of the foreign layer names: mmaction2's C3D backbone (ConvModule puts a convolution under `.conv`) and its head;
the prototxts of C3D v1.0 (fc6-1, fc7-1; fc6, fc7 where it was fine-tuned); VGG-Face in Caffe and as Albanie's
`vgg_face_dag` keeps it (conv1_1 ... fc8); facenet-pytorch's P-, R- and O-Net. torchvision's names are ours, and so are
those of caffe-face's prototxt.
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
from pipeline.networks.c3d import C3D, CONVOLUTIONS
from pipeline.networks.face_resnet import FaceResNet
from pipeline.networks.mtcnn import ONet, PNet, RNet
from pipeline.networks.vgg_face import VggFace
from pipeline.weights.caffe import read_caffe
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
    """One published network.

    Attributes:
        build: makes our module, up to the layer that is its feature
        network: with which arguments; recorded beside the weights
        layers: the file's layer -> ours, where the names are not the same
        heads: the file's layers behind the feature, which are ignored
        turned: our first convolution, where the file takes blue, green, red and our module red, green, blue
    """

    build: Callable[..., nn.Module]
    network: Mapping[str, Any] = field(default_factory=dict)
    layers: Mapping[str, str] = field(default_factory=dict)
    heads: tuple[str, ...] = ()
    turned: str = ""

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
    "fc6": "classifier.0",
}  # fmt: skip
_C3D = {
    f"{before}{name}{behind}": name
    for before in ("", "backbone.")
    for name, behind in [*((f"conv{name}", ".conv") for name in CONVOLUTIONS), ("fc6", ""), ("fc7", "")]
}
"""mmaction2's backbone alone, and within a recogniser."""
_VGG16 = {"width": 1.0, "classes": None, "size": 224}
_C3D_SHAPE = {"width": 1.0, "classes": None, "size": 112, "fc6": "published"}

MAPS: dict[str, LayerMap] = {
    "alexnet": LayerMap(AlexNet, {"width": 1.0, "classes": None}, heads=("classifier.6",)),
    "vgg16": LayerMap(VggFace, _VGG16, heads=("classifier.3", "classifier.6")),
    "vgg_face": LayerMap(VggFace, _VGG16, _VGG_FACE, heads=("fc7", "fc8")),
    "vgg_face_caffe": LayerMap(VggFace, _VGG16, _VGG_FACE, heads=("fc7", "fc8"), turned="features.0"),
    "face_resnet": LayerMap(FaceResNet, {"width": 1.0, "identities": None, "size": 112}, heads=("fc6", "center_loss")),
    "c3d": LayerMap(C3D, _C3D_SHAPE, _C3D, heads=("fc8", "cls_head.fc_cls")),
    "c3d_caffe": LayerMap(
        C3D,
        {**_C3D_SHAPE, "pool5": "caffe"},
        {"fc6-1": "fc6", "fc7-1": "fc7"},
        heads=("fc8-1", "fc8"),
        turned="conv1a",
    ),
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


def state_of(entry: Entry, path: Path) -> tuple[dict[str, torch.Tensor], list[str]]:
    """Return the tensors of a published file on the CPU by our names, in the order of our module, and the file's names
    of those that are ignored, since they lie behind what is asked for; all as in the file where the entry has no layer
    map.

    WeightsError where it is damaged, a pickle with more than tensors in it, or a tensor is missing, left over, or of
    another shape or type.
    """
    found = layer_map(entry)
    state = _caffe_state(entry, path) if entry.format == "caffe" else _plain_state(entry, path)
    if found is None:
        return state, []
    ignored = [key for key in state if key.rpartition(".")[0] in found.heads]
    state = {key: tensor for key, tensor in state.items() if key not in ignored}
    renamed = {found.ours(key): tensor for key, tensor in state.items()}
    original = {found.ours(key): key for key in state}
    shapes = found.shapes()
    there = {key: _fitted(renamed[key], shape) for key, shape in shapes.items() if key in renamed}
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
    if found.turned:
        there[f"{found.turned}.weight"] = there[f"{found.turned}.weight"].flip(1)
    return there, ignored


def _fitted(tensor: torch.Tensor, shape: tuple[int, ...]) -> torch.Tensor:
    """Return a tensor in its shape where they differ by ones in front, which Caffe's first models have."""
    bare = tuple(tensor.shape)
    while len(bare) > len(shape) and bare[0] == 1:
        bare = bare[1:]
    return tensor.reshape(shape) if bare == shape else tensor


def _caffe_state(entry: Entry, path: Path) -> dict[str, torch.Tensor]:
    """Return the blobs of a Caffe model by its own names; WeightsError where it is damaged or something else."""
    try:
        return read_caffe(path)
    except OSError as error:
        raise WeightsError(f"{path}: {error.strerror or type(error).__name__}") from error
    except (ValueError, MemoryError, OverflowError) as error:
        raise WeightsError(f"{path}: refused, damaged or no Caffe model ({error}); {_remedy(entry)}") from error


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
