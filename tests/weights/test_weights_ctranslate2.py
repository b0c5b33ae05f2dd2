"""Models of CTranslate2 give our networks, whole or quantised; anything else ends in one line."""

from __future__ import annotations

import contextlib
import dataclasses
import random

import numpy as np
import pytest
import torch

from helpers.ctranslate2_files import model, text, variable
from helpers.weights import entry
from pipeline.core.errors import WeightsError
from pipeline.networks.whisper_encoder import WhisperEncoder
from pipeline.weights import activation
from pipeline.weights.activation import checked_state
from pipeline.weights.convert import state_of
from pipeline.weights.ctranslate2 import read_ctranslate2
from pipeline.weights.layer_maps import MAPS

SMALL = {"bands": 80, "width": 8, "layers": 4, "heads": 2, "positions": 200}
THEIRS = {
    "attention_norm": "self_attention/layer_norm",
    "projections": "self_attention/linear_0",
    "attended": "self_attention/linear_1",
    "dense_norm": "ffn/layer_norm",
    "dense1": "ffn/linear_0",
    "dense2": "ffn/linear_1",
}
NORMS = {"weight": "gamma", "bias": "beta"}


def their_name(key: str) -> str:
    """Return what CTranslate2 calls a tensor of our encoder."""
    layer, _, parameter = key.rpartition(".")
    parameter = NORMS[parameter] if layer.endswith("norm") else parameter
    if layer.startswith("blocks."):
        _, number, part = layer.split(".")
        layer = f"layer_{number}/{THEIRS[part]}"
    layer = {"positions": "position_encodings", "norm": "layer_norm"}.get(layer, layer)
    return f"encoder/{layer}/{parameter}"


def variables(network: WhisperEncoder, kind: str = "float16") -> dict[str, np.ndarray]:
    """Return an encoder as a converter of CTranslate2 writes it, with its settings and a piece of the decoder."""
    found = {}
    for key, tensor in network.state_dict().items():
        values, name = tensor.numpy(), their_name(key)
        if kind in ("int8", "int16") and values.ndim == 2 and not key.startswith("positions"):
            most = np.abs(values).max(axis=1) if kind == "int8" else np.abs(values).max()
            scale = np.float32(np.iinfo(kind).max) / most.astype(np.float32)
            found[f"{name}_scale"] = np.asarray(scale)
            found[name] = np.rint(values * scale.reshape(-1, 1)).astype(kind)
        else:
            found[name] = values.astype("float16" if kind == "float16" else "float32")
    settings = {"encoder/num_heads": np.int16(2), "decoder/alibi": np.int8(0)}
    return {**found, **settings, "decoder/embeddings/weight": np.ones((3, 2), np.float16)}


@pytest.fixture
def network() -> WhisperEncoder:
    torch.manual_seed(0)
    made = WhisperEncoder(**SMALL).eval()
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return made


@pytest.fixture
def file(tmp_path, monkeypatch):
    """Write a model, and return its path and its entry of a registry."""
    monkeypatch.setitem(MAPS, "whisper_tiny", dataclasses.replace(MAPS["whisper_tiny"], network=SMALL))

    def make(raw: bytes, **fields):
        path = tmp_path / "model.bin"
        path.write_bytes(raw)
        return entry(tmp_path, "file", file=path.name, layers="whisper_tiny", format="ctranslate2", **fields), path

    return make


@pytest.mark.parametrize(("kind", "near"), [("float32", 0), ("float16", 1e-3), ("int8", 5e-3), ("int16", 1e-4)])
@pytest.mark.parametrize("version", [4, 6])
def test_an_encoder_is_what_it_was(file, network, kind, near, version):
    aliases = {"decoder/projection/weight": "decoder/embeddings/weight"}
    state, ignored = state_of(*file(model(variables(network, kind), version, aliases)))
    assert ignored == ["decoder (1 tensors)"]
    assert {tensor.dtype for tensor in state.values()} == {torch.float32}
    for key, tensor in network.state_dict().items():
        assert (state[key] - tensor).abs().max() <= near * tensor.abs().max(), key
    again = WhisperEncoder(**SMALL)
    again.load_state_dict(state)
    mel = torch.randn(1, 80, 30)
    with torch.inference_mode():
        found, expected = again.eval()(mel), network(mel)
    torch.testing.assert_close(found, expected, rtol=0, atol=max(1e-6, 10 * near))


