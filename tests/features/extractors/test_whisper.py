"""whisper on clips of any length: which windows go through the encoder, which rows come out, and when they are."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile
import torch

from pipeline.audio.whisper_mel import whisper_mel
from pipeline.core.clip import Clip
from pipeline.core.errors import ClipError, SettingsError, WeightsError
from pipeline.core.settings import parse
from pipeline.core.store import joined
from pipeline.core.weights_file import save_weights
from pipeline.features.extract_job import ExtractJob
from pipeline.features.extractors import whisper
from pipeline.media.audio_blocks import Audio
from pipeline.networks.whisper_encoder import WhisperEncoder
from pipeline.training.place import CPU, Place

SHAPE = {"bands": 80, "width": 8, "layers": 3, "heads": 2, "positions": 200}  # windows of 4 s


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whisper")
    torch.manual_seed(0)
    network = WhisperEncoder(**SHAPE)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    save_weights(folder, network.state_dict(), {"network": SHAPE, "speakers": []}, "made for a test")
    return folder


def extractor(weights, **params) -> whisper.Extractor:
    torch.set_num_threads(1)
    return whisper.Extractor(whisper.Params(**params), weights)


def noise(count: int) -> np.ndarray:
    return (0.1 * np.random.default_rng(count).standard_normal(count)).astype(np.float32)


@pytest.mark.parametrize("count", [400, 16000, 16000 + 319, 64000])
def test_a_clip_of_one_window_is_not_padded(weights, count):
    made, samples = extractor(weights), noise(count)
    found = joined(made(Audio.of(samples, 3000)))
    with torch.inference_mode():
        whole = made.network(torch.from_numpy(whisper_mel(samples))[None])[0].numpy()
    np.testing.assert_array_equal(found.values, whole)
    np.testing.assert_allclose(found.times, 0.02 * np.arange((count // 160 + 1) // 2))
    assert found.times[-1] < count / 16000
    assert found.mask.all()


@pytest.mark.parametrize("count", [64001, 96000 + 159, 96000 + 160, 200_000, 96001])
def test_a_long_clip_has_windows_that_see_a_second_to_either_side(weights, count):
    made, samples = extractor(weights), noise(count)
    found = joined(made(Audio.of(samples, 7001)))
    assert len(found.values) == (count // 160 + 1) // 2
    np.testing.assert_allclose(found.times, 0.02 * np.arange(len(found.values)))
    expected = []
    for begin in range(0, count, 32000):
        first = max(0, begin - 16000)
        with torch.inference_mode():
            mel = torch.from_numpy(whisper_mel(samples[first : begin + 48000]))
            rows = made.network(mel[None])[0].numpy()
        expected.append(rows[(begin - first) // 320 :][:100])
    np.testing.assert_array_equal(found.values, np.concatenate(expected))


def test_no_window_is_longer_than_the_encoder_has_positions(weights, monkeypatch):
    lengths = []
    monkeypatch.setattr(whisper, "whisper_mel", lambda samples: lengths.append(len(samples)) or whisper_mel(samples))
    joined(extractor(weights)(Audio.of(noise(500_000), 7001)))
    assert max(lengths) == 64000
    assert len(lengths) == 16


def test_a_clip_alone_is_a_clip_among_others(weights):
    made, samples = extractor(weights), noise(100_000)
    alone = joined(extractor(weights)(Audio.of(samples, 5000)))
    joined(made(Audio.of(noise(16000))))
    again = joined(made(Audio.of(samples, 80000)))
    np.testing.assert_array_equal(again.values, alone.values)


def test_layers(weights):
    samples = Audio.of(noise(16000))
    made = {layer: extractor(weights, layer=layer) for layer in (1, 2, 3, "last")}
    rows = {layer: joined(one(samples)).values for layer, one in made.items()}
    normalised = made["last"].network.norm(torch.from_numpy(rows[3])).detach().numpy()
    np.testing.assert_allclose(rows["last"], normalised, atol=1e-5)
    assert all(np.abs(rows[one] - rows[other]).max() > 0.1 for one, other in [(1, 2), (2, 3), (3, "last")])
    assert made[2].meta.layer == "encoder block 2 of 3 (8)"
    assert made["last"].meta.layer == "encoder block last of 3 (8)"
    assert made[2].meta.params == {"layer": 2}
    assert parse(whisper.Params, {}, "x").layer == "last"


def test_a_layer_that_is_not_there_is_one_line(weights):
    with pytest.raises(
        SettingsError, match=r"extract_sound\.whisper\.layer is 4, but .* has 3 blocks; name one"
    ) as told:
        extractor(weights, layer=4)
    assert "\n" not in str(told.value)
    for odd in (0, -1, "first", 1.5):
        with pytest.raises(SettingsError, match=r"params\.yaml: extract_sound\.whisper"):
            ExtractJob.of("whisper", {"layer": odd}, "extract_sound.whisper", weights, weights)


def test_it_needs_its_weights():
    with pytest.raises(WeightsError, match="dvc repro fetch_weights@whisper"):
        whisper.Extractor(whisper.Params(), None)


@pytest.mark.parametrize("count", [0, 399])
def test_less_than_a_frame(weights, count):
    with pytest.raises(ClipError) as caught:
        joined(extractor(weights)(Audio.of(noise(count))))
    assert caught.value.reason == "too_short"


def test_silence_is_observed(weights):
    found = joined(extractor(weights)(Audio.of(np.zeros(70000, np.float32))))
    assert found.mask.all()


def test_the_first_spectrogram_is_made_where_the_clip_is_read(weights, tmp_path, monkeypatch):
    """In the thread beside the forward pass of the clip before; further windows are made as they are needed."""
    soundfile.write(tmp_path / "c.wav", noise(160_000), 16000)
    job, made = ExtractJob.of("whisper", {}, "extract_sound.whisper", tmp_path, weights), []
    monkeypatch.setattr(whisper, "whisper_mel", lambda samples: made.append(len(samples)) or whisper_mel(samples))
    loaded = job.load(Clip("c", "c.wav", "s", "anger", digest="0"))
    assert len(made) == 1
    assert len(joined(job.compute(Clip("c", "c.wav", "s", "anger", digest="0"), loaded, [])).values) == 500
    assert len(made) == 5


def test_it_is_applied_in_its_place(weights, tmp_path):
    """In bfloat16, since the tests have no other device: another key, coarser values."""
    jobs = [ExtractJob.of("whisper", {}, "extract_sound.whisper", tmp_path, weights, place)
            for place in (CPU, Place("cpu", mixed_precision=True))]  # fmt: skip
    clip = Clip("c", "c.wav", "s", "anger", digest="0")
    soundfile.write(tmp_path / "c.wav", noise(16000), 16000)
    exact, coarse = (joined(job.compute(clip, job.load(clip), [])).values for job in jobs)
    assert jobs[0].parts(clip) != jobs[1].parts(clip)
    assert not np.array_equal(exact, coarse)
    np.testing.assert_allclose(coarse, exact, atol=0.1 * np.abs(exact).max())
