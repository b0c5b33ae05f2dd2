"""The last layers of a Transformer encoder, to be trained on the rows that the layers below them gave.

An encoder that can be fine-tuned has `top(behind)`, which returns this for all layers behind so many. What lies below
stays as it is, so that its rows are computed once, for all folds and epochs.
"""

import copy
from collections.abc import Iterable, Iterator

import torch
from torch import nn


class EncoderTop(nn.Module):
    """`layers` in order, each from rows (B, T, width) to the same shape, and what follows the last one, `norm`.

    `positions` is the longest window that the encoder has met, in rows: a longer clip is taken in pieces of as much.
    """

    def __init__(self, layers: Iterable[nn.Module], norm: nn.Module, positions: int) -> None:
        super().__init__()
        self.layers, self.norm, self.positions = nn.ModuleList(layers), norm, positions

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Return (T, width) for the rows of one clip (T, width)."""
        return torch.cat([self._window(piece[None])[0] for piece in rows.split(self.positions)])

    def _window(self, rows: torch.Tensor) -> torch.Tensor:
        for layer in self.layers:
            rows = layer(rows)
        found: torch.Tensor = self.norm(rows)
        return found


class TunedEncoder(nn.Module):
    """Classifier of clips: mean and deviation over the rows of `top`, less `mean` and by `scale` (2 width,) as they are
    before training, dropout, softmax. `top` is copied.
    """

    mean: torch.Tensor
    scale: torch.Tensor

    def __init__(self, top: EncoderTop, classes: int, dropout: float, mean: torch.Tensor, scale: torch.Tensor) -> None:
        super().__init__()
        self.top, self.dropout = copy.deepcopy(top), nn.Dropout(dropout)
        self.softmax = nn.Linear(len(mean), classes)
        self.register_buffer("mean", mean)
        self.register_buffer("scale", scale)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Return logits (classes,) for the rows of one clip (T, width)."""
        found: torch.Tensor = self.softmax(
            self.dropout(((pooled(self.top(rows)) - self.mean) / self.scale).clip(-10, 10))
        )
        return found

    def groups(self, decay: float, new_rate: float, weight_decay: float) -> Iterator[dict[str, object]]:
        """Yield the weights of the softmax layer, and of every layer down from the last, each with its share of the
        learning rate: `new_rate`; 1, decay, decay^2, ...
        """
        yield {"params": list(self.softmax.parameters()), "factor": new_rate, "weight_decay": weight_decay}
        *below, last = self.top.layers
        yield {"params": [*last.parameters(), *self.top.norm.parameters()], "factor": 1.0}
        for depth, layer in enumerate(reversed(below), 1):
            yield {"params": list(layer.parameters()), "factor": decay**depth}


def pooled(rows: torch.Tensor) -> torch.Tensor:
    """Return mean and deviation over time (2 width,) of rows (T, width)."""
    deviation = (rows.var(dim=0, correction=0) + 1e-6).sqrt()  # its slope has no end at 0
    return torch.cat([rows.mean(dim=0), deviation])
