"""One file or one row that is wrong costs its clip, and the ledger says which file was meant."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from helpers.media import tone, write_media
from pipeline.core.clip import Clip
from pipeline.core.errors import LeakageError
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


MP4 = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom"
JUNK = b"RIFF\0\0\0\0WAVEJUNK" + (5000).to_bytes(4, "little") + bytes(5000)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (MP4, "decode_error"),
        (MP4 + b"\0\0\0\x08free\0\0\0\0mdat", "decode_error"),
        (bytes.fromhex("1a45dfa3"), "decode_error"),
        (b"fLaC\0\0\0\x22", "decode_error"),
        (JUNK + b"fmt \x10\0\0\0\x01\0\x01\0\x80\x3e\0\0\0\x7d\0\0\x02\0\x10\0data\0\0\0\0", "too_short"),
        (b"PK\x03\x04\x14\0\0\0a.mp4", "not_media"),
    ],
)
def test_equal_heads_of_containers_are_no_leak(tmp_path: Path, data: bytes, reason: str) -> None:
    names = [f"{i}.wav" for i in range(6)]
    folder(tmp_path, *names)
    for name in names[:2]:
        (tmp_path / name).write_bytes(data)
    clips, entries = corpus(tmp_path, *names)
    assert [e.reason for e in entries] == [reason, reason, "", "", "", ""]
    assert len(make_folds(clips, ProtocolParams(name="loso"))) == 6


def test_equal_recordings_stay_a_leak(tmp_path: Path) -> None:
    names = [f"{i}.wav" for i in range(4)]
    folder(tmp_path, *names)
    write_media(tmp_path / "0.wav", sound=tone(0.5))
    (tmp_path / "1.wav").write_bytes((tmp_path / "0.wav").read_bytes())
    with pytest.raises(LeakageError, match="are one media file"):
        make_folds(corpus(tmp_path, *names)[0], ProtocolParams(name="loso"))


@pytest.mark.parametrize(
    ("stub", "words"),
    [
        ("v/a.wav.part", "there is 'a.wav.part'; its download is not finished"),
        ("v/a.wav.crdownload", "its download is not finished"),
        ("v/.a.wav.icloud", "there is '.a.wav.icloud'; download the file in iCloud first"),
        ("v/a.wav.dvc", "run `dvc pull`"),
        ("v/a.wav.gz", "unpack it"),
    ],
)
def test_what_lies_in_place_of_a_file_tells_where_it_is(tmp_path: Path, stub: str, words: str) -> None:
    reason, told = folder(tmp_path, stub).fault("v/a.wav")
    assert (reason, words in told) == ("missing_file", True)


@pytest.mark.parametrize(
    ("target", "words"),
    [(".git/annex/objects/F0/SHA256E-s1--a.wav", "of git-annex; run `git annex get`"),
     (".dvc/cache/files/md5/ab/cdefcdefcdefcdefcdefcdefcdefcd", "of DVC; run `dvc pull`"),
     ("gone.wav", "a link that leads to no file")],
)  # fmt: skip
def test_a_link_to_what_was_not_fetched_has_its_remedy(tmp_path: Path, target: str, words: str) -> None:
    (tmp_path / "a.wav").symlink_to(target)
    reason, told = CorpusFiles(tmp_path).fault("a.wav")
    assert reason == "missing_file"
    assert told.endswith(words)


@pytest.mark.parametrize("encoding", ["latin-1", "cp850", "gbk"])
def test_a_name_in_another_encoding_is_found(tmp_path: Path, encoding: str) -> None:
    name = "登录.wav" if encoding == "gbk" else "café.wav"
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name.encode(encoding))).write_bytes(b"\0\1")
    found = CorpusFiles(tmp_path).fault(name)
    assert found[0] == "missing_file"
    assert "did you mean '" in found[1]
    assert found[1].isprintable()


def test_a_row_may_have_a_name_as_messages_show_it(tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.wav")).write_bytes(b"\0\1")
    clips, _ = corpus(tmp_path, "caf\\xe9.wav")
    assert [(c.path, bool(c.digest)) for c in clips] == [("caf\\xe9.wav", True)]
