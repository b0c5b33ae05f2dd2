"""Several corpora read as one, and the protocol that learns from one and tests another."""

from __future__ import annotations

from pathlib import Path

import pytest

from helpers.corpora import tree
from pipeline.core.clip import Clip, read_manifest, write_manifest
from pipeline.core.errors import CorpusError, LeakageError, SettingsError
from pipeline.core.settings import parse
from pipeline.manifest.build import left_out, read_corpus
from pipeline.manifest.settings import CorpusParams, protocol_of, source_of
from pipeline.protocols.assign import make_folds
from pipeline.protocols.settings import ProtocolParams

PARTS = {
    "savee": {"folder": "SAVEE"},
    "mine": {"adapter": "manifest_csv", "folder": "own/clips", "labels": {"joy": "happy", "bored": "left_out"}},
}
CROSS = {"name": "cross_corpus", "train_on": ["savee"], "test_on": ["mine"]}


def joined(root: Path, **more: object) -> CorpusParams:
    return parse(
        CorpusParams, {"root": str(root), "parts": PARTS, "protocol": CROSS, **more}, "params.yaml: corpora.both"
    )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    tree(tmp_path / "SAVEE", *[f"{who}/{code}01.wav" for who in ("DC", "JE", "JK", "KL") for code in ("a", "h", "n")])
    tree(tmp_path / "own/clips", "x.wav", "y.wav", "z.wav")
    rows = ["clip_id,path,speaker,emotion,source", "x,x.wav,DC,anger,film", "y,y.wav,eva,joy,", "z,z.wav,eva,bored,"]
    (tmp_path / "own/clips/manifest.csv").write_text("\n".join(rows))
    return tmp_path


def test_clips_carry_the_name_of_their_part(root: Path, tmp_path: Path) -> None:
    clips, entries = read_corpus("both", joined(root), 1)
    assert len(clips) == len(entries) == 14
    by_id = {clip.clip_id: clip for clip in clips}
    assert (by_id["mine_x"].path, by_id["mine_x"].speaker, by_id["mine_x"].source, by_id["mine_x"].corpus) == (
        "own/clips/x.wav", "mine_DC", "mine_film", "mine",
    )  # fmt: skip
    assert by_id["mine_y"].emotion == "happy", "labels of the part"
    assert by_id["mine_y"].source == ""
    assert {clip.speaker for clip in clips if clip.corpus == "savee"} == {
        "savee_DC",
        "savee_JE",
        "savee_JK",
        "savee_KL",
    }
    assert all(clip.digest for clip in clips)
    assert left_out("both", joined(root)) == {"bored": ["mine_z"]}
    write_manifest(tmp_path / "m.csv", clips)
    assert read_manifest(tmp_path / "m.csv") == clips


def test_one_corpus_is_learned_from_and_the_other_tested(root: Path) -> None:
    params = joined(root)
    clips, _ = read_corpus("both", params, 1)
    (fold,) = make_folds(clips, protocol_of("both", params))
    sides = {clip.speaker: fold[clip.clip_id] for clip in clips}
    assert {who for who, part in sides.items() if part == "test"} == {"mine_DC", "mine_eva"}
    assert sorted(sides[f"savee_{who}"] for who in ("DC", "JE", "JK", "KL")) == ["train", "train", "train", "val"]
    assert params.protocol.described(1) == "trained on savee, tested on mine"


def test_validation_by_clips_and_a_part_that_is_on_no_side(root: Path) -> None:
    clips, _ = read_corpus("both", joined(root), 1)
    (fold,) = make_folds(
        clips, ProtocolParams(name="cross_corpus", train_on=("savee",), test_on=("mine",), validate_by="clips")
    )
    assert sum(part == "val" for part in fold.values()) == 3
    others = [Clip(f"o{i}", f"{i}.wav", "o", "anger", corpus="other", digest=f"o{i}") for i in range(2)]
    (fold,) = make_folds([*clips, *others], ProtocolParams(name="cross_corpus", train_on=("savee",), test_on=("mine",)))
    assert not {"o0", "o1"} & fold.keys()


def test_the_same_speakers_in_two_conditions() -> None:
    """Trained on clean clips, tested on worse ones of speakers whom training has not met."""
    rows = [(who, how, what) for who in "abcd" for how in ("clean", "worse") for what in ("anger", "sad")]
    clips = [
        Clip(f"{who}{what}.{how}", f"{who}{what}{how}.wav", who, what, corpus=how, digest=f"{who}{what}{how}")
        for who, how, what in rows
    ]
    params = ProtocolParams(name="loso", validation=0.3, train_on=("clean",), test_on=("worse",))
    folds = make_folds(clips, params)
    assert len(folds) == 4
    for fold in folds:
        assert {part: {clip.corpus for clip in clips if fold.get(clip.clip_id) == part}
                for part in ("train", "val", "test")} == {
            "train": {"clean"}, "val": {"clean"}, "test": {"worse"},
        }  # fmt: skip
        assert len(fold) == 8, "each speaker in one of the conditions"
    assert params.described(4) == "leave one speaker out, trained on clean, tested on worse"


