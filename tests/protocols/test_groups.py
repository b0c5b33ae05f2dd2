"""Speakers who share a recording stay together, by whatever protocol."""

from __future__ import annotations

import dataclasses
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.clip import Clip
from pipeline.core.errors import LeakageError, SettingsError
from pipeline.protocols.assign import make_folds
from pipeline.protocols.groups import linked_speakers
from pipeline.protocols.settings import ProtocolParams


def clips_of(*pairs: tuple[str, str]) -> list[Clip]:
    """Clips of (speaker, recording)."""
    return [
        Clip(f"c{i}", f"{i}.wav", speaker, "anger", source=source, digest=str(i))
        for i, (speaker, source) in enumerate(pairs)
    ]


def test_without_recordings_everybody_is_alone() -> None:
    assert linked_speakers(clips_of(("b", ""), ("a", ""), ("b", ""))) == [["a"], ["b"]]


def test_recordings_tie_together_directly_and_through_others() -> None:
    assert linked_speakers(clips_of(("a", "1"), ("b", "1"), ("c", "2"), ("d", "3"), ("b", "2"))) == [
        ["a", "b", "c"],
        ["d"],
    ]


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from(["", "1", "2", "3", "4"])), min_size=1, max_size=14),
    st.randoms(),
)
def test_groups_are_a_partition_and_no_recording_lies_in_two(pairs, random) -> None:
    groups = linked_speakers(clips_of(*pairs))
    assert sorted(speaker for group in groups for speaker in group) == sorted({speaker for speaker, _ in pairs})
    of = {speaker: number for number, group in enumerate(groups) for speaker in group}
    for source in {source for _, source in pairs} - {""}:
        assert len({of[speaker] for speaker, its in pairs if its == source}) == 1
    shuffled = random.sample(pairs, len(pairs))
    assert linked_speakers(clips_of(*shuffled)) == groups


def sessions(count: int, each: int = 4) -> list[Clip]:
    """Sessions of two, in dialogues in which both speak; emotions in turn."""
    rows = [
        (f"Ses{s}{letter}", f"Ses{s}_{d}", e)
        for s in range(count)
        for d in range(each)
        for letter in "FM"
        for e in ("anger", "sad")
    ]
    return [
        Clip(f"{who}-{where}-{what}", f"{i}.wav", who, what, source=where, digest=str(i))
        for i, (who, where, what) in enumerate(rows)
    ]


@pytest.mark.parametrize("name", ["kfold", "logso", "holdout"])
def test_assigned_groups_keep_dialogues_whole(name: str) -> None:
    clips = sessions(6)
    for fold in make_folds(clips, ProtocolParams(name=name, groups=3, validation=0.3)):
        sides = {clip.source: {fold[c.clip_id] for c in clips if c.source == clip.source} for clip in clips}
        assert all(len(parts) == 1 for parts in sides.values())
        assert set(fold.values()) == {"train", "val", "test"}


def test_one_speaker_out_of_a_dialogue_is_refused_with_the_recording_named() -> None:
    with pytest.raises(
        LeakageError,
        match=(
            r"^fold-00: recording 'Ses0_0' is in test \(.*\) and in \w+ \(.*\); keep on one side what was cut from "
            r"it"
        ),
    ):
        make_folds(sessions(3), ProtocolParams(name="loso"))


def test_validation_clips_are_whole_recordings() -> None:
    clips = [
        dataclasses.replace(clip, speaker=clip.speaker[:4], split="test" if clip.speaker < "Ses1" else "train")
        for clip in sessions(2)
    ]
    (fold,) = make_folds(clips, ProtocolParams(name="official", validate_by="clips"))
    sides = {clip.source: {fold[c.clip_id] for c in clips if c.source == clip.source} for clip in clips}
    assert Counter(map(tuple, sides.values())) == {("test",): 4, ("train",): 3, ("val",): 1}


def test_too_few_groups_of_speakers_who_share_recordings_are_counted() -> None:
    message = "protocol.groups: 3 groups, but 4 speakers who form 2, since they share recordings; lower it or use loso"
    with pytest.raises(SettingsError, match=message):
        make_folds(sessions(2), ProtocolParams(name="kfold", groups=3))
