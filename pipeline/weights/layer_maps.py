"""How the layers of a published file are called here, and which shapes they must have.

Sources of the foreign names: mmaction2's C3D backbone (ConvModule puts a convolution under `.conv`); the layer names
of VGG-Face as Albanie's `vgg_face_dag` keeps them (conv1_1 ... fc8); facenet-pytorch's P-, R- and O-Net. torchvision's
names are ours, and so are those of caffe-face's prototxt.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from pipeline.networks.alexnet import AlexNet
from pipeline.networks.c3d import C3D
from pipeline.networks.face_resnet import FaceResNet
from pipeline.networks.mtcnn import ONet, PNet, RNet
from pipeline.networks.vgg_face import VggFace

Shapes = dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class LayerMap:
    """One published network.

    Attributes:
        build: makes our module
        network: arguments of `build`, recorded beside the weights
        layers: the file's layer -> ours; empty = the same names
    """

    build: Callable[..., nn.Module]
    network: Mapping[str, Any] = field(default_factory=dict)
    layers: Mapping[str, str] = field(default_factory=dict)

    def ours(self, key: str) -> str:
        """Return our name of one tensor of the file; an unknown one stays as it is."""
        layer, _, parameter = key.rpartition(".")
        return f"{self.layers.get(layer, layer)}.{parameter}" if self.layers else key

    def shapes(self) -> Shapes:
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