def test_folds_that_test_nothing_are_left_out_and_those_that_learn_nothing_refused() -> None:
    """Speakers of one part each: leaving one of the training part out tests nobody."""
    rows = [
        (who, how, what)
        for how, people in (("one", "abc"), ("two", "de"))
        for who in people
        for what in ("anger", "sad")
    ]
    clips = [
        Clip(f"{who}{what}", f"{who}{what}.wav", who, what, corpus=how, digest=f"{who}{what}")
        for who, how, what in rows
    ]
    folds = make_folds(clips, ProtocolParams(name="loso", validation=0.5, train_on=("one",), test_on=("two",)))
    assert [{clip.speaker for clip in clips if fold.get(clip.clip_id) == "test"} for fold in folds] == [{"d"}, {"e"}]
    assert len(make_folds(clips, ProtocolParams(name="loso", train_on=("two",), test_on=("one",)))) == 3
    with pytest.raises(SettingsError, match=r"protocol\.train_on: a fold is left with 1 speakers of two to train and"):
        make_folds(clips[:-2], ProtocolParams(name="loso", train_on=("two",), test_on=("one",)))


def test_a_clip_of_the_training_corpus_in_the_tested_one_is_refused(root: Path) -> None:
    (root / "own/clips/x.wav").write_bytes((root / "SAVEE/DC/a01.wav").read_bytes())
    clips, _ = read_corpus("both", joined(root), 1)
    with pytest.raises(LeakageError, match="'mine_x' in test and 'savee_DC_a01' in train are one media file"):
        make_folds(clips, ProtocolParams(**CROSS))


@pytest.mark.parametrize(
    ("protocol", "message"),
    [
        (
            {"train_on": ["savee"], "test_on": ["mein"]},
            "params.yaml: protocol.test_on: no part 'mein' (did you mean 'mine'?)",
        ),
    ],
)
def test_parts_and_speakers_that_are_not_there(root: Path, protocol: dict, message: str) -> None:
    clips, _ = read_corpus("both", joined(root), 1)
    with pytest.raises(SettingsError) as caught:
        make_folds(clips, ProtocolParams(name="cross_corpus", **protocol))
    assert message in str(caught.value)


def test_a_corpus_without_parts_has_nothing_to_cross() -> None:
    with pytest.raises(
        SettingsError,
        match=r"no part 'a'; name both corpora in corpora\.<name>\.parts, or in a column corpus of the manifest$",
    ):
        make_folds(
            [Clip("c", "c.wav", "s", "anger")], ProtocolParams(name="cross_corpus", train_on=("a",), test_on=("b",))
        )


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"adapter": "savee"},
            "params.yaml: corpora.both.parts: with parts, adapter is a setting of each of them; move it there",
        ),
        (
            {"labels": {"a": "sad"}},
            "params.yaml: corpora.both.parts: with parts, labels is a setting of each of them; move it there",
        ),
        ({"parts": {"a_b": {"folder": "x"}}}, "params.yaml: corpora.both.parts.a_b"),
        ({"parts": {"savee": {"folder": "/data"}}}, "params.yaml: corpora.both.parts.savee.folder"),
        ({"parts": {"savee": {"root": "x"}}}, "no such setting"),
    ],
)
def test_wrong_settings_of_parts(root: Path, settings: dict, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        joined(root, **settings)
    assert message in str(caught.value)


def test_a_folder_that_is_not_there_names_the_part(root: Path) -> None:
    with pytest.raises(CorpusError, match=r"set corpora\.both\.parts\.savee\.folder in params\.yaml"):
        read_corpus("both", joined(root, parts={"savee": {"folder": "Savee2"}}), 1)


def test_a_missing_protocol_says_what_it_could_be(root: Path) -> None:
    with pytest.raises(
        SettingsError, match=r"set it, such as \{name: cross_corpus, train_on: \[savee\], test_on: \[mine\]\}$"
    ):
        protocol_of("both", joined(root, protocol=None))


def test_where_it_comes_from_names_every_part(root: Path) -> None:
    source = source_of("both", joined(root))
    assert source.adapter == "savee, manifest_csv"
    assert source.licence.startswith("savee: ")
    assert "; mine: as the folder's owner says" in source.licence
