"""CREMA-D as people keep it: nested, flat, copied twice, with macOS's leftovers."""

from __future__ import annotations

from pathlib import Path

import pytest

from helpers.corpora import tree
from pipeline.core.errors import CorpusError
from pipeline.corpora import cremad
from pipeline.corpora._scan import ANOTHER_FORM


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("1001_DFA_ANG_XX.flv", ("1001_DFA_ANG_XX", "1001", "ANG")),
        ("VideoFlash/1091_IEO_SAD_HI.flv", ("1091_IEO_SAD_HI", "1091", "SAD")),
        ("a/b/1002_TSI_NEU_XX.MP4", ("1002_TSI_NEU_XX", "1002", "NEU")),
        ("1003_wsi_fea_xx.FLV", ("1003_wsi_fea_xx", "1003", "FEA")),
        ("1040_ITH_SAD_X.flv", ("1040_ITH_SAD_X", "1040", "SAD")),  # so in the published corpus
    ],
)
def test_a_name_gives_id_speaker_and_label(tmp_path: Path, name: str, expected: tuple) -> None:
    (clip,) = cremad.clips(tree(tmp_path, name))
    assert (clip.clip_id, clip.speaker, clip.emotion) == expected
    assert clip.path == name


@pytest.mark.parametrize(
    ("names", "ids"),
    [
        (["1002_DFA_ANG_XX.flv", "1001_DFA_ANG_XX.flv"], ["1001_DFA_ANG_XX", "1002_DFA_ANG_XX"]),
        (["a/1001_DFA_ANG_XX.flv", "b/1001_DFA_ANG_XX.flv"], ["1001_DFA_ANG_XX"]),
        (
            ["1001_DFA_ANG_XX.flv", "b/c/1001_DFA_ANG_XX.flv", "b/1001_DFA_SAD_XX.flv"],
            ["1001_DFA_ANG_XX", "1001_DFA_SAD_XX"],
        ),
        (["AudioWAV/1001_DFA_ANG_XX.wav", "AudioWAV/1001_dfa_sad_xx.WAV", "VideoFlash/1001_DFA_SAD_XX.flv"],
         ["1001_DFA_ANG_XX", "1001_DFA_SAD_XX"]),
    ],
)  # fmt: skip
def test_a_performance_is_used_once_and_its_other_files_are_listed(
    tmp_path: Path, names: list[str], ids: list[str]
) -> None:
    clips = list(cremad.clips(tree(tmp_path, *names)))
    assert sorted(clip.path for clip in clips) == sorted(names), "what is left out has its label"
    used = {clip.clip_id: clip for clip in clips if clip.emotion != ANOTHER_FORM}
    assert sorted(used) == ids
    assert len({clip.clip_id for clip in clips}) == len(names)
    assert cremad.LABELS[ANOTHER_FORM] == "left_out"


def test_all_sounds_are_used_where_there_are_few_films(tmp_path: Path) -> None:
    """A half-finished download of the films: the sounds of all other performances stay."""
    names = [f"{actor}_DFA_{code}_XX" for actor in range(1001, 1005) for code in ("ANG", "DIS", "FEA", "HAP")]
    films = ["VideoFlash/1001_DFA_ANG_XX.flv", "VideoFlash/1091_IWW_NEU_XX.flv"]
    clips = list(cremad.clips(tree(tmp_path, *films, *(f"AudioWAV/{name}.wav" for name in names))))
    used = {clip.path for clip in clips if clip.emotion != ANOTHER_FORM}
    assert used == {*films, *(f"AudioWAV/{name}.wav" for name in names[1:])}
    assert [clip.path for clip in clips if clip.emotion == ANOTHER_FORM] == ["AudioWAV/1001_DFA_ANG_XX.wav"]
    assert {clip.clip_id for clip in clips if clip.path in used} == {*names, "1091_IWW_NEU_XX"}


@pytest.mark.parametrize(
    "extra",
    [
        "._1001_DFA_SAD_XX.flv",
        ".hidden/1001_DFA_SAD_XX.flv",
        "__MACOSX/VideoFlash/._1001_DFA_SAD_XX.flv",
        ".DS_Store",
        "README.md",
    ],
)
def test_what_is_no_film_is_left_out(tmp_path: Path, extra: str) -> None:
    clips = cremad.clips(tree(tmp_path, "VideoFlash/1001_DFA_ANG_XX.flv", extra))
    assert [clip.path for clip in clips] == ["VideoFlash/1001_DFA_ANG_XX.flv"]


def test_a_link_to_an_absent_film_stays_a_clip(tmp_path: Path) -> None:
    root = tree(tmp_path, "1001_DFA_ANG_XX.flv")
    (root / "1001_DFA_SAD_XX.flv").symlink_to("annex/not-fetched.flv")
    first, second = cremad.clips(root)
    assert [first.clip_id, second.clip_id] == ["1001_DFA_ANG_XX", "1001_DFA_SAD_XX"]


def test_a_folder_is_no_film(tmp_path: Path) -> None:
    (clip,) = cremad.clips(tree(tmp_path, "1001_DFA_ANG_XX.flv/1001_DFA_SAD_XX.flv"))
    assert clip.emotion == "SAD"


def test_a_corpus_below_a_hidden_folder_is_found(tmp_path: Path) -> None:
    root = tree(tmp_path / ".data" / "cremad", "1001_DFA_ANG_XX.flv")
    assert [clip.path for clip in cremad.clips(root)] == ["1001_DFA_ANG_XX.flv"]


