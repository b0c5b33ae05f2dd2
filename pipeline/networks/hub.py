"""Encoders that the optional package `transformers` has, from a folder of their own files, up to any of their layers:
wav2vec 2.0 (Baevski et al. 2020), HuBERT (Hsu et al. 2021), WavLM (Chen et al. 2022), data2vec (Baevski et al. 2022),
Whisper (Radford et al. 2022); ViT (Dosovitskiy et al. 2021), CLIP (Radford et al. 2021), DINOv2 (Oquab et al. 2023);
VideoMAE (Tong et al. 2022).

Layer 0 is what the first Transformer block gets, layer n what block n gives, `last` what the class calls
`last_hidden_state`, in most of them normalised. Blocks behind the highest layer asked for are neither built nor run.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn
from torch.nn.functional import gelu

from pipeline.core.errors import SettingsError, WeightsError
from pipeline.networks.hub_files import config_of, kind_of, model_of

Layers = int | tuple[int, ...] | Literal["all", "last"]
Pool = Literal["rows", "cls", "mean"]
_BLOCKS = ("encoder.layers", "encoder.layer", "layers", "vision_model.encoder.layers")
"""Where a class has its blocks."""


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
        self.config = config_of(folder, self.kind)
        depth = int(getattr(self.config, self.kind.depth))
        self.numbers = _numbers(layers, depth, f"params.yaml: {setting}.layers", folder)
        self.shares = _shares(weights, len(self.numbers), f"params.yaml: {setting}.weights")
        if self.numbers:
            setattr(self.config, self.kind.depth, max(1, *self.numbers))
        self.model = model_of(folder, self.kind, self.config)
        self._caught: dict[int, torch.Tensor] = {}
        blocks = blocks_of(self.model)
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


def blocks_of(model: nn.Module) -> nn.ModuleList:
    """Return the Transformer blocks of an encoder, in order."""
    for place in _BLOCKS:
        found: Any = model
        for name in place.split("."):
            found = getattr(found, name, None)
        if isinstance(found, nn.ModuleList):
            return found
    raise WeightsError(f"{type(model).__name__} of this transformers has its blocks elsewhere; install another 5.x")


def _of_whisper(encoder: Any, mel: torch.Tensor) -> torch.Tensor:
    """Return (1, ceil(T / 2), D) for a log mel spectrogram (1, bands, T), not padded to 30 s as the class wants it."""
    rows = gelu(encoder.conv2(gelu(encoder.conv1(mel)))).transpose(1, 2)
    rows = rows + encoder.embed_positions.weight[: rows.shape[1]]
    for block in encoder.layers:
        found = block(rows, None)
        rows = found[0] if isinstance(found, tuple) else found
    return encoder.layer_norm(rows)
