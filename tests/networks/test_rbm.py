"""Restricted Boltzmann machines against exact values: sums over all states of 4 visible and 3 hidden units."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch.nn.functional import cosine_similarity, linear, softplus

from pipeline.networks.rbm import BernoulliRBM, GaussianRBM

VISIBLE, HIDDEN = 4, 3
KINDS = [BernoulliRBM, GaussianRBM]


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


def random_machine(kind, seed: int = 0, scale: float = 1.0):
    """Return a machine whose weights and biases are large enough to matter, in double precision."""
    generator = torch.Generator().manual_seed(seed)
    machine = kind(VISIBLE, HIDDEN, generator).double()
    with torch.no_grad():
        for parameter in machine.parameters():
            parameter.copy_(scale * torch.randn(parameter.shape, generator=generator, dtype=torch.float64))
    return machine


def states(units: int) -> torch.Tensor:
    """Return all binary states, (2 ** units, units)."""
    return torch.tensor(list(itertools.product([0.0, 1.0], repeat=units)), dtype=torch.float64)


def energies(machine, visible: torch.Tensor, hidden: torch.Tensor) -> torch.Tensor:
    """Return E(v, h) of every pair, (B, states), written out unit by unit."""
    found = torch.zeros(len(visible), len(hidden), dtype=torch.float64)
    for (row, v), (column, h) in itertools.product(enumerate(visible), enumerate(hidden)):
        energy = -sum(machine.hidden_bias[j] * h[j] for j in range(HIDDEN))
        for i in range(VISIBLE):
            b = machine.visible_bias[i]
            energy = energy + ((v[i] - b) ** 2 / 2 if isinstance(machine, GaussianRBM) else -b * v[i])
            energy = energy - sum(h[j] * machine.weights[j, i] * v[i] for j in range(HIDDEN))
        found[row, column] = energy
    return found


def free_energy(machine, visible: torch.Tensor) -> torch.Tensor:
    """Return -log sum_h exp(-E(v, h)), (B,), in closed form: E's own part of v - sum_j log(1 + exp(c_j + W_j v))."""
    b = machine.visible_bias
    own = (visible - b).square().sum(1) / 2 if isinstance(machine, GaussianRBM) else -(visible @ b)
    return own - softplus(linear(visible, machine.weights, machine.hidden_bias)).sum(1)


def log_partition(machine) -> torch.Tensor:
    """Return log Z: over all visible states, or for Gaussian units over hidden states, with the integral in closed
    form.
    """
    if isinstance(machine, BernoulliRBM):
        return torch.logsumexp(-free_energy(machine, states(VISIBLE)), 0)
    h, b = states(HIDDEN), machine.visible_bias
    pull = h @ machine.weights
    # the integral of exp(-(v - b)^2 / 2 + v p) is sqrt(2 pi) exp(b p + p^2 / 2) per unit
    exponents = h @ machine.hidden_bias + pull @ b + pull.square().sum(1) / 2
    return torch.logsumexp(exponents, 0) + VISIBLE / 2 * math.log(2 * math.pi)


def log_likelihood(machine, visible: torch.Tensor) -> torch.Tensor:
    return (-free_energy(machine, visible) - log_partition(machine)).mean()


def exact_gradient(machine, visible: torch.Tensor) -> list[torch.Tensor]:
    """Return the gradient of the mean negative log-likelihood by weights, visible and hidden biases."""
    return list(torch.autograd.grad(-log_likelihood(machine, visible), list(machine.parameters())))


def some_visible(kind, rows: int, seed: int = 1) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(rows, VISIBLE, generator=generator, dtype=torch.float64)
    return noise if kind is GaussianRBM else (noise > 0).double()


