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

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol

import numpy as np
import torch
from pydantic import Field
from torch import nn

from pipeline.classification.candidates import REFIT, SEEDS, Tried
from pipeline.core.clip import Clip
from pipeline.core.errors import ArtifactError
from pipeline.core.settings import Settings
from pipeline.core.store import FeatureFile
from pipeline.features.aligned.job import FRAMES, ClipModel
from pipeline.features.aligned.network_crop import cut
from pipeline.media.frame_sampling import filled
from pipeline.networks.layers import LECUN
from pipeline.networks.temporal import ClipNetwork, LayerScales, TemporalLSTM
from pipeline.protocols.splits import Fold
from pipeline.training.batches import AT_ONCE
from pipeline.training.per_fold import KEEP, Keep

_ORDER, _PICTURES = 0, 1
"""What random numbers are for; each iteration and each pass over the clips has its own: none has to be remembered."""
_MEASURED = 32
"""Training clips, evenly spread, on which layers are measured."""


class EndToEndParams(Settings):
    """`end_to_end.<network>`; the defaults are the paper's where it says something."""

    settings: Mapping[str, Any] = Field({}, description="those of the plugin in pipeline/features/aligned/networks")
    cells: Tried[Annotated[int, Field(ge=1)]] = Field(
        128,
        description="nodes of each layer's LSTM {Ouyang 6.2.1: 128 for *.vggface.*} {Ouyang 6.2.1: 128 for "
        "*.pyramid.*}",
    )
    dropout: Tried[Annotated[float, Field(ge=0, lt=1)]] = Field(
        0.7,
        description="behind the summed LSTMs; without an LSTM, settings.dropout holds {Ouyang 6.2.1: 0.7 for "
        "*.vggface.*}",
    )
    readout: Literal["last", "mean"] = Field(
        "last", description="LSTM output that the softmax sees: at the last frame, or the mean"
    )
    iterations: int = Field(5000, ge=1, description="steps of the optimiser {Ouyang 6.2.2: 5000}")
    batch: Tried[Annotated[int, Field(ge=1)]] = Field(16, description="clips per iteration")
    at_once: int | None = Field(None, ge=1, description=f"clips {AT_ONCE}")
    balanced: bool = Field(False, description="weigh classes by their inverse frequency in training")
    learning_rate: Tried[Annotated[float, Field(gt=0)]] = Field(
        0.001, description="at the beginning {Ouyang 6.2.2: 0.001}"
    )
    decay: float = Field(
        0.1, gt=0, le=1, description="factor that the learning rate is multiplied by {Ouyang 6.2.2: 0.1}"
    )
    decay_every: int = Field(1000, ge=1, description="iterations from one decay to the next {Ouyang 6.2.2: 1000}")
    new_rate: Tried[Annotated[float, Field(gt=0)]] = Field(
        1.0, description="factor on the learning rate of what judges the layers, the LSTMs or the last layer: it is new"
    )
    optimiser: Literal["adam", "sgd"] = Field("sgd", description="adam, or stochastic gradient descent with momentum")
    momentum: float = Field(0.9, ge=0, lt=1, description="of sgd")
    weight_decay: Tried[Annotated[float, Field(ge=0)]] = Field(
        0.0005, description="share of the weights added to their gradients"
    )
    max_gradient: float = Field(
        0.0,
        ge=0,
        description="norm that the gradients of neither the network nor its head exceed; the history tells the share "
        "of steps that it cuts, and so a learning rate that is less than it says; 0 = no limit",
    )
    judge_every: int = Field(
        250, ge=1, description="iterations from one look at validation to the next; the best is kept"
    )
    flip: bool = Field(
        True, description="mirror half of the training clips; crops are random in any case {Ouyang 6.2.2: true}"
    )
    keep: Keep = Field("first", description=KEEP)
    refit: bool = Field(False, description=REFIT)
    seeds: tuple[Annotated[int, Field(ge=0)], ...] = Field((), description=SEEDS)
    seed: int = Field(0, ge=0, description="of initial weights, order, dropout, mirrors and crops")

    def rate(self, iteration: int) -> float:
        """Return the learning rate of an iteration, counted from 0."""
        return self.learning_rate * self.decay ** (iteration // self.decay_every)


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