def test_bfloat16_is_the_upper_half_of_a_float32(tmp_path):
    values = np.array([1.5, -2.0, 0.0078125], np.float32)
    raw = (values.view(np.uint32) >> 16).astype(np.uint16)
    whole = model({"a/bias": values}).replace(variable("a/bias", values), variable("a/bias", raw, kind=5))
    (tmp_path / "m").write_bytes(whole)
    np.testing.assert_array_equal(read_ctranslate2(tmp_path / "m")["a.bias"].numpy(), values)


def test_a_tensor_that_lacks_or_has_another_shape_is_refused(file, network):
    lacking = variables(network)
    lacking.pop("encoder/layer_2/ffn/linear_1/bias")
    with pytest.raises(WeightsError, match=r"not weights of whisper_tiny \(missing blocks\.2\.dense2\.bias\); get "):
        state_of(*file(model(lacking)))
    turned = {**variables(network), "encoder/conv1/weight": np.zeros((8, 3, 80), np.float16)}
    with pytest.raises(WeightsError, match=r"encoder\.conv1\.weight is \(8, 3, 80\) float32, not \(8, 80, 3\)"):
        state_of(*file(model(turned)))


WHOLE = {"a/weight": np.ones((2, 3), np.float32), "b/weight": np.ones(2, np.int8)}


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "an empty file"),
        (b"PK\3\4" * 50, "binary version 67324752, not one of 4 to 6"),
        (model({}), "no weights"),
        (model({"a/weight": WHOLE["a/weight"]})[:-1], "it ends early"),
        (model({"a/weight": WHOLE["a/weight"]}) + b"\0", "1 bytes behind its end"),
        (model(WHOLE), "b/weight is of whole numbers, without a scale that fits"),
        (model({**WHOLE, "b/weight_scale": np.zeros(2, np.float32)}), "without a scale that fits"),
        (model({"a/weight": WHOLE["a/weight"]}).replace(b"\2\2\0\0\0\3", b"\2\2\0\0\0\4"), "says it were [2, 4]"),
        (model({"a/weight": WHOLE["a/weight"]}).replace(text("a/weight"), text("a\nweight")), "a name is no text"),
        (model({"a/w": WHOLE["a/weight"], "b/w": WHOLE["a/weight"]}).replace(b"b/w", b"a/w"), "a/w is there twice"),
    ],
)
def test_what_is_no_model_is_refused_in_one_line(file, raw, reason):
    with pytest.raises(WeightsError, match="refused, damaged or no model of CTranslate2") as caught:
        state_of(*file(raw))
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


def test_no_flipped_byte_does_anything_but_refuse_or_change_a_number(file, network):
    raw = model(variables(network))
    for position in random.Random(0).sample(range(len(raw)), 80):
        given = file(raw[:position] + bytes([raw[position] ^ 0x41]) + raw[position + 1 :])
        with contextlib.suppress(WeightsError):
            state_of(*given)


def test_a_network_must_give_its_stored_activation(file, network):
    raw = variables(network, "float32")
    state, _ = state_of(*file(model(raw)))
    right = activation.activation(file(model(raw))[0], state)
    assert len(set(right)) == 8
    checked_state(*file(model(raw), activation=right))
    # two matrices of one shape in each other's place: names and shapes alone do not see it
    one, two = (f"encoder/layer_{number}/ffn/linear_0/weight" for number in (1, 2))
    swapped = {**raw, one: raw[two], two: raw[one]}
    state_of(*file(model(swapped)))
    with pytest.raises(
        WeightsError, match=r"refused, its network gives .* weights\.lock: net\.activation is"
    ) as caught:
        checked_state(*file(model(swapped), activation=right))
    assert "\n" not in str(caught.value)
    with pytest.raises(WeightsError, match="its network gives nan"):
        checked_state(*file(model({**raw, one: raw[one] * np.nan}), activation=right))
