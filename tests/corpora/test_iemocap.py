"""IEMOCAP as it is released and as it is copied around; who speaks, which rows count, and what is left out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pipeline.core.clip import check_clip_id
from pipeline.core.errors import CorpusError
from pipeline.corpora import iemocap
from pipeline.manifest.build import left_out, read_corpus
from pipeline.manifest.settings import CorpusParams, protocol_of
from pipeline.protocols.assign import make_folds
from pipeline.protocols.published import PUBLISHED

HEAD = "% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]\n\n"
VOTES = "C-E2:\tNeutral;\t()\nC-F1:\tAnger; Sadness;\t(voix \xe9teinte)\nA-E3:\tval 3; act 2; dom  2;\t()\n\n"


def row(name: str, label: str) -> str:
    """A row as published, and each evaluator's own words below it."""
    return f"[6.2901 - 8.2357]\t{name}\t{label}\t[2.5000, 2.5000, 2.5000]\n{VOTES}"


def tables(root: Path, **labels: str) -> Path:
    """Make the tables of the turns' dialogues, where they lie in the release."""
    for name, label in labels.items():
        dialogue = name.rpartition("_")[0]
        path = root / f"Session{name[4]}/dialog/EmoEvaluation/{dialogue}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        before = path.read_text("latin-1") if path.exists() else HEAD
        path.write_text(before + row(name, label), "latin-1")
    return root


def place(name: str) -> str:
    """Where a turn's recording lies in the release."""
    return f"Session{name[4]}/sentences/wav/{name.rpartition('_')[0]}/{name}.wav"


def tree(root: Path, *names: str, **labels: str) -> Path:
    """Make recordings of different bytes, each a path or the name of a turn, and tables."""
    for name in names:
        path = root / (name if "/" in name or "." in name else place(name))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"\0" + name.encode())
    return tables(root, **labels)


@pytest.mark.parametrize(
    ("name", "speaker", "gender"),
    [
        ("Ses01F_impro01_F000", "Ses01F", "female"),
        ("Ses01F_impro01_M000", "Ses01M", "male"),
        ("Ses04M_script03_2_F025", "Ses04F", "female"),
        ("Ses05M_script01_1b_M012", "Ses05M", "male"),
        ("Ses03M_impro05a_F020", "Ses03F", "female"),
        ("Ses05F_impro01_MXX0", "Ses05M", "male"),
    ],
)
def test_the_last_letter_tells_who_speaks_not_who_wears_the_markers(
    tmp_path: Path, name: str, speaker: str, gender: str
) -> None:
    (clip,) = iemocap.clips(tree(tmp_path, name, **{name: "sad"}))
    assert (clip.clip_id, clip.speaker, clip.gender, clip.emotion) == (name, speaker, gender, "sad")
    assert (clip.path, clip.split, clip.start, clip.end) == (place(name), "", None, None)
    check_clip_id(clip.clip_id, "iemocap")


@pytest.mark.parametrize(
    ("recording", "table"),
    [
        (
            "Session1/sentences/wav/Ses01F_impro01/Ses01F_impro01_F000.wav",
            "Session1/dialog/EmoEvaluation/Ses01F_impro01.txt",
        ),
        (
            "IEMOCAP_full_release/Session1/sentences/wav/Ses01F_impro01/Ses01F_impro01_F000.wav",
            "labels/EmoEvaluation/Ses01F_impro01.txt",
        ),
        (
            "SESSION1/SENTENCES/WAV/SES01F_IMPRO01/SES01F_IMPRO01_F000.WAV",
            "SESSION1/DIALOG/EMOEVALUATION/SES01F_IMPRO01.TXT",
        ),
        ("session1/wav/ses01f_impro01_f000.wav", "session1/emoevaluation/ses01f_impro01.txt"),
    ],
)
def test_folders_and_letter_case_do_not_matter(tmp_path: Path, recording: str, table: str) -> None:
    path = tree(tmp_path, recording) / table
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(HEAD + row("Ses01F_impro01_F000", "neu"), "latin-1")
    (clip,) = iemocap.clips(tmp_path)
    assert (clip.clip_id, clip.speaker, clip.emotion, clip.path) == ("Ses01F_impro01_F000", "Ses01F", "neu", recording)


