"""`pipeline.features.aligned.job` and its stage: rows, layers and masks, keys, bad input, leakage, and what inspect
shows.
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import yaml

from helpers import warm
from helpers.shipped import shipped
from pipeline.classification.end_to_end.network import FaceClips, middle
from pipeline.cli.inspect.artifact import describe
from pipeline.core.clip import Clip, write_manifest
from pipeline.core.errors import SettingsError, WeightsError
from pipeline.core.ledger import Entry, read_ledger, write_ledger
from pipeline.core.settings import Runtime
from pipeline.core.store import ClipFeatures, FeatureFile, FeatureMeta, joined
from pipeline.core.store_writer import write_features
from pipeline.core.weights_file import save_weights
from pipeline.engine.clip_cache import cache_key
from pipeline.engine.run import run
from pipeline.features.aligned import job as job_module
from pipeline.features.aligned.job import LARGEST, ClipFeatureJob, ClipFeatureParams, ClipModel
from pipeline.networks.c3d import C3D
from pipeline.networks.face_resnet import FaceResNet
from pipeline.networks.vgg_face import VggFace
from pipeline.training.place import Place

ROOT = Path(__file__).resolve().parents[3]
NETWORKS = {
    "vggface": (VggFace, {"width": 1 / 32, "classes": 3, "size": 32}, {"size": 32}),
    "pyramid": (FaceResNet, {"width": 1 / 32, "identities": 3, "size": 40}, {"size": 40}),
    "c3d": (C3D, {"width": 1 / 64, "classes": 3, "size": 16, "fc6": "adaptive"}, {"size": 16, "fc6": "adaptive"}),
}
"""Network of the source task, what builds it, and the plugin's settings."""
LAYERS = {
    "vggface": [("fc6", (128,))],
    "pyramid": [("pool1b", (2, 18, 15)), ("pool3", (8, 3, 3)), ("fc5", (16,))],
    "c3d": [("fc7", (64,))],
}
CLIPS = [Clip(f"c{number}", f"c{number}.mp4", f"s{number}", "anger", digest=str(number)) for number in range(3)]
HIDDEN = {"c0": (), "c1": (0, 7, 8), "c2": tuple(range(16))}
"""Frames without a face."""


def aligned(number: int, hidden: tuple[int, ...] = ()) -> ClipFeatures:
    """What `align_faces` gives for one clip; the crops are 48 px."""
    rng = np.random.default_rng(number)
    mask = ~np.isin(np.arange(16), hidden)
    crops = rng.integers(0, 256, (16, 48, 48, 3)).astype(np.uint8) * mask[:, None, None, None].astype(np.uint8)
    boxes = np.where(mask[:, None], 5.0, np.nan).astype(np.float32).repeat(4, axis=1)
    extra = {"crops": crops, "score": mask.astype(np.float32), "landmarks": np.zeros((16, 5, 2), np.float32)}
    return ClipFeatures(boxes, 0.1 * np.arange(16), mask, extra)


def write_source(path: Path, clips: dict[str, ClipFeatures] | None = None) -> Path:
    found = clips or {clip.clip_id: aligned(n, HIDDEN[clip.clip_id]) for n, clip in enumerate(CLIPS)}
    write_features(path, FeatureMeta("aligned", 4, "float32"), sorted(found.items()))
    return path


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("weights")
    for number, (name, (build, shape, _)) in enumerate(NETWORKS.items()):
        torch.manual_seed(number)
        save_weights(
            folder / name, build(**shape).state_dict(), {"network": shape, "speakers": ["f01", "f02"]}, "toy weights"
        )
    return folder


@pytest.fixture
def job(weights, tmp_path):
    def make(name: str, batch: int = 5, **changes) -> ClipFeatureJob:
        settings = {**NETWORKS[name][2], **changes}
        source = tmp_path / "aligned.h5"
        params = ClipFeatureParams(network=name, settings=settings, batch=batch)
        return ClipFeatureJob.of(name, params, weights / name, source if source.exists() else write_source(source))

    return make


