"""A frozen graph of TensorFlow.js as a torch module: the operations that published face networks are made of.

Values keep TensorFlow's layout, (B, H, W, C), so that axes and broadcasting mean what the graph says; a convolution
sees them turned to (B, C, H, W), which moves no memory. Padding "SAME" is TensorFlow's: where an odd number is wanted,
the right and lower edge get more, and a maximum never takes a padded value.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import nn
from torch.nn import functional

GREY = (0.2989, 0.5870, 0.1140)
"""Weights of red, green and blue where a network takes one channel, as in `src/gear/emotion.ts` of Human 3.0.4."""


class TfjsGraph(nn.Module):
    """The part of a graph that leads from its one input to one output.

    Args:
        output: name of the node whose value is returned; kept beside the weights
        levels: what the levels 0 and 255 of a picture become
        size: of the input, (height, width, channels); 1 or 3 channels
        steps: name, operation, inputs and attributes of each node, in an order in which they can be computed; see
            `pipeline.weights.tfjs`
        constants: name and shape of each weight
    """

    def __init__(
        self,
        output: str,
        levels: tuple[float, float],
        size: Sequence[int],
        steps: Sequence[tuple[str, str, Sequence[str], Mapping[str, Any]]],
        constants: Mapping[str, Sequence[int]],
    ) -> None:
        super().__init__()
        self.output, self.levels, self.size, self.steps = output, levels, tuple(size), steps
        for name, shape in constants.items():
            self.register_buffer(name, torch.zeros(tuple(shape)))

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """Return the output for input (B, height, width, channels) in the graph's own range."""
        known = {name: values for name, kind, _, _ in self.steps if kind == INPUT} | dict(self.named_buffers())
        for name, kind, inputs, told in self.steps:
            if kind != INPUT:
                known[name] = OPERATIONS[kind]([known[one] for one in inputs], told)
        return known[self.output]

    def features(self, pictures: torch.Tensor) -> torch.Tensor:
        """Return the output (B, D) for pictures (B, H, W, 3) of any size, of red, green and blue, 0 to 255."""
        low, high = self.levels
        shown = resized(pictures.float(), self.size[:2])
        if self.size[2] == 1:
            shown = shown @ shown.new_tensor(GREY)[:, None]
        return self(low + shown * ((high - low) / 255)).flatten(1)


def resized(pictures: torch.Tensor, size: Sequence[int]) -> torch.Tensor:
    """Return pictures (B, H, W, C) in another size, bilinear as `tf.image.resizeBilinear` of TensorFlow.js by default:
    pixel n of the result lies at n H / H' of the source, its upper left corner.
    """
    for axis, (before, after) in enumerate(zip(pictures.shape[1:3], size, strict=True), 1):
        place = torch.arange(after, device=pictures.device) * (before / after)
        first = place.long()
        share = (place - first).reshape(-1, *[1] * (pictures.ndim - axis - 1))
        near, far = (pictures.index_select(axis, one) for one in (first, (first + 1).clamp(max=before - 1)))
        pictures = near + (far - near) * share
    return pictures


INPUT = "Placeholder"
Operation = Callable[[list[torch.Tensor], Mapping[str, Any]], torch.Tensor]


def _padded(values: torch.Tensor, kernel: Sequence[int], told: Mapping[str, Any], filled: float) -> torch.Tensor:
    """Return (B, C, H, W) with the edges that "SAME" adds."""
    if told["padding"] != "SAME":
        return values
    sides: list[int] = []
    for size, reach, stride in zip(values.shape[:1:-1], kernel[::-1], told["strides"][::-1], strict=True):
        least = max(0, (-(-size // stride) - 1) * stride + reach - size)
        sides += [least // 2, least - least // 2]
    return functional.pad(values, sides, value=filled)


def _convolution(inputs: list[torch.Tensor], told: Mapping[str, Any]) -> torch.Tensor:
    """Of a kernel (H, W, in, out); a depthwise one is (H, W, in, times), and keeps its channels apart."""
    values, kernel = inputs[:2]
    bias = inputs[2] if len(inputs) > 2 else None
    high, wide, channels, wider = kernel.shape
    weight, groups = kernel.permute(3, 2, 0, 1), 1
    if told["depthwise"]:
        weight, groups = kernel.permute(2, 3, 0, 1).reshape(channels * wider, 1, high, wide), channels
    turned = _padded(values.permute(0, 3, 1, 2), (high, wide), told, 0.0)
    found = functional.conv2d(turned, weight, bias, stride=tuple(told["strides"]), groups=groups)
    found = found.permute(0, 2, 3, 1)
    return found.relu() if told["relu"] else found


def _largest(inputs: list[torch.Tensor], told: Mapping[str, Any]) -> torch.Tensor:
    turned = _padded(inputs[0].permute(0, 3, 1, 2), told["kernel"], told, -torch.inf)
    return functional.max_pool2d(turned, tuple(told["kernel"]), tuple(told["strides"])).permute(0, 2, 3, 1)


OPERATIONS: dict[str, Operation] = {
    "Abs": lambda inputs, _: inputs[0].abs(),
    "Add": lambda inputs, _: inputs[0] + inputs[1],
    "Convolution": _convolution,
    "Identity": lambda inputs, _: inputs[0],
    "MaxPool": _largest,
    "Maximum": lambda inputs, _: torch.maximum(*inputs),
    "Mean": lambda inputs, told: inputs[0].mean(told["axes"], told["kept"]),
    "Minimum": lambda inputs, _: torch.minimum(*inputs),
    "Mul": lambda inputs, _: inputs[0] * inputs[1],
    "Relu": lambda inputs, _: inputs[0].relu(),
    "Rsqrt": lambda inputs, _: inputs[0].rsqrt(),
    "Softmax": lambda inputs, _: inputs[0].softmax(-1),
    "Square": lambda inputs, _: inputs[0].square(),
    "Squeeze": lambda inputs, told: inputs[0].squeeze(told["axes"]),
    "Sub": lambda inputs, _: inputs[0] - inputs[1],
    "Sum": lambda inputs, told: inputs[0].sum(told["axes"], told["kept"]),
}
"""Operation of a step -> what it makes of its inputs and attributes."""
