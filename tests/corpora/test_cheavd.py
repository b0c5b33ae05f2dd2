"""CHEAVD with a table for each side, with folders of classes, with and without labels of its test side."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.core.clip import check_clip_id
from pipeline.core.errors import CorpusError
from pipeline.corpora import cheavd
from pipeline.manifest.build import left_out, read_corpus
from pipeline.manifest.settings import CorpusParams, protocol_of
from pipeline.protocols.assign import make_folds
from pipeline.protocols.settings import ProtocolParams

CLASSES = ("angry", "disgust", "happy", "neutral", "sad", "surprise")


def tree(root: Path, *names: str, **tables: str) -> Path:
    """Make films of different bytes, and tables of labels: `train="001 angry"` is `train/train_label.txt`."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"\0" + name.encode())
    for side, text in tables.items():
        (root / side).mkdir(exist_ok=True)
        (root / side / f"{side}_label.txt").write_text(text, encoding="utf-8")
    return root


@pytest.mark.parametrize(
    ("line", "label"),
    [
        ("001 angry", "angry"),
        ("001\tanxious", "anxious"),
        ("001,disgust", "disgust"),
        ("001; Fear", "fear"),
        ("001.avi happy", "happy"),
        ("001.wav  Happiness", "happy"),
        ("train/001.AVI NEUTRAL", "neutral"),
        ("train\\001.mp4 sad", "sad"),
        ("  001 surprise\r\n\n", "surprise"),
        ("\ufeff001 worried", "worried"),
    ],
)
def test_a_line_of_the_table_gives_the_class(tmp_path: Path, line: str, label: str) -> None:
    (clip,) = cheavd.clips(tree(tmp_path, "train/001.avi", train=line))
    assert (clip.clip_id, clip.path, clip.split, clip.emotion) == ("train_001", "train/001.avi", "train", label)
    assert clip.emotion in cheavd.LABELS


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("train/Angry/001.avi", ("train_001", "train", "angry")),
        ("CHEAVD/data/val/sad/video/001.avi", ("val_001", "val", "sad")),
        ("MEC2017_Train/happiness/a b(1).MP4", ("train_a-b-1-", "train", "happy")),
        ("Validation/worried/001.mkv", ("val_001", "val", "worried")),
        ("test_video/001.avi", ("test_001", "test", "unlabelled")),
        ("Testing/testing/001.avi", ("test_001", "test", "unlabelled")),
        ("test/fear/001.avi", ("test_001", "test", "fear")),
        ("TRAINING/ANXIOUS/快乐.wmv", ("train_快乐", "train", "anxious")),
    ],
)
def test_folders_give_the_side_and_may_give_the_class(tmp_path: Path, name: str, expected: tuple) -> None:
    (clip,) = cheavd.clips(tree(tmp_path, name))
    assert (clip.clip_id, clip.split, clip.emotion) == expected
    assert (clip.path, clip.gender, clip.speaker) == (name, "", clip.clip_id)
    check_clip_id(clip.clip_id, "cheavd")


@pytest.mark.parametrize(
    "name", ["train_label.txt", "data/train/train_labels.csv", "MEC_2016_Train_Label.TXT", "a/training-label.txt"]
)
def test_the_table_may_lie_anywhere(tmp_path: Path, name: str) -> None:
    root = tree(tmp_path, "data/train/001.avi")
    (root / name).parent.mkdir(exist_ok=True)
    (root / name).write_text("001 sad\n")
    assert [clip.emotion for clip in cheavd.clips(root)] == ["sad"]


def test_each_side_has_its_own_names_and_each_clip_is_a_speaker(tmp_path: Path) -> None:
    root = tree(
        tmp_path, "train/1.avi", "train/2.avi", "val/1.avi", "test/1.avi", train="2 sad\n1 happy\n", val="1 angry\n"
    )
    found = list(cheavd.clips(root))
    assert {clip.clip_id: clip.emotion for clip in found} == {
        "train_1": "happy",
        "train_2": "sad",
        "val_1": "angry",
        "test_1": "unlabelled",
    }
    assert [clip.speaker for clip in found] == [clip.clip_id for clip in found]


@pytest.mark.parametrize(
    "extra", ["__MACOSX/train/._1.avi", "train/.hidden/2.avi", "train/1.wav", "train/._train_label.txt"]
)
def test_what_is_no_film_is_left_aside(tmp_path: Path, extra: str) -> None:
    assert [clip.path for clip in cheavd.clips(tree(tmp_path, "train/1.avi", extra, train="1 sad"))] == ["train/1.avi"]


