"""What poses as media is named with its remedy; media of every kind are left to FFmpeg."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest
from PIL import Image

from helpers.media import tone, write_media
from pipeline.core.errors import ClipError
from pipeline.core.foreign import HEAD
from pipeline.media.decode import read_audio, read_frames
from pipeline.media.placeholder import check_media

LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:9269ed5e\nsize 414429\n"
PAGE = b"<!DOCTYPE html><html><head><title>Google Drive - Virus scan warning</title></head><body>No.</body></html>"
POSING = {
    LFS: "a Git LFS pointer; run `git lfs pull`",
    b"\xef\xbb\xbf" + LFS.replace(b"\n", b"\r\n"): "a Git LFS pointer; run",
    b"/annex/objects/SHA256E-s1--a.mp4\n": "a git-annex pointer; run `git annex get`",
    b"../.git/annex/objects/F0/x/SHA256E-s1--a.mp4": "a git-annex pointer;",
    b"outs:\n- md5: 1f\n  size: 3\n  path: a.mp4\n": "a DVC pointer; run `dvc pull`",
    PAGE: "an HTML page ('Google Drive - Virus scan warning'); download it again, in a browser",
    b"\n  <!-- x -->\n<HTML lang=en>\xe9": "an HTML page; download it again",
    b'<?xml version="1.0"?><!DOCTYPE html PUBLIC "x"><html>': "an HTML page;",
    "<html>\n".encode("utf-16"): "an HTML page;",
    b"<?xml version='1.0'?>\n<Error><Code>AccessDenied</Code></Error>": "an XML document; download it again",
    b'{"error": {"code": 403, "message": "quota"}}': "a JSON document; download it again",
    b"#EXTM3U\n#EXTINF:1,\nother.ts\n": "a playlist; put the recording itself in its place",
    b"[playlist]\nFile1=http://x/a.mp3\n": "a playlist;",
    b'<asx version="3.0"><entry><ref href="a.wmv"/></entry></asx>': "a playlist;",
    b'<?xml version="1.0"?><MPD xmlns="x"></MPD>': "a playlist;",
    b"ffconcat version 1.0\nfile '/etc/passwd'\n": "a playlist;",
    b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\n": "a playlist;",
    b"https://example.org/a.mp4\n": "a playlist or link;",
    b"[InternetShortcut]\r\nURL=https://example.org\r\n": "a link to another place;",
    b"..\\.git\\annex\\objects\\F0\\SHA256E-s1--a.mp4": "a git-annex pointer; run `git annex get`",
    b"SHA256E-s414429--9f86d081884c7d65.mp4\n": "a git-annex pointer;",
    b"wdir: ..\nouts:\n- md5: 1f\n": "a DVC pointer; run `dvc pull`",
    b"md5: 1f\nfrozen: true\ndeps:\n- path: a\n  repo:\n    url: https://x\nouts:\n- md5: 2\n": "a DVC pointer;",
    b"<<<<<<< HEAD\nversion https://git-lfs.github.com/spec/v1\n": "an unresolved merge of git; resolve it",
    b" \r\n\xef\xbb\xbf<html><title>Sign in</title>": "an HTML page ('Sign in'); download it again",
    b'<a href="https://x">Moved Permanently</a>.': "an HTML page; download it again",
    b"<center><h1>403 Forbidden</h1></center>": "an HTML page;",
    "\ufeff<html><title>登录</title>".encode("utf-16-le"): "an HTML page ('登录');",
    "<!doctype html><html><body>No.</body>".encode("utf-16-le"): "an HTML page;",
    b"<Error><Code>NoSuchKey</Code></Error>": "an XML document;",
    b'"Unauthorized"': "a JSON document;",
    b")]}'\n[1, 2]": "a JSON document;",
    b"d8:announce20:udp://example.org:806:lengthi1e6:pieces3:\x00\x01\x02e": "a torrent; download what it names",
    b"magnet:?xt=urn:btih:c12f&dn=a.mp4\n": "a playlist or link;",
    b"; mine\n[playlist]\nFile1=a.mp3\n": "a playlist;",
    b'REM GENRE x\nPERFORMER "y"\nFILE "a.wav" WAVE\n  TRACK 01 AUDIO\n': "a playlist;",
    b"# mine\nfile 'a.mp4'\nfile 'b.mp4'\n": "a playlist;",
    b"\xef\xbb\xbf#EXTM3U\n": "a playlist;",
    gzip.compress(b"<!doctype html>", mtime=0): "a gzip file; unpack it",
    b"PK\x03\x04\x14\0\0\0\0\0a.mp4": "a ZIP archive; unpack it",
    b"PK\x03\x04\x14\0\0\0\0\0[Content_Types].xml": "an Office document; save its sheet as CSV",
    b"a.mp4".ljust(257, b"\0") + b"ustar\x0000": "a tar archive; unpack it",
    bytes.fromhex("0005160700020000")
    + b"Mac OS X        "
    + bytes(60): "what macOS notes beside a file (AppleDouble);",
    b"\0\0\0\x01Bud1" + bytes(60): "what macOS notes of a folder (.DS_Store);",
    b"bplist00\xd3\x01\x02]NSURLNameKey": "a list of macOS, such as iCloud leaves in place of a file; download",
    b"L\0\0\0\x01\x14\x02\0\0\0\0\0\xc0": "a Windows shortcut; put the recording itself in its place",
    b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n\0\x01": "a PDF document;",
    b"\xff" * 2 * HEAD: "nothing but FF bytes, as of an erased card; copy or download it again",
    b"404: Not Found": "text ('404: Not Found'); put the recording itself in its place",
    b"../shared/a.mp4": "text ('../shared/a.mp4');",
    b"x\x1b[31m " * 2000: "text ('x?[31m",
    b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x80\x3e\0\0\0\x7d\0\0\x02\0\x10\0data\0\0\0\0": "a WAV file without",
    b"RIFF\x24\0\0\0WAVEfmt ": "a WAV file without samples; record or download it again",
    b"": "an empty file, 0 bytes; copy or download it again",
    b" \r\n\t\n": "a file of white space alone; copy",
    bytes(3 * HEAD): "nothing but zero bytes, a download that never came; download it again",
    bytes(1): "nothing but zero bytes",
}


@pytest.mark.parametrize("data", [pytest.param(data, id=str(number)) for number, data in enumerate(POSING)])
@pytest.mark.parametrize("name", ["a.mp4", "a.wav", "a"])
def test_it_is_named_with_its_remedy(tmp_path: Path, data: bytes, name: str) -> None:
    (tmp_path / name).write_bytes(data)
    for read in (check_media, lambda path: read_audio(path, 16000), lambda path: list(read_frames(path))):
        with pytest.raises(ClipError) as caught:
            read(tmp_path / name)
        assert caught.value.reason == "not_media"
        assert caught.value.detail.startswith(POSING[data])
        assert str(tmp_path) not in caught.value.detail


@pytest.mark.parametrize(
    "data",
    [
        bytes(2 * HEAD) + b"\xff\xfb\x90\x64",  # some encoders of MP3 begin with zeros
        b"YUV4MPEG2 W64 H64 F25:1\nFRAME\n" + b"A" * HEAD,
        b"NIST_1A\n   1024\n" + b" " * HEAD,
        b"\xff\xfe" + b"\x90\x64" * 40,
        b"RIFF\x24\x00\x00\x00WAVEfmt \x10\0\0\0\x01\0\x01\0\x80\x3e\0\0\0\x7d\0\0\x02\0\x10\0data\x02\0\0\0\x01\0",
        b"RIFF",
        b"OggS",
        b"\x47\x40\x00\x10" * 50,
    ],
)
def test_what_may_be_media_is_left_to_ffmpeg(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.mp4").write_bytes(data)
    check_media(tmp_path / "a.mp4")


def test_media_are_read_as_before(tmp_path: Path) -> None:
    path = write_media(tmp_path / "a.mp4", [0, 40, 80], tone(0.2), codecs=("libx264", "aac"))
    check_media(path)
    assert len(list(read_frames(path))) == 3
    assert len(read_audio(path, 16000)) > 3000


def test_places_without_a_file(tmp_path: Path) -> None:
    os.symlink("loop.mp4", tmp_path / "loop.mp4")
    (tmp_path / "folder.mp4").mkdir()
    told = {"loop.mp4": "a link that leads to no file", "folder.mp4": "a folder", "gone.mp4": "not there"}
    for name, words in told.items():
        with pytest.raises(ClipError, match=f"^missing_file: {words}$"):
            check_media(tmp_path / name)


@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_a_picture_under_the_name_of_a_film_is_said_to_be_one(tmp_path: Path, form: str) -> None:
    Image.radial_gradient("L").convert("RGB").save(tmp_path / "a.mp4", form)
    damage: list[str] = []
    assert len(list(read_frames(tmp_path / "a.mp4", damage=damage))) == 1
    assert damage == ["note: a still picture, in which nothing moves"]


def test_pictures_one_after_another_are_a_film(tmp_path: Path) -> None:
    for name in ("a.jpg", "b.mp4"):
        Image.radial_gradient("L").convert("RGB").save(tmp_path / "a.jpg", "JPEG")
        (tmp_path / name).write_bytes((tmp_path / "a.jpg").read_bytes() * 3)
    damage: list[str] = []
    assert len(list(read_frames(tmp_path / "b.mp4", damage=damage))) == 3
    assert damage == []
