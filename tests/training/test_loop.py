"""`pipeline.training.loop`: which round is kept, when it stops, what is undone, and going on after an interruption."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from pipeline.training import loop as loop_module
from pipeline.training.loop import Loop, Schedule, minibatches


class Undoing(Schedule):
    """Undoes what is no better, keeps the later of equals, and notes what it is told."""

    ties = goes_back = True

    def __init__(self) -> None:
        super().__init__(lambda step: 0.1)
        self.told = []

    def judged(self, best, score):
        self.told.append((best, score))


def loop(scores: list[tuple[float, ...]], schedule: Schedule | None = None, **changes) -> Loop:
    """Return a loop of two steps per round whose scores are given; its one weight falls by the rate in every step."""
    network = nn.Linear(1, 1, bias=False)
    nn.init.ones_(network.weight)

    def judge(number: int, total: float):
        return {"round": number, "total": total, "weight": round(network.weight.item(), 6)}, scores[number]

    settings = {
        "network": network,
        "optimiser": torch.optim.SGD(network.parameters(), lr=1.0),
        "schedule": schedule or Schedule(lambda step: 0.1),
        "batches": lambda number: [1.0, 1.0],
        "loss": lambda batch: (network(torch.tensor([batch]))[0], 3),
        "judge": judge,
        "rounds": len(scores),
    }
    return Loop(**{**settings, **changes})


def weight(found: Loop) -> float:
    return round(found.network.weight.item(), 6)


@pytest.mark.parametrize(
    ("scores", "kept"),
    [
        ([(1,), (2,), (0,)], 0.6),
        ([(1,), (1,), (1,)], 0.8),
        ([(1, -5), (1, -4), (0, 9)], 0.6),
        ([(math.nan,), (1,), (math.inf,)], 0.6),
        ([(math.nan,), (-math.inf,)], 1.0),
        ([], 1.0),
    ],
    ids=["best", "the first of equals", "the second number decides", "no numbers", "nothing but those", "no rounds"],
)
def test_the_weights_of_the_best_round_are_kept(scores, kept):
    made = loop(scores)
    history = made.run()
    assert [row["weight"] for row in history] == [0.8, 0.6, 0.4][: len(scores)]
    assert weight(made) == kept


def test_or_those_of_the_last():
    made = loop([(2,), (1,), (0,)], patience=None)
    assert len(made.run()) == 3
    assert weight(made) == 0.4


@pytest.mark.parametrize("patience", [1, 2])
def test_patience(patience):
    assert len(loop([(1,), (2,), (1,), (1,), (3,)], patience=patience).run()) == 2 + patience


def test_the_total_is_what_the_steps_count():
    assert loop([(1,)]).run()[0]["total"] == pytest.approx(3 * 1 + 3 * 0.9)


def test_a_schedule_sets_the_rate_of_every_step():
    made = loop([(1,), (2,)], Schedule([0.1, 0.2, 0.3, 0.05].__getitem__))
    assert [row["weight"] for row in made.run()] == [0.7, 0.35]


def test_a_round_that_is_no_better_is_undone_with_its_momentum():
    schedule = Undoing()
    made = loop([(1,), (0,), (1,), (0,)], schedule)
    made.optimiser = torch.optim.SGD(made.network.parameters(), lr=0.1, momentum=0.5)
    rows = made.run()
    first, second, third = (row["weight"] for row in rows[:3])
    assert second == third, "the second round begins again where the first had ended, momentum included"
    assert rows[3]["weight"] < third
    assert (weight(made), first) == (third, 0.75)
    assert schedule.told == [(None, (1,)), ((1,), (0,)), ((1,), (1,)), ((1,), (0,))]


def test_a_schedule_ends_the_training():
    schedule = Schedule(lambda step: 0.1)
    schedule.judged = lambda best, score: setattr(schedule, "ended", score == (2,))
    assert len(loop([(1,), (2,), (3,)], schedule).run()) == 2


def test_gradients_have_a_limit():
    assert loop([(1,)], max_gradient=0.5).run()[0]["weight"] == pytest.approx(0.9)


def test_each_group_of_weights_has_its_own_limit_and_the_history_tells_how_often_it_held():
    """A head with large gradients, as a new one has, leaves the steps of the body below it as they are."""
    body, head = nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False)
    for layer in (body, head):
        nn.init.ones_(layer.weight)
    groups = [{"params": layer.parameters()} for layer in (body, head)]
    made = loop(
        [(1,)],
        network=nn.ModuleList([body, head]),
        optimiser=torch.optim.SGD(groups, lr=0.1),
        batches=lambda number: [100.0, 100.0, 1.0, 1.0],
        loss=lambda scale: ((body.weight + scale * head.weight).sum(), 1),
        judge=lambda number, total: ({"round": number}, (1.0,)),
        max_gradient=2.0,
    )
    assert made.run() == [{"round": 0, "clipped": 0.5, "steps": 4, "kept": 1}]
    assert body.weight.item() == pytest.approx(1 - 4 * 0.1)
    assert head.weight.item() == pytest.approx(1 - 2 * 0.2 - 2 * 0.1)
    assert "clipped" not in loop([(1,)]).run()[0]


def test_a_loss_that_is_no_number():
    made = loop([(1,)], batches=lambda number: [1.0, math.inf], diverged=lambda done: ValueError(f"step {done}"))
    with pytest.raises(ValueError, match="step 2"):
        made.run()


class Stopped(Exception):
    pass


@pytest.mark.parametrize("last", [0, 1, 3])
def test_an_interrupted_run_goes_on(tmp_path, last):
    scores, told = [(1,), (3,), (2,), (2,), (2,)], []

    def stop(row):
        if row["round"] == last:
            raise Stopped

    whole = loop(scores, patience=3)
    expected = whole.run()
    with pytest.raises(Stopped):
        loop(scores, patience=3).run(tmp_path / "c.pt", "key", stop)
    again = loop(scores, patience=3)
    assert again.run(tmp_path / "c.pt", "key", told.append) == expected == told
    assert (weight(again), again.done, again.since) == (weight(whole), whole.done, whole.since)


def test_a_checkpoint_is_written_when_the_time_has_come_and_at_the_end(tmp_path, monkeypatch):
    """The state of a large network is a gigabyte: it is not written behind every epoch."""
    written, clock = [], iter(range(0, 1000, 10))
    monkeypatch.setattr(loop_module.time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(loop_module.checkpoints, "save", lambda path, key, state: written.append(len(state["history"])))
    scores = [(1,), (2,), (3,), (4,), (5,)]
    loop(scores).run(tmp_path / "c.pt", "key", every_s=25)
    assert written == [3, 5]
    written.clear()
    loop(scores).run(tmp_path / "c.pt", "key")
    assert written == [1, 2, 3, 4, 5], "once behind each"


def test_minibatches_are_all_rows_in_random_order():
    found = minibatches(10, 4, torch.Generator().manual_seed(0))
    assert [len(rows) for rows in found] == [4, 4, 2]
    assert sorted(torch.cat(found).tolist()) == list(range(10)) != torch.cat(found).tolist()
