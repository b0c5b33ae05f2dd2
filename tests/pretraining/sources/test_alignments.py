"""Phone alignments: CTM, TextGrid in its spellings, TIMIT, and what is wrong with them."""

from __future__ import annotations

import pytest

from pipeline.core.errors import ClipError, CorpusError
from pipeline.pretraining.sources._shared.alignments import OVERLAP_S, Ctm, checked, reader
from pipeline.pretraining.sources._shared.utterances import Utterance

U1 = Utterance("u1", "a/u1.wav", "a")


def ctm(tmp_path, text: str):
    path = tmp_path / "phones.ctm"
    path.write_text(text, encoding="utf-8")
    return path


def approx(spans):
    return [(pytest.approx(start), pytest.approx(end), phone) for start, end, phone in spans]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("u1 1 0.0 0.5 aa\n", {"u1": [(0.0, 0.5, "aa")]}),
        (";; a comment\n\nu1 1 0.0 0.5 aa\n   \n", {"u1": [(0.0, 0.5, "aa")]}),
        ("u1 1 0.5 0.25 b\nu1 1 0.0 0.5 aa\n", {"u1": [(0.0, 0.5, "aa"), (0.5, 0.75, "b")]}),
        ("u1 A 0 1 aa 0.98 lex\nu2\t1\t0\t1\tb\n", {"u1": [(0.0, 1.0, "aa")], "u2": [(0.0, 1.0, "b")]}),
        ("u1 1 0.0 0.2 aa\nu1 1 0.6 0.2 b\n", {"u1": [(0.0, 0.2, "aa"), (0.6, 0.8, "b")]}),
        ("u1 1 0.0 0.2 aa\r\nu1 1 0.2 0.0 b\r\n", {"u1": [(0.0, 0.2, "aa")]}),
        ("\ufeffu1 1 0.0 0.2 ʃ\n", {"u1": [(0.0, 0.2, "ʃ")]}),
        ("\ufeff\ufeffu1 1 0.0 0.2 a\nu1 1 0.2 0.2 b\n", {"u1": [(0.0, 0.2, "a"), (0.2, 0.4, "b")]}),
        ("", {}),
    ],
)
def test_ctm(tmp_path, text, expected):
    found = Ctm(ctm(tmp_path, text))
    assert found.names() == list(expected)
    for utterance, spans in expected.items():
        assert found.spans(utterance) == approx(spans)


@pytest.mark.parametrize("line", ["u1 1 0.0 0.5", "u1", "u1 1 zero 0.5 aa", "u1 1 0.0 - aa"])
def test_a_bad_line_of_a_ctm_costs_its_utterance(tmp_path, line):
    found = Ctm(ctm(tmp_path, f";; one\nu2 1 0 1 aa\n{line}\n"))
    with pytest.raises(
        ClipError, match=r"bad_alignment: phones\.ctm:3: expected 'utterance channel start duration phone'"
    ) as caught:
        found.spans("u1")
    assert line in str(caught.value)
    assert found.spans("u2") == approx([(0, 1, "aa")])


def test_a_ctm_that_is_not_there_or_no_text(tmp_path):
    with pytest.raises(CorpusError, match=r"phones\.ctm: no such alignment; .*`alignment`"):
        Ctm(tmp_path / "phones.ctm")
    (tmp_path / "phones.ctm").write_bytes(b"u1 1 0 1 \xe4\n")
    with pytest.raises(CorpusError, match=r"phones\.ctm: not UTF-8 .* at byte 9\); save it as UTF-8"):
        Ctm(tmp_path / "phones.ctm")
    (tmp_path / "phones.ctm").write_bytes(b"u1 1 0 1 a\ru2 1 0 1 b\r")
    with pytest.raises(CorpusError, match=r"phones\.ctm: its lines end with CR alone; save it with LF"):
        Ctm(tmp_path / "phones.ctm")


def test_a_ctm_of_another_corpus(tmp_path):
    ctm(tmp_path, "x1 1 0 1 aa\n")
    with pytest.raises(CorpusError, match=r"phones\.ctm: names none of the 1 utterances \(it begins with 'x1'\)"):
        reader("ctm", tmp_path, None, "", [U1])


def test_the_lines_of_an_utterance_may_lie_apart(tmp_path):
    found = Ctm(
        ctm(tmp_path, "u1 1 0.0 0.2 aa\nu2 1 0 1 ʃ\n;; a comment\n\nu1 1 0.4 0.1 ʃ\nu1 1 0.2 0.1 b\nu2 1 1 1 c\n")
    )
    assert found.spans("u1") == approx([(0.0, 0.2, "aa"), (0.2, 0.3, "b"), (0.4, 0.5, "ʃ")])
    assert found.spans("u2") == approx([(0, 1, "ʃ"), (1, 2, "c")])
    found = Ctm(ctm(tmp_path, "u2 1 0 1 aa\nu1 1 0 1 b\n\nu2 1 x 1 c\n"))
    with pytest.raises(ClipError, match=r"phones\.ctm:4: expected .*, got 'u2 1 x 1 c'"):
        found.spans("u2")


