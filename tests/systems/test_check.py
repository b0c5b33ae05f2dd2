"""`pipeline.systems.check`: windows that have to be the same, before anything runs."""

from __future__ import annotations

import copy
import re
from typing import Any

import pytest

from helpers.shipped import shipped
from pipeline.core.errors import SettingsError
from pipeline.systems.check import FUSED, check_systems, check_windows

PARAMS = shipped()


def changed(key: str, value: Any) -> dict[str, Any]:
    params = copy.deepcopy(PARAMS)
    *parts, last = key.split(".")
    node = params
    for part in parts:
        node = node[part]
    node[last] = value
    return params


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        (
            "segments_video.vnet.settings.windows.shift", 20,
            "segments_audio.anet.settings.windows.shift is 30, but segments_video.vnet.settings.windows.shift is 20",
        ),
        (
            "segments_audio.anet.settings.windows.length", 48,
            "segments_audio.anet.settings.windows.length is 48, but segments_video.vnet.settings.windows.length is 64",
        ),
        (
            "extract.logmel.hop_ms", 12,
            "segments_audio.alexaudio.settings.windows.hop_ms is 10.0, but extract.logmel.hop_ms is 12",
        ),
        ("segments_audio.anet15.settings.windows.shift", 30, "15 of 30 frames would be in no window; lower shift"),
    ],
)  # fmt: skip
def test_windows_that_disagree_are_one_line_before_anything_runs(key, value, said):
    with pytest.raises(SettingsError, match=re.escape(said)) as caught:
        check_systems(changed(key, value))
    assert "\n" not in str(caught.value)


def test_windows_that_nothing_fuses_may_differ():
    params = changed("segments_video.vnet.settings.windows.shift", 20)
    check_windows({**params, "fuse_features": {}})
    check_windows({**params, "segments_audio": {}})
    check_windows({})


def test_what_is_fused_is_what_dvc_yaml_says():
    stage = shipped("dvc.yaml")["stages"]["fuse_features"]
    given = dict(re.findall(r"--(audio|video) features/\$\{item\.corpus\}/(\w+)\.h5", stage["cmd"]))
    assert (f"segments_audio.{given['audio']}", f"segments_video.{given['video']}") == FUSED
