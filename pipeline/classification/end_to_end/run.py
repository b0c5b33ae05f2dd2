"""End-to-end training in every fold: a pre-trained network on sixteen aligned faces and what judges it, all weights
learned; Ouyang et al. 2017, section 6.2. The models are like those of `train`: posteriors, history, ledger.

Validation clips decide which iteration is kept; test clips are seen by the finished network only.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pipeline.classification.cross_validation import cross_validate
from pipeline.classification.end_to_end.loop import EndToEnd, Training
from pipeline.classification.end_to_end.network import FaceClips
from pipeline.classification.end_to_end.settings import EndToEndParams
from pipeline.classification.model_spec import joined
from pipeline.core.clip import Clip
from pipeline.core.files import file_digest
from pipeline.core.ledger import Entry
from pipeline.core.settings import Runtime
from pipeline.core.store import FeatureFile
from pipeline.features.aligned.job import ClipFeatureJob, ClipModel
from pipeline.protocols.splits import Fold
from pipeline.training.per_fold import check_keep
from pipeline.training.task import check_device


@dataclass(frozen=True)
class EndToEndRecipe:
    """One plugin of pipeline/features/aligned/networks, learned end to end on a feature file of aligned faces; the
    methods are those of `pipeline.classification.model_spec.Recipe`.
    """

    training: Training
    source: Path

    @classmethod
    def of(
        cls, network: str, params: EndToEndParams, source: Path, weights: Path, scratch: Path, runtime: Runtime
    ) -> EndToEndRecipe:
        """Return the recipe of a plugin, its settings checked; an ArtifactError says that there is no source."""
        with FeatureFile(source):
            digest = file_digest(source)
        model = ClipModel.of(network, params.settings, weights, f"end_to_end.{network}")
        return cls(Training(model, params, digest, scratch, runtime), source)

    @property
    def name(self) -> str:
        """Return the model's name in every table, such as `vggface-end_to_end`."""
        return f"{self.training.network.name}-end_to_end"

    @property
    def weights(self) -> Path:
        return self.training.network.weights

    @property
    def params(self) -> EndToEndParams:
        return self.training.params

    def having(self, params: EndToEndParams) -> EndToEndRecipe:
        return replace(self, training=replace(self.training, params=params))

    def workers(self, wanted: int) -> int:
        # on a GPU several would only take turns and share its memory
        return 1 if self.training.runtime.device == "cuda" else wanted

    def about(self) -> dict[str, Any]:
        with FeatureFile(self.source) as file:
            faces = file.meta
        network = self.training.network
        loaded, seen = network.loaded(), ClipFeatureJob(self.name, network, 1, self.source).meta()
        origin = f"{loaded.origin}; fine-tuned in each fold on its training clips"
        rests = [(faces.feature, faces.weights, faces.origin), (network.name, loaded.sha256, origin)]
        params = self.training.params.model_dump(mode="json")
        head = {"feature": self.name, "dimension": seen.dimension}
        return {**head, **joined(rests), "learned": list(loaded.told["learned"]), "params": params}

    def material(self, clips: Sequence[Clip], classes: Sequence[str], folder: Path) -> FaceClips:  # noqa: ARG002
        # pictures, of which an iteration takes a few, are read when it asks for them
        return FaceClips.of(self.source, clips, classes)

    def model(self, classes: Sequence[str]) -> EndToEnd:
        return EndToEnd(self.training, classes)


def train_end_to_end(
    recipe: EndToEndRecipe, clips: Sequence[Clip], folds: Mapping[str, Fold], upstream: Sequence[Entry], out: Path
) -> str:
    """Train and test in every fold, write what came of it, and return one line; see `cross_validate`.

    A SettingsError says that there is no GPU where one is asked for, or no fold whose weights are to be kept.
    """
    training = recipe.training
    check_device(training.runtime.device)
    check_keep(training.params.keep, folds, f"end_to_end.{training.network.name}")
    line = cross_validate(recipe.name, recipe, clips, folds, upstream, out, training.runtime.workers)
    shutil.rmtree(training.scratch, ignore_errors=True)  # it is not there where the disk refused every state
    return line
