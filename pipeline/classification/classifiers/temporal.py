"""temporal: an LSTM of 128 on each layer of a network, summed -> dropout 0.7 -> softmax, Ouyang et al. 2017, section
6.2.1.

On the cached feature of one layer it is VGG-LSTM (fc6), on that of three ResNet-LSTM (pool1b, pool3, fc5); fc7 of C3D
gives one step per clip. The feature file says how many columns each layer has. Unlike in the paper, the network
behind the feature stays as it is; what learns both is the `end_to_end` stage.
"""

from __future__ import annotations

from pipeline.classification.classifiers._sequences import SequenceClassifier, SequenceParams
from pipeline.networks.temporal import TemporalLSTM

LIGHT = False
Params = SequenceParams


class Classifier(SequenceClassifier):
    """Summed LSTMs on one feature."""

    def new_network(self, widths: tuple[int, ...]) -> TemporalLSTM:
        """Return one LSTM per layer of the feature."""
        p = self.params
        return TemporalLSTM(widths, self.classes, p.cells, p.dropout, p.readout)