@pytest.mark.parametrize(
    "line",
    [
        "[6.2901 - 8.2357]\tSes01F_impro01_F000\thap\t[2.5000, 2.5000, 2.5000]\r\n",
        "  [6.29 - 8.24]  Ses01F_impro01_F000  HAP\n",
        "[ 6.2901-8.2357 ] Ses01F_impro01_F000 hap []",
    ],
)
def test_spaces_and_line_ends_of_a_row_do_not_matter(tmp_path: Path, line: str) -> None:
    root = tree(tmp_path, "Ses01F_impro01_F000", Ses01F_impro01_F000="xxx")
    (root / "Session1/dialog/EmoEvaluation/Ses01F_impro01.txt").write_bytes(
        b"\xef\xbb\xbf% heading\r\n" + line.encode()
    )
    assert [clip.emotion for clip in iemocap.clips(root)] == ["hap"]


@pytest.mark.parametrize(
    "extra",
    [
        "Session1/dialog/wav/Ses01F_impro01.wav",
        "Session5/dialog/wav/Ses05M_script01_1b.wav",
        "Session1/sentences/wav/Ses01F_impro01/._Ses01F_impro01_F000.wav",
        "__MACOSX/Session1/sentences/wav/Ses01F_impro01/._Ses01F_impro01_F000.wav",
        "Session1/dialog/EmoEvaluation/._Ses01F_impro01.txt",
        "Session1/dialog/EmoEvaluation/Categorical/Ses01F_impro01_e1_cat.txt",
        "Session1/dialog/EmoEvaluation/Attribute/Ses01F_impro01.txt",
        "Session1/dialog/transcriptions/Ses01F_impro01.txt",
        "Session1/dialog/avi/DivX/Ses01F_impro01.avi",
        "README.txt",
    ],
)
def test_what_is_no_turn_and_no_table_is_left_aside(tmp_path: Path, extra: str) -> None:
    root = tree(tmp_path, "Ses01F_impro01_F000", extra, Ses01F_impro01_F000="ang")
    assert [(clip.clip_id, clip.emotion) for clip in iemocap.clips(root)] == [("Ses01F_impro01_F000", "ang")]


LABELLED = {f"Ses01F_impro01_F{number:03d}": code for number, code in enumerate(iemocap._CODES)}


def test_seven_emotions_are_used_and_the_rest_is_listed(tmp_path: Path) -> None:
    root = tree(tmp_path, *LABELLED, "Ses01F_impro01_M999", **LABELLED)
    params = CorpusParams(root=str(root))
    used = {LABELLED[clip.clip_id]: clip.emotion for clip in read_corpus("iemocap", params, 1)[0]}
    assert used == {
        "ang": "anger",
        "dis": "disgust",
        "fea": "fear",
        "hap": "happy",
        "neu": "neutral",
        "sad": "sad",
        "sur": "surprise",
    }
    names = {code: name for name, code in LABELLED.items()}
    assert left_out("iemocap", params) == {
        **{code: [names[code]] for code in ("exc", "fru", "oth", "xxx")},
        "not annotated": ["Ses01F_impro01_M999"],
    }


def test_the_four_classes_of_most_papers_are_a_matter_of_settings(tmp_path: Path) -> None:
    root = tree(tmp_path, *LABELLED, **LABELLED)
    params = CorpusParams(
        root=str(root), labels={"exc": "happy", "dis": "left_out", "fea": "left_out", "sur": "left_out"}
    )
    used = {LABELLED[clip.clip_id]: clip.emotion for clip in read_corpus("iemocap", params, 1)[0]}
    assert used == {"ang": "anger", "exc": "happy", "hap": "happy", "neu": "neutral", "sad": "sad"}


