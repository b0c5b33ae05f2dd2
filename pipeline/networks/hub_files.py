"""Files of encoders that the optional package `transformers` reads: which architectures, their settings, their weights.

Nothing is fetched, no code of a folder is run, and weights other than safetensors are not read.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import nn

from pipeline.core.errors import WeightsError, did_you_mean
from pipeline.core.weights_file import CONFIG
from pipeline.networks import torchvision_ops

PREPROCESSOR = "preprocessor_config.json"


class Kind(NamedTuple):
    """Class of transformers, the extractor that it is for, how its configuration calls the number of blocks, and how
    many tokens stand before those of the input.
    """

    model: str
    extractor: str
    depth: str = "num_hidden_layers"
    prefix: int = 0


KINDS = {
    "wav2vec2": Kind("Wav2Vec2Model", "hub_audio"),
    "hubert": Kind("HubertModel", "hub_audio"),
    "wavlm": Kind("WavLMModel", "hub_audio"),
    "data2vec-audio": Kind("Data2VecAudioModel", "hub_audio"),
    "whisper": Kind("WhisperModel", "hub_audio", depth="encoder_layers"),
    "vit": Kind("ViTModel", "hub_frames", prefix=1),
    "dinov2": Kind("Dinov2Model", "hub_frames", prefix=1),
    "clip": Kind("CLIPVisionModel", "hub_frames", prefix=1),
    "clip_vision_model": Kind("CLIPVisionModel", "hub_frames", prefix=1),
    "videomae": Kind("VideoMAEModel", "hub_segments"),
}
"""`model_type` of config.json -> how it is read."""
_UNUSED = ("masked_spec_embed", "mask_token")
"""Of training alone: published files may lack them."""


def transformers() -> Any:
    """Return the package, which is never to reach for the net; WeightsError where it is not installed."""
    torchvision_ops.models()  # its classes import torchvision
    os.environ["HF_HUB_OFFLINE"] = "1"  # read when it is first imported; every call says local_files_only, too
    try:
        import transformers as package
    except ImportError as error:
        raise WeightsError(
            "encoders of a hub need the optional extra `hub`, which is not installed; run `pip install -e '.[hub]'`"
        ) from error
    if package.__version__.partition(".")[0] != "5":
        raise WeightsError(f"transformers {package.__version__} is installed; run `pip install 'transformers>=5,<6'`")
    package.utils.logging.set_verbosity_error()
    package.utils.logging.disable_progress_bar()
    return package


def described(folder: Path, name: str) -> dict[str, Any]:
    """Return a file of settings of an encoder's folder; WeightsError where it is none."""
    try:
        found = json.loads((folder / name).read_bytes())
    except (OSError, ValueError) as error:
        raise WeightsError(
            f"{folder / name}: missing or damaged; run `dvc repro fetch_weights@{folder.name}`"
        ) from error
    if not isinstance(found, dict):
        raise WeightsError(f"{folder / name}: damaged; run `dvc repro fetch_weights@{folder.name}`")
    return found


def kind_of(folder: Path, extractor: str) -> Kind:
    """Return how a folder's encoder is read; WeightsError where it is unknown, or of another kind of input."""
    name = str(described(folder, CONFIG).get("model_type"))
    own = [one for one, kind in KINDS.items() if kind.extractor == extractor]
    place = f"{folder / CONFIG}: model_type is '{name}'"
    if name not in KINDS:
        raise WeightsError(
            f"{place}, no architecture of {extractor}{did_you_mean(name, own)}; it reads {', '.join(own)}"
        )
    if name not in own:
        raise WeightsError(f"{place}, which takes other input; write `extractor: {KINDS[name].extractor}`")
    return KINDS[name]


def config_of(folder: Path, kind: Kind) -> Any:
    made = getattr(transformers(), kind.model).config_class
    try:
        return made.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, TypeError) as error:
        raise WeightsError(f"{folder / CONFIG}: refused, damaged ({_short(error)}); get it again") from error


def model_of(folder: Path, kind: Kind, config: Any) -> nn.Module:
    """Return the network with all of its weights, in float32 and evaluation mode."""
    further = {"add_pooling_layer": False} if kind.model == "ViTModel" else {}
    made = getattr(transformers(), kind.model)
    try:
        model, told = made.from_pretrained(
            folder, config=config, local_files_only=True, use_safetensors=True, dtype=torch.float32,
            output_loading_info=True, **further,
        )  # fmt: skip
    except (OSError, ValueError, TypeError, RuntimeError) as error:
        raise WeightsError(f"{folder}: refused, no weights of {kind.model} ({_short(error)}); get it again") from error
    whisper = kind.model == "WhisperModel"
    lacking = sorted(
        name
        for name in told["missing_keys"]
        if not (name.endswith(_UNUSED) or (whisper and name.startswith("decoder")))
    )
    if lacking:
        more = f" and {len(lacking) - 1} more" if len(lacking) > 1 else ""
        raise WeightsError(f"{folder}: refused, it lacks {lacking[0]}{more} of {kind.model}; get a whole one")
    return (model.encoder if whisper else model).eval()


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:160] or type(error).__name__
