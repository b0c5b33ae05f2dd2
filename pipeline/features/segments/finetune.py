"""Fine-tuning of a pre-trained network on each fold's training clips, Zhang et al. 2017, section III.B.1, eq. (2), (3).

The last layer is new, all weights are learned, and every segment carries the emotion of its clip. Validation clips
decide when to stop, or where a fold has none every 8th training window; test clips are seen by the finished network
only.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from pipeline.core.clip import Clip, class_names
from pipeline.core.settings import Runtime
from pipeline.core.store import FeatureMeta
from pipeline.core.store_writer import feature_file, write_clip
from pipeline.core.weights_file import save_weights
from pipeline.engine.clip_cache import cache_key
from pipeline.engine.code_digest import code_digest
from pipeline.features.fold_run import labelled
from pipeline.features.observed import spread
from pipeline.features.segments.job import Model, batches, fc7
from pipeline.features.segments.window_store import Rows, SegmentStore
from pipeline.protocols.refit import refit_of
from pipeline.protocols.splits import Fold
from pipeline.training import checkpoints
from pipeline.training.fitting import fit, kept_epochs
from pipeline.training.held_out_windows import kept_and_held_out, on_windows
from pipeline.training.loop import copied
from pipeline.training.per_fold import FEATURES, REFIT_FEATURES, Keep, is_kept
from pipeline.training.place import Place
from pipeline.training.task import Examples, History, LoopParams, Run, Task


@dataclass(frozen=True)
class Tuning:
    """How a network is tuned, the folds whose weights are kept, and whether it is tuned anew with validation clips."""

    loop: LoopParams
    keep: Keep = ()
    refit: bool = False


@dataclass(frozen=True)
class TuneJob:
    """One pre-trained network, fine-tuned in every fold; see `pipeline.training.per_fold.FoldJob`.

    `store` holds the windows of all clips, and the folder `checkpoints` the training loops' states.
    """

    meta: FeatureMeta
    model: Model
    tuning: Tuning
    store: SegmentStore
    clips: Sequence[Clip]
    runtime: Runtime
    checkpoints: Path

    def key(self, name: str, fold: Fold) -> str:
        kept = is_kept(self.tuning.keep, name)
        return cache_key(
            code=self.meta.version,
            model=self.model.settings,
            weights=self.meta.weights,
            loop=[self.tuning.loop.model_dump(), self.tuning.refit],
            data=self.store.sha256,
            fold=labelled(fold, self.clips),
            run={"device": self.runtime.device, "mixed_precision": self.runtime.mixed_precision, "kept": kept},
        )

    def learn(self, name: str, fold: Fold, folder: Path) -> list[dict[str, Any]]:
        classes = class_names(self.clips)
        train, val = self._examples(fold, "train", classes), self._examples(fold, "val", classes)
        both = self._examples(refit_of(name, fold)[1], "train", classes)
        if on_windows(fold):
            train, val = (_some(train, rows) for rows in kept_and_held_out(len(train.labels)))
        checkpoint = self.checkpoints / f"{self.meta.feature}-{self.key(name, fold)[:16]}.pt"
        loop, states = self.tuning.loop, [checkpoint]
        network, history = self._tuned(train, val, loop, name, len(classes), checkpoint)
        self._write(network, folder / FEATURES)
        if self.tuning.refit and loop.epochs:
            states.append(checkpoint.with_suffix(".refit.pt"))
            loop = loop.model_copy(update={"epochs": kept_epochs(history)})
            network, _ = self._tuned(both, _some(both, np.arange(0)), loop, name, len(classes), states[-1])
        if self.tuning.refit:
            self._write(network, folder / REFIT_FEATURES)
        if is_kept(self.tuning.keep, name):
            config = {"network": dict(self.model.loaded().config["network"]), "classes": classes, "fold": name}
            save_weights(folder, copied(network), config, self.meta.origin)
        for state in states:
            checkpoints.delete(state)
        return [dict(row) for row in history]

    def _tuned(
        self, train: Examples, val: Examples, loop: LoopParams, name: str, classes: int, checkpoint: Path
    ) -> tuple[nn.Module, History]:
        """Return the network, tuned and in evaluation mode, and the history."""
        torch.manual_seed(loop.seed)
        network, prepare = self.model.network(classes), self.model.plugin.prepare
        if hasattr(network, "fit_inputs"):
            rows = torch.arange(len(train.labels)).split(loop.batch)
            network.fit_inputs(prepare(train.inputs[part]) for part in rows if len(part))  # type: ignore[operator]
        about = {"fold": name}
        new = self.model.plugin.LAST
        task = Task(network, train, val, lambda inputs, _: prepare(inputs), self.model.code, about, new=new)
        every_s = 60 * self.runtime.checkpoint_minutes
        run = Run(self.runtime.device, self.runtime.mixed_precision, checkpoint, checkpoint_s=every_s)
        _, history = fit(task, loop, run)
        return network.eval(), history

    def _write(self, network: nn.Module, path: Path) -> None:
        # all is computed before the first clip is written: the many small allocations of HDF5 between the large ones of
        # a network tear the heap to pieces; done clip by clip, memory grew by 10 MB with each
        clips = self.store.clips
        scratch, shape = (
            path.with_name("fc7.raw"),
            (sum(len(clip.rows) for clip in clips.values()), self.meta.dimension),
        )
        values = np.memmap(scratch, np.float32, "w+", shape=shape)
        held = Place.of(self.runtime).holding(network)
        for clip_id, clip in clips.items():
            ready = batches(self.model, self.store.windows(clip_id))
            for row, found in zip(clip.rows, fc7(held, ready), strict=True):
                values[row] = found
        with feature_file(path, self.meta) as file:
            for clip_id, clip in sorted(clips.items()):
                rows = (values[row] for row in clip.rows)
                write_clip(file.new(clip_id), spread(rows, clip.times, clip.mask, np.float32), self.meta)
        scratch.unlink()

    def _examples(self, fold: Fold, part: str, classes: Sequence[str]) -> Examples:
        rows, labels = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
        for clip in self.clips:
            if fold.get(clip.clip_id) == part and clip.clip_id in self.store.clips:
                found = self.store.clips[clip.clip_id].rows
                rows.append(found)
                labels.append(np.full(len(found), classes.index(clip.emotion)))
        return Examples(Rows(self.store, np.concatenate(rows)), torch.from_numpy(np.concatenate(labels)))


def _some(examples: Examples, rows: np.ndarray) -> Examples:
    assert isinstance(examples.inputs, Rows)
    return Examples(Rows(examples.inputs.store, examples.inputs.rows[rows]), examples.labels[torch.from_numpy(rows)])


def tuned_meta(feature: str, model: Model, dimension: int, tuning: Tuning) -> FeatureMeta:
    """Return the attributes of a fine-tuned feature: the settings of the tuning are among its own."""
    loop = tuning.loop
    on = "training and validation clips" if tuning.refit else "training clips"
    origin = f"{model.loaded().origin}; fine-tuned in each fold on its {on}"
    meta = model.meta(feature, dimension, code_digest(model.code, "pipeline.features.segments.finetune"), origin)
    return replace(meta, params={**meta.params, "tune": loop.model_dump(), **({"refit": True} if tuning.refit else {})})
