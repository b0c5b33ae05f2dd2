"""The training on pictures and on clips, and what it changes about them."""

from __future__ import annotations

import torch
from pydantic import Field

from pipeline.core.settings import Settings
from pipeline.networks.batch_norm import folded, normed
from pipeline.pretraining.sources._shared.networks import Built
from pipeline.pretraining.sources._shared.reading import Corpus, Kind
from pipeline.training.fitting import fit, predicted
from pipeline.training.task import LoopParams, Run, Task, Trained


class Changes(Settings):
    """What training changes about a picture, and how many pictures it never sees."""

    held_out: float = Field(gt=0, le=0.5, description="share of every class's pictures never trained on: each 1/n-th")
    shift_px: int = Field(
        ge=0, le=20, description="largest random shift of what is trained on, px, drawn for every picture or clip"
    )
    grey: float = Field(ge=0, le=1, description="share of training pictures shown without colour, so that shape counts")
    tint: float = Field(ge=0, lt=1, description="random gain of every colour channel, 1 +- tint")
    batch_norm: bool = Field(
        False,
        description="train with batch normalisation behind every layer, and put it into the weights at the end: deep "
        "networks learn from their first epoch on; the published ones were trained without",
    )
    loop: LoopParams = Field(description="training")

    def changed(self, pictures: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """See `augment`."""
        return augment(pictures.float(), generator, self.shift_px, self.grey, self.tint)


def augment(
    pictures: torch.Tensor, generator: torch.Generator, shift_px: int, grey: float, tint: float, mirror: bool = True
) -> torch.Tensor:
    """Mirror half of the pictures, tint all, take the colour from some, and shift each by its own draw.

    `pictures` are (B, 3, ..., H, W) float; whatever lies between, such as frames, is changed in the same way. The
    largest shift is in px, `grey` is a share, the gains of the colour channels are 1 +- tint. What a shift brings in
    from beyond the border is the picture's reflection, as in the crops of faces (without repeating the border).
    """
    ones = (1,) * (pictures.ndim - 2)

    def chosen(share: float) -> torch.Tensor:
        return (torch.rand(len(pictures), generator=generator) < share).view(-1, 1, *ones)

    if mirror:
        pictures = torch.where(chosen(0.5), pictures.flip(-1), pictures)
    pictures = pictures * (1 + tint * (2 * torch.rand((len(pictures), 3, *ones), generator=generator) - 1))
    pictures = torch.where(chosen(grey), pictures.mean(dim=1, keepdim=True), pictures)
    shifts = torch.randint(-shift_px, shift_px + 1, (len(pictures), 2), generator=generator)
    return torch.stack([_shifted(one, *by) for one, by in zip(pictures, shifts.tolist(), strict=True)])


def moved(
    pictures: torch.Tensor, generator: torch.Generator, frames: int, shift_px: int, grey: float, tint: float
) -> torch.Tensor:
    """Return clips (B, 3, frames, H, W) of pictures (B, 3, H, W), changed as `augment` does it, each of which drifts in
    a straight line from one random shift to another.
    """
    stills = augment(pictures, generator, 0, grey, tint)
    first, last = torch.randint(-shift_px, shift_px + 1, (2, len(stills), 1, 2), generator=generator).double()
    paths = (first + (last - first) * torch.linspace(0, 1, frames)[:, None]).round().int().tolist()
    drifts = (torch.stack([_shifted(one, *by) for by in path], 1) for one, path in zip(stills, paths, strict=True))
    return torch.stack(list(drifts))


def _shifted(picture: torch.Tensor, down: int, across: int) -> torch.Tensor:
    """Return (..., H, W) moved by whole px, each below H and W."""
    rows, columns = (_reflected(size, by) for size, by in zip(picture.shape[-2:], (down, across), strict=True))
    return picture.index_select(-2, rows).index_select(-1, columns)


def _reflected(size: int, by: int) -> torch.Tensor:
    last = size - 1
    return (last - (last - (torch.arange(size) - by).abs()).abs()).abs()


def learn(
    kind: Kind,
    corpus: Corpus,
    params: Changes,
    run: Run,
    code: str,
    made: Built,
) -> Trained:
    """Train a network on examples, changed at random; `code` is the dotted name of the source's module.

    Beside the share that is named right, the figures have the mean over the classes of that share (UAR), and what
    naming the largest class of those trained on gives.
    """
    network, shape, normalise, taken = made
    generator = torch.Generator().manual_seed(params.loop.seed)

    def prepare(examples: torch.Tensor, training: bool) -> torch.Tensor:
        return normalise(params.changed(examples, generator) if training else examples)

    if params.batch_norm:
        normed(network)
    settings, drawn = params.model_dump(mode="json"), {"augmentation": generator}
    task = Task(network, corpus.learn, corpus.held, prepare, code, settings, generators=drawn)
    _, history = fit(task, params.loop, run)
    labels, named = corpus.held.labels, predicted(network, corpus.held, params.loop.batch, prepare, run)
    right = (named == labels).double()
    recalls = [float(right[labels == label].mean()) for label in labels.unique()]
    metrics = {
        kind.figure: round(float(right.mean()), 4),
        "held_out_uar": round(sum(recalls) / len(recalls), 4),
        "largest_class": round(float((labels == corpus.learn.labels.bincount().argmax()).double().mean()), 4),
        "chance": round(1 / len(corpus.classes), 4),
        kind.pieces: len(corpus.learn.labels),
        f"held_out_{kind.pieces}": len(labels),
    }
    folded(network)
    state = {name: tensor.cpu().contiguous() for name, tensor in network.state_dict().items()}
    config = {"network": shape, kind.many: corpus.classes, **({"input": taken} if taken else {})}
    return Trained(state, config, history, metrics, corpus.ledger)
