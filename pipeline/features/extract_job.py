"""The per-clip job of the `extract` stages."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any, Self

from pipeline.audio.spectral import AUDIO_HZ
from pipeline.core import plugins
from pipeline.core.clip import Clip
from pipeline.core.files import canonical_json
from pipeline.core.settings import parse
from pipeline.core.store import ClipFeatures, FeatureMeta, opened
from pipeline.core.weights_file import CONFIG, FILE
from pipeline.engine.code_digest import code_digest
from pipeline.media.audio_blocks import Audio
from pipeline.media.decode import read_audio_blocks
from pipeline.media.remark import degraded_by
from pipeline.training.place import CPU, Place


@dataclass(frozen=True)
class ExtractJob:
    """One plugin of pipeline/features/extractors on one clip; see `pipeline.engine.run.Job`.

    `extractor` is the plugin, where it has not the feature's name. `source` is the corpus folder, or the feature file
    that the plugin's INPUT names; `weights` the folder of the pre-trained network, or None.
    """

    feature: str
    params: Mapping[str, Any]
    source: Path
    weights: Path | None = None
    place: Place = CPU
    extractor: str = ""

    @classmethod
    def of(
        cls,
        feature: str,
        block: Any,
        key: str,
        source: Path,
        weights: Path | None,
        place: Place = CPU,
    ) -> Self:
        """Return the job for a corpus folder or a feature file by the block of params.yaml at a key; a network is
        applied in its place.
        """
        torch = weights is not None and any((weights / name).is_file() for name in (FILE, CONFIG))
        place = place if torch else CPU  # dlib has no other
        extractor, own = plugins.chosen(feature, block)
        params = extractor_params(extractor, own, f"params.yaml: {key}")
        return cls(feature, params, source, weights, place, extractor)

    @property
    def stage(self) -> str:
        return f"extract:{self.feature}"

    @property
    def version(self) -> str:
        return code_digest(plugins.module_name("extractors", self._name), "pipeline.media.decode")

    def parts(self, clip: Clip) -> dict[str, Any]:
        sound = self._plugin.INPUT == "sound"
        return {
            "stage": self.stage,
            "input": clip.input_digest if sound else opened(self.source).digest(clip.clip_id, self._arrays),
            "code": self.version,
            "params": dict(self.params),
            "weights": self._extractor.meta.weights,
            **self.place.parts,
        }

    def load(self, clip: Clip) -> Any:
        """See `pipeline.engine.run.Job`; of sound, with what the extractor makes of it, which may have begun."""
        if self._plugin.INPUT == "sound":
            damage: list[str] = []
            read = partial(read_audio_blocks, clip.file(self.source), AUDIO_HZ, clip.start, clip.end, damage)
            sound = Audio(read, damage)
            return sound, self._extractor(sound)
        further = set(self._arrays) - {"values", "times", "mask"} if self._arrays else None
        return opened(self.source).rows(clip.clip_id, further)

    def compute(self, clip: Clip, loaded: Any, notes: list[str]) -> Iterator[ClipFeatures]:  # noqa: ARG002
        if self._plugin.INPUT == "sound":
            sound, blocks = loaded
            yield from blocks
            notes += degraded_by(sound.damage)
        else:
            yield from self._extractor(loaded)

    def meta(self) -> FeatureMeta:
        """Return the attributes of the feature file; checks that the input file suits the weights."""
        if self._plugin.INPUT != "sound" and hasattr(self._extractor, "check_input"):
            self._extractor.check_input(opened(self.source).meta)
        return FeatureMeta(**{**vars(self._extractor.meta), "feature": self.feature, "version": self.version})

    def source_speakers(self) -> list[str]:
        """Return who the network behind this feature was trained on; empty without a network."""
        return list(getattr(self._extractor, "source_speakers", ()))

    def source_files(self) -> list[str]:
        """Return the files that the network behind this feature was trained on, as `check_disjoint_files` takes them;
        empty where its source task does not record them.
        """
        return list(getattr(self._extractor, "source_files", ()))

    @property
    def _plugin(self) -> Any:
        return plugins.load("extractors", self._name)

    @property
    def _name(self) -> str:
        return self.extractor or self.feature

    @property
    def _arrays(self) -> tuple[str, ...]:
        return getattr(self._plugin, "ARRAYS", ())

    @property
    def _extractor(self) -> Any:
        return _extractor(self._name, canonical_json(dict(self.params)), self.weights, self.place)


@cache
def _extractor(name: str, params: str, weights: Path | None, place: Place) -> Any:
    module = plugins.load("extractors", name)
    made = module.Extractor(module.Params.model_validate_json(params), weights)
    if place != CPU:
        made.network = place.holding(made.network)
    return made


def extractor_params(name: str, data: Any, place: str) -> dict[str, Any]:
    """Return an extractor's settings, checked, with the defaults filled in."""
    plugin = plugins.load("extractors", name, place.removeprefix("params.yaml: "))
    return parse(plugin.Params, data, place).model_dump()
