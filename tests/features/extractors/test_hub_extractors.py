"""Encoders of a hub: tiny ones of the same classes, saved by them, against the classes' own forward pass."""

from __future__ import annotations

import itertools
import json
import socket

import numpy as np
import pytest
import soundfile

from helpers.hub import MODELS, published, saved
from pipeline.core import plugins
from pipeline.core.clip import Clip
from pipeline.core.errors import ClipError, SettingsError, WeightsError
from pipeline.core.store import ClipFeatures, FeatureMeta, joined
from pipeline.core.store_writer import write_features
from pipeline.features.extract_job import ExtractJob
from pipeline.features.extractors import hub_audio, hub_frames, hub_segments
from pipeline.media.audio_blocks import Audio
from pipeline.training.place import CPU, Place

pytest.importorskip("transformers", reason="the optional extra `hub` is not installed")
torch = pytest.importorskip("torch")

SOUND = ("wav2vec2", "wav2vec2_large", "hubert", "wavlm", "data2vec")
PICTURES = ("vit", "dinov2", "clip")


@pytest.fixture(scope="module")
def folder_of(tmp_path_factory):
    """Return the folder of weights of a model; made once."""
    torch.set_num_threads(1)
    root, made = tmp_path_factory.mktemp("hub"), {}
    return lambda name: made.get(name) or made.setdefault(name, published(name, root / name))


def noise(count: int) -> np.ndarray:
    return (0.1 + 0.2 * np.random.default_rng(count).standard_normal(count)).astype(np.float32)


def faces(count: int = 12, hidden: tuple[int, ...] = (3,)) -> ClipFeatures:
    crops = np.random.default_rng(2).integers(0, 256, (count, 50, 50, 3), np.uint8)
    mask = ~np.isin(np.arange(count), hidden)
    return ClipFeatures(np.zeros((count, 1), np.float32), 0.1 * np.arange(count), mask, {"crops": crops})


def own(name: str, folder, inputs: torch.Tensor):
    """Return what the class itself makes of ready inputs, with the states of all layers."""
    import transformers

    model = getattr(transformers, MODELS[name][0]).from_pretrained(folder, local_files_only=True).eval()
    with torch.inference_mode():
        return (model.encoder if name == "whisper" else model)(inputs, output_hidden_states=True)


def own_input(folder, samples: np.ndarray) -> torch.Tensor:
    import transformers

    made = transformers.AutoFeatureExtractor.from_pretrained(folder, local_files_only=True)
    return next(iter(made(samples, sampling_rate=16000, return_tensors="pt").values()))


