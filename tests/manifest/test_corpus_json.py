"""`corpus.json`: counts that add up, groups written down, and what a fold lacks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.clip import Clip
from pipeline.core.errors import ArtifactError
from pipeline.manifest.corpus_json import (
    CorpusSummary,
    Source,
    describe,
    notes,
    read_corpus_summary,
    write_corpus_summary,
)
from pipeline.protocols.assign import make_folds
from pipeline.protocols.settings import ProtocolParams

SOURCE = Source("mine", "rml", "free", "somebody")


def corpus(**emotions: str) -> list[Clip]:
    """Clips by speaker: a letter per clip, `a` anger, `f` fear, `s` sad."""
    names = {"a": "anger", "f": "fear", "s": "sad"}
    return [
        Clip(f"{speaker}-{i}", f"{speaker}/{i}.mp4", speaker, names[letter], digest=f"{speaker}{i}")
        for speaker, letters in emotions.items()
        for i, letter in enumerate(letters)
    ]


def about(clips: list[Clip], left_out: dict[str, list[str]] | None = None, **protocol: object) -> CorpusSummary:
    """Assign the folds and summarise them."""
    params = ProtocolParams.model_validate({"name": "loso", **protocol})
    return describe(SOURCE, params, clips, make_folds(clips, params), left_out or {})


def test_counts_and_sides_of_a_small_corpus() -> None:
    found = about(corpus(s1="aaf", s2="af", s3="sff"))
    assert found.clips == 8
    assert dict(found.emotions) == {"anger": 3, "fear": 4, "sad": 1}
    assert found.speakers == {"s1": {"anger": 2, "fear": 1}, "s2": {"anger": 1, "fear": 1}, "s3": {"fear": 2, "sad": 1}}
    first = found.folds["fold-00"]
    assert first.test == ("s1",)
    assert {*first.val, *first.train} == {"s2", "s3"}
    lost = {"s2": {"train": ("anger",), "val": ("sad",)}, "s3": {"train": ("sad",), "val": ("anger",)}}
    assert first.lacking == {**lost[first.val[0]], "test": ("sad",)}


def test_a_speaker_with_one_emotion_and_an_emotion_of_one_speaker() -> None:
    """The one is tested on its emotion alone; the other's fold cannot learn what it tests."""
    found = about(corpus(s1="fff", s2="aa", s3="aa", s4="aa"))
    assert found.speakers["s1"] == {"fear": 3}
    assert found.folds["fold-00"].lacking == {"train": ("fear",), "val": ("fear",), "test": ("anger",)}
    assert "train" not in found.folds["fold-01"].lacking
    assert notes(found)[0] == "fold-00 trains without fear"


def test_nothing_is_noted_where_nothing_lacks() -> None:
    assert notes(about(corpus(s1="af", s2="af", s3="af"))) == []


def test_clips_left_out_are_listed_and_counted() -> None:
    found = about(corpus(s1="af", s2="af", s3="af"), {"neutral": ["x", "y"], "unsure": ["z"]})
    assert found.left_out == {"neutral": ("x", "y"), "unsure": ("z",)}
    assert notes(found) == ["3 clips left out (neutral 2, unsure 1)"]


@pytest.mark.parametrize(
    ("protocol", "groups"),
    [
        ({"name": "logso", "groups": 3, "seed": 1}, 3),
        ({"name": "logso", "groups": [["s1", "s4"], ["s2"], ["s3", "s5"]]}, [["s1", "s4"], ["s2"], ["s3", "s5"]]),
    ],
)
def test_speaker_groups_are_written_down_with_the_settings(tmp_path: Path, protocol: dict, groups: object) -> None:
    found = about(corpus(s1="af", s2="af", s3="af", s4="af", s5="af"), **protocol)
    write_corpus_summary(tmp_path / "corpus.json", found)
    data = json.loads((tmp_path / "corpus.json").read_text())
    assert data["protocol"]["groups"] == groups
    assert set(data["protocol"]) == {
        "name",
        "groups",
        "validation",
        "validate_by",
        "train_on",
        "test_on",
        "seed",
        "folds",
        "tested",
    }
    tested = [fold["test"] for fold in data["folds"].values()]
    assert sorted(speaker for group in tested for speaker in group) == ["s1", "s2", "s3", "s4", "s5"]
    if not isinstance(groups, int):
        assert tested == groups


def test_the_protocol_none_has_no_folds() -> None:
    found = about(corpus(s1="a"), name="none")
    assert dict(found.folds) == {}
    assert notes(found) == []


SPEAKERS = st.dictionaries(
    st.sampled_from([f"s{i}" for i in range(7)]), st.text("afs", min_size=1, max_size=5), min_size=3
)


@settings(max_examples=40)
@given(SPEAKERS, st.randoms(use_true_random=False))
def test_counts_add_up_and_the_order_of_clips_does_not_matter(speakers: dict[str, str], random: object) -> None:
    clips = corpus(**speakers)
    found = about(clips)
    assert sum(found.emotions.values()) == found.clips == len(clips)
    assert sum(n for counts in found.speakers.values() for n in counts.values()) == len(clips)
    for sides in found.folds.values():
        assert sorted((*sides.test, *sides.val, *sides.train)) == sorted(speakers)
        for part, speaker in (("test", sides.test), ("val", sides.val), ("train", sides.train)):
            shown = {emotion for s in speaker for emotion in found.speakers[s]}
            assert shown.isdisjoint(sides.lacking.get(part, ()))
            assert shown | set(sides.lacking.get(part, ())) == set(found.emotions)
    shuffled = sorted(clips, key=lambda _: random.random())
    assert about(shuffled) == found


def test_it_is_read_as_it_was_written_and_names_no_place(tmp_path: Path) -> None:
    found = about(corpus(s1="fff", s2="aa", s3="aa"), {"neutral": ["x"]})
    for folder in ("a", "b"):
        write_corpus_summary(tmp_path / folder / "corpus.json", found)
    assert (tmp_path / "a" / "corpus.json").read_bytes() == (tmp_path / "b" / "corpus.json").read_bytes()
    assert str(tmp_path) not in (tmp_path / "a" / "corpus.json").read_text()
    assert read_corpus_summary(tmp_path / "a" / "corpus.json") == found


def test_absent() -> None:
    with pytest.raises(ArtifactError, match=r"no such description of a corpus; run `dvc repro prepare` first"):
        read_corpus_summary(Path("nowhere") / "corpus.json")


@pytest.mark.parametrize("content", [b"", b"[]", b'{"clips": 1}', b"\xff"])
def test_what_is_no_description_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "corpus.json").write_bytes(content)
    with pytest.raises(
        ArtifactError, match=r"corpus\.json: not a description of this version \(.*\); run `dvc repro -f prepare`$"
    ):
        read_corpus_summary(tmp_path / "corpus.json")


def test_speakers_of_a_published_protocol_who_are_not_here_are_told() -> None:
    clips = [Clip(f"c{who}", f"{who}.wav", who, "anger", digest=who) for who in ("1", "2", "5", "9")]
    assert notes(about(clips, name="ravdess_hicmae")) == ["20 of 24 speakers of ravdess_hicmae are not here"]
    assert notes(about(clips, name="loso")) == []
