"""AFEW as it was handed out, as it is copied around, with and without labels of its test side."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.core.clip import check_clip_id
from pipeline.core.errors import CorpusError
from pipeline.corpora import afew
from pipeline.manifest.build import left_out, read_corpus
from pipeline.manifest.settings import CorpusParams, protocol_of
from pipeline.protocols.assign import make_folds
from pipeline.protocols.settings import ProtocolParams

CLASSES = ("Angry", "Disgust", "Fear", "Happy", "Neutral", "Sad", "Surprise")


def tree(root: Path, *names: str, labels: str = "") -> Path:
    """Make films of different bytes, and the table of the test side's labels."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"\0" + name.encode())
    if labels:
        (root / "test_labels.csv").write_text(labels, encoding="utf-8")
    return root


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Train_AFEW/Angry/000046280.avi", ("train_000046280", "train", "Angry")),
        ("Val_AFEW/Surprise/005150814.avi", ("val_005150814", "val", "Surprise")),
        ("Train/Happy/000046280.avi", ("train_000046280", "train", "Happy")),
        ("EmotiW_2018/Train_AFEW/Train_AFEW/Sad/1.avi", ("train_1", "train", "Sad")),
        ("train_afew/neutral/1.AVI", ("train_1", "train", "Neutral")),
        ("Val/Fear/1.mp4", ("val_1", "val", "Fear")),
        ("Val/Disgust/000046280 (2).avi", ("val_000046280-2-", "val", "Disgust")),
        ("Test_vid_Distribute/000029320.avi", ("test_000029320", "test", "unlabelled")),
        ("Test/Test_vid_Distribute/Test_vid_Distribute/000029320.avi", ("test_000029320", "test", "unlabelled")),
        ("Test_AFEW/000029320.avi", ("test_000029320", "test", "unlabelled")),
        ("Test_AFEW/Fear/000029320.avi", ("test_000029320", "test", "Fear")),
    ],
)
def test_folders_give_the_side_and_the_class(tmp_path: Path, name: str, expected: tuple) -> None:
    (clip,) = afew.clips(tree(tmp_path, name))
    assert (clip.clip_id, clip.split, clip.emotion) == expected
    assert (clip.path, clip.gender) == (name, "")
    check_clip_id(clip.clip_id, "afew")


def test_each_clip_is_a_speaker_of_its_own_even_where_names_meet(tmp_path: Path) -> None:
    root = tree(tmp_path, "Train_AFEW/Sad/1.avi", "Train_AFEW/Sad/2.avi", "Val_AFEW/Sad/1.avi", "Test_AFEW/Sad/1.avi")
    found = list(afew.clips(root))
    assert [clip.speaker for clip in found] == [clip.clip_id for clip in found]
    assert len({clip.speaker for clip in found}) == 4


@pytest.mark.parametrize(
    "extra",
    [
        "Train_AFEW/AlignedFaces_LBPTOP_Points/Faces/1/0001.jpg",
        "__MACOSX/Train_AFEW/Sad/._1.avi",
        "Train_AFEW/Sad/1.wav",
    ],
)
def test_what_is_no_film_is_left_aside(tmp_path: Path, extra: str) -> None:
    assert [clip.path for clip in afew.clips(tree(tmp_path, "Train_AFEW/Sad/1.avi", extra))] == ["Train_AFEW/Sad/1.avi"]


def test_test_films_without_labels_are_listed_and_not_used(tmp_path: Path) -> None:
    root = tree(
        tmp_path, "Train/Sad/1.avi", "Val/Sad/2.avi", "Test/Test_vid_Distribute/4.avi", "Test/Test_vid_Distribute/3.avi"
    )
    params = CorpusParams(root=str(root))
    assert [clip.clip_id for clip in read_corpus("afew", params, 1)[0]] == ["train_1", "val_2"]
    assert left_out("afew", params) == {"unlabelled": ["test_3", "test_4"]}


