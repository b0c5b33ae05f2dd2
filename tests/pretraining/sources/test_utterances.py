"""Which sounds a corpus of speech holds: speakers.csv, or patterns on their paths."""

from __future__ import annotations

import pytest

from pipeline.core.errors import CorpusError
from pipeline.pretraining.sources._shared.utterances import Utterance, find


def touch(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"")
    return root


def test_a_table_counts_before_any_pattern(tmp_path):
    touch(tmp_path, "x/other.wav")
    (tmp_path / "speakers.csv").write_bytes(
        "\ufeffutterance,path,speaker,more\r\nu2,b/u2.wav,b,x\r\nu1,u1.wav,ä,\r\n".encode()
    )
    assert find(tmp_path, "**/*.wav", r"(.)", True) == [
        Utterance("u1", "u1.wav", "ä"),
        Utterance("u2", "b/u2.wav", "b"),
    ]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", r"speakers\.csv:1: an empty table; it should begin with the columns utterance, path, speaker"),
        (b"utterance,path,speaker\n", "its table has no rows; add one for each utterance"),
        (b"utterance,path\nu,p\n", r"speakers\.csv:1: no column 'speaker'"),
        (b"a,b,c\n1,2,3\n", r"speakers\.csv:1: no column 'utterance'"),
        (b"utterance,path,speaker\nu,p,s\nu2,,s\n", r"speakers\.csv:3: 'path' is empty; fill it in"),
        (b"utterance,path,speaker\nu,p\n", r"speakers\.csv:2: 2 cells, but the heading has 3; mend the row"),
        (b"utterance,path,speaker\nu,p,\n", r"speakers\.csv:2: 'speaker' is empty; fill it in"),
        (b"utterance,path,speaker\nu,p,Eva\nv,q,eva\n", "speaker 'Eva' is also written 'eva'; write the name in one"),
        (b"utterance,path,speaker\nu,p,3\nv,q,3.0\n", "speaker '3' is also written '3.0'; write the name in one way"),
        (b"utterance,path,speaker\nu,p,\xe4\n", r"speakers\.csv:2: not UTF-8 \(.*\); save it as UTF-8"),
        (b"utterance,path,speaker\nu,p,s\nu,q,s\n", "p and q are both called 'u'; rename one"),
    ],
)
def test_tables_that_are_wrong(tmp_path, content, words):
    (tmp_path / "speakers.csv").write_bytes(content)
    with pytest.raises(CorpusError, match=words) as caught:
        find(tmp_path, "**/*.wav", None, True)
    assert "\n" not in str(caught.value)


def test_neither_table_nor_pattern(tmp_path):
    with pytest.raises(CorpusError, match=r"speakers\.csv: no such file; .* or a `speaker` pattern"):
        find(tmp_path, "**/*.wav", None, True)


def test_emodb(tmp_path):
    touch(tmp_path, "wav/03a01Fa.wav", "wav/09b02Wb.wav", "wav/notes.txt", "other/03.wav")
    assert find(tmp_path, "wav/*.wav", r"wav/(\d\d)", True) == [
        Utterance("03a01Fa", "wav/03a01Fa.wav", "03"),
        Utterance("09b02Wb", "wav/09b02Wb.wav", "09"),
    ]


def test_timit(tmp_path):
    touch(tmp_path, "TRAIN/DR1/FCJF0/SA1.WAV", "TRAIN/DR1/FDAW0/SA1.WAV", "TRAIN/DR1/FDAW0/SA1.PHN")
    assert find(tmp_path, "**/*.wav", r"(\w+)/[^/]+$", False) == [
        Utterance("TRAIN/DR1/FCJF0/SA1", "TRAIN/DR1/FCJF0/SA1.WAV", "FCJF0"),
        Utterance("TRAIN/DR1/FDAW0/SA1", "TRAIN/DR1/FDAW0/SA1.WAV", "FDAW0"),
    ]


def test_two_files_of_one_stem_cannot_be_told_apart_in_a_ctm(tmp_path):
    touch(tmp_path, "a/s1.wav", "b/s1.wav")
    with pytest.raises(CorpusError, match=r"a/s1\.wav and b/s1\.wav are both called 's1'"):
        find(tmp_path, "**/*.wav", r"(\w)/", True)
    assert len(find(tmp_path, "**/*.wav", r"(\w)/", False)) == 2


def test_a_path_without_a_speaker_and_hidden_files(tmp_path):
    touch(tmp_path, "a1/x.wav", "y.wav", ".hidden/z.wav", "a1/._x.wav")
    found = find(tmp_path, "**/*.wav", r"a(\d)/|^(?:y)", True)
    assert found == [Utterance("x", "a1/x.wav", "1"), Utterance("y", "y.wav", "")]


@pytest.mark.parametrize(
    ("root", "words"), [(".", r"no sounds match `sounds: \*\*/\*\.flac`"), ("nowhere", "no such folder")]
)
def test_nothing_found(tmp_path, root, words):
    touch(tmp_path, "a.wav")
    with pytest.raises(CorpusError, match=words):
        find(tmp_path / root, "**/*.flac", "(.)", True)


def test_a_table_of_another_system_has_backslashes(tmp_path):
    touch(tmp_path, "b/u.wav")
    (tmp_path / "speakers.csv").write_text("sep=;\nutterance;path;speaker\nu;b\\u.wav;s\n")
    assert find(tmp_path, "*", None, True) == [Utterance("u", "b/u.wav", "s")]
