"""BAUM-1s: the table says what is felt, six emotions are used, and everything else is listed."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.core.errors import CorpusError
from pipeline.corpora import baum1s
from pipeline.manifest.build import left_out, read_corpus
from pipeline.manifest.settings import CorpusParams

HEAD = "Clip No,Subject No,Gender,Clip Name,Emotion,Emotion Code\n"


def tree(root: Path, table: str, *names: str) -> Path:
    """Make the table and the films `S001_015` and so on, where they lie in the published corpus."""
    (root / "Annotations_BAUM1s.csv").write_text(table, encoding="utf-8")
    for name in names:
        path = root / (name if "/" in name else f"BAUM1s_MP4 - All/{name[:4].lower()}/{name}.mp4")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"\0" + name.encode())
    return root


def rows(*cells: tuple[str, str]) -> str:
    """A table with a row per (clip name, label)."""
    return HEAD + "".join(f"{i},1,F,{name},{label},0\n" for i, (name, label) in enumerate(cells))


@pytest.mark.parametrize(
    ("word", "label"),
    [
        ("Anger", "anger"),
        ("Angry", "anger"),
        ("disgust", "disgust"),
        ("FEAR", "fear"),
        ("Happiness", "happiness"),
        ("Happy", "happiness"),
        ("Sadness", "sadness"),
        ("Surprise", "surprise"),
        ("Boredom", "boredom"),
        ("Bothered", "bothered"),
        ("Concentrating", "concentrating"),
        ("Contempt", "contempt"),
        ("Neutral", "neutral"),
        ("Thinking", "thinking"),
        ("Unsure", "unsure"),
    ],
)
def test_the_first_letters_of_a_word_give_the_label(tmp_path: Path, word: str, label: str) -> None:
    (clip,) = baum1s.clips(tree(tmp_path, rows(("S001_015", word)), "S001_015"))
    assert (clip.clip_id, clip.speaker, clip.emotion) == ("S001_015", "S001", label)
    assert clip.path == "BAUM1s_MP4 - All/s001/S001_015.mp4"


def test_six_emotions_are_used_and_the_rest_is_listed(tmp_path: Path) -> None:
    table = rows(("S001_001", "Anger"), ("S002_001", "Neutral"), ("S001_002", "Neutral"), ("S002_002", "Contempt"))
    root = tree(tmp_path, table, "S001_001", "S002_001", "S001_002", "S002_002", "S003_007")
    params = CorpusParams(root=str(root))
    assert [clip.clip_id for clip in read_corpus("baum1s", params, 1)[0]] == ["S001_001"]
    assert left_out("baum1s", params) == {
        "contempt": ["S002_002"],
        "neutral": ["S001_002", "S002_001"],
        "not annotated": ["S003_007"],
    }


def test_settings_can_take_another_label_in(tmp_path: Path) -> None:
    root = tree(tmp_path, rows(("S001_001", "Anger"), ("S002_001", "Neutral")), "S001_001", "S002_001")
    params = CorpusParams(root=str(root), labels={"neutral": "neutral"})
    assert [clip.emotion for clip in read_corpus("baum1s", params, 1)[0]] == ["anger", "neutral"]
    assert left_out("baum1s", params) == {}


def test_a_film_of_the_table_that_is_absent_costs_its_clip(tmp_path: Path) -> None:
    root = tree(tmp_path, rows(("S001_001", "Anger"), ("S002_001", "Fear")), "S001_001")
    _, entries = read_corpus("baum1s", CorpusParams(root=str(root)), 1)
    assert [(entry.clip_id, entry.status, entry.reason) for entry in entries] == [
        ("S001_001", "ok", ""),
        ("S002_001", "failed", "missing_file"),
    ]


@pytest.mark.parametrize("folder", ["BAUM1a_MP4_all", "BAUM-1a", "corpus/baum1a"])
def test_the_acted_corpus_beside_it_is_passed_over(tmp_path: Path, folder: str) -> None:
    root = tree(
        tmp_path,
        rows(("S001_001", "Anger")),
        f"{folder}/s001/S001_001.mp4",
        "BAUM1s/s001/S001_001.mp4",
        f"{folder}/s001/S001_002.mp4",
    )
    assert [clip.path for clip in baum1s.clips(root)] == ["BAUM1s/s001/S001_001.mp4"]


def test_only_the_acted_corpus_is_an_error(tmp_path: Path) -> None:
    root = tree(tmp_path, rows(("S001_001", "Anger")), "BAUM1a_MP4_all/s001/S001_001.mp4")
    with pytest.raises(
        CorpusError, match="all videos below it are those of BAUM-1a; set the root to the folder of BAUM-1s"
    ):
        list(baum1s.clips(root))


@pytest.mark.parametrize(
    "table",
    [
        "\ufeffClip Name;Emotion\r\nS001_001;Anger\r\n",
        "Emotion\tNote\tClip Name\nAnger\tx, y\tS001_001\n",
        "Clip Name,Emotion,,\ns001_001, Anger ,,\n,,,\n",
    ],
)
def test_what_spreadsheets_save_is_read(tmp_path: Path, table: str) -> None:
    (clip,) = baum1s.clips(tree(tmp_path, table, "S001_001"))
    assert (clip.clip_id, clip.emotion) == ("S001_001", "anger")


@pytest.mark.parametrize(
    ("table", "line", "message"),
    [
        ("Clip,Emotion\n", 1, "no column 'Clip Name'"),
        ("Clip Name,Label\n", 1, "no column 'Emotion'"),
        (
            rows(("S001_001", "Anger"), ("S001_01", "Anger")),
            3,
            "'S001_01' is not a BAUM-1 clip name (S001_015); mend it or remove the row",
        ),
        (rows(("", "Anger")), 2, "'' is not a BAUM-1 clip name"),
        (rows(("S001_001", "Joy")), 2, "unknown label 'Joy' (known: anger, boredom, bothered, concentrating, "),
        (rows(("S001_001", "Con")), 2, "unknown label 'Con'"),
        (rows(("S001_001", "Not annotated")), 2, "unknown label 'Not annotated'"),
        (rows(("S001_001", "")), 2, "unknown label ''"),
    ],
)
def test_what_is_wrong_in_the_table_is_named_with_its_line(tmp_path: Path, table: str, line: int, message: str) -> None:
    with pytest.raises(CorpusError) as caught:
        list(baum1s.clips(tree(tmp_path, table, "S001_001")))
    assert str(caught.value).startswith(f"{tmp_path / 'Annotations_BAUM1s.csv'}:{line}: {message}")


def test_without_a_csv_it_says_how_to_make_one(tmp_path: Path) -> None:
    root = tree(tmp_path, "", "S001_001")
    (root / "Annotations_BAUM1s.csv").rename(root / "Annotations_BAUM1s.xlsx")
    with pytest.raises(CorpusError) as caught:
        list(baum1s.clips(root))
    assert str(caught.value) == (
        f"{root}: no Annotations_BAUM1s.csv below it; open Annotations_BAUM1s.xlsx and save its sheet there as "
        "CSV in UTF-8"
    )


def test_two_tables_are_refused(tmp_path: Path) -> None:
    root = tree(tmp_path, rows(("S001_001", "Anger")), "S001_001")
    (root / "annotation-baum-1s (copy).csv").write_text("")
    with pytest.raises(
        CorpusError,
        match=r"annotation-baum-1s \(copy\)\.csv: a second table beside Annotations_BAUM1s\.csv; keep one of them",
    ):
        list(baum1s.clips(root))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("BAUM1s/s001/holiday.mp4", "not a BAUM-1 file name (S001_015.mp4); move it out of the corpus folder"),
        ("copy/s001_001.avi", "clip S001_001 is also BAUM1s_MP4 - All/s001/S001_001.mp4; keep one of them"),
    ],
)
def test_a_film_that_does_not_belong(tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(CorpusError) as caught:
        list(baum1s.clips(tree(tmp_path, rows(("S001_001", "Anger")), "S001_001", name)))
    assert str(caught.value) == f"{tmp_path / name}: {message}"
