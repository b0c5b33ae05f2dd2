"""`selected` and `attention` on features side by side, through all of `cross_validate`: no test clip has a say, and a
clip without one modality is judged by the other.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from helpers import joined
from helpers.classifiers import SETTINGS
from pipeline.classification.classifiers import attention, selected, svm
from pipeline.classification.cross_validation import cross_validate
from pipeline.classification.model_spec import FeatureRecipe
from pipeline.core.clip import Clip
from pipeline.core.errors import LeakageError, SettingsError
from pipeline.core.posteriors import WITHOUT, read_table
from pipeline.core.store import FeatureFile
from pipeline.prediction.fold_model import FoldModel
from pipeline.training.datasets import Dataset
from pipeline.training.material import Material

PLUGINS = {"selected": selected, "attention": attention}
CLIPS = joined.clips()


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def trained(folder: Path, name: str, source: Path, clips: list[Clip] = CLIPS, folds: Any = None) -> pd.DataFrame:
    """Train over the folds; return posteriors of validation and test clips."""
    plugin = PLUGINS[name]
    recipe = FeatureRecipe.of(plugin, plugin.Params(**SETTINGS[name]), source, None, f"train.{name}")
    cross_validate(f"early-{name}", recipe, clips, folds or joined.folds(), [], folder / name, 1)
    return read_table(folder / name / "posteriors.csv")


def datasets(source: Path, name: str) -> dict[str, Dataset]:
    plugin = PLUGINS[name]
    row = partial(plugin.row, None) if hasattr(plugin, "row") else None
    timed = getattr(plugin.Classifier, "timed", False)
    material = Material(source, CLIPS, joined.EMOTIONS, 0.0, row, timed)
    return {part: material.of_fold("fold-00", joined.folds()["fold-00"], part) for part in ("train", "val", "test")}


DEAF = [clip.clip_id for clip in CLIPS[::5]]


@pytest.fixture(scope="module", params=PLUGINS)
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path, pd.DataFrame]:
    """A model on both folds, where some clips have no voice: its name, its folder and its posteriors."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("early")
    return request.param, folder, trained(folder, request.param, joined.write(folder, deaf=DEAF))


def test_both_features_are_needed_and_used(run: tuple[str, Path, pd.DataFrame]) -> None:
    test = run[2][run[2]["part"] == "test"]
    assert len(test) == 12, "those without a voice, too"
    assert (test["emotion"] == test["predicted"]).mean() >= 0.75, "one feature alone tells two of three at best"


def test_a_clip_without_one_modality_is_judged_by_the_other(run: tuple[str, Path, pd.DataFrame]) -> None:
    name, folder, _ = run
    without = read_table(folder / name / WITHOUT)
    blind, mute = (without[without["missing"] == missing] for missing in ("picture", "sound"))
    assert len(mute) == 12
    assert not set(blind["clip_id"]) & set(DEAF), "nothing is left of them"
    for rest, emotion in ((blind, "anger"), (mute, "happy")):
        told = rest[rest["emotion"] == emotion]
        assert (told["predicted"] == emotion).mean() >= 0.6


def test_labels_of_test_clips_change_nothing(run: tuple[str, Path, pd.DataFrame], tmp_path: Path) -> None:
    name, folder, found = run
    fold = joined.folds()["fold-00"]
    tested = [number for number, clip in enumerate(CLIPS) if fold[clip.clip_id] == "test"]
    other = list(CLIPS)
    for number, emotion in zip(tested, np.roll([CLIPS[n].emotion for n in tested], 2), strict=True):
        other[number] = replace(CLIPS[number], emotion=str(emotion))
    again = trained(tmp_path, name, folder / "early.h5", other, folds={"fold-00": fold})
    columns = ["clip_id", *(f"p_{emotion}" for emotion in joined.EMOTIONS)]
    before = found[found["fold"] == "fold-00"].reset_index(drop=True)
    assert (again["emotion"] != before["emotion"]).sum() == 6
    pd.testing.assert_frame_equal(again[columns], before[columns])


def test_a_column_that_only_test_clips_tell_apart_is_not_selected(tmp_path: Path) -> None:
    data = datasets(joined.write(tmp_path), "selected")
    rng = np.random.default_rng(0)
    planted = {part: np.column_stack([one.rows, rng.standard_normal((len(one), 2))]) for part, one in data.items()}
    planted["test"][:, -1] = 100 * data["test"].labels
    given = {part: replace(one, rows=planted[part], widths=(), modalities=(), layers=()) for part, one in data.items()}
    model = selected.Classifier(selected.Params(k=4, ranking="anova", c=(0.1,), balanced=True), 3)
    model.fit(given["train"], given["val"])
    assert planted["test"].shape[1] - 1 not in model.selection.columns
    assert {2, 5} <= set(model.selection.columns), "means of the two that tell"
    with pytest.raises(LeakageError, match="a selection of columns was about to be fitted on test clips"):
        model.learned_inputs(given["test"])


