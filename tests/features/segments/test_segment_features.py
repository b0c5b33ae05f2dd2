"""`pipeline.features.segments`: the original network, and one fine-tuned in every fold: bytes, resuming, leakage,
ledger.
"""

from __future__ import annotations

import signal
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from helpers import segments as toy
from helpers.killed import started
from pipeline.core.clip import Clip
from pipeline.core.errors import ArtifactError, PipelineError, SettingsError, WeightsError
from pipeline.core.ledger import Entry, read_ledger
from pipeline.core.settings import Runtime
from pipeline.core.store import FeatureFile, FeatureMeta, joined
from pipeline.core.store_writer import write_features
from pipeline.core.weights_file import load_weights
from pipeline.features.segments.finetune import Tuning
from pipeline.features.segments.job import Model, SegmentJob, batches, fc7
from pipeline.features.segments.run import original, tuned
from pipeline.networks.alexnet import AlexNet
from pipeline.training.place import CPU, Place


@pytest.fixture(scope="module")
def corpus(tmp_path_factory) -> Path:
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("segments")
    toy.write_sources(folder)
    toy.write_weights(folder / "weights")
    return folder


def runtime(folder: Path, **changes) -> Runtime:
    return Runtime(**{"workers": 1, "clip_cache": str(folder / "cache" / "clips"), **changes})


def tune(
    corpus: Path, folder: Path, kind: str = "alexnet", clips=None, folds=None, upstream=None, tuning=None, **changes
):
    source = {"alexnet": "logmel", "c3d": "eyes55"}[kind]
    paths = toy.paths(folder, f"tuned_{kind}", source)
    paths = replace(paths, source=corpus / f"{source}.h5")
    line = tuned(
        f"tuned_{kind}",
        toy.model(kind, corpus / "weights"),
        tuning or Tuning(toy.LOOP),
        clips or toy.clips(),
        toy.ledger() if upstream is None else upstream,
        folds or toy.folds(),
        paths,
        runtime(folder, **changes),
    )
    return paths, line


@pytest.fixture(scope="module")
def learned(corpus, tmp_path_factory):
    return tune(corpus, tmp_path_factory.mktemp("learned"))


@pytest.mark.parametrize("kind", ["alexnet", "c3d"])
def test_the_original_feature_is_the_networks_own_fc7(corpus, tmp_path, kind):
    source = {"alexnet": "logmel", "c3d": "eyes55"}[kind]
    model = toy.model(kind, corpus / "weights")
    paths = toy.paths(tmp_path, "feature", source)
    paths = replace(paths, source=corpus / f"{source}.h5")
    line = original("feature", model, toy.clips(), toy.ledger(), paths, runtime(tmp_path))
    assert line == "extract:feature: 12 ok; 0 of 12 clips from the clip cache"
    assert "12 of 12 clips from the clip cache" in original(
        "feature", model, toy.clips(), toy.ledger(), paths, runtime(tmp_path)
    )
    network = model.network()
    with FeatureFile(paths.out) as file, FeatureFile(paths.source) as clips:
        assert file.folds == []
        assert file.meta.origin == "toy weights"
        for clip_id in file.clip_ids():
            windows = model.segments()(clips.read(clip_id))
            with torch.inference_mode():
                expected = network.features(model.plugin.prepare(torch.from_numpy(np.stack(list(windows.inputs)))))
            np.testing.assert_allclose(file.read(clip_id).values, expected, rtol=1e-4, atol=1e-7)


LONG = Clip("long", "long.mp4", "s1", "anger", digest="long")


