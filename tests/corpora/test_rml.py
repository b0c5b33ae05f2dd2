"""RML as it was published, as it is copied around, and with files that are not its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from helpers.corpora import tree
from pipeline.core.clip import check_clip_id
from pipeline.core.errors import CorpusError
from pipeline.corpora import rml


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("rml-1/s1/an1.avi", ("s1_an1", "s1", "an")),
        ("rml-2/s8/su10.avi", ("s8_su10", "s8", "su")),
        ("s3/di2.avi", ("s3_di2", "s3", "di")),
        ("s3/s3/fe2.avi", ("s3_fe2", "s3", "fe")),
        ("s3/English/fe2.avi", ("s3_English_fe2", "s3", "fe")),
        ("s3/s3/English (accent)/fe2.avi", ("s3_English-accent-_fe2", "s3", "fe")),
        ("RML-1/S4/HA03.AVI", ("s4_HA03", "s4", "ha")),
        ("s5/sa_7.mp4", ("s5_sa_7", "s5", "sa")),
        ("s5/sa 7 b.avi", ("s5_sa-7-b", "s5", "sa")),
        ("s5/sa.avi", ("s5_sa", "s5", "sa")),
    ],
)
def test_folders_give_the_speaker_and_names_the_emotion(tmp_path: Path, name: str, expected: tuple) -> None:
    (clip,) = rml.clips(tree(tmp_path, name))
    assert (clip.clip_id, clip.speaker, clip.emotion) == expected
    assert clip.path == name
    check_clip_id(clip.clip_id, "rml")


def test_one_name_in_two_languages_is_two_clips(tmp_path: Path) -> None:
    first, second = rml.clips(tree(tmp_path, "s2/English/an1.avi", "s2/Mandarin/an1.avi"))
    assert (first.clip_id, second.clip_id) == ("s2_English_an1", "s2_Mandarin_an1")
    assert first.speaker == second.speaker == "s2"


def test_an_id_does_not_depend_on_other_files_or_the_folders_above(tmp_path: Path) -> None:
    (alone,) = rml.clips(tree(tmp_path / "a", "s2/an1.avi"))
    many = list(rml.clips(tree(tmp_path / "b", "rml-1/s2/an1.avi", "rml-1/s1/an1.avi", "rml-2/s6/an1.avi")))
    assert sorted(clip.clip_id for clip in many) == ["s1_an1", "s2_an1", "s6_an1"]
    assert alone.clip_id == "s2_an1"


@pytest.mark.parametrize(
    "extra", ["rml-1/s1/Thumbs.db", ".DS_Store", "s1/._an2.avi", "__MACOSX/s1/._an1.avi", "readme.txt", "s1/an1.wav"]
)
def test_what_is_no_film_is_left_aside(tmp_path: Path, extra: str) -> None:
    assert [clip.path for clip in rml.clips(tree(tmp_path, "s1/an1.avi", extra))] == ["s1/an1.avi"]


@pytest.mark.parametrize("name", ["s1/holiday.avi", "s1/sample.avi", "s1/angry1.avi", "s1/1an.avi", "s1/ne1.avi"])
def test_another_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(CorpusError) as caught:
        list(rml.clips(tree(tmp_path, "s1/an1.avi", name)))
    assert (
        str(caught.value)
        == f"{tmp_path / name}: not an RML file name (an1.avi, ha12.avi); move it out of the corpus folder"
    )


@pytest.mark.parametrize(
    ("name", "count"), [("an1.avi", 0), ("rml-1/an1.avi", 0), ("s9/an1.avi", 0), ("s1/s2/an1.avi", 2)]
)
def test_a_film_of_no_subject_or_of_two(tmp_path: Path, name: str, count: int) -> None:
    with pytest.raises(CorpusError) as caught:
        list(rml.clips(tree(tmp_path, name)))
    assert str(caught.value) == (
        f"{tmp_path / name}: below the folders of {count} subjects; keep it below one of s1 to s8, and the root "
        "above these"
    )
