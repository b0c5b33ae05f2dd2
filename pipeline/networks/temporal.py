"""An LSTM on each layer of a network, summed; Ouyang et al. 2017, sections 3.2.1, 3.2.2 and 6.2.1, Fig. 2 to 4.

VGG-LSTM has one layer (fc6), ResNet-LSTM three (pool1b, pool3, fc5). End to end the LSTMs take the layers as they come
from the network, less their means and in units of their deviations.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import nn

from pipeline.networks.layers import LECUN
from pipeline.networks.lstm import judged, read_out


class TemporalLSTM(nn.Module):
    """Sequence classifier on the layers of a network, which lie side by side in the sequences, `widths` columns each.

    Each has an LSTM of `cells` nodes; `dropout` is behind their sum; for `readout` see `read_out`. The weights of the
    inputs begin at a variance of one over the inputs: torch draws them by the number of cells, and the gates of 128
    cells on 4096 columns of unit variance would begin at a deviation of 3.3, on 158976 at one of 20, saturated.
    """

    def __init__(
        self, widths: Sequence[int], classes: int, cells: int = 128, dropout: float = 0.7, readout: str = "last"
    ) -> None:
        super().__init__()
        self.widths = tuple(widths)
        self.lstms = nn.ModuleList(nn.LSTM(width, cells, batch_first=True) for width in self.widths)
        self.dropout = nn.Dropout(dropout)
        self.readout = readout
        self.softmax = nn.Linear(cells, classes)
        for lstm in self.lstms:
            LECUN(lstm.get_parameter("weight_ih_l0"))

    def forward(self, sequences: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Return logits (B, classes) for padded sequences (B, T, sum of widths) with `lengths` (B,) on the CPU."""
        parts = zip(self.lstms, sequences.split(self.widths, dim=2), strict=True)
        # reading before the sum is the same as after it
        summed = sum(read_out(lstm, layer, lengths, self.readout) for lstm, layer in parts)
        return judged(self.softmax, self.dropout(summed))


@dataclass(frozen=True)
class LayerScales:
    """What the layers of a network are like on training frames.

    Attributes:
        widths: values of each layer per frame
        means: of each value, (sum of widths,)
        deviations: of each layer, (layers,): the root of the mean variance of its values; 1 where nothing varies
    """

    widths: tuple[int, ...]
    means: torch.Tensor
    deviations: torch.Tensor

    @classmethod
    @torch.no_grad()
    def of(cls, body: Any, inputs: Iterable[torch.Tensor]) -> Self:
        """Measure a network in evaluation mode; `inputs` clip by clip, so that memory holds the layers of one."""
        count, total, squares, widths = 0, torch.zeros(()), torch.zeros(()), ()
        for one in inputs:
            layers = [layer.flatten(0, 1).flatten(1).double() for layer in body.layers(one)]
            widths = tuple(layer.shape[1] for layer in layers)
            rows = torch.cat(layers, dim=1)
            count, total, squares = count + len(rows), total + rows.sum(0), squares + rows.square().sum(0)
        means = total / count
        parts = (squares / count - means.square()).clamp(min=0).split(widths)
        deviations = torch.stack([part.mean().sqrt() for part in parts])
        return cls(widths, means.float(), torch.where(deviations > 1e-6, deviations, 1.0).float())


class ClipNetwork(nn.Module):
    """A plugin's network, and the head that classifies its layers: `TemporalLSTM`, or dropout and softmax."""

    means: torch.Tensor
    deviations: torch.Tensor

    def __init__(self, body: nn.Module, head: nn.Module, scales: LayerScales) -> None:
        super().__init__()
        self.body, self.head, self.widths = body, head, scales.widths
        self.register_buffer("means", scales.means)
        self.register_buffer("deviations", scales.deviations)

    def layers(self, inputs: torch.Tensor) -> list[torch.Tensor]:
        return self.body.layers(inputs)  # type: ignore[operator]

    def judge(self, layers: Sequence[torch.Tensor]) -> torch.Tensor:
        """Return logits (B, classes) for layers (B, T, *shape)."""
        parts = zip(layers, self.means.split(self.widths), self.deviations, strict=True)
        rows = torch.cat([(layer.float().flatten(2) - mean) / deviation for layer, mean, deviation in parts], dim=2)
        if isinstance(self.head, TemporalLSTM):
            return self.head(rows, torch.full((len(rows),), rows.shape[1]))
        return self.head(rows[:, 0])
