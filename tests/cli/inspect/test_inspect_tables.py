"""`python -m pipeline inspect` on tables and JSON."""

from __future__ import annotations

import json

import pytest

from helpers.inspecting import write_corpus, write_report
from pipeline.__main__ import main
from pipeline.cli.inspect.artifact import describe
from pipeline.core.errors import ArtifactError
from pipeline.core.ledger import Entry, write_ledger


def body(path, clip_id=""):
    """What is said, without the line that names the file."""
    return describe(path, clip_id).split("\n", 1)[1]


def test_a_manifest(tmp_path):
    assert body(write_corpus(tmp_path) / "manifest.csv") == (
        "        kind  manifest\n"
        "       clips  8\n"
        "       files  8 with a SHA-256, 0 absent\n"
        "\n"
        "speaker  anger  happy  clips\n"
        "s0           1      1      2\n"
        "s1           1      1      2\n"
        "s2           1      1      2\n"
        "s3           1      1      2\n"
        "all          4      4      8"
    )


def test_a_manifest_of_many_speakers_stays_short(tmp_path):
    rows = [f"c{n},c{n}.avi,speaker{n % 60:02d},joy{n % 2}" for n in range(130)]
    (tmp_path / "m.csv").write_text("\n".join(["clip_id,path,speaker,emotion", *rows]))
    text = body(tmp_path / "m.csv")
    assert "speaker09" in text
    assert text.endswith("... and 40 more speakers with fewer clips")
    assert text.splitlines()[3].split() == ["speaker", "joy0", "joy1", "clips"]


def test_a_row_of_one_clip(tmp_path):
    text = describe(write_corpus(tmp_path) / "manifest.csv", "c03")
    assert "speaker  s3\n" in text
    assert "emotion  anger\n" in text


def test_splits(tmp_path):
    rows = ["fold,clip_id,part", "fold-00,a,train", "fold-00,b,test", "fold-01,a,test", "fold-01,b,val"]
    (tmp_path / "s.csv").write_text("\n".join(rows))
    assert body(tmp_path / "s.csv") == (
        "        kind  splits\n       clips  2\n      tested  2 clips 1x\n\nfold     train  val  test\nfold-00  "
        "    1    0     1\nfold-01      0    1     1"
    )


def test_a_ledger_tells_the_worst_first(tmp_path):
    entries = [Entry(f"c{n}", "prepare") for n in range(4)] + [Entry("c0", "extract:lld")]
    entries += [
        Entry("c1", "extract:lld", "degraded", "few_faces", "2 of 9"),
        Entry("c2", "extract:lld", "absent", "no_audio", "no stream"),
    ]
    failed = Entry("c3", "extract:lld", "failed", "decode_error", "Invalid data")
    write_ledger(tmp_path / "l.csv", [*entries, failed, failed.after("train:lld-svm")])
    assert body(tmp_path / "l.csv") == (
        "        kind  ledger\n"
        "       clips  4, 1 of them ok in every stage\n"
        "      stages  3\n"
        "\n"
        "stage          ok  degraded  absent  failed  reasons\n"
        "extract:lld     1         1       1       1  no_audio 1, few_faces 1, decode_error 1\n"
        "prepare         4         .       .       .\n"
        "train:lld-svm   .         .       .       1  decode_error 1\n"
        "\n"
        "3 clips that lost something, worst first\n"
        "\n"
        "clip  stages      first in     why\n"
        "c3    2 failed    extract:lld  decode_error: Invalid data\n"
        "c2    1 absent    extract:lld  no_audio: no stream\n"
        "c1    1 degraded  extract:lld  few_faces: 2 of 9"
    )


def test_stages_that_ended_alike_share_a_row(tmp_path):
    entries = [Entry("c0", f"fuse:{n:02d}") for n in range(40)] + [
        Entry("c0", "fuse:bad", "failed", "no_input"),
        Entry("c0", "prepare"),
    ]
    write_ledger(tmp_path / "l.csv", entries)
    rows = [line.split("  ")[0] for line in body(tmp_path / "l.csv").splitlines()]
    assert {"fuse: 40 stages, each", "fuse:bad", "prepare"} <= set(rows)


