"""Graph models of TensorFlow.js give networks, whole or quantised; anything else ends in one line."""

from __future__ import annotations

import contextlib
import json
import random

import numpy as np
import pytest
import torch

from helpers.tfjs_files import moved, node, numbers, picture, text, write_model
from helpers.weights import entry, sha256, write_lock
from pipeline.cli.tools.weights import import_weights
from pipeline.core.errors import WeightsError
from pipeline.networks.tfjs_graph import TfjsGraph
from pipeline.weights.activation import activation, checked_state
from pipeline.weights.convert import map_of, state_of
from pipeline.weights.layer_maps import MAPS, LayerMap
from pipeline.weights.tfjs import read_graph, read_tfjs

RNG = np.random.default_rng(0)
PLAIN = {"dilations": numbers(1, 1, 1, 1)}
NODES = [
    node("head/MatMul", "_FusedMatMul", "mean", "head/kernel"),
    node("mean", "Mean", "act/Relu:0", "axes", keep_dims={"b": False}),
    node("act/Relu", "Relu", "sum"),
    node("sum", "AddV2", "second", "first"),
    node("second", "_FusedConv2D", "first", "second/kernel", "second/bias",
         **moved(fused_ops=text("BiasAdd", "Relu")), **PLAIN),
    node("first", "DepthwiseConv2dNative", "in", "first/kernel", **moved(2), **PLAIN),
    picture("in", 6, 6, 3),
]  # fmt: skip
WEIGHTS = {
    "first/kernel": RNG.standard_normal((3, 3, 3, 1)).astype(np.float32),
    "second/kernel": RNG.standard_normal((3, 3, 3, 3)).astype(np.float32),
    "second/bias": RNG.standard_normal(3).astype(np.float32),
    "head/kernel": RNG.standard_normal((3, 2)).astype(np.float32),
    "axes": np.array([1, 2], np.int32),
}


@pytest.fixture
def file(tmp_path, monkeypatch):
    """Write a model, and return its entry of a registry and its path."""
    monkeypatch.setitem(MAPS, "toy", LayerMap(TfjsGraph, {"output": "mean", "levels": (-1, 1)}, heads=("head",)))

    def make(nodes=NODES, weights=WEIGHTS, quantised=None, **fields):
        path = write_model(tmp_path / "toy.json", nodes, weights, quantised)
        return entry(tmp_path, "file", file=path.name, layers="toy", format="tfjs", **fields), path

    return make


def network(entry, path):
    made = map_of(entry, path)
    built = made.build(**made.network)
    built.load_state_dict(state_of(entry, path)[0])
    return built.eval()


def test_a_graph_is_what_leads_to_its_output(file):
    made, path = file()
    state, ignored = state_of(made, path)
    assert ignored == ["head/kernel"]
    assert sorted(state) == ["first/kernel", "second/bias", "second/kernel"]
    graph = read_graph(path, "mean")
    assert graph["size"] == [6, 6, 3]
    assert [name for name, *_ in graph["steps"]] == ["in", "first", "second", "sum", "act/Relu", "mean"]
    found = network(made, path)(torch.from_numpy(RNG.standard_normal((2, 6, 6, 3)).astype(np.float32)))
    assert found.shape == (2, 3)
    assert (found > 0).any()


@pytest.mark.parametrize(("kind", "near"), [("uint8", 5e-3), ("uint16", 2e-5), ("float16", 1e-3)])
def test_quantised_weights_are_what_they_stand_for(file, kind, near):
    """Value = scale x + min, as in tfjs-core's `decodeWeights`."""
    smaller, told = dict(WEIGHTS), {}
    for name in ("first/kernel", "second/kernel", "second/bias"):
        values = WEIGHTS[name]
        low, scale = float(values.min()), float(np.ptp(values)) / np.iinfo(kind).max if kind != "float16" else 1.0
        smaller[name] = values.astype(kind) if kind == "float16" else np.rint((values - low) / scale).astype(kind)
        told[name] = {"dtype": kind} | ({} if kind == "float16" else {"scale": scale, "min": low})
    state, _ = state_of(*file(weights=smaller, quantised=told))
    for name in told:
        np.testing.assert_allclose(state[name], WEIGHTS[name], atol=near * np.ptp(WEIGHTS[name]))
        assert state[name].dtype == torch.float32


def changed(name: str, **attributes):
    return [{**one, "attr": {**one["attr"], **attributes}} if one["name"] == name else one for one in NODES]


