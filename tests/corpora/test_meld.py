"""MELD as it is released, with its known faults: second films, films without rows, odd bytes, one cast on all sides."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pipeline.core.clip import check_clip_id
from pipeline.core.errors import CorpusError, LeakageError, SettingsError
from pipeline.corpora import meld
from pipeline.manifest.build import read_corpus
from pipeline.manifest.settings import CorpusParams, protocol_of
from pipeline.protocols.assign import make_folds
from pipeline.protocols.settings import ProtocolParams

HEAD = "Sr No.,Utterance,Speaker,Emotion,Sentiment,Dialogue_ID,Utterance_ID,Season,Episode,StartTime,EndTime\n"
FOLDERS = {"train": "train_splits", "dev": "dev_splits_complete", "test": "output_repeated_splits_test"}


def row(
    dialogue: object, utterance: object, speaker: str = "Joey", emotion: str = "neutral", words: str = "Hey."
) -> str:
    """A row as published."""
    return f'1,{words},{speaker},{emotion},neutral,{dialogue},{utterance},4,7,"00:20:57,256","00:21:00,049"\n'


def tree(root: Path, *films: str, **tables: str | bytes) -> Path:
    """Make films of different bytes, and the three tables, of heads alone where nothing is given."""
    for name in films:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"\0" + name.encode())
    for side in FOLDERS:
        rows = tables.get(side, "")
        data = rows if isinstance(rows, bytes) else (HEAD + rows).encode()
        (root / f"{side}_sent_emo.csv").write_bytes(data)
    return root


@pytest.mark.parametrize(
    ("film", "expected"),
    [
        ("train_splits/dia0_utt0.mp4", ("train_dia0_utt0", "train")),
        ("dev_splits_complete/dia0_utt0.mp4", ("dev_dia0_utt0", "val")),
        ("output_repeated_splits_test/dia0_utt0.mp4", ("test_dia0_utt0", "test")),
        ("output_repeated_splits_test/final_videos_testdia0_utt0.mp4", ("test_dia0_utt0", "test")),
        ("MELD.Raw/train/train_splits/dia0_utt0.mp4", ("train_dia0_utt0", "train")),
        ("MELD.Raw/test/output_repeated_splits_test/dia0_utt0.mp4", ("test_dia0_utt0", "test")),
        ("videos/Dev/DIA0_UTT0.MP4", ("dev_dia0_utt0", "val")),
        ("Train_Splits/dia0_utt0.avi", ("train_dia0_utt0", "train")),
    ],
)
def test_folders_give_the_side_and_the_table_the_rest(tmp_path: Path, film: str, expected: tuple) -> None:
    side = expected[0].split("_")[0]
    (clip,) = meld.clips(tree(tmp_path, film, **{side: row(0, 0, "Mrs. Green", "joy")}))
    assert (clip.clip_id, clip.split) == expected
    assert (clip.path, clip.speaker, clip.emotion, clip.gender) == (film, "Mrs. Green", "joy", "")
    assert (clip.start, clip.end) == (None, None)
    check_clip_id(clip.clip_id, "meld")


def test_tables_may_lie_in_any_folder_in_any_letter_case(tmp_path: Path) -> None:
    root = tree(tmp_path, "train/train_splits/dia0_utt0.mp4", train=row(0, 0), dev=row(0, 0), test=row(0, 0))
    (root / "train_sent_emo.csv").rename(root / "train/Train_Sent_Emo.CSV")
    (root / "._train_sent_emo.csv").write_bytes(b"macOS")
    assert [clip.clip_id for clip in meld.clips(root)] == ["train_dia0_utt0", "dev_dia0_utt0", "test_dia0_utt0"]


def test_one_number_on_three_sides_is_three_clips_of_three_films(tmp_path: Path) -> None:
    films = [f"{folder}/dia3_utt1.mp4" for folder in FOLDERS.values()]
    tables = {side: row(3, 1, name) for side, name in zip(FOLDERS, ("Ross", "Guy", "Rachel"), strict=True)}
    found = list(meld.clips(tree(tmp_path, *films, **tables)))
    assert [(clip.path, clip.speaker) for clip in found] == list(zip(films, ("Ross", "Guy", "Rachel"), strict=True))


@pytest.mark.parametrize(
    ("label", "emotion"),
    [
        ("anger", "anger"),
        ("disgust", "disgust"),
        ("fear", "fear"),
        ("joy", "happy"),
        ("Neutral", "neutral"),
        ("sadness", "sad"),
        ("surprise", "surprise"),
    ],
)
def test_all_seven_emotions_are_used(tmp_path: Path, label: str, emotion: str) -> None:
    root = tree(tmp_path, "train_splits/dia0_utt0.mp4", train=row(0, 0, emotion=label))
    (clip,) = read_corpus("meld", CorpusParams(root=str(root)), 1)[0]
    assert clip.emotion == emotion


def test_the_second_film_of_a_clip_is_taken(tmp_path: Path) -> None:
    first, second = (f"output_repeated_splits_test/{name}dia93_utt9.mp4" for name in ("", "final_videos_test"))
    assert [clip.path for clip in meld.clips(tree(tmp_path, first, second, test=row(93, 9)))] == [second]


def test_films_without_a_row_are_passed_over(tmp_path: Path) -> None:
    films = [
        "dev_splits_complete/dia49_utt3.mp4",
        "dev_splits_complete/dia49_utt4.mp4",
        "test/final_videos_testdia101_utt9.mp4",
    ]
    assert [clip.path for clip in meld.clips(tree(tmp_path, *films, dev=row(49, 3)))] == films[:1]


@pytest.mark.parametrize(
    "extra",
    [
        "train_splits/._dia0_utt0.mp4",
        "__MACOSX/train_splits/._dia0_utt1.mp4",
        ".DS_Store",
        "train_splits/dia0_utt0.wav",
        "train_sent_emo_dya.csv",
    ],
)
def test_what_is_no_film_and_no_table_is_left_aside(tmp_path: Path, extra: str) -> None:
    root = tree(tmp_path, "train_splits/dia0_utt0.mp4", extra, train=row(0, 0))
    assert [clip.path for clip in meld.clips(root)] == ["train_splits/dia0_utt0.mp4"]


def test_a_film_of_the_table_that_is_absent_costs_its_clip(tmp_path: Path) -> None:
    root = tree(tmp_path, "train_splits/dia0_utt0.mp4", train=row(0, 0), dev=row(110, 7), test=row(5, 5))
    clips, entries = read_corpus("meld", CorpusParams(root=str(root)), 1)
    assert [(entry.clip_id, entry.status, entry.reason) for entry in entries] == [
        ("dev_dia110_utt7", "failed", "missing_file"),
        ("test_dia5_utt5", "failed", "missing_file"),
        ("train_dia0_utt0", "ok", ""),
    ]
    assert [clip.path for clip in clips][:2] == [
        "dev_splits_complete/dia110_utt7.mp4",
        "output_repeated_splits_test/dia5_utt5.mp4",
    ]


def test_the_official_split_has_the_cast_on_all_sides_and_says_so_by_its_name(tmp_path: Path) -> None:
    films = [f"{folder}/dia0_utt{number}.mp4" for folder in FOLDERS.values() for number in range(2)]
    tables = {
        side: row(0, 0, "Joey") + row(0, 1, guest)
        for side, guest in zip(FOLDERS, ("Mona", "Emily", "Wayne"), strict=True)
    }
    params = CorpusParams(root=str(tree(tmp_path, *films, **tables)))
    clips, _ = read_corpus("meld", params, 1)
    protocol = protocol_of("meld", params)
    assert protocol.name == "speaker_dependent_official"
    assert protocol.described(1).startswith("SPEAKER-DEPENDENT: ")
    sides = {"train": "train", "dev": "val", "test": "test"}
    assert make_folds(clips, protocol) == [
        {f"{side}_dia0_utt{n}": part for side, part in sides.items() for n in (0, 1)}
    ]
    message = (
        "fold-00: speaker 'Joey' is in val (dev_dia0_utt0) and in test (test_dia0_utt0); split by speaker, or use "
        "speaker_dependent_official"
    )
    with pytest.raises(LeakageError, match=f"^{re.escape(message)}"):
        make_folds(clips, ProtocolParams(name="official"))


def test_a_dialogue_stays_on_one_side_and_ties_those_together_who_speak_in_it(tmp_path: Path) -> None:
    films = [f"{folder}/dia0_utt{number}.mp4" for folder in FOLDERS.values() for number in range(2)]
    clips = list(
        meld.clips(tree(tmp_path, *films, **{side: row(0, 0, "Joey") + row(0, 1, "Mona") for side in FOLDERS}))
    )
    assert {clip.source for clip in clips} == {"train_dia0", "dev_dia0", "test_dia0"}
    with pytest.raises(
        SettingsError, match=r"protocol\.groups: 2 groups, but 2 speakers who form 1, since they share recordings"
    ):
        make_folds(clips, ProtocolParams(name="kfold", groups=2))


@pytest.mark.parametrize(
    ("cell", "speaker"),
    [
        (b"Joey\x92s Doctor", "Joey’s Doctor"),  # Windows-1252
        (b"Joey\xc2\x92s Doctor", "Joey’s Doctor"),  # that, taken for Latin-1 and saved as UTF-8
        ("Joey’s Doctor".encode(), "Joey’s Doctor"),
        (b"\x93C.H.E.E.S.E.\x94", "“C.H.E.E.S.E.”"),
        ("à".encode(), "à"),  # its second byte alone would be a space
        (b"Ren\xe9e", "Renée"),
        (b"Bad\x81", "Bad\ufffd"),  # no character in Windows-1252
        (b"  Dr.  Harad ", "Dr. Harad"),
        (b'"Ross, Joey\r\n and ""All"""', 'Ross, Joey and "All"'),
    ],
)
def test_odd_bytes_cost_no_clip_and_names_can_be_printed(tmp_path: Path, cell: bytes, speaker: str) -> None:
    words = b'"Well, I\xe2\x80\x99m here\x85 ""Oh?"""'
    data = HEAD.encode() + row(0, 0, "NAME", words="WORDS").encode().replace(b"NAME", cell).replace(b"WORDS", words)
    root = tree(tmp_path, "train_splits/dia0_utt0.mp4", train=data)
    (clip,) = read_corpus("meld", CorpusParams(root=str(root)), 1)[0]
    assert (clip.speaker, clip.emotion) == (speaker, "neutral")


