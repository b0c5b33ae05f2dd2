"""Fine-tuning anew on training and validation clips, and validation by every 8th training window (Zhang's own code)."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

from helpers import segments as toy
from pipeline.core.errors import SettingsError
from pipeline.core.settings import Runtime
from pipeline.core.store import FeatureFile
from pipeline.core.weights_file import load_weights
from pipeline.features.fold_run import FoldPaths
from pipeline.features.joint.job import JointParams, Sources
from pipeline.features.joint.run import fuse_features
from pipeline.features.segments import finetune
from pipeline.features.segments.finetune import Tuning
from pipeline.features.segments.run import tuned
from pipeline.protocols.refit import refit_of

LOOP = toy.LOOP.model_copy(update={"epochs": 3, "patience": 3, "learning_rate": 1.0})
"""So fast that the first epoch is the best."""
ONE = {"fold-00": toy.folds()["fold-00"]}
ALL = {"fold-00": {name: "test" if part == "test" else "train" for name, part in ONE["fold-00"].items()}}
"""All other speakers are trained on."""


@pytest.fixture(scope="module")
def corpus(tmp_path_factory) -> Path:
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("segments")
    toy.write_sources(folder)
    toy.write_weights(folder / "weights")
    return folder


def tune(corpus: Path, folder: Path, tuning: Tuning, folds=ONE, kind: str = "alexnet"):
    source = {"alexnet": "logmel", "c3d": "eyes55"}[kind]
    paths = replace(toy.paths(folder, kind, source), source=corpus / f"{source}.h5")
    runtime = Runtime(workers=1, clip_cache=str(folder / "cache" / "clips"))
    model = toy.model(kind, corpus / "weights")
    tuned(kind, model, tuning, toy.clips(), toy.ledger(), folds, paths, runtime)
    return paths


def values(path: Path, level: str) -> dict[str, np.ndarray]:
    with FeatureFile(path) as file:
        return {clip_id: file.read(clip_id, level).values for clip_id in file.clip_ids(level)}


def same(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> bool:
    return one.keys() == other.keys() and all(np.array_equal(one[key], other[key]) for key in one)


@pytest.fixture(scope="module")
def learned(corpus, tmp_path_factory):
    folder = tmp_path_factory.mktemp("learned")
    with pytest.MonkeyPatch.context() as patched:
        asked, fit = [], finetune.fit
        patched.setattr(finetune, "fit", lambda task, loop, run: asked.append((task, loop)) or fit(task, loop, run))
        return tune(corpus, folder, Tuning(LOOP, "all", refit=True)), asked


def test_what_chose_stays_and_what_is_learned_anew_lies_beside_it(corpus, learned, tmp_path):
    paths, _ = learned
    plain = tune(corpus, tmp_path, Tuning(LOOP, "all"))
    assert same(values(paths.out, "fold-00"), values(plain.out, "fold-00"))
    assert not same(values(paths.out, "fold-00"), values(paths.out, "fold-00-refit"))
    assert (paths.kept / "history.csv").read_bytes() == (plain.kept / "history.csv").read_bytes()
    with FeatureFile(paths.out) as file:
        for clip_id, part in ONE["fold-00"].items():
            assert file.part(clip_id, "fold-00") == part
            assert file.part(clip_id, "fold-00-refit") == {"val": "train"}.get(part, part)


def test_it_sees_validation_clips_for_as_many_epochs_as_they_chose(learned):
    _, ((chosen, loop), (again, once)) = learned
    counts = {part: list(ONE["fold-00"].values()).count(part) for part in ("train", "val")}
    windows = len(chosen.train.labels) // counts["train"]
    assert len(again.train.labels) == windows * (counts["train"] + counts["val"])
    rows = {*chosen.train.inputs.rows, *chosen.held_out.inputs.rows}
    assert set(again.train.inputs.rows) == rows
    assert len(again.held_out.labels) == 0
    assert finetune.kept_epochs([{"epoch": epoch, "kept": int(epoch == 1)} for epoch in range(3)]) == 2
    assert once.epochs == 1 < loop.epochs
    assert once.model_copy(update={"epochs": loop.epochs}) == loop


def test_the_weights_that_are_kept_are_those_of_the_refit(corpus, learned, tmp_path):
    """The same network, trained on both without any choice."""
    paths, ((_, _), (_, once)) = learned
    fold = {"fold-00": refit_of("fold-00", ONE["fold-00"])[1]}
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(finetune, "on_windows", lambda _: False)  # no validation of any kind
        plain = tune(corpus, tmp_path, Tuning(once, "all"), fold)
    kept, expected = (load_weights(where.kept / "fold-00").state for where in (paths, plain))
    assert all(torch.equal(kept[name], expected[name]) for name in expected)
    assert same(values(paths.out, "fold-00-refit"), values(plain.out, "fold-00"))


def test_every_eighth_training_window_is_held_out_where_no_clip_is(corpus, tmp_path, monkeypatch):
    asked, fit = [], finetune.fit
    monkeypatch.setattr(finetune, "fit", lambda task, loop, run: asked.append(task) or fit(task, loop, run))
    paths = tune(corpus, tmp_path, Tuning(LOOP, "all", refit=True), ALL)
    chosen, again = asked
    everything = np.sort([*chosen.train.inputs.rows, *chosen.held_out.inputs.rows])
    np.testing.assert_array_equal(chosen.held_out.inputs.rows, everything[::8])
    np.testing.assert_array_equal(np.sort(again.train.inputs.rows), everything)
    store = chosen.train.inputs.store.clips
    tested = [row for name, part in ALL["fold-00"].items() if part == "test" for row in store[name].rows]
    assert not set(everything) & set(tested), "nothing of a test clip"
    assert len(everything) + len(tested) == sum(len(clip.rows) for clip in store.values())
    with FeatureFile(paths.out) as file:
        assert file.folds == ["fold-00", "fold-00-refit"]


JOINT = {
    "layers": [6], "dropout": 0.1, "epochs": 6, "patience": 3, "learning_rate": 0.05, "momentum": 0.9, "batch": 8,
    "seed": 0,
}  # fmt: skip


@pytest.fixture(scope="module")
def both(corpus, tmp_path_factory):
    """(folds, whether learned anew) -> the files of both features, tuned once."""

    @cache
    def files(name: str, anew: bool) -> tuple[Path, Path]:
        folder, folds = tmp_path_factory.mktemp(name), {"one": ONE, "all": ALL}[name]
        one, other = (tune(corpus, folder, Tuning(toy.LOOP, "all", anew), folds, kind) for kind in ("alexnet", "c3d"))
        return one.out, other.out

    return files


def fuse(both, folder: Path, network: str, refit: bool, folds: str = "one", tuned_anew: bool = True):
    params = JointParams(network=network, settings=JOINT if network == "fc" else {}, refit=refit)
    paths = FoldPaths(folder / "joint.h5", folder / "kept" / "joint", folder / "joint.csv", folder / "scratch" / "j")
    given = toy.clips(), toy.ledger(), {"one": ONE, "all": ALL}[folds], paths, Runtime(workers=1)
    fuse_features("joint", params, Sources(*both(folds, tuned_anew)), *given)
    return paths


@pytest.mark.parametrize("network", ["fc", "concatenate"])
@pytest.mark.parametrize("folds", ["one", "all"])
def test_a_joint_feature_of_two_that_were_learned_anew_is_too(both, tmp_path, network, folds):
    paths = fuse(both, tmp_path, network, True, folds)
    with FeatureFile(paths.out) as file:
        assert file.folds == ["fold-00", "fold-00-refit"]
        assert {file.part(clip_id, "fold-00-refit") for clip_id in file.clip_ids("fold-00")} == {"train", "test"}
    assert not same(values(paths.out, "fold-00"), values(paths.out, "fold-00-refit"))


def test_a_joint_feature_alone_is_learned_anew_on_features_that_were_not(both, tmp_path):
    paths = fuse(both, tmp_path, "fc", True, tuned_anew=False)
    assert not same(values(paths.out, "fold-00"), values(paths.out, "fold-00-refit"))


def test_a_joint_feature_has_to_follow(both, tmp_path):
    with pytest.raises(SettingsError, match=r"fuse_features\.joint: alexnet was fine-tuned anew .* set refit: true"):
        fuse(both, tmp_path, "fc", False)
