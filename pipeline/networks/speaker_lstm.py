"""Speaker LSTM, Wan et al. 2018, section 2, as Resemblyzer builds it: 3 layers of 256 cells, a dense layer, norm 1."""

import torch
from torch import nn


class SpeakerLSTM(nn.Module):
    """A voice as a point on the unit sphere, of `columns` values of 0 and above."""

    def __init__(self, bands: int, cells: int, layers: int, columns: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(bands, cells, layers, batch_first=True)
        self.linear = nn.Linear(cells, columns)

    def forward(self, mel: torch.Tensor) -> torch.Tensor:
        """Return (B, columns) for the mel spectrograms (B, T, bands) of partial utterances."""
        positive = self.raw(mel).relu()
        return positive / positive.norm(dim=1, keepdim=True)

    def raw(self, mel: torch.Tensor) -> torch.Tensor:
        """Return (B, columns) before negative values become 0 and the length 1."""
        _, (last, _) = self.lstm(mel)
        found: torch.Tensor = self.linear(last[-1])
        return found

    def features(self, mel: torch.Tensor) -> torch.Tensor:
        """Return (columns,) for one partial utterance (T, bands); alone, so that no neighbour changes a bit of it."""
        return self(mel[None])[0]