def test_what_has_no_class_of_ours_is_listed_and_not_used(tmp_path: Path) -> None:
    films = ("train/1.avi", "train/2.avi", "val/3.avi", "val/4.avi", "test/6.avi", "test/5.avi")
    root = tree(tmp_path, *films, train="1 sad\n2 worried\n", val="3 anxious\n4 neutral\n")
    params = CorpusParams(root=str(root))
    used, _ = read_corpus("cheavd", params, 1)
    assert [(clip.clip_id, clip.emotion) for clip in used] == [("train_1", "sad"), ("val_4", "neutral")]
    assert left_out("cheavd", params) == {
        "anxious": ["val_3"],
        "unlabelled": ["test_5", "test_6"],
        "worried": ["train_2"],
    }


def test_a_table_labels_the_test_films_that_it_names(tmp_path: Path) -> None:
    root = tree(tmp_path, "train/3.avi", "test/3.avi", "test/4.avi", train="3 sad", test="3 angry")
    assert {clip.clip_id: clip.emotion for clip in cheavd.clips(root)} == {
        "train_3": "sad",
        "test_3": "angry",
        "test_4": "unlabelled",
    }


def test_a_film_of_the_table_that_is_absent_costs_its_clip(tmp_path: Path) -> None:
    root = tree(tmp_path, "train/1.avi", train="1 sad\n2.avi happy\n")
    _, entries = read_corpus("cheavd", CorpusParams(root=str(root)), 1)
    assert [(entry.clip_id, entry.status, entry.reason, entry.detail) for entry in entries] == [
        ("train_1", "ok", "", ""),
        ("train_2", "failed", "missing_file", "train/2.avi"),
    ]


def test_the_official_protocol_keeps_the_three_sides(tmp_path: Path) -> None:
    films = [f"{side}/{number}.avi" for side in ("train", "val", "test") for number in range(len(CLASSES))]
    table = "".join(f"{number} {name}\n" for number, name in enumerate(CLASSES))
    root = tree(tmp_path, *films, train=table, val=table, test=table)
    params = CorpusParams(root=str(root))
    found, _ = read_corpus("cheavd", params, 1)
    (fold,) = make_folds(found, ProtocolParams(name="official"))
    assert fold == {f"{side}_{number}": side for side in ("train", "val", "test") for number in range(len(CLASSES))}
    (fold,) = make_folds(found, protocol_of("cheavd", params))
    assert {clip_id for clip_id, part in fold.items() if part == "test"} == {f"val_{i}" for i in range(len(CLASSES))}
    assert {clip_id.split("_")[0] for clip_id, part in fold.items() if part == "val"} == {"train"}
    assert not any(clip_id.startswith("test") for clip_id in fold)


LAYOUT = "train/001.avi, val/... and test/... below the root"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("001.avi", f"no class; add the line '001 CLASS' to label.txt, or expected {LAYOUT}"),
        ("train/val/001.avi", f"below the folders of 2 sides; expected {LAYOUT}"),
        ("train/001.avi", "no class; add the line '001 CLASS' to train_label.txt, or move it out"),
        ("val/joy/001.avi", "no class; add the line '001 CLASS' to val_label.txt, or move it out"),
        ("val/sad/happy/001.avi", "in the folders of happy and sad; keep it in one of them"),
    ],
)
def test_a_film_in_another_place_is_an_error(tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(CorpusError) as caught:
        list(cheavd.clips(tree(tmp_path, name)))
    assert str(caught.value) == f"{tmp_path / name}: {message}"


def test_the_whole_corpus_has_fear_further_states_and_no_sides(tmp_path: Path) -> None:
    """As Huang et al. 2017 used it: one table, or folders; the further states are listed and not used."""
    table = tree(tmp_path / "table", *(f"video/{n}.avi" for n in range(4)))
    (table / "label.txt").write_text("0 fear\n1 Fearful\n2 nervous\n3 sad\n")
    folders = tree(tmp_path / "folders", "fear/0.avi", "x/fearful/1.avi", "nervous/2.avi", "sad/3.avi")
    for root in (table, folders):
        params = CorpusParams(root=str(root), protocol=ProtocolParams(name="holdout"))
        used, _ = read_corpus("cheavd", params, 1)
        assert {clip.clip_id: (clip.emotion, clip.split) for clip in used} == {
            "0": ("fear", ""), "1": ("fear", ""), "3": ("sad", ""),
        }  # fmt: skip
        assert left_out("cheavd", params) == {"another": ["2"]}


def test_a_class_of_the_challenges_can_be_taken_in_as_fear(tmp_path: Path) -> None:
    root = tree(tmp_path, "train/1.avi", "train/2.avi", train="1 anxious\n2 worried\n")
    params = CorpusParams(root=str(root), labels={"anxious": "fear"})
    assert [(clip.clip_id, clip.emotion) for clip in read_corpus("cheavd", params, 1)[0]] == [("train_1", "fear")]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1 Angri", "unknown class 'Angri' (did you mean 'angry'?); mend it or remove the line"),
        ("1", "'1' is not a clip and its class (001 angry); mend it"),
    ],
)
def test_a_slip_in_the_table_of_the_whole_corpus(tmp_path: Path, line: str, message: str) -> None:
    root = tree(tmp_path, "video/1.avi")
    (root / "label.txt").write_text(line)
    with pytest.raises(CorpusError) as caught:
        list(cheavd.clips(root))
    assert str(caught.value) == f"{root / 'label.txt'}:1: {message}"


