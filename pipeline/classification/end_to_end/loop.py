"""The training of one network on aligned faces: stochastic gradient descent, the best state by validation, resumable.

The loop's whole state is kept at every look at validation, the last one included: a process that is killed and started
again gives the bytes of one that was not, and does not train again what it had finished.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from pipeline.classification.end_to_end.network import (
    EndToEndParams,
    FaceClips,
    Faces,
    assembled,
    batches,
    middle,
    new_network,
)
from pipeline.core.errors import PipelineError
from pipeline.core.settings import Runtime
from pipeline.core.weights_file import load_state, load_weights, save_weights
from pipeline.engine.code_digest import code_digest
from pipeline.engine.threads import ahead
from pipeline.features.aligned.job import ClipModel
from pipeline.networks.temporal import ClipNetwork, LayerScales
from pipeline.runner.progress import progress
from pipeline.training import checkpoints
from pipeline.training.datasets import judged
from pipeline.training.per_fold import is_kept


@dataclass(frozen=True)
class Training:
    """What is learned, how and where.

    Attributes:
        network: the pre-trained network
        params: how it is learned
        digest: SHA-256 of the file of aligned faces
        scratch: folder of the loops' states
        runtime: device and precision
    """

    network: ClipModel
    params: EndToEndParams
    digest: str
    scratch: Path
    runtime: Runtime

    def key(self, train: FaceClips, val: FaceClips) -> str:
        """Return a name for everything that one training depends on."""
        about = {
            "code": code_digest(self.network.code, __name__),
            "network": [self.network.name, self.network.settings, self.network.loaded().sha256],
            "params": self.params.model_dump(mode="json", exclude={"keep", "settings"}),
            "faces": self.digest,
            "clips": [[part.ids, part.labels.tolist()] for part in (train, val)],
            "run": [self.runtime.device, self.runtime.mixed_precision],
        }
        return checkpoints.digest_of(about, {})


class EndToEnd:
    """The model of one fold; see pipeline/classification/classifiers."""

    def __init__(self, training: Training, classes: Sequence[str]) -> None:
        self.training, self.classes = training, list(classes)

    def fit(self, train: FaceClips, val: FaceClips) -> list[dict[str, float]]:
        """Train; return one row per look at validation: iteration, loss since the last one, val_loss, val_accuracy.

        Raises:
            PipelineError: the loss left the range of floats
        """
        training, params = self.training, self.training.params
        torch.backends.cudnn.deterministic = True
        self.network = new_network(training.network, params, train, len(self.classes), training.runtime.device)
        key = training.key(train, val)
        checkpoint = training.scratch / f"{training.network.name}-{key[:16]}.pt"
        loop = _Loop(self, np.unique(train.labels))
        if kept := checkpoints.load(checkpoint, key):
            loop.restore(kept)
        left = params.iterations - loop.done
        for pictures, labels in progress(
            ahead(batches(training.network, train, params, loop.done)), left, "training", "iteration"
        ):
            loop.step(pictures, labels)
            if loop.done % params.judge_every == 0 or loop.done == params.iterations:
                loop.judge(val)
                checkpoints.save(checkpoint, key, loop.state())
        self.network.load_state_dict(loop.best_state)
        return loop.history

    def logits(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return logits (B, C) on the device, in float32; with mixed precision the head alone is computed in it."""
        runtime = self.training.runtime
        with torch.autocast(runtime.device, dtype=torch.bfloat16, enabled=runtime.mixed_precision):
            layers = self.network.layers(inputs.to(runtime.device))
        return self.network.judge(layers)

    @torch.inference_mode()
    def predict(self, data: Faces) -> np.ndarray:
        """Return posteriors, (N, C) float64."""
        self.network.eval()
        # one clip at a time: the neighbours in a batch would change the last bits
        inputs = ahead(middle(self.training.network, data, [number]) for number in range(len(data)))
        rows = [torch.softmax(self.logits(one).double(), 1).cpu().numpy() for one in inputs]
        return np.concatenate([np.zeros((0, len(self.classes))), *rows])

    def save(self, path: Path) -> None:
        """Write the folder `path` with the weights, where they are to be kept."""
        if not is_kept(self.training.params.keep, path.name):
            return
        loaded, params = self.training.network.loaded(), self.training.params.model_dump(mode="json")
        config = {"network": loaded.config["network"], "classes": self.classes, "fold": path.name, "params": params}
        save_weights(
            path,
            self.network.state_dict(),
            config,
            f"{loaded.origin}; learned further on training clips of {path.name}",
        )

    def load(self, path: Path) -> None:
        """Read the folder that `save` wrote.

        Raises:
            WeightsError: absent, damaged, or of another network
        """
        training, kept = self.training, load_weights(path)
        means, deviations = kept.state["means"], kept.state["deviations"]
        taking = [
            kept.state[name] for name in sorted(kept.state) if name.endswith(".weight_ih_l0")
        ]  # less than ten layers
        widths = tuple(weight.shape[1] for weight in taking) or (len(means),)
        scales = LayerScales(widths, means, deviations)
        network = assembled(training.network, training.params, training.network.network(), scales, len(self.classes))
        self.network = load_state(network, kept, path)