@pytest.mark.parametrize(
    "table",
    [
        "\ufeffSpeaker;Emotion;Dialogue_ID;Utterance_ID\r\nPhoebe;anger;0;0\r\n;;;\r\n\r\n",
        "Utterance_ID\tDialogue_ID\tUtterance\tSpeaker \tEmotion\n0\t0\tx, y; z\tPhoebe\tanger\n",
        HEAD + row("00", 0, " Phoebe", " Anger ", words='"Oh, no, no, no."'),
    ],
)
def test_what_spreadsheets_save_is_read(tmp_path: Path, table: str) -> None:
    (clip,) = meld.clips(tree(tmp_path, "train_splits/dia0_utt0.mp4", train=table.encode()))
    assert (clip.clip_id, clip.speaker, clip.emotion) == ("train_dia0_utt0", "Phoebe", "anger")


@pytest.mark.parametrize(
    ("rows", "line", "message"),
    [
        (
            row(0, 0, emotion="happiness"),
            2,
            "unknown label 'happiness' (known: anger, disgust, fear, joy, neutral, sadness, surprise); mend it",
        ),
        (
            row(0, 0, emotion="Sad"),
            2,
            "unknown label 'Sad' (known: anger, disgust, fear, joy, neutral, sadness, surprise); mend it",
        ),
        (
            row(0, 0) + row(0, 1, emotion=""),
            3,
            "unknown label '' (known: anger, disgust, fear, joy, neutral, sadness, surprise); mend it",
        ),
        (row("x", 0), 2, "Dialogue_ID 'x' is not a number of up to 9 digits; mend it or remove the row"),
        (row("1" * 10, 0), 2, "Dialogue_ID '1111111111' is not a number of up to 9 digits; mend it or remove the row"),
        (row(0, "1.0"), 2, "Utterance_ID '1.0' is not a number of up to 9 digits; mend it or remove the row"),
        (row(0, ""), 2, "Utterance_ID '' is not a number of up to 9 digits; mend it or remove the row"),
        (row(0, 0, speaker=" "), 2, "'Speaker' is empty; fill it in or remove the row"),
        (
            row(0, 0, words="Oh, no"),
            2,
            "12 cells, but the heading has 11; mend the row, with a cell that holds a separator in quotes",
        ),
        (row(0, 0) + row(0, 0, words='"so\nit is"'), 4, "dia0_utt0 stands there twice; remove one of the rows"),
    ],
)
def test_what_is_wrong_in_a_table_is_named_with_its_line(tmp_path: Path, rows: str, line: int, message: str) -> None:
    root = tree(tmp_path, "test/dia0_utt0.mp4", test=rows)
    with pytest.raises(CorpusError) as caught:
        list(meld.clips(root))
    assert str(caught.value) == f"{root / 'test_sent_emo.csv'}:{line}: {message}"


