"""Candidates of any setting that declares them, chosen on validation, and several seeds of one model."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import torch
from pydantic import Field, ValidationError

from helpers import segments as corpus
from helpers.classifiers import SETTINGS, toy
from pipeline.classification.candidates import Tried, combinations, tried
from pipeline.classification.classifiers import lstm, temporal, transfer
from pipeline.classification.cross_validation import cross_validate
from pipeline.classification.end_to_end.settings import EndToEndParams
from pipeline.classification.model_spec import FeatureRecipe
from pipeline.core.errors import SettingsError
from pipeline.core.posteriors import read_table
from pipeline.core.settings import Settings, parse
from pipeline.core.store import ClipFeatures, FeatureFile, FeatureMeta
from pipeline.core.store_writer import write_features
from pipeline.prediction.models import TrainedModel
from pipeline.prediction.steps import Step
from pipeline.systems.ids import ModelId


class Params(Settings):
    """Two settings that take candidates, and one that does not."""

    cells: Tried[int] = Field(4, description="nodes")
    dropout: Tried[float] = Field(0.5, description="share")
    layers: tuple[int, ...] = Field((2, 3), description="widths")


def test_every_combination_has_one_value_each_and_the_first_list_changes_slowest():
    params = Params(cells=[4, 8], dropout=[0.1, 0.2, 0.3])
    assert tried(params) == {"cells": (4, 8), "dropout": (0.1, 0.2, 0.3)}
    found = [(one.cells, one.dropout, one.layers) for one in combinations(params)]
    assert found == [(cells, dropout, (2, 3)) for cells in (4, 8) for dropout in (0.1, 0.2, 0.3)]
    assert combinations(Params()) == [Params()]
    assert combinations(Params(cells=[8])) == [Params(cells=8)]


@pytest.mark.parametrize("wrong", [[], [0], [4, -1], ["four"]])
def test_every_candidate_is_checked(wrong):
    with pytest.raises(ValidationError):
        lstm.Params(**{**SETTINGS["lstm"], "cells": wrong})


def test_a_wrong_value_is_told_once():
    found = []
    for cells in (0, [8, 0], "x", []):
        with pytest.raises(SettingsError) as caught:
            parse(lstm.Params, {**SETTINGS["lstm"], "cells": cells}, "train.lstm")
        found.append(str(caught.value))
    assert found == [
        "train.lstm.cells: Input should be greater than or equal to 1 (got 0)",
        "train.lstm.cells.1: Input should be greater than or equal to 1 (got 0)",
        "train.lstm.cells: Input should be a valid integer, unable to parse string as an integer (got 'x')",
        "train.lstm.cells: Tuple should have at least 1 item after validation, not 0 (got [])",
    ]


@pytest.mark.parametrize("name", ["cells", "dropout", "weight_decay", "learning_rate", "batch"])
@pytest.mark.parametrize("params", [lstm.Params, temporal.Params, EndToEndParams])
def test_networks_take_candidates(params, name):
    values = [1, 2] if name in ("cells", "batch") else [0.1, 0.2]
    given = SETTINGS["lstm" if params is lstm.Params else "temporal"] if params is not EndToEndParams else {}
    assert [getattr(one, name) for one in combinations(params(**{**given, name: values}))] == values


def test_the_hidden_layer_and_transfers_own_settings_take_candidates():
    assert len(combinations(lstm.Params(**{**SETTINGS["lstm"], "hidden": [8, 16, 32]}))) == 3
    assert len(combinations(transfer.Params(learning_rate=[0.1, 0.2], frozen=[0, 1]))) == 4


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """Clips whose columns are far from telling all emotions, so that candidates differ."""
    torch.set_num_threads(1)
    path = tmp_path_factory.mktemp("candidates") / "toy.h5"
    data = toy(len(corpus.clips()), 3, classes=(0, 1), shift=0.8)
    found = []
    for clip, sequence in zip(corpus.clips(), data.sequences, strict=True):
        moved = sequence + np.float32(1.5 * (clip.emotion == "anger"))
        times = np.arange(len(moved)) / 10
        found.append((clip.clip_id, ClipFeatures(moved, times, np.ones(len(moved), bool))))
    write_features(path, FeatureMeta("toy", 5, "float32"), found)
    return path


def train(source, out, **changes):
    params = lstm.Params(**{**SETTINGS["lstm"], "epochs": 3, **changes})
    recipe = FeatureRecipe.of(lstm, params, source, None, "train.lstm")
    line = cross_validate("toy-lstm", recipe, corpus.clips(), corpus.folds(), corpus.ledger(), out, 1)
    return line, read_table(out / "posteriors.csv"), json.loads((out / "about.json").read_text())


def val_score(frame: pd.DataFrame) -> tuple[float, float]:
    truth = frame.apply(lambda row: row[f"p_{row['emotion']}"], axis=1)
    return (frame["emotion"] == frame["predicted"]).mean(), np.log(np.maximum(truth, 1e-12)).mean()


def test_the_combination_that_is_best_on_validation_is_taken_in_every_fold(source, tmp_path):
    """Against each of them trained alone; posteriors of the chosen one are its own, to the last digit."""
    lists = {"cells": (2, 12), "learning_rate": (1e-7, 0.03)}
    line, found, about = train(source, tmp_path / "all", **lists)
    assert line.endswith(", the best of 4 candidates in each fold")
    singles = {}
    for cells in lists["cells"]:
        for rate in lists["learning_rate"]:
            _, frame, alone = train(source, tmp_path / f"{cells}-{rate}", cells=cells, learning_rate=rate)
            singles[cells, rate] = frame
            assert "chosen" not in alone
    taken = set()
    for fold, rows in found.groupby("fold"):
        here = {key: frame[frame["fold"] == fold].reset_index(drop=True) for key, frame in singles.items()}
        best = max(here, key=lambda key: val_score(here[key][here[key]["part"] == "val"]))
        assert about["chosen"][fold] == dict(zip(("cells", "learning_rate"), best, strict=True))
        pd.testing.assert_frame_equal(rows.reset_index(drop=True), here[best])
        taken.add(best)
    assert all(rate == 0.03 for _, rate in taken), "one that learns nothing loses"
    history = pd.read_csv(tmp_path / "all" / "history.csv")
    assert history.groupby("fold")[["cells", "learning_rate"]].agg(lambda values: len(set(values))).eq(2).all(axis=None)
    assert about["params"]["cells"] == [2, 12]


def test_a_kept_model_is_loaded_with_what_was_chosen_in_its_fold(source, tmp_path):
    _, found, about = train(source, tmp_path / "model", cells=(2, 12), dropout=[0.0])
    step = Step("train@x", "train", {"classifier": "lstm", "out": "model"})
    model = TrainedModel(ModelId("toy", "lstm"), step, tmp_path)
    with FeatureFile(source) as file:
        clips = [file.read(clip.clip_id) for clip in corpus.clips()]
    for fold in corpus.folds():
        loaded = model.of_fold(fold, ())
        assert loaded.classifier.params.cells == about["chosen"][fold]["cells"]
        said = dict(zip((clip.clip_id for clip in corpus.clips()), loaded(clips).posteriors, strict=True))
        for row in found[found["fold"] == fold].to_dict("records"):
            np.testing.assert_allclose(said[row["clip_id"]], [row["p_anger"], row["p_happy"]], atol=1e-6)


def test_validation_alone_chooses(source, tmp_path):
    """Other labels of test clips: the same choice."""
    other = {"anger": "happy", "happy": "anger"}
    _, _, about = train(source, tmp_path / "one", cells=(2, 12))
    params = lstm.Params(**{**SETTINGS["lstm"], "epochs": 3, "cells": (2, 12)})
    fold = corpus.folds()["fold-00"]
    clips = [
        type(clip)(clip.clip_id, clip.path, clip.speaker, other[clip.emotion], digest=clip.digest)
        if fold[clip.clip_id] == "test"
        else clip
        for clip in corpus.clips()
    ]
    recipe = FeatureRecipe.of(lstm, params, source, None, "train.lstm")
    cross_validate("toy-lstm", recipe, clips, {"fold-00": fold}, (), tmp_path / "two", 1)
    chosen = json.loads((tmp_path / "two" / "about.json").read_text())["chosen"]
    assert chosen["fold-00"] == about["chosen"]["fold-00"]


def test_further_seeds_are_those_of_models_trained_with_them(source, tmp_path):
    _, first, _ = train(source, tmp_path / "alone")
    _, found, _ = train(source, tmp_path / "several", seeds=(1, 2), refit=False)
    pd.testing.assert_frame_equal(found, first)
    by_seed = pd.read_csv(tmp_path / "several" / "seeds.csv")
    assert sorted(set(by_seed["seed"])) == [0, 1, 2]
    for seed, rows in by_seed.groupby("seed"):
        _, alone, _ = train(source, tmp_path / f"seed{seed}", seed=seed)
        alone = alone[alone["part"] == "test"].reset_index(drop=True)
        pd.testing.assert_frame_equal(rows.drop(columns="seed").reset_index(drop=True), alone, check_dtype=False)
    assert not (tmp_path / "alone" / "seeds.csv").exists()


def test_seeds_learn_anew_where_the_model_does(source, tmp_path):
    train(source, tmp_path / "several", seeds=(1,), refit=True)
    by_seed = pd.read_csv(tmp_path / "several" / "seeds.csv")
    _, alone, _ = train(source, tmp_path / "one", seed=1, refit=True)
    rows = by_seed[by_seed["seed"] == 1].drop(columns="seed").reset_index(drop=True)
    alone = alone[alone["part"] == "test"].reset_index(drop=True)
    pd.testing.assert_frame_equal(rows, alone, check_dtype=False)
