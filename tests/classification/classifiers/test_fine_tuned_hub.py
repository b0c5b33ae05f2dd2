"""`fine_tuned` on encoders of a model hub: tiny ones with random weights, saved by the classes of transformers."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from helpers import segments as corpus
from helpers.classifiers import SETTINGS, toy
from helpers.hub import SMALL, published
from pipeline.classification.classifiers import fine_tuned
from pipeline.classification.cross_validation import cross_validate
from pipeline.classification.model_spec import FeatureRecipe
from pipeline.core.errors import SettingsError, WeightsError
from pipeline.core.store import ClipFeatures, joined
from pipeline.core.store_writer import write_features
from pipeline.core.weights_file import load_published
from pipeline.features.extractors import hub_audio
from pipeline.media.audio_blocks import Audio
from pipeline.networks.hub_top import top_of
from pipeline.training.datasets import Dataset

pytest.importorskip("transformers", reason="the optional extra `hub` is not installed")
torch = pytest.importorskip("torch")

SOUND = ("wav2vec2", "wav2vec2_large", "hubert", "wavlm", "data2vec", "whisper")


@pytest.fixture(scope="module")
def folder_of(tmp_path_factory):
    """Return the folder of weights of a model; made once."""
    torch.set_num_threads(1)
    root, made = tmp_path_factory.mktemp("hub"), {}
    return lambda name: made.get(name) or made.setdefault(name, published(name, root / name))


def extractor(folder: Path, layers) -> hub_audio.Extractor:
    return hub_audio.Extractor(hub_audio.Params(layers=layers, window_s=2, overlap_s=0.5), folder)


def params(**changes) -> fine_tuned.Params:
    return fine_tuned.Params(**{**SETTINGS["fine_tuned"], **changes})


def rows_of_an_encoder(count: int, seed: int) -> Dataset:
    """Return clips with rows as wide as those of the tiny encoders."""
    data = toy(count, seed)
    wide = [np.tile(rows, (1, SMALL["hidden_size"] // rows.shape[1] + 1)) for rows in data.sequences]
    return replace(data, sequences=[rows[:, : SMALL["hidden_size"]] for rows in wide])


@pytest.mark.parametrize("behind", [1, 2])
@pytest.mark.parametrize("name", SOUND)
def test_the_top_on_rows_of_a_layer_is_the_rest_of_the_encoder(folder_of, name, behind):
    folder = folder_of(name)
    sound = Audio.of(0.2 * np.random.default_rng(1).standard_normal(16000).astype(np.float32))
    rows, last = (joined(extractor(folder, layers)(sound)).values for layers in (behind, "last"))
    with torch.inference_mode():
        found = top_of(folder, behind).eval()(torch.from_numpy(rows)).numpy()
    np.testing.assert_allclose(found, last, atol=2e-5 * np.abs(last).max())


@pytest.mark.parametrize("name", ["wavlm", "hubert", "whisper"])
def test_only_the_last_layers_learn_and_the_file_gives_the_same_posteriors(folder_of, name, tmp_path):
    settings = params(trained_layers=2, layer_decay=0.5, epochs=2)
    model = fine_tuned.Classifier(settings, 3, folder_of(name))
    model.fit(rows_of_an_encoder(24, 0), rows_of_an_encoder(12, 1))
    assert [group["factor"] for group in model._groups()] == [10.0, 1.0, 0.5]
    begun, after = model.source.state_dict(), model.network.top.state_dict()
    changed = {key for key in begun if not torch.equal(begun[key], after[key])}
    assert {key for key in begun if key.endswith("q_proj.weight")} <= changed
    assert not any(key.startswith("bias.") for key in changed), "what all blocks share stays"
    assert name != "wavlm" or "bias.rel_attn_embed.weight" in begun
    model.save(tmp_path / "fold-00")
    again = fine_tuned.Classifier(settings, 3, folder_of(name))
    again.load(tmp_path / "fold-00")
    clips = rows_of_an_encoder(6, 3)
    np.testing.assert_array_equal(again.predict(clips), model.predict(clips))


def test_rows_of_another_layer_or_encoder_are_refused(folder_of):
    folder, meta = folder_of("wavlm"), extractor(folder_of("wavlm"), 2).meta
    fine_tuned.check_input(meta, folder)
    fine_tuned.check_layer(meta, folder, params())
    with pytest.raises(SettingsError, match=r"trained_layers is 2 of 3, but hub_audio has rows of layer 2; make the"):
        fine_tuned.check_layer(meta, folder, params(trained_layers=2))
    with pytest.raises(SettingsError, match="has rows of layer last"):
        fine_tuned.check_layer(extractor(folder, "last").meta, folder, params())
    with pytest.raises(SettingsError, match="was not made by the encoder of"):
        fine_tuned.check_input(meta, folder_of("hubert"))


def test_an_encoder_of_pictures_or_with_an_adapter_is_refused(folder_of, tmp_path):
    with pytest.raises(WeightsError, match="an encoder for hub_frames; fine_tuned takes those of hub_audio alone"):
        fine_tuned.Classifier(params(), 3, folder_of("dinov2"))
    with pytest.raises(WeightsError, match="has an adapter behind its blocks, which is not fine-tuned"):
        fine_tuned.Classifier(params(), 3, published("wav2vec2", tmp_path, add_adapter=True))


def test_every_fold_is_trained_on_the_features_of_a_hub_and_tells_its_weights(folder_of, tmp_path):
    folder, made = folder_of("wavlm"), extractor(folder_of("wavlm"), 2)
    data = rows_of_an_encoder(len(corpus.clips()), 3).sequences
    found = []
    for clip, rows in zip(corpus.clips(), data, strict=True):
        times = np.arange(len(rows)) / 50
        found.append((clip.clip_id, ClipFeatures(rows.astype(np.float32), times, np.ones(len(rows), bool))))
    write_features(tmp_path / "wavlm.h5", replace(made.meta, feature="wavlm"), found)
    recipe = FeatureRecipe.of(fine_tuned, params(epochs=1), tmp_path / "wavlm.h5", folder, "train.fine_tuned")
    cross_validate("wavlm-fine_tuned", recipe, corpus.clips(), corpus.folds(), corpus.ledger(), tmp_path / "out", 1)
    told = json.loads((tmp_path / "out/about.json").read_text())
    assert set(told["weights"].split()) == {load_published(folder).sha256}
    assert "made for a test" in told["origin"]
    assert len(list((tmp_path / "out").glob("fold-*.pt"))) == len(corpus.folds())
