"""pictures: what AlexNet is fed in pre-training, and what its weights say about that."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from helpers.sources import LOOP, write_identities
from pipeline.core.errors import CorpusError
from pipeline.pretraining.sources import pictures
from pipeline.pretraining.sources._shared.faces import loader
from pipeline.pretraining.sources._shared.reading import CLASSES, read_pictures
from pipeline.training.task import Run

SETTINGS = {"width": 0.02, "held_out": 0.3, "shift_px": 0, "grey": 0, "tint": 0, "loop": {**LOOP, "epochs": 0}}


def test_standardised_pictures_are_imagenets():
    """A picture in ImageNet's mean colour is 0, and one deviation more is 1 in every channel."""
    colours = 255 * (torch.tensor(pictures.MEAN) + torch.tensor([0.0, 1.0])[:, None] * torch.tensor(pictures.STD))
    found = pictures.standardise(colours[:, :, None, None].expand(2, 3, 6, 6))
    torch.testing.assert_close(
        found, torch.tensor([0.0, 1.0])[:, None, None, None].expand(2, 3, 6, 6), atol=1e-5, rtol=0
    )
    assert found.is_contiguous(memory_format=torch.channels_last)


def test_standardising_takes_bytes_and_floats_alike():
    values = torch.randint(0, 256, (2, 3, 5, 5), dtype=torch.uint8)
    assert torch.equal(pictures.standardise(values), pictures.standardise(values.float()))


@pytest.mark.parametrize(("side", "smooth"), [(100, True), (227, False), (400, False)])
def test_pictures_come_to_227_and_small_ones_without_blocks(tmp_path, side, smooth):
    rng = np.random.default_rng(0)
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for number in range(2):
            cv2.imwrite(str(tmp_path / name / f"{number}.png"), rng.integers(0, 256, (side, side, 3), np.uint8))
    corpus = read_pictures(tmp_path, CLASSES, 0.5, loader(None, pictures.INPUT_PX, Run()), Run())
    assert corpus.learn.inputs.shape == (2, 3, 227, 227)
    repeated = (corpus.learn.inputs[..., 1:] == corpus.learn.inputs[..., :-1]).float().mean()
    assert repeated < 0.1, "enlarged by interpolation, not by repeating pixels"


@pytest.mark.slow
def test_the_config_says_what_the_network_takes(tmp_path):
    trained = pictures.train(write_identities(tmp_path / "x", 3), pictures.Params(**SETTINGS), Run())
    assert trained.config == {
        "network": {"width": 0.02, "classes": 3},
        "classes": ["across", "blob", "down"],
        "input": {"size": 227, "scale": 255, "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]},
    }
    assert trained.metrics["chance"] == pytest.approx(0.3333)
    assert trained.metrics["pictures"] + trained.metrics["held_out_pictures"] == 9


def test_one_class_is_too_few(tmp_path):
    (tmp_path / "only").mkdir()
    with pytest.raises(CorpusError, match="1 class folders; the source corpus needs one folder per class, 2 at least"):
        pictures.train(tmp_path, pictures.Params(**SETTINGS), Run())
