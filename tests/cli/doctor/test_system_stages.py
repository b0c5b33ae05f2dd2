"""A system of params.yaml that no stage of dvc.yaml trains is told before anything runs."""

from __future__ import annotations

import pytest
import yaml

from helpers.project import ROOT
from pipeline.cli.doctor.stages import check_systems
from pipeline.core.errors import SettingsError

PARAMS = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))


def test_the_systems_that_are_shipped() -> None:
    assert check_systems(PARAMS, ROOT / "dvc.yaml") == "systems: huang2017, zhang2017, ouyang2017"


def test_a_system_of_ones_own_needs_a_stage_of_its_own(tmp_path) -> None:
    params = {
        "systems": {
            **PARAMS["systems"],
            "mine": {"features": {"lld147": "audio"}, "classifiers": ["svm"], "fusions": []},
        }
    }
    with pytest.raises(SettingsError) as caught:
        check_systems(params, ROOT / "dvc.yaml")
    assert str(caught.value) == (
        f"{ROOT / 'dvc.yaml'}: no stage trains systems.mine of params.yaml; copy the stage train_huang2017, with mine for huang2017 all through it"
    )
    stages = (ROOT / "dvc.yaml").read_text(encoding="utf-8")
    block = stages[stages.index("  train_huang2017:") : stages.index("  train_zhang2017:")].replace("huang2017", "mine")
    (tmp_path / "dvc.yaml").write_text(
        stages.replace("  train_zhang2017:", block + "  train_zhang2017:"), encoding="utf-8"
    )
    assert check_systems(params, tmp_path / "dvc.yaml").endswith(", mine")


def test_without_dvc_yaml_the_place_is_wrong(tmp_path) -> None:
    with pytest.raises(SettingsError, match=r"dvc\.yaml: no such file; run this in the project's folder$"):
        check_systems(PARAMS, tmp_path / "dvc.yaml")


def test_a_wrong_setting_of_a_system_is_named() -> None:
    with pytest.raises(SettingsError, match=r"params\.yaml: systems\.huang2017\.classifiers: this setting is missing"):
        check_systems({"systems": {"huang2017": {"features": {"lld147": "audio"}, "fusions": []}}}, ROOT / "dvc.yaml")
