"""A small Transformer encoder over the frames of several features at once, Vaswani et al. 2017, section 3.

Each feature has a linear projection to the same width, and a vector that says which it is. Frames of all features are
one set: position is their true time, as sinusoids of the seconds. Attention pooling reads each feature out.
"""

import math
from collections.abc import Sequence

import torch
from torch import nn

PADDING = -1
"""Part of a row that is none."""
_PERIODS_S = (0.1, 20.0)
"""Shortest and longest period of the sinusoids, s: a syllable's part, and a long utterance."""


class JointAttention(nn.Module):
    """Classifier of sets of frames; `widths` are the columns of each feature, `width` those of the encoder."""

    rates: torch.Tensor

    def __init__(
        self,
        widths: Sequence[int],
        classes: int,
        width: int = 32,
        heads: int = 4,
        layers: int = 1,
        dropout: float = 0.3,
    ) -> None:
        super().__init__()
        self.widths = tuple(widths)
        self.inputs = nn.ModuleList(nn.Linear(columns, width) for columns in self.widths)
        self.kinds = nn.Parameter(0.02 * torch.randn(len(self.widths), width))
        low, high = (math.log(2 * math.pi / period) for period in _PERIODS_S)
        self.register_buffer("rates", torch.exp(torch.linspace(low, high, width // 2)))
        block = (width, heads, 2 * width, dropout, "gelu")
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(*block, batch_first=True, norm_first=True) for _ in range(layers)
        )
        self.norm, self.pool = nn.LayerNorm(width), nn.Linear(width, 1)
        self.dropout = nn.Dropout(dropout)
        self.softmax = nn.Linear(width, classes)

    def forward(self, values: torch.Tensor, parts: torch.Tensor, times: torch.Tensor) -> torch.Tensor:
        """Return logits (B, classes) for rows (B, T, sum of widths), the feature of each (B, T), or `PADDING`, and its
        time (B, T), s; what a row has in the columns of other features does not count.
        """
        angles = times[..., None] * self.rates
        rows = torch.cat([angles.sin(), angles.cos()], dim=2)
        for number, (one, columns) in enumerate(zip(self.inputs, values.split(self.widths, dim=2), strict=True)):
            chosen = parts == number
            own = rows[chosen] + one(columns[chosen]) + self.kinds[number]
            rows = rows.masked_scatter(chosen[..., None], own)
        padded = parts == PADDING
        for block in self.blocks:
            rows = block(rows, src_key_padding_mask=padded if padded.any() else None)
        found: torch.Tensor = self.softmax(self.dropout(self._read_out(self.norm(rows), parts)))
        return found

    def _read_out(self, rows: torch.Tensor, parts: torch.Tensor) -> torch.Tensor:
        """Return (B, width): each feature's rows pooled by attention, then the mean over the features that are there,
        so that one with many frames has no more to say than one with a single row.
        """
        scores, pooled, there = self.pool(rows)[..., 0], torch.zeros_like(rows[:, 0]), torch.zeros_like(rows[:, 0, :1])
        for number in range(len(self.widths)):
            own = parts == number
            # not minus infinity, which is 0 / 0 where no row is of the feature
            shares = scores.masked_fill(~own, torch.finfo(scores.dtype).min).softmax(dim=1) * own
            pooled = pooled + (shares[..., None] * rows).sum(dim=1)
            there = there + own.any(dim=1, keepdim=True)
        return pooled / there
