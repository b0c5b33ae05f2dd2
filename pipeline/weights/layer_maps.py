"""How the layers of a published file are called here, and which shapes they must have.

Sources of the foreign names: mmaction2's C3D backbone (ConvModule puts a convolution under `.conv`); the layer names
of VGG-Face as Albanie's `vgg_face_dag` keeps them (conv1_1 ... fc8); facenet-pytorch's P-, R- and O-Net. torchvision's
names are ours.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from pipeline.networks import torchvision_ops
from pipeline.networks.alexnet import AlexNet
from pipeline.networks.c3d import C3D

Shapes = dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class LayerMap:
    """One published network.

    Attributes:
        build: makes our module; None = there is none yet, `shapes_of` stands in
        network: arguments of `build`, recorded beside the weights
        layers: the file's layer -> ours; empty = the same names
        shapes_of: shape of every weight, where `build` is None
    """

    build: Callable[..., nn.Module] | None = None
    network: Mapping[str, Any] = field(default_factory=dict)
    layers: Mapping[str, str] = field(default_factory=dict)
    shapes_of: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    def ours(self, key: str) -> str:
        """Return our name of one tensor of the file; an unknown one stays as it is."""
        layer, _, parameter = key.rpartition(".")
        return f"{self.layers.get(layer, layer)}.{parameter}" if self.layers else key

    def shapes(self) -> Shapes:
        """Return the shape of every tensor by our name, without taking memory for any."""
        if self.build is None:
            return dict(self.shapes_of)
        with torch.device("meta"):
            module = self.build(**self.network)
        return {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}


def _with_biases(weights: Mapping[str, tuple[int, ...]]) -> Shapes:
    shapes: Shapes = {}
    for layer, shape in weights.items():
        shapes[f"{layer}.weight"] = shape
        if not layer.startswith("prelu"):
            shapes[f"{layer}.bias"] = shape[:1]
    return shapes


def _vgg16(num_classes: int) -> nn.Module:
    return torchvision_ops.models().vgg16(num_classes=num_classes)


_VGG_FACE = {
    "conv1_1": "features.0", "conv1_2": "features.2",
    "conv2_1": "features.5", "conv2_2": "features.7",
    "conv3_1": "features.10", "conv3_2": "features.12", "conv3_3": "features.14",
    "conv4_1": "features.17", "conv4_2": "features.19", "conv4_3": "features.21",
    "conv5_1": "features.24", "conv5_2": "features.26", "conv5_3": "features.28",
    "fc6": "classifier.0", "fc7": "classifier.3", "fc8": "classifier.6",
}  # fmt: skip
_C3D = {f"conv{name}.conv": f"conv{name}" for name in ("1a", "2a", "3a", "3b", "4a", "4b", "5a", "5b")}
_PNET = {
    "conv1": (10, 3, 3, 3), "prelu1": (10,), "conv2": (16, 10, 3, 3), "prelu2": (16,),
    "conv3": (32, 16, 3, 3), "prelu3": (32,), "conv4_1": (2, 32, 1, 1), "conv4_2": (4, 32, 1, 1),
}  # fmt: skip
_RNET = {
    "conv1": (28, 3, 3, 3), "prelu1": (28,), "conv2": (48, 28, 3, 3), "prelu2": (48,),
    "conv3": (64, 48, 2, 2), "prelu3": (64,), "dense4": (128, 576), "prelu4": (128,),
    "dense5_1": (2, 128), "dense5_2": (4, 128),
}  # fmt: skip
_ONET = {
    "conv1": (32, 3, 3, 3), "prelu1": (32,), "conv2": (64, 32, 3, 3), "prelu2": (64,),
    "conv3": (64, 64, 3, 3), "prelu3": (64,), "conv4": (128, 64, 2, 2), "prelu4": (128,),
    "dense5": (256, 1152), "prelu5": (256,), "dense6_1": (2, 256), "dense6_2": (4, 256), "dense6_3": (10, 256),
}  # fmt: skip

MAPS: dict[str, LayerMap] = {
    "alexnet": LayerMap(AlexNet, {"width": 1.0, "classes": 1000}),
    "vgg16": LayerMap(_vgg16, {"num_classes": 1000}),
    "vgg_face": LayerMap(_vgg16, {"num_classes": 2622}, _VGG_FACE),
    "c3d": LayerMap(C3D, {"width": 1.0, "classes": None, "size": 112, "fc6": "published"}, _C3D),
    "mtcnn_pnet": LayerMap(shapes_of=_with_biases(_PNET)),
    "mtcnn_rnet": LayerMap(shapes_of=_with_biases(_RNET)),
    "mtcnn_onet": LayerMap(shapes_of=_with_biases(_ONET)),
}
"""`layers` of weights.lock -> what it stands for."""
