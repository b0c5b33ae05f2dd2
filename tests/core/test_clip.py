"""The record of a clip, its id and the manifest that holds all of them."""

from __future__ import annotations

import dataclasses
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.clip import (
    EMOTIONS,
    EXTRA_EMOTIONS,
    SPLITS,
    Clip,
    check_clip_id,
    check_unique,
    class_names,
    read_manifest,
    write_manifest,
)
from pipeline.core.errors import ArtifactError, CorpusError

CLIP = Clip("s1_a", "s1/a.mp4", "s1", "anger", digest="ab" * 32)


@pytest.mark.parametrize(
    "clip_id",
    ["a", "7", "1001_DFA_ANG_XX", "s1-take 2.v+", "Ünal", "Ж1", "李", "fold", "fold-", "fold-x", "fold-1a", "x" * 200],
)
def test_a_usable_id(clip_id: str) -> None:
    check_clip_id(clip_id, "manifest.csv:2")


@pytest.mark.parametrize(
    "clip_id", ["", " a", ".a", "..", "-a", "_a", "a/b", "a\\b", "a:b", "a\n", "a\0", "a*", "a,b", "\ud800", "x" * 201]
)
def test_an_id_that_could_leave_its_place(clip_id: str) -> None:
    with pytest.raises(CorpusError) as caught:
        check_clip_id(clip_id, "manifest.csv:2")
    assert str(caught.value).startswith(f"manifest.csv:2: clip_id {clip_id!r} is not usable; use letters, digits")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("clip_id", ["fold-0", "fold-00", "fold-123"])
def test_an_id_that_looks_like_a_fold(clip_id: str) -> None:
    with pytest.raises(CorpusError, match=f"x: clip_id '{clip_id}' is reserved for folds; rename it"):
        check_clip_id(clip_id, "x")


def test_a_duplicate_is_named_with_both_files() -> None:
    clips = [CLIP, Clip("b", "b.mp4", "s1", "sad"), Clip("s1_a", "s2/a.mp4", "s2", "sad")]
    check_unique(clips[:2], "data")
    with pytest.raises(CorpusError) as caught:
        check_unique(clips, "data")
    assert str(caught.value) == "data: clip_id 's1_a' stands for both s1/a.mp4 and s2/a.mp4; make the ids unique"


@pytest.mark.parametrize(
    ("change", "changes"),
    [
        ({"digest": "cd" * 32}, True),
        ({"start": 0.0}, True),
        ({"end": 1.5}, True),
        ({"clip_id": "other"}, False),
        ({"path": "moved.mp4"}, False),
        ({"speaker": "s2"}, False),
        ({"emotion": "sad"}, False),
        ({"split": "test"}, False),
        ({"gender": "female"}, False),
    ],
)
def test_the_input_digest_covers_bytes_and_span_and_nothing_else(change: dict, changes: bool) -> None:
    assert (dataclasses.replace(CLIP, **change).input_digest != CLIP.input_digest) is changes


def test_start_and_end_are_not_interchangeable() -> None:
    assert dataclasses.replace(CLIP, start=1.0).input_digest != dataclasses.replace(CLIP, end=1.0).input_digest


# no lone carriage return: Python 3.11 writes it unquoted
TEXT = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\r"), max_size=8)
SECONDS = st.none() | st.floats(0, 1e6)
CLIPS = st.lists(
    st.builds(
        Clip,
        clip_id=TEXT,
        path=TEXT,
        speaker=TEXT,
        emotion=st.sampled_from(EMOTIONS + EXTRA_EMOTIONS),
        split=st.sampled_from(SPLITS),
        gender=st.sampled_from(["", "female", "male"]),
        start=SECONDS,
        end=SECONDS,
        digest=st.text("0123456789abcdef", max_size=64),
    ),
    unique_by=lambda clip: clip.clip_id,
    max_size=5,
)


@settings(max_examples=60)
@given(CLIPS)
def test_manifest_round_trip(clips: list[Clip]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        first, second = Path(folder, "a.csv"), Path(folder, "b.csv")
        write_manifest(first, clips)
        write_manifest(second, reversed(clips))
        assert read_manifest(first) == sorted(clips, key=lambda clip: clip.clip_id)
        assert first.read_bytes() == second.read_bytes()


def test_a_manifest_is_plain_csv(tmp_path: Path) -> None:
    write_manifest(
        tmp_path / "m.csv",
        [Clip("b", "b, c.mp4", "Ünal", "sad", "test", "male", 0.0, 2.5), Clip("a", "a", "s", "fear")],
    )
    assert (tmp_path / "m.csv").read_bytes().decode() == (
        'clip_id,path,speaker,emotion,split,gender,start,end,source,corpus,digest\na,a,s,fear,,,,,,,\nb,"b, '
        'c.mp4",Ünal,sad,test,male,0.0,2.5,,,\n'
    )


HEADER = b"clip_id,path,speaker,emotion,split,gender,start,end,source,corpus,digest\n"


@pytest.mark.parametrize(
    "content",
    [
        b"clip_id,speaker\na,s1\n",
        HEADER + b"a,a.mp4,s1,anger,,,soon,,\n",
        HEADER + b"a,a.mp4,J\xe9,anger,,,,,\n",
        HEADER + b"a,a.mp4,s1",
    ],
)
def test_what_is_no_manifest_is_named_with_the_remedy(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "m.csv"
    path.write_bytes(content)
    with pytest.raises(ArtifactError, match=r"not a manifest of this version .* run `dvc repro -f prepare`") as caught:
        read_manifest(path)
    assert str(caught.value).startswith(f"{path}: ")


def test_an_absent_manifest(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"m.csv: no such manifest; run `dvc repro prepare` first"):
        read_manifest(tmp_path / "m.csv")


@pytest.mark.parametrize(
    ("emotions", "expected"),
    [
        ([], []),
        (["sad", "anger", "sad"], ["anger", "sad"]),
        (["calm", "neutral", "boredom", "fear"], ["fear", "neutral", "boredom", "calm"]),
        (reversed(EMOTIONS), list(EMOTIONS)),
    ],
)
def test_class_names_keep_the_papers_order(emotions: list[str], expected: list[str]) -> None:
    assert class_names(Clip(str(i), "", "", emotion) for i, emotion in enumerate(emotions)) == expected