@pytest.mark.parametrize("kind", KINDS)
def test_the_free_energy_sums_over_all_hidden_states(kind):
    machine, visible = random_machine(kind), some_visible(kind, 6)
    with torch.no_grad():
        expected = -torch.logsumexp(-energies(machine, visible, states(HIDDEN)), 1)
        torch.testing.assert_close(free_energy(machine, visible), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_hidden_probabilities_are_marginals_over_all_hidden_states(kind):
    machine, visible, hidden = random_machine(kind), some_visible(kind, 6), states(HIDDEN)
    with torch.no_grad():
        posterior = torch.softmax(-energies(machine, visible, hidden), 1)
        torch.testing.assert_close(machine.hidden_probabilities(visible), posterior @ hidden, rtol=1e-12, atol=1e-12)


def test_visible_probabilities_are_marginals_over_all_visible_states():
    machine, visible, hidden = random_machine(BernoulliRBM), states(VISIBLE), states(HIDDEN)
    with torch.no_grad():
        posterior = torch.softmax(-energies(machine, visible, hidden), 0)
        torch.testing.assert_close(machine.visible_means(hidden), posterior.T @ visible, rtol=1e-12, atol=1e-12)


def test_visible_means_of_gaussian_units_are_the_lowest_energy_and_its_curvature_is_one():
    machine, hidden = random_machine(GaussianRBM), states(HIDDEN)
    means = machine.visible_means(hidden).detach()
    for number, mean in enumerate(means):

        def energy(v, h=hidden[number : number + 1]):
            return energies(machine, v[None], h)[0, 0]

        torch.testing.assert_close(torch.func.grad(energy)(mean), torch.zeros(VISIBLE).double(), rtol=0, atol=1e-12)
        torch.testing.assert_close(torch.autograd.functional.hessian(energy, mean), torch.eye(VISIBLE).double())


def test_the_gaussian_partition_function_is_the_integral_of_the_free_energy():
    machine = random_machine(GaussianRBM, scale=0.5)
    grid = torch.linspace(-9, 9, 19, dtype=torch.float64)  # of a bell curve, a sum in steps of 1 is the integral
    points = torch.cartesian_prod(*[grid] * VISIBLE)
    with torch.no_grad():
        integral = torch.logsumexp(-free_energy(machine, points), 0) + VISIBLE * torch.log(grid[1] - grid[0])
        torch.testing.assert_close(integral, log_partition(machine), rtol=0, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_samples_of_visible_units_have_their_means_and_their_noise(kind):
    machine, generator = random_machine(kind), torch.Generator().manual_seed(3)
    with torch.no_grad():
        means = machine.visible_means(states(HIDDEN)[5:6])
        drawn = machine.sample_visible(means.expand(40_000, -1), generator)
    torch.testing.assert_close(drawn.mean(0), means[0], rtol=0, atol=0.02)
    variance = torch.ones_like(means[0]) if kind is GaussianRBM else means[0] * (1 - means[0])
    torch.testing.assert_close(drawn.var(0), variance, rtol=0.05, atol=0.005)


def test_the_exact_gradient_is_data_statistics_less_model_statistics():
    machine, visible = random_machine(BernoulliRBM), some_visible(BernoulliRBM, 10)
    all_visible, all_hidden = states(VISIBLE), states(HIDDEN)
    joint = torch.softmax(-energies(machine, all_visible, all_hidden).flatten(), 0).view(16, 8)
    driven = torch.softmax(-energies(machine, visible, all_hidden), 1) @ all_hidden
    expected = [
        torch.einsum("vh,vi,hj->ji", joint, all_visible, all_hidden) - driven.T @ visible / len(visible),
        joint.sum(1) @ all_visible - visible.mean(0),
        joint.sum(0) @ all_hidden - driven.mean(0),
    ]
    for found, wanted in zip(exact_gradient(machine, visible), expected, strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-10, atol=1e-12)


def estimate(machine, visible: torch.Tensor, steps: int, sampled: bool, chains: int, seed: int = 0) -> torch.Tensor:
    """Return the flat gradient of CD-k over so many chains per row."""
    machine.contrastive_divergence(visible.repeat(chains, 1), steps, torch.Generator().manual_seed(seed), sampled)
    return torch.cat([parameter.grad.flatten() for parameter in machine.parameters()])


@pytest.mark.parametrize("kind", KINDS)
def test_many_steps_of_sampling_lead_to_the_exact_gradient(kind):
    machine, visible = random_machine(kind, scale=0.6), some_visible(kind, 10)
    exact = torch.cat([part.flatten() for part in exact_gradient(machine, visible)])
    errors = [(estimate(machine, visible, k, True, 4000) - exact).norm() / exact.norm() for k in (1, 50)]
    assert errors[1] < 0.03
    assert errors[0] > 5 * errors[1], "one step alone is biased"
    one = estimate(machine, visible, 1, True, 4000)
    assert cosine_similarity(one, exact, dim=0) > 0.8, "but its direction is good"


@pytest.mark.parametrize("kind", KINDS)
def test_means_instead_of_samples_point_the_same_way_but_keep_a_bias(kind):
    machine, visible = random_machine(kind, scale=0.6), some_visible(kind, 10)
    exact = torch.cat([part.flatten() for part in exact_gradient(machine, visible)])
    found = estimate(machine, visible, 50, False, 4000)
    assert cosine_similarity(found, exact, dim=0) > 0.8
    assert (found - exact).norm() / exact.norm() > 0.06


def test_one_step_by_hand():
    machine = random_machine(BernoulliRBM)
    visible = some_visible(BernoulliRBM, 5)
    first = machine.contrastive_divergence(visible, 1, torch.Generator().manual_seed(4))
    with torch.no_grad():
        driven = machine.hidden_probabilities(visible)
        states_drawn = (
            torch.rand(driven.shape, generator=torch.Generator().manual_seed(4), dtype=torch.float64) < driven
        )
        means = machine.visible_means(states_drawn.double())
        again = machine.hidden_probabilities(means)
    torch.testing.assert_close(first, means)
    torch.testing.assert_close(machine.weights.grad, (again.T @ means - driven.T @ visible) / 5)
    torch.testing.assert_close(machine.visible_bias.grad, (means - visible).mean(0))
    torch.testing.assert_close(machine.hidden_bias.grad, (again - driven).mean(0))


@pytest.mark.parametrize("kind", KINDS)
def test_the_generator_alone_decides_what_is_drawn(kind):
    machine, visible = random_machine(kind), some_visible(kind, 8)
    same = estimate(machine, visible, 3, True, 1, seed=5).clone()
    torch.manual_seed(9)
    assert torch.equal(estimate(machine, visible, 3, True, 1, seed=5), same)
    assert not torch.equal(estimate(machine, visible, 3, True, 1, seed=6), same)


@pytest.mark.parametrize("kind", KINDS)
def test_the_weights_gradient_stays_in_one_buffer(kind):
    machine, visible = random_machine(kind), some_visible(kind, 8)
    estimate(machine, visible, 1, False, 1)
    first = machine.weights.grad.data_ptr()
    estimate(machine, visible, 1, False, 1)
    assert machine.weights.grad.data_ptr() == first


@pytest.mark.parametrize("kind", KINDS)
def test_first_weights_are_small_and_biases_zero(kind):
    machine = kind(300, 200, torch.Generator().manual_seed(0))
    assert machine.weights.shape == (200, 300)
    assert machine.weights.std().item() == pytest.approx(0.01, rel=0.02)
    assert abs(machine.weights.mean().item()) < 1e-4
    assert not machine.visible_bias.any()
    assert not machine.hidden_bias.any()
    assert torch.equal(kind(300, 200, torch.Generator().manual_seed(0)).weights, machine.weights)


def descend(machine, visible: torch.Tensor, steps: int, rate: float, sampled: bool = False) -> list[float]:
    """Follow CD-1 over the whole set; return the mean reconstruction error before every step."""
    generator = torch.Generator().manual_seed(1)
    optimiser = torch.optim.SGD(machine.parameters(), lr=rate, momentum=0.5)
    errors = []
    for _ in range(steps):
        means = machine.contrastive_divergence(visible, 1, generator, sampled)
        errors.append(machine.reconstruction_error(visible, means).mean().item())
        optimiser.step()
    return errors


def structured(kind, rows: int = 200, columns: int = 12) -> torch.Tensor:
    """Return rows that are one of three patterns, with noise: of variance 1 where values are real."""
    generator = torch.Generator().manual_seed(2)
    patterns = (torch.rand(3, columns, generator=generator) > 0.5).float()
    chosen = patterns[torch.randint(3, (rows,), generator=generator)]
    if kind is BernoulliRBM:
        return (chosen - (torch.rand(rows, columns, generator=generator) < 0.05).float()).abs()
    return 3 * (chosen - chosen.mean(0)) + torch.randn(rows, columns, generator=generator)


@pytest.mark.parametrize(("kind", "rate"), [(BernoulliRBM, 0.2), (GaussianRBM, 0.02)])
def test_the_reconstruction_error_falls_on_data_with_structure(kind, rate):
    visible = structured(kind)
    machine = kind(visible.shape[1], 8, torch.Generator().manual_seed(0))
    errors = descend(machine, visible, 400, rate)
    assert sum(errors[-10:]) < 0.5 * sum(errors[:10])


@pytest.mark.parametrize(("kind", "rate"), [(BernoulliRBM, 0.2), (GaussianRBM, 0.02)])
@pytest.mark.parametrize("sampled", [False, True])
def test_the_likelihood_rises_under_contrastive_divergence(kind, rate, sampled):
    visible = structured(kind, columns=VISIBLE).double()
    machine = kind(VISIBLE, HIDDEN, torch.Generator().manual_seed(0)).double()
    reached = []
    for _ in range(3):
        with torch.no_grad():
            reached.append(log_likelihood(machine, visible).item())
        descend(machine, visible, 150, rate, sampled)
    assert reached == sorted(reached)
    assert reached[-1] > reached[0] + 0.2


def test_reconstruction_errors_by_hand():
    generator = torch.Generator().manual_seed(0)
    binary, gaussian = BernoulliRBM(2, 1, generator), GaussianRBM(2, 1, generator)
    visible, means = torch.tensor([[1.0, 0.25]]), torch.tensor([[0.5, 0.5]])
    assert binary.reconstruction_error(visible, means).tolist() == pytest.approx([2 * math.log(2)])
    assert gaussian.reconstruction_error(visible, means).tolist() == pytest.approx([0.25 + 0.0625])
    assert gaussian.reconstruction_error(-3 * visible, means).tolist() == pytest.approx([3.5**2 + 1.25**2])
