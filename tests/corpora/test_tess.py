"""TESS as published and as copied."""

from __future__ import annotations

from pathlib import Path

import pytest

from helpers.corpora import tree
from pipeline.core.errors import CorpusError
from pipeline.corpora import tess


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("OAF_Fear/OAF_back_fear.wav", ("OAF_back_fear", "OAF", "fear")),
        ("YAF_pleasant_surprised/YAF_food_ps.wav", ("YAF_food_ps", "YAF", "ps")),
        ("OAF_neutral/OA_bite_neutral.wav", ("OA_bite_neutral", "OAF", "neutral")),
        ("yaf_shout_SAD.WAV", ("yaf_shout_SAD", "YAF", "sad")),
    ],
)
def test_a_name_gives_id_speaker_and_label(tmp_path: Path, name: str, expected: tuple) -> None:
    (clip,) = tess.clips(tree(tmp_path, name))
    assert (clip.clip_id, clip.speaker, clip.emotion) == expected
    assert (clip.path, clip.gender) == (name, "female")


def test_the_copy_in_the_copy_is_left_out(tmp_path: Path) -> None:
    clips = list(tess.clips(tree(tmp_path, "OAF_Fear/OAF_back_fear.wav", "TESS set/OAF_Fear/OAF_back_fear.wav")))
    assert [clip.emotion for clip in clips] == ["fear", "another form"]
    assert len({clip.clip_id for clip in clips}) == 2


@pytest.mark.parametrize("name", ["OAF_back_joy.wav", "UAF_back_fear.wav", "OAF_fear.wav", "talk.wav"])
def test_another_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(CorpusError) as caught:
        list(tess.clips(tree(tmp_path, name)))
    assert (
        str(caught.value)
        == f"{tmp_path / name}: not a TESS file name (OAF_back_angry.wav); move it out of the corpus folder"
    )
