"""Databases in audformat, made by the library itself."""

from __future__ import annotations

import os
import pickle
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import audformat
import pandas as pd
import pytest

from pipeline.core.errors import CorpusError
from pipeline.corpora import audformat as plugin

WHOLE = audformat.filewise_index(["wav/a.wav", "wav/b.wav", "wav/c.wav"])
PARTS = audformat.segmented_index(["talk.wav", "talk.wav"], ["0s", "1.5s"], ["1.5s", pd.NaT])
SPEAKERS = {3: {"gender": "male"}, 8: {"gender": "female"}}


def database(root: Path, tables: Mapping[str, tuple[Any, Mapping[str, list]]], **schemes: Any) -> Path:
    """Save tables: name -> (rows, column -> values); a table named train, dev or test belongs to that split."""
    mine = audformat.Database("mini")
    for name, labels in schemes.items():
        mine.schemes[name] = audformat.Scheme(labels=labels)
    for name in ("train", "dev", "test"):
        mine.splits[name] = audformat.Split(type=name)
    for name, (rows, columns) in tables.items():
        mine[name] = audformat.Table(rows, split_id=name if name in mine.splits else None)
        for column, values in columns.items():
            mine[name][column] = audformat.Column(scheme_id=column if column in mine.schemes else None)
            mine[name][column].set(values)
    mine.save(str(root))
    return root


def error_of(root: Path) -> str:
    """Read a database, which fails, and return what is said."""
    with pytest.raises(CorpusError) as caught:
        list(plugin.clips(root))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_whole_files_with_what_the_scheme_says_of_the_speakers(tmp_path: Path) -> None:
    columns = {"emotion": ["anger", None, "happiness"], "speaker": [3, 3, 8]}
    clips = list(
        plugin.clips(database(tmp_path, {"files": (WHOLE, columns)}, emotion=["anger", "happiness"], speaker=SPEAKERS))
    )
    assert [(clip.clip_id, clip.path, clip.speaker, clip.emotion, clip.gender) for clip in clips] == [
        ("wav_a", "wav/a.wav", "3", "anger", "male"),
        ("wav_b", "wav/b.wav", "3", "unlabelled", "male"),
        ("wav_c", "wav/c.wav", "8", "happiness", "female"),
    ]
    assert {(clip.start, clip.end, clip.split) for clip in clips} == {(None, None, "")}


def test_segments_of_one_file(tmp_path: Path) -> None:
    root = database(
        tmp_path,
        {"parts": (PARTS, {"emotion": ["sadness", "joy"], "speaker": ["x", "y"], "gender": ["other", "female"]})},
    )
    first, second = plugin.clips(root)
    assert (first.clip_id, first.start, first.end, first.speaker, first.gender) == ("talk_0.000", None, 1.5, "x", "")
    assert (second.clip_id, second.start, second.end, second.speaker, second.gender) == (
        "talk_1.500",
        1.5,
        None,
        "y",
        "female",
    )
    assert [plugin.LABELS[clip.emotion] for clip in (first, second)] == ["sad", "happy"]


def test_official_splits(tmp_path: Path) -> None:
    tables = {
        "train": (WHOLE[:1], {"emotion": ["anger"]}),
        "dev": (WHOLE[1:2], {"emotion": ["fear"]}),
        "test": (WHOLE[2:], {"emotion": ["calm"]}),
        "files": (WHOLE, {"speaker": ["x", "y", "z"]}),
    }
    clips = plugin.clips(database(tmp_path, tables, emotion=["anger", "calm", "fear"]))
    assert [(clip.path, clip.split) for clip in sorted(clips, key=lambda clip: clip.path)] == [
        ("wav/a.wav", "train"),
        ("wav/b.wav", "val"),
        ("wav/c.wav", "test"),
    ]


def test_a_file_in_two_splits(tmp_path: Path) -> None:
    both = {"emotion": ["anger"] * 3, "speaker": ["x"] * 3}
    root = database(tmp_path, {"train": (WHOLE, both), "test": (WHOLE[:1], {"emotion": ["anger"]})})
    assert error_of(root) == f"{root / 'db.yaml'}: 'wav/a.wav' is in test and in train; keep one of them"


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"speaker": ["x", "y", "z"]}, "no column with a scheme 'emotion'; name the one that holds it so"),
        ({"emotion": ["anger"] * 3}, "no column with a scheme 'speaker'; name the one that holds it so"),
        (
            {"emotion": ["anger"] * 3, "speaker": ["x", None, "z"]},
            "'wav/b.wav' has no speaker; add it to the scheme 'speaker', which keeps people on one side",
        ),
    ],
)
def test_what_a_database_needs(tmp_path: Path, columns: dict[str, list], message: str) -> None:
    root = database(tmp_path, {"files": (WHOLE, columns)})
    assert error_of(root) == f"{root / 'db.yaml'}: {message}"


def test_raters_who_differ(tmp_path: Path) -> None:
    columns = {"emotion": ["anger"] * 3, "speaker": ["x"] * 3}
    root = database(tmp_path, {"a": (WHOLE, columns), "b": (WHOLE[:1], {"emotion": ["fear"]})})
    assert error_of(root).startswith(f"{root / 'db.yaml'}: several columns give emotions that differ (")


def test_no_database_and_one_that_is_broken(tmp_path: Path) -> None:
    assert (
        error_of(tmp_path) == f"{tmp_path / 'db.yaml'}: no such database; set the root to the folder that holds db.yaml"
    )
    (tmp_path / "db.yaml").write_text("name: [")
    assert error_of(tmp_path).startswith(f"{tmp_path / 'db.yaml'}: not an audformat database that can be read (")


class _Runs:
    """A pickle that makes a folder where it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (self.path,)


def test_a_pickle_beside_a_table_is_not_opened(tmp_path: Path) -> None:
    columns = {"emotion": ["anger"] * 3, "speaker": ["x", "y", "z"]}
    root = database(tmp_path, {"files": (WHOLE, columns)})
    whole = list(plugin.clips(root))
    (root / "db.files.pkl").write_bytes(pickle.dumps(_Runs(tmp_path / "ran")))
    assert list(plugin.clips(root)) == whole
    assert not (tmp_path / "ran").exists()
    (root / "db.files.csv").unlink(missing_ok=True)
    (root / "db.files.parquet").unlink(missing_ok=True)
    assert "table 'files' has no file db.files.csv or .parquet (its pickle is not opened" in error_of(root)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("name: x\na: " + "[" * 20_000, "more than 60 levels deep"),
        ("b0: &b0 [x]\n" + "".join(f"b{i + 1}: &b{i + 1} [{f'*b{i}, ' * 10}]\n" for i in range(9)), "stands for more"),
        pytest.param("name: " + "x" * 9_000_000, "more than the 8,000,000 that are read", id="one scalar"),
        ("- a\n", "not the header of an audformat database; download it again"),
        ("<!doctype html><html>", "an HTML page, not the table; download it again"),
        ("version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer, not the table; run `git lfs pull`"),
        ("name: x\ntables: {/../../secret: {}}\n", "table '/../../secret' has no file"),
    ],
)
def test_a_header_that_is_none_is_one_line_within_a_second(tmp_path: Path, header: str, words: str) -> None:
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus/db.yaml").write_text(header)
    (tmp_path / "secret.csv").write_text("file,emotion,speaker\na.wav,sad,s1\n")
    begin = time.monotonic()
    assert words in error_of(tmp_path / "corpus")
    assert time.monotonic() - begin < 2
