"""`pipeline.training.fitting`: source tasks and fine-tuning through the training loop."""

from __future__ import annotations

import hashlib
import signal
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch import nn

from helpers.killed import started
from pipeline.core.errors import SettingsError
from pipeline.training.fitting import fit, predicted
from pipeline.training.task import Examples, LoopParams, Run, Task

LOOP = {"epochs": 6, "patience": 6, "batch": 16, "learning_rate": 0.05, "threads": 1, "seed": 0}


def same(inputs: torch.Tensor, _: bool) -> torch.Tensor:
    return inputs


def points(seed: int = 0, count: int = 120, flip: bool = False) -> Examples:
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.randn(count, 2, generator=generator)
    labels = (inputs[:, 0] > 0).long()
    return Examples(inputs, 1 - labels if flip else labels)


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Linear(2, 2)


def train(learner: nn.Module, learn: Examples, held: Examples, prepare=same, run: Run | None = None, **loop):
    return fit(
        Task(learner, learn, held, prepare, "pipeline.training.fitting"), LoopParams(**{**LOOP, **loop}), run or Run()
    )


def share(learner, examples: Examples, batch: int) -> float:
    """Return the share of examples whose class a network names."""
    return float((predicted(learner, examples, batch, same, Run()) == examples.labels).double().mean())


def test_it_learns():
    learner = network()
    _, history = train(learner, points(), points(1))
    assert share(learner, points(2), 16) > 0.9
    assert history[-1]["loss"] < history[0]["loss"]
    assert [row["epoch"] for row in history] == list(range(len(history)))
    prior = {"prior_loss", "held_out_prior_loss", "held_out_prior_accuracy"}
    assert set(history[0]) == {"epoch", "loss", "held_out_loss", "held_out_accuracy", "steps", "kept", *prior}
    assert [row["steps"] for row in history] == [8 * (row["epoch"] + 1) for row in history]


def test_the_best_epochs_weights_are_kept():
    """Held-out labels are turned round, so every epoch makes it worse: the first one is the best."""
    learner, held = network(), points(1, flip=True)
    state, history = train(learner, points(), held, learning_rate=0.01)
    reached = [row["held_out_accuracy"] for row in history]
    assert reached[-1] < max(reached)
    assert share(learner, held, 16) == pytest.approx(max(reached), abs=1e-6)
    assert all(torch.equal(state[name], tensor) for name, tensor in learner.state_dict().items())


@pytest.mark.parametrize("patience", [1, 2, 4])
def test_it_stops_after_so_many_epochs_without_a_better_one(patience):
    _, history = train(network(), points(), points(1), epochs=20, learning_rate=1e-12, patience=patience)
    assert len(history) == 1 + patience


def test_without_patience_all_epochs_are_run_and_the_last_is_kept():
    """As in the code of Zhang et al., where validation is watched and nothing else."""
    learn, held = points(), points(1)
    state, history = train(network(), learn, held, epochs=6, patience=None, learning_rate=0.5)
    assert len(history) == 6
    accuracies = [row["held_out_accuracy"] for row in history]
    assert max(accuracies) > accuracies[-1], "or nothing is tested here"
    best, _ = train(network(), learn, held, epochs=6, learning_rate=0.5)
    assert any(not torch.equal(best[name], state[name]) for name in state)


def test_without_held_out_examples_the_last_epoch_is_kept():
    none = Examples(points().inputs[:0], points().labels[:0])
    state, history = train(network(), points(), none, epochs=6, patience=1)
    assert len(history) == 6
    last, _ = train(network(), points(), points(1), epochs=6, patience=None)
    assert all(torch.equal(last[name], state[name]) for name in state)


def test_the_same_seed_gives_the_same_weights_and_another_order_others():
    states = [train(network(), points(), points(1), seed=seed)[0] for seed in (0, 0, 1)]
    assert torch.equal(states[0]["weight"], states[1]["weight"])
    assert not torch.equal(states[0]["weight"], states[2]["weight"])