def test_a_ctm_of_another_name(tmp_path):
    (tmp_path / "ali").mkdir()
    (tmp_path / "ali/train.ctm").write_text("u1 1 0 1 aa\n")
    assert reader("ctm", tmp_path, "ali/train.ctm", "", [U1])(U1) == approx([(0, 1, "aa")])
    with pytest.raises(CorpusError, match=r"ali/dev\.ctm: no such alignment"):
        reader("ctm", tmp_path, "ali/dev.ctm", "", [U1])


def test_an_utterance_that_the_ctm_does_not_name(tmp_path):
    ctm(tmp_path, "u2 1 0 1 aa\n")
    read = reader("ctm", tmp_path, None, "", [U1, Utterance("u2", "u2.wav", "b")])
    with pytest.raises(ClipError, match=r"no_input: phones\.ctm does not name it"):
        read(U1)


@pytest.mark.parametrize(
    "span",
    [
        (-0.1, 0.2, "aa"),
        (0.3, 0.2, "aa"),
        (float("nan"), 0.2, "aa"),
        (0.0, float("inf"), "aa"),
        (0.0, float("nan"), "aa"),
    ],
)
def test_times_that_make_no_sense(span):
    with pytest.raises(ClipError, match="bad_alignment: 'aa' from"):
        checked([(0.0, 0.1, "b"), span])


def test_neighbours_may_overlap_by_rounding_only():
    assert checked([(0.1, 0.2, "b"), (0.0, 0.1 + 0.9 * OVERLAP_S, "aa")])[0][2] == "aa"
    with pytest.raises(ClipError, match=r"bad_alignment: 'aa' ends at .* after 'b' begins"):
        checked([(0.1, 0.2, "b"), (0.0, 0.1 + 1.1 * OVERLAP_S, "aa")])


LONG = '''File type = "ooTextFile"
Object class = "TextGrid"

xmin = 0
xmax = 0.6
tiers? <exists>
size = 2
item []:
    item [1]:
        class = "IntervalTier"
        name = "words"
        xmin = 0
        xmax = 0.6
        intervals: size = 1
        intervals [1]:
            xmin = 0
            xmax = 0.6
            text = "say ""a"""
    item [2]:
        class = "IntervalTier"
        name = "phones"
        xmin = 0
        xmax = 0.6
        intervals: size = 3
        intervals [1]:
            xmin = 0
            xmax = 0.25
            text = "ʃ"
        intervals [2]:
            xmin = 0.25
            xmax = 0.4
            text = ""
        intervals [3]:
            xmin = 0.4
            xmax = 0.6
            text = "aa"
'''
SHORT = """File type = "ooTextFile"
Object class = "TextGrid"

0
0.6
<exists>
1
"IntervalTier"
"phones"
0
0.6
3
0
0.25
"ʃ"
0.25
0.4
""
0.4
0.6
"aa"
"""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("text", [LONG, SHORT], ids=["long", "short"])
@pytest.mark.parametrize("suffix", [".TextGrid", ".textgrid"])
def test_textgrid(tmp_path, text, encoding, suffix):
    (tmp_path / "a").mkdir()
    mark = "\ufeff" if encoding.endswith("e") else ""
    (tmp_path / "a" / f"u1{suffix}").write_bytes((mark + text).encode(encoding))
    found = reader("textgrid", tmp_path, None, "phones", [U1])(U1)
    assert found == approx([(0, 0.25, "ʃ"), (0.4, 0.6, "aa")]), "the empty interval is no phone"


