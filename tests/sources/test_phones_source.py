"""phones: the CTM reader, labels of frames, and who is held out."""

from __future__ import annotations

import numpy as np
import pytest
from test_source_contract import CASES, write_voices

from pipeline.core.errors import CorpusError
from pipeline.sources import phones


def ctm(tmp_path, text: str):
    path = tmp_path / "phones.ctm"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("u1 1 0.0 0.5 aa\n", {"u1": [(0.0, 0.5, "aa")]}),
        (";; a comment\n\nu1 1 0.0 0.5 aa\n   \n", {"u1": [(0.0, 0.5, "aa")]}),
        ("u1 1 0.5 0.25 b\nu1 1 0.0 0.5 aa\n", {"u1": [(0.0, 0.5, "aa"), (0.5, 0.75, "b")]}),
        ("u1 A 0 1 aa 0.98 lex\nu2\t1\t0\t1\tb\n", {"u1": [(0.0, 1.0, "aa")], "u2": [(0.0, 1.0, "b")]}),
        ("u1 1 0.0 0.2 aa\nu1 1 0.6 0.2 b\n", {"u1": [(0.0, 0.2, "aa"), (0.6, 0.8, "b")]}),
        ("", {}),
    ],
)
def test_ctm(tmp_path, text, expected):
    found = phones.read_ctm(ctm(tmp_path, text))
    assert found.keys() == expected.keys()
    for utterance, spans in expected.items():
        for span, (start, end, phone) in zip(found[utterance], spans, strict=True):
            assert span == (pytest.approx(start), pytest.approx(end), phone)


@pytest.mark.parametrize("line", ["u1 1 0.0 0.5", "u1", "u1 1 zero 0.5 aa", "u1 1 0.0 - aa"])
def test_a_bad_line_is_named(tmp_path, line):
    with pytest.raises(CorpusError, match=r"phones\.ctm:3: expected 'utterance channel start duration phone'") as caught:
        phones.read_ctm(ctm(tmp_path, f";; one\nu1 1 0 1 aa\n{line}\n"))
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)


def test_no_ctm(tmp_path):
    with pytest.raises(CorpusError, match="no such alignment"):
        phones.read_ctm(tmp_path / "phones.ctm")


@pytest.mark.parametrize(
    ("time", "label"),
    [(-0.01, -1), (0.0, 0), (0.1999, 0), (0.2, 1), (0.2999, 1), (0.3, -1), (0.45, -1), (0.5, 0), (0.7, -1)],
)
def test_spans_are_half_open_and_gaps_have_no_label(time, label):
    spans = [(0.0, 0.2, "aa"), (0.2, 0.3, "b"), (0.5, 0.7, "aa")]
    np.testing.assert_array_equal(phones.frame_labels(spans, np.array([time]), ["aa", "b"]), [label])


def test_an_utterance_without_spans_has_no_labels():
    np.testing.assert_array_equal(phones.frame_labels([], np.arange(3) / 100, []), [-1, -1, -1])


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return write_voices(tmp_path_factory.mktemp("voices") / "corpus")


@pytest.mark.parametrize("held_out", [4, 9])
def test_someone_has_to_be_left(corpus, held_out):
    params = phones.Params(**{**CASES["phones"][1], "held_out_speakers": held_out})
    with pytest.raises(CorpusError, match=f"4 speakers, of whom {held_out} are to be held out; lower it"):
        phones.train(corpus, params)


def test_examples_are_the_frames_inside_spans(corpus):
    params = phones.Params(**CASES["phones"][1])
    alignment = phones.read_ctm(corpus / "phones.ctm")
    rows = [row for row in phones._utterances(corpus) if row["speaker"] == "v0"]
    found = phones._examples(corpus, rows, alignment, ["aa", "ii", "uu"], params)
    assert found.inputs.shape == (len(found.labels), 39 * 5)
    # 0.6 s hold 58 frames of 25 ms; each phone has 20 of them but the one at the end
    assert len(found.labels) == 2 * 58
    assert set(found.labels.tolist()) == {0, 1, 2}


@pytest.mark.parametrize("content", [None, "", "utterance,path\nu,p\n", "a,b,c\n1,2,3\n"])
def test_speakers_file_absent_or_without_columns(tmp_path, content):
    if content is not None:
        (tmp_path / "speakers.csv").write_text(content)
    with pytest.raises(CorpusError, match=r"speakers\.csv"):
        phones.speakers(tmp_path)