@pytest.mark.parametrize(
    ("nodes", "weights", "reason"),
    [
        ([one for one in NODES if one["name"] != "mean"], WEIGHTS, "no node 'mean'"),
        ([{**one, "op": "Tanh"} if one["name"] == "act/Relu" else one for one in NODES], WEIGHTS,
         "act/Relu is an operation Tanh that is not known here"),
        (changed("second", fused_ops=text("BiasAdd", "Elu")), WEIGHTS, "second does ['BiasAdd', 'Elu'] at once"),
        (changed("first", dilations=numbers(1, 2, 2, 1)), WEIGHTS, "dilation that is not known here"),
        (changed("first", data_format=text("NCHW")), WEIGHTS, "first has a padding SAME, layout or dilation"),
        (changed("first", padding=text("EXPLICIT")), WEIGHTS, "first has a padding EXPLICIT"),
        (changed("first", padding={"s": "?"}), WEIGHTS, "damaged or no graph model"),
        ([{**one, "input": ["act/Relu"]} if one["name"] == "sum" else one for one in NODES], WEIGHTS, "cycle"),
        ([picture("in", 6, 6) if one["name"] == "in" else one for one in NODES], WEIGHTS, "is no picture"),
        (NODES, {name: one for name, one in WEIGHTS.items() if name != "axes"}, "damaged or no graph model"),
        (NODES, {"axes": WEIGHTS["axes"]}, "damaged or no graph model"),
    ],
)  # fmt: skip
def test_a_graph_that_is_not_understood_is_refused_in_one_line(file, nodes, weights, reason):
    with pytest.raises(WeightsError, match="refused, damaged or no graph model of TensorFlow") as caught:
        state_of(*file(nodes, weights))
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


def test_weights_that_lack_or_are_left_over_are_refused(file):
    with pytest.raises(WeightsError, match=r"not weights of toy \(left over more/kernel\)"):
        state_of(*file(weights={**WEIGHTS, "more/kernel": np.ones(2, np.float32)}))
    made, path = file()
    content = json.loads(path.read_text())
    content["weightsManifest"][0]["weights"][2]["name"] = "other"
    path.write_text(json.dumps(content))
    with pytest.raises(WeightsError, match=r"missing second/bias, left over other"):
        state_of(made, path)


@pytest.mark.parametrize("change", [lambda raw: raw[:-1], lambda raw: raw + b"\0", lambda _: b""])
def test_bytes_that_do_not_bear_the_weights_out_are_refused(file, change):
    made, path = file()
    raw = path.with_suffix(".bin")
    raw.write_bytes(change(raw.read_bytes()))
    with pytest.raises(WeightsError, match=r"not in its files|1 bytes behind its weights"):
        state_of(made, path)


@pytest.mark.parametrize("name", ["../toy.bin", "/etc/passwd", "none/toy.bin"])
def test_only_files_beside_it_are_read(file, name):
    _, path = file()
    content = json.loads(path.read_text())
    content["weightsManifest"][0]["paths"] = [name]
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match="is no file beside it"):
        read_tfjs(path)


def test_no_flipped_byte_does_anything_but_refuse_or_change_a_number(file):
    made, path = file()
    raw = path.read_bytes()
    for position in random.Random(0).sample(range(len(raw)), 200):
        path.write_bytes(raw[:position] + bytes([raw[position] ^ 0x41]) + raw[position + 1 :])
        with contextlib.suppress(WeightsError):
            state_of(made, path)


def test_a_graph_must_give_its_stored_activation(file):
    made, path = file()
    right = activation(made, state_of(made, path)[0], map_of(made, path))
    assert len(set(right)) == 3, "of three columns"
    assert max(right) > 0
    checked_state(*file(activation=right))
    turned = {**WEIGHTS, "second/kernel": np.ascontiguousarray(WEIGHTS["second/kernel"].swapaxes(0, 1))}
    with pytest.raises(WeightsError, match="refused, its network gives"):
        checked_state(*file(weights=turned, activation=right))


@pytest.mark.parametrize("missing", [False, True])
def test_an_import_takes_the_file_beside_it_as_well(file, tmp_path, missing):
    _, path = file()
    raw = path.with_suffix(".bin")
    told = {"file": "toy.json", "layers": "toy", "format": "tfjs", "sha256": sha256(path.read_bytes())}
    lock = write_lock(
        tmp_path / "w.lock", {"net": {"kind": "file", **told, "beside": {"toy.bin": sha256(raw.read_bytes())}}}
    )
    cache = tmp_path / "cache"
    if missing:
        raw.unlink()
        with pytest.raises(WeightsError, match=r"toy\.bin: no such file, but weights\.lock: net\.beside names it"):
            import_weights(lock, "net", path, cache)
        assert not cache.exists()
        return
    assert "ignored: head/kernel" in import_weights(lock, "net", path, cache)
    assert (cache / "net" / "toy.bin").read_bytes() == raw.read_bytes()
    raw.write_bytes(raw.read_bytes()[::-1])
    with pytest.raises(
        WeightsError, match=r"toy\.bin: refused, SHA-256 .* net\.beside says .*; put it beside toy\.json"
    ):
        import_weights(lock, "net", path, cache)
