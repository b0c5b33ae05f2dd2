"""`python -m pipeline explain` and `cache`: what is said of a clip is what the engine did with it."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import pytest

from helpers.engine import SoundCorpus
from pipeline.__main__ import main
from pipeline.core.ledger import Entry, write_ledger

SPLITS = "fold,clip_id,part\nfold-00,c00000,test\nfold-00,c00001,train\n"


@pytest.fixture
def corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SoundCorpus:
    """Four clips, extracted once."""
    found = SoundCorpus(tmp_path / "p", 4)
    (found.features / "splits.csv").write_text(SPLITS)
    monkeypatch.chdir(found.root)
    found.run_here()
    return found


def said(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """What a command printed."""
    assert main([*words]) == 0
    return capsys.readouterr().out


def line(text: str, begin: str) -> str:
    return next(one for one in text.splitlines() if one.strip().startswith(begin))


def walk(capsys: pytest.CaptureFixture[str], clip_id: str) -> str:
    return line(said(capsys, "explain", "c", clip_id), "extract:mfcc39")


def test_the_walk_names_file_folds_stages_and_predictions(
    corpus: SoundCorpus, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = corpus.root / "reports/c/toy"
    folder.mkdir(parents=True)
    rows = [
        "model,fold,clip_id,speaker,emotion,predicted,p_anger,p_sad",
        "m-svm,fold-00,c00000,s0,anger,anger,0.75,0.25",
        "n-svm,fold-00,c00000,s0,anger,sad,0.4,0.6",
    ]
    (folder / "predictions.csv").write_text("\n".join([*rows, "m-svm,fold-00,c00001,s1,anger,sad,0.1,0.9"]))
    text = said(capsys, "explain", "c", "c00000")
    assert line(text, "file").split() == ["file", "data/c/c00000.wav", "(0.01", "MB)"]
    assert line(text, "SHA-256").split()[1] == corpus.clips[0].digest
    assert line(text, "folds").split() == ["folds", "fold-00", "test"]
    assert line(text, "prepare").split()[:2] == ["prepare", "ok"]
    assert line(text, "extract:mfcc39").split()[:9] == [
        "extract:mfcc39",
        "ok",
        "computed",
        "28",
        "x",
        "39,",
        "observed",
        "100%",
        "first",
    ]
    assert line(text, "toy     m-svm").split() == ["toy", "m-svm", "anger", "0.75"]
    assert line(text, "toy     n-svm").split() == ["toy", "n-svm", "sad", "0.60", "wrong"]
    assert line(text, "right in") == "right in 1 of 2 decisions of models and fusions"
    assert "no predictions" in said(capsys, "explain", "c", "c00002")


def test_why_a_clip_was_computed_or_reused(corpus: SoundCorpus, capsys: pytest.CaptureFixture[str]) -> None:
    assert walk(capsys, "c00001").endswith("first run of this stage here")
    corpus.run_here()
    assert "reused" in walk(capsys, "c00001")
    assert walk(capsys, "c00001").endswith("same input, code, settings and weights")

    corpus.clips[1] = corpus.clip(77)
    corpus.clips[1] = dataclasses.replace(corpus.clips[1], clip_id="c00001")  # another file under its name
    corpus.clips.append(dataclasses.replace(corpus.clips[0], clip_id="d"))  # the same file under another name
    corpus.clips.append(dataclasses.replace(corpus.clip(78), clip_id="e"))
    corpus.save()
    assert "4 of 6 clips from the clip cache" in corpus.run_here()
    assert walk(capsys, "c00001").endswith("its input changed")
    assert walk(capsys, "d").endswith("or for another clip of equal content")
    assert walk(capsys, "e").endswith("new clip")

    corpus.run_here(window_ms=30.0, mels=26)
    assert walk(capsys, "c00002").endswith("params.window_ms 25.0 -> 30.0; params.mels 40 -> 26")

    for path in corpus.cache.entries():
        path.unlink()
    corpus.run_here(window_ms=30.0, mels=26)
    assert walk(capsys, "c00002").endswith("its entry in the clip cache was gone or damaged")


def test_one_stage_is_told_with_everything_its_key_is_made_of(
    corpus: SoundCorpus, capsys: pytest.CaptureFixture[str]
) -> None:
    text = said(capsys, "explain", "c", "c00000", "mfcc39")
    entry = next(
        path
        for path in corpus.cache.entries()
        if path.parent.name + path.name == line(text, "key").split()[1].rstrip(",")
    )
    assert line(text, "input =").split("= ")[1] == corpus.clips[0].input_digest
    assert "'window_ms': 25.0" in line(text, "params =")
    assert line(text, "entry").split()[1] == os.fspath(entry)
    assert said(capsys, "explain", "c", "c00000", "extract:mfcc39") == text
    entry.unlink()
    assert "no longer there: pruned or deleted" in said(capsys, "explain", "c", "c00000", "mfcc39")


def test_a_clip_that_failed_says_why(corpus: SoundCorpus, capsys: pytest.CaptureFixture[str]) -> None:
    (corpus.media / "c00003.wav").write_bytes(b"\0no sound at all")
    corpus.clips[3] = dataclasses.replace(corpus.clips[3], digest="0" * 64)
    corpus.save()
    corpus.run_here()
    assert "failed" in walk(capsys, "c00003")
    assert "decode_error: " in walk(capsys, "c00003")
    assert "failed, decode_error" in said(capsys, "explain", "c", "c00003", "mfcc39")
    upstream = [Entry(clip.clip_id, "prepare") for clip in corpus.clips[1:]]
    write_ledger(
        corpus.features / "prepare.ledger.csv",
        [*upstream, Entry("c00000", "prepare", "failed", "missing_file", "c00000.wav")],
    )
    corpus.run_here()
    assert walk(capsys, "c00000").endswith("not tried after prepare")


@pytest.mark.parametrize(
    ("words", "remedy"),
    [
        (("c", "c00009"), "no clip 'c00009' (did you mean 'c0000"),
        (("d", "c00000"), "no 'd' under corpora"),
        (("c", "c00000", "mfc39"), "no stage 'mfc39' in this clip's ledgers (did you mean 'mfcc39'?)"),
    ],
)
def test_a_wrong_name_is_one_line(
    corpus: SoundCorpus, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], remedy: str
) -> None:
    assert main(["explain", *words]) == 1
    printed = capsys.readouterr().err
    assert remedy in printed
    assert printed.count("\n") == 1


def test_the_cache_tells_what_it_holds_and_makes_room(corpus: SoundCorpus, capsys: pytest.CaptureFixture[str]) -> None:
    corpus.run_here(mels=26)
    assert line(said(capsys, "cache", "status"), "extract:mfcc39").split()[:3] == ["extract:mfcc39", "8", "0"]
    assert "8 entries" not in said(capsys, "cache", "prune")
    assert said(capsys, "cache", "prune", "--stage", "extract:lld147").startswith(
        f"{corpus.cache.root}: 0 entries deleted"
    )
    assert said(capsys, "cache", "prune", "--stage", "extract:mfcc39").startswith(
        f"{corpus.cache.root}: 8 entries deleted"
    )
    corpus.run_here()
    assert said(capsys, "cache", "prune", "--gb", "0").startswith(f"{corpus.cache.root}: 4 entries deleted")
    left = corpus.cache.root / "ab/.0123.tmp"
    left.parent.mkdir(exist_ok=True)
    left.write_bytes(b"half")
    os.utime(left, (0, 0))
    assert "1 half-written files of killed runs" in said(capsys, "cache", "status")
    said(capsys, "cache", "prune")
    assert not left.exists()


@pytest.mark.parametrize(
    ("splits", "words"),
    [
        ("fold,clip_id,part\n", "none: the corpus has protocol.name: none"),
        (None, "not known yet: no features/c/splits.csv; run `dvc repro prepare`"),
        ("fold,clip_id,part\nfold-00,c00001,test\n", "none: the protocol takes this clip into no fold"),
    ],
)
def test_a_clip_of_no_fold_is_explained(
    corpus: SoundCorpus, capsys: pytest.CaptureFixture[str], splits: str | None, words: str
) -> None:
    path = corpus.features / "splits.csv"
    path.unlink() if splits is None else path.write_text(splits)
    text = said(capsys, "explain", "c", "c00000")
    assert line(text, "folds").split(maxsplit=1)[1] == words
    assert line(text, "extract:mfcc39").split()[1] == "ok"
    assert "no predictions" in text
    assert "28 x 39" in said(capsys, "explain", "c", "c00000", "mfcc39")


def test_a_failed_clip_is_explained_and_inspected_with_its_reason(
    corpus: SoundCorpus, capsys: pytest.CaptureFixture[str]
) -> None:
    (corpus.media / "c00002.wav").write_bytes(b"\0no sound")
    corpus.clips[2] = dataclasses.replace(corpus.clips[2], digest="2" * 64)
    corpus.save()
    corpus.run_here()
    file = "features/c/mfcc39.h5"
    assert "decode_error" in line(said(capsys, "explain", "c", "c00002"), "extract:mfcc39")
    assert "failed, decode_error" in said(capsys, "explain", "c", "c00002", "mfcc39")
    assert line(said(capsys, "inspect", file), "lost").split(maxsplit=1)[1] == "1 clip: c00002 (decode_error)"
    assert main(["inspect", file, "--clip", "c00002"]) == 1
    error = capsys.readouterr().err
    assert f"{file}: no clip 'c00002' in it, since extract:mfcc39 says failed: decode_error" in error
    assert error.count("\n") == 1


def test_a_prediction_without_any_part_is_no_mistake_and_no_traceback(
    corpus: SoundCorpus, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = corpus.root / "reports/c/toy"
    folder.mkdir(parents=True)
    header = "model,fold,clip_id,speaker,emotion,predicted,p_anger,p_sad\n"
    (folder / "predictions.csv").write_text(
        f"{header}m,fold-00,c00000,s0,anger,,,\nn,fold-00,c00000,s0,anger,anger,1,0\n"
    )
    assert line(said(capsys, "explain", "c", "c00000"), "right in") == "right in 1 of 1 decision of models and fusions"


def test_splits_of_a_corpus_without_folds(corpus: SoundCorpus, capsys: pytest.CaptureFixture[str]) -> None:
    (corpus.features / "splits.csv").write_text("fold,clip_id,part\n")
    assert "none: the corpus has none" in said(capsys, "inspect", "features/c/splits.csv")
    assert main(["inspect", "features/c/splits.csv", "--clip", "c00000"]) == 1
    assert "clip 'c00000' is in no fold" in capsys.readouterr().err
