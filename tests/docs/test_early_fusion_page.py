"""docs/early-fusion.md and docs/fine-tuning.md: what a user writes is all that is needed, and it runs."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from helpers import joined
from helpers.docs import laid_over, settings_of
from helpers.shipped import shipped
from pipeline.classification.cross_validation import cross_validate
from pipeline.classification.model_spec import FeatureRecipe
from pipeline.cli.settings.sections import check
from pipeline.core import plugins
from pipeline.core.ledger import Entry, lost, read_ledger, write_ledger
from pipeline.core.posteriors import read_table
from pipeline.core.settings import parse
from pipeline.core.store import FeatureFile
from pipeline.systems.check import check_systems
from pipeline.systems.plan import plan_of
from stages import join

PARAMS = shipped()
(EARLY,), (TUNED,) = settings_of("early-fusion"), settings_of("fine-tuning")


@pytest.mark.parametrize("block", [EARLY, TUNED])
def test_the_block_parses_and_names_what_is_there(block: dict) -> None:
    check(laid_over(PARAMS, block))
    check_systems(laid_over(PARAMS, block))


def test_the_blocks_are_planned() -> None:
    plan = plan_of(laid_over(PARAMS, EARLY))
    assert plan["join"]["demo-early"]["other"] == "hog"
    assert plan["train"]["demo-early_fusion-early-selected"]["feature"] == "early"
    tuned = plan_of(laid_over(PARAMS, TUNED))["transfer"]["demo-tuned-whisper-fine_tuned"]
    assert tuned["pretrained"] == "whisper"
    encoder = 4
    assert TUNED["extract_sound"]["whisper"]["layer"] + TUNED["train"]["fine_tuned"]["trained_layers"] == encoder


def test_the_stage_and_the_shipped_settings_of_both_classifiers_run(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    joined.write(tmp_path)
    ledgers = {name: [Entry(clip.clip_id, f"extract:{name}") for clip in joined.clips()] for name in ("voice", "face")}
    ledgers["voice"][0] = lost(joined.clips()[0].clip_id, "extract:voice", "no_audio")
    for name, entries in ledgers.items():
        write_ledger(tmp_path / f"{name}.ledger.csv", entries)
    of = {"name": "early", "source": "voice.h5", "more": "face.h5", "out": "early.h5", "ledger": "early.ledger.csv"}
    of |= {"upstream": "voice.ledger.csv", "upstream_more": "face.ledger.csv"}
    args = SimpleNamespace(**{name: value if name == "name" else tmp_path / value for name, value in of.items()})
    block = {"audio": ["voice"], "video": ["face"]}
    context = SimpleNamespace(args=args, model=lambda key, model: parse(model, block, key))
    said = join.main(context)
    assert said == "join:early: 35 ok, 1 degraded (no_audio); voice 4 + face 3 columns"
    with FeatureFile(tmp_path / "early.h5") as file:
        assert file.meta.feature == "early"
    upstream = read_ledger(tmp_path / "early.ledger.csv")
    assert not [entry for entry in upstream if entry.lost]
    for name, changes in (("selected", {}), ("attention", {"epochs": 3})):
        plugin = plugins.load("classifiers", name)
        params = parse(plugin.Params, PARAMS["train"][name] | changes, name)
        recipe = FeatureRecipe.of(plugin, params, tmp_path / "early.h5", None, f"train.{name}")
        model = f"early-{name}"
        cross_validate(model, recipe, joined.clips(), joined.folds(), upstream, tmp_path / model, 1)
        assert len(read_table(tmp_path / model / "posteriors.csv")) == 36
