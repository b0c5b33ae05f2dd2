"""Restricted Boltzmann machines, trained by contrastive divergence.

Energy of visible values v (V,) and binary hidden units h (H,), with weights W (H, V) and biases b (V,), c (H,):

    Bernoulli   E(v, h) = -b v - c h - h W v
    Gaussian    E(v, h) = sum (v - b)^2 / (2 sigma^2) - c h - h W v / sigma^2, with sigma = 1: inputs are standardised

Contrastive divergence is that of Hinton 2002, "Training products of experts by minimizing contrastive divergence";
how statistics are collected follows Hinton 2012, "A practical guide to training restricted Boltzmann machines",
section 3; a stack of them, trained one by one, is the deep belief network of Hinton et al. 2006, "A fast learning
algorithm for deep belief nets", with which Zhang et al. 2017, section IV.B, fuse audio and video.
"""

from abc import ABC, abstractmethod

import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy, linear


def _draw(probabilities: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    # drawn where the generator lives, so that every device sees the same numbers
    uniform = torch.rand(probabilities.shape, generator=generator, dtype=probabilities.dtype, device=generator.device)
    return (uniform.to(probabilities.device) < probabilities).to(probabilities.dtype)


class RBM(nn.Module, ABC):
    """What both kinds share: binary hidden units.

    `generator` draws the first weights from N(0, 0.01^2), Hinton 2012, section 8; biases begin at 0.
    """

    def __init__(self, visible: int, hidden: int, generator: torch.Generator) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.empty(hidden, visible).normal_(0, 0.01, generator=generator))
        self.visible_bias = nn.Parameter(torch.zeros(visible))
        self.hidden_bias = nn.Parameter(torch.zeros(hidden))

    def hidden_probabilities(self, visible: torch.Tensor) -> torch.Tensor:
        """Return P(h = 1 | v), (B, H), for visible values (B, V)."""
        return torch.sigmoid(linear(visible, self.weights, self.hidden_bias))

    @abstractmethod
    def visible_means(self, hidden: torch.Tensor) -> torch.Tensor:
        """Return E[v | h], (B, V), for hidden states (B, H)."""

    @abstractmethod
    def sample_visible(self, means: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Return one draw of the visible units with such means, (B, V)."""

    @abstractmethod
    def reconstruction_error(self, visible: torch.Tensor, means: torch.Tensor) -> torch.Tensor:
        """Return how far the reconstruction's means (B, V) lie from visible values (B, V), summed over units, (B,)."""

    @torch.no_grad()
    def contrastive_divergence(
        self, visible: torch.Tensor, steps: int, generator: torch.Generator, sampled: bool = False
    ) -> torch.Tensor:
        """Leave an estimate of the gradient of the mean negative log-likelihood of a minibatch (B, V) in `.grad`, as
        `backward` does, and return the means of the first reconstruction, (B, V).

        Hidden units are sampled, except for the statistics at both ends of the chain of k = `steps`, which take their
        probabilities. Visible units take their means, which is less noisy and good enough to begin a deep network with
        (Hinton 2012, section 3.2), or are `sampled` too: the chain then tends to the model's own distribution, and the
        estimate to the exact gradient as `steps` grow. The next call writes into the same `weights.grad`.
        """
        driven = hidden = self.hidden_probabilities(visible)
        first = chain = visible
        for step in range(steps):
            means = self.visible_means(_draw(hidden, generator))
            first = means if step == 0 else first
            chain = self.sample_visible(means, generator) if sampled else means
            hidden = self.hidden_probabilities(chain)
        self.hidden_bias.grad = (hidden - driven).mean(0)
        self.visible_bias.grad = (chain - visible).mean(0)
        if self.weights.grad is None:
            self.weights.grad = torch.empty_like(self.weights)
        # the matrix may be large: one product into the same buffer for both ends of the chain
        signed = torch.cat([hidden, -driven]).T / len(visible)
        torch.mm(signed, torch.cat([chain, visible]), out=self.weights.grad)
        return first


class BernoulliRBM(RBM):
    """Binary visible units, or values in 0..1 that stand for their probabilities."""

    def visible_means(self, hidden: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid(linear(hidden, self.weights.T, self.visible_bias))

    def sample_visible(self, means: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        return _draw(means, generator)

    def reconstruction_error(self, visible: torch.Tensor, means: torch.Tensor) -> torch.Tensor:
        """Return the cross-entropy of Zhang et al. 2017, eq. (5), nats, (B,); its second term is negative there too."""
        return binary_cross_entropy(means, visible, reduction="none").sum(1)


class GaussianRBM(RBM):
    """Real visible units of variance 1."""

    def visible_means(self, hidden: torch.Tensor) -> torch.Tensor:
        return linear(hidden, self.weights.T, self.visible_bias)

    def sample_visible(self, means: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        noise = torch.randn(means.shape, generator=generator, dtype=means.dtype, device=generator.device)
        return means + noise.to(means.device)

    def reconstruction_error(self, visible: torch.Tensor, means: torch.Tensor) -> torch.Tensor:
        """Return the squared error, (B,).

        Zhang et al. 2017 write the cross-entropy of eq. (5) for every layer, but it has no meaning for values outside
        0..1. For Gaussian units the negative logarithm of the likelihood is the squared error.
        """
        return (visible - means).square().sum(1)