def test_prepare_knows_whether_it_is_for_training():
    seen = []

    def prepare(inputs: torch.Tensor, training: bool) -> torch.Tensor:
        seen.append((training, len(inputs)))
        return inputs

    train(network(), points(count=40), points(1, count=20), prepare, epochs=1)
    assert seen == [(True, 16), (True, 16), (True, 8), (False, 16), (False, 4)]


def test_a_last_batch_of_one_is_passed_over():
    """Batch normalisation cannot train on a single example."""
    learner = nn.Sequential(nn.BatchNorm1d(2), nn.Linear(2, 2))
    _, history = train(learner, points(count=17), points(1), epochs=1)
    assert history[0]["loss"] > 0


def test_accuracy_counts_and_leaves_evaluation_mode_on():
    learner = nn.Linear(2, 2)
    with torch.no_grad():
        learner.weight.copy_(torch.tensor([[-1.0, 0.0], [1.0, 0.0]]))
        learner.bias.zero_()
    examples = Examples(torch.tensor([[1.0, 0.0], [-1.0, 0.0], [2.0, 0.0]]), torch.tensor([1, 0, 0]))
    assert share(learner.train(), examples, 2) == pytest.approx(2 / 3)
    assert not learner.training


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("epochs", -1),
        ("patience", 0),
        ("batch", 0),
        ("learning_rate", 0),
        ("threads", 0),
        ("seed", -1),
        ("optimiser", "lbfgs"),
        ("momentum", 1),
        ("momentum", -0.1),
        ("weight_decay", -1),
    ],
)
def test_settings_that_make_no_sense(key, value):
    with pytest.raises(ValidationError):
        LoopParams(**{**LOOP, key: value})


def rates(**loop) -> list[float]:
    """Return the learning rates that a training took its steps with."""
    seen: list[float] = []

    class Noted(torch.optim.SGD):
        def step(self, closure=None):
            seen.append(self.param_groups[0]["lr"])
            return super().step(closure)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipeline.training.optimiser.SGD", Noted)
        train(network(), points(count=100), points(1), optimiser="sgd", **loop)
    return seen


def test_a_constant_rate_stays():
    assert rates(epochs=2) == [0.05] * 14


def test_cosine_decay_starts_at_the_learning_rate_and_ends_near_0_at_the_last_step_of_all_epochs():
    found = rates(epochs=4, schedule="cosine")
    assert len(found) == 28
    assert found[0] == 0.05
    assert found[14] == pytest.approx(0.025)
    assert 0 < found[-1] < 0.0003
    assert found == sorted(found, reverse=True)


def test_no_epochs_leave_the_network_as_it_was():
    learner = network()
    before = {name: tensor.clone() for name, tensor in learner.state_dict().items()}
    state, history = train(learner, points(), points(1), epochs=0)
    assert history == []
    assert all(torch.equal(state[name], tensor) for name, tensor in before.items())


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_gpu_that_is_not_there():
    with pytest.raises(
        SettingsError, match=r"params\.yaml: runtime\.device: cuda, but PyTorch finds no GPU here; set it to cpu"
    ):
        train(network(), points(), points(1), run=Run(device="cuda"))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_a_gpu_learns_the_same_task():
    state, history = train(network(), points(), points(1), run=Run(device="cuda", mixed_precision=True))
    assert history[-1]["held_out_accuracy"] > 0.9
    assert all(tensor.device.type == "cpu" for tensor in state.values())


def test_mixed_precision_learns_too_but_not_the_same_bits():
    seen = []

    class Watched(nn.Linear):
        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            outputs = super().forward(inputs)
            seen.append(outputs.dtype)
            return outputs

    torch.manual_seed(0)
    learner = Watched(2, 2)
    state, history = train(learner, points(), points(1), run=Run(mixed_precision=True))
    assert set(seen) == {torch.bfloat16}
    assert state["weight"].dtype == torch.float32
    assert history[-1]["held_out_accuracy"] > 0.9
    assert not torch.equal(state["weight"], train(network(), points(), points(1))[0]["weight"])


