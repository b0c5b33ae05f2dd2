"""Emotion LSTM, Huang et al. 2017, section 4.1: hidden layer 128 -> LSTM 128 -> dropout 0.5 -> softmax."""

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence


class EmotionLSTM(nn.Module):
    """Sequence classifier; `hidden` nodes bring the feature to the size of the LSTM with its `cells` nodes.

    `dropout` is after the LSTM; for `readout` see `read_out`.
    """

    def __init__(self, inputs: int, classes: int, hidden: int, cells: int, dropout: float, readout: str) -> None:
        super().__init__()
        self.hidden = nn.Sequential(nn.Linear(inputs, hidden), nn.Tanh())
        self.lstm = nn.LSTM(hidden, cells, batch_first=True)
        self.dropout = nn.Dropout(dropout)
        self.readout = readout
        self.softmax = nn.Linear(cells, classes)

    def forward(self, sequences: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Return logits (B, classes) for padded sequences (B, T, inputs) with true `lengths` (B,).

        In evaluation they are those of each sequence alone, to the last bit (`read_out`).
        """
        if self.training:
            hidden = self.hidden(sequences)
        else:
            each = zip(sequences.split(1), lengths.tolist(), strict=True)
            hidden = pad_sequence([self.hidden(one[:, :length])[0] for one, length in each], batch_first=True)
        return judged(self.softmax, self.dropout(read_out(self.lstm, hidden, lengths, self.readout)))


def read_out(lstm: nn.Module, sequences: torch.Tensor, lengths: torch.Tensor, readout: str) -> torch.Tensor:
    """Return what is read out of an LSTM of one layer, (B, cells), for padded sequences (B, T, inputs) with `lengths`.

    In evaluation neither padding nor neighbours change a bit of it on CPUs with oneDNN, whose products of one row are
    the same among any number of rows; other libraries may round differently, by some 1e-7. Where inputs and cells are
    equally many, oneDNN sums up the products of one sequence in another order than those of several: a column of zeros
    in front of the LSTM keeps it from that.

    `readout` is "last", the output at the last true step, or "mean", over all true steps.
    """
    if lstm.training:
        packed = pack_padded_sequence(sequences, lengths, batch_first=True, enforce_sorted=False)
        outputs, (last, _) = lstm(packed)
        if readout == "last":
            return last[-1]
        # padded steps come back as zeros, so the sum is over true steps
        return pad_packed_sequence(outputs, batch_first=True)[0].sum(dim=1) / lengths[:, None].to(sequences.device)
    names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    weights: list[torch.Tensor] = [lstm.get_parameter(name) for name in names]
    if lstm.input_size == lstm.hidden_size:
        sequences, weights[0] = (nn.functional.pad(one, (0, 1)) for one in (sequences, weights[0]))
    begin = sequences.new_zeros(1, len(sequences), weights[1].shape[1])
    found = torch.lstm(sequences, (begin, begin), weights, True, 1, 0.0, False, False, True)[0]
    each = [one[:, :length] for one, length in zip(found.split(1), lengths.tolist(), strict=True)]
    return torch.cat([one[:, -1] if readout == "last" else one.sum(dim=1) / one.shape[1] for one in each])


def judged(softmax: nn.Module, rows: torch.Tensor) -> torch.Tensor:
    """Return the logits (B, classes) of rows (B, cells); in evaluation row by row, so that none depends on another."""
    return softmax(rows) if softmax.training else torch.cat([softmax(row) for row in rows.split(1)])
