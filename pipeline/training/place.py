"""Where networks are applied: device and precision, the same for extraction, fine-tuning and training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

from pipeline.core.settings import Runtime


@dataclass(frozen=True)
class Place:
    """`runtime.device` and `runtime.mixed_precision`; travels to worker processes."""

    device: str = "cpu"
    mixed_precision: bool = False

    @classmethod
    def of(cls, runtime: Runtime) -> Self:
        """Return the place that a user wants; a SettingsError says that the device is not there."""
        if runtime.device != "cpu":
            from pipeline.training.task import check_device

            check_device(runtime.device)
        return cls(runtime.device, runtime.mixed_precision)

    @property
    def parts(self) -> dict[str, Any]:
        """What a cache key takes of it; nothing for float32 on the CPU, as wherever a place changes no bit."""
        return {} if self == CPU else {"run": [self.device, self.mixed_precision]}

    def alone(self, runtime: Runtime) -> Runtime:
        """Return the settings with one process on a GPU: several would only take turns and share its memory."""
        return runtime.model_copy(update={"workers": self.workers(runtime.workers)})

    def workers(self, wanted: int) -> int:
        """Return how many processes to use where the user wants `wanted`."""
        return 1 if self.device == "cuda" else wanted

    def apply(self, function: Callable[..., Any], *inputs: Any) -> Any:
        """Return what a network there makes of tensors, which are brought to it; computed in its precision."""
        import torch

        there = [one.to(self.device, non_blocking=True) for one in inputs]
        with torch.autocast(self.device, dtype=torch.bfloat16, enabled=self.mixed_precision):
            return function(*there)

    def holding(self, network: Any) -> Any:
        """Return a network whose methods take tensors on the CPU and give float32 there, whatever the place."""
        return network if self == CPU else _Placed(network.to(self.device), self)


CPU = Place()


class _Placed:
    """A network somewhere else, with the methods of the one that it holds."""

    def __init__(self, network: Any, place: Place) -> None:
        self._network, self._place = network, place

    def __getattr__(self, name: str) -> Callable[[Any], Any]:
        def called(inputs: Any) -> Any:
            found = self._place.apply(getattr(self._network, name), inputs)
            return [one.float().cpu() for one in found] if isinstance(found, list) else found.float().cpu()

        return called
