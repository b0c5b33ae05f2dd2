"""Pre-trained weights in the network that a plugin builds."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

from torch import nn

from pipeline.core.errors import WeightsError
from pipeline.core.weights_file import Weights


def with_weights(module: Any, name: str, weights: Weights, where: Path, new: Collection[str] = ()) -> nn.Module:
    """Put weights into a plugin's network, and return it in evaluation mode.

    Args:
        module: from the plugin's `network`; it may have `renewed`, parameters that stay as they are since weights do
            not fit them, and `unused`, layers that weights may have beyond its own
        name: of the plugin
        weights: of the folder `where`; WeightsError where they do not fit
        new: parameters that stay as they are, too
    """
    own, loaded = module.state_dict(), weights.state
    needed = set(own) - {*new, *getattr(module, "renewed", ())}
    unused = getattr(module, "unused", ())
    unfit = sorted(key for key in needed if key not in loaded or loaded[key].shape != own[key].shape)
    unknown = sorted(key for key in set(loaded) - set(own) if key.rpartition(".")[0] not in unused)
    if unfit or unknown:
        named = ", ".join([*unfit, *unknown][:3])
        raise WeightsError(
            f"{where}: these weights do not fit {name} with its settings: {named}; retrain or fetch them, or mend "
            "the settings"
        )
    module.load_state_dict({**own, **{key: loaded[key] for key in needed}})
    return module.eval()
