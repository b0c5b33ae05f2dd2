"""Features out of a table that another tool wrote."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipeline.core.clip import Clip
from pipeline.core.errors import ClipError, CorpusError, SettingsError
from pipeline.core.ledger import read_ledger
from pipeline.core.settings import Runtime, parse
from pipeline.core.store import FeatureFile
from pipeline.engine.run import run
from pipeline.features.table import TableJob, TableParams, read_table

HEAD = "clip_id,tool,AU01,AU12\n"
GOOD = HEAD + "a,OpenFace,0.5,1\nb,OpenFace,0,-2.5e-1\n"
CLIPS = [Clip("a", "x/a.mp4", "s1", "anger"), Clip("later", "y/b.wav", "s2", "sad"), Clip("c", "c.mp4", "s3", "sad")]


def written(folder: Path, text: str) -> Path:
    path = folder / "au.csv"
    path.write_text(text, encoding="utf-8")
    return path


def job(folder: Path, text: str = GOOD, **params: object) -> TableJob:
    path = written(folder, text)
    return TableJob("openface", parse(TableParams, {"tables": {"c": str(path)}, **params}, "here"), path)


def test_one_row_per_clip_by_its_id_or_by_the_name_of_its_file(tmp_path: Path) -> None:
    work, out, ledger = job(tmp_path), tmp_path / "openface.h5", tmp_path / "ledger.csv"
    runtime = Runtime(clip_cache=str(tmp_path / "cache"), workers=1, max_failed_fraction=0.5)
    work.check(CLIPS)
    run(work, CLIPS, [], work.meta(), out, ledger, runtime)
    with FeatureFile(out) as file:
        assert file.meta.columns == ("AU01", "AU12"), "a column of words is left out"
        assert file.clip_ids() == ["a", "later"]
        np.testing.assert_array_equal(file.read("a").values, np.float32([[0.5, 1]]))
        np.testing.assert_array_equal(file.read("later").values, np.float32([[0, -0.25]]))
        assert file.read("a").mask.tolist() == [True]
    entries = {entry.clip_id: entry for entry in read_ledger(ledger)}
    assert (entries["c"].status, entries["c"].reason, entries["c"].detail) == (
        "failed", "no_input", "au.csv has no row for it",
    )  # fmt: skip
    assert entries["a"].stage == "extract:openface"


def test_a_part_of_a_film_has_not_the_films_row(tmp_path: Path) -> None:
    part = Clip("p", "y/b.wav", "s2", "sad", start=1.0, end=2.0)
    assert job(tmp_path).table.of(part) is None


def test_only_what_its_row_holds_makes_a_clip_anew(tmp_path: Path) -> None:
    before = [job(tmp_path).parts(clip) for clip in CLIPS]
    after = [job(tmp_path, GOOD.replace("0.5", "0.75")).parts(clip) for clip in CLIPS]
    assert [one == other for one, other in zip(before, after, strict=True)] == [False, True, True]


def test_another_key_and_another_separator(tmp_path: Path) -> None:
    found = read_table(written(tmp_path, "file;AU01\na;1\n"), "file")
    assert found.of(CLIPS[0]) == (1.0,)


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        (GOOD + "a,OpenFace,1,1\n", 4, "clip_id 'a' stands in line 2, too"),
        (GOOD.replace("0.5", "much"), 2, "AU01 'much' is no number"),
        (GOOD.replace("-2.5e-1", ""), 3, "AU12 '' is no number"),
        (GOOD.replace("-2.5e-1", "nan"), 3, "AU12 'nan' is no number"),
        (GOOD.replace("-2.5e-1", "inf"), 3, "AU12 'inf' is no number"),
        (GOOD.replace("clip_id", "file"), 1, "no column 'clip_id'"),
        ("clip_id,tool\na,OpenFace\n", 1, "no column of numbers beside 'clip_id'"),
        (HEAD, 1, "no column of numbers"),
        (HEAD + ",OpenFace,1,2\n", 2, "'clip_id' is empty"),
    ],
)
def test_a_mistake_is_one_line_with_file_and_line(tmp_path: Path, text: str, line: int, told: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(CorpusError) as caught:
        read_table(path, "clip_id")
    assert str(caught.value).startswith(f"{path}:{line}: ")
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_table_of_other_clips_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"au\.csv:2: clip_id 'a' is no clip of the corpus, nor is any below it"):
        job(tmp_path).check([CLIPS[2]])


def test_no_table_is_told(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"none\.csv: no such table"):
        read_table(tmp_path / "none.csv", "clip_id")
    with pytest.raises(SettingsError, match=r"extract_table\.openface\.tables"):
        parse(TableParams, {"tables": {}}, "extract_table.openface")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (HEAD + "a,OpenFace,0.5,1\nb,x,y,0.5,1\n", ":3: 5 cells, but the heading has 4; mend the row"),
        (HEAD + 'a,"OpenFace,0.5,1\nb,OpenFace",0,1\n', ":2: a quote is opened here and closed 1 lines below"),
        (HEAD + "a,x,0.5,1\nb,x,?,1\nc,x,1,nan\n", ":3: AU01 '?' is no number; mend the cell"),
        (HEAD + "a,x,0.5,1\nb,x,?,1\nc,x,1,nan\n", ":4: AU12 'nan' is no number; mend the cell"),
        (HEAD.replace("AU12", "AU01") + "a,x,0.5,1\n", ":1: column 'AU01' is there twice"),
    ],
)
def test_a_table_is_read_strictly(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(CorpusError) as caught:
        read_table(written(tmp_path, text), "clip_id")
    assert f"{tmp_path}/au.csv{told}" in str(caught.value)


def test_a_key_in_another_spelling_is_told(tmp_path: Path) -> None:
    work = job(tmp_path, HEAD + "Jose\u0301_1,x,0.5,1\n")
    with pytest.raises(ClipError, match=r"no_input: au\.csv has no row for it; its clip_id 'Jose\\u0301_1' is written"):
        work.load(Clip("José_1", "a.mp4", "s", "sad"))
    with pytest.raises(ClipError, match=r"no_input: au\.csv has no row for it$"):
        work.load(Clip("c", "c.mp4", "s", "sad"))
