"""Folds: no training speaker is tested, everybody is tested, and pinned groups are kept to the letter."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.clip import Clip
from pipeline.core.errors import CorpusError, LeakageError, PipelineError, SettingsError
from pipeline.core.settings import parse, parsed
from pipeline.protocols.assign import make_folds
from pipeline.protocols.groups import speaker_groups
from pipeline.protocols.settings import ProtocolParams
from pipeline.protocols.splits import PARTS, Fold, check_fold


def corpus(*sizes: int) -> list[Clip]:
    """One speaker per size, with that many clips."""
    return [
        Clip(f"s{s}-{c}", f"s{s}/{c}.mp4", f"s{s}", "anger", digest=f"{s}-{c}")
        for s, size in enumerate(sizes)
        for c in range(size)
    ]


def with_splits(splits: Sequence[str], speakers: Sequence[str] = ()) -> list[Clip]:
    """One clip per split, each of its own speaker or of those given."""
    names = speakers or [f"s{i}" for i in range(len(splits))]
    return [Clip(f"c{i}", f"{i}.mp4", names[i], "anger", split, digest=str(i)) for i, split in enumerate(splits)]


CORPORA = st.lists(st.integers(1, 6), min_size=3, max_size=9).map(lambda sizes: corpus(*sizes))
VALIDATIONS = st.floats(0.01, 0.5)
SEEDS = st.integers(0, 1000)


@st.composite
def protocols(draw: st.DrawFn) -> tuple[list[Clip], ProtocolParams]:
    """A corpus in any order and a protocol that it has speakers enough for."""
    clips = draw(CORPORA)
    groups = draw(st.integers(3, len({clip.speaker for clip in clips})))
    name = draw(st.sampled_from(["loso", "logso", "holdout"]))
    params = ProtocolParams(name=name, groups=groups, validation=draw(VALIDATIONS), seed=draw(SEEDS))
    return draw(st.permutations(clips)), params


def sides(clips: Sequence[Clip], fold: Fold) -> dict[str, set[str]]:
    """Speaker -> parts."""
    found: dict[str, set[str]] = {}
    for clip in clips:
        found.setdefault(clip.speaker, set()).add(fold[clip.clip_id])
    return found


@settings(max_examples=80)
@given(protocols())
def test_no_speaker_is_on_two_sides_and_no_part_is_empty(case: tuple) -> None:
    clips, params = case
    folds = make_folds(clips, params)
    assert folds
    for fold in folds:
        assert fold.keys() == {clip.clip_id for clip in clips}
        assert all(len(parts) == 1 for parts in sides(clips, fold).values())
        assert set(fold.values()) == set(PARTS)


@settings(max_examples=80)
@given(protocols())
def test_every_clip_is_tested_once(case: tuple) -> None:
    clips, params = case
    folds = make_folds(clips, params)
    tested = Counter(clip_id for fold in folds for clip_id, part in fold.items() if part == "test")
    speakers = len({clip.speaker for clip in clips})
    assert len(folds) == {"loso": speakers, "logso": params.groups, "holdout": 1}[params.name]
    if params.name != "holdout":
        assert tested == Counter(clip.clip_id for clip in clips)


@settings(max_examples=40)
@given(protocols())
def test_the_same_seed_gives_the_same_folds_in_any_order_of_clips(case: tuple) -> None:
    clips, params = case
    assert make_folds(clips, params) == make_folds(list(reversed(clips)), params)


@pytest.mark.parametrize(("name", "changes"), [("logso", True), ("holdout", True), ("loso", True)])
def test_another_seed_deals_speakers_anew(name: str, changes: bool) -> None:
    clips = corpus(*[2] * 12)
    first, second = (make_folds(clips, ProtocolParams(name=name, seed=seed)) for seed in (0, 1))
    assert (first != second) is changes


@pytest.mark.parametrize(
    ("speakers", "validation", "expected"),
    [(3, 0.01, 1), (5, 0.25, 1), (9, 0.25, 2), (9, 0.5, 4), (11, 0.3, 3)],
)
def test_loso_validates_on_a_share_of_the_other_speakers(speakers: int, validation: float, expected: int) -> None:
    clips = corpus(*[2] * speakers)
    for fold in make_folds(clips, ProtocolParams(name="loso", validation=validation)):
        counts = Counter(part for parts in sides(clips, fold).values() for part in parts)
        assert counts == {"train": speakers - 1 - expected, "val": expected, "test": 1}


@pytest.mark.parametrize("seed", [0, 1])
def test_loso_tests_speakers_in_order_and_validates_on_all_equally_often(seed: int) -> None:
    clips = corpus(1, 1, 1, 1, 1, 1)
    found = [sides(clips, fold) for fold in make_folds(clips, ProtocolParams(name="loso", validation=0.4, seed=seed))]
    assert [s for fold in found for s, parts in fold.items() if parts == {"test"}] == [f"s{i}" for i in range(6)]
    assert Counter(s for fold in found for s, parts in fold.items() if parts == {"val"}) == dict.fromkeys(found[0], 2)


@given(st.integers(1, 40), st.integers(1, 40), SEEDS)
def test_groups_hold_every_speaker_once_and_differ_by_one_at_most(speakers: int, count: int, seed: int) -> None:
    names = [f"s{i:02d}" for i in range(speakers)]
    groups = speaker_groups([[name] for name in names], count, seed)
    assert sorted(name for group in groups for name in group) == names
    assert max(map(len, groups)) - min(map(len, groups)) <= 1
    assert groups == speaker_groups([[name] for name in names], count, seed)


@settings(max_examples=30)
@given(st.integers(10, 30), SEEDS)
def test_holdout_comes_near_7_1_2(speakers: int, seed: int) -> None:
    clips = corpus(*[5] * speakers)
    (fold,) = make_folds(clips, ProtocolParams(name="holdout", seed=seed))
    counts = Counter(fold.values())
    for part, share in (("train", 0.7), ("val", 0.1), ("test", 0.2)):
        assert counts[part] / len(clips) == pytest.approx(share, abs=1 / speakers)


@pytest.mark.parametrize(
    ("clips", "params", "message"),
    [
        (
            corpus(2, 2),
            {"name": "loso"},
            (
                "protocol loso needs at least 3 speakers, .* there are 2; validate_by: clips needs 2; use "
                "protocol.name: none"
            ),
        ),
        (
            corpus(2),
            {"name": "loso"},
            (
                "protocol loso needs at least 3 speakers, .* there are 1; validate_by: clips needs 2; use "
                "protocol.name: none"
            ),
        ),
        (corpus(2, 2), {"name": "logso", "groups": 2}, "protocol logso needs at least 3 speakers, .* there are 2; "),
        (corpus(2, 2, 2, 2), {"name": "logso"}, "protocol.groups: 5 groups, but 4 speakers; lower it or use loso"),
        (
            corpus(9, 9),
            {"name": "holdout"},
            "protocol holdout needs at least 3 speakers who share no recording; there are 2; use none",
        ),
    ],
)
def test_too_few_speakers(clips: list[Clip], params: dict, message: str) -> None:
    with pytest.raises(SettingsError, match=rf"params\.yaml: {message}") as caught:
        make_folds(clips, ProtocolParams(**params))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("clips", "params", "blamed"),
    [
        (with_splits(["train", "test"]), {"name": "official"}, "protocol.validate_by: clips"),
        (corpus(2, 2, 2), {"name": "logso", "groups": 2}, "protocol.groups"),
    ],
)
def test_nobody_left_to_train_on_blames_the_right_setting(clips: list[Clip], params: dict, blamed: str) -> None:
    with pytest.raises(SettingsError, match=blamed):
        make_folds(clips, ProtocolParams(**params))


PINNED = [["s3", "s0"], ["s1"], ["s2", "s4"]]


def test_groups_that_are_tested_in_turn_are_validated_on_different_speakers() -> None:
    clips = mixed(6, 1)
    for seed in range(10):
        folds = make_folds(clips, ProtocolParams(name="logso", groups=3, validation=0.3, seed=seed))
        validated = [s for fold in folds for s, parts in sides(clips, fold).items() if parts == {"val"}]
        assert len(set(validated)) == len(validated) == 3


@pytest.mark.parametrize("seed", [0, 1])
def test_pinned_groups_are_tested_in_their_order_whatever_the_seed(seed: int) -> None:
    clips = corpus(1, 2, 1, 1, 1)
    folds = make_folds(clips, ProtocolParams(name="logso", groups=PINNED, validation=0.34, seed=seed))
    tested = [{s for s, parts in sides(clips, fold).items() if parts == {"test"}} for fold in folds]
    validated = [sum(parts == {"val"} for parts in sides(clips, fold).values()) for fold in folds]
    assert tested == [{"s0", "s3"}, {"s1"}, {"s2", "s4"}]
    assert validated == [1, 1, 1]


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ([["s0", "s1"], ["s2", "S3"]], "the corpus has no speaker 'S3' (known: s0, s1, s2, s3)"),
        ([["s0"], ["s1"]], "2 speakers are in no group (s2, s3); add them, or give a number of groups"),
    ],
)
def test_pinned_groups_hold_the_speakers_of_the_corpus(groups: list[list[str]], message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        make_folds(corpus(1, 1, 1, 1), ProtocolParams(name="logso", groups=groups))
    assert str(caught.value) == f"params.yaml: protocol.groups: {message}"


@settings(max_examples=30)
@given(CORPORA, SEEDS)
def test_assigned_groups_pinned_give_the_same_folds(clips: list[Clip], seed: int) -> None:
    """What `logso` assigned can be written into params.yaml and kept."""
    groups = speaker_groups([[speaker] for speaker in sorted({clip.speaker for clip in clips})], 3, seed)
    stratified_shares, pinned = (
        ProtocolParams(name="logso", groups=3, seed=seed),
        ProtocolParams(name="logso", groups=groups, seed=seed),
    )
    assert make_folds(clips, stratified_shares) == make_folds(clips, pinned)


def test_a_speaker_with_one_emotion_and_a_class_that_training_lacks_are_allowed() -> None:
    emotions = {"s0": "fear", "s1": "anger", "s2": "anger", "s3": "anger"}
    clips = [dataclasses.replace(clip, emotion=emotions[clip.speaker]) for clip in corpus(1, 2, 2, 1)]
    folds = make_folds(clips, ProtocolParams(name="loso"))
    assert len(folds) == 4
    assert {clip.emotion for clip in clips if folds[0][clip.clip_id] == "train"} == {"anger"}


OFFICIAL = ProtocolParams(name="official", validation=0.25)


def test_official_splits_are_taken_as_they_are() -> None:
    clips = with_splits(["train", "val", "test", "train"])
    assert make_folds(clips, OFFICIAL) == [{"c0": "train", "c1": "val", "c2": "test", "c3": "train"}]


def test_official_without_val_takes_whole_speakers_from_train() -> None:
    clips = with_splits(["train"] * 5 + ["test"], ["a", "b", "c", "d", "d", "e"])
    folds = [make_folds(clips, ProtocolParams(name="official", seed=seed))[0] for seed in range(20)]
    assert all(fold["c5"] == "test" and fold["c3"] == fold["c4"] for fold in folds)
    assert all(1 <= list(fold.values()).count("val") <= 2 for fold in folds)
    assert len({tuple(fold.values()) for fold in folds}) > 2, "drawn by the seed"


def test_official_val_is_tested_where_test_has_no_labels() -> None:
    clips = with_splits(["train"] * 4 + ["val", "val", "test"], list("abcdefg"))
    (fold,) = make_folds(clips, ProtocolParams(name="official", validation=0.25, tested="val"))
    assert fold.keys() == {"c0", "c1", "c2", "c3", "c4", "c5"}
    assert fold["c4"] == fold["c5"] == "test"
    assert sorted(fold[f"c{i}"] for i in range(4)) == ["train", "train", "train", "val"]


def test_a_speaker_of_a_clip_that_is_left_out_is_on_no_side() -> None:
    clips = with_splits(["train", "train", "val", "test"], ["a", "b", "c", "a"])
    (fold,) = make_folds(clips, ProtocolParams(name="official", tested="val"))
    assert fold.keys() == {"c0", "c1", "c2"}
    assert sorted(fold.values()) == ["test", "train", "val"]
    assert fold["c2"] == "test"


@pytest.mark.parametrize("pair", [("train", "test"), ("train", "val"), ("val", "test")])
def test_official_splits_with_a_speaker_on_two_sides(pair: tuple[str, str]) -> None:
    clips = with_splits([*pair, "train", "val", "test"], ["s0", "s0", "a", "b", "c"])
    with pytest.raises(LeakageError) as caught:
        make_folds(clips, OFFICIAL)
    assert str(caught.value) == (
        f"fold-00: speaker 's0' is in {pair[0]} (c0) and in {pair[1]} (c1); split by speaker, or use "
        "speaker_dependent_official if that is what is meant"
    )


def test_official_without_splits_counts_them() -> None:
    with pytest.raises(
        CorpusError, match="protocol official: 2 clips have no split \\('c1' first\\); add it or use loso"
    ):
        make_folds(with_splits(["train", "", "test", ""]), OFFICIAL)


@pytest.mark.parametrize("splits", [["train", "test"], ["train", "val"], ["test", "val"], ["train", "train"], ["test"]])
def test_official_with_an_empty_part_is_refused(splits: list[str]) -> None:
    with pytest.raises(PipelineError):
        make_folds(with_splits(splits), OFFICIAL)


def duplicated(clips: list[Clip], **same: str) -> list[Clip]:
    """Make the first and the last clip, of two speakers, agree in digest or path."""
    return [dataclasses.replace(clips[0], **same), *clips[1:-1], dataclasses.replace(clips[-1], **same)]


@pytest.mark.parametrize("name", ["loso", "logso"])
@pytest.mark.parametrize("same", [{"digest": "equal"}, {"digest": "", "path": "one.mp4"}])
def test_one_media_file_under_two_speakers(name: str, same: dict[str, str]) -> None:
    with pytest.raises(
        LeakageError, match=r"^fold-0\d: 's0-0' in \w+ and 's4-0' in \w+ are one media file; keep them on one side$"
    ):
        make_folds(duplicated(corpus(1, 1, 1, 1, 1), **same), ProtocolParams(name=name))


def test_one_media_file_under_one_speaker_is_no_leak() -> None:
    clips = [dataclasses.replace(clip, digest=clip.speaker) for clip in corpus(3, 3, 3)]
    assert len(make_folds(clips, ProtocolParams(name="loso"))) == 3


def test_the_protocol_none_has_no_folds() -> None:
    assert make_folds(corpus(1, 1, 1), ProtocolParams(name="none")) == []


def mixed(speakers: int, each: int, emotions: Sequence[str] = ("anger", "happy", "sad")) -> list[Clip]:
    """Speakers who show every emotion equally often."""
    return [
        Clip(f"s{s}-{emotion}-{c}", f"{s}{emotion}{c}", f"s{s}", emotion, digest=f"{s}{emotion}{c}")
        for s in range(speakers)
        for emotion in emotions
        for c in range(each)
    ]


def test_kfold_is_folds_of_whole_speakers() -> None:
    clips = mixed(7, 1)
    assert make_folds(clips, ProtocolParams(name="kfold", groups=4, seed=3)) == make_folds(
        clips, ProtocolParams(name="logso", groups=4, seed=3)
    )


@pytest.mark.parametrize("validation", [0.5, 0.25, 0.1])
def test_two_speakers_are_tested_in_turn_and_validated_on_clips_of_the_other(validation: float) -> None:
    clips = mixed(2, 20)
    first, second = make_folds(clips, ProtocolParams(name="loso", validate_by="clips", validation=validation))
    assert sides(clips, first) == {"s0": {"test"}, "s1": {"train", "val"}}
    assert sides(clips, second) == {"s0": {"train", "val"}, "s1": {"test"}}
    val = [clip.emotion for clip in clips if first[clip.clip_id] == "val"]
    assert Counter(val) == dict.fromkeys(("anger", "happy", "sad"), 20 * validation), "every emotion by its share"


def test_a_tested_speaker_is_never_learned_from_however_clips_are_validated() -> None:
    clips = with_splits(["train", "train", "test", "test"], ["a", "b", "a", "c"])
    with pytest.raises(
        LeakageError,
        match=(
            r"^fold-00: speaker 'a' is in \w+ \(c0\) and in test \(c2\); split by speaker, or use "
            r"speaker_dependent_official if that is what is meant$"
        ),
    ):
        make_folds(clips, ProtocolParams(name="official", validate_by="clips"))
    clips = with_splits(["train", "train", "test"], ["a", "a", "c"])
    (fold,) = make_folds(clips, ProtocolParams(name="official", validate_by="clips"))
    assert sorted(fold.values()) == ["test", "train", "val"]


@settings(max_examples=60)
@given(st.integers(1, 5), st.integers(2, 6), st.integers(2, 4), SEEDS, st.booleans())
def test_random_folds_test_every_clip_once_and_keep_files_together(
    speakers: int, each: int, count: int, seed: int, paired: bool
) -> None:
    clips = mixed(speakers, 2 * each)
    if paired:  # two spans of each file
        clips = [
            dataclasses.replace(clip, digest=f"{clip.speaker}{clip.emotion}{i // 2}") for i, clip in enumerate(clips)
        ]
    params = ProtocolParams(name="speaker_dependent_random", groups=count, seed=seed)
    folds = make_folds(clips, params)
    assert make_folds(clips[::-1], params) == folds
    assert len(folds) == count
    assert Counter(clip_id for fold in folds for clip_id, part in fold.items() if part == "test") == Counter(
        clip.clip_id for clip in clips
    )
    for fold in folds:
        assert set(fold.values()) == set(PARTS)
        linked_speakers: dict[str, set[str]] = {}
        for clip in clips:
            linked_speakers.setdefault(clip.digest, set()).add(fold[clip.clip_id])
        assert all(len(parts) == 1 for parts in linked_speakers.values())


def test_random_folds_have_speakers_on_all_sides_and_no_other_protocol_may() -> None:
    clips = mixed(2, 20)
    (fold, *_) = make_folds(clips, ProtocolParams(name="speaker_dependent_random"))
    assert sides(clips, fold) == {"s0": set(PARTS), "s1": set(PARTS)}
    for name in ("loso", "logso", "kfold", "holdout", "official"):
        assert "test" not in ProtocolParams(name=name).shared
        with pytest.raises(LeakageError, match="split by speaker"):
            check_fold(clips, fold, "fold-00", ProtocolParams(name=name).shared)


@pytest.mark.parametrize(
    ("clips", "params", "message"),
    [
        (corpus(3), {"name": "speaker_dependent_random"}, "protocol.groups: 5 groups, but fewer recordings; lower it"),
        (
            corpus(1, 1),
            {"name": "loso", "validate_by": "clips"},
            "protocol: one recording cannot be used both to train and to validate",
        ),
        (corpus(5), {"name": "loso", "validate_by": "clips"}, "protocol loso needs at least 3 speakers"),
    ],
)
def test_too_few_recordings(clips: list[Clip], params: dict, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        make_folds(clips, ProtocolParams(**params))


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ("[[007], [a]]", "no speaker '7' (did you mean '007'? YAML reads it as a number: quote it)"),
        ("[[010], [a]]", "no speaker '8' (did you mean '010'? YAML reads it as a number: quote it)"),
        ("[['07'], [a]]", "no speaker '07' (did you mean '007'?)"),
    ],
)
def test_a_speaker_whom_yaml_reads_as_a_number(groups: str, message: str) -> None:
    clips = [Clip(f"{who}{n}", f"{who}{n}.wav", who, "sad") for who in ("007", "010", "a", "b") for n in range(2)]
    params = parse(ProtocolParams, {"name": "logso", "groups": parsed(groups)}, "here")
    with pytest.raises(SettingsError) as caught:
        make_folds(clips, params)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("groups", "kind"),
    [("[[no], [a]]", "the truth value False"), ("[[3.0], [a]]", "the number 3.0"), ("[[~], [a]]", "nothing")],
)
def test_a_speaker_whom_yaml_takes_for_another_kind_is_to_be_quoted(groups: str, kind: str) -> None:
    with pytest.raises(SettingsError, match=f"YAML reads a speaker as {kind}; quote the name"):
        parse(ProtocolParams, {"name": "logso", "groups": parsed(groups)}, "here")
