"""The per-clip job of the `extract` stages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pipeline.core import plugins
from pipeline.core.clip import Clip
from pipeline.core.clipcache import cache_key
from pipeline.core.code import code_digest
from pipeline.core.files import canonical_json
from pipeline.core.settings import parse
from pipeline.core.store import ClipFeatures, FeatureFile, FeatureMeta
from pipeline.media import read_sound
from pipeline.signal import SOUND_HZ


@dataclass(frozen=True)
class ExtractJob:
    """Compute one feature of one clip.

    Args:
        feature: plugin in pipeline/extractors
        params: its settings as a mapping
        source: corpus folder, or the feature file that the plugin's INPUT names
        weights: folder of the pre-trained network, or None
    """

    feature: str
    params: Mapping[str, Any]
    source: Path
    weights: Path | None = None

    @property
    def stage(self) -> str:
        """See `pipeline.engine.Job`."""
        return f"extract:{self.feature}"

    @property
    def version(self) -> str:
        """Digest of the extractor's code."""
        return code_digest(plugins.module_name("extractors", self.feature), "pipeline.media")

    def key(self, clip: Clip) -> str:
        """See `pipeline.engine.Job`."""
        sound = self._input == "sound"
        return cache_key(
            stage=self.stage,
            input=clip.input_digest if sound else self._features(clip).digest(),
            code=self.version,
            params=dict(self.params),
            weights=self._extractor.meta.weights,
        )

    def load(self, clip: Clip) -> Any:
        """See `pipeline.engine.Job`."""
        if self._input != "sound":
            return self._features(clip)
        return read_sound(self.source / clip.path, SOUND_HZ, clip.start, clip.end)

    def compute(self, clip: Clip, loaded: Any) -> tuple[ClipFeatures, list[str]]:  # noqa: ARG002
        """See `pipeline.engine.Job`."""
        return self._extractor(loaded), []

    def meta(self) -> FeatureMeta:
        """Return the attributes of the feature file; checks that the input file suits the weights."""
        if self._input != "sound" and hasattr(self._extractor, "check_input"):
            with FeatureFile(self.source) as file:
                self._extractor.check_input(file.meta)
        return FeatureMeta(**{**vars(self._extractor.meta), "version": self.version})

    def source_speakers(self) -> list[str]:
        """Return who the network behind this feature was trained on; empty without a network."""
        return list(getattr(self._extractor, "source_speakers", ()))

    @property
    def _input(self) -> str:
        return plugins.load("extractors", self.feature).INPUT

    @property
    def _extractor(self) -> Any:
        return _extractor(self.feature, canonical_json(dict(self.params)), self.weights)

    def _features(self, clip: Clip) -> ClipFeatures:
        with FeatureFile(self.source) as file:
            return file.read(clip.clip_id)


@cache
def _extractor(feature: str, params: str, weights: Path | None) -> Any:
    module = plugins.load("extractors", feature)
    return module.Extractor(module.Params.model_validate_json(params), weights)


def extractor_params(feature: str, data: Any, place: str) -> dict[str, Any]:
    """Return a feature's settings, checked, with the defaults filled in."""
    return parse(plugins.load("extractors", feature, place.removeprefix("params.yaml: ")).Params, data, place).model_dump()
