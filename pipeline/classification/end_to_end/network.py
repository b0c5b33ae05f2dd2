"""A network on the sixteen aligned faces of a clip together with what judges its layers, and the pictures that it
learns from; Ouyang et al. 2017, sections 3.2 and 6.2.

The paper says: weights of a pre-trained network; an LSTM of 128 on each layer, summed, and dropout 0.7 (VGG-LSTM,
ResNet-LSTM), or dropout 0.5 and softmax on fc7 (C3D); learning rate 0.001, a tenth of it every 1000 iterations, 5000 in
all; pictures mirrored and cropped at random. It is silent about the batch, momentum, weight decay, clipping of
gradients, which LSTM outputs are read, and how an LSTM takes 4096 or 158976 values of any size without saturating.
Here the mean of each value is taken off and each layer is divided by one number, the deviation of its values, both as
some training clips have them before training; the weights that take it begin at a variance of one over their inputs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import nn

from pipeline.classification.end_to_end.settings import EndToEndParams
from pipeline.core.clip import Clip
from pipeline.core.errors import ArtifactError
from pipeline.core.store import FeatureFile
from pipeline.features.aligned.job import FRAMES, ClipModel
from pipeline.features.aligned.network_crop import cut
from pipeline.media.frame_sampling import filled
from pipeline.networks.layers import LECUN
from pipeline.networks.temporal import ClipNetwork, LayerScales, TemporalLSTM
from pipeline.protocols.splits import Fold

_ORDER, _PICTURES = 0, 1
"""What random numbers are for; each iteration and each pass over the clips has its own: none has to be remembered."""
_MEASURED = 32
"""Training clips, evenly spread, on which layers are measured."""


@dataclass(frozen=True)
class FaceClips:
    """Aligned faces of some clips with class indices (N,), read from their feature file when they are asked for."""

    source: Path
    ids: list[str]
    labels: np.ndarray

    @classmethod
    def of(cls, source: Path, clips: Sequence[Clip], classes: Sequence[str]) -> FaceClips:
        """Return all clips; one that the file lacks, or that shows no face, is left out.

        An ArtifactError says that it is not a file of aligned faces.
        """
        found = []
        with FeatureFile(source) as file:
            present = set(file.clip_ids())
            for clip in (clip for clip in clips if clip.clip_id in present):
                _, mask = file.frames(clip.clip_id)
                if len(mask) != FRAMES:
                    raise ArtifactError(
                        f"{source}: {len(mask)} frames of '{clip.clip_id}', not {FRAMES}; give the file of align_faces"
                    )
                found += [clip] * bool(mask.any())
        labels = np.array([classes.index(clip.emotion) for clip in found], np.int64)
        return cls(source, [clip.clip_id for clip in found], labels)

    def of_fold(self, name: str, fold: Fold, part: str) -> FaceClips:  # noqa: ARG002
        """Return one part of one fold."""
        chosen = [number for number, clip_id in enumerate(self.ids) if fold.get(clip_id) == part]
        return FaceClips(self.source, [self.ids[number] for number in chosen], self.labels[chosen])

    def __len__(self) -> int:
        return len(self.ids)

    def faces(self, numbers: Sequence[int]) -> Iterator[torch.Tensor]:
        """Yield the faces (16, px, px, 3) uint8 of clips by number; a frame without one takes the nearest that has."""
        with FeatureFile(self.source) as file:
            for number in numbers:
                clip = file.read(self.ids[number], names=("crops",))
                yield torch.from_numpy(clip.extra["crops"][filled(clip.mask)])


class Faces(Protocol):
    """What is predicted on: aligned faces of some clips; see `FaceClips`."""

    def __len__(self) -> int: ...

    def faces(self, numbers: Sequence[int]) -> Iterator[torch.Tensor]: ...


def middle(model: ClipModel, data: Faces, numbers: Sequence[int]) -> torch.Tensor:
    """Return what the network takes of some clips, in validation and tests."""
    faces = [cut(faces, model.plugin.WINDOW) for faces in data.faces(numbers)]
    return model.plugin.prepare(model.params, torch.stack(faces))


def varied(faces: torch.Tensor, share: tuple[float, float], rng: np.random.Generator, flip: bool) -> torch.Tensor:
    """Return a random window of a clip's faces (16, px, px, 3), mirrored or not; the same in all frames."""
    down, across, mirror = rng.random(3)
    window = cut(faces, share, (down, across))
    return window.flip(2) if flip and mirror < 0.5 else window


def chosen(count: int, params: EndToEndParams, iteration: int) -> list[int]:
    """Return the clips of one iteration: pass after pass over all of them, each in a new order, cut into batches."""
    places = range(iteration * params.batch, (iteration + 1) * params.batch)
    orders = {
        p // count: np.random.default_rng([params.seed, _ORDER, p // count]).permutation(count)
        for p in (places[0], *places[::count], places[-1])
    }
    return [int(orders[place // count][place % count]) for place in places]


def batches(
    model: ClipModel, data: FaceClips, params: EndToEndParams, first: int
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Yield (what the network takes, labels) of every iteration from `first` on."""
    for iteration in range(first, params.iterations):
        numbers = chosen(len(data), params, iteration)
        rng = np.random.default_rng([params.seed, _PICTURES, iteration])
        faces = [varied(faces, model.plugin.WINDOW, rng, params.flip) for faces in data.faces(numbers)]
        yield model.plugin.prepare(model.params, torch.stack(faces)), torch.from_numpy(data.labels[numbers])


def new_network(
    model: ClipModel, params: EndToEndParams, train: FaceClips, classes: int, device: str = "cpu"
) -> ClipNetwork:
    """Return the pre-trained network with a new head, on the device; some of the training clips are measured there."""
    torch.manual_seed(params.seed)
    body = model.network().to(device)
    measured = np.unique(np.linspace(0, len(train) - 1, _MEASURED).round().astype(int))
    scales = LayerScales.of(body, (middle(model, train, [int(number)]).to(device) for number in measured))
    return assembled(model, params, body, scales, classes).to(device)


def assembled(
    model: ClipModel, params: EndToEndParams, body: nn.Module, scales: LayerScales, classes: int
) -> ClipNetwork:
    """Return a network with a new head, which takes its layers by their scales."""
    if model.plugin.HEAD == "lstm":
        head: nn.Module = TemporalLSTM(scales.widths, classes, params.cells, params.dropout, params.readout)
    else:
        softmax = nn.Linear(scales.widths[0], classes)
        LECUN(softmax.weight)
        head = nn.Sequential(nn.Dropout(model.params.dropout), softmax)
    return ClipNetwork(body, head, scales)
