"""Encoders of a hub where nobody asks for them, or where their package is not installed."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from helpers.project import ROOT
from pipeline.core.errors import WeightsError
from pipeline.core.weights_file import save_published
from pipeline.features.extractors import hub_audio

LISTED = """
import sys
import pipeline.cli.application
from pipeline.core import plugins
for name in plugins.names("extractors"):
    plugins.load("extractors", name)
import pipeline.weights.published, pipeline.weights.fetch
print(sorted({"transformers", "safetensors", "huggingface_hub"} & set(sys.modules)))
"""


def folder(tmp_path):
    for name, told in (("config.json", {"model_type": "wavlm"}), ("preprocessor_config.json", {})):
        (tmp_path / name).write_text(json.dumps(told))
    (tmp_path / "model.safetensors").write_bytes(b"")
    files = {name: tmp_path / name for name in ("config.json", "preprocessor_config.json", "model.safetensors")}
    save_published(tmp_path / "wavlm", {path.stem: path for path in files.values()}, ["x"], "made for a test")
    return tmp_path / "wavlm"


def test_listing_and_importing_all_extractors_imports_none_of_it():
    done = subprocess.run([sys.executable, "-c", LISTED], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("version", [None, "4.57.1"])
def test_the_package_that_is_not_installed_or_too_old_is_one_line(tmp_path, monkeypatch, version):
    from types import SimpleNamespace

    monkeypatch.setitem(sys.modules, "transformers", version and SimpleNamespace(__version__=version))
    with pytest.raises(WeightsError) as told:
        hub_audio.Extractor(hub_audio.Params(), folder(tmp_path))
    remedy = "run `pip install 'transformers>=5,<6'`" if version else "run `pip install -e '.[hub]'`"
    assert remedy in str(told.value)
    assert "\n" not in str(told.value)


def test_it_needs_its_weights(tmp_path):
    with pytest.raises(WeightsError, match="dvc repro fetch_weights@"):
        hub_audio.Extractor(hub_audio.Params(), None)
    with pytest.raises(WeightsError, match="dvc repro fetch_weights@wavlm9"):
        hub_audio.Extractor(hub_audio.Params(), tmp_path / "wavlm9")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"layers": 3, "weights": [1.0]}, "need a list of layers or all"),
        ({"layers": "all", "weights": [0.0, 0.0]}, "a sum above 0"),
        ({"layers": [2, 2]}, "none twice"),
        ({"layers": []}, "at least one"),
        ({"layers": -1}, "layers"),
        ({"layers": "first"}, "layers"),
        ({"overlap_s": 11}, "more than half of window_s; lower it"),
    ],
)
def test_settings_that_fit_nothing(settings, words):
    with pytest.raises(ValueError, match=words):
        hub_audio.Params(**settings)
