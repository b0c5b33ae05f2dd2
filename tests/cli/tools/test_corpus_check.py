"""`python -m pipeline corpus check`: a folder against what was published."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline import __main__ as command
from pipeline.cli.tools.corpus_check import counts
from pipeline.core.clip import Clip


def ravdess(root: Path, actors: range, emotions: range = range(1, 9)) -> Path:
    """All 60 spoken recordings of some actors."""
    for actor in actors:
        for emotion in emotions:
            for intensity in (1,) if emotion == 1 else (1, 2):
                for take in ("01-01", "01-02", "02-01", "02-02"):
                    path = root / f"Actor_{actor:02d}" / f"03-01-{emotion:02d}-{intensity:02d}-{take}-{actor:02d}.wav"
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(b"\0\1")
    return root


def run(capsys: pytest.CaptureFixture, *arguments: str) -> tuple[int, str]:
    """Return exit code and output."""
    code = command.main(["corpus", "check", *arguments])
    out, err = capsys.readouterr()
    return code, out + err


def params(tmp_path: Path, text: str) -> str:
    """Write settings."""
    path = tmp_path / "params.yaml"
    path.write_text(f"corpora:\n{text}\n")
    return f"--params={path}"


def test_the_whole_corpus_is_as_published(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    root = ravdess(tmp_path / "ravdess", range(1, 25))
    code, text = run(capsys, "mine", params(tmp_path, f"  mine: {{adapter: ravdess, root: {root}}}"))
    assert code == 0
    assert text.endswith("all published counts are met\n")
    assert "missing" not in text
    assert "extra" not in text


def test_what_is_missing_and_whose(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    root = ravdess(tmp_path / "ravdess", range(1, 24))
    for path in sorted((root / "Actor_07").glob("*-03-*.wav"))[:2]:
        path.unlink()
    code, text = run(capsys, "ravdess", "--root", str(root), params(tmp_path, "  {}"))
    assert code == 1
    rows = {line.rsplit("  ", 1)[0].strip(): line for line in text.splitlines() if "missing" in line}
    assert any(line.split() == ["speakers", "23", "24", "1", "missing"] for line in rows.values())
    assert any(line.split() == ["label", "neutral", "92", "96", "4", "missing"] for line in rows.values())
    assert "speakers with another number of clips than the usual 60: 7 (58)" in text


def test_extra_clips_and_files_that_a_table_names_in_vain(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    for number in range(1, 10):
        path = tmp_path / "rml" / f"s{min(number, 8)}" / f"an{number}.avi"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"\0\1")
    code, text = run(capsys, "rml", "--root", str(tmp_path / "rml"), params(tmp_path, "  {}"))
    assert code == 1
    assert "711 missing" in text
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "manifest.csv").write_text(
        "clip_id,path,speaker,emotion\n" + "".join(f"c{i},c{i}.wav,s1,anger\n" for i in range(7))
    )
    code, text = run(capsys, "manifest_csv", "--root", str(tmp_path / "own"), params(tmp_path, "  {}"))
    assert code == 1
    assert "named in a table, but not in the folder: c0.wav, c1.wav, c2.wav, c3.wav, c4.wav and 2 more" in text
    assert "its adapter has no published counts to compare with" in text


def test_votes_are_not_compared_with_the_counts_of_what_was_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    root = tmp_path / "cremad"
    (root / "processedResults").mkdir(parents=True)
    (root / "1001_DFA_ANG_XX.flv").write_bytes(b"\0\1")
    (root / "processedResults" / "summaryTable.csv").write_text("FileName,VoiceVote\n1001_DFA_ANG_XX,N\n")
    text = run(capsys, "cremad", params(tmp_path, f"  cremad: {{root: {root}, labelled_by: voice}}"))[1]
    assert "label N" in text
    assert "ANG" not in text
    assert "7441 missing" in text


@pytest.mark.parametrize(
    ("arguments", "block", "message"),
    [
        (
            ["x"],
            "  demo: {root: d}",
            "params.yaml: corpora.x: no such corpus (known: demo); add it, or say where it is: --root FOLDER",
        ),
        (["x", "--root", "d"], "  {}", "no corpora plugin 'x'"),
        (["ravdess", "--root", "nowhere"], "  {}", "nowhere: no such folder; set corpora.ravdess.root in params.yaml"),
        (["x"], "  x: 3", "params.yaml: corpora.x should be a mapping, such as {root: FOLDER}"),
        (
            ["cremad", "--root", "."],
            "  cremad: {root: d, labelled_by: faces}",
            "unknown labelling 'faces' (did you mean 'face'?)",
        ),
        (
            ["rml", "--root", "."],
            "  rml: {root: d, labelled_by: face}",
            "unknown labelling 'face'; this adapter has but one: remove the setting",
        ),
    ],
)
def test_mistakes_end_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture, arguments: list[str], block: str, message: str
) -> None:
    code, text = run(capsys, *arguments, params(tmp_path, block))
    assert code == 1
    assert text.startswith("error: ")
    assert message in text
    assert text.count("\n") == 1


def test_two_clips_of_one_id_stop_it_as_they_stop_prepare(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    (tmp_path / "manifest.csv").write_text("clip_id,path,speaker,emotion\na,1.wav,s1,anger\na,2.wav,s1,sad\n")
    code, text = run(capsys, "manifest_csv", "--root", str(tmp_path), params(tmp_path, "  {}"))
    assert (code, text) == (
        1,
        f"error: {tmp_path}/manifest.csv:3: clip_id 'a' is there in line 2, too; make the ids unique\n",
    )


def test_counts_are_those_of_used_clips_and_of_all_labels() -> None:
    pairs = [
        ("W", Clip("a", "a.wav", "s1", "anger", "train")),
        ("W", Clip("b", "b.wav", "s2", "anger")),
        ("X", Clip("c", "c.wav", "s3", "left_out")),
    ]
    assert counts(pairs) == {"clips": 3, "speakers": 2, "label:W": 2, "label:X": 1, "split:train": 1}


def test_files_that_pose_as_media_and_paths_that_were_meant_otherwise_come_first(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    rows = ("v/a.wav", "V/b.wav", "C:\\data\\v\\a.wav", "v/c.wav")
    table = "".join(f"c{i},{path},s{i},sad\n" for i, path in enumerate(rows))
    (tmp_path / "manifest.csv").write_text("clip_id,path,speaker,emotion\n" + table)
    (tmp_path / "v").mkdir()
    (tmp_path / "v/a.wav").write_bytes(b"\0\1")
    (tmp_path / "v/b.wav").write_bytes(b"\0\1")
    (tmp_path / "v/c.wav").write_text("<html><title>Sign in</title></html>")
    code, text = run(capsys, "manifest_csv", "--root", str(tmp_path), params(tmp_path, "  {}"))
    assert code == 1
    assert text.splitlines()[:3] == [
        f"{tmp_path}/manifest.csv:4: bad_path: C:\\data\\v\\a.wav: absolute, of this or another machine; give it below "
        "the corpus folder (did you mean 'v/a.wav'?)",
        f"{tmp_path}/manifest.csv:3: missing_file: V/b.wav (did you mean 'v/b.wav'?)",
        f"{tmp_path}/manifest.csv:5: not_media: v/c.wav: an HTML page ('Sign in'); download it again, in a browser "
        "where the page asks to log in or to confirm",
    ]
    assert "named in a table, but not in the folder: V/b.wav" in text
