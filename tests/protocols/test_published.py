"""Published folds by name: the groups are those that were published, and only their speakers are in a fold."""

from __future__ import annotations

from typing import get_args

import pytest

from pipeline.core.clip import Clip
from pipeline.core.errors import LeakageError, SettingsError
from pipeline.protocols.assign import make_folds
from pipeline.protocols.fold_files import CORPORA
from pipeline.protocols.published import PUBLISHED, groups_here
from pipeline.protocols.settings import ProtocolParams, _Name
from pipeline.protocols.splits import PARTS, check_fold

SPEAKERS = {
    "RAVDESS": [str(actor) for actor in range(1, 25)],
    "CREMA-D": [str(actor) for actor in range(1001, 1092)],
    "IEMOCAP": [f"Ses0{session}{letter}" for session in range(1, 6) for letter in "FM"],
}
PLAIN = ["ravdess_luna_jimenez", "ravdess_hicmae", "emobox_ravdess", "cremad_hicmae", "iemocap_sessions"]


def corpus(speakers: list[str]) -> list[Clip]:
    """Each speaker shows two emotions, twice."""
    return [
        Clip(f"c{who}-{emotion}-{take}", f"{who}/{emotion}{take}.wav", who, emotion, digest=f"{who}{emotion}{take}")
        for who in speakers
        for emotion in ("anger", "sad")
        for take in "ab"
    ]


def speakers_tested(clips: list[Clip], fold: dict[str, str]) -> set[str]:
    return {clip.speaker for clip in clips if fold.get(clip.clip_id) == "test"}


def test_every_published_protocol_can_be_named_in_the_settings() -> None:
    assert list(PUBLISHED) == PLAIN
    assert {*PUBLISHED, *CORPORA} < set(get_args(_Name))
    assert all("speaker_dependent" in name for name in CORPORA)
    assert not any("speaker_dependent" in name for name in PUBLISHED)


@pytest.mark.parametrize(
    ("name", "groups"),
    [
        (
            "ravdess_luna_jimenez",
            ["2 5 14 15 16", "3 6 7 13 18", "10 11 12 19 20", "8 17 21 23 24", "1 4 9 22"],
        ),
        ("ravdess_hicmae", ["1 2 3 4", "5 6 7 8", "9 10 11 12", "13 14 15 16", "17 18 19 20", "21 22 23 24"]),
        ("emobox_ravdess", ["1 11 20 21", "4 10 12 14", "8 9 19 23", "3 5 7 24", "2 15 16 18", "6 13 17 22"]),
        ("iemocap_sessions", [f"Ses0{session}F Ses0{session}M" for session in range(1, 6)]),
        (
            "cremad_hicmae",
            [
                " ".join(str(actor) for actor in range(first, last + 1))
                for first, last in ((1001, 1018), (1019, 1036), (1037, 1054), (1055, 1072), (1073, 1091))
            ],
        ),
    ],
)
def test_the_published_groups_are_tested_in_turn(name: str, groups: list[str]) -> None:
    clips = corpus(SPEAKERS[PUBLISHED[name].corpus])
    params = ProtocolParams(name=name)
    folds = make_folds(clips, params)
    assert [speakers_tested(clips, fold) for fold in folds] == [set(group.split()) for group in groups]
    assert make_folds(clips[::-1], params) == folds
    for fold in folds:
        assert set(fold.values()) == set(PARTS)
        assert fold.keys() == {clip.clip_id for clip in clips}
        check_fold(clips, fold, name)
    assert params.described(len(folds)) == f"{name}, {len(groups)} of {len(groups)} published folds"


def test_in_part_of_a_corpus_the_groups_that_are_there_are_tested() -> None:
    """As in a copy of RAVDESS with the actors of two folds."""
    clips = corpus(["2", "5", "14", "15", "16", "3", "6", "7", "13", "18"])
    params = ProtocolParams(name="ravdess_luna_jimenez")
    folds = make_folds(clips, params)
    assert [speakers_tested(clips, fold) for fold in folds] == [
        {"2", "5", "14", "15", "16"},
        {"3", "6", "7", "13", "18"},
    ]
    assert params.described(len(folds)) == "ravdess_luna_jimenez, 2 of 5 published folds"


def test_a_clip_of_an_unknown_speaker_is_in_no_fold() -> None:
    clips = corpus(SPEAKERS["RAVDESS"])
    without = make_folds(clips, ProtocolParams(name="emobox_ravdess"))
    assert make_folds([*clips, *corpus(["25", "anna"])], ProtocolParams(name="emobox_ravdess")) == without


@pytest.mark.parametrize(
    ("speakers", "found"),
    [
        (["anna", "ben", "carl"], "0, and it has anna, ben, carl; "),
        (["01", "02", "05", "06", "07", "09"], "0, and it has 01, 02, 05, 06, 07, ...; "),
        (["1", "2", "anna"], "1, and it has 1, 2, anna; "),
    ],
)
def test_another_corpus_is_refused_in_one_line(speakers: list[str], found: str) -> None:
    with pytest.raises(SettingsError) as caught:
        make_folds(corpus(speakers), ProtocolParams(name="ravdess_hicmae"))
    assert str(caught.value) == (
        "params.yaml: protocol.name: ravdess_hicmae knows RAVDESS's speakers (1, 2, 3, 4); of its 6 groups this corpus "
        f"has {found}use loso or logso"
    )


@pytest.mark.parametrize("name", PLAIN)
def test_a_recording_of_two_groups_is_refused(name: str) -> None:
    """A leak that speakers do not show: one dialogue, or one file, in training and test."""
    clips = corpus(SPEAKERS[PUBLISHED[name].corpus])
    first, last = (group[0] for group in (PUBLISHED[name].groups[0], PUBLISHED[name].groups[-1]))
    leaks = {"source": "film", "digest": "0"}
    for field, value in leaks.items():
        planted = [
            Clip(**{**vars(clip), field: value})
            if clip.speaker in (first, last) and clip.path.endswith("a.wav")
            else clip
            for clip in clips
        ]
        with pytest.raises(LeakageError, match="recording 'film'" if field == "source" else "are one media file"):
            make_folds(planted, ProtocolParams(name=name))


def test_the_same_people_in_worse_recordings() -> None:
    """Published folds across conditions: trained on clean clips, tested on worse ones."""
    clean, worse = (
        [
            Clip(**{**vars(c), "clip_id": f"{part}_{c.clip_id}", "corpus": part, "digest": part + c.digest})
            for c in found
        ]
        for part in ("clean", "worse")
        for found in [corpus(SPEAKERS["RAVDESS"])]
    )
    params = ProtocolParams(name="ravdess_hicmae", train_on=("clean",), test_on=("worse",))
    folds = make_folds([*clean, *worse], params)
    assert len(folds) == 6
    assert all(clip_id.startswith("worse" if part == "test" else "clean") for f in folds for clip_id, part in f.items())
    assert params.described(6).endswith("6 of 6 published folds, trained on clean, tested on worse")


def test_groups_without_a_speaker_here_are_left_out() -> None:
    assert groups_here("iemocap_sessions", ["Ses05M", "Ses01F", "Ses01M"]) == [["Ses01F", "Ses01M"], ["Ses05M"]]
