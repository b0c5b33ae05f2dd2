"""Leaks of every kind, planted: each stops the stage that meets it, in one line that names the pair."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from helpers import segments as toy
from helpers import warm
from helpers.project import ROOT
from pipeline.core.clip import write_manifest
from pipeline.core.ledger import write_ledger
from pipeline.core.store import ClipFeatures, FeatureMeta
from pipeline.core.store_writer import write_features
from pipeline.core.weights_file import save_weights
from pipeline.networks.speech_dnn import SpeechDNN
from pipeline.protocols.leakage import part_keys
from pipeline.protocols.splits import write_splits

CLEAN = {
    f"{who}{n}": {"path": f"{who}{n}.wav", "speaker": who, "emotion": "anger" if n else "sad"}
    for who in "abcd"
    for n in (0, 1)
}
ACTORS = [("a", "1"), ("b", "5"), ("c", "9"), ("d", "13")]
"""Four actors, each of another fold, by HiCMAE and by EmoBox."""
SPLITS = {"a": "train", "b": "train", "c": "val", "d": "test"}
OFFICIAL = {clip_id: {**row, "split": SPLITS[row["speaker"]]} for clip_id, row in CLEAN.items()}


@dataclass(frozen=True)
class Leak:
    """What is planted in a corpus, and the error.

    Attributes:
        protocol: of the corpus
        says: the error, in part
        rows: clip id -> cells that are changed
        bytes: file -> what it holds, otherwise its name
    """

    protocol: dict[str, Any]
    says: str
    rows: dict[str, dict[str, str]]
    bytes: dict[str, str] = field(default_factory=dict)


LEAKS = {
    "speaker in train and test": Leak(
        {"name": "official"}, "speaker 'd' is in train (a0) and in test (d0)", {"a0": {"speaker": "d"}}
    ),
    "speaker in val and test": Leak(
        {"name": "official"}, "speaker 'd' is in val (c1) and in test (d0)", {"c1": {"speaker": "d"}}
    ),
    "speaker in train and val": Leak(
        {"name": "official"}, "speaker 'c' is in train (b0) and in val (c0)", {"b0": {"speaker": "c"}}
    ),
    "recording in train and test": Leak(
        {"name": "official"},
        "recording 'film' is in train (a0) and in test (d1)",
        {"a0": {"source": "film"}, "d1": {"source": "film"}},
    ),
    "recording in two speakers' folds": Leak(
        {"name": "loso"},
        "recording 'talk' is in test (a0) and in val (b0)",
        {"a0": {"source": "talk"}, "b0": {"source": "talk"}},
    ),
    "recording in train and test, of the same people": Leak(
        {"name": "speaker_dependent_official"},
        "recording 'film' is in train (a0) and in test (d1)",
        {"a0": {"source": "film"}, "d1": {"source": "film"}},
    ),
    "equal bytes under two names": Leak(
        {"name": "official"}, "'a0' in train and 'd0' in test are one media file", {}, {"d0.wav": "a0.wav"}
    ),
    "equal bytes of two speakers": Leak(
        {"name": "loso"}, "'a0' in test and 'b1' in val are one media file", {}, {"b1.wav": "a0.wav"}
    ),
    "equal bytes where the same people may be on both sides": Leak(
        {"name": "speaker_dependent_official"},
        "'a0' in train and 'd0' in test are one media file",
        {},
        {"d0.wav": "a0.wav"},
    ),
    "two spans of one file": Leak(
        {"name": "official"}, "'a0' in train and 'd0' in test are one media file", {"d0": {"path": "a0.wav"}}
    ),
    "published folds of other people": Leak(
        {"name": "ravdess_hicmae"}, "ravdess_hicmae knows RAVDESS's speakers (1, 2, 3, 4); of its 6 groups", {}
    ),
    "recording in two published folds": Leak(
        {"name": "ravdess_hicmae"},
        "recording 'talk' is in ",
        {
            f"{who}{n}": {"speaker": actor, "source": "talk" if f"{who}{n}" in ("a0", "b0") else ""}
            for who, actor in ACTORS
            for n in (0, 1)
        },
    ),
    "equal bytes in two published folds": Leak(
        {"name": "emobox_ravdess"},
        "are one media file",
        {f"{who}{n}": {"speaker": actor} for who, actor in ACTORS for n in (0, 1)},
        {"d0.wav": "a0.wav"},
    ),
    "lists of files that share speakers under a name that does not say so": Leak(
        {"name": "emobox_emodb"}, "protocol.name: Input should be 'loso'", {}
    ),
    "a random split that does not say so": Leak({"name": "random"}, "protocol.name: Input should be 'loso'", {}),
}


def stage(folder: Path, name: str, *words: object) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "0"}
    command = [warm.folder() / "python", "-m", f"stages.{name}", *map(str, words)]
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, env=environment, timeout=120, check=False
    )


def prepare(folder: Path, leak: Leak) -> subprocess.CompletedProcess[str]:
    (folder / "data").mkdir()
    rows = {clip_id: {**row, **leak.rows.get(clip_id, {})} for clip_id, row in OFFICIAL.items()}
    for name in {row["path"] for row in rows.values()}:
        (folder / "data" / name).write_text("\0" + leak.bytes.get(name, name))
    columns = ("clip_id", "path", "speaker", "emotion", "split", "source")
    lines = [
        ",".join({"clip_id": clip_id, **row}.get(column, "") for column in columns) for clip_id, row in rows.items()
    ]
    (folder / "data/manifest.csv").write_text("\n".join([",".join(columns), *lines]))
    corpora = {"c": {"adapter": "manifest_csv", "root": "data", "protocol": leak.protocol}}
    (folder / "params.yaml").write_text(yaml.safe_dump({"corpora": corpora, "runtime": {"workers": 1}}))
    outs = {"manifest": "m.csv", "splits": "s.csv", "ledger": "l.csv", "about": "a.json"}
    return stage(
        folder, "prepare", "--corpus", "c", *[word for key, path in outs.items() for word in (f"--{key}", path)]
    )


def refused(done: subprocess.CompletedProcess[str], says: str) -> None:
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert says in done.stderr


@pytest.mark.parametrize("name", LEAKS)
def test_a_corpus_with_a_leak_is_not_prepared(tmp_path: Path, name: str) -> None:
    refused(prepare(tmp_path, LEAKS[name]), LEAKS[name].says)
    assert not (tmp_path / "s.csv").exists()


@pytest.mark.parametrize(
    "protocol", ["official", "speaker_dependent_official", "loso", "kfold", "holdout", "speaker_dependent_random"]
)
def test_the_same_corpus_without_a_leak_is(tmp_path: Path, protocol: str) -> None:
    groups = {"groups": 3} if protocol in ("kfold", "speaker_dependent_random") else {}
    done = prepare(tmp_path, Leak({"name": protocol, **groups}, "", {}))
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "s.csv").exists()


def test_a_clip_of_an_actor_whom_a_published_protocol_does_not_know_costs_itself(tmp_path: Path) -> None:
    rows = {f"{who}{n}": {"speaker": actor} for who, actor in ACTORS for n in (0, 1)} | {"d1": {"speaker": "99"}}
    done = prepare(tmp_path, Leak({"name": "ravdess_hicmae"}, "", rows))
    assert (done.returncode, done.stderr) == (0, "")
    assert "not_in_protocol" in done.stdout
    assert "20 of 24 speakers of ravdess_hicmae are not here" in done.stdout
    assert "d1,prepare,failed,not_in_protocol,ravdess_hicmae knows no speaker '99'" in (tmp_path / "l.csv").read_text()
    assert ",d1," not in (tmp_path / "s.csv").read_text()
    assert ",d0," in (tmp_path / "s.csv").read_text()


def trained(folder: Path, folds: dict, noted: dict) -> subprocess.CompletedProcess[str]:
    """Train on a feature that was learned in every fold; `noted` is the part that each clip had then."""
    clips = toy.clips()
    rng = np.random.default_rng(0)
    found = [
        (
            f"{name}/{c.clip_id}",
            ClipFeatures(rng.standard_normal((2, 3)).astype(np.float32), np.arange(2.0), np.ones(2, bool)),
        )
        for name in folds
        for c in clips
    ]
    write_features(folder / "f.h5", FeatureMeta("f", 3, "float32"), found, part_keys(noted, [c.clip_id for c in clips]))
    write_manifest(folder / "m.csv", clips)
    write_splits(folder / "s.csv", list(folds.values()))
    write_ledger(folder / "l.csv", toy.ledger())
    (folder / "params.yaml").write_text(
        yaml.safe_dump(
            {"train": {"linear_svm": {"c": [1], "balanced": True, "pooling": "average"}}, "runtime": {"workers": 1}}
        )
    )
    places = {"source": "f.h5", "manifest": "m.csv", "splits": "s.csv", "upstream": "l.csv", "out": "out"}
    return stage(
        folder,
        "train",
        "--feature",
        "f",
        "--classifier",
        "linear_svm",
        *[word for key, path in places.items() for word in (f"--{key}", path)],
    )


def test_a_feature_that_was_learned_from_a_clip_which_is_now_tested(tmp_path: Path) -> None:
    folds = toy.folds()
    turned = {
        name: {clip_id: {"train": "test", "test": "train"}.get(part, part) for clip_id, part in fold.items()}
        for name, fold in folds.items()
    }
    refused(trained(tmp_path, folds, turned), "learned as a test clip, but it is a train clip of the splits in use")
    assert trained(tmp_path, folds, folds).returncode == 0


def test_a_network_that_has_met_a_speaker_of_the_corpus(tmp_path: Path) -> None:
    clips = [replace(clip, digest=clip.clip_id) for clip in toy.clips()]
    write_manifest(tmp_path / "m.csv", clips)
    write_ledger(tmp_path / "l.csv", toy.ledger())
    write_features(tmp_path / "mfcc39.h5", FeatureMeta("mfcc39", 39, "float32", rate_hz=100.0), [])
    (tmp_path / "params.yaml").write_text(yaml.safe_dump({"extract_speech": {"a60": {}}, "runtime": {"workers": 1}}))
    shape = {"inputs": 429, "hidden": 4, "last": 60, "phones": 3, "bottleneck": True}
    config = {"speakers": ["v01", clips[0].speaker], "context": 5, "mfcc": {"hop_ms": 10}, "network": shape}
    save_weights(tmp_path / "a60", SpeechDNN(**shape).state_dict(), config, "a source task")
    places = {
        "manifest": "m.csv",
        "upstream": "l.csv",
        "source": "mfcc39.h5",
        "weights": "a60",
        "out": "a60.h5",
        "ledger": "a60.csv",
    }
    words = [word for key, path in places.items() for word in (f"--{key}", path)]
    done = stage(tmp_path, "extract", "--corpus", "c", "--section", "extract_speech", "--feature", "a60", *words)
    refused(done, f"its source corpus holds {clips[0].speaker} of the emotion corpus; remove them")
