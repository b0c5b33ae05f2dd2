"""From a folder to a manifest: labels mapped, files hashed, mistakes told on one line."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import pytest

from pipeline.core.clip import read_manifest, write_manifest
from pipeline.core.errors import CorpusError, PipelineError, SettingsError
from pipeline.core.ledger import Entry
from pipeline.corpora import baum1s
from pipeline.manifest.build import left_out, read_corpus
from pipeline.manifest.settings import CorpusParams, check_corpora, protocol_of
from pipeline.protocols.settings import ProtocolParams

HEAD = "clip_id,path,speaker,emotion\n"


def corpus(folder: Path, rows: str, *files: str, **changes: Any) -> CorpusParams:
    """Make a folder with a manifest and media files, and the settings for it."""
    (folder / "manifest.csv").write_text(HEAD + rows)
    for name in files:
        (folder / name).write_bytes(b"\0" + name.encode())
    data = {"adapter": "manifest_csv", "root": str(folder), "protocol": {"name": "none"}}
    return CorpusParams.model_validate(data | changes)


def error_of(params: CorpusParams) -> PipelineError:
    """Read a corpus, which fails, and return the error."""
    with pytest.raises(PipelineError) as caught:
        read_corpus("mine", params, 1)
    assert "\n" not in str(caught.value)
    return caught.value


def sha256(text: str) -> str:
    """Hexadecimal digest of what `corpus` writes into a file."""
    return hashlib.sha256(b"\0" + text.encode()).hexdigest()


@pytest.mark.parametrize("workers", [1, 2])
def test_clips_come_sorted_with_digests_and_entries(tmp_path: Path, workers: int) -> None:
    rows = "b,2.mp4,s1,sad\na,1.mp4,s1,anger\nc,2.mp4,s2,fear\n"
    clips, entries = read_corpus("mine", corpus(tmp_path, rows, "1.mp4", "2.mp4"), workers)
    assert [(clip.clip_id, clip.emotion) for clip in clips] == [("a", "anger"), ("b", "sad"), ("c", "fear")]
    assert [clip.digest for clip in clips] == [sha256("1.mp4"), sha256("2.mp4"), sha256("2.mp4")]
    assert entries == [Entry(name, "prepare") for name in "abc"]


def test_an_absent_file_costs_its_clip_and_no_more(tmp_path: Path) -> None:
    rows = "a,1.mp4,s1,anger\nb,gone.mp4,s1,sad\n"
    clips, entries = read_corpus("mine", corpus(tmp_path, rows, "1.mp4"), 1)
    assert [(clip.clip_id, clip.digest) for clip in clips] == [("a", sha256("1.mp4")), ("b", "")]
    assert entries == [Entry("a", "prepare"), Entry("b", "prepare", "failed", "missing_file", "gone.mp4")]


def test_a_folder_in_the_place_of_a_file_is_an_absent_file(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").mkdir()
    _, entries = read_corpus("mine", corpus(tmp_path, "a,a.mp4,s1,anger\n"), 1)
    assert entries == [Entry("a", "prepare", "failed", "missing_file", "a.mp4")]


@pytest.mark.parametrize(
    ("labels", "label", "emotion"),
    [
        ({}, "happy", "happy"),
        ({"joy": "happy"}, "joy", "happy"),
        ({"W": "anger", "L": "boredom"}, "L", "boredom"),
        ({"calm": "neutral"}, "calm", "neutral"),
    ],
)
def test_labels_are_mapped(tmp_path: Path, labels: dict[str, str], label: str, emotion: str) -> None:
    clips, _ = read_corpus("mine", corpus(tmp_path, f"a,a.mp4,s1,{label}\n", "a.mp4", labels=labels), 1)
    assert [clip.emotion for clip in clips] == [emotion]


def test_an_unknown_emotion_is_told_with_the_nearest_and_the_remedy(tmp_path: Path) -> None:
    error = error_of(corpus(tmp_path, "a,a.mp4,s1,hapy\n", "a.mp4"))
    assert isinstance(error, CorpusError)
    assert str(error) == (
        f"{tmp_path}/manifest.csv:2: unknown emotion 'hapy' (did you mean 'happy'?); mend it, or map it in "
        "params.yaml: corpora.mine.labels; a number, yes, no and null stand there in quotes"
    )


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ({"joy": "hapy"}, "params.yaml: corpora.mine.labels.joy: unknown emotion 'hapy' (did you mean 'happy'?)"),
        ({"joy": "zzz"}, "params.yaml: corpora.mine.labels.joy: unknown emotion 'zzz' (known: anger, boredom, calm, "),
        (
            {"joy": "leftout"},
            "params.yaml: corpora.mine.labels.joy: unknown emotion 'leftout' (did you mean 'left_out'?)",
        ),
    ],
)
def test_a_wrong_labels_setting(tmp_path: Path, labels: dict[str, str], message: str) -> None:
    error = error_of(corpus(tmp_path, "a,a.mp4,s1,joy\n", "a.mp4", labels=labels))
    assert isinstance(error, SettingsError)
    assert str(error).startswith(message)


def test_an_unknown_adapter(tmp_path: Path) -> None:
    error = error_of(corpus(tmp_path, "", adapter="cremadd"))
    assert isinstance(error, SettingsError)
    assert str(error) == "params.yaml: corpora.mine.adapter: no corpora plugin 'cremadd' (did you mean 'cremad'?)"


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            "a,1.mp4,s1,sad\na,2.mp4,s1,sad\n",
            "{root}/manifest.csv:3: clip_id 'a' is there in line 2, too; make the ids unique",
        ),
        ("", "{root}: the corpus has no clips; check corpora.mine.root in params.yaml"),
        ("a b:c,1.mp4,s1,sad\n", "{root}/manifest.csv:2: clip_id 'a b:c' is not usable"),
    ],
)
def test_a_corpus_that_is_wrong_as_a_whole(tmp_path: Path, rows: str, message: str) -> None:
    error = error_of(corpus(tmp_path, rows, "1.mp4", "2.mp4"))
    assert isinstance(error, CorpusError)
    assert str(error).startswith(message.format(root=tmp_path))


def test_a_file_name_that_gives_no_usable_id(tmp_path: Path) -> None:
    for folder in ("(a)", "b"):
        (tmp_path / folder).mkdir()
    params = corpus(tmp_path, "", "(a)/03a01Fa.wav", "b/03a01Fa.wav", adapter="emodb")
    assert str(error_of(params)).startswith(f"{tmp_path}: clip_id '(a)__03a01Fa' is not usable")


def named(folder: Path, name: bytes, content: str = "x") -> None:
    """Write a file whose name may be any bytes."""
    with open(os.path.join(os.fsencode(folder), name), "wb") as file:
        file.write(b"\0" + content.encode())  # no text, which is no media


def test_a_file_name_that_is_no_utf8_is_escaped_and_read(tmp_path: Path) -> None:
    """Latin-1 from an old disk: the name in the tables is UTF-8, and leads to the file."""
    os.mkdir(os.path.join(os.fsencode(tmp_path), b"\xc9tudes"))
    named(tmp_path, b"\xc9tudes/03a01Fa.wav", "one")
    named(tmp_path, b"03a01Wa.wav", "two")
    params = CorpusParams.model_validate({"adapter": "emodb", "root": str(tmp_path)})
    clips, entries = read_corpus("mine", params, 1)
    assert {clip.path: clip.digest for clip in clips} == {
        "03a01Wa.wav": sha256("two"), "\\xc9tudes/03a01Fa.wav": sha256("one"),
    }  # fmt: skip
    assert {entry.status for entry in entries} == {"ok"}
    write_manifest(tmp_path / "out.csv", clips)
    again = read_manifest(tmp_path / "out.csv")
    assert [clip.file(tmp_path).read_bytes() for clip in again] == [b"\0one", b"\0two"]
    check_utf8 = (tmp_path / "out.csv").read_text(encoding="utf-8")
    assert "xc9tudes" in check_utf8


def test_an_id_from_a_name_that_is_no_utf8_stays_unique(tmp_path: Path) -> None:
    for folder in (b"\xe9", b"\xe8"):
        os.mkdir(os.path.join(os.fsencode(tmp_path), b"a" + folder))
        named(tmp_path, b"a" + folder + b"/03a01Fa.wav", folder.hex())
    params = CorpusParams.model_validate({"adapter": "emodb", "root": str(tmp_path)})
    clips, _ = read_corpus("mine", params, 1)
    assert [clip.clip_id for clip in clips] == ["a-xe8__03a01Fa", "a-xe9__03a01Fa"]
    assert [clip.digest for clip in clips] == [sha256("e8"), sha256("e9")]


def test_a_link_out_of_the_corpus_is_followed_where_a_setting_says_so(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("\0secret")
    root = tmp_path / "corpus"
    root.mkdir()
    rows = "a,1.mp4,s1,anger\nb,2.mp4,s1,sad\nc,3.mp4,s1,sad\nd,deep/secret.txt,s1,sad\n"
    params = corpus(root, rows, "1.mp4")
    (root / "2.mp4").symlink_to(tmp_path / "secret.txt")
    (root / "3.mp4").symlink_to("1.mp4")
    (root / "deep").symlink_to(tmp_path)
    clips, entries = read_corpus("mine", params, 1)
    assert [bool(clip.digest) for clip in clips] == [True, False, True, False]
    assert [(entry.clip_id, entry.reason) for entry in entries if entry.lost] == [
        ("b", "outside_link"), ("d", "outside_link")
    ]  # fmt: skip
    assert "follow_links: true" in entries[1].detail
    clips, entries = read_corpus("mine", params.model_copy(update={"follow_links": True}), 1)
    assert [clip.digest for clip in clips][1::2] == [sha256("secret")] * 2
    assert not [entry for entry in entries if entry.lost]


def test_a_root_that_is_a_link_and_dvcs_own_links_are_the_corpus_itself(tmp_path: Path) -> None:
    rows = "a,1.mp4,s1,anger\nb,2.mp4,s1,sad\nc,3.mp4,s1,sad\n"
    (tmp_path / "far").mkdir()
    (tmp_path / "near").symlink_to("far")
    params = corpus(tmp_path / "far", rows, "1.mp4", root=str(tmp_path / "near"))
    for name, store in (("2.mp4", f".dvc/cache/files/md5/ab/{'c' * 30}"), ("3.mp4", ".git/annex/objects/k/SHA-1")):
        (tmp_path / store).parent.mkdir(parents=True)
        (tmp_path / store).write_text(f"\0{name}")
        (tmp_path / "far" / name).symlink_to(tmp_path / store)
    clips, _ = read_corpus("mine", params, 1)
    assert [clip.digest for clip in clips] == [sha256(f"{number}.mp4") for number in (1, 2, 3)]


def test_a_linked_folder_or_table_outside_is_named_and_not_read(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    (tmp_path / "far/03a01Fa.wav").write_text("\0x")
    (tmp_path / "root").mkdir()
    (tmp_path / "root/Actor").symlink_to(tmp_path / "far")
    params = CorpusParams.model_validate({"adapter": "emodb", "root": str(tmp_path / "root")})
    assert str(error_of(params)).startswith(f"{tmp_path}/root/Actor: a link that leads out of the corpus; set follow_")
    (clip,), _ = read_corpus("mine", params.model_copy(update={"follow_links": True}), 1)
    assert (clip.path, clip.digest) == ("Actor/03a01Fa.wav", sha256("x"))
    (tmp_path / "root/Actor").unlink()
    (tmp_path / "far/table.csv").write_text("password\n")
    (tmp_path / "root/manifest.csv").symlink_to(tmp_path / "far/table.csv")
    error = error_of(CorpusParams.model_validate({"adapter": "manifest_csv", "root": str(tmp_path / "root")}))
    assert str(error).startswith(f"{tmp_path}/root/manifest.csv: a link that leads out of the corpus")


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    (tmp_path / "root/deep").mkdir(parents=True)
    named(tmp_path / "root", b"03a01Fa.wav")
    (tmp_path / "root/deep/up").symlink_to(tmp_path)
    (tmp_path / "root/deep/self").symlink_to("self")
    (tmp_path / "root/deep/again").symlink_to("..")
    params = {"adapter": "emodb", "root": str(tmp_path / "root"), "follow_links": True}
    (clip,), _ = read_corpus("mine", CorpusParams.model_validate(params), 1)
    assert clip.path == "03a01Fa.wav", "once, though a link leads above the corpus"


@pytest.mark.parametrize("name", ["absent", "manifest.csv"])
def test_a_root_that_is_no_folder(tmp_path: Path, name: str) -> None:
    error = error_of(corpus(tmp_path, "", root=str(tmp_path / name)))
    assert isinstance(error, CorpusError)
    assert str(error) == f"{tmp_path / name}: no such folder; set corpora.mine.root in params.yaml"


def test_labels_leave_clips_out_and_tell_which(tmp_path: Path) -> None:
    rows = "d,1.mp4,s1,calm\na,1.mp4,s1,anger\nb,2.mp4,s1,calm\nc,gone.mp4,s1,contempt\n"
    params = corpus(tmp_path, rows, "1.mp4", "2.mp4", labels={"calm": "left_out", "contempt": "left_out"})
    clips, entries = read_corpus("mine", params, 1)
    assert [clip.clip_id for clip in clips] == [entry.clip_id for entry in entries] == ["a"]
    assert left_out("mine", params) == {"calm": ["b", "d"], "contempt": ["c"]}


def test_a_corpus_of_which_nothing_is_used(tmp_path: Path) -> None:
    error = error_of(corpus(tmp_path, "a,1.mp4,s1,calm\n", "1.mp4", labels={"calm": "left_out"}))
    assert str(error) == (
        f"{tmp_path}: the corpus has no clips beside 1 that its labels leave out; check corpora.mine.root in "
        "params.yaml"
    )


def test_an_id_of_a_clip_that_is_left_out_is_checked_too(tmp_path: Path) -> None:
    error = error_of(corpus(tmp_path, "a,1.mp4,s1,anger\na,2.mp4,s1,calm\n", "1.mp4", labels={"calm": "left_out"}))
    assert "clip_id 'a' is there in line 2, too" in str(error)


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        ({}, ProtocolParams(name="logso", groups=5)),
        ({"protocol": {"name": "loso"}}, ProtocolParams(name="loso")),
        ({"adapter": "rml"}, ProtocolParams(name="loso")),
    ],
)
def test_the_protocol_is_that_of_the_settings_or_of_the_adapter(
    block: dict[str, Any], expected: ProtocolParams
) -> None:
    assert protocol_of("baum1s", CorpusParams.model_validate({"root": "x", **block})) == expected
    assert baum1s.PROTOCOL == {"name": "logso", "groups": 5}


def check(root: Path | str, name: str = "rml", **block: Any) -> str:
    """Check params.yaml with one corpus."""
    return check_corpora({"corpora": {name: {"root": str(root), **block}}, "generate": {"demo": {}}})


def test_a_root_is_all_that_a_known_corpus_needs(tmp_path: Path) -> None:
    assert check(tmp_path) == "corpora: rml"
    assert check("data/demo", "mine", adapter="demo", protocol={"name": "loso"}) == "corpora: mine"


def test_a_corpus_that_degrade_makes_and_one_that_it_cannot(tmp_path: Path) -> None:
    worse = {"adapter": "manifest_csv", "root": "data/degraded/w", "protocol": {"name": "loso"}}
    corpora = {"rml": {"root": str(tmp_path)}, "w": worse}
    assert check_corpora({"corpora": corpora, "degrade": {"w": {"corpus": "rml", "snr_db": 10}}}) == "corpora: rml, w"
    with pytest.raises(SettingsError) as caught:
        check_corpora({"corpora": corpora, "degrade": {"w": {"corpus": "rlm", "snr_db": 10}}})
    assert str(caught.value) == (
        "params.yaml: degrade.w.corpus: no corpus 'rlm' (did you mean 'rml'?); mend it, or remove degrade.w "
        "(`degrade: {}` if nothing is left)"
    )


@pytest.mark.parametrize(
    ("name", "block", "message"),
    [
        ("rml_2", {}, "params.yaml: corpora.rml_2.adapter: no corpora plugin 'rml_2' (did you mean 'rml'?)"),
        (
            "mine",
            {"adapter": "manifest_csv"},
            (
                "params.yaml: corpora.mine.protocol: this setting is missing, and the adapter 'manifest_csv' brings "
                "none; set it, such as {name: loso}"
            ),
        ),
        (
            "rml",
            {"protocol": {"name": "logso", "groups": [["s1"], ["s1"]]}},
            (
                "params.yaml: corpora.rml.protocol.groups: speaker 's1' should occur once, in one group (got "
                "[['s1'], ['s1']])"
            ),
        ),
        ("rml", {"adaptr": "rml"}, "params.yaml: corpora.rml.adaptr: no such setting (did you mean 'adapter'?)"),
    ],
)
def test_wrong_corpora_are_told_before_anything_runs(
    tmp_path: Path, name: str, block: dict[str, Any], message: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        check(tmp_path, name, **block)
    assert str(caught.value) == message


def test_an_absent_folder_is_told_before_anything_runs(tmp_path: Path) -> None:
    with pytest.raises(
        CorpusError, match=r"^params.yaml: corpora.rml.root: no such folder '.*x'; mend it, or remove the corpus$"
    ):
        check(tmp_path / "x")


@pytest.mark.parametrize("params", [{"corpora": None}, {"corpora": ["demo"]}, {"corpora": {}, "degrade": "noise"}])
def test_a_section_that_is_no_block_is_told(params):
    with pytest.raises(SettingsError, match=r"params\.yaml: (corpora|degrade): expected a block of settings"):
        check_corpora(params)
