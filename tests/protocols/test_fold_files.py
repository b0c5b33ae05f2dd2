"""EmoBox's lists of files: read as they lie in its repository, with a name that says that sides share speakers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from pipeline.core.clip import Clip
from pipeline.core.errors import CorpusError, LeakageError, SettingsError
from pipeline.core.settings import parse
from pipeline.protocols.assign import make_folds
from pipeline.protocols.fold_files import CORPORA
from pipeline.protocols.settings import ProtocolParams

NAME = "emobox_emodb_speaker_dependent"
PARAMS = ProtocolParams(name=NAME, folds="emobox", validation=0.25)
FILES = [f"{speaker}a0{text}{code}a" for speaker in ("03", "08") for text in (1, 2, 4, 5) for code in "WT"]
"""As in EMO-DB: speaker, text, emotion, version."""


def corpus(files: Sequence[str] = FILES) -> list[Clip]:
    return [
        Clip(f"id-{name}", f"wav/{name}.WAV", name[:2], "anger" if name[5] == "W" else "sad", digest=name)
        for name in files
    ]


def write(root: Path, folds: Sequence[Mapping[str, Sequence[str]]], corpus: str = "emodb") -> Path:
    """Write lists as EmoBox does; paths are those of its downloads."""
    for number, fold in enumerate(folds, 1):
        folder = root / "emobox" / f"fold_{number}"
        folder.mkdir(parents=True)
        for word, files in fold.items():
            rows = [
                json.dumps({"key": f"{corpus}-{name}", "dataset": corpus, "wav": f"downloads/{corpus}/wav/{name}.wav"})
                for name in files
            ]
            (folder / f"{corpus}_{word}_fold_{number}.jsonl").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return root


def two_folds() -> list[dict[str, list[str]]]:
    return [{"train": FILES[::2] + FILES[1:8:2], "test": FILES[9::2]}, {"train": FILES[8:], "test": FILES[:8]}]


def test_the_lists_are_followed_and_validation_comes_from_training(tmp_path: Path) -> None:
    clips = corpus()
    folds = make_folds(clips, PARAMS, write(tmp_path, two_folds()))
    assert len(folds) == 2
    for fold, lists in zip(folds, two_folds(), strict=True):
        assert {clip_id for clip_id, part in fold.items() if part == "test"} == {f"id-{name}" for name in lists["test"]}
        assert fold.keys() == {f"id-{name}" for name in FILES}
        assert 2 <= list(fold.values()).count("val") <= 4
    assert make_folds(clips[::-1], PARAMS, tmp_path) == folds
    assert PARAMS.shared == {"train", "val", "test"}
    assert PARAMS.described(2) == f"SPEAKER-DEPENDENT: {NAME}, 2 published folds, whose sides share speakers"


def test_a_list_to_validate_on_is_followed(tmp_path: Path) -> None:
    lists = {"train": FILES[:10], "valid": FILES[10:12], "test": FILES[12:]}
    (fold,) = make_folds(corpus(), PARAMS, write(tmp_path, [lists]))
    assert [fold[f"id-{name}"] for name in FILES] == ["train"] * 10 + ["val"] * 2 + ["test"] * 4


def test_folds_are_read_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    lists = [{"train": FILES[:n] + FILES[n + 1 :], "test": [FILES[n]]} for n in range(11)]
    folds = make_folds(corpus(), PARAMS, write(tmp_path, lists))
    assert [next(c for c, part in fold.items() if part == "test") for fold in folds] == [f"id-{n}" for n in FILES[:11]]


def test_files_that_are_not_here_are_no_fault_and_clips_without_a_list_are_in_no_fold(tmp_path: Path) -> None:
    root = write(tmp_path, two_folds())
    for fold in make_folds(corpus([*FILES[2:], "16b10Wb"]), PARAMS, root):
        assert fold.keys() == {f"id-{name}" for name in FILES[2:]}


@pytest.mark.parametrize("name", CORPORA)
def test_each_corpus_has_its_lists(tmp_path: Path, name: str) -> None:
    root = write(tmp_path, two_folds(), CORPORA[name])
    assert len(make_folds(corpus(), ProtocolParams(name=name, folds="emobox"), root)) == 2


def test_a_file_in_two_lists_of_one_fold_is_a_leak(tmp_path: Path) -> None:
    root = write(tmp_path, [{"train": FILES[:9], "test": FILES[8:]}])
    with pytest.raises(
        LeakageError, match=rf"emodb_test_fold_1.jsonl:1: '{FILES[8].lower()}' is in train, too; keep it"
    ):
        make_folds(corpus(), PARAMS, root)


def test_equal_bytes_under_two_names_are_a_leak_though_speakers_may_be_shared(tmp_path: Path) -> None:
    clips = [
        Clip(**{**vars(c), "digest": "0" if c.clip_id in ("id-03a01Wa", "id-08a05Ta") else c.digest}) for c in corpus()
    ]
    with pytest.raises(LeakageError, match="are one media file; keep them on one side"):
        make_folds(clips, PARAMS, write(tmp_path, two_folds()))


@pytest.mark.parametrize(
    ("spoil", "error", "message"),
    [
        (
            lambda at: at.rename(at.with_name("no")),
            SettingsError,
            r"emobox: no fold_1 below it; copy data/emodb of emo-",
        ),
        (
            lambda at: (at / "fold_1/emodb_train_fold_1.jsonl").unlink(),
            SettingsError,
            r"emodb_train_fold_1.jsonl: no such list; copy it from emo-box/EmoBox, or mend protocol.folds$",
        ),
        (
            lambda at: (at / "fold_2/emodb_test_fold_2.jsonl").write_text('{"wav": "a.wav"}\n{"audio": "b.wav"}\n'),
            CorpusError,
            r"emodb_test_fold_2.jsonl:2: not a line of EmoBox's, an object with 'wav'; mend it$",
        ),
        (
            lambda at: (at / "fold_2/emodb_test_fold_2.jsonl").write_text("fold,clip\n"),
            CorpusError,
            r"emodb_test_fold_2.jsonl:1: not a line of EmoBox's",
        ),
        (
            lambda at: (at / "fold_2/emodb_test_fold_2.jsonl").write_text('{"wav": "elsewhere.wav"}\n'),
            SettingsError,
            r"fold_2: the corpus has none of the files of its test list; mend protocol.folds, or the corpus's root$",
        ),
    ],
)
def test_other_lists_are_refused_in_one_line(tmp_path: Path, spoil, error: type, message: str) -> None:
    root = write(tmp_path, two_folds())
    spoil(root / "emobox")
    with pytest.raises(error, match=message) as caught:
        make_folds(corpus(), PARAMS, root)
    assert "\n" not in str(caught.value)


def test_two_clips_of_one_file_name_are_refused(tmp_path: Path) -> None:
    twin = Clip("twin", f"copy/{FILES[0]}.wav", "03", "anger", digest="other")
    with pytest.raises(CorpusError, match="have files of one name, '03a01wa'"):
        make_folds([*corpus(), twin], PARAMS, write(tmp_path, two_folds()))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"name": NAME}, f"protocol.folds: {NAME} needs this setting: the folder with data/emodb of emo-box/EmoBox"),
        ({"name": "loso", "folds": "x"}, "protocol.folds: loso reads no lists of files; remove the setting"),
        ({"name": NAME, "folds": "../x"}, "protocol.folds: should be below the corpus's root, so that a change of it"),
        ({"name": NAME, "folds": "/x"}, "protocol.folds: String should match pattern"),
        (
            {"name": NAME, "folds": "x", "validate_by": "clips"},
            f"protocol.validate_by: {NAME} chooses its validation clips itself; remove the setting",
        ),
    ],
)
def test_settings_of_lists(data: dict, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse(ProtocolParams, data, "params.yaml: protocol")
    assert message in str(caught.value)


def test_a_list_that_an_editor_saved_is_read_and_another_encoding_named(tmp_path: Path) -> None:
    path = write(tmp_path, two_folds()) / "emobox/fold_1/emodb_train_fold_1.jsonl"
    rows = path.read_bytes()
    path.write_bytes(b"\xef\xbb\xbf" + rows)
    assert len(make_folds(corpus(), PARAMS, tmp_path)) == 2
    path.write_bytes(rows + b"\xe9\n")
    with pytest.raises(CorpusError, match=r"emodb_train_fold_1\.jsonl:\d+: not UTF-8 \(.*\); save it as UTF-8$"):
        make_folds(corpus(), PARAMS, tmp_path)
