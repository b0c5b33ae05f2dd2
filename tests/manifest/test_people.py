"""A speaker who is written in two ways is refused by every adapter, or joined by a setting, and never split."""

from __future__ import annotations

from pathlib import Path

import audformat
import pytest

from helpers.corpora import tree
from pipeline.core.errors import CorpusError
from pipeline.manifest.build import labelled_clips, read_corpus
from pipeline.manifest.settings import CorpusParams

PAIRS = [("3", "3.0"), ("anna", "Anna"), ("anna", "anna\u200b"), ("José", "Jose\u0301"), ("007", "7"), ("a k", "a  k")]
PAIRS += [
    ("s01", "s1"),
    ("Dr. K", "Dr K"),
    ("anna_k", "anna-k"),
    ("\u0663", "3"),
    ("anna", "\u0430nna"),
    ("“eva”", "eva"),
]


def manifest(root: Path, *speakers: str, column: str = "speaker") -> Path:
    """A manifest of a clip for each name in a column."""
    head = "clip_id,path,emotion,speaker,source,corpus\n"
    names = ("speaker", "source", "corpus")
    rows = [",".join(name if column == one else f"s{i}"[: 1 if one == "corpus" else 9] for one in names)
            for i, name in enumerate(speakers)]  # fmt: skip
    (root / "manifest.csv").write_text(head + "".join(f"c{i},c{i}.wav,sad,{row}\n" for i, row in enumerate(rows)))
    return tree(root, *(f"c{i}.wav" for i in range(len(speakers))))


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_two_spellings_are_refused_with_both_lines(tmp_path: Path, one: str, other: str) -> None:
    manifest(tmp_path, one, "ben", other, "Ben")
    with pytest.raises(CorpusError) as caught:
        list(labelled_clips("mine", CorpusParams(adapter="manifest_csv", root=str(tmp_path))))
    told = str(caught.value)
    assert f"{tmp_path}/manifest.csv:" in told
    assert "is also written" in told
    assert "speaker 'ben' is also written 'Ben' (line 5)" in told
    assert told.endswith("write it in one way, or set params.yaml: corpora.mine.join_speakers: true; if they are two, "
                         "rename one")  # fmt: skip
    assert told.isprintable()


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_a_setting_joins_them(tmp_path: Path, one: str, other: str) -> None:
    manifest(tmp_path, one, "ben", other)
    params = CorpusParams(adapter="manifest_csv", root=str(tmp_path), join_speakers=True)
    clips, _ = read_corpus("mine", params, 1)
    assert clips[0].speaker == clips[2].speaker == min(one, other, key=lambda name: (len(name), name))
    assert clips[1].speaker == "ben"


@pytest.mark.parametrize("column", ["source", "corpus"])
def test_recordings_and_parts_in_two_spellings_are_refused(tmp_path: Path, column: str) -> None:
    manifest(tmp_path, "film", "Film", column=column)
    with pytest.raises(CorpusError, match=rf"manifest.csv:2: {column} 'film' is also written 'Film' \(line 3\); "):
        read_corpus("mine", CorpusParams(adapter="manifest_csv", root=str(tmp_path)), 1)


def test_a_name_with_what_cannot_be_seen_is_refused(tmp_path: Path) -> None:
    manifest(tmp_path, "an\u2028na", "ben")
    with pytest.raises(CorpusError, match=r"manifest\.csv:2: speaker 'an\\u2028na' has a line break or a character"):
        read_corpus("mine", CorpusParams(adapter="manifest_csv", root=str(tmp_path)), 1)


def test_another_adapter_is_held_to_it_and_joins_by_the_setting(tmp_path: Path) -> None:
    files = ["a.wav", "b.wav"]
    base = audformat.Database("mini")
    for name, values in {"emotion": ["anger", "anger"], "speaker": ["Eva", "eva"]}.items():
        base.schemes[name] = audformat.Scheme("str")
        base[name] = audformat.Table(audformat.filewise_index(files))
        base[name][name] = audformat.Column(scheme_id=name)
        base[name][name].set(values)
    base.save(str(tree(tmp_path, *files)))
    params = CorpusParams(adapter="audformat", root=str(tmp_path))
    with pytest.raises(CorpusError, match=r"b\.wav: clip 'b': speaker 'eva' is also written 'Eva' \(.*clip 'a'\)"):
        list(labelled_clips("mine", params))
    joined = list(labelled_clips("mine", params.model_copy(update={"join_speakers": True})))
    assert {clip.speaker for _, clip in joined} == {"Eva"}


def test_a_part_is_held_to_it_with_its_own_setting(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    manifest(tmp_path / "own", "eva", "Eva")
    parts = {"own": {"adapter": "manifest_csv", "folder": "own"}}
    with pytest.raises(CorpusError, match=r"set params\.yaml: corpora\.both\.parts\.own\.join_speakers: true"):
        list(labelled_clips("both", CorpusParams(root=str(tmp_path), parts=parts)))
    parts["own"]["join_speakers"] = True
    found = list(labelled_clips("both", CorpusParams(root=str(tmp_path), parts=parts)))
    assert {clip.speaker for _, clip in found} == {"own_Eva"}


def test_meld_is_read_though_its_names_differ_in_letter_case(tmp_path: Path) -> None:
    head = "Speaker,Emotion,Dialogue_ID,Utterance_ID\n"
    for side in ("train", "dev", "test"):
        (tmp_path / f"{side}_sent_emo.csv").write_text(head + "Waiter,joy,0,0\nwaiter,joy,0,1\n")
    tree(tmp_path, "train_splits/dia0_utt0.mp4")
    found = list(labelled_clips("meld", CorpusParams(root=str(tmp_path))))
    assert {clip.speaker for _, clip in found} == {"Waiter"}


def test_one_slip_of_the_pen_renames_nobody_else(tmp_path: Path) -> None:
    manifest(tmp_path, "Joey", "JO", "Joey", "3.0", "jo", "jo", "3.0", "3")
    params = CorpusParams(adapter="manifest_csv", root=str(tmp_path), join_speakers=True)
    clips, _ = read_corpus("mine", params, 1)
    assert [clip.speaker for clip in clips] == ["Joey", "jo", "Joey", "3.0", "jo", "jo", "3.0", "3.0"]


def test_letters_that_look_alike_are_shown_by_their_codes(tmp_path: Path) -> None:
    manifest(tmp_path, "anna", "\u0430nna")
    with pytest.raises(CorpusError, match=r"3: speaker '\\u0430nna' is also written 'anna' \(line 2\)"):
        list(labelled_clips("mine", CorpusParams(adapter="manifest_csv", root=str(tmp_path))))


def test_a_recording_that_went_through_a_data_frame_is_the_same(tmp_path: Path) -> None:
    manifest(tmp_path, "3", "3.0", column="source")
    with pytest.raises(CorpusError, match=r"manifest.csv:3: source '3\.0' is also written '3' \(line 2\); "):
        read_corpus("mine", CorpusParams(adapter="manifest_csv", root=str(tmp_path)), 1)


def test_one_person_of_two_genders_is_refused_in_any_spelling(tmp_path: Path) -> None:
    rows = "c1,a.wav,anna,sad,female\nc2,b.wav,Anna,anger,male\n"
    (tmp_path / "manifest.csv").write_text("clip_id,path,speaker,emotion,gender\n" + rows)
    params = CorpusParams(adapter="manifest_csv", root=str(tree(tmp_path, "a.wav", "b.wav")), join_speakers=True)
    with pytest.raises(CorpusError, match=r"manifest\.csv:3: speaker 'Anna' is male, but female in line 2; mend one"):
        list(labelled_clips("mine", params))