def computed(job: ClipFeatureJob, clip: ClipFeatures) -> ClipFeatures:
    return joined(job.compute(CLIPS[0], clip, []))


def key_of(job: ClipFeatureJob, clip: Clip = CLIPS[0]) -> str:
    return cache_key(**job.parts(clip))


def made(job: ClipFeatureJob, folder: Path) -> Path:
    runtime = Runtime(workers=1, clip_cache=str(folder / "cache"), max_failed_fraction=1)
    run(job, CLIPS, [], job.meta(), folder / "x.h5", folder / "x.csv", runtime)
    return folder / "x.h5"


@pytest.mark.parametrize("name", ["vggface", "pyramid"])
def test_a_row_per_frame_with_a_face_layers_side_by_side(job, tmp_path, name):
    one = job(name)
    with FeatureFile(made(one, tmp_path)) as file, FeatureFile(one.source) as source:
        assert file.clip_ids() == ["c0", "c1"]
        assert file.meta.layers == tuple(LAYERS[name])
        assert file.meta.dimension == sum(file.meta.widths)
        assert (file.meta.dtype, file.meta.origin) == ("float16", "toy weights")
        assert file.meta.params == {**one.model.params.model_dump(mode="json"), "network": name, "batch": 5}
        for clip_id in file.clip_ids():
            found, faces = file.read(clip_id), source.read(clip_id)
            np.testing.assert_array_equal(found.times, faces.times)
            np.testing.assert_array_equal(found.mask, faces.mask)
            assert np.isnan(found.values[~found.mask]).all()
            build, shape, _ = NETWORKS[name]
            network = build(**shape).eval()
            network.load_state_dict(one.model.loaded().state)
            height, width = (round(48 * share) for share in one.model.plugin.WINDOW)
            top, left = (48 - height) // 2, (48 - width) // 2
            window = faces.extra["crops"][faces.mask][:, top : top + height, left : left + width]
            inputs = one.model.plugin.prepare(one.model.params, torch.from_numpy(window)[None])[0]
            with torch.inference_mode():
                layers = [network.features(inputs)] if name == "vggface" else network.pyramid(inputs)
            expected = torch.cat([layer.flatten(1) for layer in layers], 1).numpy()
            assert np.abs(expected).max() > 0.1
            np.testing.assert_allclose(
                found.values[found.mask], expected, rtol=2e-3, atol=1e-3 * np.abs(expected).max()
            )
    entries = {entry.clip_id: entry for entry in read_ledger(tmp_path / "x.csv")}
    assert (entries["c2"].status, entries["c2"].reason) == ("failed", "no_face")
    assert entries["c1"].status == "ok"


def test_a_clip_network_gives_one_row_and_takes_the_nearest_face(job, tmp_path):
    one = job("c3d")
    with FeatureFile(made(one, tmp_path)) as file:
        assert file.meta.layers == (("fc7", (64,)),)
        found = file.read("c1")
    assert found.values.shape == (1, 64)
    assert found.times.tolist() == pytest.approx([0.75])
    crops = aligned(1, HIDDEN["c1"]).extra["crops"]
    crops[[0, 7, 8]] = crops[[1, 6, 9]]
    with torch.inference_mode():
        expected = one.model.network().layers(one.model.prepared(crops))[0][0]
    np.testing.assert_allclose(found.values, expected.numpy(), rtol=2e-3, atol=1e-3)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_kept_feature_and_the_network_end_to_end_get_equal_arrays(job, tmp_path, monkeypatch, name):
    """Ouyang et al. 2017, Table 4, compares the two: they have to see the same frames of the same faces."""
    one, seen = job(name, batch=16), []

    def layers(inputs: torch.Tensor) -> list[torch.Tensor]:
        seen.append(inputs)
        return one.model.network().layers(inputs)

    monkeypatch.setattr(job_module, "_network", lambda model, place: SimpleNamespace(layers=layers))
    clips = FaceClips.of(one.source, CLIPS, ["anger"])
    for number, clip_id in enumerate(clips.ids):
        clip = one.load(CLIPS[number])
        computed(one, clip)
        given = middle(one.model, clips, [number])
        shown = clip.mask if one.model.plugin.HEAD == "lstm" else slice(None)
        assert torch.equal(seen.pop(), given[:, shown]), clip_id


