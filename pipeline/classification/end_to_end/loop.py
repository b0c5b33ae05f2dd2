"""The training of one network on aligned faces: steps on batches of clips, the best state by validation, resumable.

The loop's whole state is kept at looks at validation (`runtime.checkpoint_minutes`), the last one included: a process
that is killed and started again gives the bytes of one that was not, and does not train again what it had finished.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from torch import nn

from pipeline.classification.end_to_end import network as clip_network
from pipeline.classification.end_to_end.network import FaceClips, Faces
from pipeline.classification.end_to_end.settings import EndToEndParams
from pipeline.core.errors import PipelineError
from pipeline.core.settings import Runtime
from pipeline.core.weights_file import load_state, load_weights, save_weights
from pipeline.engine.code_digest import code_digest
from pipeline.engine.parallel import ahead
from pipeline.features.aligned.job import ClipModel
from pipeline.networks.temporal import LayerScales
from pipeline.runner.progress import progress
from pipeline.training import checkpoints
from pipeline.training.batches import Batch, class_weights, in_parts, moved, ready
from pipeline.training.judging import judged
from pipeline.training.learning import prior
from pipeline.training.loop import Loop, Schedule, Score
from pipeline.training.optimiser import new_optimiser
from pipeline.training.per_fold import is_kept


@dataclass(frozen=True)
class Training:
    """How a pre-trained network is learned: `digest` is the SHA-256 of the file of aligned faces, `scratch` the
    folder of the loops' states.
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

        A PipelineError says that the loss left the range of floats.
        """
        history = self._trained(train, val)
        kept = max(history, key=lambda row: (row["val_accuracy"], -row["val_loss"]))  # the first of equals
        self.chosen = int(kept["iteration"])
        return history

    def refit(self, data: FaceClips) -> None:
        """Train anew, on training and validation clips, for as many iterations as `fit` has kept."""
        once = self.training.params.model_copy(update={"iterations": self.chosen})
        self.training = replace(self.training, params=once)
        self._trained(data, replace(data, ids=[], labels=data.labels[:0]))

    def _trained(self, train: FaceClips, val: FaceClips) -> list[dict[str, float]]:
        """Train; without validation clips the last state is kept."""
        training, count = self.training, len(self.classes)
        torch.backends.cudnn.deterministic = True
        network = (training.network, training.params, train, count, training.runtime.device)
        self.network = clip_network.new_network(*network)
        key = training.key(train, val)
        state = training.scratch / f"{training.network.name}-{key[:16]}.pt"
        return self._loop(train, val).run(state, key, every_s=60 * training.runtime.checkpoint_minutes)

    def _loop(self, train: FaceClips, val: FaceClips) -> Loop:
        """Return the loop, whose rounds end at each look at validation; of equally good states the earlier is kept."""
        training, params, known = self.training, self.training.params, np.unique(train.labels)
        coming: list[Iterator[Batch]] = []
        device, classes = training.runtime.device, len(self.classes)
        weights = class_weights(torch.from_numpy(train.labels), classes) if params.balanced else None

        def of_round(number: int) -> Iterable[Batch]:
            done = number * params.judge_every
            if not coming:  # one thread for all iterations from here on
                made = ready(clip_network.batches(training.network, train, params, done), device)
                coming.append(progress(made, params.iterations - done, "training", "iteration"))
            return islice(coming[0], params.judge_every)

        def loss(batch: Batch) -> tuple[torch.Tensor, int]:
            logits, labels = self.logits(batch[0]), moved(batch[1], device)
            weighed = None if weights is None else weights.to(device)
            return nn.functional.cross_entropy(logits, labels, weighed), len(labels)

        def judge(number: int, total: float) -> tuple[dict[str, float], Score]:
            done = min((number + 1) * params.judge_every, params.iterations)
            seen = params.batch * (done - number * params.judge_every)
            row = {"iteration": done, "loss": round(total / seen, 6)}
            if not len(val):
                return row, ()
            val_loss, val_accuracy = judged(self.predict(val), val.labels, known)
            return {**row, "val_loss": val_loss, "val_accuracy": val_accuracy}, (val_accuracy, -val_loss)

        def diverged(done: int) -> PipelineError:
            why = f"the loss of iteration {done} is no number; lower learning_rate, or set max_gradient"
            return PipelineError(f"end_to_end.{training.network.name}: {why}")

        body, head = ({"params": part.parameters()} for part in (self.network.body, self.network.head))
        optimiser = new_optimiser(params, [body, {**head, "factor": params.new_rate}])
        rounds = math.ceil(params.iterations / params.judge_every)
        patience = math.inf if len(val) else None
        loop = Loop(self.network, optimiser, Schedule(params.rate), of_round, loss, judge, rounds, patience)
        loop.max_gradient, loop.diverged, loop.device = params.max_gradient, diverged, device
        loop.parts = partial(in_parts, at_once=params.at_once, weights=weights)
        loop.prior = prior(train.labels, val.labels, weights)
        return loop

    def logits(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return logits (B, C) on the device, in float32; with mixed precision the head alone is computed in it."""
        runtime = self.training.runtime
        with torch.autocast(runtime.device, dtype=torch.bfloat16, enabled=runtime.mixed_precision):
            layers = self.network.layers(moved(inputs, runtime.device))
        return self.network.judge(layers)

    @torch.inference_mode()
    def predict(self, data: Faces) -> np.ndarray:
        """Return posteriors, (N, C) float64."""
        self.network.eval()
        # one clip at a time: the neighbours in a batch would change the last bits
        inputs = ahead(clip_network.middle(self.training.network, data, [number]) for number in range(len(data)))
        rows = [torch.softmax(self.logits(one).double(), 1).cpu().numpy() for one in inputs]
        return np.concatenate([np.zeros((0, len(self.classes))), *rows])

    def save(self, path: Path) -> None:
        """Write the folder `path` with the weights, where they are to be kept."""
        if not is_kept(self.training.params.keep, path.name):
            return
        loaded, params = self.training.network.loaded(), self.training.params.model_dump(mode="json")
        config = {"network": loaded.config["network"], "classes": self.classes, "fold": path.name, "params": params}
        origin = f"{loaded.origin}; fine-tuned on training clips of {path.name}"
        save_weights(path, self.network.state_dict(), config, origin)

    def load(self, path: Path) -> None:
        """Read the folder that `save` wrote; a WeightsError says that it is absent, damaged, or of another network."""
        model, kept = self.training.network, load_weights(path)
        means, deviations = kept.state["means"], kept.state["deviations"]
        taking = [name for name in sorted(kept.state) if name.endswith(".weight_ih_l0")]  # less than ten layers
        scales = LayerScales(tuple(kept.state[n].shape[1] for n in taking) or (len(means),), means, deviations)
        network = clip_network.assembled(model, self.training.params, model.network(), scales, len(self.classes))
        self.network = load_state(network, kept, path)