def test_a_table_labels_test_films_and_no_others(tmp_path: Path) -> None:
    films = ("Train/Sad/3.avi", "Test/Test_vid_Distribute/3.avi", "Test/Test_vid_Distribute/4.avi")
    root = tree(tmp_path, *films, labels="clip,emotion\n3,Angry\n")
    assert {clip.clip_id: clip.emotion for clip in afew.clips(root)} == {
        "train_3": "Sad",
        "test_3": "Angry",
        "test_4": "unlabelled",
    }


def test_a_film_of_the_table_that_is_absent_costs_its_clip(tmp_path: Path) -> None:
    root = tree(tmp_path, "Train/Sad/1.avi", labels="clip;emotion\n000029320;happy\n")
    _, entries = read_corpus("afew", CorpusParams(root=str(root)), 1)
    assert [(entry.clip_id, entry.status, entry.reason) for entry in entries] == [
        ("test_000029320", "failed", "missing_file"),
        ("train_1", "ok", ""),
    ]


def test_the_official_protocol_keeps_the_three_sides(tmp_path: Path) -> None:
    films = [
        f"{side}/{name}/{number}.avi" for side in ("Train_AFEW", "Val_AFEW") for number, name in enumerate(CLASSES)
    ]
    table = "clip,emotion\n" + "".join(f"{number},{name}\n" for number, name in enumerate(CLASSES))
    root = tree(tmp_path, *films, *(f"Test_vid_Distribute/{number}.avi" for number in range(7)), labels=table)
    params = CorpusParams(root=str(root))
    found, _ = read_corpus("afew", params, 1)
    (fold,) = make_folds(found, ProtocolParams(name="official"))
    assert fold == {f"{side}_{number}": side for side in ("train", "val", "test") for number in range(7)}
    (fold,) = make_folds(found, protocol_of("afew", params))
    assert {clip_id.split("_")[0] for clip_id, part in fold.items() if part == "test"} == {"val"}
    (validated,) = [clip_id for clip_id, part in fold.items() if part == "val"]  # each is the only one of its emotion
    assert validated.startswith("train_")
    assert not any(clip_id.startswith("test") for clip_id in fold)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Angry/1.avi", "below the folders of 0 sides; expected Train_AFEW/Angry/000046280.avi"),
        ("Train_AFEW/Val_AFEW/Angry/1.avi", "below the folders of 2 sides"),
        ("Train_AFEW/1.avi", "not in a class's folder"),
        ("Train_AFEW/Angri/1.avi", r"did you mean 'Angry'\?"),
        ("Val_AFEW/Angry/more/1.avi", "not in a class's folder"),
        ("Test_AFEW/1/1.avi", "not in a class's folder"),
    ],
)
def test_a_film_in_another_place_is_an_error(tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(CorpusError, match=message) as caught:
        list(afew.clips(tree(tmp_path, name)))
    assert str(caught.value).startswith(str(tmp_path / name))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("clip,emotion\n3,Anger\n", r"test_labels\.csv:2: unknown class 'Anger' \(did you mean 'Angry'"),
        ("clip,emotion\n3,Sad\n3,Sad\n", r"test_labels\.csv:3: clip '3' stands there twice"),
        ("clip,emotion\n../3,Sad\n", r"test_labels\.csv:2: '\.\./3' is not a clip name"),
        ("clip,emotion\n,Sad\n", r"test_labels\.csv:2: '' is not a clip name"),
        ("clip,label\n3,Sad\n", r"test_labels\.csv:1: no column 'emotion'"),
        ("clip,emotion\n3,Sad\n", r"Test_AFEW/Fear/3\.avi: 'Sad' in test_labels\.csv, and in the folder of 'Fear'"),
    ],
)
def test_a_wrong_table_names_its_line(tmp_path: Path, table: str, message: str) -> None:
    with pytest.raises(CorpusError, match=message):
        list(afew.clips(tree(tmp_path, "Test_AFEW/Fear/3.avi", labels=table)))
