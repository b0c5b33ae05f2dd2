"""A refit reads its own level of a feature file, and trains on what was validated on; nothing else is let through."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from helpers import segments as corpus
from pipeline.core.errors import LeakageError
from pipeline.core.store import ClipFeatures, FeatureMeta
from pipeline.core.store_writer import write_features
from pipeline.protocols.leakage import part_keys
from pipeline.protocols.refit import level_of, noted, refit_of
from pipeline.training.material import Material

FOLD = corpus.folds()["fold-00"]
REFIT = refit_of("fold-00", FOLD)
CLASSES = list(corpus.EMOTIONS)


def write(path: Path, levels: dict[str, dict[str, str]]) -> Path:
    """A feature of one row, which names its level."""
    names = [clip.clip_id for clip in corpus.clips()]
    rows = [
        (f"{level}/{name}", ClipFeatures(np.full((1, 1), number, np.float32), np.zeros(1), np.ones(1, bool)))
        for number, level in enumerate(levels)
        for name in names
    ]
    rows.sort(key=lambda row: row[0])
    write_features(path, FeatureMeta("toy", 1, "float32"), rows, part_keys(levels, names))
    return path


def test_the_level_of_a_fold():
    assert level_of("fold-00-refit", []) == ""
    assert level_of("fold-00-refit", ["fold-00", "fold-00-refit"]) == "fold-00-refit"
    assert level_of("fold-00-refit", ["fold-00", "fold-01"]) == "fold-00"
    assert [noted(part, "fold-00-refit", "fold-00") for part in ("train", "val", "test")] == ["train", "train", "test"]
    assert noted("val", "fold-00", "fold-00") == "val"


def test_a_refit_learns_from_training_and_validation_clips_of_its_own_level(tmp_path):
    source = write(tmp_path / "toy.h5", {"fold-00": FOLD, "fold-00-refit": REFIT[1]})
    material = Material(source, corpus.clips(), CLASSES)
    both = material.of_fold(*REFIT, "train")
    assert both.ids == [name for name, part in FOLD.items() if part in ("train", "val")]
    assert both.part == "train"
    assert {float(one[0, 0]) for one in both.sequences} == {1.0}
    assert {float(one[0, 0]) for one in material.of_fold("fold-00", FOLD, "val").sequences} == {0.0}


def test_what_was_learned_anew_is_never_validated_on(tmp_path):
    material = Material(write(tmp_path / "toy.h5", {"fold-00-refit": REFIT[1]}), corpus.clips(), CLASSES)
    with pytest.raises(LeakageError, match="learned as a train clip, but it is a val clip of the splits in use"):
        material.of_fold("fold-00-refit", FOLD, "val")


@pytest.mark.parametrize("tested", ["train", "val"])
def test_a_refit_never_tests_what_its_feature_was_learned_or_stopped_by(tmp_path, tested):
    """Splits that came after the feature: a clip that is tested now was trained or validated on."""
    source = write(tmp_path / "toy.h5", {"fold-00": FOLD})
    now = {name: "test" if part == tested else part for name, part in FOLD.items()}
    with pytest.raises(LeakageError, match="learned as a train clip, but it is a test clip"):
        Material(source, corpus.clips(), CLASSES).of_fold(*refit_of("fold-00", now), "test")
