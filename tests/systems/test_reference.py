"""The system `reference` as params.yaml has it: labels of test clips change nothing of what it says of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from helpers import segments as corpus
from helpers.shipped import shipped
from pipeline.classification.classifiers import logistic
from pipeline.classification.cross_validation import cross_validate
from pipeline.classification.model_spec import FeatureRecipe
from pipeline.core.clip import Clip, class_names
from pipeline.core.posteriors import read_table
from pipeline.core.store import ClipFeatures, FeatureMeta
from pipeline.core.store_writer import write_features
from pipeline.evaluation.choice import CHOSEN, chosen_by_fold, chosen_rows
from pipeline.fusion.per_fold import fuse_all
from pipeline.systems.contenders import contenders
from pipeline.systems.params import SystemParams

PARAMS = shipped()
SYSTEM = SystemParams.model_validate(PARAMS["systems"]["reference"])


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its features, one row per clip, which tell the emotions of the corpus but for noise."""
    folder = tmp_path_factory.mktemp("features")
    for number, feature in enumerate(SYSTEM.features):
        rng, found = np.random.default_rng(number), []
        for clip in corpus.clips():
            values = rng.standard_normal((1, 6)).astype(np.float32)
            values[0, 0] += 1.5 * (clip.emotion == "anger")
            found.append((clip.clip_id, ClipFeatures(values, np.zeros(1), np.ones(1, bool))))
        found.sort(key=lambda one: one[0])
        write_features(folder / f"{feature}.h5", FeatureMeta(feature, 6, "float32"), found)
    return folder


def said(sources: Path, out: Path, clips: Sequence[Clip], fold: str) -> tuple[pd.DataFrame, dict, dict]:
    """Return what the system says of the clips of one fold, what it learned, and what the headline is."""
    folds, tables = {fold: corpus.folds()[fold]}, {}
    for model in SYSTEM.models():
        recipe = FeatureRecipe.of(
            logistic, logistic.Params(**PARAMS["train"]["logistic"]), sources / f"{model.feature}.h5", None, "train.x"
        )
        cross_validate(str(model), recipe, clips, folds, (), out / str(model), 1)
        tables[str(model)] = read_table(out / str(model) / "posteriors.csv")
    found, validated, learned = fuse_all(SYSTEM, PARAMS["fuse"], tables, clips, folds, class_names(clips))
    choice = chosen_by_fold(pd.concat([*tables.values(), validated]), contenders(SYSTEM), folds)
    return pd.concat([found, chosen_rows(found, choice)], ignore_index=True), learned, choice


@pytest.mark.parametrize("fold", ["fold-00", "fold-02"])
def test_permuted_test_labels_change_no_prediction_no_weight_and_no_choice(
    sources: Path, tmp_path: Path, fold: str
) -> None:
    parts = corpus.folds()[fold]
    other = {"anger": "happy", "happy": "anger"}
    swapped = [replace(c, emotion=other[c.emotion]) if parts[c.clip_id] == "test" else c for c in corpus.clips()]
    one, two = (said(sources, tmp_path / str(n), clips, fold) for n, clips in enumerate((corpus.clips(), swapped)))
    assert one[1:] == two[1:]
    assert (one[0]["emotion"] != two[0]["emotion"]).all(), "the labels did change"
    kept = one[0].columns.drop("emotion")
    pd.testing.assert_frame_equal(one[0][kept], two[0][kept])
    assert CHOSEN in set(one[0]["model"])
