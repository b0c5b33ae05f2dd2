"""EMO-DB by its file names."""

from __future__ import annotations

from pathlib import Path

import pytest

from helpers.corpora import tree
from pipeline.core.errors import CorpusError
from pipeline.corpora import emodb


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("wav/03a01Fa.wav", ("03a01Fa", "03", "F", "male")),
        ("16b10Wb.WAV", ("16b10Wb", "16", "W", "female")),
        ("a/08a02l.wav", ("08a02l", "08", "L", "female")),
    ],
)
def test_a_name_gives_id_speaker_label_and_gender(tmp_path: Path, name: str, expected: tuple) -> None:
    (clip,) = emodb.clips(tree(tmp_path, name))
    assert (clip.clip_id, clip.speaker, clip.emotion, clip.gender) == expected
    assert clip.path == name


@pytest.mark.parametrize("name", ["03a01Xa.wav", "04a01Fa.wav", "03c01Fa.wav", "03a01F1.wav", "03a1Fa.wav", "talk.wav"])
def test_another_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(CorpusError) as caught:
        list(emodb.clips(tree(tmp_path, "03a01Fa.wav", name)))
    assert (
        str(caught.value)
        == f"{tmp_path / name}: not an EMO-DB file name (03a01Fa.wav); move it out of the corpus folder"
    )


def test_published_counts_add_up() -> None:
    assert sum(count for name, count in emodb.EXPECTED.items() if name.startswith("label:")) == emodb.EXPECTED["clips"]