@pytest.mark.parametrize("kind", ["alexnet", "c3d"])
def test_blocks_do_not_show_in_the_feature_of_a_long_clip(corpus, tmp_path, monkeypatch, kind):
    """Unobserved windows at the beginning, between and at the end; batches hold observed windows, block by block."""
    hidden = (*range(30), *range(100, 150), *range(270, 300))
    clip = toy.mel(0, "anger", 900) if kind == "alexnet" else toy.crops(0, "anger", 300, hidden)
    meta = toy.LOGMEL if kind == "alexnet" else FeatureMeta("eyes55", 4, "float32")
    write_features(tmp_path / "source.h5", meta, [("long", clip)])
    model = toy.model(kind, corpus / "weights")
    job = SegmentJob("feature", model, tmp_path / "source.h5")
    windows = model.segments()(clip)
    inputs, size = np.stack(list(windows.inputs)), model.params.batch
    assert len(inputs) > 2 * size
    assert windows.mask.all() == (kind == "alexnet")
    parts = [model.plugin.prepare(torch.from_numpy(inputs[at : at + size])) for at in range(0, len(inputs), size)]
    with torch.inference_mode():
        expected = np.concatenate([model.network().features(part) for part in parts])
    monkeypatch.setattr("pipeline.core.store.WHOLE_BYTES", 0)
    monkeypatch.setattr("pipeline.features.observed.ROWS", 7)
    monkeypatch.setattr(model.plugin, "_ROWS", 40)
    blocks = list(job.compute(LONG, job.load(LONG), []))
    assert {len(block.mask) for block in blocks[:-1]} == {7}
    found = joined(blocks)
    np.testing.assert_array_equal(found.mask, windows.mask)
    np.testing.assert_array_equal(found.times, windows.times)
    np.testing.assert_array_equal(found.values[found.mask], expected)
    assert np.isnan(found.values[~found.mask]).all()


@pytest.mark.parametrize("kind", ["alexnet", "c3d"])
def test_the_network_is_applied_in_its_place(corpus, kind):
    """In bfloat16, since the tests have no other device: another key, coarser values, and nothing else."""
    source, clip = corpus / ("logmel.h5" if kind == "alexnet" else "eyes55.h5"), toy.clips()[0]
    jobs = [SegmentJob("x", toy.model(kind, corpus / "weights"), source, place=at) for at in (CPU, Place("cpu", True))]
    exact, coarse = (joined(job.compute(clip, job.load(clip), [])).values for job in jobs)
    assert jobs[0].parts(clip) != jobs[1].parts(clip)
    assert not np.array_equal(exact, coarse)
    np.testing.assert_allclose(coarse, exact, atol=0.05 * np.abs(exact).max())


def test_every_fold_has_every_clip_with_its_part_and_a_history(learned):
    paths, line = learned
    assert line.startswith("extract:tuned_alexnet: 12 ok; fine-tuned in 3 folds")
    with FeatureFile(paths.out) as file:
        assert file.folds == ["fold-00", "fold-01", "fold-02"]
        assert file.meta.origin == "toy weights; fine-tuned in each fold on its training clips"
        assert file.meta.params["tune"]["learning_rate"] == 0.01
        for name, fold in toy.folds().items():
            assert {c: file.part(c, name) for c in file.clip_ids(name)} == fold
    history = pd.read_csv(paths.kept / "history.csv")
    assert history.groupby("fold")["epoch"].apply(list).tolist() == [[0, 1]] * 3
    assert not paths.scratch.exists()


def test_folds_learn_from_different_clips(learned):
    with FeatureFile(learned[0].out) as file:
        one, other = (file.read("s1_anger_0", fold).values for fold in ("fold-00", "fold-01"))
    assert np.abs(one - other).max() > 0


@pytest.mark.long
def test_two_workers_give_the_bytes_of_one(corpus, learned, tmp_path):
    paths, _ = tune(corpus, tmp_path, workers=2)
    assert paths.out.read_bytes() == learned[0].out.read_bytes()
    assert (paths.kept / "history.csv").read_bytes() == (learned[0].kept / "history.csv").read_bytes()