def test_a_column_that_is_missing_is_named(tmp_path: Path) -> None:
    root = tree(tmp_path, "test/dia0_utt0.mp4", dev=HEAD.replace("Dialogue_ID", "Dialog_ID").encode())
    with pytest.raises(CorpusError) as caught:
        list(meld.clips(root))
    assert str(caught.value) == f"{root / 'dev_sent_emo.csv'}:1: no column 'Dialogue_ID' (did you mean 'Dialog_ID'?)"


@pytest.mark.parametrize("side", FOLDERS)
def test_a_table_that_is_missing_is_named(tmp_path: Path, side: str) -> None:
    root = tree(tmp_path, "train_splits/dia0_utt0.mp4", train=row(0, 0))
    (root / f"{side}_sent_emo.csv").unlink()
    with pytest.raises(CorpusError) as caught:
        list(meld.clips(root))
    assert str(caught.value) == (
        f"{root}: no {side}_sent_emo.csv below it; take it from MELD.Raw or its authors' repository, or mend the root"
    )


def test_two_tables_of_one_side_are_refused(tmp_path: Path) -> None:
    root = tree(tmp_path, "train_splits/dia0_utt0.mp4", "train/train_sent_emo.csv", train=row(0, 0))
    with pytest.raises(CorpusError) as caught:
        list(meld.clips(root))
    assert str(caught.value) == (
        f"{root / 'train_sent_emo.csv'}: a second table beside train/train_sent_emo.csv; keep one of them"
    )