def test_a_turn_whose_recording_is_absent_costs_its_clip(tmp_path: Path) -> None:
    root = tree(tmp_path, "Ses01F_impro01_F000", Ses01F_impro01_F000="ang", Ses02M_script03_2_F001="hap")
    _, entries = read_corpus("iemocap", CorpusParams(root=str(root)), 1)
    assert [(entry.clip_id, entry.status, entry.reason) for entry in entries] == [
        ("Ses01F_impro01_F000", "ok", ""),
        ("Ses02M_script03_2_F001", "failed", "missing_file"),
    ]
    assert [clip.path for clip in iemocap.clips(root)][1] == place("Ses02M_script03_2_F001")


def test_the_protocol_leaves_one_session_out(tmp_path: Path) -> None:
    names = [f"Ses0{session}F_impro01_{letter}000" for session in range(1, 6) for letter in "FM"]
    params = CorpusParams(root=str(tree(tmp_path, *names, **dict.fromkeys(names, "neu"))))
    clips, _ = read_corpus("iemocap", params, 1)
    folds = make_folds(clips, protocol_of("iemocap", params))
    tested = [{clip.speaker for clip in clips if fold[clip.clip_id] == "test"} for fold in folds]
    assert tested == [{f"Ses0{session}F", f"Ses0{session}M"} for session in range(1, 6)]
    assert all(set(fold.values()) == {"train", "val", "test"} for fold in folds)


def test_the_expected_counts_add_up() -> None:
    counts = {name[6:]: count for name, count in iemocap.EXPECTED.items() if name.startswith("label:")}
    assert set(counts) == set(iemocap._CODES)
    assert sum(counts.values()) == iemocap.EXPECTED["clips"]
    assert counts["ang"] + counts["exc"] + counts["hap"] + counts["neu"] + counts["sad"] == 5531
    assert iemocap.EXPECTED["speakers"] == len(PUBLISHED[iemocap.PROTOCOL["name"]].speakers)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            row("Ses01F_impro01_F001", "joy"),
            "unknown label 'joy' (known: ang, dis, fea, hap, neu, sad, sur, exc, fru, oth, xxx); mend it",
        ),
        (
            "[6.2901 - 8.2357]\tSes01F_impro01_F001\n",
            "not a row such as '[6.2901 - 8.2357] Ses01F_impro01_F000 neu [2.5, 2.5, 2.5]'; restore the file",
        ),
        (
            row("Ses01F_impro01_G001", "neu"),
            "not a row such as '[6.2901 - 8.2357] Ses01F_impro01_F000 neu [2.5, 2.5, 2.5]'; restore the file",
        ),
        (
            row("Ses06F_impro01_F001", "neu"),
            "not a row such as '[6.2901 - 8.2357] Ses01F_impro01_F000 neu [2.5, 2.5, 2.5]'; restore the file",
        ),
        (
            row("Ses01F_impro01_F000", "sad"),
            "Ses01F_impro01_F000 is 'sad', but 'ang' in another row; remove one of them",
        ),
    ],
)
def test_what_is_wrong_in_a_table_is_named_with_its_line(tmp_path: Path, line: str, message: str) -> None:
    root = tree(tmp_path, "Ses01F_impro01_F000", Ses01F_impro01_F000="ang")
    table = root / "Session1/dialog/EmoEvaluation/Ses01F_impro01.txt"
    table.write_text(table.read_text("latin-1") + line, "latin-1")
    with pytest.raises(CorpusError) as caught:
        list(iemocap.clips(root))
    assert str(caught.value) == f"{table}:8: {message}"


def test_a_row_that_stands_there_twice_alike_is_one_clip(tmp_path: Path) -> None:
    root = tree(tmp_path, "Ses01F_impro01_F000", Ses01F_impro01_F000="ang")
    copy = tables(root / "copy", Ses01F_impro01_F000="ang") / "Session1/dialog/EmoEvaluation/Ses01F_impro01.txt"
    assert [clip.emotion for clip in iemocap.clips(root)] == ["ang"]
    copy.write_text(HEAD + row("Ses01F_impro01_F000", "neu"), "latin-1")
    with pytest.raises(
        CorpusError, match=r"Ses01F_impro01_F000 is 'neu', but 'ang' in another row; remove one of them$"
    ):
        list(iemocap.clips(root))


