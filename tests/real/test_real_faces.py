"""Source faces of real images, where they are at hand; every test is skipped where they are not."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from pipeline.pretraining.sources._shared.faces import Tracked, loader
from pipeline.pretraining.sources._shared.reading import CLASSES, read_pictures
from pipeline.training.task import Run

FACES = Path(__file__).resolve().parents[2] / "../shared/data/face_images"
pytestmark = [pytest.mark.slow, pytest.mark.skipif(not FACES.is_dir(), reason="the real development data are not here")]


@pytest.fixture(scope="module")
def some(tmp_path_factory) -> Path:
    """Ten images of each class; they are 48x48 px, grey, and cut tightly."""
    root = tmp_path_factory.mktemp("faces")
    for folder in sorted((FACES / "train").iterdir()):
        (root / folder.name).mkdir()
        for image in sorted(folder.iterdir())[::20]:
            (root / folder.name / image.name).symlink_to(image.resolve())
    return root


@pytest.mark.parametrize(("detect", "least"), [(Tracked(), 0.5), (None, 1.0)], ids=["detected", "whole"])
def test_faces_are_found_in_real_crops_and_the_others_are_named(some, detect, least):
    entries = []
    run = Run(stage="pretrain:pool5", on_ledger=entries.extend)
    corpus = read_pictures(some, CLASSES, 0.2, loader(detect, 100, run), run)
    counts = Counter((entry.status, entry.reason) for entry in entries)
    assert set(counts) <= {("ok", ""), ("failed", "no_face"), ("degraded", "several_faces")}
    assert len(entries) == 70
    kept = len(corpus.learn.labels) + len(corpus.held.labels)
    assert kept == 70 - counts["failed", "no_face"] >= least * 70
    assert corpus.learn.inputs.shape[1:] == (3, 100, 100)