@pytest.mark.parametrize("name", SOUND)
@pytest.mark.parametrize("count", [400, 16000, 20000 + 319])
def test_one_unpadded_clip_is_the_forward_pass_of_the_class(folder_of, name, count):
    folder, samples = folder_of(name), noise(count)
    expected = own(name, folder, own_input(folder, samples))
    for layers, values in (("last", expected.last_hidden_state), (1, expected.hidden_states[1]),
                           (0, expected.hidden_states[0])):  # fmt: skip
        found = joined(hub_audio.Extractor(hub_audio.Params(layers=layers), folder)(Audio.of(samples, 3000)))
        np.testing.assert_allclose(found.values, values[0].numpy(), atol=2e-5 * np.abs(values[0].numpy()).max())
    assert found.mask.all()
    np.testing.assert_allclose(found.times, 0.0125 + 0.02 * np.arange((count - 400) // 320 + 1))


def test_whisper_of_its_own_length_is_the_forward_pass_of_the_class(folder_of):
    """The class takes that length alone; a shorter clip is not padded to it."""
    folder, samples = folder_of("whisper"), noise(32000)
    expected = own("whisper", folder, own_input(folder, samples))
    params = hub_audio.Params(window_s=2, overlap_s=0.5)
    found = joined(hub_audio.Extractor(params, folder)(Audio.of(samples)))
    np.testing.assert_allclose(found.values, expected.last_hidden_state[0].numpy(), atol=2e-3)
    np.testing.assert_allclose(found.times, 0.02 * np.arange(100))
    short = joined(hub_audio.Extractor(params, folder)(Audio.of(samples[:8000])))
    assert len(short.values) == 25
    with pytest.raises(SettingsError, match=r"window_s is 3, but the encoder has positions for 2 s; lower it"):
        hub_audio.Extractor(hub_audio.Params(window_s=3, overlap_s=0.5), folder)


@pytest.mark.parametrize("name", ["wav2vec2", "wav2vec2_large", "wavlm", "whisper"])
@pytest.mark.parametrize("count", [32000, 32001, 54321, 48000 + 100])
def test_a_long_clip_has_windows_with_context_and_the_rows_of_the_whole(folder_of, name, count):
    folder, samples = folder_of(name), noise(count)
    made = hub_audio.Extractor(hub_audio.Params(window_s=2, overlap_s=0.5, layers=2), folder)
    found = joined(made(Audio.of(samples, 7001)))
    rows = (count // 160 + 1) // 2 if name == "whisper" else (count - 400) // 320 + 1
    assert len(found.values) == rows
    first = 0.0 if name == "whisper" else 0.0125
    np.testing.assert_allclose(found.times, first + 0.02 * np.arange(rows))
    if count > 32000:
        step, margin = 24000 // 320 * 320 + 0, 4000 // 320 * 320
        step = 32000 - 2 * margin
        prepare = made._input(Audio.of(samples))
        for number, begin in enumerate(range(0, count, step)):
            start = max(0, begin - margin)
            window = samples[start : begin + step + margin]
            if len(window) >= 400:
                with torch.inference_mode():
                    values = made.network(prepare(window)).numpy()[(begin - start) // 320 :][: step // 320]
                np.testing.assert_array_equal(found.values[number * step // 320 :][: len(values)], values)


@pytest.mark.parametrize("name", ["wav2vec2", "hubert", "wavlm", "data2vec", "whisper"])
def test_sound_alone_is_sound_among_others(folder_of, name):
    params = hub_audio.Params(window_s=2, overlap_s=0.4, layers="all", weights=(1, 2, 3, 4))
    made, samples = hub_audio.Extractor(params, folder_of(name)), noise(50000)
    alone = joined(hub_audio.Extractor(params, folder_of(name))(Audio.of(samples, 4000)))
    joined(made(Audio.of(noise(16000))))
    np.testing.assert_array_equal(joined(made(Audio.of(samples, 80000))).values, alone.values)


def test_a_weighted_mean_of_layers(folder_of):
    sound, folder = Audio.of(noise(16000)), folder_of("wavlm")

    def values(**params):
        return joined(hub_audio.Extractor(hub_audio.Params(**params), folder)(sound)).values

    each = [values(layers=number) for number in range(4)]
    assert all(np.abs(one - other).max() > 0.05 for one, other in itertools.pairwise(each))
    np.testing.assert_allclose(values(layers="all"), np.mean(each, axis=0), atol=1e-5)
    np.testing.assert_allclose(values(layers=(1, 3), weights=(3, 1)), 0.75 * each[1] + 0.25 * each[3], atol=1e-5)
    made = hub_audio.Extractor(hub_audio.Params(layers=1), folder)
    assert made.meta.layer == "layer 1 of 3 (16), WavLMModel"
    assert len(made.network.model.encoder.layers) == 1, "what lies behind is not built"


@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize(("layers", "pool"), [("last", "cls"), ("last", "mean"), (2, "cls"), (2, "mean")])
def test_faces_are_the_forward_pass_of_the_class(folder_of, name, layers, pool):
    import transformers

    folder, given = folder_of(name), faces()
    found = joined(hub_frames.Extractor(hub_frames.Params(layers=layers, pool=pool, every=2), folder)(given))
    np.testing.assert_array_equal(found.times, given.times[::2])
    np.testing.assert_array_equal(found.mask, given.mask[::2])
    processor = transformers.AutoImageProcessor.from_pretrained(folder, backend="pil")
    inputs = processor(list(given.extra["crops"][::2]), return_tensors="pt", input_data_format="channels_last")
    expected = own(name, folder, inputs["pixel_values"])
    tokens = expected.last_hidden_state if layers == "last" else expected.hidden_states[layers]
    values = tokens[:, 0] if pool == "cls" else tokens[:, 1:].mean(1)
    if name == "clip" and (layers, pool) == ("last", "cls"):
        values = expected.pooler_output
    np.testing.assert_allclose(found.values[found.mask], values.numpy()[found.mask], atol=1e-4)


def test_a_face_that_is_not_there_is_no_row_of_zeros(folder_of):
    made = hub_frames.Extractor(hub_frames.Params(), folder_of("vit"))
    found = joined(made(faces(hidden=(1, 2))))
    assert np.isnan(found.values[1:3]).all()
    np.testing.assert_array_equal(joined(made(faces(hidden=()))).values[[0, *range(3, 12)]],
                                  found.values[found.mask])  # fmt: skip
    with pytest.raises(ClipError, match="no_face"):
        joined(made(faces(hidden=tuple(range(12)))))


def test_windows_of_faces_are_the_forward_pass_of_the_class(folder_of):
    import transformers

    folder, given = folder_of("videomae"), faces(20, hidden=(3, 14, 15, 16, 17, 18, 19))
    params = hub_segments.Params(window_s=0.8, overlap_s=0.4)
    found = joined(hub_segments.Extractor(params, folder)(given))
    np.testing.assert_allclose(found.times, [0.4, 0.8, 1.2, 1.6])
    np.testing.assert_array_equal(found.mask, [True, True, True, False])
    assert np.isnan(found.values[3]).all()
    processor = transformers.AutoImageProcessor.from_pretrained(folder, backend="pil")
    for row, taken in enumerate([[0, 2, 5, 7], [4, 6, 9, 11], [8, 10, 13, 13]]):
        frames = list(given.extra["crops"][taken])
        inputs = processor([frames], return_tensors="pt", input_data_format="channels_last")["pixel_values"]
        expected = own("videomae", folder, inputs).last_hidden_state[0].mean(0).numpy()
        np.testing.assert_allclose(found.values[row], expected, atol=1e-4)


def test_the_last_window_ends_with_the_clip():
    params = hub_segments.Params(window_s=2, overlap_s=1)
    np.testing.assert_allclose(params.begins(5.0), [0, 1, 2, 3])
    np.testing.assert_allclose(params.begins(4.5), [0, 1, 2, 2.5])
    np.testing.assert_allclose(params.begins(1.2), [0])
    with pytest.raises(ValueError, match="not below window_s"):
        hub_segments.Params(window_s=1, overlap_s=1)


def test_two_features_of_one_extractor(folder_of, tmp_path):
    """Each block names its encoder and its extractor; the files bear the names of the blocks."""
    clip = Clip("c", "c.wav", "s", "anger", digest="0")
    jobs = [
        ExtractJob.of(
            name, {"extractor": "hub_audio", "layers": 1}, f"extract_sound.{name}", tmp_path, folder_of(name), place
        )
        for name, place in (("wavlm", CPU), ("hubert", CPU), ("hubert", Place("cpu", mixed_precision=True)))
    ]
    assert [job.meta().feature for job in jobs] == ["wavlm", "hubert", "hubert"]
    assert [job.stage for job in jobs] == ["extract:wavlm", "extract:hubert", "extract:hubert"]
    assert len({json.dumps(job.parts(clip), sort_keys=True) for job in jobs}) == 3
    soundfile.write(tmp_path / "c.wav", noise(16000), 16000)
    rows = [joined(job.compute(clip, job.load(clip), [])).values for job in jobs]
    assert np.abs(rows[0] - rows[1]).max() > 0.1
    assert not np.array_equal(rows[1], rows[2]), "it is applied in its place"
    np.testing.assert_allclose(rows[2], rows[1], atol=0.2 * np.abs(rows[1]).max())
    assert (jobs[0].params["layers"], "extractor" in jobs[0].params) == (1, False)
    write_features(tmp_path / "x.h5", FeatureMeta(**{**vars(jobs[0].meta())}), [])


def test_no_socket_is_opened(folder_of, monkeypatch):
    def refused(*_, **__):
        raise AssertionError("a stage reaches for the net")

    monkeypatch.setattr(socket, "socket", refused)
    monkeypatch.setattr(socket, "create_connection", refused)
    monkeypatch.setattr(socket, "getaddrinfo", refused)
    for name, plugin, given in (("wavlm", hub_audio, Audio.of(noise(16000))), ("dinov2", hub_frames, faces()),
                                ("videomae", hub_segments, faces())):  # fmt: skip
        joined(plugin.Extractor(plugin.Params(), folder_of(name))(given))


@pytest.mark.parametrize("layers", [4, (1, 7)])
def test_a_layer_that_is_not_there(folder_of, layers):
    with pytest.raises(
        SettingsError, match=r"extract_sound\.wavlm\.layers names [47], but .* has 3 blocks; name"
    ) as it:
        hub_audio.Extractor(hub_audio.Params(layers=layers), folder_of("wavlm"))
    assert "\n" not in str(it.value)


def test_weights_of_another_number_than_layers(folder_of):
    with pytest.raises(SettingsError, match=r"wavlm\.weights: 2 weights for 4 layers; give one for each, or none"):
        hub_audio.Extractor(hub_audio.Params(layers="all", weights=(1, 1)), folder_of("wavlm"))


def refused(folder, plugin=hub_audio, **params) -> str:
    with pytest.raises(WeightsError) as it:
        plugin.Extractor(plugin.Params(**params), folder)
    assert "\n" not in str(it.value)
    return str(it.value)


def changed(folder, tmp_path, name: str, **changes):
    """Return a folder of weights, one of whose descriptions says something else."""
    from pipeline.core.weights_file import save_published

    source = tmp_path / "changed"
    source.mkdir()
    for path in folder.iterdir():
        if path.name != "weights.json":
            (source / path.name).write_bytes(path.read_bytes())
    told = json.loads((source / name).read_text()) | changes
    (source / name).write_text(json.dumps(told))
    save_published(tmp_path / "feature", {path.stem: path for path in source.iterdir()}, ["x"], "made for a test")
    return tmp_path / "feature"


def test_another_rate_is_refused(folder_of, tmp_path):
    folder = changed(folder_of("wavlm"), tmp_path, "preprocessor_config.json", sampling_rate=24000)
    assert "sampling_rate is 24000, but sound is decoded at 16000 Hz; take an encoder of 16000 Hz" in refused(folder)


@pytest.mark.parametrize(
    ("plugin", "model_type", "words"),
    [
        (hub_audio, "wavml", "no architecture of hub_audio (did you mean 'wavlm'?); it reads wav2vec2, hubert"),
        (hub_audio, "bert", "no architecture of hub_audio"),
        (hub_audio, "dinov2", "write `extractor: hub_frames`"),
        (hub_frames, "wavlm", "write `extractor: hub_audio`"),
    ],
)
def test_another_architecture_is_refused(folder_of, tmp_path, plugin, model_type, words):
    folder = changed(folder_of("wavlm"), tmp_path, "config.json", model_type=model_type)
    assert words in refused(folder, plugin)


def test_weights_of_another_shape_or_not_whole_are_refused(folder_of, tmp_path):
    folder = changed(folder_of("wavlm"), tmp_path, "config.json", num_hidden_layers=4)
    assert "it lacks encoder.layers.3" in refused(folder)
    again = changed(folder_of("hubert"), tmp_path / "feature", "config.json", intermediate_size=25)
    assert "refused, no weights of HubertModel" in refused(again)


def test_a_changed_file_is_refused(tmp_path):
    folder = published("hubert", tmp_path)
    raw = bytearray((folder / "model.safetensors").read_bytes())
    raw[-1] ^= 1
    (folder / "model.safetensors").write_bytes(raw)
    assert "model.safetensors: refused, its digest in weights.json does not hold; delete" in refused(folder)


def test_files_of_other_heads_are_read(folder_of, tmp_path):
    """What is published is seldom the bare class: names begin with its own, heads lie behind."""
    import transformers

    made = transformers.Wav2Vec2ForCTC(transformers.Wav2Vec2Config.from_pretrained(folder_of("wav2vec2"), vocab_size=9))
    made.eval().save_pretrained(tmp_path / "saved")
    saved_files = saved("wav2vec2", tmp_path / "bare")
    (tmp_path / "saved" / "preprocessor_config.json").write_bytes(
        (saved_files / "preprocessor_config.json").read_bytes()
    )
    from pipeline.core.weights_file import save_published

    save_published(tmp_path / "w", {path.stem: path for path in (tmp_path / "saved").iterdir()}, ["x"], "test")
    samples = noise(16000)
    found = joined(hub_audio.Extractor(hub_audio.Params(), tmp_path / "w")(Audio.of(samples)))
    with torch.inference_mode():
        expected = made.wav2vec2(own_input(tmp_path / "w", samples)).last_hidden_state[0].numpy()
    np.testing.assert_allclose(found.values, expected, atol=1e-5)


def test_all_plugins_are_there():
    assert {"hub_audio", "hub_frames", "hub_segments"} <= set(plugins.names("extractors"))