def test_textgrids_of_the_montreal_forced_aligner(tmp_path):
    """They lie in a folder of their own, in the sounds' subfolders; with several speakers each has tiers."""
    (tmp_path / "aligned" / "a").mkdir(parents=True)
    path = tmp_path / "aligned" / "a" / "u1.TextGrid"
    read = reader("textgrid", tmp_path, "aligned", "phones", [U1])
    for name in ("phones", "a - phones"):
        path.write_text(LONG.replace('"phones"', f'"{name}"'), encoding="utf-8")
        assert read(U1) == approx([(0, 0.25, "ʃ"), (0.4, 0.6, "aa")])
    path.write_text(LONG.replace('"phones"', '"b - phones"'), encoding="utf-8")
    with pytest.raises(ClipError, match=r"no tier 'phones' \(known: words, b - phones\)"):
        read(U1)
    with pytest.raises(CorpusError, match="alined: no such folder; mend `alignment_path`"):
        reader("textgrid", tmp_path, "alined", "phones", [U1])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (LONG.replace('"phones"', '"Phones"'), r"no tier 'phones' \(known: words, Phones\)"),
        (
            SHORT.replace("IntervalTier", "TextTier").replace(SHORT[SHORT.index("3\n0\n0.25") :], '1\n0.6\n"aa"\n'),
            "holds points",
        ),
        (LONG.replace("xmin = 0.4", "xmin = 0.2"), "not a readable TextGrid .*overlap"),
        (LONG.replace("xmax = 0.25", "xmax = -0.25"), "not a readable TextGrid"),
        ("", "not a readable TextGrid"),
        ("Object class = 1", "not a readable TextGrid"),
        (LONG[:300], "not a readable TextGrid|no tier"),
        ("[1, 2]", "not a readable TextGrid"),
        ("{}", "not a readable TextGrid"),
        (SHORT[:60], "not a readable TextGrid|no tier"),
        (SHORT[:110], "cut off, tier 'phones' stops at 0 of 0.6 s"),
        (LONG[:-100], "not a readable TextGrid|cut off"),
        (b"\xff\xfe\x00", "not a readable TextGrid"),
        (b"\xe4\xe4\xe4 item [", "not a readable TextGrid"),
        (bytes(range(256)), "not a readable TextGrid"),
    ],
)
def test_textgrids_that_cost_their_utterance(tmp_path, content, words):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "u1.TextGrid").write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ClipError, match=f"bad_alignment: u1.TextGrid: .*({words})") as caught:
        reader("textgrid", tmp_path, None, "phones", [U1])(U1)
    assert "\n" not in str(caught.value)
    assert str(tmp_path) not in str(caught.value)


@pytest.mark.parametrize(("kind", "name"), [("textgrid", "u1.TextGrid"), ("phn", "u1.PHN"), ("lab", "u1.LAB")])
def test_no_alignment_beside_the_sound(tmp_path, kind, name):
    with pytest.raises(ClipError, match=f"no_input: no {name} for the sound"):
        reader(kind, tmp_path, None, "phones", [U1])(U1)


@pytest.mark.parametrize("suffix", [".PHN", ".phn"])
def test_phn_counts_samples_at_16_khz(tmp_path, suffix):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / f"u1{suffix}").write_text("0 1600 h#\n1600 4000 sh\n\n4000 8000 ax-h\n")
    assert reader("phn", tmp_path, None, "", [U1])(U1) == approx(
        [(0, 0.1, "h#"), (0.1, 0.25, "sh"), (0.25, 0.5, "ax-h")]
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("0 1600 h#\n1600 sh\n", r"u1\.PHN:2: expected 'start end phone', got '1600 sh'"),
        ("0.0 0.1 h#\n", r"u1\.PHN:1: expected"),
        ("0 1600 h# x\n", r"u1\.PHN:1: expected"),
        ("1600 0 h#\n", "'h#' from 0.1 to 0 s"),
        ("0 3200 h#\n1600 4800 sh\n", "'h#' ends at 0.2 s, after 'sh' begins at 0.1 s"),
    ],
)
def test_phn_that_costs_its_utterance(tmp_path, text, words):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "u1.PHN").write_text(text)
    with pytest.raises(ClipError, match=f"bad_alignment: .*{words}"):
        reader("phn", tmp_path, None, "", [U1])(U1)


@pytest.mark.parametrize("suffix", [".lab", ".LAB"])
def test_lab_counts_100_ns(tmp_path, suffix):
    """As HTK's forced alignment writes it: times in 100 ns, then the label, then a score, and at times the word."""
    (tmp_path / "a").mkdir()
    lines = "0 1000000 sil -512.3 <s>\n1000000 2500000 sh-iy+hh -90.1 SHE\n\n2500000 5000000 iy\n"
    (tmp_path / "a" / f"u1{suffix}").write_text(lines)
    assert reader("lab", tmp_path, None, "", [U1])(U1) == approx(
        [(0, 0.1, "sil"), (0.1, 0.25, "sh-iy+hh"), (0.25, 0.5, "iy")]
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("SHE HAD YOUR DARK SUIT\n", r"u1\.lab:1: expected 'start end phone \[score \.\.\.\]', got 'SHE HAD"),
        ("0 1000000 sil\n0.1 0.2 sh\n", r"u1\.lab:2: expected"),
        ("0 1000000\n", r"u1\.lab:1: expected"),
        ("0 2000000 sil\n1000000 3000000 sh\n", "'sil' ends at 0.2 s, after 'sh' begins at 0.1 s"),
    ],
)
def test_lab_that_costs_its_utterance(tmp_path, text, words):
    """The first is a transcript, which the Montreal Forced Aligner takes in files of the same suffix."""
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "u1.lab").write_text(text)
    with pytest.raises(ClipError, match=f"bad_alignment: .*{words}"):
        reader("lab", tmp_path, None, "", [U1])(U1)
