"""Batches on their way to a network: made ahead in a thread, in pieces where a device cannot hold them, and weighed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch

from pipeline.engine.parallel import ahead

Batch = tuple[torch.Tensor, torch.Tensor]
"""What the network takes, (B, ...), and class indices, (B,); on the CPU."""
AT_ONCE = (
    "per forward pass; gradients of a batch are added up over its passes, which gives those of the whole batch but for "
    "rounding (not with batch normalisation, which sees each pass alone); null = the whole batch"
)


def ready(batches: Iterable[Batch], device: str) -> Iterator[Batch]:
    """Return the same batches in the same order, the next one made by a thread while one is in use; for a GPU in
    memory that it reads by itself.
    """
    return ahead((inputs.pin_memory(), labels.pin_memory()) if device == "cuda" else (inputs, labels)
                 for inputs, labels in batches)  # fmt: skip


def moved(tensor: torch.Tensor, device: str) -> torch.Tensor:
    """Return a tensor on a device, without waiting for its copy."""
    return tensor.to(device, non_blocking=True)


def in_parts(batch: Batch, at_once: int | None, weights: torch.Tensor | None = None) -> Iterable[tuple[Batch, float]]:
    """Return pieces of a batch, `at_once` examples each, and their share in its loss, the mean over its examples; with
    class `weights` (C,) the weighted mean.
    """
    inputs, labels = batch
    if at_once is None or at_once >= len(labels):
        return [(batch, 1.0)]
    heavy = torch.ones(len(labels)) if weights is None else weights[labels]
    shares = [float(piece.sum() / heavy.sum()) for piece in heavy.split(at_once)]
    return zip(zip(inputs.split(at_once), labels.split(at_once), strict=True), shares, strict=True)


def class_weights(labels: torch.Tensor, classes: int) -> torch.Tensor:
    """Return N / (occurring classes * clips of the class), (C,); 0 for a class without a clip."""
    counts = torch.bincount(labels, minlength=classes)
    occurring = (counts > 0).sum()
    return torch.where(counts > 0, len(labels) / (occurring * counts.clamp(min=1)), 0.0)
