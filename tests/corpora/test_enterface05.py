"""eNTERFACE'05 with its typos, its subject 6, and folders renamed by those who dislike spaces."""

from __future__ import annotations

from pathlib import Path

import pytest

from helpers.corpora import tree
from pipeline.core.clip import check_clip_id
from pipeline.core.errors import CorpusError
from pipeline.corpora import LEFT_OUT, enterface05
from pipeline.manifest.build import left_out, read_corpus
from pipeline.manifest.settings import CorpusParams


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("subject 1/anger/sentence 1/s1_an_1.avi", ("subject-01_anger_1", "subject-01", "anger")),
        ("subject 44/happiness/sentence 5/s44_ha_5.avi", ("subject-44_happiness_5", "subject-44", "happiness")),
        ("enterface database/subject 2/fear/sentence 3/s2_fe_3.avi", ("subject-02_fear_3", "subject-02", "fear")),
        ("subject 3/happiness/sentence 1/s_3_ha_1.avi", ("subject-03_happiness_1", "subject-03", "happiness")),
        ("subject 16/surprise/sentence 3/s16_su_3avi.avi", ("subject-16_surprise_3", "subject-16", "surprise")),
        ("subject 11/sadness/sentence 2/s12_sa_2.avi", ("subject-11_sadness_2", "subject-11", "sadness")),
        ("subject-7/disgust/sentence-4/s7_di_4.avi", ("subject-07_disgust_4", "subject-07", "disgust")),
        ("Subject_07/Disgust/Sentence_04/x.AVI", ("subject-07_disgust_4", "subject-07", "disgust")),
        ("subject7/disgust/sentence4/s7_di_4.mp4", ("subject-07_disgust_4", "subject-07", "disgust")),
    ],
)
def test_folders_speak_and_file_names_do_not(tmp_path: Path, name: str, expected: tuple) -> None:
    (clip,) = enterface05.clips(tree(tmp_path, name))
    assert (clip.clip_id, clip.speaker, clip.emotion) == expected
    assert clip.path == name
    check_clip_id(clip.clip_id, "enterface05")


def test_subject_11_is_not_taken_for_subject_12(tmp_path: Path) -> None:
    names = ["subject 11/fear/sentence 1/s12_fe_1.avi", "subject 12/fear/sentence 1/s12_fe_1.avi"]
    clips = list(enterface05.clips(tree(tmp_path, *names)))
    assert [(clip.clip_id, clip.speaker) for clip in clips] == [
        ("subject-11_fear_1", "subject-11"),
        ("subject-12_fear_1", "subject-12"),
    ]


def test_the_whole_sessions_of_subject_6_are_left_out_and_listed(tmp_path: Path) -> None:
    sessions = [f"subject 6/{emotion}/s6_{emotion[:2]}.avi" for emotion in ("anger", "fear")]
    root = tree(tmp_path, "subject 5/fear/sentence 1/s5_fe_1.avi", *sessions)
    params = CorpusParams(root=str(root))
    clips, entries = read_corpus("enterface05", params, 1)
    assert [clip.clip_id for clip in clips] == [entry.clip_id for entry in entries] == ["subject-05_fear_1"]
    assert left_out("enterface05", params) == {"whole session": ["subject-06_anger_s6_an", "subject-06_fear_s6_fe"]}
    assert enterface05.LABELS["whole session"] == LEFT_OUT


def test_subject_6_is_used_where_somebody_has_cut_it_into_sentences(tmp_path: Path) -> None:
    (clip,) = enterface05.clips(tree(tmp_path, "subject 6/anger/sentence 2/s6_an_2.avi"))
    assert (clip.clip_id, clip.emotion) == ("subject-06_anger_2", "anger")


@pytest.mark.parametrize(
    "extra",
    [
        "subject 1/anger/Thumbs.db",
        "subject 1/.DS_Store",
        "subject 1/anger/sentence 1/._s1_an_1.avi",
        "licence.txt",
        "subject 1/anger/sentence 1/s1_an_1.wav",
    ],
)
def test_what_is_no_film_is_left_aside(tmp_path: Path, extra: str) -> None:
    film = "subject 1/anger/sentence 1/s1_an_1.avi"
    assert [clip.path for clip in enterface05.clips(tree(tmp_path, film, extra))] == [film]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "anger/sentence 1/s1_an_1.avi",
            "below the folders of 0 subjects; expected subject 1/anger/sentence 1/s1_an_1.avi below the root",
        ),
        ("holiday.avi", "below the folders of 0 subjects; "),
        (
            "subject 1/s1_an_1.avi",
            "no emotion's folder in the subject's (known: anger, disgust, fear, happiness, sadness, surprise); ",
        ),
        (
            "subject 1/hapiness/sentence 1/s1_ha_1.avi",
            "no emotion's folder in the subject's (did you mean 'happiness'?); ",
        ),
        ("subject 1/neutral/sentence 1/s1_ne_1.avi", "no emotion's folder in the subject's (known: "),
        (
            "subject 1/anger/s1_an_1.avi",
            "not in a sentence's folder; expected subject 1/anger/sentence 1/s1_an_1.avi, or move it out of ",
        ),
        ("subject 1/anger/takes/s1_an_1.avi", "not in a sentence's folder; "),
        ("subject 6/anger/takes/s6_an_1.avi", "not in a sentence's folder; "),
    ],
)
def test_a_film_that_is_not_where_it_belongs(tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(CorpusError) as caught:
        list(enterface05.clips(tree(tmp_path, name)))
    assert str(caught.value).startswith(f"{tmp_path / name}: {message}")


def test_two_films_of_one_sentence_are_refused(tmp_path: Path) -> None:
    names = ["subject 1/anger/sentence 1/s1_an_1 (1).avi", "subject 1/anger/sentence 1/s1_an_1.avi"]
    with pytest.raises(
        CorpusError, match=r"clip_id 'subject-01_anger_1' stands for both .*\(1\)\.avi and .*s1_an_1\.avi"
    ):
        read_corpus("enterface05", CorpusParams(root=str(tree(tmp_path, *names))), 1)
