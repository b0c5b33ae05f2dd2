"""BAUM-1a: what its table and folders have of their own, and what both parts of BAUM-1 refuse."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.core.errors import CorpusError
from pipeline.corpora import baum1a
from pipeline.manifest.build import left_out, read_corpus
from pipeline.manifest.settings import CorpusParams

HEAD = "Subject No,Clip No,Clip Name,Emotion,Emotion Code\n"


def tree(root: Path, table: str, *names: str) -> Path:
    """Make the table and the films `S001_001` and so on, where they lie in the published corpus."""
    (root / "Annotations_BAUM1a.csv").write_text(table, encoding="utf-8")
    for name in names:
        path = root / (name if "/" in name else f"BAUM1a_MP4_all/{name[:4].lower()}/{name}.mp4")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"\0" + name.encode())
    return root


def rows(*cells: tuple[str, str]) -> str:
    """A table with a row per (clip name, label)."""
    return HEAD + "".join(f"1,{i},{name},{label},0\n" for i, (name, label) in enumerate(cells))


@pytest.mark.parametrize(
    ("word", "label"),
    [
        ("Anger", "anger"),
        ("Angry", "anger"),
        ("Boredom", "boredom"),
        ("disgust", "disgust"),
        ("FEAR", "fear"),
        ("Happiness", "happiness"),
        ("Intrest", "interest"),
        ("Interested", "interest"),
        ("Sad", "sadness"),
        ("Surprise", "surprise"),
        ("Unsure", "unsure"),
    ],
)
def test_the_first_letters_of_a_word_give_the_label(tmp_path: Path, word: str, label: str) -> None:
    (clip,) = baum1a.clips(tree(tmp_path, rows(("S001_001", word)), "S001_001"))
    assert (clip.clip_id, clip.speaker, clip.emotion) == ("S001_001", "S001", label)
    assert (clip.path, clip.split, clip.gender) == ("BAUM1a_MP4_all/s001/S001_001.mp4", "", "")


@pytest.mark.parametrize(
    "name",
    ["BAUM1a_MP4 - All/s019/S019_023.mp4", "s019/s019_023.MP4", "S019_023.mp4", "BAUM-1/BAUM-1A/S019/S019_023.avi"],
)
def test_a_film_may_lie_anywhere_and_its_name_says_who_speaks(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"film")
    table = "Subject No,Clip No,Clip Name,Emotion\n20,002,S019_023,Happiness\n"
    (clip,) = baum1a.clips(tree(tmp_path, table))
    assert (clip.path, clip.clip_id, clip.speaker) == (name, "S019_023", "S019")


def test_six_emotions_are_used_and_the_rest_is_listed(tmp_path: Path) -> None:
    table = rows(("S001_001", "Anger"), ("S001_003", "Boredom"), ("S001_004", "Intrest"), ("S002_007", "Unsure"))
    root = tree(tmp_path, table, "S001_001", "S001_003", "S001_004", "S002_007", "S002_008")
    params = CorpusParams(root=str(root))
    used, entries = read_corpus("baum1a", params, 1)
    assert [(clip.clip_id, clip.emotion) for clip in used] == [("S001_001", "anger")]
    assert [entry.status for entry in entries] == ["ok"]
    assert left_out("baum1a", params) == {
        "boredom": ["S001_003"],
        "interest": ["S001_004"],
        "not annotated": ["S002_008"],
        "unsure": ["S002_007"],
    }


def test_settings_can_take_boredom_in(tmp_path: Path) -> None:
    root = tree(tmp_path, rows(("S001_001", "Anger"), ("S001_003", "Boredom")), "S001_001", "S001_003")
    params = CorpusParams(root=str(root), labels={"boredom": "boredom"})
    assert [clip.emotion for clip in read_corpus("baum1a", params, 1)[0]] == ["anger", "boredom"]


def test_a_film_of_the_table_that_is_absent_costs_its_clip(tmp_path: Path) -> None:
    root = tree(tmp_path, rows(("S001_001", "Anger"), ("S002_004", "Fear")), "S001_001")
    _, entries = read_corpus("baum1a", CorpusParams(root=str(root)), 1)
    assert [(entry.clip_id, entry.status, entry.reason, entry.detail) for entry in entries] == [
        ("S001_001", "ok", "", ""),
        ("S002_004", "failed", "missing_file", "s002/S002_004.mp4"),
    ]


def test_the_spontaneous_part_and_its_table_are_passed_over(tmp_path: Path) -> None:
    root = tree(tmp_path, rows(("S001_001", "Anger")), "S001_001", "BAUM1s_MP4 - All/s001/S001_015.mp4")
    (root / "Annotations_BAUM1s.csv").write_text("Clip Name,Emotion\nS001_015,Happiness\n")
    assert [clip.clip_id for clip in baum1a.clips(root)] == ["S001_001"]


def test_only_the_spontaneous_part_is_an_error(tmp_path: Path) -> None:
    root = tree(tmp_path, rows(("S001_001", "Anger")), "baum-1S/s001/S001_015.mp4")
    with pytest.raises(CorpusError) as caught:
        list(baum1a.clips(root))
    assert str(caught.value) == (
        f"{root}: all videos below it are those of BAUM-1s; set the root to the folder of BAUM-1a"
    )


def test_hidden_and_macos_files_are_ignored(tmp_path: Path) -> None:
    root = tree(
        tmp_path, rows(("S001_001", "Anger")), "S001_001", "__MACOSX/s001/._S001_001.mp4", ".trash/S001_002.mp4"
    )
    (root / "._Annotations_BAUM1a.csv").write_bytes(b"\x00\x05\x16\x07")
    assert [clip.clip_id for clip in baum1a.clips(root)] == ["S001_001"]


@pytest.mark.parametrize(
    "table",
    [
        "\ufeffClip Name;Emotion\r\nS001_001;Anger\r\n",
        "Emotion\tNote\tClip Name\nAnger\tx, y\tS001_001\n",
        "Clip Name,Emotion,,\ns001_001, Anger ,,\n,,,\n",
    ],
)
def test_what_spreadsheets_save_is_read(tmp_path: Path, table: str) -> None:
    (clip,) = baum1a.clips(tree(tmp_path, table, "S001_001"))
    assert (clip.clip_id, clip.emotion) == ("S001_001", "anger")


KNOWN = "anger, boredom, disgust, fear, happiness, interest, sadness, surprise, unsure"


@pytest.mark.parametrize(
    ("table", "line", "message"),
    [
        ("Clip,Emotion\n", 1, "no column 'Clip Name' (did you mean 'Clip'?)"),
        ("Clip Name,Label\n", 1, "no column 'Emotion' (known: Clip Name, Label)"),
        (rows(("S01_001", "Anger")), 2, "'S01_001' is not a BAUM-1 clip name (S001_015); mend it or remove the row"),
        (rows(("S001_001", "Fear"), ("S001_002", "Joy")), 3, f"unknown label 'Joy' (known: {KNOWN}); mend it"),
        (rows(("S001_001", "Neutral")), 2, f"unknown label 'Neutral' (known: {KNOWN}); mend it"),
        (rows(("S001_001", "Not annotated")), 2, f"unknown label 'Not annotated' (known: {KNOWN}); mend it"),
        (rows(("S001_001", "")), 2, f"unknown label '' (known: {KNOWN}); mend it"),
    ],
)
def test_what_is_wrong_in_the_table_is_named_with_its_line(tmp_path: Path, table: str, line: int, message: str) -> None:
    with pytest.raises(CorpusError) as caught:
        list(baum1a.clips(tree(tmp_path, table, "S001_001")))
    assert str(caught.value) == f"{tmp_path / 'Annotations_BAUM1a.csv'}:{line}: {message}"


@pytest.mark.parametrize("there", ["Annotations_BAUM1a.xlsx", "Annotations_BAUM1s.csv"])
def test_without_its_csv_it_says_how_to_make_one(tmp_path: Path, there: str) -> None:
    root = tree(tmp_path, "", "S001_001")
    (root / "Annotations_BAUM1a.csv").rename(root / there)
    with pytest.raises(CorpusError) as caught:
        list(baum1a.clips(root))
    assert str(caught.value) == (
        f"{root}: no Annotations_BAUM1a.csv below it; open Annotations_BAUM1a.xlsx and save its sheet there as "
        "CSV in UTF-8"
    )


def test_a_root_that_is_one_level_too_deep_lacks_the_table(tmp_path: Path) -> None:
    root = tree(tmp_path, rows(("S001_001", "Anger")), "S001_001") / "BAUM1a_MP4_all"
    with pytest.raises(CorpusError, match=r"BAUM1a_MP4_all: no Annotations_BAUM1a\.csv below it; open "):
        list(baum1a.clips(root))


def test_a_root_that_is_one_level_too_high_is_read(tmp_path: Path) -> None:
    (tmp_path / "BAUM-1").mkdir()
    tree(tmp_path / "BAUM-1", rows(("S001_001", "Anger")), "S001_001")
    assert [clip.path for clip in baum1a.clips(tmp_path)] == ["BAUM-1/BAUM1a_MP4_all/s001/S001_001.mp4"]


@pytest.mark.parametrize(
    "name", ["Annotations_BAUM1a_fixed.csv", "annotation baum-1A.CSV", "BAUM1a/Annotations_BAUM1a.csv"]
)
def test_two_tables_are_refused(tmp_path: Path, name: str) -> None:
    root = tree(tmp_path, rows(("S001_001", "Anger")), "S001_001")
    (root / name).parent.mkdir(exist_ok=True)
    (root / name).write_text("")
    with pytest.raises(CorpusError, match=r"\.(csv|CSV): a second table beside .*\.csv; keep one of them$"):
        list(baum1a.clips(root))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("BAUM1a/s001/holiday.mp4", "not a BAUM-1 file name (S001_015.mp4); move it out of the corpus folder"),
        ("copy/s001_001.avi", "clip S001_001 is also BAUM1a_MP4_all/s001/S001_001.mp4; keep one of them"),
    ],
)
def test_a_film_that_does_not_belong(tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(CorpusError) as caught:
        list(baum1a.clips(tree(tmp_path, rows(("S001_001", "Anger")), "S001_001", name)))
    assert str(caught.value) == f"{tmp_path / name}: {message}"


def test_the_counts_by_label_add_up_to_the_clips() -> None:
    by_label = {name[6:]: count for name, count in baum1a.EXPECTED.items() if name.startswith("label:")}
    assert set(by_label) == set(baum1a.LABELS) - {"surprise"}
    assert sum(by_label.values()) == baum1a.EXPECTED["clips"]
