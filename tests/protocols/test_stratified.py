"""Validation and holdout are drawn by a seed, stratified, of whole linked speakers, and lose no emotion needlessly."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.clip import Clip
from pipeline.manifest.corpus_json import Source, describe, notes
from pipeline.protocols.assign import make_folds
from pipeline.protocols.settings import ProtocolParams
from pipeline.protocols.splits import Fold
from pipeline.protocols.stratified import drawn

SEEDS = st.integers(0, 1000)


def official(shown: Sequence[str], sources: Sequence[str] = (), part: str = "train") -> list[Clip]:
    """One speaker per word, who shows an emotion per letter, and one test clip of all emotions."""
    clips = [
        Clip(f"{part}{who:03d}-{at}", f"{part}{who}/{at}", f"{part}{who:03d}", emotion, part, digest=f"{who}-{at}")
        for who, word in enumerate(shown)
        for at, emotion in enumerate(word)
    ]
    if sources:
        clips = [dataclasses.replace(clip, source=sources[int(clip.clip_id[5:8]) % len(sources)]) for clip in clips]
    return [*clips, Clip("zz", "zz", "zz", "a", "test", digest="zz")]


def on(clips: Sequence[Clip], fold: Fold, part: str) -> list[Clip]:
    return [clip for clip in clips if fold.get(clip.clip_id) == part]


def emotions(clips: Sequence[Clip]) -> set[str]:
    return {clip.emotion for clip in clips}


WORDS = st.lists(st.text("abcd", min_size=1, max_size=5), min_size=2, max_size=8)


@settings(max_examples=150)
@given(WORDS, SEEDS, st.sampled_from([0.1, 0.25, 0.5]))
def test_no_choice_of_speakers_would_show_more_emotions_on_both_sides(
    shown: list[str], seed: int, share: float
) -> None:
    """Against every choice there is; training never loses an emotion to validation."""
    clips = official(shown)
    letters = [set(word) for word in shown]
    everything = set().union(*letters)
    choices = [
        len(set().union(*(word for word, taken in zip(letters, choice, strict=True) if taken)))
        for choice in product((False, True), repeat=len(shown))
        if set().union(*(word for word, taken in zip(letters, choice, strict=True) if not taken)) == everything
    ]
    params = ProtocolParams(name="official", validation=share, seed=seed)
    (fold,) = make_folds(clips, params)
    train, val = on(clips, fold, "train"), on(clips, fold, "val")
    if max(choices) == 0:  # each the only one that shows some emotion: it is said, and costs as few as it can
        lost = [len(everything - set().union(*(o for o in letters if o is not one))) for one in letters]
        assert len(everything - emotions(train)) == min(lost)
    else:
        assert emotions(train) == everything
        assert len(emotions(val)) == max(choices)
    assert not {clip.speaker for clip in train} & {clip.speaker for clip in val}
    assert make_folds(clips[::-1], params) == [fold]


@settings(max_examples=60)
@given(st.integers(2, 30), st.integers(2, 30), st.integers(2, 30), SEEDS, st.sampled_from([0.1, 0.25, 0.4]))
def test_a_speaker_per_clip_gives_every_emotion_its_share(a: int, b: int, c: int, seed: int, share: float) -> None:
    """As in AFEW and CHEAVD, where the last quarter by name was the late films, and could be two emotions."""
    clips = official(["a"] * a + ["b"] * b + ["c"] * c)
    (fold,) = make_folds(clips, ProtocolParams(name="official", validation=share, seed=seed))
    counts = Counter(clip.emotion for clip in on(clips, fold, "val"))
    for emotion, total in (("a", a), ("b", b), ("c", c)):
        assert abs(counts[emotion] - share * total) <= 1
        assert 1 <= counts[emotion] < total


def test_what_validation_lacks_is_said() -> None:
    names = {"a": "anger", "b": "sad", "c": "fear"}
    clips = [dataclasses.replace(clip, emotion=names[clip.emotion]) for clip in official(["ab", "ab", "abc"])]
    params = ProtocolParams(name="official")
    about = describe(Source("x", "x", "", ""), params, clips, make_folds(clips, params), {})
    assert notes(about) == ["fold-00 validates without fear"]


@settings(max_examples=40)
@given(st.integers(4, 20), SEEDS, st.sampled_from([0.1, 0.25, 0.4]))
def test_speakers_of_unequal_length_come_near_the_share(speakers: int, seed: int, share: float) -> None:
    clips = official(["abc" * (1 + who % 3) for who in range(speakers)])
    (fold,) = make_folds(clips, ProtocolParams(name="official", validation=share, seed=seed))
    assert abs(len(on(clips, fold, "val")) - share * (len(clips) - 1)) <= 9, "no further than the longest speaker"


def test_another_seed_gives_another_draw() -> None:
    clips = official(["abc"] * 12)
    drawn_by = {tuple(make_folds(clips, ProtocolParams(name="official", seed=seed))[0].items()) for seed in range(10)}
    assert len(drawn_by) > 5


@settings(max_examples=40)
@given(WORDS, SEEDS)
def test_speakers_of_a_recording_stay_together(shown: list[str], seed: int) -> None:
    clips = official([*shown, "abcd", "abcd", "abcd", "abcd"], sources=["one", "two", "", ""])
    (fold,) = make_folds(clips, ProtocolParams(name="official", seed=seed))
    for source in ("one", "two"):
        assert len({fold[clip.clip_id] for clip in clips if clip.source == source}) == 1


def test_cross_corpus_draws_alike() -> None:
    clips = [
        dataclasses.replace(clip, corpus="far" if clip.clip_id == "zz" else "near") for clip in official("aabbccdd")
    ]
    params = ProtocolParams(name="cross_corpus", train_on=("near",), test_on=("far",))
    (fold,) = make_folds(clips, params)
    assert emotions(on(clips, fold, "train")) == emotions(on(clips, fold, "val")) == set("abcd")


@settings(max_examples=60)
@given(st.lists(st.integers(3, 12), min_size=2, max_size=5), SEEDS)
def test_holdout_has_every_emotion_of_three_speakers_on_all_sides(counts: list[int], seed: int) -> None:
    clips = official([letter * 2 for letter, count in zip("abcde", counts, strict=False) for _ in range(count)])[:-1]
    (fold,) = make_folds(clips, ProtocolParams(name="holdout", seed=seed))
    for part in ("train", "val", "test"):
        assert emotions(on(clips, fold, part)) == emotions(clips), part


def test_holdout_learns_an_emotion_of_one_speaker_and_tests_one_of_two() -> None:
    clips = official(["a"] * 6 + ["b", "c", "c"])[:-1]
    for seed in range(20):
        (fold,) = make_folds(clips, ProtocolParams(name="holdout", seed=seed))
        assert emotions(on(clips, fold, "train")) == set("abc")
        assert emotions(on(clips, fold, "test")) == set("ac")


@settings(max_examples=40)
@given(st.integers(3, 8), SEEDS)
def test_loso_validates_on_every_emotion(speakers: int, seed: int) -> None:
    """Each speaker shows two of three emotions: the next ones by name do not always show all."""
    clips = official([("ab", "bc", "ca")[who % 3] for who in range(2 * speakers)])[:-1]
    for fold in make_folds(clips, ProtocolParams(name="loso", seed=seed, validation=0.1)):
        assert emotions(on(clips, fold, "val")) == emotions(on(clips, fold, "train")) == set("abc")


def test_clips_of_training_speakers_are_not_taken_from_a_rare_emotion() -> None:
    clips = official(["aaaaaaaab"])
    for seed in range(20):
        (fold,) = make_folds(clips, ProtocolParams(name="official", validate_by="clips", validation=0.5, seed=seed))
        assert emotions(on(clips, fold, "train")) == set("ab")


def test_a_speaker_far_larger_than_the_share_is_not_drawn() -> None:
    clips = official(["a" * 50, "a", "a", "a"])
    for seed in range(20):
        (fold,) = make_folds(clips, ProtocolParams(name="official", validation=0.1, seed=seed))
        assert fold["train000-0"] == "train"


def test_one_speaker_is_enough_where_one_shows_all() -> None:
    """A quarter of four: not two who complement each other."""
    clips = official(["abc", "ab", "bc", "abc"])
    for seed in range(20):
        (fold,) = make_folds(clips, ProtocolParams(name="official", seed=seed))
        assert {clip.speaker for clip in on(clips, fold, "val")} in ({"train000"}, {"train003"})


def test_thousands_of_speakers_take_no_time() -> None:
    units = [[clip] for clip in official([letter for letter in "abcdefg" for _ in range(700)])]
    assert len(drawn(units, 0.2)) == pytest.approx(980, abs=7)


@pytest.mark.parametrize("name", ["loso", "logso", "official", "cross_corpus"])
def test_validation_by_windows_trains_on_all_other_speakers(name: str) -> None:
    clips = [
        dataclasses.replace(clip, corpus="far" if clip.clip_id == "zz" else "near", emotion="anger")
        for clip in official(["a"] * 6)
    ]
    more = {"train_on": ("near",), "test_on": ("far",)} if name == "cross_corpus" else {"groups": 3}
    params = ProtocolParams(name=name, validate_by="windows", **more)
    for fold in make_folds(clips, params):
        assert fold.keys() == {clip.clip_id for clip in clips}
        assert set(fold.values()) == {"train", "test"}
        tested = {clip.speaker for clip in on(clips, fold, "test")}
        assert not tested & {clip.speaker for clip in on(clips, fold, "train")}
    assert params.described(3).endswith(", validated on windows of the training speakers")
    assert notes(describe(Source("x", "x", "", ""), params, clips, make_folds(clips, params), {})) == []


@pytest.mark.parametrize("name", ["holdout", "speaker_dependent_random", "none"])
def test_protocols_that_choose_their_validation_clips_take_no_windows(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} chooses its validation clips itself; remove the setting"):
        ProtocolParams(name=name, validate_by="windows")