def test_a_ledger_without_losses(tmp_path):
    assert body(write_corpus(tmp_path) / "lld.ledger.csv").endswith("no clip lost anything")


def test_predictions_by_model(tmp_path):
    assert body(write_report(tmp_path / "r")) == (
        "        kind  posteriors\n"
        "       clips  8 in 1 fold\n"
        "    emotions  anger, happy\n"
        "      chance  0.500\n"
        "      models  2\n"
        "\n"
        "model     clips  accuracy    UAR  confidence\n"
        "good-svm      8     1.000  1.000       0.800\n"
        "bad-svm       8     0.500  0.500       0.900"
    )


def test_one_clip_by_model(tmp_path):
    path = write_report(tmp_path / "r")
    assert body(path, "c04") == (
        "\n     speaker  s0\n     emotion  happy\n    right in  1 of 2 rows\n\n"
        "model     fold     predicted         anger  happy\n"
        "good-svm  fold-00  happy              0.20   0.80\n"
        "bad-svm   fold-00  anger      wrong   0.90   0.10"
    )
    with pytest.raises(ArtifactError, match="no clip 'c99'; it may have been lost before"):
        describe(path, "c99")


def test_parts_are_told_apart(tmp_path):
    header = "model,fold,part,clip_id,speaker,emotion,predicted,p_anger,p_happy"
    rows = [
        "m,fold-00,val,a,s,anger,anger,0.75,0.25",
        "m,fold-00,test,b,s,anger,happy,0.25,0.75",
        "m,fold-00,test,c,s,happy,happy,0.25,0.75",
    ]
    (tmp_path / "posteriors.csv").write_text("\n".join([header, *rows]))
    lines = [line.split() for line in body(tmp_path / "posteriors.csv").splitlines()]
    assert ["m", "val", "1", "1.000", "1.000", "0.750"] in lines
    assert ["m", "test", "2", "0.500", "0.500", "0.750"] in lines


def test_any_other_table(tmp_path):
    (tmp_path / "t.csv").write_text("fold,column,note\nfold-00,1,\nfold-00,3,x\nfold-01,8,\n")
    assert body(tmp_path / "t.csv") == (
        "        kind  table\n        rows  3\n     columns  3\n\n"
        "column  holds\nfold    2 different: fold-00 2, fold-01 1\ncolumn  1 to 8, mean 4\nnote    1 different: "
        "x 1; 2 empty\n\n"
        "first 3 rows\n\nfold     column  note\nfold-00  1\nfold-00  3       x\nfold-01  8"
    )


def test_a_known_table_under_another_name(tmp_path):
    (write_corpus(tmp_path) / "manifest.csv").rename(tmp_path / "copy.txt")
    assert "kind  manifest" in describe(tmp_path / "copy.txt")


def test_scores_are_a_table(tmp_path):
    (tmp_path / "scores.json").write_text(
        json.dumps({"a-svm": {"accuracy": 0.5, "uar": 0.25}, "b-svm": {"accuracy": 1.0, "uar": 1.0}})
    )
    assert body(tmp_path / "scores.json").endswith(
        "name   accuracy   uar\na-svm       0.5  0.25\nb-svm       1.0   1.0"
    )


