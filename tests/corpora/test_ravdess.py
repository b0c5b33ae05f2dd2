"""RAVDESS in three modalities, spoken and sung, in one folder or many."""

from __future__ import annotations

from pathlib import Path

import pytest

from helpers.corpora import tree
from pipeline.core.clip import Clip
from pipeline.core.errors import CorpusError
from pipeline.corpora import ravdess
from pipeline.protocols.published import PUBLISHED


def labels(root: Path) -> dict[str, str]:
    """File name -> label."""
    return {Path(clip.path).name: clip.emotion for clip in ravdess.clips(root)}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Actor_12/01-01-06-01-02-01-12.mp4", ("01-01-06-01-02-01-12", "12", "fearful", "female")),
        ("03-01-01-01-01-01-01.wav", ("03-01-01-01-01-01-01", "1", "neutral", "male")),
        ("a/b/03-01-08-02-02-02-23.WAV", ("03-01-08-02-02-02-23", "23", "surprised", "male")),
        ("03-02-02-01-01-01-24.wav", ("03-02-02-01-01-01-24", "24", "calm (sung)", "female")),
    ],
)
def test_a_name_gives_id_speaker_label_and_gender(tmp_path: Path, name: str, expected: tuple) -> None:
    (clip,) = ravdess.clips(tree(tmp_path, name))
    assert isinstance(clip, Clip)
    assert (clip.clip_id, clip.speaker, clip.emotion, clip.gender) == expected
    assert clip.path == name


def test_a_performance_is_used_once_in_its_fullest_form(tmp_path: Path) -> None:
    rest = "-01-03-01-01-01-02.mp4"
    assert labels(tree(tmp_path / "all", f"02{rest}", f"01{rest}", "03-01-03-01-01-01-02.wav")) == {
        f"01{rest}": "happy",
        f"02{rest}": "another form",
        "03-01-03-01-01-01-02.wav": "another form",
    }
    assert labels(tree(tmp_path / "two", f"02{rest}", "03-01-03-01-01-01-02.wav")) == {
        f"02{rest}": "another form",
        "03-01-03-01-01-01-02.wav": "happy",
    }
    assert labels(tree(tmp_path / "one", f"02{rest}")) == {f"02{rest}": "happy"}


def test_sentences_repetitions_and_songs_are_performances_of_their_own(tmp_path: Path) -> None:
    found = labels(tree(tmp_path, *(f"01-0{c}-03-01-0{s}-0{r}-02.mp4" for c in (1, 2) for s in (1, 2) for r in (1, 2))))
    assert sorted(found.values()) == ["happy"] * 4 + ["happy (sung)"] * 4
    assert ravdess.LABELS["happy (sung)"] == "left_out"


def test_a_second_copy_is_another_form(tmp_path: Path) -> None:
    clips = list(
        ravdess.clips(tree(tmp_path, "Actor_01/03-01-01-01-01-01-01.wav", "again/Actor_01/03-01-01-01-01-01-01.wav"))
    )
    assert [(clip.clip_id, clip.emotion) for clip in clips] == [
        ("Actor_01__03-01-01-01-01-01-01", "neutral"),
        ("again__Actor_01__03-01-01-01-01-01-01", "another form"),
    ]


@pytest.mark.parametrize(
    "name",
    [
        "03-01-09-01-01-01-01.wav",
        "04-01-01-01-01-01-01.wav",
        "03-01-01-01-01-01-25.wav",
        "03-01-01-01-01-01-00.wav",
        "03-01-01-01-01-01.wav",
        "holiday.mp4",
    ],
)
def test_another_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(CorpusError) as caught:
        list(ravdess.clips(tree(tmp_path, name)))
    assert (
        str(caught.value)
        == f"{tmp_path / name}: not a RAVDESS file name (01-01-06-01-02-01-12.mp4); move it out of the corpus folder"
    )


def test_the_published_folds_hold_every_actor_once() -> None:
    assert PUBLISHED[ravdess.PROTOCOL["name"]].speakers == {str(actor) for actor in range(1, 25)}


def test_the_fullest_of_those_that_were_fetched_is_used(tmp_path: Path) -> None:
    rest = "-01-05-01-01-01-01.mp4"
    names = [f"01{rest}", f"03{rest.replace('mp4', 'wav')}", f"02{rest}"]
    tree(tmp_path, *names)
    for fetched in (names, names[1:], names[2:]):
        assert [name for name, label in labels(tmp_path).items() if label == "angry"] == fetched[:1]
        (tmp_path / fetched[0]).write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