def test_sigmoids_rest_on_columns_that_their_speakers_did_not_choose() -> None:
    """On noise the best of many columns look good to whoever helped to choose them, and to nobody else."""
    rng = np.random.default_rng(0)
    labels, speakers = np.arange(60) % 2, [f"s{i // 12}" for i in range(60)]
    train = Dataset([str(i) for i in range(60)], [], labels, rows=rng.standard_normal((60, 4000)), speakers=speakers)
    model = selected.Classifier(selected.Params(k=20, ranking="anova", c=(0.1,), balanced=True), 2)
    model.known = np.unique(labels)
    inputs = model.learned_inputs(train)
    honest = model._held_out_margins(0.1, inputs @ inputs.T, train)[:, 0]
    flattered = super(selected.Classifier, model)._held_out_margins(0.1, inputs @ inputs.T, train)[:, 0]
    right = [((margins > 0) == (labels == 0)).mean() for margins in (honest, flattered)]
    assert right[0] < 0.65
    assert right[1] > 0.8


@pytest.mark.parametrize("ranking", ["anova", "mutual_information", pytest.param("forest", marks=pytest.mark.long)])
def test_every_ranking_finds_what_tells(tmp_path: Path, ranking: str) -> None:
    data = datasets(joined.write(tmp_path), "selected")
    history = selected.Classifier(selected.Params(k=2, ranking=ranking, c=(0.1,), balanced=True), 3)
    rows = history.fit(data["train"], data["val"])
    assert history.selection.columns.tolist() == [2, 5]
    assert (rows[0]["of_voice"], rows[0]["of_face"]) == (1, 1)


def test_rows_are_functionals_of_the_frames_that_a_feature_has() -> None:
    sequence = np.array([[1, np.nan, np.nan], [3, np.nan, np.nan], [np.nan, 5, np.nan]], np.float32)
    np.testing.assert_array_equal(selected.row(None, sequence), [2, 5, np.nan, 1, 0, np.nan])


def test_attention_is_the_same_in_any_company_and_after_loading(tmp_path: Path) -> None:
    data = datasets(joined.write(tmp_path, blind=[CLIPS[0].clip_id]), "attention")
    model = attention.Classifier(attention.Params(**SETTINGS["attention"]), 3)
    model.fit(data["train"], data["val"])
    together = model.predict(data["test"])
    for number in range(len(data["test"])):
        np.testing.assert_array_equal(model.predict(data["test"].some([number]))[0], together[number])
    model.save(tmp_path / "fold-00")
    again = attention.Classifier(model.params, 3)
    again.load(tmp_path / "fold-00")
    np.testing.assert_array_equal(again.predict(data["test"]), together)


def test_modality_dropout_takes_one_of_both_and_never_the_last(tmp_path: Path) -> None:
    data = datasets(joined.write(tmp_path, deaf=[CLIPS[-1].clip_id]), "attention")["train"]
    model = attention.Classifier(attention.Params(**{**SETTINGS["attention"], "modality_dropout": 0.99}), 3)
    model._measure(data)
    torch.manual_seed(0)
    clip = model._tensors(data.sequences[0], data.times[0])
    left = [frozenset(model._dropped(clip, data.modalities)[1].tolist()) for _ in range(200)]
    assert {part: left.count(frozenset({part})) > 60 for part in (0, 1)} == {0: True, 1: True}
    face = model._tensors(data.sequences[-1], data.times[-1])
    assert all(model._dropped(face, data.modalities)[1].tolist() == [1] for _ in range(50))


def test_when_a_frame_is_matters_to_attention(tmp_path: Path) -> None:
    data = datasets(joined.write(tmp_path), "attention")
    model = attention.Classifier(attention.Params(**SETTINGS["attention"]), 3)
    model.fit(data["train"], data["val"])
    later = replace(data["test"], times=[times + 0.2 for times in data["test"].times])
    assert np.abs(model.predict(later) - model.predict(data["test"])).max() > 1e-6


def test_a_new_clip_is_judged_as_the_test_clip_was(tmp_path: Path) -> None:
    source = joined.write(tmp_path)
    for name, plugin in PLUGINS.items():
        data = datasets(source, name)
        model = plugin.Classifier(plugin.Params(**SETTINGS[name]), 3)
        model.fit(data["train"], data["val"])
        with FeatureFile(source) as file:
            clips = [file.read(clip_id) for clip_id in data["test"].ids]
        found = FoldModel(model, False, 3, 0.0, ())(clips).posteriors
        np.testing.assert_allclose(found, model.predict(data["test"]), atol=1e-6)


def test_a_classifier_of_one_feature_refuses_several(tmp_path: Path) -> None:
    source = joined.write(tmp_path)
    with pytest.raises(SettingsError, match=r"train\.svm: early is several features side by side \(join\)"):
        FeatureRecipe.of(svm, svm.Params(c=(1.0,), balanced=True), source, None, "train.svm")


@pytest.mark.parametrize("width", [6, 5])
def test_heads_divide_the_width(width: int) -> None:
    with pytest.raises(ValueError, match=f"width {width} is not even, or not a multiple of 4 heads"):
        attention.Params(**{**SETTINGS["attention"], "width": width, "heads": 4})
