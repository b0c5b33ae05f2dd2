"""A mixture of refit and no refit is refused before anything is trained."""

from __future__ import annotations

import copy

import pytest

from pipeline.core.errors import SettingsError
from pipeline.systems.ids import ModelId
from pipeline.systems.refit import check_refit

MODELS = [ModelId(feature, "linear_svm") for feature in ("anet", "vnet", "dbn2")]
PARAMS = {
    "segments_audio": {"anet": {"tune": {"epochs": 1}}, "alexaudio": {"tune": None}},
    "segments_video": {"vnet": {"tune": {"epochs": 1}}},
    "fuse_features": {"dbn2": {}},
    "train": {"linear_svm": {}, "svm": {}},
}


def changed(*keys: str) -> dict:
    params = copy.deepcopy(PARAMS)
    for key in keys:
        part, name = key.split(".")
        params[part][name]["refit"] = True
    return params


@pytest.mark.parametrize(
    "keys",
    [
        (),
        ("train.linear_svm",),
        ("segments_audio.alexaudio",),  # it is not tuned
        ("fuse_features.dbn2", "train.linear_svm"),
        ("segments_audio.anet", "fuse_features.dbn2", "train.linear_svm"),
    ],
)
def test_what_rests_on_it_follows(keys):
    check_refit(changed(*keys), MODELS)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (("segments_video.vnet", "train.linear_svm"), r"fuse_features\.dbn2\.refit is false, but vnet learns anew"),
        (("segments_audio.anet", "fuse_features.dbn2"), r"train\.linear_svm\.refit is false, but anet learns anew"),
        (("fuse_features.dbn2",), r"train\.linear_svm\.refit is false, but dbn2 learns anew"),
    ],
)
def test_what_does_not_is_named(keys, message):
    with pytest.raises(SettingsError, match=rf"params\.yaml: {message}"):
        check_refit(changed(*keys), MODELS)


@pytest.mark.parametrize(
    ("params", "place"),
    [
        ({"fuse_features": {"dbn1": None}}, "fuse_features.dbn1"),
        ({"segments_audio": {"anet": 3}}, "segments_audio.anet"),
        ({"segments_video": ["vnet"]}, "segments_video"),
    ],
)
def test_a_name_without_a_block_is_told(params, place):
    with pytest.raises(SettingsError, match=rf"params\.yaml: {place}: expected a block of settings"):
        check_refit(params, [])
