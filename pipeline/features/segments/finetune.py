"""Fine-tuning of a pre-trained network on each fold's training clips, Zhang et al. 2017, section III.B.1, eq. (2), (3).

The last layer is new, all weights are learned, and every segment carries the emotion of its clip. Validation clips
decide when to stop; test clips are seen by the finished network only.
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
from pipeline.protocols.splits import Fold
from pipeline.training import checkpoints
from pipeline.training.fitting import fit
from pipeline.training.per_fold import FEATURES, Keep, is_kept
from pipeline.training.task import Examples, LoopParams, Run, Task


@dataclass(frozen=True)
class Tuning:
    """How a network is tuned, and the folds whose weights are kept."""

    loop: LoopParams
    keep: Keep = ()


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
            loop=self.tuning.loop.model_dump(),
            data=self.store.sha256,
            fold=labelled(fold, self.clips),
            run={"device": self.runtime.device, "mixed_precision": self.runtime.mixed_precision, "kept": kept},
        )

    def learn(self, name: str, fold: Fold, folder: Path) -> list[dict[str, Any]]:
        classes = class_names(self.clips)
        torch.manual_seed(self.tuning.loop.seed)
        network = self.model.network(len(classes))
        parts = {part: self._examples(fold, part, classes) for part in ("train", "val")}
        checkpoint = self.checkpoints / f"{self.meta.feature}-{self.key(name, fold)[:16]}.pt"
        prepare = self.model.plugin.prepare
        examples = parts["train"], parts["val"]
        last = self.model.plugin.LAST
        task = Task(network, *examples, lambda inputs, _: prepare(inputs), self.model.code, {"fold": name}, new=last)
        run = Run(self.runtime.device, self.runtime.mixed_precision, checkpoint)
        state, history = fit(task, self.tuning.loop, run)
        if is_kept(self.tuning.keep, name):
            config = {"network": dict(self.model.loaded().config["network"]), "classes": classes, "fold": name}
            save_weights(folder, state, config, self.meta.origin)
        network.eval()
        self._write(network, folder)
        checkpoints.delete(checkpoint)
        return [dict(row) for row in history]

    def _write(self, network: nn.Module, folder: Path) -> None:
        # all is computed before the first clip is written: the many small allocations of HDF5 between the large ones of
        # a network tear the heap to pieces; done clip by clip, memory grew by 10 MB with each
        clips = self.store.clips
        scratch, shape = folder / "fc7.raw", (sum(len(clip.rows) for clip in clips.values()), self.meta.dimension)
        values = np.memmap(scratch, np.float32, "w+", shape=shape)
        for clip_id, clip in clips.items():
            ready = batches(self.model, self.store.windows(clip_id))
            for row, found in zip(clip.rows, fc7(network, ready, self.runtime.device), strict=True):
                values[row] = found
        with feature_file(folder / FEATURES, self.meta) as file:
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


def tuned_meta(feature: str, model: Model, dimension: int, loop: LoopParams) -> FeatureMeta:
    """Return the attributes of a fine-tuned feature: the settings of the tuning are among its own."""
    origin = f"{model.loaded().origin}; fine-tuned in each fold on its training clips"
    meta = model.meta(feature, dimension, code_digest(model.code, "pipeline.features.segments.finetune"), origin)
    return replace(meta, params={**meta.params, "tune": loop.model_dump()})
