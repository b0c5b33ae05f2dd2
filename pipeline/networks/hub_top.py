"""The last blocks of a sound encoder that `transformers` has, to be trained on the rows of the blocks below them."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from torch import nn

from pipeline.core.errors import WeightsError
from pipeline.networks.encoder_top import EncoderTop
from pipeline.networks.hub import HubEncoder, blocks_of

_LONGEST = 1000
"""Rows of the longest window, 20 s as by default of `hub_audio`, where the positions of an encoder have no end."""


class _Block(nn.Module):
    """A block as a layer from rows to rows, whatever its class returns beside them."""

    def __init__(self, block: nn.Module) -> None:
        super().__init__()
        self.block = block

    def forward(self, rows: torch.Tensor, **further: torch.Tensor) -> torch.Tensor:
        """Return rows (B, T, width) for such rows."""
        found: Any = self.block(rows, attention_mask=None, **further)
        return found[0] if isinstance(found, tuple) else found


class HubTop(EncoderTop):
    """`EncoderTop` of an encoder whose blocks may share the position bias of the first one, WavLM's (Chen et al. 2022,
    section III.B): that stays as it is, like all that lies below.
    """

    def __init__(self, layers: Iterable[nn.Module], norm: nn.Module, positions: int, first: nn.Module) -> None:
        super().__init__(map(_Block, layers), norm, positions)
        attention: Any = getattr(first, "attention", None)
        self.bias: Any = None
        if hasattr(attention, "rel_attn_embed"):
            self.bias = copy.copy(attention)
            self.bias._modules = {"rel_attn_embed": copy.deepcopy(attention.rel_attn_embed)}  # and no projections
            self.bias._parameters = {}
            self.bias.requires_grad_(False)

    def _window(self, rows: torch.Tensor) -> torch.Tensor:
        count = rows.shape[1]
        further = {} if self.bias is None else {"position_bias": self.bias.compute_bias(count, count)}
        for layer in self.layers:
            rows = layer(rows, **further)
        found: torch.Tensor = self.norm(rows)
        return found


def top_of(folder: Path, behind: int) -> HubTop:
    """Return the blocks of a folder's sound encoder behind so many, and the normalisation that may follow the last one.

    Raises:
        WeightsError: the folder does not hold such an encoder whole, or it has an adapter behind its blocks
    """
    whole = HubEncoder(folder, "hub_audio", "last", None, "rows", f"extract_sound.{folder.name}")
    if getattr(whole.config, "add_adapter", False):
        raise WeightsError(f"{folder}: has an adapter behind its blocks, which is not fine-tuned; take one without")
    whisper, blocks = whole.kind.model == "WhisperModel", blocks_of(whole.model)
    encoder: Any = whole.model if whisper else whole.model.encoder
    # of the others, those that normalise at the beginning of a block do so once more behind the last one
    ends = whisper or getattr(whole.config, "do_stable_layer_norm", False)
    norm = encoder.layer_norm if ends else nn.Identity()
    return HubTop(blocks[behind:], norm, getattr(whole.config, "max_source_positions", _LONGEST), blocks[0])
