"""dvc.lock as the prediction reads it: this project's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from helpers.shipped import shipped
from pipeline.core.errors import SettingsError
from pipeline.core.settings import parse
from pipeline.prediction.jobs import PER_CLIP
from pipeline.prediction.steps import Steps
from pipeline.systems.params import SystemParams

ROOT = Path(__file__).resolve().parents[2]
PARAMS = shipped()
LEARNED = {"select", "fuse_features"}


@pytest.fixture(scope="module")
def steps() -> Steps:
    return Steps.read(ROOT / "dvc.lock")


@pytest.mark.parametrize("system", sorted(PARAMS["systems"]))
def test_every_model_of_every_system_is_found_with_all_that_it_is_made_of(steps, system):
    fuse = steps.fusion("demo", system)
    for model in parse(SystemParams, PARAMS["systems"][system], "here").models():
        step = steps.model(fuse, model)
        assert Path(step.out).name == model
        needed = steps.needed([step.args["source"]])
        assert needed[-1].out == step.args["source"]
        assert all(one.stage in PER_CLIP or one.stage in LEARNED for one in needed)


def test_what_a_feature_is_made_of_comes_before_it(steps):
    needed = steps.needed(["features/demo/dbn2.h5", "features/demo/v1024.h5"])
    names = [step.name for step in needed]
    assert names == [
        "extract@demo-logmel", "segments_audio@demo-anet", "track_faces@demo", "crop_faces@demo-eyes55",
        "segments_video@demo-vnet",
        "fuse_features@demo-dbn2", "crop_faces@demo-square100", "extract_face@demo-pool5", "select@demo-v1024",
    ]  # fmt: skip


def test_arguments_are_those_of_the_command_line(steps):
    step = steps.of("features/demo/pool5.h5")
    assert step.stage == "extract"
    assert step.args["section"] == "extract_face"
    assert step.args["weights"] == "models/pretrained/pool5"
    assert steps.of("features/demo/nothing.h5") is None


def test_what_is_wrong_is_told(steps, tmp_path):
    with pytest.raises(SettingsError, match="the system none was never fused on demo; run `dvc repro fuse@demo-none`"):
        steps.fusion("demo", "none")
    with pytest.raises(SettingsError, match=r"none-svm of systems\.huang2017 was never trained"):
        steps.model(steps.fusion("demo", "huang2017"), "none-svm")
    with pytest.raises(SettingsError, match="no such file"):
        Steps.read(tmp_path / "dvc.lock")
    (tmp_path / "dvc.lock").write_text("stages: [1]\n", encoding="utf-8")
    with pytest.raises(SettingsError, match="not a lock file of DVC"):
        Steps.read(tmp_path / "dvc.lock")
