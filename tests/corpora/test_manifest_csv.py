"""A user's own `manifest.csv`: what spreadsheets write is read, what is wrong is named with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.core.clip import Clip
from pipeline.core.errors import CorpusError
from pipeline.corpora import demo, manifest_csv
from pipeline.manifest.build import read_corpus
from pipeline.manifest.settings import CorpusParams

HEAD = "clip_id,path,speaker,emotion,split,gender,start,end\n"
A = Clip("a", "a.mp4", "s1", "anger")


def read(root: Path, content: str | bytes) -> list[Clip]:
    """Read a manifest with this content."""
    (root / "manifest.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    return list(manifest_csv.clips(root))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("clip_id,path,speaker,emotion\na,a.mp4,s1,anger\n", [A]),
        ("clip_id,path,speaker,emotion\na,a.mp4,s1,anger", [A]),
        ("\ufeffclip_id,path,speaker,emotion\na,a.mp4,s1,anger\n", [A]),
        ("clip_id,path,speaker,emotion\r\na,a.mp4,s1,anger\r\n", [A]),
        ("\ufeffclip_id;path;speaker;emotion\r\na;a.mp4;s1;anger\r\n", [A]),
        ("clip_id;path;speaker;emotion;note\na;a.mp4;s1;anger;x, y, z\n", [A]),
        (" emotion , speaker ,note,path,clip_id\n anger , s1 ,x, a.mp4 , a \n", [A]),
        ("clip_id,path,speaker,emotion\n\na,a.mp4,s1,anger\n\n", [A]),
        ("clip_id,path,speaker,emotion\n", []),
        (
            'clip_id,path,speaker,emotion\na,"x, y/a ""1"".mp4","Ünal, Ж",anger\n',
            [Clip("a", 'x, y/a "1".mp4', "Ünal, Ж", "anger")],
        ),
        ("clip_id,path,speaker,emotion\na,sub\\a.mp4,s1,anger\n", [Clip("a", "sub/a.mp4", "s1", "anger")]),
        ("clip_id,path,speaker,emotion\na,./sub//a.mp4,s1,anger\n", [Clip("a", "sub/a.mp4", "s1", "anger")]),
        (
            HEAD + "a,a.mp4,s1,anger,test,female,0,1.5\n",
            [Clip("a", "a.mp4", "s1", "anger", "test", "female", 0.0, 1.5)],
        ),
        (
            HEAD + "a,a.mp4,s1,anger,,,2,\nb,a.mp4,s1,sad,,,,\n",
            [Clip("a", "a.mp4", "s1", "anger", start=2.0), Clip("b", "a.mp4", "s1", "sad")],
        ),
    ],
)
def test_what_is_read(tmp_path: Path, content: str, expected: list[Clip]) -> None:
    assert read(tmp_path, content) == expected


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        ("", 1, "an empty table; it should begin with the columns clip_id, path, speaker, emotion"),
        ("clip_id,path,speaker\n", 1, "no column 'emotion' (known: clip_id, path, speaker)"),
        ("clip_id,path,speakers,emotion\n", 1, "no column 'speaker' (did you mean 'speakers'?)"),
        ("Clip_id,path,speaker,emotion\n", 1, "no column 'clip_id' (did you mean 'Clip_id'?)"),
        (HEAD + "a,a.mp4,s1,anger,,,,\n,b.mp4,s1,sad,,,,\n", 3, "'clip_id' is empty; fill it in or remove the row"),
        (HEAD + "a,,s1,anger,,,,\n", 2, "'path' is empty; fill it in or remove the row"),
        (HEAD + "a,a.mp4,  ,anger,,,,\n", 2, "'speaker' is empty; fill it in or remove the row"),
        (HEAD + "a,a.mp4,s1,,,,,\n", 2, "'emotion' is empty; fill it in or remove the row"),
        (HEAD + "a/b,a.mp4,s1,anger,,,,\n", 2, "clip_id 'a/b' is not usable"),
        (HEAD + "fold-01,a.mp4,s1,anger,,,,\n", 2, "clip_id 'fold-01' is reserved for folds"),
        (HEAD + "a,a.mp4,s1,anger,tset,,,\n", 2, "split 'tset' (did you mean 'test'?)"),
        (HEAD + "a,a.mp4,s1,anger,2,,,\n", 2, "split '2' (known: test, train, val)"),
        (HEAD + "a,a.mp4,s1,anger,,,0:01,\n", 2, "start '0:01' is not a number of seconds"),
        (HEAD + "a,a.mp4,s1,anger,,,-1,\n", 2, "start '-1' is not a number of seconds"),
        (HEAD + "a,a.mp4,s1,anger,,,,nan\n", 2, "end 'nan' is not a number of seconds"),
        (HEAD + "a,a.mp4,s1,anger,,,,inf\n", 2, "end 'inf' is not a number of seconds"),
        (HEAD + 'a,a.mp4,s1,anger,,,"1,5",\n', 2, "start '1,5' is not a number of seconds"),
        (HEAD + "a,a.mp4,s1,anger,,,2,1\n", 2, "end 1 s is not after start 2 s"),
        (HEAD + "a,a.mp4,s1,anger,,,2,2\n", 2, "end 2 s is not after start 2 s"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(tmp_path: Path, content: str, line: int, message: str) -> None:
    with pytest.raises(CorpusError) as caught:
        read(tmp_path, content)
    assert str(caught.value).startswith(f"{tmp_path / 'manifest.csv'}:{line}: {message}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "line"), [("\n\nb,b.mp4,,sad,,,,\n", 4), ('a,a.mp4,"s\n1",sad,,,,\nb,b.mp4,,sad,,,,\n', 4)]
)
def test_the_line_is_that_of_the_file(tmp_path: Path, content: str, line: int) -> None:
    with pytest.raises(CorpusError, match=rf"manifest.csv:{line}: 'speaker' is empty"):
        read(tmp_path, HEAD + content)


@pytest.mark.parametrize("character", ["\u2028", "\x85", "\x0c"])
def test_a_cell_may_hold_any_character_that_ends_no_line(tmp_path: Path, character: str) -> None:
    assert read(tmp_path, HEAD + f"a,a.mp4,s{character}1,anger,,,,\n")[0].speaker == f"s{character}1"


@pytest.mark.parametrize("content", [(HEAD + "a,a.mp4,Jérôme,anger,,,,\n").encode("latin-1"), HEAD.encode("utf-16")])
def test_another_encoding_is_named(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(CorpusError, match=r"manifest.csv.*UTF-8"):
        read(tmp_path, content)


def test_an_absent_manifest_is_told_with_the_columns_to_write(tmp_path: Path) -> None:
    with pytest.raises(
        CorpusError, match=r"manifest.csv: no such manifest; write one with the columns clip_id, path, speaker, emotion"
    ):
        list(manifest_csv.clips(tmp_path))


@pytest.mark.parametrize(
    ("lies", "remedy"),
    [
        ("corpus/Manifest.CSV", "rename Manifest.CSV beside it"),
        ("corpus/inner/manifest.csv", "there is one in {0}/corpus/inner: set the root to that folder"),
        ("manifest.csv", "there is one in {0}: set the root to that folder"),
    ],
)
def test_a_root_one_level_off_is_told(tmp_path: Path, lies: str, remedy: str) -> None:
    (tmp_path / "corpus" / "inner").mkdir(parents=True)
    (tmp_path / lies).write_text(HEAD)
    with pytest.raises(CorpusError) as caught:
        list(manifest_csv.clips(tmp_path / "corpus"))
    assert str(caught.value) == f"{tmp_path}/corpus/manifest.csv: no such manifest; {remedy.format(tmp_path)}"


@pytest.mark.parametrize("label", ["nan", "NaN", "None"])
def test_a_label_that_is_none_is_named_with_its_clip(tmp_path: Path, label: str) -> None:
    read(tmp_path, HEAD + f"a,a.mp4,s1,{label},,,,\n")
    with pytest.raises(
        CorpusError,
        match=(
            rf"manifest\.csv:2: unknown emotion '{label}'; mend it, or map it in params.yaml: corpora.mine.labels "
            r"\(known: anger, .*\); a number, yes, no and null stand there in quotes$"
        ),
    ):
        read_corpus("mine", CorpusParams(adapter="manifest_csv", root=str(tmp_path)), 1)


def test_demo_refuses_a_folder_that_it_did_not_make(tmp_path: Path) -> None:
    read(tmp_path, HEAD)
    with pytest.raises(
        CorpusError, match=r"not a generated corpus; run `dvc repro generate@demo`, or use manifest_csv"
    ):
        list(demo.clips(tmp_path))


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (
            "a,a.mp4,s1,anger,,F,,\nb,b.mp4,s2,sad,,M,,\nc,c.mp4,s3,sad,,F,,\n",
            ":2: gender 'F' (did you mean 'female'?); write female, male or nothing (2 rows); ",
        ),
        ("a,a.mp4,s1,anger,,Male,,\n", ":2: gender 'Male' (did you mean 'male'?); write female, male or nothing"),
        ("a,a.mp4,s1,anger,,x,,\n", ":2: gender 'x' (known: female, male); write female, male or nothing"),
        (
            "a,a.mp4,s1,anger,,male,,\nb,b.mp4,s1,sad,,,,\nc,c.mp4,s1,sad,,female,,\n",
            ":4: speaker 's1' is female, but male in line 2; mend one of the rows",
        ),
        ("a,a.mp4,s1,anger,tset,,,\nb,b.mp4,s1,sad,,,x,\n", ":3: start 'x' is not a number of seconds; mend it"),
        ("a,a.mp4,s1,anger,,,,\nb,b.mp4,s1,sad,,,,\na,c.mp4,s1,sad,,,,\n", ":4: clip_id 'a' is there in line 2, too"),
    ],
)
def test_optional_cells_are_checked_and_all_faults_told(tmp_path: Path, rows: str, told: str) -> None:
    with pytest.raises(CorpusError) as caught:
        read(tmp_path, HEAD + rows)
    assert f"{tmp_path}/manifest.csv{told}" in str(caught.value)


@pytest.mark.parametrize("name", ["Gender", "SPLIT", "start\u200b ", "Source", "\ufeffcorpus"])
def test_an_optional_column_of_another_spelling_is_not_passed_over(tmp_path: Path, name: str) -> None:
    text = f"clip_id,path,speaker,emotion,{name}\na,a.mp4,s1,anger,\n"
    if name.strip("\ufeff\u200b ") in ("start", "corpus"):
        assert read(tmp_path, text) == [A]
    else:
        with pytest.raises(CorpusError, match=rf"column '{name}' is not read \(did you mean '{name.lower()}'\?\)"):
            read(tmp_path, text)


@pytest.mark.parametrize("path", ["/data/a.mp4", "../a.mp4", "x/../../a.mp4", "..\\a.mp4", "C:\\v\\a.mp4"])
def test_a_path_that_leads_out_costs_its_clip(tmp_path: Path, path: str) -> None:
    (tmp_path / "b.mp4").write_bytes(b"\0b")
    read(tmp_path, HEAD + f"a,{path},s1,anger,,,,\nb,b.mp4,s2,anger,,,,\n")
    clips, entries = read_corpus("mine", CorpusParams(adapter="manifest_csv", root=str(tmp_path)), 1)
    assert [(e.status, e.reason) for e in entries] == [("failed", "bad_path"), ("ok", "")]
    assert [clip.path for clip in clips] == ["", "b.mp4"]


def test_all_labels_that_nobody_mapped_are_told_each_with_its_first_line(tmp_path: Path) -> None:
    words = ["happy", "Anger", "1", "Anger", "0", "nan"]
    read(tmp_path, HEAD + "".join(f"c{i},{i}.mp4,s1,{word},,,,\n" for i, word in enumerate(words)))
    with pytest.raises(CorpusError) as caught:
        read_corpus("mine", CorpusParams(adapter="manifest_csv", root=str(tmp_path)), 1)
    file = f"{tmp_path}/manifest.csv"
    assert str(caught.value).startswith(
        f"{file}:3: unknown emotion 'Anger' (did you mean 'anger'?) (2 rows); {file}:4: unknown emotion '1'; "
        f"{file}:6: unknown emotion '0'; {file}:7: unknown emotion 'nan'; mend it, or map it in params.yaml: "
    )
