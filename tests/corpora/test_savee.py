"""SAVEE as films, as sounds, and as copied."""

from __future__ import annotations

from pathlib import Path

import pytest

from helpers.corpora import tree
from pipeline.core.errors import CorpusError
from pipeline.corpora import savee


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("AudioVisualClip/DC/a01.avi", ("DC_a01", "DC", "a")),
        ("AudioData/KL/su15.wav", ("KL_su15", "KL", "su")),
        ("ALL/JE_sa02.wav", ("JE_sa02", "JE", "sa")),
        ("jk/N30.WAV", ("JK_n30", "JK", "n")),
        ("DC/DC_d03.wav", ("DC_d03", "DC", "d")),
    ],
)
def test_folder_or_name_gives_the_speaker(tmp_path: Path, name: str, expected: tuple) -> None:
    (clip,) = savee.clips(tree(tmp_path, name))
    assert (clip.clip_id, clip.speaker, clip.emotion) == expected
    assert (clip.path, clip.gender) == (name, "male")


def test_a_sentence_is_used_once_as_a_film_where_there_is_one(tmp_path: Path) -> None:
    clips = savee.clips(
        tree(tmp_path, "AudioData/DC/a01.wav", "AudioVisualClip/DC/a01.avi", "AudioData/DC/a02.wav", "copy/DC_a02.wav")
    )
    assert {clip.path: clip.emotion for clip in clips} == {
        "AudioData/DC/a01.wav": "another form",
        "AudioVisualClip/DC/a01.avi": "a",
        "AudioData/DC/a02.wav": "a",
        "copy/DC_a02.wav": "another form",
    }


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("DC/b01.wav", "not a SAVEE file name (DC/a01.avi, DC_a01.wav); move it out of the corpus folder"),
        ("DC/a1.wav", "not a SAVEE file name (DC/a01.avi, DC_a01.wav); move it out of the corpus folder"),
        ("a01.wav", "of 0 speakers; keep it below one of DC, JE, JK, KL, and the root above these"),
        ("JE/DC_a01.wav", "of 2 speakers; keep it below one of DC, JE, JK, KL, and the root above these"),
    ],
)
def test_what_is_not_of_the_corpus(tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(CorpusError) as caught:
        list(savee.clips(tree(tmp_path, name)))
    assert str(caught.value) == f"{tmp_path / name}: {message}"


def test_published_counts_add_up() -> None:
    assert sum(count for name, count in savee.EXPECTED.items() if name.startswith("label:")) == 480