def test_labels_of_test_clips_change_nothing_in_their_fold(corpus, learned, tmp_path):
    other = {"anger": "happy", "happy": "anger"}
    for name in ("fold-00", "fold-02"):
        fold = toy.folds()[name]
        swapped = [
            Clip(**{**vars(c), "emotion": other[c.emotion]}) if fold[c.clip_id] == "test" else c for c in toy.clips()
        ]
        paths, _ = tune(corpus, tmp_path / name, clips=swapped, folds={name: fold})
        with FeatureFile(paths.out) as found, FeatureFile(learned[0].out) as before:
            for clip_id in found.clip_ids(name):
                np.testing.assert_array_equal(found.read(clip_id, name).values, before.read(clip_id, name).values)


def test_labels_of_training_clips_do_change_it(corpus, learned, tmp_path):
    fold = toy.folds()["fold-00"]
    other = {"anger": "happy", "happy": "anger"}
    swapped = [
        Clip(**{**vars(c), "emotion": other[c.emotion]}) if fold[c.clip_id] == "train" else c for c in toy.clips()
    ]
    paths, _ = tune(corpus, tmp_path, clips=swapped, folds={"fold-00": fold})
    with FeatureFile(paths.out) as found, FeatureFile(learned[0].out) as before:
        assert (
            np.abs(found.read("s1_anger_0", "fold-00").values - before.read("s1_anger_0", "fold-00").values).max() > 0
        )


def test_weights_are_kept_of_the_folds_that_are_asked_for(corpus, learned, tmp_path):
    paths, _ = tune(corpus, tmp_path, tuning=Tuning(toy.LOOP, ("fold-01",)))
    assert paths.out.read_bytes() == learned[0].out.read_bytes()
    assert sorted(p.relative_to(paths.kept).as_posix() for p in paths.kept.rglob("*.*")) == [
        "about.json", "fold-01/weights.pt", "fold-01/weights.pt.sha256", "history.csv",
    ]  # fmt: skip
    kept = load_weights(paths.kept / "fold-01")
    assert kept.config["classes"] == ["anger", "happy"]
    network = toy.model("alexnet", corpus / "weights").network(2)
    network.load_state_dict(kept.state)
    with FeatureFile(paths.out) as file, FeatureFile(paths.source) as source:
        model = toy.model("alexnet", corpus / "weights")
        windows = model.segments()(source.read("s2_happy_1"))
        again = list(fc7(network.eval(), batches(model, windows)))
        np.testing.assert_array_equal(file.read("s2_happy_1", "fold-01").values, again)
    with pytest.raises(SettingsError, match=r"no fold 'fold-1' \(did you mean 'fold-0"):
        tune(corpus, tmp_path, tuning=Tuning(toy.LOOP, ("fold-1",)))


KILLED = """
import sys; sys.path.insert(0, {tests!r}); sys.path.insert(0, {root!r}); sys.path.insert(0, {here!r})
from pathlib import Path
import torch; torch.set_num_threads(1)
import test_segment_features as t
t.tune(Path({corpus!r}), Path({folder!r}))
"""


@pytest.mark.slow
def test_a_killed_run_goes_on_with_the_folds_that_it_lacks(corpus, learned, tmp_path):
    root = Path(__file__).resolve().parents[3]
    here = str(Path(__file__).parent)
    program = KILLED.format(
        here=here, tests=str(root / "tests"), root=str(root), corpus=str(corpus), folder=str(tmp_path)
    )
    process = started(program)
    scratch = tmp_path / "scratch" / "tuned_alexnet"
    limit = time.monotonic() + 120
    while not list(scratch.glob("*/history.json")) and time.monotonic() < limit:
        assert process.is_alive(), "it ended before a fold was done"
        time.sleep(0.01)
    process.kill()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert not (tmp_path / "tuned_alexnet.h5").exists()
    paths, line = tune(corpus, tmp_path)
    assert "of them kept from an unfinished run" in line
    assert paths.out.read_bytes() == learned[0].out.read_bytes()
    assert (paths.kept / "history.csv").read_bytes() == (learned[0].kept / "history.csv").read_bytes()