def test_other_json_is_a_tree(tmp_path):
    (tmp_path / "x.json").write_text(
        json.dumps(
            {"clips": 2, "folds": {"fold-00": {"test": ["s1", "s2"]}, "left": {}}, "list": [1, {"a": {"b": []}}]}
        )
    )
    assert body(tmp_path / "x.json").splitlines()[3:] == [
        "clips  2", "folds", "  fold-00", "    test  s1, s2", "  left  none", "list", "  [0]  1", "  [1]", "    a",
        "      b  none",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.csv", "", "empty"),
        ("a.csv", "\n", ""),
        ("a.csv", "a,a\n1,2\n", "does not name columns, each once"),
        ("a.csv", "a,b\n1,2\n3", "row 3 has 1 fields where the first line names 2"),
        ("a.csv", 'a,b\n"1,2\n', "not a readable table"),
        ("a.csv", b"a,b\n\xff\xfe,2\n", "not a readable table"),
        ("a.csv", b"a,b\n\0,2", ""),
        ("a.csv", "a," + "x" * 200000, "not a readable table"),
        (
            "a.csv",
            "model,fold,clip_id,speaker,emotion,predicted,p_anger\nm,f,c,s,anger,anger,high\n",
            "p_anger is 'high', not a number",
        ),
        ("a.csv", "model,fold,clip_id,speaker,emotion,predicted\nm,f,c,s,anger,anger\n", "no column p_<emotion>"),
        ("a.json", '{"a": 1', "not readable JSON"),
        ("a.json", b'{"a": "\xff"}', "not readable JSON"),
        ("a.json", "[" * 100000, "not readable JSON"),
        ("a.txt", "hello", "no feature file, table, JSON or model"),
        ("a.mp4", b"\0\0\0\x20ftyp", "no feature file, table, JSON or model"),
    ],
)
def test_what_cannot_be_read_is_one_line(tmp_path, capsys, name, content, words):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    code = main(["inspect", str(path)])
    caught = capsys.readouterr()
    if words:
        assert (code, caught.out, caught.err.count("\n")) == (1, "", 1)
        assert caught.err.startswith(f"error: {path}: ")
        assert words in caught.err
    assert caught.err.count("\n") <= 1


def test_cells_never_steer_the_terminal(tmp_path, capsys):
    odd = '"\x1b[31m<script>\n\u202e"'
    (tmp_path / "m.csv").write_text(f"clip_id,path,speaker,emotion\n{odd},x,{odd},{odd}\n")
    (tmp_path / "p.csv").write_text(
        f"model,fold,clip_id,speaker,emotion,predicted,p_\x1b[2J\n{odd},{odd},{odd},{odd},{odd},{odd},0.5\n"
    )
    (tmp_path / "l.csv").write_text(f"clip_id,stage,status,reason,detail\n{odd},{odd},failed,{odd},{odd}\n")
    (tmp_path / "t.csv").write_text(f"a\x07,b\n{odd},2\n")
    (tmp_path / "j.json").write_text(json.dumps({"\x1b[31m": {"a\n": "\x07"}, "b": ["\x1b"]}))
    for name in ("m.csv", "p.csv", "l.csv", "t.csv", "j.json"):
        for further in ([], ["--clip", "\x1b[31m<script>\n\u202e"]):
            main(["inspect", str(tmp_path / name), *further])
            caught = capsys.readouterr()
            assert all(c.isprintable() or c == "\n" for c in caught.out + caught.err), name
    main(["inspect", str(tmp_path / "m.csv")])
    assert "\\x1b[31m<script>\\n\\u202e" in capsys.readouterr().out


def test_options_that_do_not_fit_are_told(tmp_path, capsys):
    manifest = write_corpus(tmp_path) / "manifest.csv"
    for arguments, words in (
        (["--fold", "fold-00"], "--fold is for a feature file"),
        (["--diff", str(manifest)], "--diff is for feature files"),
        (["--project", "x.png"], "--project is for feature files"),
        (["--plot", "x.png"], "--plot: name the clip with --clip ID"),
        (["--clip", "c00", "--diff", "x.h5"], "--diff: it is about all clips"),
    ):
        assert main(["inspect", str(manifest), *arguments]) == 1
        caught = capsys.readouterr()
        assert (caught.out, caught.err.count("\n")) == ("", 1)
        assert words in caught.err