def test_the_shipped_systems_compare_networks_on_the_same_faces():
    params = shipped()
    combined = params["systems"]["ouyang2017"]["combined"]
    kept, whole = ({name.partition("-")[0] for name in combined[of]["of"]} for of in ("cached", "end_to_end"))
    assert kept == whole == {"vggface", "pyramid", "c3d"}
    for name in kept:
        feature = params["clip_features"][name]
        assert (feature["network"], feature["settings"]) == (name, params["end_to_end"][name]["settings"])


def test_what_is_observed_does_not_hang_on_the_size_of_batches(job, tmp_path):
    clip = aligned(0)
    values = [computed(job("pyramid", batch), clip).values.astype(float) for batch in (1, 16)]
    np.testing.assert_allclose(*values, rtol=2e-3, atol=1e-3)
    assert np.array_equal(values[0], computed(job("pyramid", 1), clip).values), "twice the same bits"


def test_the_network_is_applied_in_its_place(job, weights):
    """In bfloat16, since the tests have no other device: another key, coarser values, and nothing else."""
    one = job("pyramid")
    coarse = replace(one, place=Place("cpu", mixed_precision=True))
    assert key_of(one) != key_of(coarse)
    exact, found = (computed(made_, aligned(0)).values.astype(float) for made_ in (one, coarse))
    assert not np.array_equal(exact, found)
    np.testing.assert_allclose(found, exact, atol=0.05 * np.abs(exact).max())


def test_a_grid_makes_fewer_columns(job):
    meta = job("pyramid", grid=[3, 2]).meta()
    assert meta.layers == (("pool1b", (2, 3, 2)), ("pool3", (8, 3, 2)), ("fc5", (16,)))
    assert meta.dimension == 12 + 48 + 16


def test_values_beyond_float16_are_kept_as_its_largest(job, weights, tmp_path):
    build, shape, settings = NETWORKS["pyramid"]
    torch.manual_seed(1)
    state = build(**shape).state_dict()
    state["fc5.bias"][:2] = torch.tensor([1e6, -1e6])
    save_weights(tmp_path / "large", state, {"network": shape, "speakers": []}, "toy weights")
    one = replace(job("pyramid"), model=ClipModel.of("pyramid", settings, tmp_path / "large", "clip_features.x"))
    values = computed(one, aligned(0)).values
    assert (values[:, -16] == LARGEST).all()
    assert (values[:, -15] == -LARGEST).all()
    assert np.isfinite(values).all()


def test_the_key_follows_faces_settings_batch_and_weights(job, weights, tmp_path):
    one = job("vggface")
    key = key_of(one)
    assert key_of(one) == key
    keys = {
        key_of(one, CLIPS[1]),
        key_of(job("vggface", 4)),
        key_of(job("vggface", size=40)),
        key_of(job("pyramid")),
    }
    build, shape, settings = NETWORKS["vggface"]
    torch.manual_seed(9)
    save_weights(tmp_path / "other", build(**shape).state_dict(), {"network": shape, "speakers": []}, "toy weights")
    keys.add(key_of(replace(one, model=ClipModel.of("vggface", settings, tmp_path / "other", "x"))))
    write_source(tmp_path / "aligned.h5", {"c0": aligned(5)})
    keys.add(key_of(one))
    assert len(keys | {key}) == 7


