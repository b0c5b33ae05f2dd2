"""Settings of a protocol, the guards that see every overlap, and the file of the folds."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.clip import Clip
from pipeline.core.errors import ArtifactError, LeakageError, SettingsError
from pipeline.core.settings import parse
from pipeline.protocols.settings import ProtocolParams
from pipeline.protocols.splits import PARTS, Fold, check_disjoint_source, check_fold, read_splits, write_splits

SHAPE = "Input should be a number, or a list of lists of speakers, none of them empty"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            {"name": "losso"},
            (
                "protocol.name: Input should be 'loso', 'logso', 'kfold', 'holdout', 'official', 'cross_corpus', "
                "'speaker_dependent_official', 'speaker_dependent_random', 'ravdess_luna_jimenez', 'ravdess_hicmae', "
                "'emobox_ravdess', 'cremad_hicmae', 'iemocap_sessions', 'emobox_cremad_speaker_dependent', "
                "'emobox_enterface_speaker_dependent', 'emobox_emodb_speaker_dependent', "
                "'emobox_tess_speaker_dependent' or 'none' (got 'losso')"
            ),
        ),
        (
            {"name": "random"},
            (
                "protocol.name: Input should be 'loso', 'logso', 'kfold', 'holdout', 'official', 'cross_corpus', "
                "'speaker_dependent_official', 'speaker_dependent_random', 'ravdess_luna_jimenez', 'ravdess_hicmae', "
                "'emobox_ravdess', 'cremad_hicmae', 'iemocap_sessions', 'emobox_cremad_speaker_dependent', "
                "'emobox_enterface_speaker_dependent', 'emobox_emodb_speaker_dependent', "
                "'emobox_tess_speaker_dependent' or 'none' (got 'random')"
            ),
        ),
        (
            {"name": "loso", "validate_by": "clip"},
            "protocol.validate_by: Input should be 'speakers', 'clips' or 'windows' (got 'clip')",
        ),
        (
            {"name": "holdout", "validate_by": "clips"},
            "protocol.validate_by: holdout chooses its validation clips itself; remove the setting (got 'clips')",
        ),
        ({"name": "logso", "groups": 1}, "protocol.groups: Input should be greater than or equal to 2 (got 1)"),
        ({"name": "logso", "groups": True}, f"protocol.groups: {SHAPE} (got True)"),
        ({"name": "logso", "groups": "5"}, f"protocol.groups: {SHAPE} (got '5')"),
        ({"name": "logso", "groups": ["s1", "s2"]}, f"protocol.groups: {SHAPE} (got ['s1', 's2'])"),
        ({"name": "logso", "groups": [["s1"], []]}, f"protocol.groups: {SHAPE} (got [['s1'], []])"),
        (
            {"name": "logso", "groups": [["s1", "s2"]]},
            "protocol.groups: there should be at least 2 groups (got [['s1', 's2']])",
        ),
        (
            {"name": "logso", "groups": [["s1", "s2"], ["s{1}", "s1"]]},
            "protocol.groups: speaker 's1' should occur once, in one group (got [['s1', 's2'], ['s{1}', 's1']])",
        ),
        (
            {"name": "loso", "groups": [["s1"], ["s2"]]},
            "protocol.groups: lists of speakers need protocol.name: logso (got [['s1'], ['s2']])",
        ),
        ({"name": "loso", "validation": 0}, "protocol.validation: Input should be greater than 0 (got 0)"),
        ({"name": "loso", "validation": 1}, "protocol.validation: Input should be less than 1 (got 1)"),
        ({"name": "loso", "sed": 1}, "protocol.sed: no such setting (did you mean 'seed'?)"),
        ({}, "protocol.name: this setting is missing"),
        (
            {"name": "cross_corpus", "test_on": ["b"]},
            "protocol.train_on: cross_corpus needs this setting, such as [ravdess] (got ())",
        ),
        (
            {"name": "cross_corpus", "train_on": ["a"]},
            "protocol.test_on: cross_corpus needs this setting, such as [ravdess] (got ())",
        ),
        (
            {"name": "cross_corpus", "train_on": ["a", "b"], "test_on": ["b"]},
            "protocol.test_on: 'b' is a training part; test another (got ['b'])",
        ),
        (
            {"name": "holdout", "test_on": ["b"]},
            "protocol.test_on: holdout assigns the clips of all parts to folds; remove this setting, or use "
            "cross_corpus, "
            "loso, logso, kfold (got ['b'])",
        ),
    ],
)
def test_wrong_settings(data: dict, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse(ProtocolParams, data, "protocol")
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        (2, 2),
        (5, 5),
        ([["a", "b"], ["c"]], (("a", "b"), ("c",))),
        ([[1001], [1002, "1003"]], (("1001",), ("1002", "1003"))),
    ],
)
def test_groups_are_a_number_or_speakers(groups: object, expected: object) -> None:
    """YAML reads the speakers of CREMA-D as numbers."""
    assert parse(ProtocolParams, {"name": "logso", "groups": groups}, "protocol").groups == expected


def test_check_fold_goes_by_speaker() -> None:
    clips = [Clip("a", "a.mp4", "s0", "anger", digest="1"), Clip("b", "b.mp4", "s0", "anger", digest="2")]
    with pytest.raises(LeakageError, match=r"^x: speaker 's0' is in val \(a\) and in test \(b\); split by speaker$"):
        check_fold(clips, {"a": "val", "b": "test"}, "x")


@pytest.mark.parametrize(("digests", "leaks"), [(("a", "b"), False), (("a", "a"), True), (("", ""), False)])
def test_check_fold_goes_by_bytes(digests: tuple[str, str], leaks: bool) -> None:
    clips = [Clip(f"s{s}-0", f"s{s}.mp4", f"s{s}", "anger", digest=digest) for s, digest in enumerate(digests)]
    fold = {"s0-0": "train", "s1-0": "test"}
    if leaks:
        with pytest.raises(LeakageError, match=r"^x: 's0-0' in train and 's1-0' in test are one media file"):
            check_fold(clips, fold, "x")
    else:
        check_fold(clips, fold, "x")


@pytest.mark.parametrize(
    ("source", "named"),
    [
        (["v1", "v2"], None),
        ([], None),
        (["v1", "s2", "s1"], "s1, s2"),
        (["S1", "s2\u200b"], "s1, s2"),
        ([f"s{i}" for i in range(9)], "s0, s1, s2, s3, s4"),
    ],
)
def test_a_source_task_meets_nobody_of_the_corpus(source: list[str], named: str | None) -> None:
    speakers = [f"s{i}" for i in range(9)]
    if named is None:
        check_disjoint_source(source, speakers, "a60")
        return
    with pytest.raises(LeakageError) as caught:
        check_disjoint_source(source, speakers, "a60")
    assert str(caught.value) == f"pretrain.a60: its source corpus holds {named} of the emotion corpus; remove them"


IDS = st.text("abc-", min_size=1, max_size=5).map(lambda text: f"c{text}")
FOLDS = st.lists(st.dictionaries(IDS, st.sampled_from(PARTS), min_size=1), min_size=1, max_size=4)


@settings(max_examples=25)
@given(FOLDS)
def test_splits_round_trip(folds: list[Fold]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        first, second = Path(folder, "a.csv"), Path(folder, "b.csv")
        write_splits(first, folds)
        write_splits(second, [dict(reversed(fold.items())) for fold in folds])
        assert first.read_bytes() == second.read_bytes()
        assert read_splits(first) == {f"fold-{number:02d}": fold for number, fold in enumerate(folds)}


def test_the_protocol_none_has_no_folds_and_says_so(tmp_path: Path) -> None:
    write_splits(tmp_path / "s.csv", [])
    with pytest.raises(SettingsError, match=r"s.csv: no folds, since this corpus has protocol.name: none; set loso, "):
        read_splits(tmp_path / "s.csv")


def test_absent_splits(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"s.csv: no such splits; run `dvc repro prepare` first"):
        read_splits(tmp_path / "s.csv")


@pytest.mark.parametrize(
    "content",
    [
        b"clip_id,speaker\na,s1\n",
        b"fold,clip_id,part\nfold-00,\xff,train\n",
        b"fold,clip_id,part\nfold-00,a,trian\n",
        b"fold,clip_id,part\nfold-00,a\n",
        b"fold,clip_id,part\nfold-00,a,train\nfold-00,a,test\n",
        b"fold,clip_id,part\nfold-00," + b"a" * 140_000 + b",train\n",
    ],
)
def test_what_is_no_splits_file_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "s.csv").write_bytes(content)
    with pytest.raises(ArtifactError, match=r"s\.csv"):
        read_splits(tmp_path / "s.csv")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"name": "loso"}, "leave one speaker out"),
        (
            {"name": "loso", "validate_by": "clips"},
            "leave one speaker out, validated on clips of the training speakers",
        ),
        ({"name": "logso"}, "leave one speaker group out, 3 groups"),
        ({"name": "kfold"}, "3 folds of speakers"),
        ({"name": "holdout"}, "speakers held out, 7:1:2"),
        ({"name": "official"}, "official split"),
        ({"name": "official", "tested": "val"}, "official split, its validation clips tested"),
        (
            {"name": "speaker_dependent_random"},
            "SPEAKER-DEPENDENT: 3 random folds of clips, whose sides share speakers",
        ),
        ({"name": "none"}, "no split"),
    ],
)
def test_a_protocol_in_words(data: dict, words: str) -> None:
    assert ProtocolParams(**data).described(3) == words
