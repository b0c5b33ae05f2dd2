"""`python -m pipeline align`: which sounds get labels, in which form, and what is said of the others."""

from __future__ import annotations

from importlib import metadata

import numpy as np
import pytest
import soundfile

from pipeline.core.errors import ClipError, CorpusError, PipelineError
from pipeline.pretraining import alignment
from pipeline.pretraining.alignment import align_folder, check_installed, words_of
from pipeline.pretraining.sources._shared.alignments import Ctm


def by_turns(samples: np.ndarray, words: list[str]):
    """Give each word an equal part of the sound, as an aligner that knows four words."""
    for word in words:
        if word not in ("one", "two", "three", "o'clock"):
            raise ClipError("bad_alignment", f"'{word}' is not in the dictionary")
    part = len(samples) / 16000 / len(words)
    return [(n * part, (n + 1) * part, word.upper()) for n, word in enumerate(words)]


@pytest.fixture
def corpus(tmp_path):
    """Write sounds of 0.6 s, with their transcripts."""
    folder = tmp_path / "corpus"

    def make(texts, hz: int = 8000):
        rng = np.random.default_rng(0)
        for name, text in texts.items():
            path = folder / f"{name}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(path, 0.1 * rng.standard_normal(round(0.6 * hz)), hz)
            if text is not None:
                path.with_suffix(".txt").write_text(text, encoding="utf-8")
        return folder

    return make


def test_the_labels_are_what_the_source_task_reads(corpus):
    folder = corpus({"a/s1": "One, two three!\n", "b/s2": "Two o’clock"})
    said = align_folder(folder, None, None, 1, by_turns)
    assert said == f"{folder / 'phones.ctm'}: 2 of 2 sounds, 4 phones"
    ctm = Ctm(folder / "phones.ctm")
    assert ctm.names() == ["s1", "s2"]
    found = [(round(start, 2), round(end, 2), phone) for start, end, phone in ctm.spans("s1")]
    assert found == [(0, 0.2, "ONE"), (0.2, 0.4, "TWO"), (0.4, 0.6, "THREE")]
    assert [phone for *_, phone in ctm.spans("s2")] == ["TWO", "O'CLOCK"]


def test_what_cannot_be_aligned_is_left_out_and_listed(corpus):
    folder = corpus(
        {"good": "one", "none": None, "strange": "one xylophone", "empty": " -- ", "a b": "one", "cut": "two"}
    )
    (folder / "cut.wav").write_bytes(b"RIFF")
    (folder / "bytes.wav").write_bytes((folder / "good.wav").read_bytes())
    (folder / "bytes.txt").write_bytes(b"\xff\xfe\xff")
    first, *lines = align_folder(folder, None, None, 1, by_turns).splitlines()
    assert first.endswith("phones.ctm: 1 of 7 sounds, 1 phones")
    told = dict(line.removeprefix("left out ").split(": ", 1) for line in lines)
    assert told.pop("cut").startswith("decode_error")
    assert told == {
        "none": "no_input: no transcript, none.txt is not beside it",
        "strange": "bad_alignment: 'xylophone' is not in the dictionary",
        "empty": "no_input: its transcript has no words",
        "a b": "bad_alignment: a CTM cannot hold a name with a space, or with ;; in front",
        "bytes": "unreadable: bytes.txt: UnicodeDecodeError",
    }
    ctm = Ctm(folder / "phones.ctm")
    assert ctm.names() == ["good"], "what is left out stands there as a comment"
    assert (folder / "phones.ctm").read_text().count(";; left out") == 6


def test_a_table_has_the_transcripts(corpus, tmp_path):
    folder = corpus({"s1": None, "s2": None, "s3": None})
    (tmp_path / "texts.csv").write_text("utterance,text\ns1,one\ns2,\n")
    said = align_folder(folder, tmp_path / "texts.csv", tmp_path / "out.ctm", 1, by_turns)
    assert "1 of 3 sounds" in said
    assert "left out s2: no_input: its transcript has no words" in said
    assert "left out s3: no_input: no transcript, the table of transcripts does not name it" in said
    assert not (folder / "phones.ctm").exists()
    with pytest.raises(
        CorpusError, match=r"none\.csv: no such table of transcripts; write one \(columns utterance, text"
    ):
        align_folder(folder, tmp_path / "none.csv", None, 1, by_turns)


def test_librispeech_has_its_transcripts_in_one_file_per_chapter(corpus):
    folder = corpus({"19/198/19-198-0001": None, "19/198/19-198-0002": None, "26/495/26-495-0000": None})
    (folder / "19/198/19-198.trans.txt").write_text("19-198-0001 ONE TWO\n19-198-0002 THREE\n")
    said = align_folder(folder, None, None, 1, by_turns)
    assert said.splitlines()[1:] == ["left out 26-495-0000: no_input: no transcript, 26-495-0000.txt is not beside it"]
    assert [phone for *_, phone in Ctm(folder / "phones.ctm").spans("19-198-0001")] == ["ONE", "TWO"]


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        ({}, "no such folder"),
        ({"a": "zebra"}, r"none of 1 sounds could be aligned \(left out a: bad_alignment: 'zebra' is not in the dict"),
        ({"a/x": "one", "b/x": "two"}, "1 names are there twice, such as 'x'"),
    ],
)
def test_a_folder_without_labels_is_one_line(corpus, tmp_path, texts, said):
    corpus(texts)
    with pytest.raises(CorpusError, match=said) as caught:
        align_folder(tmp_path / "corpus", None, None, 1, by_turns)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "corpus" / "phones.ctm").exists()


def test_words_are_those_of_a_dictionary():
    assert words_of("DON'T forget 'a' jacket—twenty-two_") == ["don't", "forget", "a", "jacket", "twenty", "two"]


def test_without_the_package_it_says_how_to_get_it(monkeypatch):
    def missing(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(alignment.metadata, "version", missing)
    with pytest.raises(PipelineError, match=r"pocketsphinx is not here; run `pip install 'pocketsphinx>=5\.1,<6'`"):
        check_installed()


def test_an_utterance_that_a_table_names_twice_is_refused(corpus, tmp_path):
    texts = tmp_path / "texts.csv"
    texts.write_text("utterance,text\ns1,one\ns1,two\n")
    with pytest.raises(CorpusError, match=r"texts\.csv:3: 's1' is there twice; remove one of the rows"):
        align_folder(corpus({"s1": None}), texts, None, 1, by_turns)
