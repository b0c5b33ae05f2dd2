"""Encoder of Whisper, Radford et al. 2022, section 2.2: two convolutions, sinusoidal positions, Transformer blocks.

`tiny.en` has 80 mel bands, 4 blocks of 384 columns with 6 heads, and 1500 positions, 30 s. Each block normalises before
attention and before its feed-forward part (pre-activation), the last one is followed by a further normalisation; GELU
throughout. The projections to query, key and value are one matrix, in this order.
"""

import math

import torch
from torch import nn
from torch.nn.functional import gelu, scaled_dot_product_attention

from pipeline.networks.encoder_top import EncoderTop


def sinusoids(length: int, width: int) -> torch.Tensor:
    """Return positions (length, width): sines in the first half of the columns, cosines in the second, of wavelengths
    from 2 pi to 20,000 pi in a geometric progression.
    """
    half = width // 2
    rates = torch.exp(-math.log(10_000) / max(1, half - 1) * torch.arange(half))
    angles = torch.arange(length)[:, None] * rates
    return torch.cat([angles.sin(), angles.cos()], dim=1)


class _Positions(nn.Module):
    """What is added to each row for its place in the window."""

    encodings: torch.Tensor

    def __init__(self, length: int, width: int) -> None:
        super().__init__()
        self.register_buffer("encodings", sinusoids(length, width))

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        return rows + self.encodings[: rows.shape[1]]


class _Block(nn.Module):
    """Self-attention over the whole window, then two dense layers on each row, both added to what came in."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.attention_norm = nn.LayerNorm(width)
        self.projections = nn.Linear(width, 3 * width)
        self.attended = nn.Linear(width, width)
        self.dense_norm = nn.LayerNorm(width)
        self.dense1 = nn.Linear(width, 4 * width)
        self.dense2 = nn.Linear(4 * width, width)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        count, length, width = rows.shape
        parts = self.projections(self.attention_norm(rows)).view(count, length, 3, self.heads, width // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        mixed = scaled_dot_product_attention(query, key, value).transpose(1, 2).reshape(count, length, width)
        rows = rows + self.attended(mixed)
        return rows + self.dense2(gelu(self.dense1(self.dense_norm(rows))))


class WhisperEncoder(nn.Module):
    """Rows of `width` columns, one for two frames of `bands` log mel bands, out of as many blocks as `layers`.

    `positions` is the longest window, in rows. `stop` ends the computation behind so many blocks; None = behind all of
    them and the last normalisation.
    """

    def __init__(self, bands: int, width: int, layers: int, heads: int, positions: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(bands, width, 3, padding=1)
        self.conv2 = nn.Conv1d(width, width, 3, stride=2, padding=1)
        self.positions = _Positions(positions, width)
        self.blocks = nn.ModuleList(_Block(width, heads) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.stop: int | None = None

    def forward(self, mel: torch.Tensor) -> torch.Tensor:
        """Return (B, ceil(T / 2), width) for the log mel spectrograms (B, bands, T) of windows of one length."""
        rows = self.positions(gelu(self.conv2(gelu(self.conv1(mel)))).transpose(1, 2))
        for block in self.blocks[: self.stop]:
            rows = block(rows)
        return self.norm(rows) if self.stop is None else rows

    def top(self, behind: int) -> EncoderTop:
        """Return the blocks behind so many, and the last normalisation."""
        return EncoderTop(self.blocks[behind:], self.norm, len(self.positions.encodings))

    def features(self, mel: torch.Tensor) -> torch.Tensor:
        """Return (ceil(T / 2), width) for one window (bands, T)."""
        return self(mel[None])[0]