def steps(count: int, **loop) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Weights before and after so many steps over the same example, and the gradient before the first."""
    learner = network()
    learn = Examples(torch.tensor([[0.7, -1.2]]).repeat(8 * count, 1), torch.ones(8 * count, dtype=torch.long))
    before = learner.weight.detach().clone()
    loss = nn.functional.cross_entropy(learn.inputs @ learner.weight.T + learner.bias, learn.labels)
    gradient = torch.autograd.grad(loss, learner.weight)[0]
    train(learner, learn, learn, epochs=1, batch=8, learning_rate=0.1, **loop)
    return before, learner.weight.detach(), gradient


@pytest.mark.parametrize("decay", [0.0, 0.5])
def test_one_step_of_gradient_descent(decay):
    before, after, gradient = steps(1, optimiser="sgd", weight_decay=decay)
    torch.testing.assert_close(after, before - 0.1 * (gradient + decay * before))


@pytest.mark.parametrize("decay", [0.0, 50.0])
def test_one_step_of_adam_goes_by_the_learning_rate(decay):
    before, after, gradient = steps(1, weight_decay=decay)
    torch.testing.assert_close(after, before - 0.1 * (gradient + decay * before).sign(), rtol=1e-4, atol=1e-5)


def test_momentum_goes_on_in_the_old_direction():
    """Two steps: v1 = g1, v2 = m v1 + g2, and g2 is the same with and without."""
    _, without, gradient = steps(2, optimiser="sgd", momentum=0.0)
    torch.testing.assert_close(steps(2, optimiser="sgd")[1] - without, -0.1 * 0.9 * gradient)


class OnDisk:
    """Inputs in a file, mapped into memory and read row by row."""

    def __init__(self, path: Path, inputs: torch.Tensor) -> None:
        np.save(path, inputs.numpy())
        self.values, self.path, self.asked = np.load(path, mmap_mode="r"), path, []

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, rows: torch.Tensor) -> torch.Tensor:
        self.asked.append(len(rows))
        return torch.from_numpy(self.values[rows.numpy()])

    def digest(self) -> str:
        return hashlib.sha256(self.path.read_bytes()).hexdigest()


def on_disk(task: Task, folder: Path) -> Task:
    parts = {
        name: Examples(OnDisk(folder / f"{name}.npy", part.inputs), part.labels)
        for name, part in (("train", task.train), ("held_out", task.held_out))
    }
    return replace(task, **parts)


def test_inputs_on_disk_give_the_weights_of_inputs_in_memory(tmp_path):
    params, task = LoopParams(**{**LOOP, "epochs": 3}), on_disk(noisy(), tmp_path)
    assert isinstance(task.train.inputs.values, np.memmap)
    assert same_result(fit(task, params, Run()), fit(noisy(), params, Run()))
    assert set(task.train.inputs.asked) == {16, 120 % 16}
    assert sum(task.held_out.inputs.asked) == 3 * 120


def test_a_checkpoint_knows_inputs_by_their_digest(tmp_path, capsys):
    params, run = LoopParams(**{**LOOP, "epochs": 4}), Run(checkpoint=tmp_path / "c.pt", on_epoch=stop_after(1))
    whole = fit(noisy(), params, Run())
    with pytest.raises(Stopped):
        fit(on_disk(noisy(), tmp_path), params, run)
    again = on_disk(noisy(), tmp_path)
    assert same_result(fit(again, params, replace(run, on_epoch=lambda _: None)), whole)
    assert len(again.train.inputs.asked) == 2 * 8, "two epochs of eight batches were left"
    assert capsys.readouterr().err == ""
    other = noisy()
    other = replace(other, held_out=Examples(other.held_out.inputs + 1, other.held_out.labels))
    fit(on_disk(other, tmp_path), params, replace(run, on_epoch=lambda _: None))
    assert "of other data, settings or code" in capsys.readouterr().err


def test_as_many_inputs_as_labels():
    with pytest.raises(ValueError, match="3 inputs for 2 labels"):
        Examples(torch.zeros(3, 1), torch.zeros(2, dtype=torch.long))


def noisy() -> Task:
    """A task with every kind of random draw: order of examples, dropout (the global generator), augmentation."""
    torch.manual_seed(0)
    learner = nn.Sequential(nn.Linear(2, 32), nn.BatchNorm1d(32), nn.Dropout(0.3), nn.ReLU(), nn.Linear(32, 2))
    generator = torch.Generator().manual_seed(5)

    def prepare(inputs: torch.Tensor, training: bool) -> torch.Tensor:
        return inputs + 0.5 * torch.randn(inputs.shape, generator=generator) if training else inputs

    return Task(learner, points(), points(1), prepare, "pipeline.training.fitting", {}, {}, {"augmentation": generator})


class Stopped(Exception):
    pass


def stop_after(epoch: int):
    def on_epoch(row):
        if row["epoch"] == epoch:
            raise Stopped

    return on_epoch


def same_result(one, other) -> bool:
    return one[1] == other[1] and all(torch.equal(one[0][name], tensor) for name, tensor in other[0].items())


@pytest.mark.parametrize("last", [0, 3, 7])
@pytest.mark.parametrize("mixed", [False, True])
def test_an_interrupted_run_gives_what_an_uninterrupted_one_gives(tmp_path, last, mixed):
    params = LoopParams(**{**LOOP, "epochs": 8, "patience": 3})
    whole = fit(noisy(), params, Run(mixed_precision=mixed))
    run = Run(mixed_precision=mixed, checkpoint=tmp_path / "c.pt", on_epoch=stop_after(min(last, len(whole[1]) - 1)))
    with pytest.raises(Stopped):
        fit(noisy(), params, run)
    torch.manual_seed(12345)
    rows, task, seen = [], noisy(), []

    def prepare(inputs: torch.Tensor, training: bool) -> torch.Tensor:
        seen.append(training)
        return task.prepare(inputs, training)

    again = fit(replace(task, prepare=prepare), params, replace(run, on_epoch=rows.append))
    assert same_result(again, whole)
    assert sum(seen) == 8 * (len(whole[1]) - 1 - min(last, len(whole[1]) - 1)), "the first epochs are not trained again"
    assert rows == whole[1], "every epoch is reported once, also those of the first run"


def changed_data(task: Task) -> Task:
    labels = task.train.labels.clone()
    labels[0] = 1 - labels[0]
    return replace(task, train=Examples(task.train.inputs, labels))


@pytest.mark.parametrize(
    "change",
    [
        changed_data,
        lambda t: replace(t, settings={"a": 1}),
        lambda t: replace(t, tables={"x": torch.ones(1)}),
        lambda t: replace(t, code="pipeline.audio.spectral"),
    ],
    ids=["data", "settings", "tables", "code"],
)
def test_a_checkpoint_of_another_task_is_not_gone_on_with(tmp_path, capsys, change):
    params, checkpoint = LoopParams(**{**LOOP, "epochs": 3}), tmp_path / "c.pt"
    fit(noisy(), params, Run(checkpoint=checkpoint))
    assert same_result(fit(change(noisy()), params, Run(checkpoint=checkpoint)), fit(change(noisy()), params, Run()))
    assert "of other data, settings or code" in capsys.readouterr().err


@pytest.mark.parametrize(
    "change", [{"batch": 8}, {"seed": 1}, {"epochs": 4}, {"patience": 1}, {"optimiser": "sgd"}, {"weight_decay": 0.1}]
)
def test_a_checkpoint_of_another_loop_is_not_gone_on_with(tmp_path, capsys, change):
    checkpoint = tmp_path / "c.pt"
    fit(noisy(), LoopParams(**{**LOOP, "epochs": 3}), Run(checkpoint=checkpoint))
    other = LoopParams(**{**LOOP, "epochs": 3, **change})
    assert same_result(fit(noisy(), other, Run(checkpoint=checkpoint)), fit(noisy(), other, Run()))
    assert "of other data, settings or code" in capsys.readouterr().err


def test_a_damaged_checkpoint_is_told_and_training_starts_over(tmp_path, capsys):
    params, checkpoint = LoopParams(**{**LOOP, "epochs": 3}), tmp_path / "c.pt"
    whole = fit(noisy(), params, Run(checkpoint=checkpoint))
    checkpoint.write_bytes(checkpoint.read_bytes()[:-100])
    assert same_result(fit(noisy(), params, Run(checkpoint=checkpoint)), whole)
    assert "damaged; training starts over" in capsys.readouterr().err


KILLED = """
import sys, time
from pathlib import Path
sys.path[:0] = [{tests!r}, {root!r}]
from test_fitting import LOOP, LoopParams, Run, fit, noisy

