"""Source faces of real images, where they are at hand; every test is skipped where they are not."""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path, PurePosixPath

import pytest

from pipeline.core.files import file_digest
from pipeline.pretraining.sources import expressions
from pipeline.pretraining.sources._shared.faces import Tracked, loader
from pipeline.pretraining.sources._shared.reading import CLASSES, read_pictures
from pipeline.training.task import Run

FACES = Path(__file__).resolve().parents[2] / "../shared/data/face_images"
FER2013 = FACES.parent / "fer2013"
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


def test_copies_in_fer2013_lie_on_one_side():
    paths = [PurePosixPath(path.relative_to(FER2013)) for path in sorted(FER2013.glob("*/*.jpg"))]
    digests = {path: file_digest(FER2013 / path) for path in paths}
    held = expressions.held_out(FER2013, 0.1, 0, digests)
    sides = defaultdict(set)
    for path, digest in digests.items():
        sides[digest].add(path in held)
    assert len(sides) < len(paths), "some pictures are there twice"
    assert all(len(both) == 1 for both in sides.values())
    totals, out = (Counter(path.parent.name for path in some) for some in (paths, held))
    assert {name: round(out[name] / totals[name], 2) for name in totals} == dict.fromkeys(totals, 0.1)
