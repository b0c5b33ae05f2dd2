"""Folders of tiny encoders with random weights, written by the classes of transformers themselves."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

SMALL = {"hidden_size": 16, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 24}
CONVOLUTIONS = {
    "conv_dim": (8, 8, 8, 8, 8, 8, 8), "num_conv_pos_embeddings": 8, "num_conv_pos_embedding_groups": 2,
    "num_feat_extract_layers": 7,
}  # fmt: skip
WHISPER = {"d_model": 16, "encoder_layers": 3, "encoder_attention_heads": 2, "encoder_ffn_dim": 24,
           "decoder_layers": 1, "decoder_attention_heads": 2, "decoder_ffn_dim": 24, "vocab_size": 20,
           "max_source_positions": 100, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2,
           "decoder_start_token_id": 1, "suppress_tokens": None, "begin_suppress_tokens": None}  # fmt: skip
PICTURE = {**SMALL, "image_size": 28, "patch_size": 14}
SOUND_INPUT = {"feature_extractor_type": "Wav2Vec2FeatureExtractor", "sampling_rate": 16000, "do_normalize": True,
               "feature_size": 1, "padding_value": 0.0, "return_attention_mask": False}  # fmt: skip
PICTURE_INPUT = {"do_resize": True, "do_rescale": True, "rescale_factor": 1 / 255, "do_normalize": True,
                 "image_mean": [0.4, 0.5, 0.6], "image_std": [0.2, 0.3, 0.25], "resample": 3}  # fmt: skip
SQUARE = {"size": {"height": 28, "width": 28}}
CUT = {"size": {"shortest_edge": 32}, "do_center_crop": True, "crop_size": {"height": 28, "width": 28}}

MODELS: dict[str, tuple[str, str, dict[str, Any], dict[str, Any]]] = {
    "wav2vec2": ("Wav2Vec2Model", "Wav2Vec2Config", {**SMALL, **CONVOLUTIONS}, SOUND_INPUT),
    "wav2vec2_large": (
        "Wav2Vec2Model", "Wav2Vec2Config",
        {**SMALL, **CONVOLUTIONS, "do_stable_layer_norm": True, "feat_extract_norm": "layer", "conv_bias": True},
        SOUND_INPUT,
    ),
    "hubert": ("HubertModel", "HubertConfig", {**SMALL, **CONVOLUTIONS}, SOUND_INPUT),
    "wavlm": ("WavLMModel", "WavLMConfig", {**SMALL, **CONVOLUTIONS}, {**SOUND_INPUT, "do_normalize": False}),
    "data2vec": (
        "Data2VecAudioModel", "Data2VecAudioConfig",
        {**SMALL, **CONVOLUTIONS, "num_conv_pos_embeddings": 2, "conv_pos_kernel_size": 3}, SOUND_INPUT,
    ),
    "whisper": (
        "WhisperModel", "WhisperConfig", WHISPER,
        {"feature_extractor_type": "WhisperFeatureExtractor", "sampling_rate": 16000, "feature_size": 80,
         "hop_length": 160, "n_fft": 400, "chunk_length": 2},
    ),
    "vit": ("ViTModel", "ViTConfig", PICTURE, {**PICTURE_INPUT, **SQUARE, "image_processor_type": "ViTImageProcessor"}),
    "dinov2": (
        "Dinov2Model", "Dinov2Config", PICTURE, {**PICTURE_INPUT, **CUT, "image_processor_type": "BitImageProcessor"},
    ),
    "clip": (
        "CLIPVisionModel", "CLIPVisionConfig", PICTURE,
        {**PICTURE_INPUT, **CUT, "image_processor_type": "CLIPImageProcessor"},
    ),
    "videomae": (
        "VideoMAEModel", "VideoMAEConfig", {**PICTURE, "num_frames": 4, "tubelet_size": 2},
        {**PICTURE_INPUT, **CUT, "image_processor_type": "VideoMAEImageProcessor"},
    ),
}  # fmt: skip
"""Name -> class, class of its configuration, what that says, preprocessor_config.json."""


def saved(name: str, folder: Path, **changes: Any) -> Path:
    """Write a model by `save_pretrained`, with weights that are large enough to tell layers apart."""
    import torch

    from pipeline.networks.hub_files import transformers as package

    transformers = package()

    model, config, shape, told = MODELS[name]
    torch.manual_seed(0)
    network = getattr(transformers, model)(getattr(transformers, config)(**{**shape, **changes}))
    for parameter in network.parameters():
        if parameter.ndim > 1:
            torch.nn.init.normal_(parameter, std=0.2)
    network.eval().save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps(told), encoding="utf-8")
    return folder


def files_of(folder: Path) -> dict[str, str]:
    """Return file -> SHA-256."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def published(name: str, folder: Path, **changes: Any) -> Path:
    """Return the folder of weights that `fetch_weights` makes of such a model."""
    from pipeline.core.weights_file import save_published

    source = saved(name, folder / "saved", **changes)
    files = {path.stem: path for path in source.iterdir()}
    save_published(folder / name, files, [name], "made for a test")
    return folder / name
