"""torchvision's models, also where its compiled operators do not load.

torchvision refuses to be imported when its library of operators cannot be loaded, as with its CUDA build beside a CPU
build of torch: it describes two of them, nms and qnms, without asking whether they exist. Nothing here needs them, so
their bare signatures are declared, without any code behind them. Where the operators load, nothing is declared.
"""

import importlib.util
from contextlib import suppress
from functools import cache
from pathlib import Path
from types import ModuleType

import torch

_SIGNATURE = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
_declared: list[torch.library.Library] = []  # a declaration lasts as long as its object


@cache
def models() -> ModuleType:
    """Return `torchvision.models`."""
    if not _operators_load():
        library = torch.library.Library("torchvision", "FRAGMENT")
        for name in ("nms", "qnms"):
            if not hasattr(torch.ops.torchvision, name):
                library.define(name + _SIGNATURE)
        _declared.append(library)
    import torchvision.models

    return torchvision.models


def _operators_load() -> bool:
    """Load the operators as torchvision itself is about to."""
    package = importlib.util.find_spec("torchvision")
    for folder in (package.submodule_search_locations if package else None) or ():
        for library in Path(folder).glob("_C*"):
            with suppress(OSError):
                torch.ops.load_library(library)
    return hasattr(torch.ops.torchvision, "nms")
