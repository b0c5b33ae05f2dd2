"""`pipeline.weights`: what was written is what is loaded, and nothing else."""

from __future__ import annotations

import pickle
import random

import pytest
import torch
from torch import nn

from pipeline.core.errors import WeightsError
from pipeline.core.files import file_digest
from pipeline.core.weights_file import FILE, load_state, load_weights, save_weights

CONFIG = {"network": {"inputs": 3}, "phones": ["a", "b"]}


class Dangerous:
    """Runs code when unpickled."""

    def __reduce__(self):
        return (print, ("code ran",))


@pytest.fixture
def state():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4)).state_dict()


@pytest.fixture
def folder(tmp_path, state):
    save_weights(tmp_path / "a60", state, CONFIG, "made for a test")
    return tmp_path / "a60"


def equal(left, right) -> bool:
    return list(left) == list(right) and all(torch.equal(left[name], right[name]) for name in left)


def refused(folder) -> str:
    with pytest.raises(WeightsError) as caught:
        load_weights(folder)
    message = str(caught.value)
    assert "\n" not in message
    assert str(folder / FILE) in message
    return message


def test_round_trip(folder, state):
    found = load_weights(folder)
    assert equal(found.state, state)
    assert (found.config, found.origin) == (CONFIG, "made for a test")
    assert found.sha256 == file_digest(folder / FILE)


def test_equal_weights_give_equal_bytes(folder, state, tmp_path):
    again = {name: tensor.clone() for name, tensor in state.items()}
    save_weights(tmp_path / "elsewhere" / "deeper", again, dict(reversed(CONFIG.items())), "made for a test")
    assert (folder / FILE).read_bytes() == (tmp_path / "elsewhere" / "deeper" / FILE).read_bytes()


@pytest.mark.parametrize("changed", ["state", "config", "origin"])
def test_the_digest_sees_every_change(folder, state, tmp_path, changed):
    given = {"state": dict(state), "config": CONFIG, "origin": "made for a test"}
    given["state"] |= {"0.bias": state["0.bias"] + 1e-6} if changed == "state" else {}
    given["config"] = {**CONFIG, "more": 1} if changed == "config" else CONFIG
    given["origin"] = "other" if changed == "origin" else given["origin"]
    save_weights(tmp_path / "b", **given)
    assert load_weights(tmp_path / "b").sha256 != load_weights(folder).sha256


def test_nothing_of_the_graph_is_kept(tmp_path):
    weight = torch.arange(12.0).reshape(3, 4).T.requires_grad_()
    save_weights(tmp_path, {"w": weight}, {}, "")
    found = load_weights(tmp_path).state["w"]
    assert not found.requires_grad
    assert found.is_contiguous()
    assert torch.equal(found, weight)


def test_absent(tmp_path):
    assert "dvc repro pretrain@pool5" in refused(tmp_path / "pool5")


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.7, 0.95, 0.999])
def test_cut_off(folder, share):
    raw = (folder / FILE).read_bytes()
    (folder / FILE).write_bytes(raw[: int(share * len(raw))])
    refused(folder)


def outcome(folder):
    """Return the weights, or the message of the refusal."""
    try:
        return load_weights(folder)
    except WeightsError as error:
        return str(error)


def test_a_flipped_byte_is_never_loaded_as_other_weights(folder, state):
    raw = (folder / FILE).read_bytes()
    noticed = 0
    for position in random.Random(0).sample(range(len(raw)), 150):
        (folder / FILE).write_bytes(raw[:position] + bytes([raw[position] ^ 0xFF]) + raw[position + 1 :])
        found = outcome(folder)
        if isinstance(found, str):
            assert "\n" not in found
            noticed += 1
        else:  # padding and unused fields of the archive carry nothing
            assert equal(found.state, state), f"byte {position}"
            assert (found.config, found.origin) == (CONFIG, "made for a test")
    assert noticed > 30


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(pickle.dumps(Dangerous()), id="a pickle with code"),
        pytest.param(b"not a file of torch's", id="text"),
        pytest.param(b"\x89HDF\r\n\x1a\n" + bytes(100), id="HDF5"),
        pytest.param(pickle.dumps({"state": {}}), id="a plain pickle"),
    ],
)
def test_foreign_files(folder, capsys, content):
    (folder / FILE).write_bytes(content)
    refused(folder)
    assert "code ran" not in capsys.readouterr().out


@pytest.mark.parametrize(
    "content",
    [
        pytest.param({"state": {}, "config": Dangerous(), "origin": ""}, id="code inside"),
        pytest.param({"state": {}, "origin": ""}, id="no config"),
        pytest.param({"state": {}, "config": "{", "origin": ""}, id="config is no JSON"),
        pytest.param({"state": {}, "config": 3, "origin": ""}, id="config is no text"),
        pytest.param([1, 2], id="a list"),
        pytest.param(torch.zeros(2), id="a tensor"),
    ],
)
def test_files_of_torch_that_are_not_ours(folder, capsys, content):
    torch.save(content, folder / FILE)
    refused(folder)
    assert "code ran" not in capsys.readouterr().out


def test_put_into_a_module_in_evaluation_mode(folder, state):
    module = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    found = load_state(module, load_weights(folder), folder)
    assert found is module
    assert not found.training
    assert equal(found.state_dict(), state)


@pytest.mark.parametrize(
    "module",
    [
        pytest.param(lambda: nn.Sequential(nn.Linear(3, 5), nn.BatchNorm1d(5)), id="other shapes"),
        pytest.param(lambda: nn.Sequential(nn.Linear(3, 4)), id="fewer layers"),
        pytest.param(lambda: nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2)), id="more layers"),
    ],
)
def test_another_network(folder, module):
    with pytest.raises(WeightsError, match="these weights are for another network") as caught:
        load_state(module(), load_weights(folder), folder)
    assert "\n" not in str(caught.value)
