"""Networks on the sixteen aligned faces of a clip, Ouyang et al. 2017, sections 3.2 and 6.2. A plugin has

    Params      its settings, such as the size of the pictures that the network sees; the defaults are the paper's
    WINDOW      height and width of what it sees, as shares of the aligned square
    (`pipeline.features.aligned.network_crop`)
    LAYERS      names of the layers that are features
    HEAD        "lstm": LAYERS give a row per frame, and an LSTM on each of them follows; "linear": a row per clip, and
                dropout (`dropout` of Params) and softmax follow
    network     `network(params, config) -> module` for the `network` block of the weights' configuration, without
                weights. Its `layers(inputs) -> list of (B, T, *shape)` in the order of LAYERS, T = 16 or 1. `renewed`:
                names of parameters that the weights do not fit; `unused`: layers that they may have beyond these
    prepare     `prepare(params, faces) -> inputs` of `layers`, for faces (B, 16, h, w, 3) uint8 of the window at any
                size; no randomness. Where HEAD is "lstm" any number of frames will do

Plugins are leaves: none imports another.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.core.errors import WeightsError

if TYPE_CHECKING:
    from torch import nn

    from pipeline.core.weights_file import Weights

_NAMED = 3
"""How many parameters a message names."""


def with_weights(module: Any, weights: Weights, where: Path) -> nn.Module:
    """Put weights into a plugin's network, and return it in evaluation mode; `renewed` ones stay as they are.

    Args:
        module: from `network`
        weights: of the folder `where`

    Raises:
        WeightsError: a parameter that is not renewed is missing or misshapen, or one is left over that is not unused
    """
    own, loaded = module.state_dict(), weights.state
    needed = set(own) - set(module.renewed)
    unfit = sorted(name for name in needed if name not in loaded or loaded[name].shape != own[name].shape)
    unknown = sorted(name for name in set(loaded) - set(own) if name.rpartition(".")[0] not in module.unused)
    if unfit or unknown:
        named = ", ".join([*unfit, *unknown][:_NAMED])
        raise WeightsError(
            f"{where}: these weights do not fit this network with its settings: {named}; retrain or fetch "
            "them, or mend "
            "the settings"
        )
    module.load_state_dict({**own, **{name: loaded[name] for name in needed}})
    return module.eval()
