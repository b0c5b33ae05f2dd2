"""Encoders that the optional package `transformers` has, from a folder of their own files, up to any of their layers:
wav2vec 2.0 (Baevski et al. 2020), HuBERT (Hsu et al. 2021), WavLM (Chen et al. 2022), data2vec (Baevski et al. 2022),
Whisper (Radford et al. 2022); ViT (Dosovitskiy et al. 2021), CLIP (Radford et al. 2021), DINOv2 (Oquab et al. 2023);
VideoMAE (Tong et al. 2022).

Layer 0 is what the first Transformer block gets, layer n what block n gives, `last` what the class calls
`last_hidden_state`, in most of them normalised. Blocks behind the highest layer asked for are neither built nor run.
Nothing is fetched, no code of a folder is run, and weights other than safetensors are not read.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
from torch import nn
from torch.nn.functional import gelu

from pipeline.core.errors import SettingsError, WeightsError, did_you_mean
from pipeline.core.weights_file import CONFIG

Layers = int | tuple[int, ...] | Literal["all", "last"]
Pool = Literal["rows", "cls", "mean"]
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
_BLOCKS = ("encoder.layers", "encoder.layer", "layers", "vision_model.encoder.layers")
"""Where a class has its blocks."""
_UNUSED = ("masked_spec_embed", "mask_token")
"""Of training alone: published files may lack them."""


def transformers() -> Any:
    """Return the package, which is never to reach for the net; WeightsError where it is not installed."""
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


class HubEncoder(nn.Module):
    """One encoder up to its layers.

    Args:
        folder: its files
        extractor: which of the extractors asks, `Kind.extractor`
        layers: which of its layers; of several, their weighted mean
        weights: of the layers, in their order; None = equal. They are divided by their sum
        pool: the rows themselves, of a picture the token of the class, or the mean of all others
        setting: key of params.yaml for messages

    Raises:
        WeightsError: the folder does not hold such an encoder whole
        SettingsError: a layer is not there, or there are more or fewer weights than layers
    """

    def __init__(
        self, folder: Path, extractor: str, layers: Layers, weights: Sequence[float] | None, pool: Pool, setting: str
    ) -> None:
        super().__init__()
        self.kind, self.pool = kind_of(folder, extractor), pool
        self.config = _config(folder, self.kind)
        depth = int(getattr(self.config, self.kind.depth))
        self.numbers = _numbers(layers, depth, f"params.yaml: {setting}.layers", folder)
        self.shares = _shares(weights, len(self.numbers), f"params.yaml: {setting}.weights")
        if self.numbers:
            setattr(self.config, self.kind.depth, max(1, *self.numbers))
        self.model = _model(folder, self.kind, self.config)
        self._caught: dict[int, torch.Tensor] = {}
        blocks = _blocks(self.model)
        for number in self.numbers:
            if number:
                blocks[number - 1].register_forward_hook(partial(self._catch_output, number))
            else:
                blocks[0].register_forward_pre_hook(self._catch_input, with_kwargs=True)
        told = "last" if not self.numbers else ", ".join(map(str, self.numbers))
        self.told = f"layer {told} of {depth} ({self.columns}), {self.kind.model}"

    @property
    def columns(self) -> int:
        """How many values a row has."""
        return int(self.config.hidden_size)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return (T, D) for one input (1, ...), or (D,) where tokens are pooled."""
        found: Any = _of_whisper(self.model, inputs) if self.kind.model == "WhisperModel" else self.model(inputs)
        if self.numbers:
            shares = zip(self.numbers, self.shares, strict=True)
            tokens = torch.stack([self._caught.pop(number)[0] * share for number, share in shares]).sum(dim=0)
        elif self.pool == "cls" and getattr(found, "pooler_output", None) is not None:
            return found.pooler_output[0]  # of CLIP this alone is normalised
        else:
            tokens = (found if isinstance(found, torch.Tensor) else found.last_hidden_state)[0]
        if self.pool == "rows":
            return tokens
        return tokens[0] if self.pool == "cls" else tokens[self.kind.prefix :].mean(dim=0)

    def features(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return what `forward` does."""
        return self(inputs)

    def _catch_output(self, number: int, _: nn.Module, __: Any, output: Any) -> None:
        self._caught[number] = output[0] if isinstance(output, tuple) else output

    def _catch_input(self, _: nn.Module, given: tuple[Any, ...], named: dict[str, Any]) -> None:
        self._caught[0] = given[0] if given else named["hidden_states"]


def _numbers(layers: Layers, depth: int, place: str, folder: Path) -> tuple[int, ...]:
    """Return the layers by number; empty for `last`."""
    if layers == "last":
        return ()
    numbers = tuple(range(depth + 1)) if layers == "all" else (layers,) if isinstance(layers, int) else layers
    beyond = [one for one in numbers if isinstance(one, int) and one > depth]
    if beyond:
        found = f"{place} names {beyond[0]}, but the encoder of {folder} has {depth} blocks"
        raise SettingsError(f"{found}; name layers of 0 to {depth}, all, or last")
    return tuple(int(one) for one in numbers)


def _shares(weights: Sequence[float] | None, count: int, place: str) -> tuple[float, ...]:
    if weights is None:
        return (1 / count,) * count if count else ()
    if len(weights) != count:
        raise SettingsError(f"{place}: {len(weights)} weights for {count} layers; give one for each, or none")
    return tuple(one / sum(weights) for one in weights)


def _blocks(model: nn.Module) -> nn.ModuleList:
    for place in _BLOCKS:
        found: Any = model
        for name in place.split("."):
            found = getattr(found, name, None)
        if isinstance(found, nn.ModuleList):
            return found
    raise WeightsError(f"{type(model).__name__} of this transformers has its blocks elsewhere; install another 5.x")


def _config(folder: Path, kind: Kind) -> Any:
    made = getattr(transformers(), kind.model).config_class
    try:
        return made.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, TypeError) as error:
        raise WeightsError(f"{folder / CONFIG}: refused, damaged ({_short(error)}); get it again") from error


def _model(folder: Path, kind: Kind, config: Any) -> nn.Module:
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


def _of_whisper(encoder: Any, mel: torch.Tensor) -> torch.Tensor:
    """Return (1, ceil(T / 2), D) for a log mel spectrogram (1, bands, T), not padded to 30 s as the class wants it."""
    rows = gelu(encoder.conv2(gelu(encoder.conv1(mel)))).transpose(1, 2)
    rows = rows + encoder.embed_positions.weight[: rows.shape[1]]
    for block in encoder.layers:
        found = block(rows, None)
        rows = found[0] if isinstance(found, tuple) else found
    return encoder.layer_norm(rows)
