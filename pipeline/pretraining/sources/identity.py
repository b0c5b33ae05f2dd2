"""Source task of pool5: name whose face it is, Huang et al. 2017, section 3.2.

Corpus layout: one folder of pictures per identity, at any size. The face is found in each and cut as the tracked faces
of clips are (`detect`), so that source and target look alike; a picture without a found face is left out, and stands in
the ledger.
"""

from __future__ import annotations

from pathlib import Path

import cv2
from pydantic import Field

from pipeline.networks.face_cnn import INPUT_PX
from pipeline.pretraining.sources._shared.faces import WHOLE, Tracked, loader
from pipeline.pretraining.sources._shared.networks import built
from pipeline.pretraining.sources._shared.reading import IDENTITIES, read_pictures
from pipeline.pretraining.sources._shared.training import Changes, learn
from pipeline.training.task import Run, Trained


class Params(Changes):
    """Network and training."""

    width: float = Field(
        gt=0,
        le=1,
        description="scale of the inner layers; 1 = the full network; pool5 has 9216 columns at every width {Huang "
        "3.2, Fig. 4: 1}",
    )
    dropout: float = Field(
        0.5, ge=0, lt=1, description="before the fully connected layers; narrow networks learn faster without"
    )
    detect: Tracked | None = Field(
        Tracked.model_validate({}),
        description="how faces are found and cut, as by track_faces and crop_faces.square100" + WHOLE,
    )


speakers = IDENTITIES.speakers


def train(root: Path, params: Params, run: Run) -> Trained:
    """Train the face CNN on identities."""
    # area means also enlarge, as in extractors/pool5.py
    load = loader(params.detect, INPUT_PX, run, cv2.INTER_AREA)
    corpus = read_pictures(root, IDENTITIES, params.held_out, load, run)
    made = built("pool5", len(corpus.classes), params.width, INPUT_PX, params.dropout, params.loop.seed)
    return learn(IDENTITIES, corpus, params, run, __name__, made)
