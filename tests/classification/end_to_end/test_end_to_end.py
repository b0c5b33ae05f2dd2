"""`pipeline.classification.end_to_end.run`: training of a network on aligned faces: what it learns from, when it stops,
bytes, resuming, leakage.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from pipeline.classification.end_to_end import loop as end_to_end_loop
from pipeline.classification.end_to_end.network import (
    FaceClips,
    batches,
    chosen,
    middle,
    new_network,
    varied,
)
from pipeline.classification.end_to_end.run import EndToEndRecipe, train_end_to_end
from pipeline.classification.end_to_end.settings import EndToEndParams
from pipeline.core import plugins
from pipeline.core.clip import Clip
from pipeline.core.errors import ArtifactError, LeakageError, PipelineError, SettingsError, WeightsError
from pipeline.core.ledger import Entry, read_ledger
from pipeline.core.posteriors import read_table
from pipeline.core.settings import Runtime, Settings
from pipeline.core.store import ClipFeatures, FeatureMeta
from pipeline.core.store_writer import write_features
from pipeline.core.weights_file import load_weights, save_weights
from pipeline.networks.c3d import C3D
from pipeline.networks.temporal import ClipNetwork, LayerScales, TemporalLSTM
from pipeline.training import checkpoints, optimiser
from pipeline.training.loop import Loop

LEARNED = ("steps", "kept", "prior_loss", "val_prior_loss", "val_prior_accuracy")

PX, FRAMES = 16, 16
EMOTIONS = ("anger", "happy")
SPEAKERS = ("s1", "s2", "s3")
MISSING = {"s1_anger_1": (0, 1, 5), "s2_happy_0": (15,), "s3_anger_0": tuple(range(15))}
"""Frames without a face."""


class ToyParams(Settings):
    """Settings of the toy plugin."""

    dropout: float = 0.0


class ToyNetwork(nn.Module):
    """A network whose first layer is the mean of both halves of an image, and whose second an image of 2 x 2."""

    renewed, unused = (), ()

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(2, 3)

    def layers(self, inputs: torch.Tensor) -> list[torch.Tensor]:
        halves = inputs.mean((2, 4)).unflatten(2, (2, -1)).mean(3)
        rows = self.first(halves)
        return [rows, torch.stack([rows[..., :2], rows[..., 1:]], dim=-1)]


def toy_plugin() -> SimpleNamespace:
    def prepare(params: ToyParams, faces: torch.Tensor) -> torch.Tensor:
        return faces.float() / 255 - 0.5

    return SimpleNamespace(
        Params=ToyParams,
        WINDOW=(0.75, 0.5),
        LAYERS=("rows", "pictures"),
        HEAD="lstm",
        network=lambda params, config: ToyNetwork(),
        prepare=prepare,
    )


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


@pytest.fixture
def toy(monkeypatch):
    """The toy plugin takes the place of every plugin of pipeline/features/aligned/networks."""
    plugin = toy_plugin()
    load = plugins.load

    def loaded(kind: str, name: str, setting: str = ""):
        return plugin if kind == "clip_networks" and name == "toy" else load(kind, name, setting)

    monkeypatch.setattr(plugins, "load", loaded)
    name = plugins.module_name
    monkeypatch.setattr(
        plugins, "module_name", lambda kind, one: "pipeline.audio.spectral" if one == "toy" else name(kind, one)
    )
    return plugin


def clips(takes: int = 2) -> list[Clip]:
    return [
        Clip(f"{speaker}_{emotion}_{take}", "x.mp4", speaker, emotion, digest=f"{speaker}{emotion}{take}")
        for speaker in SPEAKERS
        for emotion in EMOTIONS
        for take in range(takes)
    ]


def folds() -> dict[str, dict[str, str]]:
    parts = ("train", "val", "test")
    by_speaker = [
        {speaker: parts[(number + index) % 3] for index, speaker in enumerate(SPEAKERS)} for number in range(3)
    ]
    return {f"fold-{n:02d}": {clip.clip_id: by[clip.speaker] for clip in clips()} for n, by in enumerate(by_speaker)}


def aligned(number: int, clip: Clip, px: int = PX) -> ClipFeatures:
    """Return sixteen faces that grow brighter with anger and darker with happiness; their mean says nothing."""
    rng = np.random.default_rng(number)
    ramp = np.linspace(-70, 70, FRAMES) * (1 if clip.emotion == "anger" else -1)
    crops = np.clip(128 + ramp[:, None, None, None] + rng.normal(0, 20, (FRAMES, px, px, 3)), 0, 255).astype(np.uint8)
    mask = ~np.isin(np.arange(FRAMES), MISSING.get(clip.clip_id, ()))
    crops[~mask] = 0
    boxes = np.where(mask[:, None], np.float32(1), np.float32(np.nan)) * np.ones((FRAMES, 4), np.float32)
    return ClipFeatures(boxes, np.arange(FRAMES) / 8, mask, {"crops": crops})


META = FeatureMeta("aligned", 4, "float32", weights="f" * 64, origin="published detector")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("end_to_end")
    torch.manual_seed(3)
    save_weights(folder / "toy", ToyNetwork().state_dict(), {"network": {}, "speakers": ["f01"]}, "toy weights")
    network = {"width": 1 / 64, "size": 16, "fc6": "adaptive"}
    save_weights(folder / "c3d", C3D(**network).state_dict(), {"network": network, "speakers": ["f01"]}, "toy weights")
    write_features(folder / "aligned.h5", META, [(clip.clip_id, aligned(i, clip)) for i, clip in enumerate(clips())])
    return folder


LEARN = {
    "cells": 8,
    "dropout": 0.2,
    "iterations": 8,
    "batch": 4,
    "learning_rate": 0.1,
    "decay_every": 30,
    "judge_every": 4,
    "weight_decay": 0.0,
    "keep": (),
}


TWO: dict[str, Any] = {"only": ["fold-00", "fold-02"], "keep": "all"}


def recipe(corpus: Path, folder: Path, network: str = "toy", source: Path | None = None, **changes) -> EndToEndRecipe:
    place = {"device": changes.pop("device", "cpu"), "mixed_precision": changes.pop("mixed_precision", False)}
    runtime = Runtime(workers=changes.pop("workers", 1), checkpoint_minutes=0, **place)
    params = EndToEndParams(**{**LEARN, **changes})
    return EndToEndRecipe.of(
        network, params, source or corpus / "aligned.h5", corpus / network, folder / "scratch", runtime
    )


def train(
    corpus: Path, folder: Path, network: str = "toy", only=None, upstream=(), these=None, fewer=None, **changes
) -> Path:
    made = recipe(corpus, folder, network, **changes)
    chosen_folds = {name: fold for name, fold in (fewer or folds()).items() if only is None or name in only}
    train_end_to_end(made, these or clips(), chosen_folds, upstream, folder / "out")
    return folder / "out"


def data(corpus: Path, part: str = "train", name: str = "fold-00") -> FaceClips:
    return FaceClips.of(corpus / "aligned.h5", clips(), EMOTIONS).of_fold(name, folds()[name], part)


@pytest.fixture(scope="module")
def whole() -> list[Path]:
    """Where `learned` lies, once it has been made."""
    return []


@pytest.fixture
def learned(toy, corpus, whole, tmp_path_factory) -> Path:
    """A run of two folds that keeps the weights of both, made by the first test that asks for it: the toy plugin is
    there during a test alone.
    """
    if not whole:
        whole.append(train(corpus, tmp_path_factory.mktemp("learned"), **TWO))
    return whole[0]


def written(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


def test_it_learns_what_only_the_order_in_time_tells(toy, corpus, tmp_path):
    out = train(
        corpus,
        tmp_path,
        upstream=[Entry(clip.clip_id, "align_faces") for clip in clips()],
        iterations=9,
        judge_every=3,
    )
    frame = read_table(out / "posteriors.csv")
    tested = frame[frame["part"] == "test"]
    assert (tested["emotion"] == tested["predicted"]).mean() >= 0.9
    assert sorted(tested["clip_id"]) == sorted(clip.clip_id for clip in clips())
    assert set(frame["model"]) == {"toy-end_to_end"}
    assert {name: set(group["part"]) for name, group in frame.groupby("fold")} == {
        name: {"val", "test"} for name in folds()
    }
    history = pd.read_csv(out / "history.csv")
    assert list(history.columns) == ["fold", "iteration", "loss", "val_loss", "val_accuracy", *LEARNED]
    assert history.groupby("fold")["iteration"].apply(list).tolist() == [[3, 6, 9]] * 3
    stages = {entry.stage for entry in read_ledger(out / "ledger.csv")}
    assert stages == {"align_faces", "train:toy-end_to_end"}
    assert sorted(path.name for path in out.iterdir()) == [
        "about.json",
        "history.csv",
        "ledger.csv",
        "posteriors.csv",
    ], "no weights"
    assert not (tmp_path / "scratch").exists()


def test_about_names_both_networks(toy, corpus, tmp_path):
    about = json.loads((train(corpus, tmp_path, only=["fold-00"], iterations=1) / "about.json").read_text())
    assert about["model"] == about["feature"] == "toy-end_to_end"
    assert about["dimension"] == 3 + 4
    assert about["weights"] == f"{'f' * 64} {load_weights(corpus / 'toy').sha256}"
    assert (
        about["origin"]
        == "aligned: published detector; toy: toy weights; fine-tuned in each fold on its training clips"
    )
    assert about["params"]["iterations"] == 1


@pytest.mark.parametrize(
    ("iteration", "rate"), [(0, 1e-3), (999, 1e-3), (1000, 1e-4), (1999, 1e-4), (2000, 1e-5), (4999, 1e-7)]
)
def test_the_learning_rate_falls_to_a_tenth_every_thousand_iterations(iteration, rate):
    assert EndToEndParams().rate(iteration) == pytest.approx(rate)


def test_the_paper_is_the_default():
    params = EndToEndParams()
    assert (
        params.cells,
        params.dropout,
        params.iterations,
        params.learning_rate,
        params.decay,
        params.decay_every,
    ) == (128, 0.7, 5000, 0.001, 0.1, 1000)
    assert (params.flip, params.max_gradient, params.keep) == (True, 0.0, "first")


def test_the_optimiser_gets_that_learning_rate(toy, corpus, tmp_path, monkeypatch):
    seen, sgd = [], optimiser.SGD

    class Watched(sgd):
        def step(self, *args, **kwargs):
            seen.extend((group["lr"], group["momentum"], group["weight_decay"]) for group in self.param_groups)
            return super().step(*args, **kwargs)

    monkeypatch.setattr(optimiser, "SGD", Watched)
    train(
        corpus,
        tmp_path,
        only=["fold-00"],
        iterations=5,
        decay_every=2,
        learning_rate=0.01,
        weight_decay=0.3,
        judge_every=5,
    )
    of_both = [(rate, 0.9, 0.3) for rate in (1e-2, 1e-2, 1e-3, 1e-3, 1e-4) for _ in ("network", "head")]
    np.testing.assert_allclose(seen, of_both)


def test_what_is_new_learns_at_a_rate_of_its_own(toy, corpus, tmp_path, monkeypatch):
    """And adam takes the place of stochastic gradient descent."""
    seen, adam = [], optimiser.Adam

    class Watched(adam):
        def step(self, *args, **kwargs):
            seen.append([group["lr"] for group in self.param_groups])
            return super().step(*args, **kwargs)

    monkeypatch.setattr(optimiser, "Adam", Watched)
    rates = {"learning_rate": 1e-5, "new_rate": 300.0, "decay_every": 3}
    out = train(corpus, tmp_path, only=["fold-00"], keep=("fold-00",), optimiser="adam", iterations=4, **rates)
    np.testing.assert_allclose(seen, [[1e-5, 3e-3]] * 3 + [[1e-6, 3e-4]])
    before, after = load_weights(corpus / "toy").state, load_weights(out / "fold-00").state
    moved = [float((after[f"body.{name}"] - tensor).abs().max()) for name, tensor in before.items()]
    assert 0 < max(moved) < 1e-4, "the body hardly moves"


def test_all_weights_are_learned(learned, corpus):
    before, after = load_weights(corpus / "toy").state, load_weights(learned / "fold-00").state
    assert all((after[f"body.{name}"] - tensor).abs().max() > 1e-3 for name, tensor in before.items())


def test_kept_weights_give_the_posteriors(learned, corpus, tmp_path):
    kept = load_weights(learned / "fold-02")
    assert kept.config["classes"] == list(EMOTIONS)
    network = ClipNetwork(ToyNetwork(), TemporalLSTM((3, 4), 2, 8), LayerScales((3, 4), torch.zeros(7), torch.ones(2)))
    network.load_state_dict(kept.state)
    made, test = recipe(corpus, tmp_path), data(corpus, "test", "fold-02")
    with torch.inference_mode():
        inputs = middle(made.training.network, test, range(len(test)))
        found = torch.softmax(network.eval().judge(network.layers(inputs)), 1)
    frame = read_table(learned / "posteriors.csv").query("fold == 'fold-02' and part == 'test'")
    assert list(frame["clip_id"]) == test.ids
    np.testing.assert_allclose(found, frame[["p_anger", "p_happy"]], atol=2e-6)


def test_keeping_changes_no_posterior_and_must_name_a_fold(toy, corpus, tmp_path):
    none, one = (
        train(corpus, tmp_path / str(number), only=["fold-00", "fold-01"], keep=keep, iterations=2)
        for number, keep in enumerate([(), ("fold-01",)])
    )
    assert [[path.name for path in out.iterdir() if path.is_dir()] for out in (none, one)] == [[], ["fold-01"]]
    assert (none / "posteriors.csv").read_bytes() == (one / "posteriors.csv").read_bytes()
    with pytest.raises(SettingsError, match=r"end_to_end\.toy\.keep: no fold 'fold-1' \(did you mean 'fold-0"):
        train(corpus, tmp_path, keep=("fold-1",))


def test_a_kept_network_is_loaded_as_it_was(learned, corpus, tmp_path):
    for fold in ("fold-00", "fold-02"):
        model = recipe(corpus, tmp_path, keep="all").model(EMOTIONS)
        model.load(learned / fold)
        test = data(corpus, "test", fold)
        frame = read_table(learned / "posteriors.csv").query(f"fold == '{fold}' and part == 'test'")
        assert list(frame["clip_id"]) == test.ids
        np.testing.assert_allclose(model.predict(test), frame[["p_anger", "p_happy"]], atol=1e-6)
    with pytest.raises(WeightsError, match="no such weights"):
        recipe(corpus, tmp_path).model(EMOTIONS).load(learned / "fold-01")


def test_validation_decides_which_iteration_is_kept(toy, corpus, tmp_path, monkeypatch):
    """Accuracy first, then loss, then the earlier: the third look wins here."""
    looks = iter([(0.1, 0.5), (0.9, 0.75), (0.4, 0.75), (0.4, 0.75), (0.2, 0.25)])
    monkeypatch.setattr(end_to_end_loop, "judged", lambda *_: next(looks))
    states = []
    of_round = Loop.round

    def watched(self, number):
        of_round(self, number)
        states.append({name: tensor.clone() for name, tensor in self.network.state_dict().items()})

    monkeypatch.setattr(Loop, "round", watched)
    kept = load_weights(train(corpus, tmp_path, only=["fold-00"], keep=("fold-00",), iterations=20) / "fold-00").state
    same = [all(torch.equal(state[name], kept[name]) for name in kept) for state in states]
    assert same == [False, False, True, False, False]


def test_it_is_judged_at_the_end_too(toy, corpus, tmp_path):
    history = pd.read_csv(train(corpus, tmp_path, only=["fold-00"], iterations=7, judge_every=3) / "history.csv")
    assert history["iteration"].tolist() == [3, 6, 7]


def test_labels_of_test_clips_change_no_posterior(learned, corpus, tmp_path):
    other = {"anger": "happy", "happy": "anger"}
    fold = folds()["fold-00"]
    swapped = [dataclasses.replace(c, emotion=other[c.emotion]) if fold[c.clip_id] == "test" else c for c in clips()]
    before = read_table(learned / "posteriors.csv").query("fold == 'fold-00'")
    after = read_table(train(corpus, tmp_path, only=["fold-00"], these=swapped) / "posteriors.csv")
    pd.testing.assert_frame_equal(before.drop(columns="emotion"), after.drop(columns="emotion"))
    assert (before["emotion"] != after["emotion"]).sum() == 4


def test_test_clips_are_read_behind_the_training_alone(toy, corpus, tmp_path, monkeypatch):
    seen = []
    of_fold, save = FaceClips.of_fold, end_to_end_loop.EndToEnd.save
    monkeypatch.setattr(FaceClips, "of_fold", lambda self, *args: seen.append(args[2]) or of_fold(self, *args))
    monkeypatch.setattr(end_to_end_loop.EndToEnd, "save", lambda self, path: seen.append("learned") or save(self, path))
    train(corpus, tmp_path, only=["fold-00"], iterations=2)
    assert seen == ["train", "val", "learned", "test"]


def test_a_speaker_that_the_weights_have_met_is_refused(toy, corpus, tmp_path):
    save_weights(tmp_path / "toy", ToyNetwork().state_dict(), {"network": {}, "speakers": ["s2"]}, "leaking")
    with pytest.raises(LeakageError, match=r"pretrain\.toy: its source corpus holds s2"):
        train(tmp_path, tmp_path, source=corpus / "aligned.h5")


def test_a_file_that_the_weights_have_met_is_refused(toy, corpus, tmp_path):
    met = {"network": {}, "speakers": [], "files": ["ab" * 8]}
    save_weights(tmp_path / "toy", ToyNetwork().state_dict(), met, "leaking")
    known = [dataclasses.replace(clip, digest=("ab" if n == 3 else "cd") * 32) for n, clip in enumerate(clips())]
    with pytest.raises(
        LeakageError, match=rf"pretrain\.toy: its source corpus holds the files of {known[3].clip_id} of"
    ):
        train(tmp_path, tmp_path, source=corpus / "aligned.h5", these=known)


def test_a_prediction_does_not_hang_on_other_clips(toy, corpus, tmp_path):
    model = recipe(corpus, tmp_path, iterations=3).model(EMOTIONS)
    model.fit(data(corpus), data(corpus, "val"))
    test = data(corpus, "test")
    together = model.predict(test)
    for number in (0, 3):
        alone = FaceClips(test.source, [test.ids[number]], test.labels[[number]])
        np.testing.assert_array_equal(model.predict(alone)[0], together[number])
    np.testing.assert_allclose(together.sum(1), 1, atol=1e-12)
    assert model.predict(FaceClips(test.source, [], test.labels[:0])).shape == (0, 2)


class Stopped(Exception):
    pass


@pytest.mark.parametrize("last", [3, pytest.param(4, marks=pytest.mark.long), 8])
def test_a_run_that_was_stopped_gives_the_bytes_of_one_that_was_not(learned, corpus, tmp_path, monkeypatch, last):
    step, done = Loop.step, []

    def watched(self, batch):
        found = step(self, batch)
        done.append(self.done)
        if len(done) == 8 + last:
            raise Stopped
        return found

    monkeypatch.setattr(Loop, "step", watched)
    with pytest.raises(Stopped):
        train(corpus, tmp_path / "again", **TWO)
    torch.manual_seed(12345)
    done.clear()
    monkeypatch.setattr(Loop, "step", lambda self, batch: done.append(self.done) or step(self, batch))
    again = train(corpus, tmp_path / "again", **TWO)
    assert written(again) == written(learned)
    assert len(done) == 8 - (last - 1) // 4 * 4, "the finished fold and the first iterations are not trained again"


@pytest.mark.parametrize("change", [{"batch": 3}, {"seed": 1}, {"flip": False}, {"iterations": 9}])
def test_a_state_of_other_settings_is_not_gone_on_with(toy, corpus, tmp_path, change):
    one, two = recipe(corpus, tmp_path), recipe(corpus, tmp_path, **change)
    assert one.training.key(data(corpus), data(corpus, "val")) != two.training.key(data(corpus), data(corpus, "val"))
    assert one.training.key(data(corpus), data(corpus, "val")) != one.training.key(
        data(corpus, name="fold-01"), data(corpus, "val")
    )
    kept = recipe(corpus, tmp_path, keep=("fold-00",), workers=2)
    assert one.training.key(data(corpus), data(corpus, "val")) == kept.training.key(data(corpus), data(corpus, "val"))


def test_two_runs_give_equal_bytes_and_another_seed_others(toy, corpus, tmp_path):
    one, two, other = (
        written(train(corpus, tmp_path / n, only=["fold-00"], iterations=2, seed=seed))
        for n, seed in (("1", 0), ("2", 0), ("3", 1))
    )
    assert one == two
    assert one["posteriors.csv"] != other["posteriors.csv"]


@pytest.mark.long
def test_two_workers_give_the_bytes_of_one(corpus, tmp_path):
    changes = {"settings": {"size": 16, "fc6": "adaptive"}, "iterations": 6, "judge_every": 3}
    one, two = (written(train(corpus, tmp_path / str(n), "c3d", workers=n, **changes)) for n in (1, 2))
    assert one == two
    assert set(pd.read_csv(tmp_path / "1" / "out" / "history.csv")["iteration"]) == {3, 6}


@given(st.integers(1, 30), st.integers(1, 40), st.integers(0, 50), st.integers(0, 9))
@settings(deadline=None)
def test_every_clip_comes_once_in_a_pass(count, batch, iteration, seed):
    params = EndToEndParams(batch=batch, seed=seed)
    places = [number for i in range(iteration + 3) for number in chosen(count, params, i)]
    assert len(places) == (iteration + 3) * batch
    for start in range(0, len(places) - count + 1, count):
        assert sorted(places[start : start + count]) == list(range(count))


def test_passes_have_orders_of_their_own():
    params = EndToEndParams(batch=20)
    orders = [tuple(chosen(20, params, i)) for i in range(5)]
    assert len(set(orders)) == 5
    assert orders == [tuple(chosen(20, params, i)) for i in range(5)]


def marked(height: int, width: int) -> torch.Tensor:
    """Return faces whose pixels say (frame, row, column)."""
    grid = np.meshgrid(np.arange(FRAMES), np.arange(height), np.arange(width), indexing="ij")
    return torch.from_numpy(np.stack(grid, axis=-1).astype(np.uint8))


@given(st.integers(8, 40), st.floats(0.2, 1), st.floats(0.2, 1), st.booleans(), st.integers(0, 2**32 - 1))
@settings(deadline=None)
def test_a_varied_clip_is_one_window_of_all_its_frames(px, tall, wide, flip, seed):
    found = varied(marked(px, px), (tall, wide), np.random.default_rng(seed), flip).numpy().astype(int)
    assert found.shape == (FRAMES, round(px * tall), round(px * wide), 3)
    np.testing.assert_array_equal(found[..., 1:], np.broadcast_to(found[0, ..., 1:], found[..., 1:].shape))
    np.testing.assert_array_equal(found[..., 0], np.arange(FRAMES)[:, None, None] + 0 * found[..., 0])
    rows, columns = found[0, :, 0, 1], found[0, 0, :, 2]
    assert set(np.diff(rows)) <= {1}
    assert set(np.diff(columns)) in ({1}, {-1}, set())
    assert flip or set(np.diff(columns)) <= {1}
    assert min(rows.min(), columns.min()) >= 0
    assert max(rows.max(), columns.max()) < px


def test_windows_reach_all_edges_and_half_of_them_are_mirrored():
    rng = np.random.default_rng(0)
    found = [varied(marked(12, 12), (0.75, 0.5), rng, True)[0].numpy().astype(int) for _ in range(400)]
    assert {one[0, 0, 1] for one in found} == {0, 1, 2, 3}
    assert {one[0, :, 2].min() for one in found} == set(range(7))
    mirrored = np.mean([one[0, 0, 2] > one[0, -1, 2] for one in found])
    assert mirrored == pytest.approx(0.5, abs=0.1)


def test_training_sees_varied_pictures_and_validation_the_middle(toy, corpus, tmp_path):
    made, learn = recipe(corpus, tmp_path), data(corpus)
    plain = recipe(corpus, tmp_path, flip=False)
    model, params = made.training.network, made.training.params
    (first, labels), (second, _) = list(batches(model, learn, params, 0))[:2]
    assert first.shape == (4, FRAMES, 12, 8, 3)
    assert labels.tolist() == learn.labels[chosen(len(learn), params, 0)].tolist()
    assert not torch.equal(first, second)
    again = next(iter(batches(model, learn, params, 1)))[0]
    assert torch.equal(again, second), "an iteration is the same wherever the run began"
    assert not torch.equal(first, next(iter(batches(model, learn, plain.training.params, 0)))[0])
    crops = aligned(0, clips()[0]).extra["crops"]
    expected = torch.from_numpy(crops[:, 2:14, 4:12]).float() / 255 - 0.5
    assert torch.equal(middle(model, FaceClips(learn.source, ["s1_anger_0"], np.zeros(1, np.int64)), [0])[0], expected)


@pytest.mark.parametrize(
    ("clip_id", "taken"),
    [
        ("s1_anger_1", [2, 2, *range(2, 5), 4, *range(6, 16)]),
        ("s2_happy_0", [*range(15), 14]),
        ("s3_anger_0", [15] * 16),
    ],
)
def test_a_frame_without_a_face_takes_the_nearest(corpus, clip_id, taken):
    number = [clip.clip_id for clip in clips()].index(clip_id)
    found = next(FaceClips(corpus / "aligned.h5", [clip_id], np.zeros(1, np.int64)).faces([0]))
    np.testing.assert_array_equal(found, aligned(number, clips()[number]).extra["crops"][taken])


def test_fewer_clips_than_a_batch(toy, corpus, tmp_path):
    few = {
        clip.clip_id: part
        for clip, part in ((c, folds()["fold-00"][c.clip_id]) for c in clips())
        if clip.clip_id.endswith("_0")
    }
    frame = read_table(train(corpus, tmp_path, fewer={"fold-00": few}, batch=50, iterations=3) / "posteriors.csv")
    assert frame["part"].value_counts().to_dict() == {"val": 2, "test": 2}


def test_clips_without_faces_are_left_out_and_named_in_the_ledger(toy, corpus, tmp_path):
    hidden = aligned(0, clips()[0])
    hidden = ClipFeatures(np.full_like(hidden.values, np.nan), hidden.times, np.zeros(FRAMES, bool), hidden.extra)
    found = [(clip.clip_id, hidden if i == 0 else aligned(i, clip)) for i, clip in enumerate(clips())][:-1]
    write_features(tmp_path / "aligned.h5", META, found)
    upstream = [Entry("s3_happy_1", "align_faces", "failed", "no_face", "none")]
    out = train(corpus, tmp_path, source=tmp_path / "aligned.h5", upstream=upstream, iterations=2)
    failed = {
        e.clip_id: (e.reason, e.detail)
        for e in read_ledger(out / "ledger.csv")
        if e.stage == "train:toy-end_to_end" and e.status == "failed"
    }
    assert failed == {"s1_anger_0": ("no_input", "no observed frame"), "s3_happy_1": ("no_face", "after align_faces")}


def test_a_fold_without_validation_clips(toy, corpus, tmp_path):
    fold = {clip_id: "train" if part == "val" else part for clip_id, part in folds()["fold-00"].items()}
    with pytest.raises(
        PipelineError, match=r"protocol\.validate_by: windows leaves toy-end_to_end no clip to validate on"
    ):
        train(corpus, tmp_path, fewer={"fold-00": fold})


def test_another_file_than_that_of_aligned_faces(toy, corpus, tmp_path):
    values = np.ones((5, 4), np.float32)
    write_features(
        tmp_path / "faces.h5",
        META,
        [(clip.clip_id, ClipFeatures(values, np.arange(5.0), np.ones(5, bool))) for clip in clips()],
    )
    with pytest.raises(ArtifactError, match="5 frames of 's1_anger_0', not 16; give the file of align_faces"):
        train(corpus, tmp_path, source=tmp_path / "faces.h5")


def test_a_loss_that_left_all_bounds_stops_the_run(toy, corpus, tmp_path):
    with pytest.raises(
        PipelineError,
        match=r"end_to_end\.toy: the loss of iteration \d+ is no number; lower learning_rate, or set max_gradient",
    ):
        train(corpus, tmp_path, learning_rate=1e38, max_gradient=0)


def test_gradients_are_clipped(learned, corpus, tmp_path):
    """By default they are not: the paper says nothing of it."""
    limited = train(corpus, tmp_path, only=["fold-00"], keep=("fold-00",), max_gradient=1e-6, iterations=4)
    before = load_weights(corpus / "toy").state["first.weight"]
    moved = [
        float((load_weights(out / "fold-00").state["body.first.weight"] - before).abs().max())
        for out in (limited, learned)
    ]
    assert moved[0] < 1e-4 < moved[1]


def test_a_batch_in_pieces_gives_the_network_of_the_whole(toy, corpus, tmp_path):
    kept = {"only": ["fold-00"], "keep": "first", "dropout": 0.0, "learning_rate": 0.01, "iterations": 4}
    states = [
        load_weights(train(corpus, tmp_path / str(at_once), at_once=at_once, **kept) / "fold-00").state
        for at_once in (None, 3)
    ]
    for name, weight in states[0].items():
        torch.testing.assert_close(states[1][name], weight, rtol=1e-4, atol=1e-5)


def test_classes_are_weighed_by_their_inverse_frequency(toy, corpus, tmp_path):
    """Two clips of one emotion and one of the other: unweighted, the head leans to the first from the first step on."""
    one = {"iterations": 1, "judge_every": 1, "dropout": 0.0, "flip": False, "batch": 3}
    less = [clip for clip in clips() if clip.speaker != "s1" or clip.emotion == "anger" or clip.clip_id.endswith("_0")]
    fold = {"fold-00": {clip.clip_id: folds()["fold-00"][clip.clip_id] for clip in less}}
    leans = {}
    for balanced in (False, True):
        out = train(corpus, tmp_path / str(balanced), these=less, fewer=fold, balanced=balanced, **one)
        leans[balanced] = pd.read_csv(out / "history.csv")["loss"].iloc[0]
    made = recipe(corpus, tmp_path, balanced=True, **one)
    torch.manual_seed(0)
    learn = FaceClips.of(corpus / "aligned.h5", less, EMOTIONS).of_fold("fold-00", fold["fold-00"], "train")
    network = new_network(made.training.network, made.training.params, learn, 2)
    inputs, labels = next(batches(made.training.network, learn, made.training.params, 0))
    logits = network.train().judge(network.layers(inputs))
    losses = nn.functional.cross_entropy(logits, labels, reduction="none").detach()
    heavy = torch.where(labels == 0, 3 / (2 * 2), 3 / (2 * 1))
    assert leans[False] == pytest.approx(losses.mean().item(), abs=1e-5)
    assert leans[True] == pytest.approx(((losses * heavy).sum() / heavy.sum()).item(), abs=1e-5)


def test_the_head_of_a_clip_network_is_dropout_and_softmax(toy, corpus, tmp_path):
    toy.HEAD, toy.network = "linear", lambda params, config: _OneRow()
    made = recipe(corpus, tmp_path, settings={"dropout": 0.5})
    network = new_network(made.training.network, made.training.params, data(corpus), 2)
    dropout, softmax = network.head
    assert (dropout.p, softmax.in_features, softmax.out_features) == (0.5, 3, 2)
    row = torch.tensor([1.0, 2.0, 3.0])
    expected = softmax((row - network.means) / network.deviations[0])
    torch.testing.assert_close(network.eval().judge([row[None, None]])[0], expected)


class _OneRow(ToyNetwork):
    def layers(self, inputs):
        return [super().layers(inputs)[0].mean(1, keepdim=True)]


def test_layers_come_to_the_lstm_as_training_clips_have_them_in_one_unit(toy, corpus, tmp_path):
    """All four training clips are measured, fewer than there is room for; other clips count for nothing."""
    made, learn = recipe(corpus, tmp_path), data(corpus)
    network = new_network(made.training.network, made.training.params, learn, 2)
    assert network.head.widths == network.widths == (3, 4)
    with torch.no_grad():
        layers = network.layers(middle(made.training.network, learn, range(len(learn))))
    rows = torch.cat([layer.flatten(0, 1).flatten(1) for layer in layers], dim=1)
    torch.testing.assert_close(network.means, rows.mean(0), rtol=1e-4, atol=1e-5)
    expected = [part.var(0, unbiased=False).mean().sqrt() for part in rows.split((3, 4), dim=1)]
    torch.testing.assert_close(network.deviations, torch.stack(expected), rtol=1e-4, atol=1e-5)


SMALL = {
    "c3d": ({"width": 1 / 64}, {"size": 16, "fc6": "adaptive"}),
    "pyramid": ({"width": 1 / 32}, {"size": 38, "grid": [2, 2]}),
    "vggface": ({"width": 1 / 32}, {"size": 32}),
}
"""The smallest network of each plugin: the `network` block of its weights, and its settings."""


@pytest.mark.parametrize("name", plugins.names("clip_networks"))
def test_every_plugin_is_learned_with_all_its_weights(corpus, tmp_path, name):
    config, small = SMALL[name]
    plugin = plugins.load("clip_networks", name)
    torch.manual_seed(0)
    state = plugin.network(plugin.Params(**small), config).state_dict()
    save_weights(tmp_path / name, state, {"network": config, "speakers": []}, "toy weights")
    fold = folds()["fold-00"]
    few = {clip_id: part for clip_id, part in fold.items() if part == "train" or clip_id.endswith("_0")}
    settings_ = {
        "fewer": {"fold-00": few},
        "settings": small,
        "iterations": 2,
        "keep": ("fold-00",),
        "learning_rate": 0.01,
    }
    out = train(tmp_path, tmp_path, name, source=corpus / "aligned.h5", **settings_)
    after = load_weights(out / "fold-00").state
    still = [n for n, tensor in state.items() if tensor.ndim > 1 and torch.equal(after[f"body.{n}"], tensor)]
    assert not still
    frame = read_table(out / "posteriors.csv")
    np.testing.assert_allclose(frame[["p_anger", "p_happy"]].sum(axis=1), 1, atol=2e-6)


@pytest.mark.slow
@pytest.mark.parametrize("mixed", [False, True])
def test_c3d_learns_with_and_without_mixed_precision(corpus, tmp_path, mixed):
    settings_ = {"size": 16, "fc6": "adaptive", "dropout": 0.0}
    out = train(
        corpus,
        tmp_path,
        "c3d",
        only=["fold-00"],
        settings=settings_,
        iterations=8,
        judge_every=4,
        learning_rate=0.01,
        max_gradient=5.0,
        mixed_precision=mixed,
    )
    assert pd.read_csv(out / "history.csv")["val_accuracy"].max() == 1


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_gpu_that_is_not_there(toy, corpus, tmp_path):
    with pytest.raises(SettingsError, match=r"runtime\.device: cuda, but PyTorch finds no GPU"):
        train(corpus, tmp_path, device="cuda")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
@pytest.mark.parametrize("mixed", [False, True])
def test_a_gpu_learns_the_same_task(toy, corpus, tmp_path, mixed):
    out = train(corpus, tmp_path, device="cuda", mixed_precision=mixed)
    assert pd.read_csv(out / "history.csv").groupby("fold")["val_accuracy"].max().min() >= 0.9


def test_a_state_that_cannot_be_written_stops_nothing(toy, corpus, tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoints, "save", lambda *_: None)
    assert (train(corpus, tmp_path, only=["fold-00"], iterations=2) / "posteriors.csv").is_file()


def test_it_learns_anew_for_the_iterations_that_validation_kept(toy, corpus, tmp_path, monkeypatch):
    """Validation posteriors stay; the weights are those of one training on both without any choice."""
    looks = iter(2 * [(0.1, 0.75), (0.4, 0.25)])
    monkeypatch.setattr(end_to_end_loop, "judged", lambda *_: next(looks))
    short = {"only": ["fold-00"], "keep": "all", "iterations": 4, "judge_every": 2}
    plain, again = (train(corpus, tmp_path / str(refit), refit=refit, **short) for refit in (False, True))
    found = [read_table(folder / "posteriors.csv") for folder in (plain, again)]
    rows = [[frame[frame["part"] == part].reset_index(drop=True) for frame in found] for part in ("val", "test")]
    assert rows[0][0].equals(rows[0][1])
    assert not rows[1][0].equals(rows[1][1])
    history = pd.read_csv(again / "history.csv").to_dict("records")
    kept = max(history, key=lambda row: (row["val_accuracy"], -row["val_loss"]))["iteration"]
    assert kept == 2, "not the last"
    assert load_weights(again / "fold-00").config["params"]["iterations"] == kept
    training = recipe(corpus, tmp_path / "alone", iterations=int(kept), refit=True).training
    both = {name: "train" if part == "val" else part for name, part in folds()["fold-00"].items()}
    clips_of_both = FaceClips.of(corpus / "aligned.h5", clips(), EMOTIONS).of_fold("", both, "train")
    alone = end_to_end_loop.EndToEnd(training, EMOTIONS)
    alone.chosen = int(kept)
    alone.refit(clips_of_both)
    weights = load_weights(again / "fold-00").state
    assert all(torch.equal(weights[name], one) for name, one in alone.network.state_dict().items())


def test_candidates_are_chosen_on_validation(toy, corpus, tmp_path):
    rates, two = (1e-7, 0.1), ["fold-00", "fold-02"]
    short = {"only": two, "iterations": 4, "judge_every": 2}
    about = json.loads((train(corpus, tmp_path / "both", learning_rate=rates, **short) / "about.json").read_text())
    folders = {rate: train(corpus, tmp_path / f"{rate}", learning_rate=rate, **short) for rate in rates}
    reached: dict[str, dict[float, tuple[float, float]]] = {}
    for rate, folder in folders.items():
        for row in pd.read_csv(folder / "history.csv").to_dict("records"):
            score = (row["val_accuracy"], -row["val_loss"])
            of_fold = reached.setdefault(row["fold"], {})
            of_fold[rate] = max(score, of_fold.get(rate, score))
    assert about["chosen"] == {fold: {"learning_rate": max(rate, key=rate.get)} for fold, rate in reached.items()}