def test_a_film_that_the_table_of_the_whole_corpus_lacks_is_an_error(tmp_path: Path) -> None:
    root = tree(tmp_path, "video/1.avi", "video/2.avi")
    (root / "label.txt").write_text("1 fear")
    with pytest.raises(CorpusError, match=r"video/2\.avi: no class; add the line '2 CLASS' to label\.txt"):
        list(cheavd.clips(root))


def test_a_root_that_is_one_level_too_deep(tmp_path: Path) -> None:
    root = tree(tmp_path, "train/001.avi", train="001 sad") / "train"
    with pytest.raises(CorpusError) as caught:
        list(cheavd.clips(root))
    assert str(caught.value) == f"{root / '001.avi'}: below the folders of 0 sides; expected {LAYOUT}"


def test_a_root_without_films(tmp_path: Path) -> None:
    with pytest.raises(
        CorpusError, match=r"no \.avi or \.mkv or \.mov or \.mp4 or \.wmv files below it; is the root one"
    ):
        list(cheavd.clips(tree(tmp_path, "train/001.wav", train="001 sad")))


def test_a_film_in_two_forms_is_refused(tmp_path: Path) -> None:
    root = tree(tmp_path, "train/a.avi", "train/video/A.mp4", train="a sad")
    with pytest.raises(CorpusError) as caught:
        list(cheavd.clips(root))
    assert str(caught.value) == f"{root / 'train/video/A.mp4'}: clip train_a is also train/a.avi; keep one of them"


KNOWN = "angry, anxious, disgust, fear, happy, neutral, sad, surprise, worried"


@pytest.mark.parametrize(
    ("table", "line", "message"),
    [
        ("1 sad\n2 Joy\n", 2, f"unknown class 'Joy' (known: {KNOWN}); mend it or remove the line"),
        ("clip label\n1 sad\n", 1, f"unknown class 'label' (known: {KNOWN}); mend it or remove the line"),
        ("1 Angri\n", 1, "unknown class 'Angri' (did you mean 'angry'?); mend it or remove the line"),
        ("1 unlabelled\n", 1, f"unknown class 'unlabelled' (known: {KNOWN}); mend it or remove the line"),
        ("\n1\n", 2, "'1' is not a clip and its class (001 angry); mend it"),
        ("1 sad\n1.avi happy\n", 2, "clip '1' stands there twice; remove one of the lines"),
    ],
)
def test_what_is_wrong_in_a_table_is_named_with_its_line(tmp_path: Path, table: str, line: int, message: str) -> None:
    with pytest.raises(CorpusError) as caught:
        list(cheavd.clips(tree(tmp_path, "train/1.avi", train=table)))
    assert str(caught.value) == f"{tmp_path / 'train/train_label.txt'}:{line}: {message}"


def test_a_table_in_another_encoding(tmp_path: Path) -> None:
    root = tree(tmp_path, "train/1.avi")
    (root / "train/train_label.txt").write_bytes("快乐 happy\n".encode("gbk"))
    with pytest.raises(
        CorpusError, match=r"train_label\.txt:1: not UTF-8 \(invalid .* at byte \d\); save it as UTF-8$"
    ):
        list(cheavd.clips(root))


def test_a_table_and_a_folder_that_disagree(tmp_path: Path) -> None:
    root = tree(tmp_path, "train/sad/1.avi", train="1 happy")
    with pytest.raises(CorpusError) as caught:
        list(cheavd.clips(root))
    assert str(caught.value) == (
        f"{root / 'train/sad/1.avi'}: 'happy' in train_label.txt, and in the folder of 'sad'; mend one of them"
    )


def test_two_tables_of_a_side_are_refused(tmp_path: Path) -> None:
    root = tree(tmp_path, "train/1.avi", "train/train_labels.csv", train="1 sad")
    with pytest.raises(CorpusError) as caught:
        list(cheavd.clips(root))
    assert (
        str(caught.value)
        == f"{root / 'train/train_labels.csv'}: a second table beside train/train_label.txt; keep one of them"
    )