def test_a_fold_of_other_settings_is_not_taken(corpus, tmp_path, monkeypatch):
    monkeypatch.setattr("pipeline.training.per_fold.shutil.rmtree", lambda *_, **__: None)  # an unfinished run
    fold = {"fold-00": toy.folds()["fold-00"]}
    tune(corpus, tmp_path, folds=fold)
    assert "kept from" in tune(corpus, tmp_path, folds=fold)[1]
    other = toy.LOOP.model_copy(update={"learning_rate": 0.02})
    assert "kept from" not in tune(corpus, tmp_path, tuning=Tuning(other), folds=fold)[1]


def test_bad_clips_cost_themselves_only(corpus, tmp_path):
    clips = toy.clips()
    short, blind, gone = clips[0].clip_id, clips[1].clip_id, clips[2].clip_id
    source = []
    for number, clip in enumerate(clips):
        frames = 3 if clip.clip_id == short else 12
        hidden = tuple(range(12)) if clip.clip_id == blind else ()
        if clip.clip_id != gone:
            source.append((clip.clip_id, toy.crops(number, clip.emotion, frames, hidden)))
    toy.write_weights(tmp_path / "weights")
    write_features(tmp_path / "eyes55.h5", FeatureMeta("eyes55", 4, "float32"), source)
    upstream = [*toy.ledger(), Entry(gone, "track_faces", "absent", "no_video", "no picture")]
    paths, line = tune(tmp_path, tmp_path, "c3d", upstream=upstream)
    assert line.startswith("extract:tuned_c3d: 9 ok, 1 degraded (too_short), 1 absent (no_video), 1 failed (no_face); ")
    entries = {e.clip_id: e for e in read_ledger(paths.ledger) if e.stage == "extract:tuned_c3d"}
    assert (entries[short].status, entries[short].reason, entries[short].detail) == (
        "degraded",
        "too_short",
        "0.120 of 0.175 s of pictures",
    )
    assert (entries[blind].status, entries[blind].reason) == ("failed", "no_face")
    assert (entries[gone].status, entries[gone].detail) == ("absent", "after track_faces")
    with FeatureFile(paths.out) as file:
        assert set(file.clip_ids("fold-00")) == {c.clip_id for c in clips} - {blind, gone}


def test_a_fold_without_training_segments_says_so(corpus, tmp_path):
    fold = {clip_id: "test" if part == "train" else part for clip_id, part in toy.folds()["fold-00"].items()}
    with pytest.raises(PipelineError, match="fold-00 has no clip to train on; see its ledger"):
        tune(corpus, tmp_path, folds={"fold-00": fold})


def test_a_class_that_training_lacks_is_no_error(corpus, tmp_path):
    clips = [c for c in toy.clips() if not (c.speaker == "s1" and c.emotion == "happy")]
    fold = {c.clip_id: toy.folds()["fold-00"][c.clip_id] for c in clips}
    paths, _ = tune(
        corpus, tmp_path, clips=clips, folds={"fold-00": fold}, upstream=[Entry(c.clip_id, "prepare") for c in clips]
    )
    with FeatureFile(paths.out) as file:
        assert len(file.clip_ids("fold-00")) == 10


def test_weights_of_another_network_are_refused(corpus, tmp_path):
    model = Model.of(
        "c3d", {"windows": toy.WINDOWS, "size": 16, "fc6": "adaptive"}, corpus / "weights" / "alexnet", "x"
    )
    with pytest.raises(WeightsError, match="these weights do not fit c3d"):
        model.network()


def test_the_last_layer_is_new_and_all_others_are_loaded(corpus):
    torch.manual_seed(1)
    network, loaded = (
        toy.model("alexnet", corpus / "weights").network(7),
        load_weights(corpus / "weights" / "alexnet").state,
    )
    for name, tensor in network.state_dict().items():
        if name.startswith("classifier.6"):
            assert tensor.shape[0] == 7
        else:
            assert torch.equal(tensor, loaded[name]), name


