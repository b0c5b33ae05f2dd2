"""CREMA-D as people keep it: nested, flat, copied twice, with macOS's leftovers."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.core.errors import CorpusError
from pipeline.corpora import cremad


def tree(root: Path, *names: str) -> Path:
    """Make files; `clips` reads names alone."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(name.encode())
    return root


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
        (["a/1001_DFA_ANG_XX.flv", "b/1001_DFA_ANG_XX.flv"], ["a__1001_DFA_ANG_XX", "b__1001_DFA_ANG_XX"]),
        (
            ["1001_DFA_ANG_XX.flv", "b/c/1001_DFA_ANG_XX.flv", "b/1001_DFA_SAD_XX.flv"],
            ["1001_DFA_ANG_XX", "1001_DFA_SAD_XX", "b__c__1001_DFA_ANG_XX"],
        ),
    ],
)
def test_files_of_one_name_in_two_folders_stay_two_clips(tmp_path: Path, names: list[str], ids: list[str]) -> None:
    clips = list(cremad.clips(tree(tmp_path, *names)))
    assert sorted(clip.clip_id for clip in clips) == ids
    assert sorted(clip.path for clip in clips) == sorted(names)


@pytest.mark.parametrize(
    "extra",
    ["._1001_DFA_SAD_XX.flv", ".hidden/1001_DFA_SAD_XX.flv", "__MACOSX/VideoFlash/._1001_DFA_SAD_XX.flv", ".DS_Store", "README.md", "AudioWAV/1001_DFA_ANG_XX.wav"],
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
    "name", ["holiday.mp4", "1001_DFA_ANG.flv", "1001_DFA_ANG_XX (1).flv", "101_DFA_ANG_XX.flv", "1001-DFA-ANG-XX.flv", "x1001_DFA_ANG_XX.flv"]
)
def test_another_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(CorpusError) as caught:
        list(cremad.clips(tree(tmp_path, "1001_DFA_ANG_XX.flv", name)))
    assert str(caught.value) == (
        f"{tmp_path / name}: not a CREMA-D file name (1001_DFA_ANG_XX.flv); move it out of the corpus folder"
    )


def test_a_folder_without_films_asks_for_the_root(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"no \.flv or \.mp4 files below it; is the root one level off\?"):
        list(cremad.clips(tree(tmp_path, "AudioWAV/1001_DFA_ANG_XX.wav")))
