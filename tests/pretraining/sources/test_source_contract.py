"""What every source task promises (`pipeline/pretraining/sources/__init__.py`), on corpora of a few seconds and
pictures.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from pydantic import ValidationError

from helpers.sources import CASES
from pipeline.core import plugins
from pipeline.core.settings import Settings
from pipeline.training.task import Run, Trained

pytestmark = pytest.mark.slow

NAMES = plugins.names("sources")
LONG = ("actions", "expressions", "pictures", "recognition")
"""Those that take longest: they train by the loop that the others have, and networks of the same layers."""
QUICK = pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.long) if name in LONG else name for name in NAMES], scope="module"
)


@pytest.fixture(scope="module", params=NAMES)
def name(request) -> str:
    return request.param


@pytest.fixture(scope="module")
def corpus(name, tmp_path_factory) -> Path:
    return CASES[name][0](tmp_path_factory.mktemp(name) / "corpus")


@pytest.fixture(scope="module")
def plugin(name):
    torch.set_num_threads(1)
    return plugins.load("sources", name)


@pytest.fixture(scope="module")
def trained(name, corpus, plugin) -> Trained:
    return plugin.train(corpus, plugin.Params(**CASES[name][1]), Run(stage="pretrain:x"))


def test_docstring_and_params(name, plugin):
    assert re.search(r"\d{4}, section (\d|[IVX]+)", plugin.__doc__)
    assert "Corpus layout" in plugin.__doc__
    assert issubclass(plugin.Params, Settings)
    assert plugin.Params.model_config["frozen"]
    with pytest.raises(ValidationError):
        plugin.Params(**CASES[name][1], nobody_knows=1)


def test_speakers(name, corpus, plugin):
    assert plugin.speakers(corpus, plugin.Params(**CASES[name][1])) == CASES[name][2]


def test_trained_above_chance_on_what_it_never_saw(name, trained):
    reached, chance = (trained.metrics[key] for key in CASES[name][4])
    assert reached > chance + 0.3
    assert len(trained.history) <= CASES[name][1]["loop"]["epochs"]
    assert {"epoch", "loss", "held_out_accuracy"} <= set(trained.history[0])
    assert reached == pytest.approx(max(row["held_out_accuracy"] for row in trained.history), abs=1e-3)


def test_the_config_builds_the_network_again(name, trained):
    network = CASES[name][3](**trained.config["network"])
    network.load_state_dict(trained.state)
    assert all(torch.isfinite(tensor).all() for tensor in trained.state.values())


@pytest.mark.long  # what is interrupted below has to give the same weights, too
def test_the_same_seed_gives_the_same_weights(name, corpus, plugin, trained):
    torch.manual_seed(999)
    again = plugin.train(corpus, plugin.Params(**CASES[name][1]), Run())
    assert again.history == trained.history
    assert all(torch.equal(again.state[key], tensor) for key, tensor in trained.state.items())


def test_the_ledger_comes_before_the_training_and_names_every_piece(name, corpus, plugin, trained):
    assert {entry.status for entry in trained.ledger} == {"ok"}
    assert {entry.stage for entry in trained.ledger} == {"pretrain:x"}
    assert len(trained.ledger) == len({entry.clip_id for entry in trained.ledger}) >= 8
    seen = []

    def stop(entries):
        seen.extend(entries)
        raise InterruptedError

    with pytest.raises(InterruptedError):
        plugin.train(corpus, plugin.Params(**CASES[name][1]), Run(stage="pretrain:x", on_ledger=stop))
    assert seen == trained.ledger


def test_no_epochs_give_the_initial_weights(name, corpus, plugin):
    settings = {**CASES[name][1], "loop": {**CASES[name][1]["loop"], "epochs": 0}}
    trained = plugin.train(corpus, plugin.Params(**settings), Run())
    assert trained.history == []
    assert CASES[name][4][0] in trained.metrics


@QUICK
def test_an_interrupted_run_gives_what_an_uninterrupted_one_gives(name, corpus, plugin, trained, tmp_path):
    def stop(row):
        if row["epoch"] == 1:
            raise InterruptedError

    params, run = plugin.Params(**CASES[name][1]), Run(checkpoint=tmp_path / "c.pt", on_epoch=stop)
    with pytest.raises(InterruptedError):
        plugin.train(corpus, params, run)
    torch.manual_seed(999)
    again = plugin.train(corpus, params, Run(checkpoint=tmp_path / "c.pt"))
    assert again.history == trained.history
    assert all(torch.equal(again.state[key], tensor) for key, tensor in trained.state.items())


@QUICK
def test_mixed_precision_learns_as_well(name, corpus, plugin):
    trained = plugin.train(corpus, plugin.Params(**CASES[name][1]), Run(mixed_precision=True))
    reached, chance = (trained.metrics[key] for key in CASES[name][4])
    assert reached > chance + 0.2
    assert all(tensor.dtype != torch.bfloat16 for tensor in trained.state.values())