@pytest.mark.parametrize("text", ["", HEAD, VOTES])
def test_a_table_without_rows_is_damaged(tmp_path: Path, text: str) -> None:
    root = tree(tmp_path, "Ses01F_impro01_F000", Ses01F_impro01_F000="ang")
    table = root / "Session1/dialog/EmoEvaluation/Ses01F_impro01.txt"
    table.write_text(text, "latin-1")
    with pytest.raises(CorpusError) as caught:
        list(iemocap.clips(root))
    assert str(caught.value) == (
        f"{table}: without a row such as '[6.2901 - 8.2357] Ses01F_impro01_F000 neu [2.5, 2.5, 2.5]'; restore the file"
    )


def test_a_dialogue_without_a_table_is_an_error(tmp_path: Path) -> None:
    root = tree(
        tmp_path,
        "Ses01F_impro01_F000",
        "Ses05M_script01_1b_F001",
        Ses01F_impro01_F000="ang",
        Ses05M_script01_1_F001="ang",
    )
    with pytest.raises(CorpusError) as caught:
        list(iemocap.clips(root))
    assert str(caught.value) == (
        f"{root}: no EmoEvaluation/Ses05M_script01_1b.txt below it, which labels {place('Ses05M_script01_1b_F001')}; "
        "restore it, or set the root above Session1 to Session5"
    )


@pytest.mark.parametrize(
    ("inside", "message"),
    [
        ("Session1", ""),
        ("Session1/sentences", r": no \.txt files below it; is the root one level off\?$"),
        (
            "Session1/dialog",
            r": all recordings below it are of whole dialogues; set the root above Session1 to Session5$",
        ),
        ("Session1/dialog/EmoEvaluation", r": no \.wav files below it; is the root one level off\?$"),
    ],
)
def test_a_root_that_is_off(tmp_path: Path, inside: str, message: str) -> None:
    root = (
        tree(tmp_path, "Ses01F_impro01_F000", "Session1/dialog/wav/Ses01F_impro01.wav", Ses01F_impro01_F000="ang")
        / inside
    )
    if not message:
        assert [clip.path for clip in iemocap.clips(root)] == ["sentences/wav/Ses01F_impro01/Ses01F_impro01_F000.wav"]
        return
    with pytest.raises(CorpusError, match=f"^{re.escape(str(root))}{message}"):
        list(iemocap.clips(root))


@pytest.mark.parametrize(
    "name",
    [
        "Session1/ang/psno1_ang_s084_orgn.wav",
        "Ses01F_impro01_F000 (1).wav",
        "Ses01F_impro01_F0000.wav",
        "Ses06F_impro01_F000.wav",
        "Ses01F_speech01_F000.wav",
    ],
)
def test_another_name_is_refused(tmp_path: Path, name: str) -> None:
    root = tree(tmp_path, "Ses01F_impro01_F000", name, Ses01F_impro01_F000="ang")
    with pytest.raises(CorpusError) as caught:
        list(iemocap.clips(root))
    assert str(caught.value) == (
        f"{root / name}: not an IEMOCAP file name (Ses01F_impro01_F000.wav); move it out of the corpus folder"
    )


def test_a_second_copy_of_a_recording_is_refused(tmp_path: Path) -> None:
    root = tree(tmp_path, "Ses01F_impro01_F000", "copy/Ses01F_impro01_F000.wav", Ses01F_impro01_F000="ang")
    with pytest.raises(CorpusError) as caught:
        list(iemocap.clips(root))
    assert str(caught.value) == (
        f"{root / 'copy/Ses01F_impro01_F000.wav'}: clip Ses01F_impro01_F000 is also "
        f"{place('Ses01F_impro01_F000')}; keep one of them"
    )