def on_epoch(row):
    with open({told!r}, "a") as file:
        print(int(row["epoch"]), file=file)
    time.sleep(0.05)

params = LoopParams(**{{**LOOP, "epochs": 16, "patience": 16}})
fit(noisy(), params, Run(checkpoint=Path({path!r}), on_epoch=on_epoch))
"""


@pytest.mark.slow
def test_a_process_killed_in_the_middle_is_gone_on_with(tmp_path):
    tests, told = Path(__file__).parent, tmp_path / "told"
    program = KILLED.format(tests=str(tests), root=str(tests.parents[1]), path=str(tmp_path / "c.pt"), told=str(told))
    for epoch in (4, 9):  # killed twice, the second time after it had gone on once
        process = started(program)
        while not told.is_file() or f"{epoch}\n" not in told.read_text():
            assert process.is_alive()
            time.sleep(0.01)
        process.kill()
        process.join()
        assert process.exitcode == -signal.SIGKILL
    params = LoopParams(**{**LOOP, "epochs": 16, "patience": 16})
    content = (tmp_path / "c.pt").read_bytes()
    again = fit(noisy(), params, Run(checkpoint=tmp_path / "c.pt"))
    assert same_result(again, fit(noisy(), params, Run()))
    assert content != (tmp_path / "c.pt").read_bytes()


def test_examples_in_pieces_are_learned_from_as_whole_batches():
    whole, rows = train(network(), points(), points(1), optimiser="sgd")
    pieces, again = train(network(), points(), points(1), optimiser="sgd", at_once=5)
    for name, weight in whole.items():
        torch.testing.assert_close(pieces[name], weight, rtol=1e-5, atol=1e-5)
    assert [row["loss"] for row in again] == pytest.approx([row["loss"] for row in rows], abs=1e-5)


def test_examples_are_prepared_beside_the_training_and_held_out_ones_too():
    seen = []

    def prepare(inputs: torch.Tensor, training: bool) -> torch.Tensor:
        seen.append((training, threading.current_thread() is threading.main_thread()))
        return inputs

    train(network(), points(), points(1), prepare, epochs=1)
    assert set(seen) == {(True, False), (False, False)}


def test_with_cosine_decay_a_run_that_is_gone_on_with_ends_as_one_that_was_not_stopped(tmp_path):
    whole = train(network(), points(), points(1), schedule="cosine")
    run = Run(checkpoint=tmp_path / "c.pt", on_epoch=stop_after(2))
    with pytest.raises(Stopped):
        train(network(), points(), points(1), run=run, schedule="cosine")
    resumed = train(network(), points(), points(1), run=Run(checkpoint=tmp_path / "c.pt"), schedule="cosine")
    assert same_result(whole, resumed)
