"""Source task of every network on faces: name the expression of a still picture, as in FER2013 (Goodfellow et al. 2013,
section 3.1); real material in place of the identities of Huang et al. 2017, section 3.2, and of Ouyang et al. 2017,
section 6.2.2.

Corpus layout: one folder of pictures per expression, at any size. With `detect` the face is found and cut as those of
clips are, and a picture without a found face is left out; without it each picture is a face crop and is taken whole.

Few such corpora say who is seen, so that a share of the pictures is held out, drawn by the seed, of every expression
alike; equal files are one picture. Where the setting `speaker` finds somebody, all of a person's pictures are on one
side. C3D is shown each picture for sixteen frames, in training on a straight drift: there is no motion to learn from.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Literal

import cv2
import torch
from pydantic import Field, field_validator, model_validator

from pipeline.core.errors import CorpusError
from pipeline.core.files import file_digest
from pipeline.networks.c3d import FRAMES, Fc6, check_size
from pipeline.pretraining.sources._shared.faces import WHOLE, Aligned, Tracked, loader
from pipeline.pretraining.sources._shared.networks import INPUT_PX, Built, built
from pipeline.pretraining.sources._shared.reading import EXPRESSIONS, PICTURES, read
from pipeline.pretraining.sources._shared.training import Changes, learn, moved
from pipeline.pretraining.sources._shared.utterances import speaker_of, with_one_group
from pipeline.protocols.splits import DIGITS
from pipeline.training.task import Run, Trained


class Params(Changes):
    """Network and training."""

    network: Literal["pool5", "vggface", "pyramid", "c3d"] = Field(
        description="the feature whose network is trained: the face CNN, VGG-16, the face ResNet or C3D"
    )
    width: float = Field(gt=0, le=1, description="scale of all layers but pool5; 1 = the full network")
    size: int | None = Field(
        None, ge=16, le=512, description="height of the pictures, px; null = as published: 100, 224, 112 and 112"
    )
    fc6: Fc6 = Field("published", description="of c3d alone: how fc6 fits the size, published (112 only) or adaptive")
    detect: Tracked | Aligned | None = Field(
        None,
        description="how faces are found and cut: for pool5 with `crop`, as by track_faces and crop_faces.square100; "
        "for the others with `px`, as by align_faces" + WHOLE,
    )
    held_out: float = Field(
        gt=0, le=0.5, description="share of the pictures of every expression never trained on, drawn by loop.seed"
    )
    speaker: str | None = Field(
        None, description="regular expression on a picture's path; its group is who is seen, held out as a whole"
    )
    dropout: float | None = Field(
        None, ge=0, lt=1, description="as the network has it; null = 0.5, none in pyramid; narrow ones do without"
    )

    _speaker_has_one_group = field_validator("speaker")(with_one_group)

    @model_validator(mode="after")
    def _fits_the_network(self) -> Params:
        if self.network == "c3d":
            check_size(self.px, self.fc6)
        if self.network == "pool5" and self.px != INPUT_PX["pool5"]:
            raise ValueError(f"size: {self.px}, but pool5 takes pictures of {INPUT_PX['pool5']} px; leave it out")
        kind = Tracked if self.network == "pool5" else Aligned
        if self.detect is not None and not isinstance(self.detect, kind):
            wanted = "crop, a block of crop_faces" if kind is Tracked else "px, as align_faces has it"
            raise ValueError(f"detect: for {self.network} it needs {wanted}")
        return self

    @property
    def px(self) -> int:
        """Height of the pictures."""
        return self.size or INPUT_PX[self.network]

    def changed(self, pictures: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Return pictures changed at random; of c3d clips (B, 16, size, size, 3)."""
        if self.network != "c3d":
            return super().changed(pictures, generator)
        drifting = moved(pictures.float(), generator, FRAMES, self.shift_px, self.grey, self.tint)
        return drifting.permute(0, 2, 3, 4, 1)


def speakers(root: Path, params: Params) -> set[str]:
    """Return who the setting `speaker` finds in the paths of the pictures; nobody without it."""
    return {speaker_of(path, params.speaker) for path in EXPRESSIONS.paths(root, PICTURES)} - {""}


def held_out(root: Path, share: float, seed: int, groups: Mapping[PurePosixPath, str]) -> set[PurePosixPath]:
    """Return which pictures are held out: whole groups (picture -> group), drawn by the seed, until each class has its
    share.

    A group that would take more of a class than its share is passed over. CorpusError where a class has none then.
    """
    members: dict[str, list[PurePosixPath]] = defaultdict(list)
    for path, group in groups.items():
        members[group].append(path)
    totals = Counter(path.parent.name for path in groups)
    room = {name: max(1, min(round(share * count), count - 1)) for name, count in totals.items()}
    names = sorted(members)
    out: set[PurePosixPath] = set()
    random.Random(seed).shuffle(names)
    for name in names:
        counts = Counter(path.parent.name for path in members[name])
        if all(count <= room[of] for of, count in counts.items()):
            room = {of: left - counts[of] for of, left in room.items()}
            out |= set(members[name])
    lacking = sorted(totals.keys() - {path.parent.name for path in out})
    if lacking:
        raise CorpusError(
            f"{root}: no picture of {lacking[0]} can be held out without all others of those who are seen in it; "
            "raise held_out, mend `speaker`, or leave the class out"
        )
    return out


def train(root: Path, params: Params, run: Run) -> Trained:
    """Train a network on expressions; the configuration of its weights has the `files` for the leakage guard."""
    load = loader(params.detect, params.px, run, cv2.INTER_AREA if params.network == "pool5" else cv2.INTER_LINEAR)
    digests: dict[PurePosixPath, str] = {}

    def hold_out(paths: list[PurePosixPath]) -> set[PurePosixPath]:
        digests.update((path, file_digest(root / path)) for path in paths)
        groups = {path: speaker_of(path, params.speaker) or digest for path, digest in digests.items()}
        return held_out(root, params.held_out, params.loop.seed, groups)

    corpus = read(root, EXPRESSIONS, PICTURES, load, hold_out, run)
    shape = (len(corpus.classes), params.width, params.px, params.dropout, params.loop.seed, params.fc6)
    made = built(params.network, *shape)
    if params.network == "c3d":
        made = made._replace(normalise=partial(_clips, made))
    trained = learn(EXPRESSIONS, corpus, params, run, __name__, made)
    files = sorted({digest[:DIGITS] for digest in digests.values()})
    return replace(trained, config={**trained.config, "files": files})


def _clips(made: Built, pictures: torch.Tensor) -> torch.Tensor:
    """Return what C3D takes of stills (B, 3, size, size) or of clips (B, 16, size, size, 3)."""
    if pictures.ndim == 4:
        pictures = pictures.permute(0, 2, 3, 1)[:, None].expand(-1, FRAMES, -1, -1, -1)
    return made.normalise(pictures)
