"""`pipeline.pretraining.run` and its stage: the folder, its bytes, being killed, and being wrong."""

from __future__ import annotations

import csv
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
import yaml

from pipeline.core.errors import CorpusError, SettingsError, TooManyFailures
from pipeline.core.ledger import read_ledger
from pipeline.core.settings import Runtime
from pipeline.core.weights_file import load_weights
from pipeline.pretraining.run import live_plots, pretrain
from pipeline.pretraining.settings import PretrainParams, origin

ROOT = Path(__file__).resolve().parents[2]

from helpers import warm  # noqa: E402
from helpers.sources import CASES, LOOP, write_identities, write_voices  # noqa: E402

pytestmark = pytest.mark.slow

FILES = [
    "history.csv",
    "ledger.csv",
    "metrics.json",
    "plots/metrics/held_out_accuracy.tsv",
    "plots/metrics/held_out_loss.tsv",
    "plots/metrics/loss.tsv",
    "weights.pt",
    "weights.pt.sha256",
]


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def settings(source: str = "phones", **changes) -> PretrainParams:
    return PretrainParams(source=source, root="voices", settings={**CASES[source][1], **changes})


def content(out: Path) -> dict[str, bytes]:
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()}


def train(root: Path, out: str, params: PretrainParams | None = None, **runtime) -> str:
    place = Runtime(workers=1, clip_cache="cache/clips", checkpoint_minutes=0, **runtime)
    return pretrain("a60", params or settings(), root, Path(out), place)


@pytest.mark.parametrize(("source", "write"), [("phones", write_voices), ("identity", write_identities)])
def test_the_folder(here, source, write):
    root = write(here / "voices")
    (here / "GENERATED.txt").write_text("")
    line = train(root, "models/a60", settings(source))
    found = content(here / "models/a60")
    assert sorted(found) == FILES
    assert line.startswith("pretrain a60: held_out_")
    assert not list((here / "cache/checkpoints").iterdir()), "the checkpoint goes when the weights are there"
    weights = load_weights(here / "models/a60")
    assert (
        weights.origin
        == "trained here by pretrain.a60 on voices: a generated corpus, for trying the pipeline, not for science"
    )
    assert weights.config["speakers"] == sorted(CASES[source][2])
    assert (weights.config["device"], weights.config["precision"]) == ("cpu", "float32")
    keys = {"phones": {"network", "context", "mfcc", "phones", "normal"}, "identity": {"network", "identities"}}[source]
    assert set(weights.config) == {"speakers", "device", "precision", "learned"} | keys
    assert {entry.stage for entry in read_ledger(here / "models/a60/ledger.csv")} == {"pretrain:a60"}
    metrics = json.loads(found["metrics.json"])
    assert set(CASES[source][4]) <= set(metrics), "these are the held-out figures, not what DVCLive left"
    history = list(csv.DictReader(found["history.csv"].decode().splitlines()))
    plotted = list(csv.DictReader(found["plots/metrics/loss.tsv"].decode().splitlines(), delimiter="\t"))
    assert [row["step"] for row in plotted] == [row["epoch"] for row in history]
    assert [float(row["loss"]) for row in plotted] == [float(row["loss"]) for row in history]
    assert set(plotted[0]) == {"step", "loss"}, "no time stamps"


def test_two_runs_in_two_places_give_the_same_bytes(tmp_path, monkeypatch):
    results = []
    for name in ("one", "another/place"):
        folder = tmp_path / name
        folder.mkdir(parents=True)
        monkeypatch.chdir(folder)
        train(write_voices(folder / "voices"), "out")
        results.append(content(folder / "out"))
    assert results[0] == results[1]
    for name, data in results[0].items():
        assert str(tmp_path).encode() not in data, name
        assert socket.gethostname().encode() not in data or len(socket.gethostname()) < 4, name


def test_leftovers_of_another_run_do_not_stay_in_the_plots(here):
    root = write_voices(here / "voices")
    train(root, "one")
    train(root, "two", settings(loop={**LOOP, "epochs": 2, "patience": 1}))
    train(root, "two")
    assert content(here / "one") == content(here / "two")


def test_without_epochs_the_weights_are_called_random(here):
    root = write_voices(here / "voices")
    train(root, "out", settings(loop={**LOOP, "epochs": 0}))
    assert load_weights(here / "out").origin == "RANDOM weights, since pretrain.a60.settings.loop.epochs is 0"
    assert (here / "out/history.csv").read_text() == (
        "epoch,loss,held_out_loss,held_out_accuracy,steps,kept,prior_loss,held_out_prior_loss,held_out_prior_accuracy\n"
    )
    assert (here / "out/plots/metrics").is_dir()
    assert "held_out_frame_accuracy" in json.loads((here / "out/metrics.json").read_text())
    assert origin("pretrain.a60", root, 3).startswith(
        "trained here by pretrain.a60 on voices: the user's source corpus"
    )


