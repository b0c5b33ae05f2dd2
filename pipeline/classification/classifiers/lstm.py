"""lstm: hidden 128 -> LSTM 128 -> dropout 0.5 -> softmax, Huang et al. 2017, section 4.1."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from pipeline.classification.candidates import Tried
from pipeline.classification.classifiers._sequences import SequenceClassifier, SequenceParams
from pipeline.core.settings import Settings
from pipeline.networks.lstm import EmotionLSTM

LIGHT = False


class _Hidden(Settings):
    hidden: Tried[Annotated[int, Field(ge=1)]] = Field(description="nodes of the hidden layer {Huang 4.1: 128}")


class Params(SequenceParams, _Hidden):  # fields stand in files in the order of the bases from right to left
    """Network and training."""


class Classifier(SequenceClassifier):
    """One LSTM on one feature."""

    params: Params

    def new_network(self, widths: tuple[int, ...]) -> EmotionLSTM:
        """Return the network of the paper."""
        p = self.params
        return EmotionLSTM(sum(widths), self.classes, p.hidden, p.cells, p.dropout, p.readout)
