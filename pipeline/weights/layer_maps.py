"""What each published network is here: our module, how the file's layers are named, and what lies behind the feature.

Sources of the foreign layer names: mmaction2's C3D backbone (ConvModule puts a convolution under `.conv`) and its head;
the prototxts of C3D v1.0 (fc6-1, fc7-1; fc6, fc7 where it was fine-tuned); VGG-Face in Caffe and as Albanie's
`vgg_face_dag` keeps it (conv1_1 ... fc8); facenet-pytorch's P-, R- and O-Net; CTranslate2's WhisperSpec.
torchvision's names are ours, and so are those of caffe-face's prototxt. A graph of TensorFlow.js is its own network, by
its own names, up to the node `output`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from pipeline.core.errors import WeightsError, did_you_mean
from pipeline.networks.alexnet import AlexNet
from pipeline.networks.c3d import C3D, CONVOLUTIONS
from pipeline.networks.efficientnet_lite import BLOCKS, EfficientNetLite
from pipeline.networks.face_resnet import FaceResNet
from pipeline.networks.mtcnn import ONet, PNet, RNet
from pipeline.networks.speaker_lstm import SpeakerLSTM
from pipeline.networks.tfjs_graph import TfjsGraph
from pipeline.networks.vgg_face import VggFace
from pipeline.networks.whisper_encoder import WhisperEncoder
from pipeline.weights.entries import Entry


@dataclass(frozen=True)
class LayerMap:
    """One published network.

    Attributes:
        build: makes our module, up to the layer that is its feature
        network: with which arguments; recorded beside the weights
        layers: the file's layer -> ours, where the names are not the same
        heads: the file's layers behind the feature, which are ignored
        part: how the names of its layers begin in a file that holds other networks, too, which are ignored
        turned: our first convolution, where the file takes blue, green, red and our module red, green, blue
    """

    build: Callable[..., nn.Module]
    network: Mapping[str, Any] = field(default_factory=dict)
    layers: Mapping[str, str] = field(default_factory=dict)
    heads: tuple[str, ...] = ()
    part: str = ""
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
_WHISPER_BLOCK = {
    "self_attention.layer_norm": "attention_norm",
    "self_attention.linear_0": "projections",
    "self_attention.linear_1": "attended",
    "ffn.layer_norm": "dense_norm",
    "ffn.linear_0": "dense1",
    "ffn.linear_1": "dense2",
}
_WHISPER = {
    "encoder.conv1": "conv1", "encoder.conv2": "conv2",
    "encoder.position_encodings": "positions", "encoder.layer_norm": "norm",
    **{f"encoder.layer_{n}.{its}": f"blocks.{n}.{ours}" for n in range(4) for its, ours in _WHISPER_BLOCK.items()},
}  # fmt: skip
_TINY = {"bands": 80, "width": 384, "layers": 4, "heads": 6, "positions": 1500}
_LITE_BLOCK = {"_expand_conv": "expand", "_bn0": "expand_norm", "_depthwise_conv": "depthwise",
               "_bn1": "depthwise_norm", "_project_conv": "project", "_bn2": "project_norm"}  # fmt: skip
_LITE = {
    "_conv_stem": "stem", "_bn0": "stem_norm", "_conv_head": "head", "_bn1": "head_norm",
    **{f"_blocks.{n}.{its}": f"blocks.{n}.{ours}" for n in range(BLOCKS) for its, ours in _LITE_BLOCK.items()},
}  # fmt: skip
_SPEAKER = {"bands": 40, "cells": 256, "layers": 3, "columns": 256}
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
    "whisper_tiny": LayerMap(WhisperEncoder, _TINY, _WHISPER, part="encoder."),
    "speaker_lstm": LayerMap(SpeakerLSTM, _SPEAKER, heads=("",)),  # the similarity's weight and bias, of no layer
    "efficientnet_lite0": LayerMap(EfficientNetLite, {}, _LITE, heads=("_fc",)),
    "faceres_deep": LayerMap(
        TfjsGraph, {"output": "global_pooling/Mean", "levels": (0, 255)}, heads=("feats", "age_pred", "gender_pred")
    ),
    "mobilefacenet": LayerMap(TfjsGraph, {"output": "embeddings", "levels": (0, 1)}),
    "mini_xception": LayerMap(TfjsGraph, {"output": "Identity", "levels": (-1, 1)}),
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