@pytest.mark.parametrize(
    "name",
    [
        "holiday.mp4",
        "1001_DFA_ANG.flv",
        "1001_DFA_ANG_XX (1).flv",
        "101_DFA_ANG_XX.flv",
        "1001-DFA-ANG-XX.flv",
        "x1001_DFA_ANG_XX.flv",
    ],
)
def test_another_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(CorpusError) as caught:
        list(cremad.clips(tree(tmp_path, "1001_DFA_ANG_XX.flv", name)))
    assert str(caught.value) == (
        f"{tmp_path / name}: not a CREMA-D file name (1001_DFA_ANG_XX.flv); move it out of the corpus folder"
    )


def test_sounds_are_read_where_there_are_no_films(tmp_path: Path) -> None:
    root = tree(tmp_path, "AudioWAV/1001_DFA_ANG_XX.wav", "AudioMP3/1001_DFA_ANG_XX.mp3")
    assert [clip.path for clip in cremad.clips(root)] == ["AudioWAV/1001_DFA_ANG_XX.wav"]


def test_a_folder_without_clips_asks_for_the_root(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"no \.flv or \.mp4 or \.wav files below it; is the root one level off\?"):
        list(cremad.clips(tree(tmp_path, "AudioMP3/1001_DFA_ANG_XX.mp3")))


def test_actors_are_women_and_men_as_the_table_says(tmp_path: Path) -> None:
    root = tree(tmp_path, "1001_DFA_ANG_XX.flv", "1002_DFA_ANG_XX.flv", "1003_DFA_ANG_XX.flv")
    assert [clip.gender for clip in cremad.clips(root)] == ["", "", ""]
    (root / "VideoDemographics.csv").write_text(
        "ActorID,Age,Sex,Race,Ethnicity\n1001,51,Male,Caucasian,Not Hispanic\n1002,21,Female,Caucasian,Hispanic\n"
    )
    assert [clip.gender for clip in cremad.clips(root)] == ["male", "female", ""]


VOTES = ",FileName,VoiceVote,VoiceLevel,FaceVote,FaceLevel,MultiModalVote,MultiModalLevel\n"


@pytest.mark.parametrize(
    ("labelled_by", "labels"),
    [
        ("intended", ["ANG", "HAP", "SAD"]),
        ("voice", ["N", "H", "no vote"]),
        ("face", ["A", "no majority", "no vote"]),
        ("both", ["A", "H", "no vote"]),
    ],
)
def test_what_the_raters_heard_and_saw_may_be_the_label(tmp_path: Path, labelled_by: str, labels: list[str]) -> None:
    root = tree(
        tmp_path, "VideoFlash/1001_DFA_ANG_XX.flv", "VideoFlash/1001_dfa_hap_xx.flv", "VideoFlash/1001_DFA_SAD_XX.flv"
    )
    tree(root, "processedResults/summaryTable.csv")
    (root / "processedResults" / "summaryTable.csv").write_text(
        f"{VOTES}1,1001_DFA_ANG_XX,N,60,A,70,A,75\n2,1001_DFA_HAP_XX,H,60,D:H,70,H,80\n"
    )
    by_path = {clip.path[20:23].upper(): clip.emotion for clip in cremad.clips(root, labelled_by)}
    assert [by_path[name] for name in ("ANG", "HAP", "SAD")] == labels
    assert {cremad.LABELS[label] for label in labels} <= {"anger", "happy", "sad", "neutral", "left_out"}


def test_votes_without_their_table(tmp_path: Path) -> None:
    with pytest.raises(
        CorpusError,
        match=r"summaryTable\.csv: no such table of votes; get it from the corpus, or set labelled_by: intended$",
    ):
        list(cremad.clips(tree(tmp_path, "1001_DFA_ANG_XX.flv"), "voice"))


def test_a_table_of_votes_of_another_kind(tmp_path: Path) -> None:
    root = tree(tmp_path, "1001_DFA_ANG_XX.flv", "processedResults/summaryTable.csv")
    (root / "processedResults" / "summaryTable.csv").write_text("FileName,FaceVote\n1001_DFA_ANG_XX,A\n")
    with pytest.raises(CorpusError, match=r"summaryTable\.csv:1: no column 'VoiceVote'"):
        list(cremad.clips(root, "voice"))


@pytest.mark.parametrize(
    "data", [b"version https://git-lfs.github.com/spec/v1\noid sha256:9\n", b"", b"<html>", bytes(9000)]
)
def test_a_film_that_was_never_fetched_leaves_its_sound(tmp_path: Path, data: bytes) -> None:
    names = ["1001_DFA_ANG_XX", "1001_DFA_SAD_XX", "1002_DFA_ANG_XX"]
    tree(tmp_path, *(f"AudioWAV/{name}.wav" for name in names), *(f"VideoFlash/{name}.flv" for name in names))
    (tmp_path / f"VideoFlash/{names[0]}.flv").write_bytes(data)
    used = {clip.path for clip in cremad.clips(tmp_path) if clip.emotion != ANOTHER_FORM}
    assert used == {f"AudioWAV/{names[0]}.wav", *(f"VideoFlash/{name}.flv" for name in names[1:])}
    assert len(list(cremad.clips(tmp_path))) == 6, "what is left out is listed"


def test_a_performance_without_any_media_is_told_once(tmp_path: Path) -> None:
    tree(tmp_path, "a/1001_DFA_ANG_XX.flv", "b/1001_DFA_ANG_XX.wav")
    for path in ("a/1001_DFA_ANG_XX.flv", "b/1001_DFA_ANG_XX.wav"):
        (tmp_path / path).write_bytes(b"")
    assert [clip.path for clip in cremad.clips(tmp_path) if clip.emotion == "ANG"] == ["a/1001_DFA_ANG_XX.flv"]