def test_mixed_precision_is_written_down(here):
    train(write_voices(here / "voices"), "out", mixed_precision=True)
    assert load_weights(here / "out").config["precision"] == "bfloat16"


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_gpu_that_is_not_there_is_told_before_anything_is_read(here):
    with pytest.raises(SettingsError, match=r"params\.yaml: runtime\.device: cuda"):
        train(here / "nowhere", "out", device="cuda")


def test_too_many_failures_stop_it_before_the_training(here):
    root = write_voices(here / "voices")
    for name in ("v0_0", "v1_1"):
        (root / f"{name}.wav").write_bytes(b"no sound")
    with pytest.raises(
        TooManyFailures,
        match=r"out/ledger\.csv: 2 of 8 clips failed \(6 ok, 2 failed \(not_media 2\), such as 'v0_0': text",
    ):
        train(root, "out", max_failed_fraction=0.2)
    assert [entry.clip_id for entry in read_ledger(here / "out/ledger.csv") if entry.status == "failed"] == [
        "v0_0",
        "v1_1",
    ]
    assert not (here / "out/weights.pt").exists()
    train(root, "out", max_failed_fraction=0.25)
    assert (here / "out/weights.pt").exists()


@pytest.mark.parametrize(
    ("params", "words"),
    [
        (
            PretrainParams(source="phone", root="x", settings={}),
            r"params\.yaml: pretrain\.a60\.source: no sources plugin 'phone' \(did you mean 'phones'\?\)",
        ),
        (
            settings(hiden=3),
            r"params\.yaml: pretrain\.a60\.settings\.hiden: no such setting \(did you mean 'hidden'\?\)",
        ),
        (settings(speaker="x"), r"params\.yaml: pretrain\.a60\.settings\.speaker: .*one group"),
    ],
)
def test_settings_that_are_wrong(here, params, words):
    with pytest.raises(SettingsError, match=words):
        train(here, "out", params)


def test_a_corpus_that_is_not_there(here):
    with pytest.raises(CorpusError, match=r"speakers\.csv"):
        train(here / "nowhere", "out")


def test_dvclive_is_quiet_and_stays_off_the_network(here, monkeypatch, capfd):
    def refuse(*_):
        raise AssertionError("the network was asked for")

    monkeypatch.setenv("DVC_STUDIO_TOKEN", "isat_secret")
    monkeypatch.setenv("DVC_STUDIO_REPO_URL", "https://example.invalid/x")
    monkeypatch.setenv("DVC_EXP_BASELINE_REV", "0" * 40)
    monkeypatch.setenv("DVC_ROOT", str(here))
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    before = dict(os.environ)
    with live_plots(here / "out") as on_epoch:
        for epoch in range(3):
            on_epoch({"epoch": epoch, "loss": 0.5, "held_out_loss": 0.7, "held_out_accuracy": 0.25})
    assert dict(os.environ) == before
    assert capfd.readouterr() == ("", "")
    assert sorted(path.name for path in here.iterdir()) == ["out"], "no .dvc, no dvc.yaml"
    assert (here / "out/plots/metrics/loss.tsv").read_text() == "step\tloss\n0\t0.5\n1\t0.5\n2\t0.5\n"


class Stage:
    """The stage in a folder of its own, as DVC calls it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        write_voices(root / "voices")
        self.configure(workers=1)

    def configure(self, **runtime) -> None:
        loop = {**LOOP, "epochs": 10, "patience": 10}
        node = {"source": "phones", "root": "voices", "settings": {**CASES["phones"][1], "loop": loop}}
        runtime = {"clip_cache": ".cache/clips", "checkpoint_minutes": 0, **runtime}
        (self.root / "params.yaml").write_text(yaml.safe_dump({"pretrain": {"a60": node}, "runtime": runtime}))

    def start(self, out: str, python: str | Path = sys.executable) -> subprocess.Popen:
        command = [python, "-m", "stages.pretrain", "--feature", "a60", "--root", "voices", "--out", out]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        return subprocess.Popen(
            command, cwd=self.root, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def run(self, out: str) -> str:
        process = self.start(out, warm.folder() / "python")
        output, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
        assert errors == ""
        return output


@pytest.mark.long  # each source goes on from where it stopped in sources/test_source_contract.py
def test_the_stage_gives_the_same_bytes_killed_or_not_and_with_more_workers(tmp_path):
    stage = Stage(tmp_path)
    assert stage.run("whole").startswith("pretrain a60: held_out_frame_accuracy")
    checkpoint = tmp_path / ".cache/checkpoints/pretrain-a60.pt"
    assert not checkpoint.exists()
    process, seen = stage.start("killed"), set()
    while len(seen) < 3:
        assert process.poll() is None, "it ended before it could be killed"
        if checkpoint.is_file():
            seen.add(checkpoint.stat().st_mtime_ns)
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert checkpoint.is_file()
    assert not (tmp_path / "killed/weights.pt").exists()
    stage.configure(workers=2)
    stage.run("killed")
    assert content(tmp_path / "whole") == content(tmp_path / "killed")
    assert not list(checkpoint.parent.iterdir())