@pytest.mark.parametrize(
    ("name", "settings", "words"),
    [
        (
            "vgface",
            {},
            r"params\.yaml: clip_features\.x\.network: no clip_networks plugin 'vgface' \(did you mean 'vggface'\?\)",
        ),
        ("pyramid", {"gird": [1, 1]}, r"clip_features\.x\.settings\.gird: no such setting \(did you mean 'grid'\?\)"),
        ("pyramid", {"grid": [0, 1]}, r"clip_features\.x\.settings\.grid\.0: .* greater than or equal to 1"),
        ("vggface", {"normalise": "faces"}, r"clip_features\.x\.settings\.normalise: .*'face' or 'imagenet'"),
    ],
)
def test_wrong_settings(weights, name, settings, words):
    with pytest.raises(SettingsError, match=words):
        ClipModel.of(name, settings, weights / "vggface", "clip_features.x")


def test_settings_that_leave_weights_at_random(job):
    with pytest.raises(
        SettingsError, match=r"clip_features\.c3d\.settings leave fc6\.weight at random; choose the size or fc6"
    ):
        job("c3d", fc6="new", size=32)


def test_weights_of_another_network(weights):
    model = ClipModel.of("vggface", {"size": 32}, weights / "pyramid", "clip_features.x")
    with pytest.raises(WeightsError, match=r"these weights do not fit vggface with its settings: classifier\.0\.bias"):
        model.network()


def stage(folder: Path, weights: Path, *corpus: Clip) -> subprocess.CompletedProcess[str]:
    """Run the stage for the pyramid on a corpus."""
    block = {"network": "pyramid", "settings": {"size": 40}, "batch": 8}
    settings = {"clip_features": {"pyramid": block}, "runtime": {"workers": 1, "clip_cache": str(folder / "cache")}}
    (folder / "params.yaml").write_text(
        yaml.safe_dump({**settings, "corpora": {"toy": {"root": "."}}}), encoding="utf-8"
    )
    write_source(folder / "aligned.h5", {clip.clip_id: aligned(n) for n, clip in enumerate(corpus)})
    write_manifest(folder / "manifest.csv", corpus)
    write_ledger(folder / "aligned.ledger.csv", [Entry(clip.clip_id, "align_faces") for clip in corpus])
    paths = {"source": "aligned.h5", "manifest": "manifest.csv", "upstream": "aligned.ledger.csv", "out": "pyramid.h5"}
    words = [word for key, path in paths.items() for word in (f"--{key}", path)]
    command = [
        warm.folder() / "python",
        "-m",
        "stages.clip_features",
        "--corpus",
        "toy",
        "--feature",
        "pyramid",
        *words,
    ]
    command += ["--ledger", "pyramid.ledger.csv", "--weights", str(weights / "pyramid")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_the_stage_and_what_inspect_shows(weights, tmp_path):
    contents = []
    for folder in (tmp_path / "a", tmp_path / "b"):
        folder.mkdir()
        done = stage(folder, weights, *CLIPS[:2])
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines()[-1].startswith("extract:pyramid: 2 ok")
        contents.append((folder / "pyramid.h5").read_bytes())
    assert contents[0] == contents[1]
    text = describe(tmp_path / "a" / "pyramid.h5")
    assert all(
        words in text
        for words in (
            "pool1b (2, 18, 15), columns 0 to 539",
            "pool3 (8, 3, 3), columns 540 to 611",
            "fc5 (16,), columns 612 to 627",
        )
    )
    assert "16x628" in text


@pytest.mark.slow
def test_weights_that_have_met_a_speaker_of_the_corpus(weights, tmp_path):
    done = stage(tmp_path, weights, CLIPS[0], Clip("c1", "c1.mp4", "f02", "happy", digest="1"))
    assert done.returncode == 1
    assert (
        done.stderr.strip() == "error: pretrain.pyramid: its source corpus holds f02 of the emotion corpus; remove them"
    )
    assert not (tmp_path / "pyramid.h5").exists()
