"""What several networks share: fully connected layers, initial weights, and the shape of what they take."""

from collections.abc import Callable, Iterable
from functools import partial
from itertools import pairwise
from typing import Any, TypeVar

import torch
from torch import nn

Module = TypeVar("Module", bound=nn.Module)
HE = partial(nn.init.kaiming_normal_, nonlinearity="relu")
"""He's scale: the variance of a signal stays through layers with ReLU."""
LECUN = partial(nn.init.kaiming_normal_, nonlinearity="linear")
"""LeCun's scale, and Caffe's "xavier": a variance of one over the inputs."""


def dense(widths: Iterable[int], activation: Callable[[], nn.Module]) -> list[nn.Module]:
    """Return fully connected layers from each width to the next, an activation behind every one."""
    return [layer for before, after in pairwise(widths) for layer in (nn.Linear(before, after), activation())]


def check_shape(what: str, inputs: torch.Tensor, *shape: int) -> None:
    """Raise RuntimeError for inputs of another shape than (B, *shape)."""
    if inputs.shape[1:] != shape:
        raise RuntimeError(f"{what} (B, {', '.join(map(str, shape))}), not {tuple(inputs.shape)}")


def begun(module: Module, first: Callable[[torch.Tensor], Any]) -> Module:
    """Draw the first weights of a module's layers by `first`, one after the other, set biases to 0, and return it."""
    for parameter in module.parameters():
        (first if parameter.ndim > 1 else nn.init.zeros_)(parameter)
    return module
