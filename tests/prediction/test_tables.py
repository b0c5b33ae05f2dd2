"""A prediction reads a table as its stage did: rows of new clips stand in the same file."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.core.clip import Clip
from pipeline.core.errors import ClipError
from pipeline.features.extract_job import ExtractJob
from pipeline.features.table import TableJob
from pipeline.prediction.jobs import PER_CLIP, Maker
from pipeline.prediction.steps import Step


def test_the_job_of_a_table_is_made_for_new_clips(tmp_path: Path) -> None:
    (tmp_path / "au.csv").write_text("clip_id,AU01\nold,1\nnew,2\n", encoding="utf-8")
    params = {"extract_table": {"openface": {"tables": {"demo": "au.csv"}}}}
    maker = Maker(params, tmp_path, tmp_path / "clips", lambda out: tmp_path / "scratch" / Path(out).name, tmp_path)
    args = {"feature": "openface", "table": "au.csv", "out": "features/demo/openface.h5"}
    job = maker.job(Step("extract_table@demo-openface", "table", args))
    assert isinstance(job, TableJob)
    assert job.load(Clip("anything", "new.mp4", "", "")) == (2.0,)
    with pytest.raises(ClipError, match="no_input"):
        job.load(Clip("other", "other.mp4", "", ""))


def test_a_feature_of_crops_is_extracted_from_those_of_the_new_clips(tmp_path: Path) -> None:
    params = {"extract_crops": {"hog": {"smooth": 3}}}
    maker = Maker(params, tmp_path, tmp_path / "clips", lambda out: tmp_path / "scratch" / Path(out).name, tmp_path)
    args = {"feature": "hog", "section": "extract_crops", "source": "features/demo/eyes55.h5", "out": "x/hog.h5"}
    job = maker.job(Step("extract_crops@demo-hog", "extract", args))
    assert isinstance(job, ExtractJob)
    assert (job.source, job.params["smooth"]) == (tmp_path / "scratch" / "eyes55.h5", 3)
    assert {"table", "extract"} <= set(PER_CLIP)
