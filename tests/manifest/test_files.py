"""One file or one row that is wrong costs its clip, and the ledger says which file was meant."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipeline.core.clip import Clip
from pipeline.core.ledger import Entry
from pipeline.manifest.build import read_corpus
from pipeline.manifest.files import CorpusFiles
from pipeline.manifest.settings import CorpusParams
from pipeline.protocols.assign import make_folds
from pipeline.protocols.settings import ProtocolParams

NFC, NFD = "v/José.wav", "v/Jose\u0301.wav"


def folder(root: Path, *names: str) -> CorpusFiles:
    """Make files that might be media."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"\0" + name.encode())
    return CorpusFiles(root)


@pytest.mark.parametrize(
    ("there", "path", "reason", "words"),
    [
        ("v/A.wav", "v/a.wav", "missing_file", "v/a.wav (did you mean 'v/A.wav'?)"),
        ("v/a.wav", "V/a.WAV", "missing_file", "V/a.WAV (did you mean 'v/a.wav'?)"),
        (NFD, NFC, "missing_file", f"{NFC} (did you mean 'v/Jose\\u0301.wav', the same letters in the form NFD"),
        (NFC, NFD, "missing_file", f"{NFD} (did you mean 'v/Jos\\xe9.wav', the same letters in the form NFC"),
        ("v/a.wav", "C:\\data\\v\\a.wav", "bad_path", "C:\\data\\v\\a.wav: absolute, of this or another machine; "),
        ("v/a.wav", "C:\\data\\v\\a.wav", "bad_path", "below the corpus folder (did you mean 'v/a.wav'?)"),
        ("x/b.wav", "C:\\data\\v\\a.wav", "bad_path", "(did you mean 'v/a.wav', or the like?)"),
        ("v/a.wav", "/home/me/corpus/v/a.wav", "bad_path", "(did you mean 'v/a.wav'?)"),
        ("v/a.wav", "../corpus/v/a.wav", "bad_path", "leaves the corpus folder; give it below it, without '..'"),
        ("sub\\a.wav", "sub/a.wav", "missing_file", "sub/a.wav (did you mean 'sub\\a.wav'?)"),
        ("v/a.wav", "a.wav", "missing_file", "a.wav (did you mean 'v/a.wav'?)"),
        ("v/a.wav", "v/a.mp4", "missing_file", "v/a.mp4 (did you mean 'v/a.wav'?)"),
        ("v/a.txt", "v/a.mp4", "missing_file", "v/a.mp4"),
        ("v/a.wav", "v\u200b/a.wav", "bad_path", "'v\\u200b/a.wav': has a line break or a character that cannot be"),
        ("v/a.wav", "v/b.wav", "missing_file", "v/b.wav"),
    ],
)
def test_the_file_that_was_meant_is_told(tmp_path: Path, there: str, path: str, reason: str, words: str) -> None:
    found = folder(tmp_path, there).fault(path)
    assert found[0] == reason
    assert words in found[1]
    assert ("did you mean" in found[1]) == (words not in ("v/a.mp4", "v/b.wav"))
    assert found[1].isprintable() or NFD in found[1]


def test_two_files_that_could_be_meant_are_no_hint(tmp_path: Path) -> None:
    assert folder(tmp_path, "a/x.wav", "b/x.wav").fault("c/x.wav") == ("missing_file", "c/x.wav")


def corpus(root: Path, *paths: str) -> tuple[list[Clip], list[Entry]]:
    """Read a manifest of one clip of each path, each of another speaker."""
    rows = "".join(f'c{i},"{path}",s{i},{("anger", "sad")[i % 2]}\n' for i, path in enumerate(paths))
    (root / "manifest.csv").write_text("clip_id,path,speaker,emotion\n" + rows)
    return read_corpus("mine", CorpusParams(adapter="manifest_csv", root=str(root)), 1)


def test_one_bad_row_costs_its_clip_and_no_more(tmp_path: Path) -> None:
    root = tmp_path / "corpus"
    folder(root, "a.wav")
    (tmp_path / "outside.wav").write_bytes(b"\0secret")
    os.symlink("loop.wav", root / "loop.wav")
    os.symlink("ring", root / "ring")
    clips, entries = corpus(root, "a.wav", "../outside.wav", str(tmp_path / "outside.wav"), "loop.wav", "ring/a.wav")
    assert [(e.status, e.reason) for e in entries] == [
        ("ok", ""),
        ("failed", "bad_path"),
        ("failed", "bad_path"),
        ("failed", "missing_file"),
        ("failed", "missing_file"),
    ]
    assert [clip.path for clip in clips] == ["a.wav", "", "", "loop.wav", "ring/a.wav"], "no stage can follow it out"
    assert [bool(clip.digest) for clip in clips] == [True, False, False, False, False]


@pytest.mark.parametrize(
    "data", [b"", b"404: Not Found", b"<html><title>Quota exceeded</title></html>", bytes(9000), b"#EXTM3U\na.ts\n"]
)
def test_equal_files_without_content_are_no_leak(tmp_path: Path, data: bytes) -> None:
    names = [f"{i}.wav" for i in range(6)]
    folder(tmp_path, *names)
    for name in names[:2]:
        (tmp_path / name).write_bytes(data)
    clips, entries = corpus(tmp_path, *names)
    assert [e.reason for e in entries] == ["not_media", "not_media", "", "", "", ""]
    assert all(e.detail.startswith(f"{name}: ") for e, name in zip(entries[:2], names, strict=False))
    assert len(make_folds(clips, ProtocolParams(name="loso"))) == 6
