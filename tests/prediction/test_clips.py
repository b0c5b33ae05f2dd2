"""Which files become clips."""

from __future__ import annotations

import os

import numpy as np
import pytest

from helpers.media import tone, write_media
from pipeline.core.clip import check_clip_id
from pipeline.core.errors import CorpusError
from pipeline.core.files import file_digest
from pipeline.prediction.clips import find


def test_a_folder_is_searched_and_other_files_are_named(tmp_path):
    (tmp_path / "deep").mkdir()
    write_media(tmp_path / "deep/one.wav", sound=tone(0.3))
    write_media(tmp_path / "two.mkv", [0, 40, 80])
    write_media(tmp_path / "three.mkv", [0, 40, 80]).rename(tmp_path / "three.unheard-of")
    (tmp_path / "text.mp4").write_text("no film", encoding="utf-8")
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "notes.txt").write_text("notes", encoding="utf-8")
    (tmp_path / "data.json").write_text("{}", encoding="utf-8")
    (tmp_path / "noise.bin").write_bytes(np.random.default_rng(0).bytes(20_000))
    (tmp_path / ".hidden.wav").touch()
    found = find(tmp_path)
    assert [clip.clip_id for clip in found.clips] == ["empty", "one", "text", "three", "two"]
    assert [clip.path for clip in found.clips][:2] == ["empty.mp4", "deep/one.wav"]
    assert list(found.skipped) == ["data.json", "noise.bin", "notes.txt"]
    assert all(entry.stage == "prepare" for entry in found.entries)
    assert {entry.clip_id: entry.detail for entry in found.entries if entry.status != "ok"} == {
        "empty": "empty.mp4: an empty file, 0 bytes; copy or download it again",
        "text": "text.mp4: text ('no film'); put the recording itself in its place",
    }
    assert [len(clip.digest) for clip in found.clips] == [0, 64, 0, 64, 64]


def test_one_file_is_a_clip_whatever_it_is(tmp_path):
    (tmp_path / "notes.txt").write_text("notes", encoding="utf-8")
    found = find(tmp_path / "notes.txt")
    assert [clip.path for clip in found.clips] == ["notes.txt"]
    assert found.root == tmp_path
    assert not found.skipped


@pytest.mark.parametrize(
    "name", ["söme (clip) 1.mp4", "-.mp4", "_x.mp4", "fold-00.mp4", f"{'x' * 220}.mp4", "a/b.mp4", "...mp4.mp4"]
)
def test_every_name_becomes_a_usable_id(tmp_path, name):
    file = tmp_path / name
    file.parent.mkdir(exist_ok=True)
    file.touch()
    if file.name.startswith("."):
        file = file.rename(file.with_name(f"x{file.name}"))
    clips = find(file).clips
    check_clip_id(clips[0].clip_id, "here")


def test_files_with_one_name_keep_apart(tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "clip.mp4").write_text(folder, encoding="utf-8")
    (tmp_path / "a" / "clip.wav").touch()
    (tmp_path / "x y.mp4").touch()
    (tmp_path / "x-y.mp4").touch()
    ids = [clip.clip_id for clip in find(tmp_path).clips]
    assert len(set(ids)) == 5
    assert "a_clip.mp4" in ids
    assert "b_clip.mp4" in ids


def test_a_name_that_is_no_utf8_costs_nothing(tmp_path):
    for name in (b"caf\xe9.wav", b"b.wav", b"\xff\xfe.mp4"):
        with open(os.path.join(os.fsencode(tmp_path), name), "wb") as file:
            file.write(name)
    with open(os.path.join(os.fsencode(tmp_path), b"notes\xe9.txt"), "wb"):
        pass
    found = find(tmp_path)
    assert [clip.path for clip in found.clips] == ["b.wav", "caf\\xe9.wav", "\\xff\\xfe.mp4"]
    assert [clip.file(found.root).read_bytes() for clip in found.clips] == [b"b.wav", b"caf\xe9.wav", b"\xff\xfe.mp4"]
    assert list(found.skipped) == ["notes\\xe9.txt"]
    for text in [*(clip.clip_id for clip in found.clips), *(entry.detail for entry in found.entries)]:
        text.encode("utf-8")


def test_links_out_of_the_folder_are_named_and_left_alone(tmp_path):
    folder, far = tmp_path / "folder", tmp_path / "far"
    folder.mkdir()
    far.mkdir()
    (far / "a.wav").write_text("far", encoding="utf-8")
    (folder / "b.wav").write_text("near", encoding="utf-8")
    (folder / "c.wav").symlink_to(far / "a.wav")
    (folder / "more").symlink_to(far)
    (folder / "round").symlink_to("..")
    found = find(folder)
    assert [clip.path for clip in found.clips] == ["b.wav"]
    assert [name.partition(" ")[0] for name in found.skipped] == ["c.wav", "more", "round"]
    assert all("--follow-links reads it" in name for name in found.skipped)
    assert {clip.path for clip in find(folder, follow_links=True).clips} == {"b.wav", "c.wav", "more/a.wav"}
    assert [clip.path for clip in find(folder / "c.wav").clips] == ["c.wav"], "asked for by its own name"


def test_nothing_to_judge(tmp_path):
    with pytest.raises(CorpusError, match="no such file or folder"):
        find(tmp_path / "nowhere")
    with pytest.raises(CorpusError, match=r"no media in it that FFmpeg opens \(0 other files\)"):
        find(tmp_path)


def test_parts_of_downloads_are_named_and_not_judged(tmp_path):
    for name in ("a.wav", "b.wav.part", "c.mp4.crdownload", "d.wav.aria2"):
        write_media(tmp_path / "a.wav", sound=tone(0.5))
        (tmp_path / name).write_bytes((tmp_path / "a.wav").read_bytes())
    found = find(tmp_path)
    assert [clip.path for clip in found.clips] == ["a.wav"]
    assert found.skipped == [f"{name} (a download that is not finished)" for name in (
        "b.wav.part", "c.mp4.crdownload", "d.wav.aria2"
    )]  # fmt: skip
    assert [clip.path for clip in find(tmp_path / "b.wav.part").clips] == ["b.wav.part"], "one that is named is read"


def test_a_name_that_looks_like_an_escaped_one_is_another_file(tmp_path):
    write_media(tmp_path / "a.wav", sound=tone(0.5))
    data = (tmp_path / "a.wav").read_bytes()
    for name, more in ((b"caf\xe9.wav", b"1"), (rb"caf\xe9.wav", b"2"), (rb"caf\x5cxe9.wav", b"3")):
        with open(os.fsencode(tmp_path) + b"/" + name, "wb") as file:
            file.write(data + more)
    clips = find(tmp_path).clips
    assert len({clip.path for clip in clips}) == 4
    assert [file_digest(clip.file(tmp_path)) for clip in clips] == [clip.digest for clip in clips]