def test_a_new_fc6_is_not_taken_from_the_weights(corpus):
    settings = {"windows": toy.WINDOWS, "size": 112, "fc6": "new"}
    same = Model.of("c3d", settings, corpus / "weights" / "c3d", "x").network()
    assert torch.equal(same.fc6.weight, load_weights(corpus / "weights" / "c3d").state["fc6.weight"]), "112 fits"
    larger = Model.of("c3d", {**settings, "size": 227}, corpus / "weights" / "c3d", "x").network()
    assert larger.fc6.weight.shape[1] == 4 * same.fc6.weight.shape[1]


def pixel(corpus: Path, **changes) -> Model:
    settings = {"windows": toy.WINDOWS, "bands": 16, "standardise": "pixel", **changes}
    return Model.of("alexnet", settings, corpus / "weights" / "alexnet", "segments_audio.toy")


def test_every_pixel_is_standardised_by_the_training_windows_of_the_fold(corpus, tmp_path):
    """As in the authors' code of Zhang et al. 2017; the statistics are kept with the weights, and applied to the test
    clips.
    """
    model, fold = pixel(corpus), toy.folds()["fold-01"]
    paths = toy.paths(tmp_path, "pixel", "logmel")
    paths = replace(paths, source=corpus / "logmel.h5")
    given = ("pixel", model, Tuning(toy.LOOP, "all"), toy.clips(), toy.ledger(), {"fold-01": fold}, paths)
    tuned(*given, runtime(tmp_path))
    state = load_weights(paths.kept / "fold-01").state
    with FeatureFile(paths.source) as file:
        pictures = {
            clip: model.plugin.prepare(torch.from_numpy(np.stack(list(model.segments()(file.read(clip)).inputs))))
            for clip in file.clip_ids()
        }
        train = torch.cat([pictures[clip] for clip in pictures if fold[clip] == "train"]).double()
        torch.testing.assert_close(state["pixel_mean"], train.mean(0).float())
        torch.testing.assert_close(state["pixel_factor"], (1 / train.std(0)).float())
        (tested, *_) = (clip for clip in pictures if fold[clip] == "test")
        network = model.network(2)
        network.load_state_dict(state)
        plain = AlexNet(1 / 64, 2).eval()
        plain.load_state_dict({key: value for key, value in state.items() if not key.startswith("pixel_")})
        with torch.inference_mode():
            expected = plain.features((pictures[tested] - state["pixel_mean"]) * state["pixel_factor"])
            np.testing.assert_allclose(network.features(pictures[tested]), expected, rtol=1e-4, atol=1e-7)
    with FeatureFile(paths.out) as file:
        np.testing.assert_allclose(file.read(tested, "fold-01").values, expected, rtol=1e-4, atol=1e-7)
    job = SegmentJob("pixel", model, paths.source, paths.kept / "fold-01")
    assert job.meta().dimension == 64, "`predict` takes the statistics from the kept weights"


def test_pixels_that_never_change_become_nothing(corpus):
    network = pixel(corpus).network(2)
    inputs = torch.randn(7, 3, 227, 227)
    inputs[:, 1, 4, 5] = 2.0
    network.fit_inputs(iter(inputs.split(3)))
    assert network.pixel_factor[1, 4, 5] == 0
    assert (network.pixel_factor > 0).sum() == network.pixel_factor.numel() - 1
    network.fit_inputs(iter(inputs[:1].split(3)))
    assert (network.pixel_factor == 0).all(), "one window has no deviation"


def test_the_original_network_has_no_training_windows_to_standardise_by(corpus, tmp_path):
    paths = replace(toy.paths(tmp_path, "feature", "logmel"), source=corpus / "logmel.h5")
    with pytest.raises(SettingsError, match=r"segments_audio\.feature: .*standardise: pixel.*tune is null; give it"):
        original("feature", pixel(corpus), toy.clips(), toy.ledger(), paths, runtime(tmp_path))


def test_no_source(corpus, tmp_path):
    with pytest.raises(ArtifactError, match="no such feature file"):
        tune(tmp_path, tmp_path)
