"""`pipeline.training.checkpoints`: whole or absent, of this key or none, and no code in it."""

from __future__ import annotations

import hashlib
import io
import os

import pytest
import torch

from pipeline.training import checkpoints

STATE = {"weights": torch.arange(6.0).reshape(2, 3), "history": [{"epoch": 0, "loss": 0.5}], "best": 0.25, "cuda": None}


@pytest.fixture
def path(tmp_path):
    found = tmp_path / "deep" / "x.pt"
    checkpoints.save(found, "key", STATE)
    return found


def test_round_trip(path, capsys):
    again = checkpoints.load(path, "key")
    assert torch.equal(again.pop("weights"), STATE["weights"])
    assert again == {name: value for name, value in STATE.items() if name != "weights"}
    assert sorted(p.name for p in path.parent.iterdir()) == ["x.pt"]
    assert capsys.readouterr().err == ""


def test_no_file_is_no_message(tmp_path, capsys):
    assert checkpoints.load(tmp_path / "x.pt", "key") is None
    assert capsys.readouterr().err == ""


def test_another_key_starts_over(path, capsys):
    assert checkpoints.load(path, "another") is None
    assert "x.pt: this checkpoint is of other data, settings or code; training starts over" in capsys.readouterr().err


@pytest.mark.parametrize("change", ["short", "flipped", "empty", "other", "no line"])
def test_a_damaged_file_starts_over(path, capsys, change):
    content = bytearray(path.read_bytes())
    if change == "flipped":
        content[-200] ^= 1
    shorter = {
        "short": content[:-5],
        "empty": b"",
        "other": b"not a checkpoint\nat all",
        "no line": b"x" * 50,
        "flipped": content,
    }
    path.write_bytes(shorter[change])
    assert checkpoints.load(path, "key") is None
    assert "damaged; training starts over" in capsys.readouterr().err


class Evil:
    def __reduce__(self):
        return os.mkdir, ("evil",)


def test_objects_are_never_unpickled(path, capsys, monkeypatch):
    monkeypatch.chdir(path.parent)
    buffer = io.BytesIO()
    torch.save({"weights": Evil()}, buffer)
    digest = hashlib.sha256(buffer.getvalue()).hexdigest()
    path.write_bytes(f"avemotion-checkpoint key {digest}\n".encode() + buffer.getvalue())
    assert checkpoints.load(path, "key") is None
    assert "not readable" in capsys.readouterr().err
    assert not (path.parent / "evil").exists()


def test_delete_takes_an_unfinished_one_along(path):
    (path.parent / "x.pt.unfinished").write_bytes(b"half")
    checkpoints.delete(path)
    assert not list(path.parent.iterdir())
    checkpoints.delete(path)


def test_a_disk_that_refuses_does_not_stop_the_training(tmp_path, capsys):
    (tmp_path / "file").write_text("in the way")
    checkpoints.save(tmp_path / "file" / "x.pt", "key", STATE)
    assert "no checkpoint written" in capsys.readouterr().err


def test_the_digest_covers_values_shapes_types_and_names():
    base = torch.arange(4.0)
    seen = {
        checkpoints.digest_of(about, tensors)
        for about in ({}, {"a": 1})
        for tensors in (
            {"x": base},
            {"y": base},
            {"x": base + 1},
            {"x": base.reshape(2, 2)},
            {"x": base.int()},
            {"x": torch.tensor(3)},
            {},
        )
    }
    assert len(seen) == 14
    assert checkpoints.digest_of({"a": 1, "b": 2}, {"x": base}) == checkpoints.digest_of(
        {"b": 2, "a": 1}, {"x": base.clone()}
    )
