"""Emotion LSTM, Huang et al. 2017, section 4.1: hidden layer 128 -> LSTM 128 -> dropout 0.5 -> softmax."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence


class EmotionLSTM(nn.Module):
    """Sequence classifier.

    Args:
        inputs: columns of the feature
        classes: emotions
        hidden: nodes of the hidden layer that brings the feature to the LSTM's size
        cells: nodes of the LSTM
        dropout: after the LSTM
        readout: what goes to the softmax: the LSTM's output at the "last" true step, or its "mean" over all true steps
    """

    def __init__(self, inputs: int, classes: int, hidden: int, cells: int, dropout: float, readout: str) -> None:
        super().__init__()
        self.hidden = nn.Sequential(nn.Linear(inputs, hidden), nn.Tanh())
        self.lstm = nn.LSTM(hidden, cells, batch_first=True)
        self.dropout = nn.Dropout(dropout)
        self.readout = readout
        self.softmax = nn.Linear(cells, classes)

    def forward(self, sequences: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Return logits (B, classes) for padded sequences (B, T, inputs) with true `lengths` (B,)."""
        packed = pack_padded_sequence(self.hidden(sequences), lengths, batch_first=True, enforce_sorted=False)
        outputs, (last, _) = self.lstm(packed)
        if self.readout == "last":
            return self.softmax(self.dropout(last[-1]))
        # padded steps come back as zeros, so the sum is over true steps
        total = pad_packed_sequence(outputs, batch_first=True)[0].sum(dim=1)
        return self.softmax(self.dropout(total / lengths[:, None]))