@pytest.mark.parametrize(
    ("film", "message"),
    [
        ("train_splits/holiday.mp4", "not a MELD file name (dia0_utt0.mp4); move it out of the corpus folder"),
        ("train_splits/dia0_utt0 (1).mp4", "not a MELD file name (dia0_utt0.mp4); move it out of the corpus folder"),
        ("copy/train/dia00_utt0.avi", "clip train_dia0_utt0 is also {first}; keep one of them"),
        (
            "clips/dia0_utt1.mp4",
            (
                "below the folders of 0 sides; keep it below one of train_splits, dev_splits_complete, "
                "output_repeated_splits_test, and the root above these"
            ),
        ),
        (
            "train/test_splits/dia0_utt1.mp4",
            (
                "below the folders of 2 sides; keep it below one of train_splits, dev_splits_complete, "
                "output_repeated_splits_test, and the root above these"
            ),
        ),
    ],
)
def test_a_film_that_does_not_belong(tmp_path: Path, film: str, message: str) -> None:
    root = tree(tmp_path, "a_train/dia0_utt0.mp4", film, train=row(0, 0))
    with pytest.raises(CorpusError) as caught:
        list(meld.clips(root))
    assert str(caught.value) == f"{root / film}: {message.format(first='a_train/dia0_utt0.mp4')}"


@pytest.mark.parametrize("inside", ["MELD.Raw", "."])
def test_a_root_one_level_higher_is_the_same_corpus(tmp_path: Path, inside: str) -> None:
    tree(tmp_path / "MELD.Raw", "train/train_splits/dia0_utt0.mp4", train=row(0, 0))
    (clip,) = meld.clips(tmp_path / inside)
    assert clip.clip_id == "train_dia0_utt0"
    assert (tmp_path / inside / clip.path).is_file()


def test_a_root_one_level_lower_is_an_error(tmp_path: Path) -> None:
    root = tree(tmp_path, "train/train_splits/dia0_utt0.mp4", train=row(0, 0)) / "train"
    with pytest.raises(
        CorpusError, match=f"^{re.escape(str(root))}: no .csv files below it; is the root one level off\\?$"
    ):
        list(meld.clips(root))
    (tmp_path / "train_sent_emo.csv").rename(root / "train_sent_emo.csv")
    with pytest.raises(CorpusError, match=f"^{re.escape(str(root))}: no dev_sent_emo.csv below it; take it from "):
        list(meld.clips(root))


def test_the_expected_counts_add_up() -> None:
    for kind in ("label:", "split:"):
        assert (
            sum(count for name, count in meld.EXPECTED.items() if name.startswith(kind))
            == meld.EXPECTED["clips"]
            == 13708
        )