class _Loop:
    """Everything that changes from iteration to iteration."""

    def __init__(self, model: EndToEnd, known: np.ndarray) -> None:
        self.model, self.known, self.params, self.network = model, known, model.training.params, model.network
        p = self.params
        self.optimiser = torch.optim.SGD(
            self.network.parameters(), lr=p.learning_rate, momentum=p.momentum, weight_decay=p.weight_decay
        )
        self.done = 0
        self.losses: list[float] = []
        self.history: list[dict[str, float]] = []
        self.best, self.best_state = (-1.0, -math.inf), _copy(self.network)

    def step(self, inputs: torch.Tensor, labels: torch.Tensor) -> None:
        """Learn from one batch."""
        self.network.train()
        for group in self.optimiser.param_groups:
            group["lr"] = self.params.rate(self.done)
        self.optimiser.zero_grad(set_to_none=True)
        loss = nn.functional.cross_entropy(self.model.logits(inputs), labels.to(self.model.training.runtime.device))
        loss.backward()
        if self.params.max_gradient:
            nn.utils.clip_grad_norm_(self.network.parameters(), self.params.max_gradient)
        self.optimiser.step()
        self.losses.append(loss.item())
        self.done += 1
        if not math.isfinite(self.losses[-1]):
            raise PipelineError(
                f"end_to_end.{self.model.training.network.name}: the loss of iteration {self.done} is no number; lower learning_rate or max_gradient"
            )

    def judge(self, val: FaceClips) -> None:
        """Look at validation; of equally good states the earlier one is kept."""
        val_loss, val_accuracy = judged(self.model.predict(val), val.labels, self.known)
        loss = round(float(np.mean(self.losses)), 6)
        self.history.append({"iteration": self.done, "loss": loss, "val_loss": val_loss, "val_accuracy": val_accuracy})
        self.losses.clear()
        if (val_accuracy, -val_loss) > self.best:
            self.best, self.best_state = (val_accuracy, -val_loss), _copy(self.network)

    def state(self) -> dict[str, Any]:
        """Return what `restore` takes; taken right behind `judge`."""
        cuda = self.model.training.runtime.device == "cuda"
        return {
            "network": self.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "torch": torch.get_rng_state(),
            "cuda": torch.cuda.get_rng_state() if cuda else None,
            "done": self.done,
            "history": self.history,
            "best": self.best,
            "best_state": self.best_state,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go back to where `state` was taken."""
        self.network.load_state_dict(state["network"])
        self.optimiser.load_state_dict(state["optimiser"])
        torch.set_rng_state(state["torch"])
        if state["cuda"] is not None:
            torch.cuda.set_rng_state(state["cuda"])
        self.done, self.history = state["done"], list(state["history"])
        self.best, self.best_state = tuple(state["best"]), state["best_state"]


def _copy(network: ClipNetwork) -> dict[str, torch.Tensor]:
    return {name: tensor.detach().cpu().clone() for name, tensor in network.state_dict().items()}
